"""The rhythm of the demo company: when people buy, by season, weekday and hour.

Times are counted in seconds of the company's own wall clock since 1970 ("local seconds"). The exports of shop, tills
and telephone line write that clock, as such systems do; newsletter and site write UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

DAY = 86_400
YEAR = 365.25
TIME_ZONE = "Europe/Berlin"
#: How busy a weekday (Monday first) and a month (January first) are, against the mean.
WEEKDAYS = np.array([0.88, 0.90, 0.94, 1.00, 1.14, 1.46, 0.68])
MONTHS = np.array([0.93, 0.96, 1.02, 1.06, 1.02, 0.98, 0.90, 0.86, 0.98, 1.03, 1.10, 1.34])
#: Share of the day's business by hour: tills from half past six to seven, the web at any hour, calls in office hours.
TILL_HOURS = np.array([0] * 6 + [4, 11, 13, 10, 8, 7, 9, 7, 5, 6, 8, 7, 5] + [0] * 5, dtype=float)
WEB_HOURS = np.array([1, 0.5, 0.3, 0.3, 0.4, 1, 2, 4, 5, 5, 5, 5, 6, 5, 4, 4, 5, 6, 7, 9, 10, 8, 5, 2], dtype=float)
CALL_HOURS = np.array([0] * 8 + [9, 12, 11, 9, 7, 8, 9, 9, 8, 6] + [0] * 6, dtype=float)


@dataclass(frozen=True)
class Rhythm:
    """The days the exports cover, and how busy each of them is.

    Attributes:
        start: First day.
        end: Last day, included.
        busy: Cumulated business at the start of each day, in mean years (so a yearly rate times it is a count); one
            more entry than there are days.
    """

    start: date
    end: date
    busy: np.ndarray

    @classmethod
    def two_years_to(cls, end: date) -> Rhythm:
        """The two years that end with the day `end`."""
        start = end - timedelta(days=729)
        days = np.arange((end - start).days + 1)
        weekday = (start.weekday() + days) % 7
        month = np.array([(start + timedelta(days=int(day))).month - 1 for day in days])
        weight = WEEKDAYS[weekday] * MONTHS[month]
        return cls(start, end, np.concatenate([[0.0], np.cumsum(weight / weight.mean())]) / YEAR)

    @property
    def days(self) -> int:
        """How many days there are."""
        return len(self.busy) - 1

    @property
    def first_second(self) -> int:
        """Midnight of the first day, in local seconds."""
        return (self.start - date(1970, 1, 1)).days * DAY

    @property
    def last_second(self) -> int:
        """The last second of the last day, in local seconds."""
        return self.first_second + self.days * DAY - 1

    def day_of(self, busy: np.ndarray) -> np.ndarray:
        """The days (0 = first) on which the cumulated business reaches the given values."""
        return np.clip(np.searchsorted(self.busy, busy, side="right") - 1, 0, self.days - 1)

    def busy_at(self, day: np.ndarray) -> np.ndarray:
        """The cumulated business at the start of the given days; fractions of days count in proportion."""
        return np.asarray(np.interp(day, np.arange(self.days + 1), self.busy))

    def seconds(self, rng: np.random.Generator, day: np.ndarray, hours: np.ndarray) -> np.ndarray:
        """Local seconds at a random time of each given day, following the hours' shares."""
        hour = np.searchsorted(np.cumsum(hours) / hours.sum(), rng.random(len(day)), side="right")
        within = hour * 3600 + rng.integers(0, 3600, len(day))
        return np.asarray(self.first_second + day.astype(np.int64) * DAY + within)


def as_time(local: np.ndarray | pl.Series) -> pl.Series:
    """Local seconds as a naive Datetime series. The hour that summer time skips becomes the hour after it."""
    naive = (pl.Series("at", local, dtype=pl.Int64) * 1_000_000).cast(pl.Datetime("us"))
    skipped = naive.dt.replace_time_zone(TIME_ZONE, ambiguous="earliest", non_existent="null").is_null()
    return naive.zip_with(~skipped, naive.dt.offset_by("1h"))


def local_text(local: np.ndarray | pl.Series, form: str = "%Y-%m-%d %H:%M:%S") -> pl.Series:
    """Local seconds as text of the company's clock, without offset."""
    return as_time(local).dt.strftime(form)


def utc_text(local: np.ndarray | pl.Series, form: str = "%Y-%m-%dT%H:%M:%SZ") -> pl.Series:
    """Local seconds as text in UTC."""
    zoned = as_time(local).dt.replace_time_zone(TIME_ZONE, ambiguous="earliest")
    return zoned.dt.convert_time_zone("UTC").dt.strftime(form)
