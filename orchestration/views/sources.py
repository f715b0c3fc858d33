"""What `regulars sources` shows: the list, the vendors, an entry just written, and what a page or file holds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from orchestration.report import SourceState
from orchestration.views.problems import run_problems
from orchestration.views.words import MISSING, age, counted, duration, heading, moment, table, whole

if TYPE_CHECKING:
    from orchestration.sources_add import Added
    from orchestration.sources_list import SourceNow, SourcesNow
    from orchestration.sources_test import Look, SourceLookup

_NUMBERS = ("received", "valid", "quarantined", "duplicates")
_FIELDS_SHOWN = 12
_KINDS = {"new_field": "+", "removed_field": "-", "changed_type": "~"}


def sources_view(now: SourcesNow, *, writer: str | None = None) -> RenderableType:
    """One row per source, then what changed in its fields and what went wrong.

    Args:
        now: the sources.
        writer: who is writing at this moment, in words.
    """
    parts: list[RenderableType] = []
    if writer:
        words = "  the list shows what was known before it began"
        parts += [Text.assemble(("Running  ", "bold cyan"), writer, (words, "dim")), Text()]
    made = table("source", "type", "channel", "last load", *_NUMBERS, "lag", "drift", "", right=_NUMBERS)
    for one in now.sources:
        made.add_row(
            Text(one.state.source),
            Text(one.state.type),
            (one.state.channel or MISSING).replace("_", " "),
            _last_load(one.state, now.at),
            *(whole(getattr(one, number)) for number in _NUMBERS),
            _lag(one.lag),
            _drift(one),
            _verdict(one),
        )
    parts.append(made)
    cursors = [one for one in now.sources if one.state.cursors]
    if cursors:
        parts += [Text(), heading("Fetched up to"), _cursors(cursors)]
    drifted = [one for one in now.sources if one.drift]
    if drifted:
        parts += [Text(), heading("Fields that changed with the last load: + new, - gone, ~ another type")]
        parts += [_fields(one) for one in drifted]
    problems = [problem for one in now.sources for problem in one.problems]
    if problems:
        parts += [Text(), heading("Problems of the last run"), run_problems(problems)]
    if now.run_id is None:
        parts += [Text(), Text("No run yet: regulars run")]
    return Group(*parts)


def vendors_view() -> RenderableType:
    """The vendors, how each is reached and what it brings."""
    from sources.vendors import VENDORS

    made = table("vendor", "", "channel", "comes by", "brings")
    for vendor in VENDORS.values():
        has_api = vendor.api is not None
        made.add_row(
            Text(vendor.name),
            Text(vendor.label),
            vendor.channel.replace("_", " "),
            "API, files" if has_api else "files, webhooks",
            Text(", ".join(vendor.entities).replace("_", " ")),
        )
    made.add_row("files", "any export", "any", "files", "what the company file maps")
    return Group(
        heading("Sources can be read from"), made, Text(), Text("Next: regulars sources add VENDOR", style="dim")
    )


def added_view(added: Added, program: str, options: Sequence[str]) -> RenderableType:
    """The entry that was written, and what to do now.

    Args:
        added: what was written.
        program: how the command line is called here.
        options: the options that name the company file, as the next commands need them.
    """
    first, last = added.lines
    entry = added.entry
    steps = []
    for key in entry.to_fill:
        words = f"sources.{entry.name}.{key}"
        steps.append((f"edit {added.file}", f"fill in {words}" if key.startswith("api.") else f"is {words} right?"))
    steps += [(f"export {name}=…", "the secret; it stays out of the file") for name in entry.variables]
    behind = " ".join(["", *options])
    steps += [
        (f"{program} sources test {entry.name}{behind}", "one page or file of it, without loading anything"),
        (f"{program} run{behind}", "load it"),
    ]
    width = max(len(command) for command, _ in steps)
    return Group(
        Text(f"Written to {added.file}, lines {first} to {last}:"),
        Text(),
        Text(added.text, style="cyan", no_wrap=True, overflow="ignore"),
        Text(),
        heading("Next"),
        *(Text.assemble((f"  {command:<{width}}", "cyan"), "   ", (what, "dim")) for command, what in steps),
    )


def looks_view(lookup: SourceLookup, looks: Sequence[Look]) -> RenderableType:
    """What the pages or files of one source hold."""
    parts: list[RenderableType] = [heading(f"{lookup.name} ({lookup.source.type})")]
    if not looks:
        parts.append(Text("Nothing to look at: it has neither an API nor files."))
    for look in looks:
        parts += [Text(), *_look(look)]
    return Group(*parts)


def _look(look: Look) -> list[RenderableType]:
    name = Text.assemble((look.part, "bold"), "  ", ("API" if look.way == "api" else "files", "dim"))
    if look.problem is not None:
        return [name, Text.assemble(("  ! ", "bold yellow"), look.problem)]
    lines: list[RenderableType] = [name]
    if look.records is not None:
        since = "" if look.days is None else f", changed in the last {look.days} days"
        lines.append(Text(f"  {counted(look.records, 'record')} on the first page{since}, in {duration(look.seconds)}"))
    if look.files is not None:
        lines.append(Text(f"  {counted(look.files, 'file')}"))
    if look.newest is not None:
        lines.append(Text(f"  newest change: {look.newest}"))
    for words, names in (
        ("fields", look.fields),
        ("not there", look.missing),
        ("not documented (kept all the same)", look.unknown),
    ):
        if names:
            lines.append(Text(f"  {words}, {len(names)}: {_cut(names)}"))
    if look.entities:
        lines.append(Text(f"  becomes: {', '.join(look.entities).replace('_', ' ')}"))
    return lines


def _cut(names: Sequence[str]) -> str:
    rest = len(names) - _FIELDS_SHOWN
    return ", ".join(names[:_FIELDS_SHOWN]) + (f" … and {rest} more" if rest > 0 else "")


def _last_load(state: SourceState, at: datetime) -> Text:
    if state.last_load_at is None:
        return Text("never", style="dim")
    return Text(f"{moment(state.last_load_at)} UTC, {age(state.last_load_at, at)}")


def _lag(lag: timedelta | None) -> str:
    if lag is None:
        return MISSING
    seconds = lag.total_seconds()
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= size:
            return counted(int(seconds // size), unit)
    return "under a minute"


def _drift(one: SourceNow) -> Text:
    if not one.drift:
        return Text(MISSING, style="dim")
    counts = {kind: sum(line.kind == kind for line in one.drift) for kind in _KINDS}
    return Text(" ".join(f"{_KINDS[kind]}{count}" for kind, count in counts.items() if count), style="yellow")


def _verdict(one: SourceNow) -> Text:
    if not one.is_configured:
        return Text("not in the company file", style="dim")
    failures = sum(problem.is_failure for problem in one.problems)
    if failures:
        return Text(f"{counted(failures, 'problem')}", style="bold red")
    return Text("ok", style="green") if one.state.last_load_at is not None else Text("not loaded yet", style="dim")


def _cursors(sources: Sequence[SourceNow]) -> RenderableType:
    made = table("source", "object", "up to")
    for one in sources:
        for number, (name, cursor) in enumerate(one.state.cursors.items()):
            made.add_row(Text(one.state.source if number == 0 else ""), Text(name), Text(cursor))
    return made


def _fields(one: SourceNow) -> Text:
    shown = [f"{_KINDS[line.kind]}{line.dataset}.{line.field}" for line in one.drift]
    return Text.assemble((f"  {one.state.source}  ", "bold"), _cut(shown))
