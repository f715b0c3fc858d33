"""The share of nulls in each column, each day against the days before it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import betainc, betaincinv

from expectations.anomalies.past import ALIKE, excess, least, most_before, same_weekday, sum_before
from expectations.anomalies.series import Series
from expectations.anomalies.settings import AnomalySettings

WEEKDAY_FROM = 200.0
"""Records of a weekday from which on its own share counts for as much as that of all days."""

_LEAST_CORRELATION = 0.001
"""Records of a day are never taken for more than a thousand independent ones: shares wander from day to day."""

_LEAST_PAST = 50.0
"""Records without which a share is not known."""


_ODD, _MOST_OF_A_WEEK = 0.001, 4


@dataclass(frozen=True)
class Shares:
    """Nulls of all columns, one row per column.

    Attributes:
        fields: The columns.
        observed: Shares of nulls.
        expected: Shares expected.
        effective: Independent records that the day is worth.
        p_value: Two-sided; 1 where nothing is expected.
        is_tested: Days that could have been found.
        stands_out: Days whose difference is large enough to be told.
    """

    fields: list[str]
    observed: np.ndarray
    expected: np.ndarray
    effective: np.ndarray
    p_value: np.ndarray
    is_tested: np.ndarray
    stands_out: np.ndarray

    def bounds(self, row: int, day: int, level: float) -> tuple[float, float]:
        """Return the shares between which a day would not have been found."""
        worth, share = self.effective[row, day], self.expected[row, day]
        lower, upper = (
            betaincinv(worth * share + 0.5, worth * (1 - share) + 0.5, at) for at in (level / 2, 1 - level / 2)
        )
        return float(lower), float(upper)


def null_shares(series: Series, settings: AnomalySettings) -> Shares:
    """Compare the share of nulls of every column and day with its past.

    The expectation is the share of the same weekdays before, drawn towards that of all days where the weekdays have few
    records. Records of a day resemble one another (one order has many lines), so a day counts for fewer records
    than it has: n / (1 + (n - 1) rho), Kish's design effect, with the intra-day correlation rho learnt from how far
    off the days before were (Kish, L. 1965, Survey Sampling; for the tails see Korn, E. L. and Graubard, B. I. 1998,
    Confidence intervals for proportions with small expected number of positive counts, Survey Methodology 24).

    Emptier is what a fault looks like, and always told. Fuller than expected is told only when no day in memory was
    so much fuller: on the day of a campaign most visits name one.
    """
    fields = list(series.nulls)
    records = np.where(series.known, series.records, 0.0)
    nulls = np.array([series.nulls[name] for name in fields]) if fields else np.zeros((0, len(records)))
    nulls = np.where(series.known, nulls, 0.0)
    past = sum_before(records, 7 * settings.look_back_weeks)
    is_usable = (records > 0) & (past >= _LEAST_PAST)
    first = _compare(nulls, nulls, records, is_usable, settings)
    judged = series.is_judged(settings.minimum_weeks)
    odd = is_odd(first.p_value, first.more, settings.null_change) & judged
    one = _compare(nulls, np.where(odd, records * first.expected, nulls), records, is_usable, settings)

    is_tested = np.broadcast_to(judged & is_usable, nulls.shape)
    fuller = np.where(is_usable, np.maximum(-one.more, 0.0), np.nan)
    happens = (one.more < 0) & (-one.more <= ALIKE * most_before(fuller, 7 * settings.memory_weeks))
    stands_out = is_tested & (np.abs(one.more) >= settings.null_change) & ~happens
    p_value = np.where(is_tested, one.p_value, 1.0)
    return Shares(fields, one.observed, one.expected, one.effective, p_value, is_tested, stands_out)


@dataclass(frozen=True)
class _Compared:
    observed: np.ndarray
    expected: np.ndarray
    effective: np.ndarray
    p_value: np.ndarray
    more: np.ndarray


def _compare(
    nulls: np.ndarray, past: np.ndarray, records: np.ndarray, is_usable: np.ndarray, settings: AnomalySettings
) -> _Compared:
    """Compare nulls with a past of nulls, which may be another than they themselves make."""
    days = 7 * settings.look_back_weeks
    expected = expected_shares(past, records, settings.look_back_weeks)
    chance = expected * (1.0 - expected)
    with np.errstate(all="ignore"):
        off = np.where(is_usable, (past - records * expected) / np.sqrt(records * chance), np.nan)
        observed = nulls / records
    rho, seen = excess(off, records * chance, records * (records - 1.0) * chance, days)
    rho = np.clip(rho, least(_LEAST_CORRELATION, seen, days), 1.0)
    effective = records / (1.0 + np.maximum(records - 1.0, 0.0) * rho)
    p_value = two_sided(observed, expected, effective)
    return _Compared(observed, expected, effective, p_value, np.nan_to_num(observed - expected))


def is_odd(p_value: np.ndarray, difference: np.ndarray, change: float) -> np.ndarray:
    """Return the days that say nothing about later ones, because they were out of line themselves.

    Without this a fault would come back a week later as the reverse fault of the day that is compared with it. A day is
    not odd when the same weekday before was, or most of the week: then it is how things are.
    """
    odd = (p_value < _ODD) & (np.abs(np.nan_to_num(difference)) >= change)
    a_week_ago = np.nan_to_num(same_weekday(odd.astype(float), 1)[0]) > 0
    return np.asarray(odd & ~a_week_ago & (sum_before(odd, 7) < _MOST_OF_A_WEEK))


def expected_shares(counts: np.ndarray, records: np.ndarray, weeks: int) -> np.ndarray:
    """Return the share that each row of counts should have of each day's records, from the days before it.

    Args:
        counts: One row per column or value, one column per day.
        records: Records by day.
        weeks: How many weeks before a day count.
    """
    days = 7 * weeks
    # Half a record of each kind: a share that was always 0 or 1 may still be something else once.
    overall = (sum_before(counts, days) + 0.5) / (sum_before(records, days) + 1.0)
    of_weekday = np.nansum(same_weekday(counts, weeks), axis=0)
    weekday = np.nansum(same_weekday(records, weeks), axis=0)
    return np.asarray((of_weekday + WEEKDAY_FROM * overall) / (weekday + WEEKDAY_FROM))


def two_sided(observed: np.ndarray, expected: np.ndarray, effective: np.ndarray) -> np.ndarray:
    """The binomial chance of a share so far out on its side, doubled, for numbers of records that need not be whole."""
    with np.errstate(all="ignore"):
        hits = np.clip(observed, 0.0, 1.0) * effective
        misses = effective - hits
        at_least = np.where(hits > 0, betainc(np.maximum(hits, 1e-9), misses + 1.0, expected), 1.0)
        at_most = np.where(misses > 0, betainc(np.maximum(misses, 1e-9), hits + 1.0, 1.0 - expected), 1.0)
    return np.minimum(np.nan_to_num(2.0 * np.minimum(at_least, at_most), nan=1.0), 1.0)
