"""What `regulars sources anomalies` shows: each finding with what was observed and what is usual."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.text import Text

from orchestration.views.words import counted, moment, share, table

if TYPE_CHECKING:
    from orchestration.source_anomalies import AnomaliesNow


def anomalies_view(now: AnomaliesNow, *, writer: str | None = None) -> RenderableType:
    """One row per finding, then each in words where its alarm began.

    Args:
        now: the findings.
        writer: who is writing at this moment, in words.
    """
    parts: list[RenderableType] = []
    if writer:
        parts += [Text.assemble(("Running  ", "bold cyan"), writer, ("  this is as published before", "dim")), Text()]
    if not now.has_table:
        return Group(*parts, Text("The published copy is older than the search for anomalies. Run: regulars run"))
    if not now.rows:
        return Group(*parts, Text("Nothing was found out of line with the past.", style="green"))
    made = table("day", "source", "what", "observed", "expected", "usual", "", right=("observed", "expected", "usual"))
    for row in now.rows:
        kind = row["kind"]
        made.add_row(
            moment(row["day"]),
            Text(row["source"]),
            Text(_what(row)),
            _number(kind, row["observed"]),
            _number(kind, row["expected"]),
            f"{_number(kind, row['usual_from'])} to {_number(kind, row['usual_to'])}",
            Text("new", style="yellow") if row["is_new"] else Text(f"since {moment(row['since'])}", style="dim"),
        )
    parts.append(made)
    new = [row for row in now.rows if row["is_new"]]
    if new:
        parts.append(Text())
        parts += [Text.assemble((f"{row['source']}  ", "bold"), row["says"]) for row in new]
    if now.older:
        parts += [Text(), Text(f"{counted(now.older, 'older finding')}: --days shows more", style="dim")]
    return Group(*parts)


def _what(row: dict[str, Any]) -> str:
    what = row["kind"].replace("_", " ")
    entity = row["entity"].replace("_", " ")
    return f"{entity}: {what} of {row['field']}" if row["field"] else f"{entity}: {what}"


def _number(kind: str, value: float) -> str:
    """A number in the unit of its kind."""
    if kind in ("null_share", "new_category"):
        return share(value)
    if kind == "distribution":
        return f"{value:.2f}"
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.1f}"
