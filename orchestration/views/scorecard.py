"""The scorecard: each goal with its target, what was measured, and how far that is."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from orchestration.report import GoalLine
from orchestration.views.words import bar, colour, measure, table


def scorecard(goals: Sequence[GoalLine], currency: str | None) -> Table:
    """One row for each goal. The bar is full when the target is reached."""
    made = table("goal", "target", "actual", "reached", "", "status", right=("target", "actual", "reached"))
    for goal in goals:
        style = colour(goal.attainment)
        reached = "" if goal.attainment is None else f"{goal.attainment * 100:,.0f} %"
        status = (goal.status or "not measured").replace("_", " ")
        made.add_row(
            Text(goal.name),
            measure(goal.target, goal.unit, currency),
            Text(measure(goal.actual, goal.unit, currency), style=style),
            reached,
            bar(goal.attainment, style),
            Text(status, style=style),
        )
    return made
