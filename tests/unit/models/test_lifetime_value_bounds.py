"""The bounds: the exact distribution of orders against simulation, and quantiles of the revenue."""

from __future__ import annotations

import numpy as np
import pytest

from models.lifetime_value import bg_nbd, gamma_gamma
from models.lifetime_value.bounds import (
    Amounts,
    Prospects,
    order_bounds,
    probability_of_none,
    prospects,
    revenue_bounds,
)
from models.lifetime_value.simple import amount_spread
from models.lifetime_value.simple import prospects as simple_prospects

Floats = np.ndarray
MODELS = [
    bg_nbd.BgNbdFit(0.6, 60.0, 0.8, 2.5),
    bg_nbd.BgNbdFit(0.6, 60.0, 0.8, 2.5, first_leaves=1),
    bg_nbd.BgNbdFit(0.6, 60.0, 0.0, 1.0),
]


def floats(*values: float) -> Floats:
    return np.array(values, dtype=np.float64)


def simulated(model: bg_nbd.BgNbdFit, x: float, recency: float, tenure: float, horizon: float, draws: int) -> Floats:
    """Orders of one customer within the horizon, drawn from what the model knows of him."""
    rng = np.random.default_rng(7)
    alive = rng.random(draws) < bg_nbd.probability_alive(model, floats(x), floats(recency), floats(tenure))[0]
    rate = rng.gamma(model.r + x, 1 / (model.alpha + tenure), draws)
    leaves = rng.beta(model.a, model.b + x + model.first_leaves, draws) if model.a else np.zeros(draws)
    orders, now, there = np.zeros(draws), np.zeros(draws), np.flatnonzero(alive)
    while there.size:
        now[there] += rng.exponential(1 / rate[there])
        there = there[now[there] <= horizon]
        orders[there] += 1
        there = there[rng.random(there.size) > leaves[there]]
    return orders


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
@pytest.mark.parametrize("customer", [(0, 0, 100), (4, 300, 310), (30, 400, 420)])
def test_the_distribution_is_that_of_a_simulation(model: bg_nbd.BgNbdFit, customer: tuple[float, float, float]) -> None:
    drawn = simulated(model, *customer, 365.0, 60_000)
    known = prospects(model, *(floats(number) for number in customer))
    bounds = order_bounds(known, 365.0, 0.8)
    none = float((drawn == 0).mean())
    assert bounds.none[0] == pytest.approx(none, abs=0.01)
    assert probability_of_none(known, 365.0)[0] == bounds.none[0]
    assert bounds.variance[0] == pytest.approx(drawn.var(), rel=0.05)
    # The lower bound is where a tenth is reached; from there to the upper one it is as near to 80 % as can be.
    lower, upper = bounds.lower[0], bounds.upper[0]
    assert (drawn < lower).mean() < 0.1 + 0.01
    assert (drawn <= lower).mean() > 0.1 - 0.01

    def inside(top: float) -> float:
        return abs(float(((drawn >= lower) & (drawn <= top)).mean()) - 0.8)

    assert inside(upper) <= min(inside(top) for top in np.arange(lower, drawn.max())) + 0.01


def test_bounds_do_not_depend_on_who_is_beside() -> None:
    model = MODELS[0]
    customers = (floats(0, 1, 40, 2000), floats(0, 90, 700, 3600), floats(30, 400, 720, 3650))
    together = order_bounds(prospects(model, *customers), 365.0, 0.8)
    for place in range(4):
        one = prospects(model, *(column[place : place + 1] for column in customers))
        alone = order_bounds(one, 365.0, 0.8)
        for name in ("lower", "upper", "none", "variance"):
            assert getattr(alone, name)[0] == getattr(together, name)[place]


def test_hundreds_of_orders_have_bounds_too() -> None:
    """Where no order is as good as impossible, the quantiles are those of a negative binomial."""
    known = Prospects(floats(1.0), floats(8000.0), floats(3650.0), 0.8, floats(8002.0))
    bounds = order_bounds(known, 365.0, 0.8)
    mean = 8000 / 3650 * 365
    assert bounds.lower[0] < mean < bounds.upper[0]
    assert bounds.upper[0] - bounds.lower[0] == pytest.approx(2 * 1.2816 * np.sqrt(mean * 1.1), rel=0.05)
    assert bounds.none[0] == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("coverage", [0.0, 1.0, -0.2])
def test_a_coverage_that_is_none_is_refused(coverage: float) -> None:
    with pytest.raises(ValueError, match="coverage must lie between 0 and 1"):
        order_bounds(prospects(MODELS[0], floats(1), floats(1), floats(2)), 365.0, coverage)


def test_revenue_lies_where_a_simulation_puts_it() -> None:
    """Orders by NBD, amounts by gamma-gamma: tenths at both ends."""
    rng, draws = np.random.default_rng(8), 200_000
    orders, amounts = MODELS[2], gamma_gamma.GammaGammaFit(p=6.0, q=4.0, v=15.0)
    x, tenure, average = 5.0, 200.0, 40.0
    count = rng.poisson(rng.gamma(orders.r + x, 1 / (orders.alpha + tenure), draws) * 365)
    nu = rng.gamma(amounts.p * x + amounts.q, 1 / (amounts.v + x * average), draws)
    revenue = np.where(count > 0, rng.gamma(np.maximum(count, 1) * amounts.p, 1 / nu), 0.0)

    at = (floats(x), floats(tenure - 1), floats(tenure))
    expected = bg_nbd.expected_purchases(orders, *at, 365.0)
    bounds = order_bounds(prospects(orders, *at), 365.0, 0.8)
    mean = gamma_gamma.expected_amount(amounts, floats(x), floats(average))
    known = Amounts(mean, *gamma_gamma.amount_variances(amounts, floats(x), floats(average)))
    lower, upper = revenue_bounds(bounds, expected, known, 0.8)
    assert expected[0] * mean[0] == pytest.approx(revenue.mean(), rel=0.02)
    assert (revenue < lower[0]).mean() == pytest.approx(0.1, abs=0.02)
    assert (revenue < upper[0]).mean() == pytest.approx(0.9, abs=0.02)


@pytest.mark.parametrize(
    ("mean", "spread"), [(0.0, 0.0), (20.0, 0.0), (1e14, 1e28), (1e-9, 1e-18)], ids=["free", "fixed", "giant", "tiny"]
)
def test_strange_amounts_have_defined_bounds(mean: float, spread: float) -> None:
    known = simple_prospects(floats(0, 3, 3000), floats(0, 400, 400), 0.0, 365.0)
    bounds = order_bounds(known, 365.0, 0.8)
    expected = known.rate / known.scale * 365
    amounts = Amounts(np.full(3, mean), np.full(3, spread), np.full(3, spread))
    lower, upper = revenue_bounds(bounds, expected, amounts, 0.8)
    for found in (lower, upper):
        assert np.isfinite(found).all()
        assert (found >= 0).all()
    assert (lower <= upper).all()
    # Never a second order anywhere: nothing is expected of the first.
    assert (bounds.lower[0], bounds.upper[0], upper[0]) == (0, 0, 0)


def test_the_spread_of_amounts_by_hand() -> None:
    # Mean 20 (10 counts twice, 40 once), variance (2 * 100 + 400) / 3 = 200: half of the mean squared.
    assert amount_spread(floats(10, 40), floats(2, 1)) == pytest.approx(0.5)
    assert amount_spread(floats(), floats()) == 0.0
    assert amount_spread(floats(0, 0), floats(1, 1)) == 0.0
    assert amount_spread(floats(0, 1e12), floats(999, 1)) == 1.0
