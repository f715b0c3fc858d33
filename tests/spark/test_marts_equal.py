"""Every table of the project on Spark and on DuckDB, from the same inputs: a run of the demo company.

Spark stages in two loads, so that the growing tables are the ones an incremental run leaves; DuckDB did it in one.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import engine_runs
import pytest
from side_by_side import Sides, built_tables

from benchmarks.equality import report
from orchestration.dbt import PHASES, DbtError


@pytest.fixture(scope="module")
def sides(spark: Any, bakehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sides]:
    """All tables built on Spark, staging in two loads."""
    folder = tmp_path_factory.mktemp("sides")
    ended = engine_runs.run(bakehouse / "company.yaml", folder / "home")
    assert ended.code == 0, ended.text
    both = Sides(spark, folder, bakehouse / "company.yaml", folder / "home" / "warehouse.duckdb")
    both.copy_inputs(first_half=True)
    both.build("tag:phase_staging", tests=False)
    # DuckDB's log of quarantine saw one load: what came and went between two is a test of its own.
    both.spark.sql("DROP TABLE quality.quarantine_log")
    both.staged_first = spark.table("staging.stg_all__orders").count()  # type: ignore[attr-defined]
    both.copy_inputs()
    # What data tests say of DuckDB's tables holds for equal ones; whole runs on Spark (slow) run them there too.
    for phase in PHASES:
        both.build(f"tag:{phase}", tests=False)
    yield both
    both.drop()


def test_every_table_is_the_same(sides: Sides) -> None:
    found = report(sides.compare(*built_tables(sides.dbt.manifest())))
    assert found["unequal"] == []
    assert found["tables"] >= 60
    assert found["rows"] > 50_000
    assert found["differences"] == 0


def test_the_second_load_added_to_what_the_first_had_staged(sides: Sides) -> None:
    rows = sides.spark.table("staging.stg_all__orders").count()
    assert 0 < sides.staged_first < rows  # type: ignore[attr-defined]
    assert sides.spark.sql("SELECT 1 FROM staging.stg_all__orders WHERE record_bucket > 3").count() == 0
    assert sides.spark.sql("SELECT DISTINCT record_bucket FROM staging.stg_all__orders").count() == 4


def test_every_table_says_whose_it_is(sides: Sides) -> None:
    for name in built_tables(sides.dbt.manifest()):
        properties = {row[0]: row[1] for row in sides.spark.sql(f"SHOW TBLPROPERTIES {name}").collect()}
        assert properties.get("regulars.owner") == "regulars", name


def test_a_write_that_was_cut_off_is_staged_anew(sides: Sides) -> None:
    """One bucket is gone and another still as before: the batches look staged, and are not."""
    name = "staging.stg_all__orders"
    sides.spark.sql(f"ALTER TABLE {name} SET TBLPROPERTIES ('regulars.half_written' = 'yes')")
    sides.spark.sql(f"ALTER TABLE {name} DROP PARTITION (record_bucket = 2)")
    assert not sides.compare(name)[0].is_equal
    sides.build("stg_all__orders")
    assert [str(one) for one in sides.compare(name) if not one.is_equal] == []
    sides.build("stg_all__orders")
    assert [str(one) for one in sides.compare(name) if not one.is_equal] == []


def test_a_null_that_the_contract_forbids_is_an_error(sides: Sides) -> None:
    rule = {**sides.dbt.variables["rules"][0], "field": None}
    rules = sides.dbt.variables["rules"]
    try:
        sides.dbt.variables["rules"] = [rule, *rules[1:]]
        with pytest.raises(DbtError, match="has rows without field, which the contract says is never null"):
            sides.build("int_quality__rule_counts", "data_validity", tests=False)
    finally:
        sides.dbt.variables["rules"] = rules
    sides.build("int_quality__rule_counts", "data_validity")


def test_a_changed_rule_makes_the_table_anew(sides: Sides) -> None:
    rules = sides.dbt.variables["rules"]
    added = {**rules[0], "id": "calls_extra", "entity": "calls", "severity": "warning", "sql": "call_id is not null"}
    try:
        sides.dbt.variables["rules"] = [rule for rule in rules if rule["id"] != "calls_caller_known"] + [added]
        sides.build("stg_all__calls", tests=False)
        columns = sides.spark.table("staging.stg_all__calls").columns
        assert "ok_calls_extra" in columns
        assert "ok_calls_caller_known" not in columns
    finally:
        sides.dbt.variables["rules"] = rules
    sides.build("stg_all__calls")
    assert [str(one) for one in sides.compare("staging.stg_all__calls") if not one.is_equal] == []


def test_history_that_cannot_be_measured_again_stays(sides: Sides) -> None:
    """Also when a write was cut off after a day's rows were removed and before the new ones were in their place."""
    before = sides.compare("marts.kpi_daily")[0]
    assert before.is_equal
    [(first, last)] = sides.spark.sql("SELECT min(day), max(day) FROM marts.kpi_daily").collect()
    assert isinstance(first, date)
    sides.spark.sql(
        f"INSERT INTO marts.kpi_daily (goal_id, actual, day) VALUES ('validity', 0.5D, DATE '{first}'), "
        f"('validity', 0.25D, DATE '{first}' - INTERVAL '400' DAY)"
    )

    def history() -> list[tuple[Any, ...]]:
        rows = sides.spark.sql(
            f"SELECT actual FROM marts.kpi_daily WHERE goal_id = 'validity' AND day < DATE '{last}' ORDER BY 1"
        ).collect()
        return [tuple(row) for row in rows]

    sides.build("kpi_daily")
    assert history() == [(0.25,), (0.5,)]
    sides.spark.sql("ALTER TABLE marts.kpi_daily SET TBLPROPERTIES ('regulars.half_written' = 'yes')")
    sides.spark.sql(f"ALTER TABLE marts.kpi_daily DROP PARTITION (day = DATE '{first}')")
    assert history() == [(0.25,)]
    sides.build("kpi_daily")
    assert history() == [(0.25,), (0.5,)]
    sides.build("kpi_daily")
    assert history() == [(0.25,), (0.5,)]
    assert sides.spark.table("marts.kpi_daily").count() == before.rows[0] + 2


def test_the_log_of_quarantine_tells_what_left_and_what_came_back(sides: Sides) -> None:
    """Records of a rule that is gone are released; with the rule they are set aside again; nothing twice."""
    name, table = "quality.quarantine_log", "marts.quarantined_records"
    touched = ("stg_all__orders", "source_loads", "quarantine_log", "quarantined_records")
    rules = sides.dbt.variables["rules"]
    before = sides.compare(name, table)
    assert [str(one) for one in before if not one.is_equal] == []
    held = sides.spark.sql(f"SELECT count(*) FROM {table} WHERE reasons = 'orders_ordered_at_readable'").collect()[0][0]
    assert held > 0

    def events() -> dict[tuple[str, str | None, int], int]:
        rows = sides.spark.sql(
            f"SELECT event, release_reason, event_number, count(*) FROM {name} "
            "WHERE reasons = 'orders_ordered_at_readable' AND entity = 'orders' GROUP BY 1, 2, 3"
        ).collect()
        return {(row[0], row[1], row[2]): row[3] for row in rows}

    try:
        sides.dbt.variables["rules"] = [rule for rule in rules if rule["id"] != "orders_ordered_at_readable"]
        sides.build(*touched)
        sides.build(*touched)
    finally:
        sides.dbt.variables["rules"] = rules
    gone = {("quarantined", None, 1): held, ("released", "rule_changed", 2): held}
    assert events() == gone
    free = sides.spark.sql(f"SELECT count(*) FROM {table} WHERE released_at IS NOT NULL").collect()[0][0]
    assert free == held
    sides.build(*touched)
    sides.build(*touched)
    assert events() == gone | {("quarantined", None, 3): held}
    assert sides.spark.table(table).count() == before[1].rows[0]


@pytest.mark.slow
def test_the_unit_tests_of_the_models_pass(sides: Sides) -> None:
    sides.dbt.invoke(["test", "--select", "test_type:unit"])
