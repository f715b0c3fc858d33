"""What `regulars sources anomalies` lists, from the published copy alone: the warehouse stays shut."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orchestration.home import Home

TABLE = "source_anomalies"
_NEEDED = ("source", "day", "kind", "entity", "field", "observed", "expected", "usual_from", "usual_to", "says")


@dataclass(frozen=True)
class AnomaliesNow:
    """Findings as published, the newest day first.

    Attributes:
        rows: Findings as in `marts.source_anomalies`.
        older: How many there are of days further back.
        has_table: Whether the published copy has the table at all; one of an older version has not.
    """

    rows: list[dict[str, Any]]
    older: int = 0
    has_table: bool = True


def anomalies_now(home: Home, source: str | None = None, days: int | None = None) -> AnomaliesNow:
    """Return the findings of the last days before the newest one.

    Args:
        home: Where the published copy lies.
        source: Only of this source.
        days: How many days; all of them without a number.

    Raises:
        PublishedError: Nothing is published.
    """
    from orchestration.published import open_published

    with open_published(home.published_file) as published:
        if not published.has(TABLE, *_NEEDED):
            return AnomaliesNow([], has_table=False)
        where, values = ("source = ?", [source]) if source else ("true", [])
        rows = published.rows(TABLE, where, values, order="day DESC, source, kind, entity, field")
    if days is None or not rows:
        return AnomaliesNow(rows)
    first = rows[0]["day"] - timedelta(days=days - 1)
    shown = [row for row in rows if row["day"] >= first]
    return AnomaliesNow(shown, older=len(rows) - len(shown))


def as_text(rows: Sequence[dict[str, Any]]) -> str:
    """Return findings as indented JSON, days and times in ISO 8601."""
    plain = [
        {key: value.isoformat() if isinstance(value, date | datetime) else value for key, value in row.items()}
        for row in rows
    ]
    return json.dumps(plain, indent=2, ensure_ascii=False)
