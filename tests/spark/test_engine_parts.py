"""The parts of the Spark engine one by one: tables of Python models, raw tables, what a killed build leaves."""

from __future__ import annotations

import duckdb
import polars as pl
import pytest

from orchestration.engines.base import EngineError
from orchestration.engines.spark import catalog, kept
from orchestration.engines.spark.connection import SparkConnection
from orchestration.engines.spark.kept import KeptTables
from orchestration.engines.spark.location import Location

SCHEMAS = {"parts_test.things": {"name": "STRING", "at": "TIMESTAMP", "amount": "DOUBLE"}}


@pytest.fixture
def location(tmp_path):
    return Location(str(tmp_path / "storage"), tmp_path)


@pytest.fixture
def tables(spark, location):
    spark.sql("CREATE SCHEMA IF NOT EXISTS parts_test")
    yield KeptTables(spark, location, SCHEMAS)
    spark.sql("DROP SCHEMA parts_test CASCADE")


@pytest.fixture
def control():
    with duckdb.connect() as con:
        yield con


def names(spark) -> list[str]:
    return sorted(row[0] for row in SparkConnection(spark).execute("SELECT name FROM parts_test.things").fetchall())


def frame(tables: KeptTables, *rows: str):
    """Rows of things; without any, a frame of the right columns."""
    data = pl.DataFrame(
        {"name": list(rows), "at": [None] * len(rows), "amount": [1.5] * len(rows)},
        schema={"name": pl.String, "at": pl.Datetime("us"), "amount": pl.Float64},
    )
    return tables.frame("parts_test.things", data)


def test_a_table_is_empty_before_its_first_rows(spark, tables, control):
    tables.restore(control)
    assert names(spark) == []
    types = [kind for _, kind in SparkConnection(spark).execute("SELECT * FROM parts_test.things").description]
    assert types == ["string", "timestamp", "double"]


def test_rows_come_and_are_replaced(spark, tables, control):
    tables.restore(control)
    tables.show(tables.keep(control, {}, {"parts_test.things": frame(tables, "a", "b")}))
    tables.show(tables.keep(control, {}, {"parts_test.things": frame(tables, "c")}))
    assert names(spark) == ["a", "b", "c"]
    written = tables.keep(control, {"parts_test.things": frame(tables, "d")}, {})
    assert written["parts_test.things"].rows == 1
    assert names(spark) == ["a", "b", "c"]  # until it is shown
    tables.show(written)
    assert names(spark) == ["d"]


def test_no_rows_add_no_folder(tables, control, location):
    tables.restore(control)
    tables.show(tables.keep(control, {}, {"parts_test.things": frame(tables, "a")}))
    assert tables.keep(control, {}, {"parts_test.things": frame(tables)})["parts_test.things"].rows == 0
    assert len(location.folders("kept/parts_test/things")) == 1


def test_killed_before_the_commit_nothing_has_happened(spark, tables, control, location):
    tables.restore(control)
    tables.show(tables.keep(control, {}, {"parts_test.things": frame(tables, "a")}))
    before = control.execute("SELECT * FROM meta.kept_parts").fetchall()
    tables.keep(control, {"parts_test.things": frame(tables, "never")}, {})
    # What a new process finds: the facts of the last commit, and a folder more than they name.
    with duckdb.connect() as again:
        again.execute("CREATE SCHEMA meta")
        again.execute('CREATE TABLE meta.kept_parts ("table" VARCHAR, position INTEGER, folder VARCHAR)')
        again.executemany("INSERT INTO meta.kept_parts VALUES (?, ?, ?)", before)
        assert len(location.folders("kept/parts_test/things")) == 2
        tables.restore(again)
    assert names(spark) == ["a"]
    assert [f"kept/parts_test/things/{folder.rsplit('/', 1)[1]}" for _, _, folder in before] == location.folders(
        "kept/parts_test/things"
    )


def test_killed_before_the_views_follow_the_next_run_points_them(spark, tables, control):
    tables.restore(control)
    tables.show(tables.keep(control, {}, {"parts_test.things": frame(tables, "a")}))
    tables.keep(control, {"parts_test.things": frame(tables, "b")}, {})
    assert names(spark) == ["a"]
    tables.restore(control)
    assert names(spark) == ["b"]


def test_many_parts_become_one(spark, tables, control, location, monkeypatch):
    monkeypatch.setattr(kept, "MOST_PARTS", 3)
    tables.restore(control)
    for name in "abcde":
        tables.show(tables.keep(control, {}, {"parts_test.things": frame(tables, name)}))
    assert names(spark) == list("abcde")
    tables.restore(control)
    assert len(location.folders("kept/parts_test/things")) <= 3
    assert names(spark) == list("abcde")


def test_raw_tables_grow_with_their_files(spark, location, tmp_path):
    folder = tmp_path / "storage" / "raw" / "growing" / "orders"
    folder.mkdir(parents=True)
    technical = {"_batch_id": "b", "_load_id": "l", "_row": 1, "_rejected": None, "_raw_line": None}
    strings = {"_rejected": pl.String, "_raw_line": pl.String}
    pl.DataFrame({"No": "1", **technical}, schema_overrides=strings).write_parquet(folder / "one.parquet")
    spark.sql("CREATE SCHEMA raw_growing")
    try:
        catalog.register_raw(spark, location, ("growing", "orders"), ["No"])
        assert SparkConnection(spark).execute("SELECT `No`, _row FROM raw_growing.orders").fetchall() == [("1", 1)]
        later = pl.DataFrame({"No": "2", "total; €": "9.50", **technical}, schema_overrides=strings)
        later.write_parquet(folder / "two.parquet")
        catalog.register_raw(spark, location, ("growing", "orders"), ["No", "total; €"])
        rows = SparkConnection(spark).execute("SELECT `No`, `total; €` FROM raw_growing.orders ORDER BY 1").fetchall()
        assert rows == [("1", None), ("2", "9.50")]
        pl.DataFrame({"No": "3", **technical}, schema_overrides=strings).write_parquet(folder / "three.parquet")
        catalog.register_raw(spark, location, ("growing", "orders"), ["No", "total; €"])
        assert SparkConnection(spark).execute("SELECT count(*) FROM raw_growing.orders").fetchall() == [(3,)]
    finally:
        spark.sql("DROP SCHEMA raw_growing CASCADE")


def test_what_a_killed_build_left_is_swept_and_nothing_else(spark, tmp_path):
    """Spark refuses to make a table where a folder is; what the catalogue knows stays."""
    location = Location(str(tmp_path / "swept"), tmp_path)
    marts = tmp_path / "swept" / "warehouse" / "marts.db"
    catalog.make_schemas(spark, location, [])
    try:
        spark.sql(f"CREATE TABLE marts.whole USING parquet {catalog.OWNED} AS SELECT 1 AS x")
        (marts / "half" / "_temporary").mkdir(parents=True)
        (marts / "whole" / ".spark-staging-1").mkdir()
        assert sorted(catalog.sweep_folders(spark, location)) == [
            "warehouse/marts.db/half",
            "warehouse/marts.db/whole/.spark-staging-1",
        ]
        spark.sql("CREATE TABLE marts.half USING parquet AS SELECT 2 AS x")
        assert SparkConnection(spark).execute("SELECT x FROM marts.whole").fetchall() == [(1,)]
        with pytest.raises(EngineError, match=r"marts\.half: the catalogue has a table that Regulars did not write"):
            catalog.refuse_foreign_tables(spark, set())
        assert catalog.refuse_foreign_tables(spark, {"marts.half"}) == {"marts.half", "marts.whole"}
        catalog.refuse_lost_catalog(location, {"marts.whole", "marts.gone"}, {"marts.whole"})
        with pytest.raises(EngineError, match=r"knows none of the 2 tables .* it is lost"):
            catalog.refuse_lost_catalog(location, {"marts.whole", "marts.gone"}, set())
    finally:
        for schema in catalog.SCHEMAS:
            spark.sql(f"DROP SCHEMA {schema} CASCADE")


def test_control_copies_have_the_types_that_dbt_expects(spark, control):
    control.execute("CREATE SCHEMA ledger")
    control.execute("CREATE SCHEMA meta")
    for table in ("ledger.batches", "ledger.loads", "meta.run_context", "meta.gate_passes"):
        control.execute(f"CREATE TABLE {table} (load_id VARCHAR, rows BIGINT, seen_at TIMESTAMP)")
    control.execute("INSERT INTO ledger.batches VALUES ('l', 2, TIMESTAMP '2026-03-29 01:30:00.123456')")
    for schema in ("ledger", "meta"):
        spark.sql(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    try:
        catalog.copy_control(spark, control)
        answer = SparkConnection(spark).execute("SELECT * FROM ledger.batches")
        assert [kind for _, kind in answer.description] == ["string", "bigint", "timestamp"]
        [(load, rows, at)] = answer.fetchall()
        assert (load, rows, at.isoformat()) == ("l", 2, "2026-03-29T01:30:00.123456")
        assert SparkConnection(spark).execute("SELECT * FROM meta.gate_passes").fetchall() == []
    finally:
        for schema in ("ledger", "meta"):
            spark.sql(f"DROP SCHEMA {schema} CASCADE")
