"""What the views show of hand-made numbers."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from rich.console import Console, RenderableType

from orchestration.report import GateResult, GoalLine, Problem, RuleLine, RunReport, SourceLine, StepLine
from orchestration.views import words
from orchestration.views.check import size
from orchestration.views.run import RunProgress, run_end
from orchestration.views.scorecard import scorecard
from orchestration.views.status import status_view
from orchestration.views.validity import sources_table, worst_rules

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


def shown(view: RenderableType) -> str:
    console = Console(file=io.StringIO(), width=200, color_system=None)
    console.print(view)
    return console.file.getvalue()  # type: ignore[attr-defined]


def _line(text: str, start: str) -> list[str]:
    return next(line for line in text.splitlines() if line.startswith(start)).split()


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.3, "share", "30.0 %"),
        (0.0449, "share", "4.5 %"),
        (1200, "money", "1,200.00 EUR"),
        (Decimal("1210.5"), "money", "1,210.50 EUR"),
        (12.345, "number", "12.35"),
        (None, "share", "–"),  # noqa: RUF001
        (None, "money", "–"),  # noqa: RUF001
    ],
)
def test_numbers_in_their_unit(value, unit, text):
    assert words.measure(value, unit, "EUR") == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "0.0 s"), (9.94, "9.9 s"), (12.4, "12 s"), (59.6, "1 min 0 s"), (125, "2 min 5 s")]
)
def test_durations(seconds, text):
    assert words.duration(seconds) == text


@pytest.mark.parametrize(
    ("then", "text"),
    [
        (datetime(2026, 1, 31, 11, 59, 30, tzinfo=UTC), "just now"),
        (datetime(2026, 1, 31, 11, 59, tzinfo=UTC), "1 minute ago"),
        (datetime(2026, 1, 31, 9, 1, tzinfo=UTC), "2 hours ago"),
        (datetime(2026, 1, 29, 12, 0, tzinfo=UTC), "2 days ago"),
        (datetime(2026, 2, 1, 12, 0, tzinfo=UTC), "just now"),
    ],
)
def test_ages(then, text):
    assert words.age(then, NOW) == text


@pytest.mark.parametrize(
    ("part", "bar"),
    [
        (0, "░░░░"),
        (0.24, "░░░░"),
        (0.25, "█░░░"),
        (0.99, "███░"),
        (1, "████"),
        (3.5, "████"),
        (-1, "░░░░"),
        (None, "····"),
    ],
)
def test_bars_are_full_only_when_the_goal_is_reached(part, bar):
    assert words.bar(part, "", 4).plain == bar


@pytest.mark.parametrize(("count", "text"), [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (2_500_000, "2.5 MB")])
def test_sizes(count, text):
    assert size(count) == text


def test_the_scorecard():
    text = shown(
        scorecard(
            [
                GoalLine("r", "Come back", 0.30, 0.36, 1.2, "met"),
                GoalLine("o", "Opens", 0.20, 0.10, 0.5, "far_off"),
                GoalLine("l", "Value", 1200, 900, 0.75, "missed", "money"),
                GoalLine("c", "Clicks", 0.05),
            ],
            "EUR",
        )
    )
    assert _line(text, "Come back") == ["Come", "back", "30.0", "%", "36.0", "%", "120", "%", "█" * 12, "met"]
    assert _line(text, "Opens") == ["Opens", "20.0", "%", "10.0", "%", "50", "%", "█" * 6 + "░" * 6, "far", "off"]
    assert _line(text, "Value") == ["Value", "1,200.00", "EUR", "900.00", "EUR", "75", "%", "█" * 9 + "░" * 3, "missed"]
    assert _line(text, "Clicks")[-3:] == ["·" * 12, "not", "measured"]


def test_sources_and_their_sum():
    lines = [
        SourceLine("shop", "shop", 3, 1000, 900, 60, 40, 0.95, 0.9),
        SourceLine("phone", "call_centre", 0, 50, 40, 9, 1),
    ]
    text = shown(sources_table(lines, 0.94, 0.9))
    assert _line(text, "shop")[:12] == [
        "shop",
        "shop",
        "3",
        words.MISSING,
        "1,000",
        "900",
        "60",
        "40",
        "95.0",
        "%",
        "90",
        "%",
    ]
    assert _line(text, "phone")[:3] == ["phone", "call", "centre"]
    assert _line(text, "all")[:10] == ["all", "3", "1,050", "940", "69", "41", "94.0", "%", "90", "%"]
    assert "≠" not in text


def test_records_that_are_lost_are_pointed_at():
    assert "≠" in shown(sources_table([SourceLine("shop", "shop", 1, 10, 5, 2, 2)]))


def test_the_dearest_rule_comes_first_and_only_eight_are_shown():
    rules = [RuleLine("shop", f"rule_{n}", n / 10, "orders", failed=n, records=100) for n in range(10)]
    text = shown(worst_rules(rules))
    order = [line.split()[2] for line in text.splitlines() if "rule_" in line]
    assert order == [f"rule_{n}" for n in (9, 8, 7, 6, 5, 4, 3, 2)]
    assert "9 of 100" in text


def _report(**changes: object) -> RunReport:
    return RunReport(
        run_id="r7",
        started_at=datetime(2026, 1, 31, 10, 0, tzinfo=UTC),
        finished_at=datetime(2026, 1, 31, 10, 1, tzinfo=UTC),
    ).replace(**changes)


@pytest.mark.parametrize(
    ("outcome", "says", "not_said"),
    [
        ("published", "Published", "stays in place"),
        ("nothing_new", "Nothing was new", "Published:"),
        ("gate_stopped", "Stopped at the gate", "Scorecard"),
        ("failed", "Failed", "Scorecard"),
    ],
)
def test_how_a_run_ended(outcome, says, not_said):
    goals = [GoalLine("r", "Come back", 0.30, 0.36, 1.2, "met")]
    text = shown(run_end(_report(outcome=outcome, goals=goals), [("regulars status", "again")]))
    assert says in text
    assert not_said not in text
    assert "1 min 0 s" in text
    assert "regulars status   again" in text


def test_a_run_names_its_places():
    report = _report(
        outcome="published", data_docs="/home/data_docs/index.html", charts="/home/charts/value/index.html"
    )
    text = shown(run_end(report, []))
    assert _line(text, "charts") == ["charts", "/home/charts/value/index.html"]
    assert "charts" not in shown(run_end(_report(outcome="published"), []))


def test_markup_in_data_is_only_text():
    problems = [Problem("[bold]odd[/bold] name", "rename it [/]", "shop", "a[1].csv")]
    text = shown(run_end(_report(problems=problems), []))
    assert "shop a[1].csv: [bold]odd[/bold] name" in text
    assert "rename it [/]" in text


def test_status_of_everything():
    report = _report(
        outcome="gate_stopped",
        company_name="Bakehouse",
        currency="EUR",
        gate=GateResult(passed=False, messages=["Validity is 80 %."], worst_rules=[RuleLine("shop", "email_valid", 5)]),
        steps=[StepLine("fast", 0.1), StepLine("slow", 30, 10, 9)],
    )
    view = status_view(
        report,
        published_run="r6",
        published_at=datetime(2026, 1, 30, 12, 0, tzinfo=UTC),
        published_goals=[GoalLine("r", "Come back", 0.30, 0.36, 1.2, "met")],
        writer="process 7",
        now=NOW,
    )
    text = shown(view)
    assert "process 7" in text
    assert "run r6, 2026-01-30 12:00 UTC, 1 day ago" in text
    assert "stopped at the gate  r7, 2026-01-31 10:00 UTC, 2 hours ago, 1 min 0 s" in text
    assert "Validity is 80 %." in text
    assert text.index("slow") < text.index("fast")


def test_status_of_nothing():
    text = shown(status_view(None, published_run=None, published_at=None, now=NOW))
    assert "none yet" in text
    assert "nothing yet" in text


def test_progress_off_a_terminal_is_plain_lines():
    console = Console(file=io.StringIO(), width=100)
    with RunProgress(console) as progress:
        progress("load", "started", "")
        progress("load", "running", "file 3 of 9")
        progress("load", "done", "12 received")
        progress("gate", "started", "")
        progress("gate", "failed", "")
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert len(lines) == 2
    assert lines[0].startswith("✓ load")
    assert lines[0].endswith("12 received")
    assert lines[1].startswith("✗ gate")
