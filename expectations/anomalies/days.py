"""Which days a run judges: complete ones that no run has judged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import polars as pl

from expectations.anomalies.settings import AnomalySettings

FIRST_DAYS = 7
"""Days that the first run judges: what is long past is nobody's news."""

MOST_DAYS = 62
"""Days that any run judges at most: two months, for who loads once a month."""


@dataclass(frozen=True)
class Span:
    """The days of one entity of one source to judge, first and last included."""

    source: str
    entity: str
    first: date
    last: date


def spans_to_judge(
    profiles: pl.DataFrame,
    judged: Mapping[tuple[str, str], date],
    now: datetime,
    time_zone: str,
    settings: AnomalySettings,
) -> list[Span]:
    """Return the complete days that are to be judged, per source and entity.

    A day is complete when the source has records of a later one, or when it is past and its records reach as far into
    it as those of any of the same weekdays before: an export that was written at noon lacks the afternoon. Days up
    to the last judged one are never judged again, also when late records come for them.

    Args:
        profiles: Daily profiles; see `expectations.anomalies.judge.PROFILES`.
        judged: By source and entity the last day judged so far.
        now: The moment of the run (UTC, without zone).
        time_zone: The company's.
        settings: How many weeks count as past.
    """
    today = _local(now, time_zone)
    spans = []
    heads = profiles.filter(pl.col("kind") == "records").sort("source", "entity", "day")
    for (source, entity), rows in heads.partition_by("source", "entity", as_dict=True).items():
        newest = dict(zip(rows["day"], _clocks(rows, time_zone), strict=True))
        last = max(newest)
        if not _is_complete(last, newest, today, settings.look_back_weeks):
            last = min(last, today) - timedelta(days=1)
        earliest = max(min(newest), last - timedelta(days=MOST_DAYS - 1))
        before = judged.get((str(source), str(entity)))
        first = last - timedelta(days=FIRST_DAYS - 1) if before is None else before + timedelta(days=1)
        first = max(first, earliest)
        if first <= last:
            spans.append(Span(str(source), str(entity), first, last))
    return spans


def _is_complete(day: date, newest: Mapping[date, time], today: date, weeks: int) -> bool:
    if day >= today:
        return False
    ends = [newest[at] for at in _weekdays_before(day, weeks) if at in newest]
    return bool(ends) and newest[day] >= min(ends)


def _weekdays_before(day: date, weeks: int) -> Iterable[date]:
    return (day - timedelta(days=7 * week) for week in range(1, weeks + 1))


def _clocks(rows: pl.DataFrame, time_zone: str) -> pl.Series:
    """The time of day of each day's newest record, on the company's clock."""
    return rows["newest_at"].dt.replace_time_zone("UTC").dt.convert_time_zone(time_zone).dt.time()


def _local(now: datetime, time_zone: str) -> date:
    day: date = pl.Series([now]).dt.replace_time_zone("UTC").dt.convert_time_zone(time_zone).dt.date()[0]
    return day
