"""PostgreSQL as a step: of a whole run's marts, by the command line, when it was down, and in Dagster."""

import json
import re
import shutil
from datetime import datetime

import duckdb
import pytest
from corner import Corner
from postgres_marts import KEY, PASSWORD
from typer.testing import CliRunner

from orchestration import pipeline
from orchestration.cli import app
from orchestration.company import load_company
from orchestration.home import Home
from orchestration.run import Run


@pytest.fixture
def place(corner: Corner, tmp_path, monkeypatch):
    """The corner bakery after its run, with a PostgreSQL of its own in its company file."""
    from tests.postgres_server import running

    monkeypatch.setenv("PG_PASSWORD", PASSWORD)
    monkeypatch.setenv("PG_KEY", KEY)
    monkeypatch.setenv("COLUMNS", "200")
    with running() as server:
        with server.connect() as con:
            con.execute("CREATE ROLE regulars LOGIN CREATEROLE PASSWORD '" + PASSWORD.replace("'", "''") + "'")
            con.execute("ALTER DATABASE regulars OWNER TO regulars")
        copied = corner.copy(tmp_path / "copy")
        text = copied.company.read_text("utf-8")
        settings = {
            "host": server.host, "port": server.port, "dbname": "regulars", "user": "regulars",
            "password": "${ENV:PG_PASSWORD}", "pseudonymous": {"secret_key": "${ENV:PG_KEY}"},
        }  # fmt: skip
        copied.company.write_text(f"{text}\npostgres: {json.dumps(settings)}\n", "utf-8")
        yield copied, server


def command(copied, *words):
    outcome = CliRunner().invoke(app, [*words, "--company", str(copied.company), "--home", str(copied.home.path)])
    assert PASSWORD not in outcome.output + outcome.stderr
    assert KEY not in outcome.output + outcome.stderr
    return outcome.exit_code, outcome.output + outcome.stderr


def naive(row):
    return repr(tuple(value.replace(tzinfo=None) if isinstance(value, datetime) else value for value in row))


def test_all_marts_of_a_run_arrive_row_by_row_and_the_second_schema_holds_no_address(place):
    copied, server = place
    code, said = command(copied, "publish")
    assert code == 0, said
    compared, addresses = 0, set()
    with duckdb.connect(str(copied.published), read_only=True) as con:
        con.execute("SET TimeZone = 'UTC'")
        tables = [name for (name,) in con.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
        for table in tables:
            here = sorted(naive(row) for row in con.execute(f"SELECT * FROM marts.{table}").fetchall())
            assert sorted(naive(row) for row in server.execute(f"SELECT * FROM marts.{table}")) == here, table
            compared += len(here)
        addresses.update(
            value
            for (value,) in con.execute(
                "SELECT value FROM marts.customer_contact_points WHERE kind IN ('email', 'phone', 'loyalty_card')"
            ).fetchall()
        )
    assert compared > 100
    assert addresses
    hidden = " ".join(str(server.execute(f"SELECT * FROM marts_pseudonymous.{table}")) for table in tables)
    assert "p_" in hidden
    assert [value for value in addresses if f"'{value}'" in hidden] == []
    assert re.findall(r"[\w.+-]+@[\w-]+\.\w+", hidden) == []
    code, said = command(copied, "publish")
    assert (code, "written" in said) == (0, False), said


def test_a_run_that_finds_nothing_new_mends_what_the_last_one_could_not(place, monkeypatch):
    copied, server = place
    company, home = load_company(copied.company), Home(copied.home.path)
    # The run stands for one that published its files; that the company file changed is not the point here.
    monkeypatch.setattr(pipeline, "_stands", lambda this: True)
    server.stop()
    report = pipeline.run(company, home)
    assert (report.outcome, report.has_failures) == ("nothing_new", True)
    [problem] = [one for one in report.problems if one.is_failure]
    assert "it is not there" in problem.what
    assert "regulars publish" in problem.todo
    assert command(copied, "run")[0] == 1
    code, said = command(copied, "publish")
    assert (code, "it is not there" in said) == (1, True)
    server.start()
    report = pipeline.run(company, home)
    assert (report.outcome, report.has_failures) == ("nothing_new", False)
    assert [step.name for step in report.steps] == ["publish to PostgreSQL"]
    run_id = server.execute("SELECT run_id FROM marts.publication")[0][0]
    assert run_id == report.publication_run_id
    # Once it is there, a run that finds nothing new does not copy again; a view that somebody dropped is mended.
    assert pipeline.run(company, home).steps == []
    server.execute("DROP VIEW marts.fct_orders")
    pipeline.run(company, home)
    assert server.execute("SELECT count(*) FROM marts.fct_orders")[0][0] > 0


def test_in_dagster_the_step_fails_and_the_report_says_published(place):
    import dagster as dg

    from orchestration.assets.publication import postgres_asset
    from orchestration.definitions import tell_of_failure

    copied, server = place
    run = Run(load_company(copied.company), Home(copied.home.path))
    job = dg.define_asset_job("only_postgres", hooks={tell_of_failure})
    definitions = dg.Definitions(
        assets=[postgres_asset("team:data")],
        jobs=[job],
        resources={"run": dg.ResourceDefinition.hardcoded_resource(run)},
    )
    server.stop()
    failed = definitions.resolve_job_def("only_postgres").execute_in_process(raise_on_error=False)
    told = run.home.read_status()
    assert not failed.success
    assert (told.run_id, told.outcome, told.has_failures) == (run.run_id, "published", True)
    assert len([problem for problem in told.problems if problem.is_failure]) == 1
    server.start()
    run.problems.clear()
    assert definitions.resolve_job_def("only_postgres").execute_in_process().success
    assert not run.home.read_status().has_failures


def test_a_company_without_postgres_has_nothing_to_publish_there(corner: Corner, tmp_path):
    copied = corner.copy(tmp_path / "copy")
    code, said = command(copied, "publish")
    assert (code, "names no PostgreSQL" in said) == (1, True)
    shutil.rmtree(copied.home.published)
