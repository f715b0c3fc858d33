"""The command line: exit codes, words instead of tracebacks, and what each command shows."""

from __future__ import annotations

import json
import subprocess
import sys
import types
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from orchestration import cli_support
from orchestration.cli import app
from orchestration.home import Home, HomeBusyError
from orchestration.report import GateResult, GoalLine, Problem, RuleLine, RunReport, SourceLine

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def regulars():
    runner = CliRunner()

    def call(*arguments: object):
        return runner.invoke(app, [str(argument) for argument in arguments])

    return call


def _report(**changes: object) -> RunReport:
    report = RunReport(
        run_id="run-1",
        started_at=datetime(2026, 1, 31, 5, 0, tzinfo=UTC),
        finished_at=datetime(2026, 1, 31, 5, 0, 42, tzinfo=UTC),
        outcome="published",
        company_name="Bakehouse",
        currency="EUR",
        sources=[SourceLine("shop", "shop", 2, 1234, 1200, 30, 4, 0.97, 0.9)],
        validity_overall=0.97,
        validity_goal=0.9,
        goals=[GoalLine("repeat_rate", "Customers who come back", 0.3, 0.36, 1.2, "met")],
    )
    return report.replace(**changes)


@pytest.fixture
def pipeline(monkeypatch):
    """Stands in for the pipeline: `pipeline.answer` is the report it returns or the error it raises."""
    module = types.ModuleType("orchestration.pipeline")
    module.calls = []  # type: ignore[attr-defined]

    def run(company, home, *, full_refresh, wait_seconds, progress):
        module.calls.append((company.id, home.path, full_refresh, wait_seconds))
        progress("load shop", "started", "")
        progress("load shop", "running", "half")
        progress("load shop", "done", "1,234 received")
        if isinstance(module.answer, Exception):
            raise module.answer
        return module.answer

    module.run = run  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "orchestration.pipeline", module)
    import orchestration

    monkeypatch.setattr(orchestration, "pipeline", module, raising=False)
    return module


def test_help_names_commands_examples_and_exit_codes(regulars):
    top = regulars("--help")
    assert top.exit_code == 0
    for command in ("run", "check", "status", "customer", "sample", "dbt", "dev"):
        assert command in top.output
    assert "3 the gate stopped the run" in top.output
    for command in ("run", "check", "status", "customer", "sample", "dev"):
        shown = regulars(command, "--help")
        assert shown.exit_code == 0
        assert f"regulars {command}" in shown.output
        assert "Exit codes" in shown.output


def test_help_imports_nothing_heavy():
    program = """
import sys
sys.argv = ["regulars", "--help"]
from orchestration.cli import main
try:
    main()
except SystemExit:
    pass
heavy = {"duckdb", "dagster", "dbt", "great_expectations", "polars", "pandas", "numpy", "pydantic", "yaml", "fsspec"}
print("HEAVY", sorted(heavy & set(sys.modules)))
"""
    out = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert out.stdout.splitlines()[-1] == "HEAVY []"


def test_status_and_customer_import_neither_dagster_nor_dbt(published_home):
    program = """
import sys
from typer.testing import CliRunner
from orchestration.cli import app
for arguments in (["status"], ["customer", "c-1"]):
    result = CliRunner().invoke(app, [*arguments, "--home", sys.argv[1]])
    assert result.exit_code == 0, result.output
print(sorted({"dagster", "dbt", "great_expectations", "polars", "pandas", "numpy"} & set(sys.modules)))
"""
    out = subprocess.run(
        [sys.executable, "-c", program, str(published_home.path)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert out.stdout.splitlines()[-1] == "[]"


def test_a_published_run(regulars, write_company, published_home, pipeline):
    pipeline.answer = _report(published_path=str(published_home.published_file))
    file = write_company()
    result = regulars("run", "-c", file, "--home", published_home.path, "--full-refresh", "--wait", 5)
    assert result.exit_code == 0
    assert pipeline.calls == [("bakehouse", published_home.path, True, 5)]
    for words in ("load shop", "1,234", "97.0 %", "Customers who come back", "30.0 %", "36.0 %", "met"):
        assert words in result.output
    assert str(published_home.published_file) in result.output
    # The next things to try are whole commands.
    assert f"regulars customer c-1 --company {file} --home {published_home.path}" in result.output
    assert f"regulars status --company {file} --home {published_home.path}" in result.output
    assert "half" not in result.output  # what moves belongs to terminals only


def test_nothing_new(regulars, write_company, pipeline):
    pipeline.answer = _report(outcome="nothing_new")
    result = regulars("run", "-c", write_company())
    assert result.exit_code == 0
    assert "Nothing was new" in result.output


def test_the_gate_stops_a_run(regulars, write_company, pipeline):
    dear = RuleLine("shop", "email_valid", 6.25, says="An e-mail address can be delivered to.")
    gate = GateResult(passed=False, messages=["Validity is 81.0 %, the goal is 90 %."], worst_rules=[dear])
    pipeline.answer = _report(outcome="gate_stopped", gate=gate, published_path=None)
    result = regulars("run", "-c", write_company())
    assert result.exit_code == 3
    assert "email_valid" in result.output
    assert "81.0 %" in result.output
    assert "Scorecard" not in result.output


def test_a_failed_run(regulars, write_company, pipeline):
    problem = Problem("the file is empty", "ask for it again", "shop", "orders.csv")
    pipeline.answer = _report(outcome="failed", problems=[problem])
    result = regulars("run", "-c", write_company())
    assert result.exit_code == 1
    assert "shop orders.csv: the file is empty" in result.output
    assert "ask for it again" in result.output


def test_a_home_in_use(regulars, write_company, pipeline, tmp_path):
    pipeline.answer = HomeBusyError(tmp_path, 4711, datetime(2026, 1, 31, 5, 0, tzinfo=UTC))
    result = regulars("run", "-c", write_company())
    assert result.exit_code == 1
    assert "process 4711" in result.output
    assert "2026-01-31 05:00:00 UTC" in result.output


def test_an_unexpected_error_is_one_line_and_a_log_without_personal_data(regulars, write_company, pipeline, tmp_path):
    pipeline.answer = RuntimeError(
        "Could not convert string 'anna@example.org' (+49 30 901820, bo@example.org) to INT32"
    )
    result = regulars("run", "-c", write_company(), "--home", tmp_path / "home")
    assert result.exit_code == 1
    assert "Traceback" not in result.output
    assert "RuntimeError" in result.output
    assert "example.org" not in result.output
    [log] = (tmp_path / "home" / "logs").iterdir()
    assert str(log) in result.output.replace("\n", "")
    text = log.read_text()
    assert "test_cli.py" in text
    assert "Could not convert string" in text
    assert "example.org" not in text
    assert "901820" not in text


def test_a_wrong_company_file(regulars, write_company):
    result = regulars("run", "-c", write_company(("EUR", "EURO"), ("channel: shop", "channel: shopp")))
    assert result.exit_code == 2
    assert "2 problems" in result.output
    assert "company.yaml:3" in result.output
    assert "did you mean `shop`?" in result.output
    assert "Traceback" not in result.output


def test_no_company_file(regulars, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for command in (("run",), ("check",), ("status",), ("customer", "c-1")):
        result = regulars(*command)
        assert result.exit_code == 2, command
        assert "no such file" in result.output


def test_a_variable_that_is_not_set(regulars, write_company, pipeline, monkeypatch):
    monkeypatch.delenv("SHOP_URL", raising=False)
    pipeline.answer = _report()
    file = write_company(("path: data/orders-*.csv", "path: ${ENV:SHOP_URL}/orders.csv"))
    for command in ("run", "check"):
        result = regulars(command, "-c", file)
        assert result.exit_code == 2
        assert "SHOP_URL" in result.output
    assert pipeline.calls == []


def test_check_says_all_is_well(regulars, write_company, data_files):
    result = regulars("check", "-c", write_company())
    assert result.exit_code == 0, result.output
    line = next(line for line in result.output.splitlines() if "orders" in line)
    # source, dataset, channel, files, size (2 files of 40 bytes), columns, mapped
    assert line.split()[:8] == ["shop", "orders", "shop", "2", "80", "B", "3", "3"]
    assert line.split()[-1] == "ok"


GOALS = """\
goals:
  - {id: mails, name: Mails, metric: open_rate, target: %s, deadline: %s}
  - {id: returns, name: Returns, metric: return_rate, target: 0}
sources:
"""


def test_check_remarks_on_goals_that_are_reached_by_anything_or_are_over(regulars, write_company, data_files):
    result = regulars("check", "-c", write_company(("sources:\n", GOALS % ("0", "2026-01-30"))))
    assert result.exit_code == 0, result.output
    assert "! goal mails: A target of 0 is reached by anything" in result.output
    assert "! goal mails: The deadline 2026-01-30 is over" in result.output
    assert "goal returns" not in result.output  # no returns at all: as low as it goes
    result = regulars("check", "-c", write_company(("sources:\n", GOALS % ("0.2", "2026-01-31"))))
    assert "! goal" not in result.output


def test_check_finds_a_renamed_column(regulars, write_company, data_files):
    (data_files / "orders-2.csv").write_text("No,E-Mail,Date\n2,b@example.org,30.01.2026\n")
    result = regulars("check", "-c", write_company())
    assert result.exit_code == 2
    assert "1 problem in" in result.output
    assert "company.yaml:19" in result.output
    assert "`Mail`" in result.output
    assert "orders-2.csv" in result.output
    assert "did you mean `E-Mail`?" in result.output
    assert "example.org" not in result.output


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda folder: [file.unlink() for file in folder.iterdir()], "no file matches"),
        (lambda folder: (folder / "orders-1.csv").write_bytes(b""), "is empty (0 bytes)"),
        (lambda folder: (folder / "orders-1.csv").write_text("\n\n\n"), "is empty"),
    ],
)
def test_check_finds_sources_that_are_not_there(regulars, write_company, data_files, spoil, says):
    spoil(data_files)
    result = regulars("check", "-c", write_company())
    assert result.exit_code == 2
    assert says in result.output
    assert "company.yaml:14" in result.output


def test_check_reads_every_format(regulars, write_company, tmp_path):
    import gzip

    import openpyxl

    data = tmp_path / "data"
    data.mkdir()
    (data / "a.jsonl.gz").write_bytes(gzip.compress(b'{"No": "1"}\n{"Mail": "x", "Date": "y"}\n'))
    (data / "b.tsv").write_bytes("No\tMail\tDate\n".encode("utf-16"))
    duckdb.execute(f"COPY (SELECT 1 AS No, 2 AS Mail, 3 AS Date) TO '{data / 'c.parquet'}'")
    book = openpyxl.Workbook()
    book.active.append(["No", "Mail", "Date"])
    book.save(data / "d.xlsx")
    for path, options in (
        ("data/a.jsonl.gz", ""),
        ("data/b.tsv", "\n        options: {encoding: utf-16}"),
        ("data/c.parquet", ""),
        ("data/d.xlsx", ""),
    ):
        file = write_company(("path: data/orders-*.csv", f"path: {path}{options}"))
        assert regulars("check", "-c", file).exit_code == 0, path
        wrong = write_company(("path: data/orders-*.csv", f"path: {path}{options}"), ("email: Mail", "email: Mial"))
        result = regulars("check", "-c", wrong)
        assert result.exit_code == 2, path
        assert "did you mean `Mail`?" in result.output


def test_status_before_the_first_run(regulars, tmp_path):
    result = regulars("status", "--home", tmp_path / "home")
    assert result.exit_code == 1
    assert "No run yet" in result.output


def test_status_shows_the_last_run_and_what_is_published(regulars, published_home):
    gate = GateResult(passed=False, messages=["Validity is too low."])
    published_home.write_status(_report(run_id="run-2", outcome="gate_stopped", gate=gate))
    result = regulars("status", "--home", published_home.path)
    assert result.exit_code == 0
    for words in ("stopped at the gate", "run-2", "run run-1", "Validity is too low.", "Customers who come back"):
        assert words in result.output


def test_status_as_json(regulars, published_home):
    published_home.write_status(_report())
    result = regulars("status", "--home", published_home.path, "--json")
    assert json.loads(result.output)["sources"][0]["received"] == 1234


def test_status_never_opens_the_warehouse(regulars, published_home):
    published_home.write_status(_report())
    published_home.warehouse.write_bytes(b"no DuckDB file at all")
    assert regulars("status", "--home", published_home.path).exit_code == 0


def test_status_works_while_a_run_writes(regulars, published_home):
    published_home.write_status(_report())
    program = f"""
import sys, time, duckdb
from orchestration.home import Home
home = Home({str(published_home.path)!r})
with home.lock():
    con = duckdb.connect(str(home.warehouse))
    print("held", flush=True)
    time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "held\n"
        result = regulars("status", "--home", published_home.path)
        customer = regulars("customer", "c-1", "--home", published_home.path)
        writer.kill()
    assert result.exit_code == 0
    assert f"process {writer.pid}" in result.output
    assert customer.exit_code == 0


@pytest.mark.parametrize(
    "asked",
    ["c-1", " c-1 ", "anna@example.org", "ANNA@Example.ORG", "anna.old@example.org", "+4930901820", "+49 (30) 90 18 20",
     "880011", "c-00", "c-0"],
)  # fmt: skip
def test_a_customer_is_found(regulars, published_home, asked):
    result = regulars("customer", asked, "--home", published_home.path)
    assert result.exit_code == 0, result.output
    assert "Anna Berg" in result.output


def test_a_national_number_needs_the_companys_country(regulars, published_home, write_company):
    file = write_company()
    assert "Anna Berg" in regulars("customer", "030 901820", "-c", file, "--home", published_home.path).output
    result = regulars("customer", "030 901820", "-c", "absent.yaml", "--home", published_home.path)
    assert result.exit_code == 1
    assert "country code" in result.output


def test_what_is_shown_of_a_customer(regulars, published_home, write_company):
    result = regulars("customer", "c-1", "-c", write_company(), "--home", published_home.path)
    for words in (
        "anna@example.org", "+4930901820", "Berlin", "active", "gold", "1,210.50 EUR", "87.5 %",
        "same e-mail address as till record T9", "account:17", "2026-01-20 08:00",
    ):  # fmt: skip
        assert words in result.output, words
    # Consent: e-mail yes, SMS no, phone unknown.
    facts = [line.split() for line in result.output.splitlines() if line.startswith(("e-mail", "SMS"))]
    consent = {fact[0]: fact[1] for fact in facts if fact[1] in ("yes", "no")}
    assert consent == {"e-mail": "yes", "SMS": "no"}
    # The last 15 of 20 touchpoints: 6 to 20 January.
    assert "2026-01-06 08:00" in result.output
    assert "2026-01-05 08:00" not in result.output


def test_an_old_id_says_where_it_went(regulars, published_home):
    result = regulars("customer", "c-0", "--home", published_home.path)
    assert "c-0 is now c-1: same phone" in result.output


@pytest.mark.parametrize("asked", ["c-9", "+4930555"])
def test_several_customers_fit(regulars, published_home, asked):
    result = regulars("customer", asked, "--home", published_home.path)
    assert result.exit_code == 0
    assert "2 customers fit" in result.output
    assert "c-1" in result.output
    assert "c-2" in result.output


@pytest.mark.parametrize("asked", ["c-404", "nobody@example.org", "+4930000000", "'; DROP TABLE x; --", "%", ""])
def test_a_customer_that_is_not_there(regulars, published_home, asked):
    result = regulars("customer", asked, "--home", published_home.path)
    assert result.exit_code == 1
    assert "No customer has this" in result.output
    if asked:
        assert asked not in result.output.replace("id, e-mail", "")


def test_absent_tables_are_no_error(regulars, tmp_path):
    home = Home(tmp_path / "home").create()
    with duckdb.connect(str(home.published_file)) as con:
        con.execute("CREATE SCHEMA marts; CREATE TABLE marts.dim_customers AS SELECT 'c-1' AS customer_id")
    assert regulars("customer", "c-1", "--home", home.path).exit_code == 0
    assert regulars("customer", "a@b.example", "--home", home.path).exit_code == 1
    assert regulars("status", "--home", home.path).exit_code == 0


def test_no_published_copy(regulars, tmp_path):
    home = Home(tmp_path / "home").create()
    result = regulars("customer", "c-1", "--home", home.path)
    assert result.exit_code == 1
    assert "Nothing is published yet" in result.output
    home.published_file.write_bytes(b"rubbish")
    result = regulars("customer", "c-1", "--home", home.path)
    assert result.exit_code == 1
    assert "cannot be opened" in result.output


def test_the_next_commands_leave_defaults_out(monkeypatch, tmp_path):
    monkeypatch.setenv("REGULARS_HOME", str(tmp_path))
    commands = [command for command, _ in cli_support.next_steps(_report(), Path("company.yaml"), tmp_path)]
    assert commands == ["regulars check", "regulars status", "regulars dev"]


def test_dbt_gets_the_rest_of_the_line(regulars, write_company, monkeypatch):
    module = types.ModuleType("orchestration.dbt_command")
    seen = []
    module.run_dbt = lambda company, home, arguments: seen.append(arguments) or len(seen) == 1  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "orchestration.dbt_command", module)
    file = write_company()
    arguments = ["build", "--select", "dim_customers", "--full-refresh"]
    assert regulars("dbt", "-c", file, *arguments).exit_code == 0
    assert regulars("dbt", "-c", file, "test").exit_code == 1
    assert seen == [arguments, ["test"]]


def test_sample_writes_the_demo_company(regulars, tmp_path):
    result = regulars("sample", "--customers", 20, "--seed", 3, "--out", tmp_path / "demo")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "demo" / "truth").is_dir()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    result = regulars("sample", "--customers", 20, "--out", tmp_path / "mine")
    assert result.exit_code == 1
    assert "Traceback" not in result.output
    assert (tmp_path / "mine" / "letter.txt").read_text() == "dear"
