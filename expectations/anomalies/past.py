"""A day and its past, for all days of a series at once: the last axis of every array is the day."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

Array = np.ndarray

ALIKE = 1.1
"""What is at most a tenth more than something in memory is like it."""


def same_weekday(values: Array, weeks: int) -> Array:
    """Return the values 1, 2, … weeks before each day on a new first axis; NaN before the first day."""
    found = np.full((weeks, *values.shape), np.nan)
    for week in range(1, weeks + 1):
        if 7 * week < values.shape[-1]:
            found[week - 1, ..., 7 * week :] = values[..., : -7 * week]
    return found


def sum_before(values: Array, days: int) -> Array:
    """Return the sum over so many days before each day; NaN counts nothing."""
    length = values.shape[-1]
    nothing = np.zeros((*values.shape[:-1], 1))
    total = np.concatenate([nothing, np.cumsum(np.nan_to_num(values), axis=-1)], axis=-1)
    return np.asarray(total[..., :length] - total[..., np.maximum(np.arange(length) - days, 0)])


def most_before(values: Array, days: int) -> Array:
    """Return the largest value of so many days before each day; minus infinity where none is known."""
    return np.asarray(np.max(_windows(np.where(np.isnan(values), -np.inf, values), days, -np.inf), axis=-1))


def median_before(values: Array, days: int, least: int) -> Array:
    """Return the median of so many days before each day; NaN where fewer than `least` of them are known."""
    windows = _windows(values, days, np.nan)
    known = np.sum(~np.isnan(windows), axis=-1)
    return np.where(known >= least, _nanmedian(windows), np.nan)


def excess(pearson: Array, numerator: Array, denominator: Array, days: int) -> tuple[Array, Array]:
    """Return how much more days vary than chance alone has them vary, and how many days say so.

    The moment estimate sum((r² - 1) a) / sum(b) over the days before each day, where r is the difference of a day from
    what was expected, in standard deviations of pure chance. r is drawn in to three times its own median scale
    first (Huber's proposal: an outlier counts, but not for what it is), so that one fault does not hide the next.
    Huber, P. J. (1964), Robust estimation of a location parameter, Annals of Mathematical Statistics 35.

    Args:
        pearson: r of each day; NaN where nothing was expected.
        numerator: a.
        denominator: b.
        days: How many days before each day count.
    """
    size = _windows(np.abs(pearson), days, np.nan)
    scale = np.maximum(1.4826 * _nanmedian(size), 1.0)
    drawn_in = np.minimum(size, 3.0 * np.nan_to_num(scale, nan=1.0)[..., None])
    known = ~np.isnan(size)
    upper = np.where(known, (drawn_in**2 - 1.0) * _windows(numerator, days, np.nan), 0.0)
    lower = np.where(known, _windows(denominator, days, np.nan), 0.0)
    total, weight = np.nansum(upper, axis=-1), np.nansum(lower, axis=-1)
    found = np.divide(total, weight, out=np.zeros_like(total), where=weight > 0)
    return np.maximum(found, 0.0), known.sum(axis=-1)


def least(floor: float, known: Array, days: int) -> Array:
    """Return a floor for an estimate: itself when all days are known, and the more of it the fewer of them are."""
    return np.asarray(floor * (1.0 + days / np.maximum(known, 1)) / 2.0)


def _windows(values: Array, days: int, filler: float) -> Array:
    """Return the days before each day on a new last axis."""
    padding = np.full((*values.shape[:-1], days), filler)
    padded = np.concatenate([padding, np.asarray(values, dtype=float)], axis=-1)[..., :-1]
    return sliding_window_view(padded, days, axis=-1)


def _nanmedian(values: Array) -> Array:
    """NaN where every value is NaN, and no warning about it."""
    empty = np.all(np.isnan(values), axis=-1)
    return np.where(empty, np.nan, np.nanmedian(np.where(empty[..., None], 0.0, values), axis=-1))
