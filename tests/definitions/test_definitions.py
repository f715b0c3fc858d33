"""All definitions build from a clone: assets, checks, jobs, and what starts them around the clock."""

import dagster as dg
import pytest

from orchestration.assets.dbt_models import GATE_KEY
from orchestration.assets.gate import GOAL_CHECK
from orchestration.assets.publication import PUBLISHED_KEY
from orchestration.automation import COMMAND_LINE_TAG, end_dead_runs, new_files_sensor
from orchestration.company import load_company
from orchestration.decisions import Decision, keep
from orchestration.definitions import MAIN_JOB, build_definitions
from orchestration.home import Home
from orchestration.run import Run

# Tables of the reporting contract, as readers know them.
CONTRACT = {
    "dim_customers", "customer_records", "customer_id_changes", "customer_contact_points", "dim_products", "fct_orders",
    "fct_order_lines", "fct_email_events", "fct_calls", "fct_web_sessions", "fct_touchpoints", "customer_value",
    "customer_segments", "customer_segment_history", "segment_transitions", "segment_movements", "segment_counts",
    "tactical_uplift", "campaign_performance", "kpi_scorecard", "kpi_daily",
    "kpi_gaps", "source_loads", "data_validity",
    "attributed_orders", "attributed_revenue", "channel_effectiveness",
    "contact_pressure", "data_validity_index", "quarantined_records", "source_anomalies",
    "cohort_retention", "customer_journeys",
}  # fmt: skip


@pytest.fixture(scope="module")
def definitions(bakehouse, tmp_path_factory):
    run = Run(load_company(bakehouse / "company.yaml"), Home(tmp_path_factory.mktemp("home")).create())
    run.dbt.parse()
    return build_definitions(run)


@pytest.fixture(scope="module")
def graph(definitions):
    return definitions.resolve_asset_graph()


def _keys(graph):
    return {key.to_user_string() for key in graph.materializable_asset_keys}


def test_every_step_is_an_asset(graph):
    keys = _keys(graph)
    assert {f"raw/{name}" for name in ("shop", "tills", "newsletter", "phone", "site")} <= keys
    assert {"mapped/orders", "ledger/loads", "quality/judged_emails", "meta/run_context"} <= keys
    assert {"identity/customer_records", "scores/lifetime_value", "validity_gate", "published_marts"} <= keys
    assert {f"staging/stg_all__{entity}" for entity in ("orders", "calls", "web_events", "email_events")} <= keys


def test_every_table_of_the_contract_is_an_asset(graph):
    assert {f"marts/{table}" for table in CONTRACT} <= _keys(graph)


def test_nothing_behind_the_gate_can_run_before_it(graph):
    """Only loading, preparing, staging, measuring and seeds may come before the verdict."""
    before = {"raw", "mapped", "ledger", "meta", "quality", "staging", "reference"}
    measures = {"data_validity", "data_validity_index", "data_validity_by_field", "source_loads", "quarantined_records"}
    # Rules ask which currency had a rate on which day.
    measures |= {"int_exchange_rates"}
    for key in graph.materializable_asset_keys - {GATE_KEY}:
        # Staging without the loads that are held back, which the gate judges.
        free = key.path[0] in before or key.path[-1] in measures or key.path[-1].startswith("int_used__")
        assert (GATE_KEY in _ancestors(graph, key)) is not free, key
    assert _ancestors(graph, PUBLISHED_KEY) >= {GATE_KEY}


def _ancestors(graph, key):
    found, waiting = set(), [key]
    while waiting:
        for parent in graph.get(waiting.pop()).parent_keys:
            if parent not in found:
                found.add(parent)
                waiting.append(parent)
    return found


def test_the_gate_blocks(graph):
    checks = {key.name: graph.get(key) for key in graph.asset_check_keys if key.asset_key == GATE_KEY}
    assert checks[GOAL_CHECK].blocking
    assert {f"{entity}_rules" for entity in ("orders", "order_lines", "customers", "calls", "web_events")} <= set(
        checks
    )
    assert not any(check.blocking for name, check in checks.items() if name != GOAL_CHECK)


def test_every_source_warns_of_drift_and_blocks_nothing(graph):
    checks = {key.asset_key.to_user_string(): graph.get(key) for key in graph.asset_check_keys if key.name == "drift"}
    assert set(checks) == {f"raw/{name}" for name in ("shop", "tills", "newsletter", "phone", "site")}
    assert not any(check.blocking for check in checks.values())


def test_every_source_is_compared_with_its_past_behind_the_gate_and_nothing_is_blocked(graph):
    checks = {
        key.asset_key.to_user_string(): graph.get(key) for key in graph.asset_check_keys if key.name == "anomalies"
    }
    assert set(checks) == {f"raw/{name}" for name in ("shop", "tills", "newsletter", "phone", "site")}
    assert not any(check.blocking for check in checks.values())
    found = dg.AssetKey(["anomalies", "findings"])
    assert _ancestors(graph, found) >= {GATE_KEY, dg.AssetKey(["quality", "daily_profiles"])}
    assert found in _ancestors(graph, dg.AssetKey(["marts", "source_anomalies"]))


def test_what_drift_the_check_shows():
    from orchestration.assets.sources import _drift_result
    from orchestration.report import DriftLine

    assert _drift_result([]).passed
    seen = _drift_result([DriftLine("orders", "new_field", "coupon", "coupon: new")])
    assert (seen.passed, seen.severity) == (False, dg.AssetCheckSeverity.WARN)
    [row] = seen.metadata["fields"].records
    assert row.data == {"dataset": "orders", "change": "new field", "field": "coupon", "says": "coupon: new"}


def test_dbt_tests_are_asset_checks(graph):
    tested = {key.asset_key.to_user_string() for key in graph.asset_check_keys}
    assert {f"marts/{table}" for table in CONTRACT} <= tested


def test_every_asset_says_what_it_is_whose_it_is_and_waits_for_the_one_writer(definitions, graph):
    for key in graph.materializable_asset_keys:
        node = graph.get(key)
        assert node.description, key
        assert node.group_name not in (None, "default"), key
        assert node.owners or key.path[0] in {"mapped", "ledger", "meta", "quality"}, key
    for assets in definitions.assets:
        assert assets.op.pool == "warehouse" or assets.op.pools == {"warehouse"}, assets


def test_the_main_job_takes_everything_in_one_process(definitions, graph):
    job = definitions.resolve_job_def(MAIN_JOB)
    assert job.asset_layer.selected_asset_keys == graph.materializable_asset_keys
    assert job.executor_def is dg.in_process_executor or job.executor_def.name == "in_process"


def test_loading_is_tried_again(definitions):
    loads = [assets for assets in definitions.assets if {key.path[0] for key in assets.keys} == {"raw"}]
    assert len(loads) == 5
    assert all(assets.op.retry_policy.max_retries == 2 for assets in loads)


def test_it_runs_around_the_clock(definitions):
    schedule = definitions.resolve_schedule_def("timetable")
    sensor = definitions.resolve_sensor_def("new_files")
    assert schedule.cron_schedule == "15 3 * * *"
    assert schedule.execution_timezone == "Europe/Berlin"
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING
    assert sensor.default_status == dg.DefaultSensorStatus.RUNNING
    assert sensor.minimum_interval_seconds == 60
    assert schedule.job_name == sensor.job_name == MAIN_JOB


def test_the_sensor_asks_for_a_run_only_when_files_wait(definitions, bakehouse):
    sensor = definitions.resolve_sensor_def("new_files")
    with dg.DagsterInstance.ephemeral() as instance:
        answer = sensor.evaluate_tick(dg.build_sensor_context(instance=instance, definitions=definitions))
    assert len(answer.run_requests) == 1
    assert "shop: " in answer.run_requests[0].tags["regulars/new_files"]


def test_the_sensor_asks_once_for_what_a_steward_decided(bakehouse, tmp_path, monkeypatch):
    company, home = load_company(bakehouse / "company.yaml"), Home(tmp_path / "home").create()
    sensor = new_files_sensor(dg.define_asset_job(MAIN_JOB), company, home)
    monkeypatch.setattr("orchestration.automation.pending_files", lambda *_: {})

    def tick(cursor):
        with dg.DagsterInstance.ephemeral() as instance:
            return sensor.evaluate_tick(dg.build_sensor_context(instance=instance, cursor=cursor))

    first = tick(None)
    assert not first.run_requests
    keep(home, Decision("merge", (("shop", "account:1"),), (("shop", "account:2"),), "she called", "ada"))
    second = tick(first.cursor)
    assert [dict(asked.tags)["regulars/new_decisions"] for asked in second.run_requests] == ["yes"]
    third = tick(second.cursor)
    assert not third.run_requests
    assert third.skip_message == "No new files and no new decisions."


def test_a_killed_run_of_the_command_line_keeps_nobody_waiting(definitions):
    """Its process could not tell Dagster that it ended, so it would count as going on for ever."""
    job = definitions.resolve_job_def(MAIN_JOB)
    with dg.DagsterInstance.ephemeral() as instance:
        ours = instance.create_run_for_job(job, tags={COMMAND_LINE_TAG: "r1"}, status=dg.DagsterRunStatus.STARTED)
        theirs = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
        assert end_dead_runs(instance) == 1
        assert instance.get_run_by_id(ours.run_id).status == dg.DagsterRunStatus.FAILURE
        assert instance.get_run_by_id(theirs.run_id).status == dg.DagsterRunStatus.STARTED


def test_the_sensor_waits_for_a_run_that_goes_on(definitions):
    job = definitions.resolve_job_def(MAIN_JOB)
    sensor = definitions.resolve_sensor_def("new_files")
    with dg.DagsterInstance.ephemeral() as instance:
        instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
        answer = sensor.evaluate_tick(dg.build_sensor_context(instance=instance, definitions=definitions))
    assert not answer.run_requests
    assert "already" in answer.skip_message
