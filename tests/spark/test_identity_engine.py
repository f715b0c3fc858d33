"""Who is who through the Spark engine: on the driver, on the cluster, and where even names do not fit the driver."""

from __future__ import annotations

import datetime as dt
import re
from random import Random

import polars as pl
import pytest
from engine_runs import MOMENT, ROOT, company_on_spark
from polars.testing import assert_frame_equal

from orchestration.company import load_company
from orchestration.decisions import Decision, keep
from orchestration.engines.kept import KEPT_TABLES
from orchestration.engines.spark.catalog import typed_frame
from orchestration.engines.spark.connection import polars_of
from orchestration.engines.spark.engine import SparkEngine
from orchestration.engines.spark.kept import KeptTables
from orchestration.home import Home
from orchestration.run import Run

TABLES = {table: columns for table, columns in KEPT_TABLES.items() if table.startswith("identity.")}
PROFILE = ("first_name", "last_name", "full_name", "birth_date", "street", "postal_code", "city", "country_code")
KEY = ["source", "source_record_id"]
PEOPLE = 30


def identifiers() -> pl.DataFrame:
    """Two shops know each of the people, by one e-mail address in two of three cases; the till knows a card only."""
    rows = []
    for person in range(PEOPLE):
        rows.append(("shop", f"s{person:02}", "email", f"p{person}@example.com"))
        rows.append(("mail", f"m{person:02}", "email", f"p{person}@example.{'com' if person % 3 else 'org'}"))
        rows.append(("till", f"t{person:02}", "loyalty_card", f"card {person // 2}"))
    return pl.DataFrame(rows, schema=[*KEY, "kind", "value"], orient="row")


def profiles() -> pl.DataFrame:
    """What both shops say of people; the till says nothing."""
    draw = Random(3)
    first, last = (
        ["Anna", "Bruno", "Clara", "Dorit", "Emil"],
        ["Quitte", "Holunder", "Berberitze", "Sanddorn", "Schlehe"],
    )
    rows = []
    for person in range(PEOPLE):
        born = f"19{draw.randint(50, 99)}-0{draw.randint(1, 9)}-1{draw.randint(0, 9)}"
        said = (
            first[person % 5],
            last[person // 5 % 5],
            None,
            born,
            f"Gasse {person}",
            f"101{person:02}",
            "Berlin",
            "DE",
        )
        for source, record in (("shop", f"s{person:02}"), ("mail", f"m{person:02}")):
            rows.append((source, record, *said, f"p{person}@example.com" if source == "shop" else None, None, None))
    schema = dict.fromkeys([*KEY, *PROFILE, "email", "phone", "company_name"], pl.String)
    return pl.DataFrame(rows, schema=schema, orient="row")


def earlier() -> dict[str, pl.DataFrame]:
    """Two customers that now share an address, and an old id of one of them."""
    ids = {("shop", "s01"): "c_one", ("mail", "m01"): "c_two", ("shop", "gone"): "c_gone"}
    since = dt.datetime(2026, 1, 1)  # noqa: DTZ001 - as the warehouse holds it
    records = [(*key, customer, "single", 1.0, "first seen", since) for key, customer in ids.items()]
    return {
        "identity.customer_records": pl.DataFrame(
            records, schema=list(TABLES["identity.customer_records"]), orient="row"
        ),
        "identity.customer_id_aliases": pl.DataFrame(
            [("c_old", "c_two", since)], schema=list(TABLES["identity.customer_id_aliases"]), orient="row"
        ),
    }


@pytest.fixture
def run(spark, tmp_path):
    text = (ROOT / "tests" / "plain_bakehouse" / "company.yaml").read_text(encoding="utf-8")
    # Without its section on identity, as a company that says nothing.
    (tmp_path / "company.yaml").write_text(re.sub(r"(?m)^identity:\n(?: .*\n)+", "", text), encoding="utf-8")
    company = load_company(company_on_spark(tmp_path / "company.yaml", "spark.yaml"))
    run = Run(company, Home(tmp_path / "home"), started_at=MOMENT)
    engine = run.engine
    assert isinstance(engine, SparkEngine)
    engine._session = spark
    engine.__dict__["_kept"] = KeptTables(spark, engine.location, TABLES)
    schemas = ("identity", "intermediate", "reference")
    for schema in schemas:
        spark.sql(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    seeds = {"familiar_names": ["name", "familiar_form"], "free_mailbox_domains": ["domain"]}
    inputs = {
        "intermediate.int_identity__identifiers": identifiers(),
        "intermediate.int_identity__profiles": profiles(),
        **{
            f"reference.{name}": pl.DataFrame(schema=dict.fromkeys(columns, pl.String))
            for name, columns in seeds.items()
        },
        "reference.legal_forms": pl.DataFrame({"words": ["gmbh"], "place": ["end"]}),
    }
    for name, data in inputs.items():
        typed_frame(spark, data.to_arrow(), dict.fromkeys(data.columns, "STRING")).write.saveAsTable(name)
    with engine.control() as con:
        engine._kept.restore(con)
    engine.keep(replace=earlier())
    yield run
    for schema in schemas:
        spark.sql(f"DROP SCHEMA {schema} CASCADE")


def found_by(run: Run, most: int):
    """What is found where one machine takes so many rows; every table collected and sorted."""
    engine = run.engine
    engine.__dict__["_settings"] = run.company.spark_for_use().model_copy(update={"max_frame_rows": most})
    found = engine.resolve_identity(run, lambda _: None)
    tables = {}
    for table, rows in {**found.tables, **found.added}.items():
        told = rows if isinstance(rows, pl.DataFrame) else polars_of(rows)
        keys = [name for name in told.columns if told.schema[name] == pl.String]
        tables[table] = told.sort(keys, nulls_last=True)
    return found, tables


def test_the_cluster_finds_what_the_driver_finds_and_all_of_it_is_kept(run):
    keep(run.home, Decision("split", (("shop", "s02"),), (("mail", "m02"),), "two sisters", "anna"))
    here, tables = found_by(run, 1000)
    assert run.problems == []
    there, told = found_by(run, 70)  # 90 identifiers do not fit, 60 profiles do
    assert not isinstance(there.result.records, pl.DataFrame)
    assert told.keys() == tables.keys() == TABLES.keys()
    for table, rows in tables.items():
        assert_frame_equal(told[table], rows, check_exact=table != "identity.match_weights")
    assert there.rows_in == here.rows_in == 3 * PEOPLE
    assert there.result.report.counts() == here.result.report.counts()
    assert set(tables["identity.record_links"]["method"]) == {"exact", "probabilistic"}
    assert tables["identity.customer_id_aliases"].select("old_customer_id", "customer_id").rows() == [
        ("c_old", "c_one"),
        ("c_two", "c_one"),
    ]
    assert tables["identity.customer_groups"].height > 0
    assert tables["identity.decisions"]["status"].to_list() == ["applied"]
    run.engine.keep(replace=there.tables, append=there.added)
    for table, rows in tables.items():
        kept = polars_of(run.engine.session.table(table))
        assert kept.columns == list(TABLES[table])
        assert kept.height == rows.height, table


def test_where_names_do_not_fit_the_run_goes_on_without_and_says_so(run):
    keep(run.home, Decision("merge", (("till", "t00"),), (("shop", "s00"),), "showed the card", "anna"))
    found, tables = found_by(run, 50)
    [problem] = run.problems
    assert problem.what.startswith("60 records say who somebody is, and warehouse.spark.max_frame_rows allows 50")
    assert problem.todo.startswith("Raise warehouse.spark.max_frame_rows")
    assert set(tables["identity.record_links"]["method"]) == {"exact", "steward"}
    assert tables["identity.customer_groups"].height == 0
    # Of 90 records 20 pairs share an address, 15 a card, and one pair is merged.
    assert found.result.report.counts()["customers"] == 90 - 20 - 15 - 1
