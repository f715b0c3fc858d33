"""What the gate says: the verdict as data, and in words for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from expectations.suites import ExpectationResult

_RULES_PER_SOURCE = 5

BelowGoal = Literal["block", "hold_back", "warn"]


@dataclass(frozen=True)
class OwnGoal:
    """A source's own goal, 0 to 1, and what happens below it."""

    goal: float
    below_goal: BelowGoal = "block"


@dataclass(frozen=True)
class SourceValidity:
    """The index of one source over everything it holds; shares from 0 to 1, `records` without duplicates.

    `goal` is its own where it has one, and `below_goal` then says what happens below it; `new_validity` is that of its
    loads that have not passed yet, None where there are none or too few records. `is_held_back` says that those loads
    do not go on, so that the source stands as it did before. `trend` has the index of the last judgements, oldest
    first, this one included.
    """

    source: str
    validity: float
    goal: float
    is_met: bool
    records: int
    below_goal: BelowGoal | None = None
    new_validity: float | None = None
    is_held_back: bool = False
    trend: tuple[float, ...] = ()


@dataclass(frozen=True)
class NewLoads:
    """The index of the loads that have not passed yet; `is_judged` is False where they are too few records."""

    validity: float
    records: int
    is_judged: bool


@dataclass(frozen=True)
class RuleCost:
    """What one rule on one source costs.

    Attributes:
        source: The source.
        entity: The entity the rule is about.
        rule: The rule's id.
        says: The rule as a sentence.
        validity: The share of the source's records that pass, 0 to 1.
        weight: The rule's weight.
        records: Records judged.
        failed_records: Records that failed.
        points_lost: Points (hundredths) of the overall index.
        points_lost_of_source: Points of the source's own index.
    """

    source: str
    entity: str
    rule: str
    says: str
    validity: float
    weight: float
    records: int
    failed_records: int
    points_lost: float
    points_lost_of_source: float


@dataclass(frozen=True)
class GateResult:
    """The gate's verdict.

    Attributes:
        passed: Whether the run may go on.
        validity: The index over everything held, 0 to 1; None where there was nothing to judge.
        goal: The goal, 0 to 1.
        message: The verdict for people; below the goal it names the rules that cost most, source by source.
        sources: The index per source.
        new_loads: The index of what has not passed yet; None where nothing is new.
        held_back: The sources of which the new loads do not go on, and those loads: (load_id, source).
        worst_rules: The rules that cost the overall index most, dearest first; of the new loads if only they failed.
        trend: The index of the last judgements, oldest first, this one included.
        expectations: What Great Expectations found, rule by rule, the blocking ones last.
        docs_path: The start page of Data Docs; None if they were not asked for or could not be written.
    """

    passed: bool
    validity: float | None
    goal: float
    message: str
    sources: list[SourceValidity] = field(default_factory=list)
    new_loads: NewLoads | None = None
    held_back: list[tuple[str, str]] = field(default_factory=list)
    worst_rules: list[RuleCost] = field(default_factory=list)
    trend: tuple[float, ...] = ()
    expectations: list[ExpectationResult] = field(default_factory=list)
    docs_path: Path | None = None


def percent(share: float | None) -> str:
    """A share as a percentage with two decimals, cut and not rounded, so that 89.996 % never reads as 90 %."""
    if share is None:
        return "unknown"
    cut = int(share * 10_000 + 1e-7) / 100
    return f"{cut:.2f} %"


def message_of(
    met: Mapping[tuple[str, str], bool],
    validity: float,
    used: float | None,
    new_loads: NewLoads | None,
    goal: float,
    sources: Sequence[SourceValidity],
    costs: Sequence[RuleCost],
) -> str:
    """Return the verdict in words; when it stops the run, with the rules that cost most, source by source.

    Args:
        met: Whether each blocking scope (load_id, source) reached its goal.
        validity: The index over everything held.
        used: The index without what is held back; None where nothing is.
        new_loads: The index of what has not passed yet.
        goal: The company's goal.
        sources: Every source.
        costs: What each rule on each source costs, dearest first.
    """
    held = [line for line in sources if line.is_held_back]
    if all(met.values()):
        shown = f"Validity is {percent(validity)}"
        if used is None:
            lines = [f"{shown} and reaches the goal of {percent(goal)}."]
        else:
            lines = [
                f"{shown}; without what is held back it is {percent(used)} and reaches the goal of {percent(goal)}."
            ]
        return "\n".join([*lines, *map(_held_line, held), *map(_warn_line, _warned(sources))])
    lines = _why_stopped(met, validity, used, new_loads, goal, sources)
    lines.append("What costs most:")
    for source in dict.fromkeys(cost.source for cost in costs):
        own = [cost for cost in costs if cost.source == source]
        index = next((line for line in sources if line.source == source), None)
        has = f" (validity {percent(index.validity)})" if index is not None else ""
        lines.append(f"  {source}{has}: {sum(cost.points_lost for cost in own):.2f} points")
        lines += [
            f"    {cost.points_lost:.2f} points  {cost.rule}: {cost.says} "
            f"{cost.failed_records:,} of {cost.records:,} records fail."
            for cost in own[:_RULES_PER_SOURCE]
        ]
    lines.append("Nothing behind the gate has run, and what was published before stays.")
    return "\n".join(lines)


def _why_stopped(
    met: Mapping[tuple[str, str], bool],
    validity: float,
    used: float | None,
    new_loads: NewLoads | None,
    goal: float,
    sources: Sequence[SourceValidity],
) -> list[str]:
    """One line for each goal that was missed."""
    lines = []
    for load_id, source in (scope for scope, is_met in met.items() if not is_met):
        if source != "all":
            line = next(line for line in sources if line.source == source)
            found = line.validity if load_id == "all" else line.new_validity
            what = f"Validity of {source}" if load_id == "all" else f"The new loads of {source} bring a validity that"
            lines.append(f"{what} is {percent(found)}, below its own goal of {percent(line.goal)}.")
        elif load_id == "new" and new_loads is not None:
            lines.append(
                f"The new loads bring a validity of {percent(new_loads.validity)} in {new_loads.records:,} records; "
                f"the goal is {percent(goal)}. Everything held together has {percent(validity)}."
            )
        elif used is not None:
            lines.append(f"Validity without what is held back is {percent(used)}, below the goal of {percent(goal)}.")
        else:
            lines.append(f"Validity is {percent(validity)}, below the goal of {percent(goal)}.")
    if any(load_id == "all" and source == "all" and not is_met for (load_id, source), is_met in met.items()):
        # Everything held includes what is new: one sentence says it.
        lines = [line for line in lines if not line.startswith("The new loads bring")]
    return lines


def _warned(sources: Sequence[SourceValidity]) -> list[SourceValidity]:
    return [
        line
        for line in sources
        if line.below_goal in ("warn", "hold_back") and not line.is_held_back and min(_judged(line)) < line.goal
    ]


def _judged(line: SourceValidity) -> list[float]:
    return [line.validity, *([] if line.new_validity is None else [line.new_validity])]


def _held_line(line: SourceValidity) -> str:
    return (
        f"{line.source} is held back: {percent(min(_judged(line)))} is below its own goal of {percent(line.goal)}. "
        "The others go on, and it stands as it did before."
    )


def _warn_line(line: SourceValidity) -> str:
    return f"{line.source} is below its own goal of {percent(line.goal)}: {percent(min(_judged(line)))}."
