"""`regulars validity`: the index as a table with bars, its trend, and what to mend first."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from expectations.verdict import percent
from orchestration.validity import FieldIndex, LoadIndex, RuleState, SourceIndex, ValidityReport
from orchestration.views.words import MISSING, bar, heading, moment, table, whole

_STEPS = "▁▂▃▄▅▆▇█"
_BELOW = {"block": "stops the run", "hold_back": "holds it back", "warn": "warns"}


def validity_view(
    report: ValidityReport,
    *,
    source: str | None = None,
    entity: str | None = None,
    limit: int = 10,
    show_loads: bool = False,
) -> RenderableType:
    """Show a judgement.

    Args:
        report: What the gate found.
        source: Only this source, with its entities and fields.
        entity: Only this entity.
        limit: How many rules the ranking has.
        show_loads: Also the index of the last loads.
    """
    sources = [line for line in report.sources if source in (None, line.source)]
    rules = [
        rule for rule in report.rules if source in (None, rule.source) and entity in (None, rule.entity)
    ]  # fmt: skip
    parts: list[RenderableType] = [_verdict(report), Text(), heading("Validity index"), _sources(sources)]
    if source is not None or entity is not None:
        fields = [
            line
            for line in report.fields
            if line.source == (source or "all") and entity in (None, line.entity)
        ]  # fmt: skip
        parts += [Text(), heading("By entity and field"), _fields(fields)]
    if show_loads:
        loads = [line for line in report.loads if source in (None, line.source)]
        parts += [Text(), heading("Last loads"), _loads(loads)]
    parts += [Text(), heading("Mend first")]
    parts.append(_ranking(rules[:limit], of_source=source is not None) if rules else Text("Every rule holds."))
    if len(rules) > limit:
        parts.append(
            Text(f"… and {len(rules) - limit} more rules that some record fails: --limit {len(rules)}", style="dim")
        )
    return Group(*parts)


def sparkline(values: Sequence[float]) -> str:
    """The course of some values as one line of blocks, lowest to highest; one value has no course."""
    if len(values) < 2:
        return ""
    low, high = min(values), max(values)
    if high == low:
        return _STEPS[3] * len(values)
    return "".join(_STEPS[round((value - low) / (high - low) * (len(_STEPS) - 1))] for value in values)


def gain_words(rule: RuleState, *, of_source: bool = False) -> str:
    """What mending a rule on a source brings, as a sentence."""
    gain, whose = (rule.gain_of_source, f"the index of {rule.source}") if of_source else (rule.gain, "the index")
    return f"fix {rule.rule} on {rule.source} and {whose} gains {gain:.2f} points"


def _verdict(report: ValidityReport) -> Text:
    style = "green" if report.passed else "red"
    head, *rest = report.message.splitlines()
    text = Text.assemble((head, style), (f"  run {report.run_id}, {moment(report.measured_at)} UTC", "dim"))
    for line in rest if report.passed else ():
        text.append(f"\n{line}", style="yellow")
    return text


def _sources(sources: Sequence[SourceIndex]) -> Table:
    numbers = ("validity", "goal", "records", "since last")
    made = table("source", "validity", "goal", "", "records", "trend", "since last", "", right=numbers)
    for line in sources:
        style = "green" if line.is_met else "red"
        change = "" if len(line.trend) < 2 else f"{100 * (line.trend[-1] - line.trend[-2]):+.2f}"
        notes = [
            *(["held back"] if line.is_held_back else []),
            *([f"below its own goal {_BELOW[line.below_goal]}"] if line.below_goal else []),
        ]
        made.add_row(
            Text(line.source, style="bold" if line.source == "all" else ""),
            Text(percent(line.validity), style=style),
            percent(line.goal),
            bar(line.validity, style, 20),
            whole(line.records),
            sparkline(line.trend),
            change,
            Text(", ".join(notes), style="yellow" if line.is_held_back else "dim"),
        )
        if line.source == "all":
            made.add_section()
    return made


def _fields(fields: Sequence[FieldIndex]) -> Table:
    made = table("entity", "field", "validity", "", right=("validity",))
    for line in fields:
        is_entity = line.field == "all"
        made.add_row(
            Text(line.entity if is_entity else "", style="bold"),
            "" if is_entity else line.field,
            percent(line.validity),
            bar(line.validity, "dim", 20),
        )
    return made


def _loads(loads: Sequence[LoadIndex]) -> Table:
    made = table("load", "source", "began", "validity", "", "records", "", right=("validity", "records"))
    for line in loads:
        held = Text("held back" if line.is_held_back else "", style="yellow")
        began = MISSING if line.started_at is None else moment(line.started_at)
        made.add_row(
            line.load_id,
            line.source,
            began,
            percent(line.validity),
            bar(line.validity, "dim"),
            whole(line.records),
            held,
        )
    return made


def _ranking(rules: Sequence[RuleState], *, of_source: bool) -> Table:
    gains = [rule.gain_of_source if of_source else rule.gain for rule in rules]
    most = max(gains, default=0.0) or 1.0
    made = table("gain", "", "source", "rule", "failed", "what it says", right=("gain", "failed"))
    for rule, gain in zip(rules, gains, strict=True):
        made.add_row(
            f"{gain:+.2f}",
            bar(gain / most, "dim", 8),
            rule.source,
            Text.assemble(rule.rule, (f"\n{rule.severity}, {rule.dimension}, weight {rule.weight:g}", "dim")),
            f"{whole(rule.failed)} of {whole(rule.records)}",
            Text(rule.says),
        )
    return made
