"""Times as numbers (local seconds, see `sources.sample.rhythm`) and as the texts that systems write, in bulk."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl

from sources.sample.rhythm import DAY, TIME_ZONE, Rhythm

NEVER = 2**52
"""A time that never comes."""


def utc(local: pl.Expr) -> pl.Expr:
    """Local seconds as Datetime in UTC. The hour that summer time skips becomes the hour after it."""
    naive = (local.cast(pl.Int64) * 1_000_000).cast(pl.Datetime("us"))
    zoned = naive.dt.replace_time_zone(TIME_ZONE, ambiguous="earliest", non_existent="null")
    moved = naive.dt.offset_by("1h").dt.replace_time_zone(TIME_ZONE, ambiguous="earliest", non_existent="null")
    return pl.coalesce(zoned, moved).dt.convert_time_zone("UTC")


def utc_text(local: pl.Expr, form: str = "%Y-%m-%dT%H:%M:%SZ") -> pl.Expr:
    """Local seconds as text in UTC."""
    return utc(local).dt.strftime(form)


def epoch(local: pl.Expr) -> pl.Expr:
    """Local seconds as seconds since 1970 in UTC."""
    return utc(local).dt.epoch("s")


def offset_text(local: pl.Expr) -> pl.Expr:
    """Local seconds as ISO 8601 with the offset of the day: 2025-07-01T09:30:00+02:00."""
    zoned = utc(local).dt.convert_time_zone(TIME_ZONE)
    return zoned.dt.strftime("%Y-%m-%dT%H:%M:%S%:z")


def local_text(local: pl.Expr, form: str) -> pl.Expr:
    """Local seconds as text of the company's clock."""
    return utc(local).dt.convert_time_zone(TIME_ZONE).dt.replace_time_zone(None).dt.strftime(form)


def months(rhythm: Rhythm) -> tuple[list[str], np.ndarray]:
    """The months of the window as 2024-07, and where each begins in local seconds (one more: the end)."""
    names, starts, day = [], [], rhythm.start
    while day <= rhythm.end:
        names.append(f"{day:%Y-%m}")
        starts.append((day - date(1970, 1, 1)).days * DAY)
        day = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    return names, np.array([*starts, rhythm.last_second + 1], dtype=np.int64)


def seconds_of(rhythm: Rhythm, day: np.ndarray) -> np.ndarray:
    """Midnight of days of the window (0 = first; fractions and days before it count on) in local seconds."""
    return np.asarray(rhythm.first_second + np.floor(day * DAY), dtype=np.int64)
