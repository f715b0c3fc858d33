"""How many records came, and how long none has: each day against the same weekdays before it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import betainc
from scipy.stats import nbinom

from expectations.anomalies.past import ALIKE, excess, least, median_before, most_before, same_weekday, sum_before
from expectations.anomalies.series import Series
from expectations.anomalies.settings import AnomalySettings

_SAME_WEEKDAYS = 3
"""Earlier days of the same weekday without which nothing is expected."""

_LEAST_VARIANCE = 0.01
"""Days vary by at least 10 % beside chance: no business is more even. With little past, by more."""

_STEADY_RECORDS = 100.0
"""From about this many records a week on, last week's level is believed rather than that of the weeks before."""

_MOST_GROWTH = np.log(2.0)

_LONGER_GAP = 1.5
"""A silence is told when it is longer than this many times the longest one that began on the same weekday."""


@dataclass(frozen=True)
class Volume:
    """What was expected of each day.

    Attributes:
        expected: Records; NaN where too little is known.
        spread: Variance beyond chance, as a share of the expectation squared (1/r of a negative binomial).
        p_value: Two-sided; 1 where nothing is expected.
        is_tested: Days that could have been found.
        stands_out: Days whose difference is large enough to be told.
    """

    expected: np.ndarray
    spread: np.ndarray
    p_value: np.ndarray
    is_tested: np.ndarray
    stands_out: np.ndarray

    def bounds(self, day: int, level: float) -> tuple[float, float]:
        """Return the records between which a day would not have been found."""
        size, chance = _shape(self.expected[day], self.spread[day])
        return float(nbinom.ppf(level / 2, size, chance)), float(nbinom.isf(level / 2, size, chance))


def volume(series: Series, settings: AnomalySettings) -> Volume:
    """Compare the records of every day with its past.

    The expectation is the median of the same weekdays before, moved by the level of the last seven days against
    theirs (a median again, so that one bad day moves nothing): that follows growth and seasons within a week. Records
    are negative binomial around it, with a spread learnt from how far off the days before were (Hilbe, J. M. 2011,
    Negative Binomial Regression; Noufaily, A. et al. 2013, An improved algorithm for outbreak detection in multiple
    surveillance systems, Statistics in Medicine 32, judges weekly counts the same way).

    A day that is too full is told only when no day in memory was so much fuller than expected: campaigns happen.
    """
    known = series.known
    records = np.where(known, series.records, np.nan)
    before = same_weekday(records, settings.look_back_weeks)
    count = np.sum(~np.isnan(before), axis=0)
    total = np.nansum(before, axis=0)
    with np.errstate(all="ignore"):
        middle = np.nanmedian(np.where(count > 0, before, 0.0), axis=0)
    # A weekday that is usually closed still has its slips: half a record in all the weeks, as Jeffreys' prior has it.
    base = np.where(middle > 0, middle, (total + 0.5) / (count + 1.0))
    base = np.where(count >= _SAME_WEEKDAYS, base, np.nan)
    is_open = base >= 1.0
    off = np.where(is_open, np.log((records + 0.5) / (base + 0.5)), np.nan)
    trend = np.nan_to_num(median_before(off, 7, 3))
    weekly = sum_before(np.where(is_open, base, 0.0), 7)
    trend = np.clip(trend * weekly / (weekly + _STEADY_RECORDS), -_MOST_GROWTH, _MOST_GROWTH)
    expected = base * np.exp(np.where(is_open, trend, 0.0))

    difference = records - expected
    spread, days = excess(difference / np.sqrt(expected), expected, expected**2, 7 * settings.look_back_weeks)
    spread = np.maximum(spread, least(_LEAST_VARIANCE, days, 7 * settings.look_back_weeks))

    is_tested = series.is_judged(settings.minimum_weeks) & ~np.isnan(expected)
    p_value = np.where(is_tested, _two_sided(records, expected, spread), 1.0)
    ratio = (records + 0.5) / (expected + 0.5)
    is_large = np.abs(difference) >= np.maximum(settings.volume_change * expected, settings.volume_records)
    happens = (difference > 0) & (ratio <= ALIKE * most_before(ratio, 7 * settings.memory_weeks))
    return Volume(expected, spread, p_value, is_tested, is_tested & is_large & ~happens)


@dataclass(frozen=True)
class Freshness:
    """How long nothing had come at the end of each day.

    Attributes:
        silent: Whole days without a record up to this one.
        usual: The longest silence in memory that began on the same weekday.
        missing: Records expected meanwhile.
        p_value: The chance of so long a silence; 1 where nothing is expected.
        is_tested: Days at whose end a silence could have been found.
        stands_out: Days at whose end it is longer than any that is usual.
    """

    silent: np.ndarray
    usual: np.ndarray
    missing: np.ndarray
    p_value: np.ndarray
    is_tested: np.ndarray
    stands_out: np.ndarray


def freshness(series: Series, of: Volume, settings: AnomalySettings) -> Freshness:
    """Compare the silence at the end of each day with the silences before it.

    Its chance is that of no record where so many were expected, the days of a silence varying together: what keeps
    one day empty often keeps the next one empty too.
    """
    length = len(series.records)
    silent, usual, missing = np.zeros(length), np.zeros(length), np.zeros(length)
    longest: list[list[tuple[int, int]]] = [[] for _ in range(7)]  # per weekday: (day it ended, days)
    last = -1
    for day in range(series.start, length):
        if series.records[day] > 0:
            if last >= 0:
                longest[last % 7].append((day, day - last - 1))
            last = day
        elif last >= 0:
            silent[day] = day - last
            gaps = [gap for ended, gap in longest[last % 7] if ended > day - 7 * settings.memory_weeks]
            usual[day] = max(gaps, default=np.inf)
            missing[day] = np.nansum(of.expected[last + 1 : day + 1])
    spread = np.nan_to_num(of.spread, nan=1.0)
    chance = np.exp(-np.log1p(spread * missing) / spread)
    is_tested = series.is_judged(settings.minimum_weeks)
    p_value = np.where(is_tested & (silent > 0), chance, 1.0)
    return Freshness(
        silent, usual, missing, p_value, is_tested, is_tested & (silent > 0) & (silent > _LONGER_GAP * usual)
    )


def _shape(expected: np.ndarray, spread: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The parameters of the negative binomial as SciPy has them."""
    size = 1.0 / spread
    return size, size / (size + expected)


def _two_sided(records: np.ndarray, expected: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """The chance of a count so far out on its side, doubled. The tails of a negative binomial are incomplete betas."""
    size, chance = _shape(expected, spread)
    with np.errstate(all="ignore"):
        at_most = betainc(size, records + 1.0, chance)
        at_least = np.where(records > 0, betainc(np.maximum(records, 1.0), size, 1.0 - chance), 1.0)
    return np.asarray(np.minimum(np.nan_to_num(2.0 * np.minimum(at_most, at_least), nan=1.0), 1.0))
