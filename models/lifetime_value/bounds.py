"""Bounds of what a customer will do: quantiles of his next orders and of the money they bring.

The number of orders of a customer within a horizon is a random number even where the model knows everything; its
distribution, given what he did, is known exactly. He is alive with some probability, and then his rate is gamma
distributed (r + x, alpha + T) and his probability of leaving beta distributed (a, b + x): the distribution of orders
of a new customer (P. S. Fader, B. G. S. Hardie, K. L. Lee: "Counting Your Customers" the Easy Way. Marketing Science
24 (2005), eq. 8) with these in the place of the parameters of all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import gammaincinv, nbdtrik

from models.lifetime_value.bg_nbd import BgNbdFit, probability_alive
from models.lifetime_value.likelihood import Floats

# Where the probability of no order is below this, orders are too many to be counted up one by one.
_SMALLEST = 1e-250
# Share of a distribution after which nothing is counted any more.
_ENOUGH = 1 - 1e-6
# Counted up for all at once; whoever is done leaves when so many of the others are.
_PACK = 0.7
# Shape of a gamma distribution above which all its quantiles are its mean, to as many digits as matter.
_LARGEST_SHAPE = 1e8


@dataclass(frozen=True, slots=True)
class Prospects:
    """What is known of each customer's future, one number each (`leaves` is one for all).

    Attributes:
        alive: probability that he has not left.
        rate: shape of his rate, if he has not.
        scale: its scale, in the unit of time of the horizon.
        leaves: first parameter of the probabilities of leaving, 0 where nobody does.
        stays: second one.
    """

    alive: Floats
    rate: Floats
    scale: Floats
    leaves: float
    stays: Floats


def prospects(model: BgNbdFit, frequency: Floats, recency: Floats, tenure: Floats) -> Prospects:
    """What a fit says of customers as in `bg_nbd.fit`."""
    alive = probability_alive(model, frequency, recency, tenure)
    stays = model.b + frequency + model.first_leaves
    return Prospects(alive, model.r + frequency, model.alpha + tenure, model.a, stays)


def probability_of_none(known: Prospects, horizon: float) -> Floats:
    """The probability that a customer orders nothing within a horizon from now."""
    none: Floats = 1 - known.alive + known.alive * np.exp(-known.rate * np.log1p(horizon / known.scale))
    return none


@dataclass(frozen=True, slots=True)
class OrderBounds:
    """What is expected of each customer's number of orders within a horizon.

    Attributes:
        lower: the first number that is reached with the probability (1 - coverage) / 2: 0 for most.
        upper: the number up to which, from the lower one, the probability is nearest to the coverage.
        none: probability of no order.
        variance: of the number of orders.
    """

    lower: Floats
    upper: Floats
    none: Floats
    variance: Floats


def order_bounds(known: Prospects, horizon: float, coverage: float) -> OrderBounds:
    """Bounds of each customer's orders within a horizon from now.

    Args:
        known: from `prospects`.
        horizon: in the model's unit of time.
        coverage: probability that the number lies between the bounds, such as 0.8. Whole numbers can cover a little
            more or less than that, and none less than their most likely one: for each customer it is what comes
            nearest, so that it holds over many.
    """
    if not 0 < coverage < 1:
        raise ValueError(f"lifetime value: coverage must lie between 0 and 1, got {coverage}")
    low = (1 - coverage) / 2
    alive, rate, scale = known.alive, known.rate, known.scale
    size = rate.size
    lower, upper, variance = np.zeros(size), np.zeros(size), np.zeros(size)
    first = np.exp(-rate * np.log1p(horizon / scale))
    none = probability_of_none(known, horizon)

    many = first < _SMALLEST
    if many.any():
        lower[many], upper[many], variance[many] = _of_many(
            alive[many], rate[many], scale[many], horizon, low, low + coverage
        )
    place = np.flatnonzero(~many)
    # Per customer still counted: chance of exactly k orders were he never to leave, of fewer, and to have stayed.
    exactly, fewer, stayed = first[place], np.zeros(place.size), np.ones(place.size)
    below = none[place].copy()
    skipped = np.zeros(place.size)  # probability of fewer than the lower bound
    mean, square = np.zeros(place.size), np.zeros(place.size)
    open_low, open_high = below < low, below < coverage
    going = np.ones(place.size, dtype=bool)
    k = 0
    while place.size:
        k += 1
        fewer += exactly
        exactly = exactly * (rate[place] + k - 1) / k * (horizon / (scale[place] + horizon))
        tries = known.leaves + known.stays[place] + k - 1
        leaves, stayed = stayed * known.leaves / tries, stayed * (tries - known.leaves) / tries
        chance = alive[place] * (stayed * exactly + leaves * np.maximum(1 - fewer, 0))
        lower[place[open_low]] = k
        skipped[open_low] = below[open_low]
        before, below = below, below + chance
        mean += k * chance
        square += k * k * chance
        open_low = below < low
        reached = open_high & (below - skipped >= coverage)
        is_nearer = (lower[place] < k) & (coverage - (before - skipped) <= below - skipped - coverage)
        upper[place[reached]] = np.where(is_nearer, k - 1, k)[reached]
        open_high &= ~reached
        done = ~open_high & ((below >= _ENOUGH) | ((chance < 1e-9) & (fewer > 0.5)))
        # Told once, so that nobody's spread depends on how long the others beside him go on.
        told = done & going
        variance[place[told]] = (square - mean * mean)[told]
        going &= ~done
        if going.mean() < _PACK:
            counted: Any = (place, exactly, fewer, stayed, below, skipped, mean, square, open_low, open_high)
            place, exactly, fewer, stayed, below, skipped, mean, square, open_low, open_high = (
                column[going] for column in counted
            )
            going = going[going]
    return OrderBounds(lower, upper, none, np.maximum(variance, 0))


def _of_many(
    alive: Floats, rate: Floats, scale: Floats, horizon: float, low: float, high: float
) -> tuple[Floats, Floats, Floats]:
    """Of customers with hundreds of orders: as if nobody left within the horizon, which hardly one of them does."""
    share = scale / (scale + horizon)

    def quantile(wanted: float) -> Floats:
        within = np.clip((wanted - (1 - alive)) / alive, 0, 1)
        found: Floats = np.ceil(np.maximum(nbdtrik(within, rate, share), 0))
        return np.where(within > 0, found, 0.0)

    mean = rate * horizon / scale
    spread = mean * (1 + horizon / scale)
    return quantile(low), quantile(high), alive * (spread + mean * mean) - (alive * mean) ** 2


@dataclass(frozen=True, slots=True)
class Amounts:
    """What is known of the amount of each customer's next order.

    Attributes:
        mean: the expected amount.
        within: variance from one order to the next of the same customer.
        between: variance of what customers like him spend on average.
    """

    mean: Floats
    within: Floats
    between: Floats


def revenue_bounds(
    orders: OrderBounds, expected_orders: Floats, amounts: Amounts, coverage: float
) -> tuple[Floats, Floats]:
    """Bounds of the revenue of these orders: lower and upper, in the currency of the amounts.

    Without an order it is 0, with the probability that `orders` gives; of the rest, mean and variance are known (the
    amounts vary from order to order, and what a customer spends on average is not known exactly either), and a gamma
    distribution with the same ones gives the quantiles.

    Args:
        orders: bounds of the orders.
        expected_orders: their mean.
        amounts: of an order.
        coverage: as for the orders.
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        some = 1 - orders.none
        mean = expected_orders * amounts.mean
        square_orders = orders.variance + expected_orders**2
        square = expected_orders * amounts.within + square_orders * (amounts.between + amounts.mean**2)
        positive_mean = mean / some
        positive_variance = np.maximum(square / some - positive_mean**2, 0)
        shape = np.minimum(positive_mean**2 / positive_variance, _LARGEST_SHAPE)
    usable = (some > 0) & (shape > 0) & np.isfinite(positive_mean)

    def quantile(wanted: float) -> Floats:
        within_positive = np.where(usable, (wanted - orders.none) / np.where(some > 0, some, 1), 0)
        is_some = usable & (within_positive > 0)
        found = np.zeros(mean.size)
        found[is_some] = gammaincinv(shape[is_some], within_positive[is_some]) * (
            positive_mean[is_some] / shape[is_some]
        )
        return found

    return quantile((1 - coverage) / 2), quantile((1 + coverage) / 2)
