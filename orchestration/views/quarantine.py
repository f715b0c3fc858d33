"""What `regulars quarantine` shows: records with their reasons, counts by reason, and what a replay releases."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.text import Text

from orchestration.views.words import MISSING, bar, counted, heading, moment, share, table, whole

if TYPE_CHECKING:
    from orchestration.quarantine_replay import Replay, Trial

Row = Mapping[str, Any]

RELEASES = {
    "corrected_version": "a corrected version came",
    "awaited_record": "what it waited for came",
    "rule_changed": "the rule changed",
    "mapping_changed": "the mapping changed",
    "rule_or_mapping_changed": "rule and mapping changed",
    "judged_otherwise": "values are read otherwise",
}
_SHOWN_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def harmless(value: object) -> str:
    """A value of a record for a terminal: what steers it, or turns the direction of writing, is shown as an escape."""
    return "".join(
        f"\\u{ord(one):04x}" if unicodedata.category(one) in _SHOWN_UNPRINTABLE else one for one in str(value)
    )


def records_view(rows: Sequence[Row], total: int, words: str, *, released: bool = False) -> RenderableType:
    """A table of records, where it was read, and how many there are in all."""
    if not rows:
        nothing = "No record was released" if released else "Nothing is in quarantine"
        return Group(Text(f"{nothing} that fits."), Text(words, style="dim"))
    last = ("released", "because") if released else ("since",)
    made = table("source", "entity", "record", "fails", *last)
    for row in rows:
        ends = (
            [moment(row["released_at"]), RELEASES.get(row.get("release_reason") or "", MISSING)]
            if released
            else [moment(row["quarantined_at"])]
        )
        made.add_row(Text(harmless(row["source"])), Text(row["entity"]), Text(harmless(row["record_id"])), _fails(row),
                     *ends)  # fmt: skip
    parts: list[RenderableType] = [made]
    for row in rows:
        if "raw" in row:
            name = f"{harmless(row['source'])} {row['entity']} {harmless(row['record_id'])}"
            parts += [Text(), heading(name), Text(harmless(row["raw"]), overflow="fold")]
    shown = counted(total, "record") if len(rows) == total else f"{whole(len(rows))} of {counted(total, 'record')}"
    return Group(*parts, Text(), Text(f"{shown}. {words}", style="dim"))


def _fails(row: Row) -> Text:
    said = Text(row["reasons"])
    if row.get("reasons_text"):
        said.append(f"\n{row['reasons_text']}", style="dim")
    if row.get("reject_reason"):
        said.append(f"\n{harmless(row['reject_reason'])}", style="dim")
    if row.get("other_failed_rules"):
        said.append(f"\nalso {row['other_failed_rules']}", style="dim")
    return said


def counts_view(rows: Sequence[Row], total: int, words: str, *, released: bool = False) -> RenderableType:
    """Records by source and reason; the longest bar is the greatest share of a source's records."""
    if not rows:
        return records_view([], 0, words, released=released)
    made = table("source", "entity", "reason", "records", "share", "", "oldest", "newest", right=("records", "share"))
    parts = [row["records"] / row["of_records"] if row["of_records"] else None for row in rows]
    most = max((part for part in parts if part), default=0.0) or 1.0
    for row, part in zip(rows, parts, strict=True):
        made.add_row(
            Text(harmless(row["source"])), Text(row["entity"]), Text(row["reason"]), whole(row["records"]),
            share(part), bar(None if part is None else part / most, "yellow"),
            moment(row["oldest"]), moment(row["newest"]),
        )  # fmt: skip
    what = "released" if released else "in quarantine"
    return Group(
        made,
        Text(),
        Text(f"{counted(total, 'record')} {what}; one with several reasons counts for each. {words}", style="dim"),
    )


def trial_view(found: Trial) -> RenderableType:
    """What a run would release and what stays."""
    parts: list[RenderableType] = []
    if found.by_reason:
        made = table("source", "entity", "held for", "released", "stay", right=("released", "stay"))
        for (source, entity, reason), (free, stay) in found.by_reason.items():
            made.add_row(Text(harmless(source)), Text(entity), Text(reason), whole(free), whole(stay))
        parts += [made, Text()]
    parts.append(
        Text(f"{whole(found.releases)} of {counted(found.held, 'record')} would be released. Nothing was written.")
    )
    if found.new_files:
        files = counted(found.new_files, "new file")
        parts.append(Text(f"{files} would be loaded, too; what they correct is not counted here.", style="dim"))
    return Group(*parts)


def replay_view(done: Replay) -> RenderableType:
    """How many were released, by source and reason, and how many stay."""
    parts: list[RenderableType] = []
    if done.released:
        made = table("source", "entity", "was held for", "released", "because", right=("released",))
        for row in done.released:
            made.add_row(
                Text(harmless(row["source"])), Text(row["entity"]), Text(row["reasons"]), whole(row["records"]),
                RELEASES.get(row["release_reason"] or "", MISSING),
            )  # fmt: skip
        parts += [made, Text()]
    stay = f"{counted(done.held, 'record')} {'stays' if done.held == 1 else 'stay'} in quarantine"
    parts.append(Text(f"{counted(done.count, 'record')} released, {stay}."))
    if done.report.outcome in ("gate_stopped", "failed"):
        words = "The run did not publish: what it released is not before readers yet. See regulars status"
        parts.append(Text(words, style="yellow"))
    return Group(*parts)


def as_json(rows: Sequence[Row], words: str, total: int) -> str:
    """The same for programs: where it was read, how many there are, and the rows."""

    def plain(value: object) -> object:
        return value.isoformat() if isinstance(value, datetime) else str(value)

    return json.dumps({"read": words, "total": total, "rows": [dict(row) for row in rows]}, default=plain, indent=2)
