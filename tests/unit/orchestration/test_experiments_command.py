"""`experiments` in the company file, and `regulars experiments` over a small published copy made by hand."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest
import yaml
from typer.testing import CliRunner

from orchestration.cli import app
from orchestration.company import CompanyError, load_company

DBT_MODELS = Path(__file__).resolve().parents[3] / "dbt_project" / "models" / "marts" / "experiments"
COMPANY = """
company: {id: lab, name: Lab}
time_zone: Europe/Berlin
currency: EUR
country: DE
experiments: EXPERIMENTS
sources:
  trials:
    type: files
    channel: email
    owner: team:data
    datasets:
      lists:
        path: lists.csv
        entities:
          - entity: experiment_assignments
            columns: {experiment_id: trial, arm: arm, email: email, assigned_at: at}
"""
GOOD = (
    '[{id: "trials:may", name: May, control: old, shares: {old: 0.5, new: 0.5}, outcomes: [visited], window_days: 7, '
    "alpha: 0.1, assigned_until: 2026-05-31}]"
)


def written(folder: Path, experiments: str) -> Path:
    path = folder / "company.yaml"
    path.write_text(COMPANY.replace("EXPERIMENTS", experiments), encoding="utf-8")
    return path


def test_what_the_file_says_goes_to_dbt_as_plain_data(tmp_path: Path) -> None:
    assert load_company(written(tmp_path, GOOD)).dbt_vars()["experiments"] == [
        {
            "id": "trials:may", "name": "May", "control": "old", "shares": {"old": 0.5, "new": 0.5},
            "outcomes": ["visited"], "window_days": 7, "alpha": 0.1, "assigned_until": "2026-05-31",
        }
    ]  # fmt: skip
    assert load_company(written(tmp_path, '[{id: "trials:1"}]')).dbt_vars()["experiments"][0]["control"] is None


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("trials:may", "trial:may", ["experiments[0].id", "did you mean `trials`?"]),
        ("trials:may", "may", ["experiments[0].id", "'may'"]),
        ("new: 0.5}", "new: 0.4}", ["experiments[0].shares", "add up to 0.9", "add up to 1"]),
        ("old: 0.5", "old: 0", ["experiments[0].shares.old"]),
        ("control: old", "control: olf", ["experiments[0].control", "did you mean `old`?"]),
        ("[visited]", "[visits]", ["experiments[0].outcomes", "did you mean `visited`?"]),
        ("[visited]", "[]", ["experiments[0].outcomes"]),
        ("window_days: 7", "window_days: 0", ["experiments[0].window_days"]),
        ("alpha: 0.1", "alpha: 5", ["experiments[0].alpha", "0.5"]),
        ("2026-05-31", "2026-05-32", ["experiments[0].assigned_until"]),
        ("window_days", "window", ["experiments[0].window", "did you mean `window_days`?"]),
        ("}]", '}, {id: "trials:may"}]', ["experiments[1].id", "twice"]),
    ],
)
def test_mistakes_are_told_with_their_place(tmp_path: Path, old: str, new: str, words: list[str]) -> None:
    assert old in GOOD
    with pytest.raises(CompanyError) as caught:
        load_company(written(tmp_path, GOOD.replace(old, new)))
    told = str(caught.value)
    for word in (*words, "line "):
        assert word in told


# --- the command ----------------------------------------------------------------------------------------------------

ARM_COLUMNS = (
    "experiment_id, experiment_name, arm, role, is_control, is_running, assignments, customers, repeated, "
    "unidentified, contaminated, late, planned_share, share, expected_customers, sample_ratio_p_value, sample_ratio"
)
ARMS = """
    ('trials:may', 'Herbs', 'new', 'treatment', false, false, 1003, 1000, 1, 1, 1, 0, 0.5, 0.5, 1000, 1, 'as planned'),
    ('trials:may', 'Herbs', 'old', 'control', true, false, 1000, 1000, 0, 0, 0, 0, 0.5, 0.5, 1000, 1, 'as planned'),
    ('trials:june', 'trials:june', 'A', 'treatment', false, true, 5, 5, 0, 0, 0, 0, null, 1, null, null, 'unknown')
"""
RESULT_COLUMNS = (
    "experiment_id, experiment_name, arm, outcome, unit, control_arm, customers, customers_with, total_amount, mean, "
    "control_mean, difference, adjusted_lower, adjusted_upper, adjusted_p_value, verdict"
)
RESULTS = """
    ('trials:may', 'Herbs', 'old', 'visited', 'share', 'old', 1000, 60, null, 0.06, 0.06, null, null, null, null,
        'control'),
    ('trials:may', 'Herbs', 'new', 'visited', 'share', 'old', 1000, 100, null, 0.1, 0.06, 0.04, 0.011, 0.069, 0.002,
        'shown: better'),
    ('trials:may', 'Herbs', 'new', 'revenue', 'amount', 'old', 1000, 50, 1500.5, 1.5005, 1.6, -0.0995, -0.5, 0.3, 0.9,
        'not shown'),
    ('trials:june', 'trials:june', 'A', 'visited', 'share', null, 5, 1, null, 0.2, null, null, null, null, null,
        'no control')
"""


def table(con: duckdb.DuckDBPyConnection, name: str, columns: str, rows: str, rest: dict[str, str]) -> None:
    """Make a mart as its contract has it, from some of its columns; `rest` has SQL for others."""
    described = yaml.safe_load((DBT_MODELS / f"{name}.yml").read_text("utf-8"))["models"][0]["columns"]
    con.execute(f"CREATE TABLE marts.{name} ({', '.join(one['name'] + ' ' + one['data_type'] for one in described)})")
    con.execute(f"INSERT INTO marts.{name} ({columns}) VALUES {rows}")
    for column, sql in rest.items():
        con.execute(f"UPDATE marts.{name} SET {column} = {sql}")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    (folder / "published").mkdir(parents=True)
    with duckdb.connect(str(folder / "published" / "regulars.duckdb")) as con:
        con.execute("CREATE SCHEMA marts")
        ends = "TIMESTAMP '2026-06-01 08:00' + INTERVAL (CASE experiment_id WHEN 'trials:may' THEN 0 ELSE 30 END) DAY"
        table(con, "experiment_arms", ARM_COLUMNS, ARMS, {"window_days": "14", "alpha": "0.05", "ends_at": ends})
        rest = {
            "uplift": "difference / control_mean", "comparisons": "CASE WHEN difference IS NOT NULL THEN 2 END",
            "reason": "'because'", "currency": "CASE WHEN unit = 'amount' THEN 'EUR' END",
        }  # fmt: skip
        table(con, "experiment_results", RESULT_COLUMNS, RESULTS, rest)
    return folder


def call(*arguments: object):
    return CliRunner().invoke(app, ["experiments", *(str(one) for one in arguments)], env={"COLUMNS": "200"})


def line_of(text: str, *words: str) -> str:
    return next(line for line in text.splitlines() if all(word in line for word in words))


def test_all_of_them_in_a_line_each(home: Path, tmp_path: Path) -> None:
    company = written(tmp_path, '[{id: "trials:may"}, {id: "trials:mai"}]')
    ended = call("--home", home, "--company", company)
    assert ended.exit_code == 0
    herbs, june = line_of(ended.output, "Herbs"), line_of(ended.output, "trials:june")
    assert "visited of new better" in herbs
    assert "2026-06-01" in herbs
    assert "running" in june
    assert "shown" not in june
    # The one that ends last comes first, and an id that nobody is assigned to is told.
    assert ended.output.index("trials:june") < ended.output.index("Herbs")
    assert "`trials:mai` of the company file has no assignments" in ended.output


@pytest.mark.parametrize("name", ["trials:may", "may", "Herbs"])
def test_one_of_them_with_arms_and_outcomes(home: Path, name: str) -> None:
    shown = call(name, "--home", home).output
    assert "1 in several arms" in line_of(shown, "new", "treatment")
    better = line_of(shown, "visited", "new")
    for words in ("10.00 %", "+4.00 points", "+1.10 points and +6.90 points", "+66.7 %", "0.0020", "shown: better"):
        assert words in better
    money = line_of(shown, "revenue", "new")
    for words in ("1.50 EUR", "-0.10", "-0.50 and +0.30", "not shown"):
        assert words in money
    assert "june" not in shown


def test_json_has_everything(home: Path) -> None:
    told = json.loads(call("--home", home, "--json").output)
    assert [one["experiment_id"] for one in told] == ["trials:june", "trials:may"]
    may = told[1]
    assert (may["status"], may["control"], may["customers"]) == ("ended", "old", 2000)
    revenue = next(row for row in may["results"] if row["outcome"] == "revenue")
    assert (revenue["total_amount"], revenue["verdict"]) == (1500.5, "not shown")
    assert may["arms"][0]["ends_at"] == "2026-06-01T08:00:00Z"


def test_an_unknown_name_and_nothing_at_all_say_what_to_do(home: Path, tmp_path: Path) -> None:
    ended = call("mai", "--home", home)
    assert ended.exit_code == 1
    assert "There is no experiment `mai`" in ended.output
    assert "did you mean `may`?" in ended.output
    empty = tmp_path / "empty"
    (empty / "published").mkdir(parents=True)
    with duckdb.connect(str(empty / "published" / "regulars.duckdb")) as con:
        con.execute("CREATE SCHEMA marts")
    ended = call("--home", empty)
    assert ended.exit_code == 1
    assert "No experiment is published" in ended.output
    assert "experiment_assignments" in ended.output
    assert json.loads(call("--home", empty, "--json").output) == []
    # A company that has none, and an older publication without the tables, is no error for a program that asks.
