"""Goals as they are published: where each stands, where it is going, and what its gap is made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from orchestration.published import Published, Row
from orchestration.views.words import change, measure, share

# What most people ask first stands first.
DIMENSIONS = ("value_segment", "source", "channel", "lifecycle_stage", "behaviour_segment", "country_code")


@dataclass(frozen=True)
class GoalCard:
    """One goal.

    Attributes:
        card: Its row of kpi_scorecard.
        days: Its course: (day, actual), oldest first.
        gaps: Its rows of kpi_gaps, what lacks most first within each dimension.
    """

    card: Row
    days: Sequence[tuple[Any, float | None]] = ()
    gaps: Sequence[Row] = field(default_factory=list)

    @property
    def id(self) -> str:
        """The goal's id."""
        return str(self.card["goal_id"])

    @property
    def is_red(self) -> bool:
        """Whether the goal is missed; once its deadline is past, whether it was missed then."""
        return self.status == "missed"

    @property
    def status(self) -> str:
        """'met', 'near', 'missed' or 'unmeasured'; once the deadline is past, and if that day is known, as of then."""
        final = self.card.get("status_at_deadline")
        return str(self.card.get("status") if final in (None, "unmeasured") else final)


def read_goals(published: Published, wanted: str | None = None) -> list[GoalCard]:
    """Every published goal, or one of them.

    Raises:
        LookupError: there is no such goal; the text names those that there are.
    """
    cards = published.rows("kpi_scorecard", order="goal_id") if published.has("kpi_scorecard", "goal_id") else []
    known = [str(card["goal_id"]) for card in cards]
    if wanted is not None and wanted not in known:
        raise LookupError(f"There is no goal `{wanted}`. Goals: {', '.join(known) or 'none are published'}.")
    return [
        GoalCard(
            card,
            [
                (row["day"], row["actual"])
                for row in published.rows("kpi_daily", "goal_id = ?", [card["goal_id"]], order="day")
            ],
            published.rows(
                "kpi_gaps", "goal_id = ?", [card["goal_id"]], order="dimension, gap_contribution DESC, group_name"
            ),
        )
        for card in cards
        if wanted in (None, card["goal_id"])
    ]


def explanation(goal: GoalCard, currency: str | None) -> str:
    """Why a goal stands where it does, in sentences: the gap, its trend and forecast, and the groups that lack most."""
    return " ".join(_sentences(goal, currency))


def _sentences(goal: GoalCard, currency: str | None) -> Iterator[str]:
    card = goal.card
    unit = str(card.get("unit"))

    def said(value: float | None) -> str:
        return measure(value, unit, currency)

    if card.get("actual") is None:
        yield f"Not measured: {card.get('unmeasured_reason') or 'there is nothing to measure'}."
        return
    way = "at most" if card.get("direction") == "down" else "at least"
    yield f"{said(card['actual'])} of {way} {said(card['target'])}."
    if card.get("trend_30d") is not None:
        yield f"Within 30 days: {change(card['trend_30d'], unit, currency)}."
    if card.get("forecast_at_deadline") is not None:
        reach = f"{said(card.get('forecast_low'))} to {said(card.get('forecast_high'))}"
        yield f"At the deadline {card['deadline']}: {said(card['forecast_at_deadline'])} ({reach}) if it goes on so."
    elif card.get("is_over"):
        if card.get("actual_at_deadline") is None:
            yield f"The deadline {card['deadline']} is over; what it was then is not known."
        else:
            final = f"{said(card['actual_at_deadline'])}: {card.get('status_at_deadline')}"
            yield f"The deadline {card['deadline']} is over; then it was {final}."
    if card.get("status") == "met":
        return
    for dimension in DIMENSIONS:
        worst = lacking(goal, dimension)
        if worst:
            groups = ", ".join(f"{row['group_name']} ({part(row, card)})" for row in worst[:2])
            yield f"By {dimension.replace('_', ' ')} most is missing at {groups}."


def lacking(goal: GoalCard, dimension: str) -> list[Row]:
    """The groups of a dimension that lack most; none where everything is one group."""
    rows = [row for row in goal.gaps if row["dimension"] == dimension]
    down = goal.card.get("direction") == "down"
    lack = [row for row in rows if (row["gap_contribution"] or 0) * (-1 if down else 1) > 0]
    return sorted(lack, key=lambda row: -abs(row["gap_contribution"])) if len(rows) > 1 else []


def part(row: Row, card: Row) -> str:
    """A group's contribution: points of a share, else its part of the gap."""
    if card.get("unit") == "share":
        return f"{abs(row['gap_contribution']) * 100:,.2f} points"
    return share(row["gap_contribution"] / card["gap"]) if card.get("gap") else share(None)
