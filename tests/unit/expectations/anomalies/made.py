"""Daily profiles made by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta

import polars as pl

from expectations.anomalies import PROFILES, AnomalySettings, Span, judge

MONDAY = date(2026, 1, 5)
CLOSING = time(18, 0)


def day(number: int) -> date:
    """The day so many days after the first, which is a Monday."""
    return MONDAY + timedelta(days=number)


def profile(
    records: Sequence[int],
    nulls: Mapping[str, Sequence[int]] | None = None,
    values: Mapping[tuple[str, str], Sequence[Mapping[str, int]]] | None = None,
    *,
    source: str = "shop",
    entity: str = "orders",
) -> pl.DataFrame:
    """A profile of so many records a day from a Monday on; days without records have no row, as in the warehouse.

    Args:
        records: By day.
        nulls: Column to nulls by day.
        values: (kind, column) to counts of buckets by day.
    """
    rows = []

    def add(number: int, kind: str, field: str, bucket: str, count: int) -> None:
        newest = datetime.combine(day(number), CLOSING) if kind == "records" else None
        if count:
            rows.append((source, entity, day(number), kind, field, bucket, count, newest))

    for number, count in enumerate(records):
        add(number, "records", "", "", count)
        for field, counts in (nulls or {}).items():
            add(number, "nulls", field, "", counts[number])
        for (kind, field), buckets in (values or {}).items():
            for bucket, one in buckets[number].items():
                add(number, kind, field, bucket, one)
    return pl.DataFrame(rows, schema=PROFILES, orient="row")


def found(
    profiles: pl.DataFrame,
    days: Iterable[int],
    *,
    silent_at: Iterable[int] = (),
    settings: AnomalySettings | None = None,
    kept: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """What is found when these days are judged (the first to the last of them)."""
    numbers = list(days)
    keys = sorted(profiles.select("source", "entity").unique().iter_rows())
    spans = [Span(*key, day(min(numbers)), day(max(numbers))) for key in keys] if numbers else []
    quiet = [day(number) for number in silent_at]
    return judge(profiles, spans, settings or AnomalySettings(), silent_at=quiet, kept=kept)
