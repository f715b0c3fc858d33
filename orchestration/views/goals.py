"""Goals as tables: the scorecard with course and forecast, and one goal with its gap taken apart."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from orchestration.goals import DIMENSIONS, GoalCard, explanation
from orchestration.views.words import (
    MISSING,
    bar,
    change,
    colour,
    heading,
    measure,
    moment,
    share,
    spark_line,
    table,
)

_GROUPS_SHOWN = 8
_NUMBERS = ("target", "actual", "reached", "30 days")


def goals_view(goals: Sequence[GoalCard], currency: str | None) -> RenderableType:
    """Every goal in a row: target, actual, attainment, course, forecast at the deadline, owner."""
    made = table("goal", "", *_NUMBERS, "course", "status", "at the deadline", "deadline", "owner", right=_NUMBERS)
    for goal in goals:
        card = goal.card
        unit = str(card.get("unit"))
        style = colour(card.get("attainment"))
        made.add_row(
            Text(goal.id),
            Text(str(card.get("goal_name") or "")),
            ("≤ " if card.get("direction") == "down" else "") + measure(card.get("target"), unit, currency),
            Text(measure(card.get("actual"), unit, currency), style=style),
            share(card.get("attainment"), 0),
            change(card.get("trend_30d"), unit, currency),
            spark_line([actual for _, actual in goal.days]),
            Text(goal.status, style=colour(_final(goal))),
            _forecast(goal, currency),
            moment(card.get("deadline")),
            Text(str(card.get("owner") or MISSING)),
        )
    return made


def goal_view(goal: GoalCard, currency: str | None) -> RenderableType:
    """One goal: what it means, where it stands, and which groups its gap comes from."""
    card = goal.card
    title = Text.assemble((str(card.get("goal_name") or goal.id), "bold"), f"  {goal.id}")
    if card.get("filter_words"):
        title.append(f"  only {card['filter_words']}", style="dim")
    parts: list[RenderableType] = [
        title,
        Text(str(card.get("definition") or ""), style="dim"),
        Text(),
        goals_view([goal], currency),
        Text(),
        Text(explanation(goal, currency)),
    ]
    for dimension in DIMENSIONS:
        rows = [row for row in goal.gaps if row["dimension"] == dimension]
        if rows:
            parts += [Text(), heading(f"By {dimension.replace('_', ' ')}"), _groups(goal, dimension, currency)]
    return Group(*parts)


def _groups(goal: GoalCard, dimension: str, currency: str | None) -> Table:
    unit = str(goal.card.get("unit"))
    numbers = ("actual", "weight", "part of the gap", "within 30 days", "for one point")
    made = table(dimension.replace("_", " "), *numbers, "", right=numbers)
    rows = [row for row in goal.gaps if row["dimension"] == dimension]
    if goal.card.get("direction") == "down":
        rows.reverse()
    gap = goal.card.get("gap")
    for row in rows[:_GROUPS_SHOWN]:
        part = row["gap_contribution"]
        made.add_row(
            Text(str(row["group_name"])),
            measure(row["actual"], unit, currency),
            share(row["share_of_base"]),
            change(part, unit, currency),
            change(row["trend_30d_contribution"], unit, currency),
            share(row["actual_for_one_point"]),
            bar(part / gap if gap and part is not None else None, "yellow"),
        )
    if len(rows) > _GROUPS_SHOWN:
        made.add_row(f"… {len(rows) - _GROUPS_SHOWN} more in marts.kpi_gaps")
    return made


def _final(goal: GoalCard) -> float | None:
    at_deadline: float | None = goal.card.get("attainment_at_deadline")
    return goal.card.get("attainment") if at_deadline is None else at_deadline


def _forecast(goal: GoalCard, currency: str | None) -> str:
    card = goal.card
    unit = str(card.get("unit"))
    if card.get("is_over"):
        return f"over: {measure(card.get('actual_at_deadline'), unit, currency)}"
    if card.get("forecast_at_deadline") is None:
        return str(card.get("forecast_status") or MISSING)
    low, high = (measure(card.get(f"forecast_{name}"), unit, currency) for name in ("low", "high"))
    return f"{measure(card['forecast_at_deadline'], unit, currency)} ({low} to {high})"
