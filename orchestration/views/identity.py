"""What `regulars identity` shows: ways from record to record, comparisons, what a decision does, and the decisions."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.text import Text

from orchestration.views.quarantine import harmless
from orchestration.views.words import MISSING, counted, heading, moment, share
from orchestration.views.words import table as plain_table

if TYPE_CHECKING:
    from rich.table import Table

    from orchestration.decisions import Decision, Record
    from orchestration.identity_compare import FieldLine
    from orchestration.identity_decide import Plan, Side
    from orchestration.identity_explain import Explanation, Weakest
    from orchestration.identity_subjects import Link, Subject

_MOST_RECORDS = 40
_STATUS_STYLES = {"applied": "green", "overruled": "yellow", "undone": "dim", "unknown record": "yellow"}


def explanation_view(found: Explanation) -> RenderableType:
    """Why two are one customer, or why they are not."""
    return Group(*(_one_view(found) if found.is_same else _two_view(found)))


def weakest_view(found: Weakest) -> RenderableType:
    """The records of a customer, the links that hold it, and what would come of it without the weakest one."""
    parts: list[RenderableType] = [
        Text.assemble((found.customer_id, "bold"), f"  {counted(len(found.members), 'record')}")
    ]
    parts += [Text(f"  {line}") for line in _listed(found.members)]
    if found.weakest is None or found.parts is None:
        words = (
            "One record: nothing has to hold it together." if len(found.members) == 1 else "No link holds it together."
        )
        return Group(*parts, Text(), Text(words))
    parts += [Text(), heading("What holds it together, the strongest first")]
    parts.append(_links_table(found.links, found.weakest))
    parts += [Text(), heading("Without the weakest link it would be two")]
    for name, records in zip(("one", "the other"), found.parts, strict=True):
        parts.append(Text(f"{name}, {counted(len(records), 'record')}"))
        parts += [Text(f"  {line}") for line in _listed(records)]
    return Group(*parts)


def plan_view(plan: Plan, names: Sequence[str]) -> RenderableType:
    """The records on each side of a decision, what would follow, and which earlier decisions it touches."""
    parts: list[RenderableType] = []
    for name, side in zip(names, plan.sides, strict=False):
        parts += [*_side(name, side), Text()]
    if plan.follows:
        parts += [heading("With the next run"), *(Text(f"  {words}") for words in plan.follows), Text()]
    return Group(*parts, *touched(plan))


def touched(plan: Plan) -> list[RenderableType]:
    """Which earlier decisions do not count any more, or count again."""
    told = [
        *((one, "It overrules") for one in plan.overrules),
        *((one, "It lets count again") for one in plan.revives),
    ]
    return [
        Text(
            f"{words} {one.decision_id}: {one.decision} of {moment(one.decided_at)} by {harmless(one.decided_by)}, "
            f"“{harmless(one.reason)}”",
            style="yellow",
        )
        for one, words in told
    ]


def decisions_view(rows: Iterable[tuple[Decision, str, str | None]]) -> RenderableType:
    """Every decision, the newest first, with its status."""
    shown = list(rows)
    if not shown:
        return Text("Nothing has been decided yet. See: regulars identity --help")
    made = table("decision", "what", "decided (UTC)", "by", "why", "status")
    for one, status, note in reversed(shown):
        words = status if not note else f"{status}: {harmless(note)}"
        made.add_row(
            one.decision_id, _what(one), moment(one.decided_at), Text(harmless(one.decided_by)),
            Text(harmless(one.reason) or MISSING), Text(words, style=_STATUS_STYLES.get(status, "cyan")),
        )  # fmt: skip
    return made


def as_json(found: object) -> str:
    """The same for programs."""

    def plain(value: Any) -> Any:
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return value.isoformat() if isinstance(value, datetime) else str(value)

    return json.dumps(found, default=plain, indent=2)


def record_words(record: Record) -> str:
    """A record as commands take it."""
    return harmless("/".join(record))


def link_words(link: Link) -> str:
    """What a link says, without its value."""
    from models.identity.words import kind_words

    if link.kind == "profile":
        return f"what they say looks alike ({share(link.probability)})"
    if link.method == "steward" or link.kind == "decision":
        return "a steward joined them"
    return f"same {kind_words(link.kind)}"


def _one_view(found: Explanation) -> list[RenderableType]:
    parts: list[RenderableType] = [
        Text.assemble(("Both are one customer: ", "bold"), found.left.customer_id),
        Text(f"{counted(len(found.left.members), 'record')} in all", style="dim"),
        Text(),
    ]
    if not found.path:
        parts.append(Text("The published copy shows no link that leads from one to the other."))
    else:
        steps = counted(len(found.path), "step")
        parts.append(heading(f"The way from one to the other, {steps}"))
        parts.append(Text(record_words(found.path[0].link.left)))
        for place, edge in enumerate(found.path):
            is_least = place == found.weakest and len(found.path) > 1
            parts.append(_step(edge.link, " ← the weakest" if is_least else ""))
            parts += [Text(f"       {_field_words(line)}", style="dim") for line in edge.fields]
            parts.append(Text(record_words(edge.link.right)))
    return [*parts, *_decided(found)]


def _two_view(found: Explanation) -> list[RenderableType]:
    parts: list[RenderableType] = [
        Text.assemble(("Two customers: ", "bold"), _subject(found.left), " and ", _subject(found.right))
    ]
    if found.shared:
        made = table("both have", "value", "does not join because", "here", "there")
        for one in found.shared:
            made.add_row(
                _kind(one.kind), Text(harmless(one.value)), Text(harmless(one.why)),
                *(Text("\n".join(_listed(records, 3))) for records in (one.left, one.right)),
            )  # fmt: skip
        parts += [Text(), heading("What they share"), made]
    else:
        parts += [Text(), Text("They share no identifier.")]
    if found.stopped:
        made = table("record", "record", "link", "value", "bits", "stopped because", right=("bits",))
        for link in found.stopped:
            made.add_row(
                Text(record_words(link.left)), Text(record_words(link.right)), link_words(link), _value(link),
                _bits(link.weight), Text(harmless(link.reason or MISSING)),
            )  # fmt: skip
        parts += [Text(), heading("Links that were stopped"), made]
    parts += _decided(found)
    if found.pair is not None:
        words = f"{record_words(found.pair[0])} and {record_words(found.pair[1])}, field by field"
        parts += [Text(), heading(words)]
        parts.append(_fields(found.fields) if found.fields else Text("At least one of them says nothing of a person."))
    return parts


def table(*columns: str, right: Iterable[str] = ()) -> Table:
    """A table whose values are never cut short, because a steward compares and copies them."""
    made = plain_table(*columns, right=right)
    for column in made.columns:
        column.overflow = "fold"
    return made


def _fields(lines: Sequence[FieldLine]) -> RenderableType:
    made = table("field", "first", "second", "", "bits", right=("bits",))
    for line in lines:
        texts = [MISSING if value is None else harmless(value) for value in (line.left, line.right)]
        made.add_row(line.field, *(Text(text) for text in texts), Text(line.words), _bits(line.weight))
    weighed = [line.weight for line in lines if line.weight is not None]
    if not weighed:
        return made
    words = f"The fields together: {sum(weighed):+.1f} bits; above 0 speaks for one person, below 0 against."
    return Group(made, Text(words, style="dim"))


def _field_words(line: FieldLine) -> str:
    values = line.left if line.left == line.right else f"{line.left} / {line.right}"
    weight = "" if line.weight is None else f"  {line.weight:+.1f} bits"
    return f"{line.field}: {line.words} ({harmless(values or MISSING)}){weight}"


def _links_table(links: Sequence[Link], least: Link) -> RenderableType:
    made = table("record", "record", "link", "value", "bits", "", right=("bits",))
    for link in links:
        is_least = link is least
        made.add_row(
            Text(record_words(link.left)), Text(record_words(link.right)), link_words(link), _value(link),
            _bits(link.weight), "← the weakest" if is_least else "", style="yellow" if is_least else "",
        )  # fmt: skip
    return made


def _step(link: Link, mark: str) -> Text:
    value = "" if link.value is None else f" {harmless(link.value)}"
    weight = "" if link.weight is None else f"  {_bits(link.weight)} bits"
    return Text.assemble("  │ ", (f"{link_words(link)}{value}", "cyan"), weight, (mark, "yellow"))


def _decided(found: Explanation) -> list[RenderableType]:
    if not found.decisions:
        return []
    told = [
        Text(
            f"  {one.decision_id}: {one.decision} by {harmless(one.decided_by)}, {moment(one.decided_at)} UTC, "
            f"“{harmless(one.reason)}” ({status})"
        )
        for one, status in found.decisions
    ]
    return [Text(), heading("What a steward decided between them"), *told]


def _side(name: str, side: Side) -> list[RenderableType]:
    parts: list[RenderableType] = [
        Text.assemble((name, "bold"), f"  {counted(len(side.records), 'record')} of {side.customer_id}")
    ]
    if len(side.parts) > 1:
        for number, part in enumerate(side.parts, start=1):
            parts.append(Text(f"  would be customer {number} of {len(side.parts)}", style="yellow"))
            parts += [Text(f"    {line}") for line in _listed(part)]
        return parts
    return parts + [Text(f"  {line}") for line in _listed(side.records)]


def _listed(records: Sequence[Record], most: int = _MOST_RECORDS) -> list[str]:
    lines = [record_words(record) for record in records[:most]]
    rest = len(records) - most
    return lines if rest <= 0 else [*lines, f"… and {rest:,} more"]


def _subject(subject: Subject) -> str:
    return f"{subject.customer_id} ({counted(len(subject.members), 'record')})"


def _what(one: Decision) -> Text:
    if one.decision == "undo":
        return Text(f"undo {one.undoes}")
    joins = "and" if one.decision == "merge" else "from"
    sides = [
        record_words(side[0]) if len(side) == 1 else counted(len(side), "record") for side in (one.records, one.others)
    ]
    return Text(f"{one.decision} {sides[0]} {joins} {sides[1]}")


def _kind(kind: str) -> str:
    from models.identity.words import kind_words

    return kind_words(kind)


def _value(link: Link) -> Text:
    return Text(MISSING if link.value is None else harmless(link.value))


def _bits(weight: float | None) -> str:
    return MISSING if weight is None else f"{weight:+.1f}"
