"""The values of watched columns: new ones, and their shares or sizes against the days before."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import betainc, betaincinv
from scipy.stats import f as f_distribution

from expectations.anomalies.past import ALIKE, excess, most_before, sum_before
from expectations.anomalies.series import OTHER, Series, Values
from expectations.anomalies.settings import AnomalySettings
from expectations.anomalies.shares import expected_shares, is_odd

_LEAST_EXPECTED = 5.0
"""Buckets of fewer expected records are judged together: chi-square needs them (Cochran 1954, Biometrics 10)."""

_LEAST_PAST, _LEAST_DAYS = 50.0, 7

_NEW_FOR = 7
"""Days for which a value stays new: found on the first, it is not the past of the second."""

_LEAST_CORRELATION = 0.01
"""Records with a new value come together: a day is never worth more than a hundred independent ones for it."""


@dataclass(frozen=True)
class NewValues:
    """Values that a column never had before, by day.

    Attributes:
        share: Of the day's records, those with such a value.
        usual: The share that is to be expected of unseen values.
        effective: Independent records that the day is worth.
        p_value: The chance of so many; 1 where none came.
        is_tested: Days that could have been found.
        stands_out: Days with enough of them to be told.
        first_of: The new value with most records, by day; -1 without one.
    """

    share: np.ndarray
    usual: np.ndarray
    effective: np.ndarray
    p_value: np.ndarray
    is_tested: np.ndarray
    stands_out: np.ndarray
    first_of: np.ndarray

    def upper(self, day: int, level: float) -> float:
        """Return the share up to which new values would not have been found."""
        worth, share = self.effective[day], self.usual[day]
        return float(betaincinv(worth * share + 0.5, worth * (1 - share) + 0.5, 1 - level))


def new_values(series: Series, values: Values, settings: AnomalySettings) -> NewValues:
    """Find values that a column has not had in memory.

    Some columns bring a new value now and then. The chance of one is estimated from how many records had one in the
    past, as the chance of a species not seen yet is (Good, I. J. 1953, The population frequencies of species and the
    estimation of population parameters, Biometrika 40).
    """
    counts = np.where(series.known, values.counts, 0.0)
    records = counts.sum(axis=0)
    memory = settings.days_needed
    fresh = _never_seen(values, counts, memory, _NEW_FOR)
    new = fresh.sum(axis=0)
    judged = series.is_judged(settings.minimum_weeks)
    # While a series is young every value is new, which says nothing about later days.
    grown = np.where(judged, 1.0, 0.0)
    usual = (sum_before(new * grown, memory) + 0.5) / (sum_before(records, memory) + 1.0)
    effective = records / (1.0 + np.maximum(records - 1.0, 0.0) * _LEAST_CORRELATION)
    with np.errstate(all="ignore"):
        share = np.where(records > 0, new / records, 0.0)
        hits = share * effective
        chance = np.where(new > 0, betainc(np.maximum(hits, 1e-9), effective - hits + 1.0, np.minimum(usual, 1.0)), 1.0)
    is_tested = judged & (records > 0) & (sum_before(records, 7 * settings.look_back_weeks) >= _LEAST_PAST)
    most = np.where(new > 0, np.argmax(fresh, axis=0), -1) if len(values.buckets) else np.full(len(records), -1)
    return NewValues(
        share,
        usual,
        effective,
        np.where(is_tested, np.nan_to_num(chance, nan=1.0), 1.0),
        is_tested,
        is_tested & (new >= settings.new_records) & (share >= settings.new_share),
        most,
    )


def _never_seen(values: Values, counts: np.ndarray, memory: int, days: int) -> np.ndarray:
    """Return the counts of values that had not come up to so many days before each day."""
    seen = sum_before(counts, memory) - sum_before(counts, days)
    named = np.array([bucket != OTHER for bucket in values.buckets], dtype=bool)
    return np.where((seen == 0) & named[:, None], counts, 0.0)


@dataclass(frozen=True)
class Mix:
    """How a column's values are distributed, by day.

    Attributes:
        shift: Population stability index against the past, less what chance alone makes of it.
        usual: The largest of them in memory, and a tenth.
        expected: Shares expected, one row per bucket.
        observed: Shares.
        p_value: Of the corrected chi-square; 1 where nothing is expected.
        is_tested: Days that could have been found.
        stands_out: Days whose shift is large enough to be told.
    """

    shift: np.ndarray
    usual: np.ndarray
    expected: np.ndarray
    observed: np.ndarray
    p_value: np.ndarray
    is_tested: np.ndarray
    stands_out: np.ndarray


def mix(series: Series, values: Values, settings: AnomalySettings) -> Mix:
    """Compare the distribution of a column's values with the past.

    Chi-square over values or sizes, divided by how much larger it was on the days before than chance makes it
    (Rao, J. N. K. and Scott, A. J. 1981, The analysis of categorical data from complex sample surveys, JASA 76; the
    F distribution of the quotient as in Thomas, D. R. and Rao, J. N. K. 1987, JASA 82). Told when the population
    stability index is large, too: with many records the smallest change is certain and matters to nobody. Chance
    alone gives that index a mean of (buckets - 1) (1/n + 1/N) (Yurdakul, B. and Naranjo, J. 2020, Statistical
    properties of the population stability index, Journal of Risk Model Validation 14), which is taken off.

    A mix as odd as one in memory is not told: campaigns happen.
    """
    counts = np.where(series.known, values.counts, 0.0)
    if values.kind == "category":
        # What is new is told as such, and not a second time as another mix while it becomes the past.
        counts = counts - _never_seen(values, counts, settings.days_needed, 7 * settings.look_back_weeks)
    first = _compare(counts, counts, settings)
    judged = series.is_judged(settings.minimum_weeks)
    odd = is_odd(first.p_value, first.shift, settings.shift) & judged
    one = _compare(counts, np.where(odd, counts.sum(axis=0) * first.expected, counts), settings)

    usual = ALIKE * np.maximum(most_before(first.shift, 7 * settings.memory_weeks), 0.0)
    is_tested = one.is_usable & judged & (one.seen >= _LEAST_DAYS)
    shift = np.nan_to_num(one.shift)
    stands_out = is_tested & (shift >= settings.shift) & (shift > usual)
    p_value = np.where(is_tested, one.p_value, 1.0)
    return Mix(one.shift, usual, one.expected, one.observed, p_value, is_tested, stands_out)


@dataclass(frozen=True)
class _Compared:
    shift: np.ndarray
    expected: np.ndarray
    observed: np.ndarray
    p_value: np.ndarray
    is_usable: np.ndarray
    seen: np.ndarray


def _compare(counts: np.ndarray, before: np.ndarray, settings: AnomalySettings) -> _Compared:
    """Compare counts with a past of counts, which may be another than they themselves make."""
    days = 7 * settings.look_back_weeks
    records, size = counts.sum(axis=0), len(counts)
    past = sum_before(records, days)
    expected = expected_shares(before, records, settings.look_back_weeks)
    expected = expected / np.maximum(expected.sum(axis=0), 1e-9)
    is_usable = (records >= settings.mix_records) & (past >= _LEAST_PAST)
    quotient, free = _chi_square(counts, expected, records)
    quotient = np.where(is_usable, quotient, np.nan)
    ones = np.ones(len(records))
    more, seen = excess(np.sqrt(quotient), ones, ones, days)
    with np.errstate(all="ignore"):
        observed = np.where(records > 0, counts / records, 0.0)
        p_value = f_distribution.sf(quotient / (1.0 + more), free, np.maximum(seen, 1))
    smooth = (counts + 0.5) / (records + 0.5 * size)
    index = ((smooth - expected) * np.log(smooth / np.maximum(expected, 1e-9))).sum(axis=0)
    index = index - (size - 1) * (1.0 / np.maximum(records, 1.0) + 1.0 / np.maximum(past, 1.0))
    shift = np.where(is_usable, np.maximum(index, 0.0), np.nan)
    return _Compared(shift, expected, observed, np.nan_to_num(p_value, nan=1.0), is_usable, seen)


def _chi_square(counts: np.ndarray, expected: np.ndarray, records: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return chi-square by degree of freedom, and the degrees; buckets that few are expected in are one."""
    hoped = expected * records
    is_large = hoped >= _LEAST_EXPECTED
    with np.errstate(all="ignore"):
        parts = np.where(is_large, (counts - hoped) ** 2 / hoped, 0.0).sum(axis=0)
    rest = np.where(is_large, 0.0, hoped).sum(axis=0)
    off = (np.where(is_large, 0.0, counts).sum(axis=0) - rest) ** 2 / np.maximum(rest, _LEAST_EXPECTED)
    free = np.maximum(is_large.sum(axis=0) + (rest >= _LEAST_EXPECTED) - 1, 1)
    return (parts + off) / free, free
