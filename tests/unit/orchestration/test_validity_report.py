"""`regulars validity`: what the gate found, kept in the home and shown."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from orchestration.cli import app
from orchestration.home import Home, HomeError
from orchestration.validity import (
    FieldIndex,
    LoadIndex,
    RuleState,
    SourceIndex,
    ValidityReport,
    keep_report,
    last_report,
)
from orchestration.views.validity_report import sparkline

ROOT = Path(__file__).resolve().parents[3]
SAYS = "An order has the time at which it was placed."


def state(source: str, rule: str, gain: float, gain_of_source: float, failed: int = 5) -> RuleState:
    return RuleState(
        source, "orders", "ordered_at", rule, "format", "record", SAYS, 5, 100, failed, gain, gain_of_source
    )


REPORT = ValidityReport(
    run_id="20260131T093000Z-1a2b3c4d",
    measured_at=datetime(2026, 1, 31, 9, 30, tzinfo=UTC),
    passed=True,
    message="Validity is 93.10 % and reaches the goal of 90.00 %.\ntills is held back: 91.00 % is below 95.00 %.",
    goal=0.9,
    sources=[
        SourceIndex("all", 0.931, 0.9, 1234, trend=[0.9, 0.95, 0.931]),
        SourceIndex("shop", 0.96, 0.9, 1000, trend=[0.96]),
        SourceIndex("tills", 0.91, 0.95, 234, below_goal="hold_back", is_held_back=True, trend=[0.95, 0.91]),
    ],
    fields=[
        FieldIndex("all", "orders", "all", 0.931),
        FieldIndex("tills", "orders", "all", 0.91),
        FieldIndex("tills", "orders", "ordered_at", 0.8),
    ],
    rules=[state("tills", "orders_dated", 1.25, 6.5), state("shop", "orders_priced", 0.5, 0.75)],
    loads=[LoadIndex("load-1", "tills", 0.4, 50, datetime(2026, 1, 31, 9, 0, tzinfo=UTC), is_held_back=True)],
)


@pytest.fixture
def home(tmp_path):
    made = Home(tmp_path / "home").create()
    keep_report(made, REPORT)
    return made


def call(*arguments: object):
    return CliRunner().invoke(app, ["validity", *(str(one) for one in arguments)], env={"COLUMNS": "200"})


def line_of(text: str, word: str) -> str:
    return next(line for line in text.splitlines() if line.strip().startswith(word))


def test_a_report_comes_back_as_it_was_kept(home):
    assert last_report(home) == REPORT


def test_nothing_was_judged_before_the_first_run(tmp_path):
    assert last_report(Home(tmp_path)) is None
    ended = call("--home", tmp_path)
    assert ended.exit_code == 1
    assert "Start a run" in ended.output


def test_a_report_that_is_none_says_so(home):
    (home.path / "validity.json").write_text("{}", encoding="utf-8")
    with pytest.raises(HomeError, match=r"validity\.json is no report"):
        last_report(home)


def test_it_shows_index_goal_trend_and_ranking(home):
    shown = call("--home", home.path).output
    tills = line_of(shown[shown.index("Validity index") :], "tills")
    for words in ("91.00 %", "95.00 %", "234", "-4.00", "held back", "below its own goal holds it back"):
        assert words in tills
    shown_after = shown[shown.index("Validity index") :]
    assert "█" in line_of(shown_after, "all")
    assert sparkline([0.9, 0.95, 0.931]) in line_of(shown, "all")
    ranking = shown[shown.index("Mend first") :]
    assert ranking.index("orders_dated") < ranking.index("orders_priced")
    assert "+1.25" in line_of(ranking, "+1.25")
    assert "5 of 100" in ranking
    assert "tills is held back" in shown


def test_a_source_has_its_own_points_and_fields(home):
    shown = call("--home", home.path, "--source", "tills", "--loads").output
    assert "orders_priced" not in shown
    assert "+6.50" in shown
    assert "80.00 %" in line_of(shown, "ordered_at")
    assert "held back" in line_of(shown, "load-1")


def test_a_limit_says_what_is_left_out(home):
    shown = call("--home", home.path, "--limit", "1").output
    assert "1 more rules" in shown
    assert "--limit 2" in shown


@pytest.mark.parametrize(("option", "value"), [("--source", "webshop"), ("--entity", "order")])
def test_an_unknown_name_is_answered_with_those_there_are(home, option, value):
    ended = call("--home", home.path, option, value)
    assert ended.exit_code == 1
    assert f"`{value}`" in ended.output
    assert ("tills" if option == "--source" else "orders") in ended.output


def test_all_of_it_as_json(home):
    found = json.loads(call("--home", home.path, "--json").stdout)
    assert found["rules"][0]["gain"] == 1.25
    assert found["measured_at"].startswith("2026-01-31T09:30:00")


def test_the_catalogue_of_a_company_with_rules_of_its_own(tmp_path):
    company = (ROOT / "company.yaml").read_text(encoding="utf-8")
    company = company.replace("validity:\n", "validity:\n  rules: own.yaml\n", 1)
    (tmp_path / "company.yaml").write_text(company, encoding="utf-8")
    rule = (
        "- id: orders_small\n  entity: orders\n  field: gross_amount\n  dimension: range\n  weight: {weight}\n"
        "  severity: warning\n  sql: gross_amount < 1000\n  says: An order of a bakery is no fortune.\n"
    )
    (tmp_path / "own.yaml").write_text(rule.format(weight=1), encoding="utf-8")
    shown = call("--company", tmp_path / "company.yaml", "--rules", "--entity", "orders").output
    assert "orders_small" in shown
    assert "customers_readable" not in shown

    (tmp_path / "own.yaml").write_text(rule.format(weight=-1), encoding="utf-8")
    ended = call("--company", tmp_path / "company.yaml", "--rules")
    assert ended.exit_code == 2
    assert "own.yaml, line 5: rule `orders_small`: weight" in " ".join(ended.output.split())


def test_a_changed_rule_of_a_company_changes_what_tables_are_built_with(tmp_path):
    from orchestration.company import load_company
    from orchestration.run import Run

    company = (ROOT / "company.yaml").read_text(encoding="utf-8").replace("validity:\n", "validity:\n  rules: own\n", 1)
    (tmp_path / "company.yaml").write_text(company, encoding="utf-8")
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "a.yaml").write_text("# none yet\n", encoding="utf-8")

    def fingerprint() -> str:
        return Run(load_company(tmp_path / "company.yaml"), Home(tmp_path / "home")).fingerprint

    before = fingerprint()
    assert fingerprint() == before
    (tmp_path / "own" / "a.yaml").write_text("# still none\n", encoding="utf-8")
    assert fingerprint() != before


@pytest.mark.parametrize(
    ("values", "line"),
    [([], ""), ([0.9], ""), ([0.9, 0.9], "▄▄"), ([0.0, 1.0], "▁█"), ([1.0, 0.0, 0.5], "█▁▅")],
)
def test_a_course_goes_from_lowest_to_highest(values, line):
    assert sparkline(values) == line
