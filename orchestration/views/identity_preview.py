"""What a change of rules would do to the customers, as people see it."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from orchestration.views.words import counted, heading, table, whole

if TYPE_CHECKING:
    import polars as pl

    from orchestration.identity_preview import Preview


def preview_view(found: Preview, limit: int) -> RenderableType:
    """Counts first, then the merges and splits themselves."""
    parts: list[RenderableType] = [
        Text(
            f"{counted(found.customers, 'customer')} now, {whole(found.customers_then)} then: "
            f"{counted(found.merged.height, 'merge')}, {counted(found.split.height, 'split')}, "
            f"{counted(found.records_moved, 'record')} with another customer. Nothing was changed."
        )
    ]
    for words, changes in (("Would be merged", found.merged), ("Would be split", found.split)):
        if changes.height:
            parts += [Text(), heading(words), _changes(changes, limit)]
    if found.blocked.height:
        values = table("identifier", "join nobody now", "then", right=("join nobody now", "then"))
        for kind, before, then in found.blocked.iter_rows():
            values.add_row(kind.replace("_", " "), whole(before), whole(then))
        parts += [Text(), heading("Values that join nobody"), values]
    return Group(*parts)


def _changes(changes: pl.DataFrame, limit: int) -> RenderableType:
    shown = table("customer", "then", "why")
    for old, new, reason in changes.head(limit or changes.height).iter_rows():
        shown.add_row(old, new, reason)
    if limit and changes.height > limit:
        return Group(shown, Text(f"… and {whole(changes.height - limit)} more: --limit 0 shows all", style="dim"))
    return shown


def as_json(found: Preview) -> str:
    """The same as JSON."""
    told = {
        name: value.to_dicts() if hasattr(value, "to_dicts") else value
        for name, value in ((one.name, getattr(found, one.name)) for one in fields(found))
    }
    return json.dumps(told, ensure_ascii=False, indent=2)
