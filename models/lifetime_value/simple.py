"""Simple estimates for when a model cannot be fitted; rough, but defined for any customers."""

import numpy as np

from models.lifetime_value.bounds import Prospects
from models.lifetime_value.likelihood import Floats


def pooled_rate(frequency: Floats, tenure: Floats, customers: Floats, prior_tenure: float) -> float:
    """Repeat purchases per unit of time of all customers; each row stands for so many of them.

    rate = sum of frequency / (sum of tenure + prior): all together count as if watched for one prior tenure more
    without a purchase, which keeps a handful of young customers from a giant rate.
    """
    return float((frequency @ customers) / (tenure @ customers + prior_tenure))


def purchase_rates(frequency: Floats, tenure: Floats, pooled: float, prior_tenure: float) -> Floats:
    """Repeat purchases per unit of time: each customer's own, shrunk to that of all customers.

    rate = (frequency + pooled x prior) / (tenure + prior): each customer counts as if watched for one prior tenure
    more, at the rate of all.
    """
    rates: Floats = (frequency + pooled * prior_tenure) / (tenure + prior_tenure)
    return rates


def prospects(frequency: Floats, tenure: Floats, pooled: float, prior_tenure: float) -> Prospects:
    """How the rate of each customer may lie: gamma distributed, with the rate of `purchase_rates` as its mean."""
    shape, scale = frequency + pooled * prior_tenure, tenure + prior_tenure
    return Prospects(np.ones(shape.size), shape, scale, 0.0, np.ones(shape.size))


def probability_alive(rates: Floats, recency: Floats, tenure: Floats) -> Floats:
    """How likely a silence as long as the present one is at the customer's rate: exp(-rate x silence)."""
    alive: Floats = np.exp(-rates * (tenure - recency))
    return alive


def middle_amount(average: Floats, customers: Floats) -> float:
    """The median of the averages of all customers, 0 without any; each row stands for so many customers.

    The median, not the mean, so that one giant order does not raise everyone.
    """
    if average.size == 0:
        return 0.0
    order = np.argsort(average)
    until = np.cumsum(customers[order])
    total = until[-1]
    # The two in the middle, which are one where the number of customers is odd.
    places = np.searchsorted(until, [(total - 1) // 2, total // 2], side="right")
    return float(average[order][places].mean())


def amount_spread(average: Floats, customers: Floats) -> float:
    """Variance of the averages of all customers by the square of their mean, at most 1; 0 where there is no mean."""
    if average.size == 0:
        return 0.0
    mean = np.average(average, weights=customers)
    if mean <= 0:
        return 0.0
    return float(min(np.average((average - mean) ** 2, weights=customers) / mean**2, 1.0))


def expected_amounts(orders: Floats, average: Floats, middle: float, prior_orders: float) -> Floats:
    """The amount of the next order: each customer's average, shrunk to the median of all averages.

    amount = (orders x average + prior x median) / (orders + prior). Customers with orders = 0 get the median.
    """
    amounts: Floats = (orders * average + prior_orders * middle) / (orders + prior_orders)
    return amounts
