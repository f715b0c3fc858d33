"""`regulars goals` and the checks of the goals: what they say of a published scorecard."""

from __future__ import annotations

import dataclasses
import json
from datetime import date

import dagster as dg
import duckdb
import pytest
from typer.testing import CliRunner

from orchestration.assets.goals import check_result
from orchestration.cli import app
from orchestration.goals import explanation, read_goals
from orchestration.home import Home
from orchestration.published import open_published
from orchestration.views.words import spark_line

CARDS = """
CREATE SCHEMA marts;
CREATE TABLE marts.kpi_scorecard AS SELECT * FROM (VALUES
    ('back', 'Come back', 'Who came back.', 0.30e0, 0.20e0, 0.67e0, 'missed', 0.01e0, DATE '2026-12-31', 'a@x.example',
     'share', 'up', 0.25e0, 0.22e0, 0.28e0, 'forecast', 0.10e0, NULL, false, NULL, NULL, NULL, NULL),
    ('cost', 'Service', 'Its cost.', 0.02e0, 0.05e0, 0.40e0, 'missed', NULL, DATE '2025-12-31', NULL, 'share',
     'down', NULL, NULL, NULL, 'over', -0.03e0, 'source = shop', true, 0.04e0, 0.5e0, 'missed',
     NULL),
    ('none', 'Nobody', 'Of nobody.', 10.0e0, NULL, NULL, 'unmeasured', NULL, NULL, NULL, 'count',
     'up', NULL, NULL, NULL, 'no deadline', NULL, 'source = gone', false, NULL, NULL, NULL,
     'nothing fits the filter source = gone'),
    ('sold', 'Revenue', 'Sales.', 100.0e0, 120.0e0, 1.2e0, 'met', 5.0e0, DATE '2026-12-31', NULL, 'money',
     'up', NULL, NULL, NULL, 'too little history', -20.0e0, NULL, false, NULL, NULL, NULL, NULL)
) AS rows (goal_id, goal_name, definition, target, actual, attainment, status, trend_30d, deadline, owner, unit,
    direction, forecast_at_deadline, forecast_low, forecast_high, forecast_status, gap, filter_words, is_over,
    actual_at_deadline, attainment_at_deadline, status_at_deadline, unmeasured_reason);
CREATE TABLE marts.kpi_daily AS SELECT DATE '2026-01-01' + n::INTEGER AS day, 'back' AS goal_id, n / 100.0e0 AS actual
    FROM range(31) AS days (n);
CREATE TABLE marts.kpi_gaps AS SELECT * FROM (VALUES
    ('back', 'value_segment', 'gold', 40.0e0, 15.0e0, 0.375e0, 0.4e0, -0.03e0, 0.02e0, 0.40e0),
    ('back', 'value_segment', 'silver', 60.0e0, 5.0e0, 0.0833e0, 0.6e0, 0.13e0, -0.01e0, 0.10e0),
    ('back', 'source', 'shop', 100.0e0, 20.0e0, 0.20e0, 1.0e0, 0.10e0, NULL, 0.21e0),
    ('cost', 'channel', 'web', 50.0e0, 4.0e0, 0.08e0, 0.5e0, -0.03e0, NULL, NULL),
    ('cost', 'channel', 'store', 50.0e0, 1.0e0, 0.02e0, 0.5e0, 0.0e0, NULL, NULL)
) AS rows (goal_id, dimension, group_name, base, counted, actual, share_of_base, gap_contribution,
    trend_30d_contribution, actual_for_one_point);
"""


@pytest.fixture
def home(tmp_path):
    place = Home(tmp_path / "home").create()
    with duckdb.connect(str(place.published_file)) as con:
        con.execute(CARDS)
    return place


@pytest.fixture
def goals(home):
    with open_published(home.published_file) as published:
        return {goal.id: goal for goal in read_goals(published)}


def _said(home, *arguments):
    return CliRunner().invoke(app, ["goals", *arguments, "--home", str(home.path)], env={"COLUMNS": "240"})


def test_a_missed_goal_is_explained_with_those_who_lack_most(goals):
    words = explanation(goals["back"], "EUR")
    assert words == (
        "20.0 % of at least 30.0 %. Within 30 days: +1.00 points. At the deadline 2026-12-31: 25.0 % (22.0 % to 28.0 %)"
        " if it goes on so. By value segment most is missing at silver (13.00 points)."
    )


def test_where_less_is_better_those_with_too_much_are_named_and_a_past_deadline_is_over(goals):
    words = explanation(goals["cost"], "EUR")
    assert "5.0 % of at most 2.0 %." in words
    assert "The deadline 2025-12-31 is over; then it was 4.0 %: missed." in words
    assert "By channel most is missing at web (3.00 points)." in words
    assert "store" not in words


def test_once_the_deadline_is_past_a_goal_is_what_it_was_then(goals):
    """Whoever reached the target in time is not red for what came later, and who came too late stays red."""
    late = dataclasses.replace(goals["cost"], card=goals["cost"].card | {"status": "met"})
    in_time = dataclasses.replace(goals["cost"], card=goals["cost"].card | {"status_at_deadline": "met"})
    unknown = dataclasses.replace(
        goals["cost"],
        card=goals["cost"].card | {"status_at_deadline": "unmeasured", "actual_at_deadline": None, "status": "near"},
    )
    assert [(goal.status, goal.is_red) for goal in (late, in_time, unknown)] == [
        ("missed", True), ("met", False), ("near", False),
    ]  # fmt: skip
    assert "what it was then is not known" in explanation(unknown, None)


def test_what_is_not_measured_says_why(goals):
    assert explanation(goals["none"], None) == "Not measured: nothing fits the filter source = gone."


def test_the_check_of_a_goal_warns_when_it_is_missed_only(goals):
    results = {name: check_result(goal, "EUR") for name, goal in goals.items()}
    assert {name: result.passed for name, result in results.items()} == {
        "back": False, "cost": False, "none": True, "sold": True,
    }  # fmt: skip
    assert {result.severity for result in results.values()} == {dg.AssetCheckSeverity.WARN}
    assert results["back"].check_name == "goal_back"
    assert "most is missing at silver" in results["back"].description
    assert len(results["back"].metadata["gap"].records) == 3
    assert "gap" not in results["sold"].metadata


def test_all_goals_in_a_table(home):
    said = _said(home)
    assert said.exit_code == 0, said.output
    lines = {line.split()[0]: line for line in said.output.splitlines() if line.strip()}
    for part in ("30.0 %", "20.0 %", "67 %", "▁▁▂▂▃▃▄▄▅▅▆▆▇▇██", "missed", "25.0 % (22.0 % to 28.0 %)", "2026-12-31"):
        assert part in lines["back"]
    assert "≤ 2.0 %" in lines["cost"]
    assert "over: 4.0 %" in lines["cost"]
    assert "120.00" in lines["sold"]
    assert "unmeasured" in lines["none"]


def test_one_goal_with_its_gap(home):
    said = _said(home, "back")
    assert said.exit_code == 0, said.output
    assert "Who came back." in said.output
    assert "By value segment" in said.output
    [silver] = [line for line in said.output.splitlines() if line.startswith("silver")]
    assert [word for word in silver.split() if word[0] in "+-"] == ["+13.00", "-1.00"]
    assert "10.0 %" in silver


def test_as_json(home):
    said = _said(home, "back", "--json")
    [card] = json.loads(said.output)
    assert (card["goal_id"], card["actual"], len(card["days"]), len(card["gaps"])) == ("back", 0.2, 31, 3)


def test_an_unknown_goal_names_the_known(home):
    said = _said(home, "bak")
    assert said.exit_code == 1
    assert "There is no goal `bak`. Goals: back, cost, none, sold." in " ".join(said.output.split())


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ([], ""),
        ([None, None], ""),
        ([1.0, 1.0], "▁▁"),
        ([0.0, None, 1.0], "▁ █"),
        ([float(n) for n in range(32)], "▁▁▂▂▃▃▄▄▅▅▆▆▇▇██"),
    ],
)
def test_a_course_is_a_line_of_blocks(values, line):
    assert spark_line(values) == line


def test_days_of_the_course_are_in_order(goals):
    assert goals["back"].days[0] == (date(2026, 1, 1), 0.0)
    assert [day for day, _ in goals["back"].days] == sorted(day for day, _ in goals["back"].days)
