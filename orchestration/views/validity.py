"""Validity: what each source brought, how much of it holds, and which rules cost most."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from orchestration.report import GateResult, RuleLine, SourceLine
from orchestration.views.words import MISSING, bar, share, table, whole

_NUMBERS = ("received", "valid", "quarantined", "duplicates", "validity", "goal")
_RULES_SHOWN = 8


def sources_table(sources: Sequence[SourceLine], overall: float | None = None, goal: float | None = None) -> Table:
    """One row for each entity of each source, and one for all: received = valid + quarantined + duplicates."""
    made = table("source", "channel", "new files", "entity", *_NUMBERS, "", right=("new files", *_NUMBERS))
    before = None
    for line in sources:
        if line.source == before:
            made.add_row("", "", "", *_counts(line), "", "", "")
            continue
        before = line.source
        style = _style(line.is_met)
        made.add_row(
            Text(line.source),
            (line.channel or MISSING).replace("_", " "),
            whole(line.files_new),
            *_counts(line),
            Text(share(line.validity), style=style),
            share(line.goal, 0),
            bar(line.validity, style),
        )
    if overall is not None:
        met = None if goal is None else overall >= goal
        totals = [sum(getattr(line, name) for line in sources) for name in _COUNTS]
        made.add_section()
        made.add_row(
            Text("all", style="bold"),
            "",
            whole(sum(line.files_new for line in sources)),
            "",
            *(whole(total) for total in totals),
            Text(share(overall), style=f"bold {_style(met)}"),
            share(goal, 0),
            bar(overall, _style(met)),
        )
    return made


_COUNTS = ("received", "valid", "quarantined", "duplicates")


def _counts(line: SourceLine) -> list[Text | str]:
    received = Text(whole(line.received))
    if not line.is_balanced:
        received.append(" ≠", style="bold red")
    entity = (line.entity or MISSING).replace("_", " ")
    return [entity, received, whole(line.valid), whole(line.quarantined), whole(line.duplicates)]


def worst_rules(rules: Sequence[RuleLine]) -> Table:
    """The rules that cost most, the dearest first."""
    made = table("source", "entity", "rule", "points lost", "failed", "what it says", right=("points lost", "failed"))
    for rule in sorted(rules, key=lambda each: -each.points_lost)[:_RULES_SHOWN]:
        failed = MISSING if rule.failed is None else whole(rule.failed)
        if rule.failed is not None and rule.records:
            failed += f" of {whole(rule.records)}"
        made.add_row(
            Text(rule.source),
            Text(rule.entity or MISSING),
            Text(rule.rule),
            f"{rule.points_lost:.2f}",
            failed,
            Text(rule.says or ""),
        )
    return made


def gate_view(gate: GateResult) -> RenderableType:
    """Why the gate let nothing pass."""
    parts: list[RenderableType] = [Text(message) for message in gate.messages]
    if gate.worst_rules:
        parts += [Text(), worst_rules(gate.worst_rules)]
    return Group(*parts)


def _style(is_met: bool | None) -> str:
    return "dim" if is_met is None else "green" if is_met else "red"
