"""Simple estimates for when a model cannot be fitted; rough, but defined for any customers."""

import numpy as np

from models.lifetime_value.likelihood import Floats


def purchase_rates(frequency: Floats, tenure: Floats, prior_tenure: float) -> Floats:
    """Repeat purchases per unit of time: each customer's own, shrunk to that of all customers.

    rate = (frequency + pooled x prior) / (tenure + prior), pooled = sum of frequency / (sum of tenure +
    prior). So each customer counts as if watched for one prior tenure more, at the rate of all; and all
    together as if watched for one prior tenure more without a purchase, which keeps a handful of young
    customers from a giant rate.
    """
    pooled = frequency.sum() / (tenure.sum() + prior_tenure)
    rates: Floats = (frequency + pooled * prior_tenure) / (tenure + prior_tenure)
    return rates


def probability_alive(rates: Floats, recency: Floats, tenure: Floats) -> Floats:
    """How likely a silence as long as the present one is at the customer's rate: exp(-rate x silence)."""
    alive: Floats = np.exp(-rates * (tenure - recency))
    return alive


def expected_amounts(orders: Floats, average: Floats, prior_orders: float) -> Floats:
    """The amount of the next order: each customer's average, shrunk to the median of all averages.

    amount = (orders x average + prior x median) / (orders + prior). Customers with orders = 0 get the median.
    The median, not the mean, so that one giant order does not raise everyone.
    """
    known = average[orders > 0]
    middle = float(np.median(known)) if known.size else 0.0
    amounts: Floats = (orders * average + prior_orders * middle) / (orders + prior_orders)
    return amounts
