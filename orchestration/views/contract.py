"""Changes of the reporting contract, for `regulars contract`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from orchestration.contract_diff import Change, Effect, breaking, next_number
from orchestration.contract_release import Release
from orchestration.views.words import counted

_STYLES: dict[Effect, str] = {"breaking": "bold red", "major": "yellow", "minor": "green", "words": "dim"}
_SAYS: dict[Effect, str] = {"breaking": "breaks", "major": "readers follow", "minor": "fits", "words": "words only"}


def diff_view(released: Release, changes: Sequence[Change]) -> RenderableType:
    """What differs from a release, the breaking first, and what to do next."""
    since = f"release {released.number}"
    if released.released_on is not None:
        since += f" of {released.released_on.isoformat()}"
    if not changes:
        return Text(f"The contract is as in {since}: {counted(len(released.models), 'model')}.")
    broken = breaking(changes)
    parts: list[RenderableType] = [
        Text.assemble(f"{counted(len(changes), 'change')} since {since}, ", _count(broken), "."),
        Text(),
        changes_table(changes),
        Text(),
    ]
    if broken:
        parts.append(Text("Mend what breaks before anything is released; make test fails until then."))
    else:
        parts.append(Text(f"Next: regulars contract release (as {next_number(released, changes)})"))
    return Group(*parts)


def _count(broken: Sequence[Change]) -> Text:
    if not broken:
        return Text("none of them breaking", style="green")
    return Text(f"{len(broken)} of them breaking", style="bold red")


def changes_table(changes: Sequence[Change]) -> RenderableType:
    """One line per change, with what it means and what to do; a thing to do is said once for a table."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for head in ("", "table", "column", "change", "released", "now", "what to do"):
        table.add_column(head, overflow="fold")
    order = list(_SAYS)
    said: set[tuple[str, str]] = set()
    for change in sorted(changes, key=lambda one: (order.index(one.effect), one.table)):
        todo = "" if (change.table, change.todo) in said else change.todo
        said.add((change.table, change.todo))
        table.add_row(
            Text(_SAYS[change.effect], style=_STYLES[change.effect]),
            change.table, change.column or "", change.kind, change.before, change.after, todo,
        )  # fmt: skip
    return table


def released_view(made: Release, path: Path) -> RenderableType:
    """What was released, and lines for the change log."""
    parts: list[RenderableType] = [
        Text(f"Released the reporting contract {made.number}: {counted(len(made.models), 'model')}, {path}"),
    ]
    if made.changes:
        parts += [Text(), Text("For the change log:"), *(Text(f"- {line}") for line in made.changes)]
    return Group(*parts)
