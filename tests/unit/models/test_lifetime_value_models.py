"""BG/NBD and gamma-gamma against published numbers, against known truth, and against their own formulas."""

import datetime as dt
import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.special import hyp2f1

from models.lifetime_value import bg_nbd, gamma_gamma
from models.lifetime_value.bg_nbd import BgNbdFit
from models.lifetime_value.gamma_gamma import GammaGammaFit
from models.lifetime_value.likelihood import FitStatus

CDNOW = Path(__file__).parents[4] / "shared" / "data" / "clv" / "cdnow" / "CDNOW_sample.txt"
CALIBRATION_END = dt.date(1997, 9, 30)
PUBLISHED = BgNbdFit(r=0.243, alpha=4.414, a=0.793, b=2.426)


def floats(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float64)


@pytest.fixture(scope="module")
def cdnow() -> pl.DataFrame:
    """One row per customer of the CDNOW sample: frequency, recency and tenure in weeks, average of repeat days."""
    if not CDNOW.exists():
        pytest.skip("the CDNOW sample is not beside the project (shared/data/clv/cdnow)")
    lines = [line.split() for line in CDNOW.read_text().splitlines()]
    purchases = pl.DataFrame(
        {
            "customer": [line[1] for line in lines],
            "day": [dt.datetime.strptime(line[2], "%Y%m%d").replace(tzinfo=dt.UTC).date() for line in lines],
            "amount": [float(line[4]) for line in lines],
        }
    ).filter(pl.col("day") <= CALIBRATION_END)
    days = purchases.group_by("customer", "day").agg(pl.col("amount").sum()).sort("customer", "day")
    first, last = pl.col("day").min(), pl.col("day").max()
    return days.group_by("customer").agg(
        frequency=pl.len() - 1,
        recency=(last - first).dt.total_days() / 7,
        tenure=(pl.lit(CALIBRATION_END) - first).dt.total_days() / 7,
        average_amount=pl.col("amount").slice(1).mean(),
    )


def simulated(customers: int, seed: int) -> pl.DataFrame:
    """Customers drawn from the two models themselves, in days, with r .6, alpha 60, a .8, b 2.5, p 6, q 4, v 15."""
    rng = np.random.default_rng(seed)
    rate, leaving = rng.gamma(0.6, 1 / 60, customers), rng.beta(0.8, 2.5, customers)
    tenure = rng.uniform(30, 730, customers)
    now, frequency, recency = np.zeros(customers), np.zeros(customers), np.zeros(customers)
    there = np.arange(customers)
    while there.size:
        now[there] += rng.exponential(1 / rate[there])
        there = there[now[there] <= tenure[there]]
        frequency[there] += 1
        recency[there] = now[there]
        there = there[rng.random(there.size) > leaving[there]]
    spread = rng.gamma(4, 1 / 15, customers)
    average = rng.gamma(6 * np.maximum(frequency, 1), 1 / spread) / np.maximum(frequency, 1)
    return pl.DataFrame({"frequency": frequency, "recency": recency, "tenure": tenure, "average_amount": average})


def test_cdnow_gives_the_published_bg_nbd(cdnow: pl.DataFrame) -> None:
    """Fader, Hardie and Lee (2005), table 2."""
    assert cdnow.height == 2357
    fit = bg_nbd.fit(cdnow)
    assert fit.status is FitStatus.FITTED
    assert (fit.customers, fit.repeat_customers) == (2357, 946)
    rounded = [round(value, 3) for value in (fit.r, fit.alpha, fit.a, fit.b)]
    assert rounded == [0.243, 4.414, 0.793, 2.426]
    assert round(fit.log_likelihood, 1) == -9582.4


def test_cdnow_gives_the_published_gamma_gamma(cdnow: pl.DataFrame) -> None:
    """Fader and Hardie (2013), section 4."""
    fit = gamma_gamma.fit(cdnow)
    assert fit.status is FitStatus.FITTED
    assert fit.customers == 946
    assert [round(value, 2) for value in (fit.p, fit.q, fit.v)] == [6.25, 3.74, 15.44]


def test_the_published_forecast_of_one_customer() -> None:
    """Two repeat purchases, the last after 30.43 of 38.86 weeks: 1.226 in the next 39 (the authors' spreadsheet)."""
    expected = bg_nbd.expected_purchases(PUBLISHED, floats(2), floats(30.43), floats(38.86), 39)
    assert round(float(expected[0]), 3) == 1.226


def test_units_do_not_matter() -> None:
    days = simulated(3000, seed=8)
    weeks = days.with_columns(pl.col("recency", "tenure") / 7)
    by_day, by_week = bg_nbd.fit(days), bg_nbd.fit(weeks)
    assert floats(by_week.r, by_week.alpha * 7, by_week.a, by_week.b) == pytest.approx(
        floats(by_day.r, by_day.alpha, by_day.a, by_day.b), rel=1e-4
    )
    # Each purchase is a density over time: 7 times as many days as weeks divide it by 7.
    shift = days["frequency"].sum() * math.log(7)
    assert by_day.log_likelihood == pytest.approx(by_week.log_likelihood - shift, abs=1e-3)

    cents = days.with_columns(pl.col("average_amount") * 100)
    in_euro, in_cents = gamma_gamma.fit(days), gamma_gamma.fit(cents)
    assert floats(in_cents.p, in_cents.q, in_cents.v / 100) == pytest.approx(
        floats(in_euro.p, in_euro.q, in_euro.v), rel=1e-4
    )


def test_a_fit_states_the_likelihood_of_its_parameters() -> None:
    customers = simulated(1000, seed=9)
    repeat = customers.filter(pl.col("frequency") > 0)
    rates, amounts = bg_nbd.fit(customers), gamma_gamma.fit(repeat)
    stated = bg_nbd.log_likelihood(customers, rates)
    assert rates.log_likelihood == pytest.approx(stated, rel=1e-9)
    stated = gamma_gamma.log_likelihood(repeat, amounts.p, amounts.q, amounts.v)
    assert amounts.log_likelihood == pytest.approx(stated, rel=1e-9)


@pytest.fixture(scope="module")
def drawn() -> pl.DataFrame:
    return simulated(30_000, seed=11)


def test_bg_nbd_finds_the_parameters_of_a_simulation(drawn: pl.DataFrame) -> None:
    fit = bg_nbd.fit(drawn)
    assert fit.status is FitStatus.FITTED
    found, truth, errors = floats(fit.r, fit.alpha, fit.a, fit.b), floats(0.6, 60, 0.8, 2.5), fit.standard_errors
    # Within four standard errors, and these are small: 30,000 customers leave little room to be right by chance.
    assert np.all(np.abs(found - truth) < 4 * np.array(errors))
    assert np.all(np.array(errors) < 0.1 * truth)


def test_gamma_gamma_finds_the_parameters_of_a_simulation(drawn: pl.DataFrame) -> None:
    fit = gamma_gamma.fit(drawn)
    assert fit.status is FitStatus.FITTED
    found, truth, errors = floats(fit.p, fit.q, fit.v), floats(6, 4, 15), fit.standard_errors
    assert np.all(np.abs(found - truth) < 4 * np.array(errors))
    assert np.all(np.array(errors) < 0.1 * truth)
    assert fit.mean == pytest.approx(30, rel=0.02)


def test_predictions_hold_on_what_happens_next() -> None:
    """Customers drawn twice as long as they are watched: orders of the second half add up to the forecast."""
    rng = np.random.default_rng(5)
    customers, half = 40_000, 365.0
    rate, leaving = rng.gamma(0.6, 1 / 60, customers), rng.beta(0.8, 2.5, customers)
    frequency, recency, later = np.zeros(customers), np.zeros(customers), np.zeros(customers)
    now, there = np.zeros(customers), np.arange(customers)
    while there.size:
        now[there] += rng.exponential(1 / rate[there])
        there = there[now[there] <= 2 * half]
        early = there[now[there] <= half]
        frequency[early] += 1
        recency[early] = now[early]
        later[there[now[there] > half]] += 1
        there = there[rng.random(there.size) > leaving[there]]
    truth = BgNbdFit(r=0.6, alpha=60, a=0.8, b=2.5)
    expected = bg_nbd.expected_purchases(truth, frequency, recency, np.full(customers, half), half)
    for group in (frequency == 0, frequency == 1, (frequency > 1) & (recency < 180), frequency > 10):
        noise = later[group].std() / math.sqrt(group.sum())
        assert abs(later[group].mean() - expected[group].mean()) < 4 * noise


def test_bg_nbd_likelihood_is_the_product_of_equation_6() -> None:
    r, alpha, a, b = 0.7, 3.0, 1.4, 2.2
    customers = [(0, 0.0, 5.0), (1, 2.0, 5.0), (4, 6.5, 7.0)]

    def one(x: int, recency: float, tenure: float) -> float:
        gamma = math.gamma
        bought = gamma(r + x) * alpha**r / gamma(r)
        stayed = gamma(a + b) * gamma(b + x) / (gamma(b) * gamma(a + b + x))
        gone = a / (b + x - 1) * (alpha + recency) ** -(r + x) if x else 0.0
        return math.log(bought * stayed * ((alpha + tenure) ** -(r + x) + gone))

    frame = pl.DataFrame(customers, schema=["frequency", "recency", "tenure"], orient="row")
    expected = sum(one(*customer) for customer in customers)
    assert bg_nbd.log_likelihood(frame, BgNbdFit(r, alpha, a, b)) == pytest.approx(expected, rel=1e-12)


def test_gamma_gamma_likelihood_is_the_product_of_equation_1a() -> None:
    p, q, v = 3.0, 2.5, 20.0
    customers = [(1, 12.0), (3, 40.0)]

    def one(x: int, mean: float) -> float:
        beta = math.gamma(p * x) * math.gamma(q) / math.gamma(p * x + q)
        share = x * mean / (v + x * mean)
        return math.log((1 - share) ** q * share ** (p * x) / (mean * beta))

    frame = pl.DataFrame(customers, schema=["frequency", "average_amount"], orient="row")
    expected = sum(one(*customer) for customer in customers)
    assert gamma_gamma.log_likelihood(frame, p, q, v) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("model", [bg_nbd, gamma_gamma])
def test_slopes_are_those_of_the_likelihood(model: object) -> None:
    rows = simulated(200, seed=3).filter(pl.col("frequency") > (0 if model is gamma_gamma else -1))
    objective = model._objective(rows.with_columns(count=pl.lit(2)))  # type: ignore[attr-defined]
    point = np.log([0.9, 40.0, 1.3, 2.0] if model is bg_nbd else [2.0, 3.0, 20.0])
    for place in range(point.size):
        step = np.zeros(point.size)
        step[place] = 1e-5
        numeric = (objective(point + step)[0] - objective(point - step)[0]) / 2e-5
        assert objective(point)[1][place] == pytest.approx(numeric, rel=1e-6, abs=1e-4)


@pytest.mark.parametrize("parameters", [(0.243, 4.414, 0.793, 2.426), (2.0, 30.0, 1.7, 0.6), (5.0, 2.0, 0.3, 50.0)])
def test_expectations_equal_the_hypergeometric_form(parameters: tuple[float, float, float, float]) -> None:
    """Eq. 10 as printed, where its function neither overflows nor meets a pole."""
    r, alpha, a, b = parameters
    for x, tenure, horizon in [(0, 40.0, 39.0), (1, 5.0, 365.0), (12, 300.0, 90.0), (60, 700.0, 365.0)]:
        grown = alpha + tenure + horizon
        printed = (a + b + x - 1) / (a - 1)
        printed *= 1 - ((alpha + tenure) / grown) ** (r + x) * hyp2f1(r + x, b + x, a + b + x - 1, horizon / grown)
        given = bg_nbd.expected_if_alive(BgNbdFit(*parameters), floats(x), floats(tenure), floats(horizon))
        assert given[0, 0] == pytest.approx(printed, rel=1e-9)


def test_expectations_are_smooth_where_the_printed_form_has_poles() -> None:
    x, tenure, horizon = floats(0, 3), floats(20, 20), floats(52)
    for at in ((1.0, 2.0), (0.4, 0.6)):  # a = 1; a + b + x = 1 for x = 0
        exactly = bg_nbd.expected_if_alive(BgNbdFit(0.5, 10, *at), x, tenure, horizon)
        beside = bg_nbd.expected_if_alive(BgNbdFit(0.5, 10, at[0] + 1e-7, at[1]), x, tenure, horizon)
        assert exactly == pytest.approx(beside, rel=1e-6)


def test_an_expectation_does_not_depend_on_who_is_beside() -> None:
    """A young customer needs a finer rule than an old one; each has his own, also in one call."""
    model = BgNbdFit(0.3, 0.05, 0.7, 1.9)
    x, tenure, horizon = floats(*[2] * 7), floats(0, 1, 3, 10, 40, 200, 900), floats(30, 365)
    together = bg_nbd.expected_if_alive(model, x, tenure, horizon)
    for place in range(x.size):
        alone = bg_nbd.expected_if_alive(model, x[place : place + 1], tenure[place : place + 1], horizon)
        assert together[place] == pytest.approx(alone[0], rel=1e-14)  # the same sums, added up in another order


def test_expectations_of_extreme_customers_are_finite() -> None:
    frequency, recency, tenure = (
        floats(0, 0, 1, 5000, 5000),
        floats(0, 0, 0, 3650, 1),
        floats(0, 3650, 3650, 3650, 3650),
    )
    for parameters in ((1e-3, 1e-2, 1e-3, 1e-3), (50, 5e4, 500, 500), (0.5, 30, 1e-3, 1e3)):
        model = BgNbdFit(*parameters)
        alive = bg_nbd.probability_alive(model, frequency, recency, tenure)
        expected = bg_nbd.expected_purchases(model, frequency, recency, tenure, 365)
        assert np.all((alive >= 0) & (alive <= 1))
        assert np.all(np.isfinite(expected) & (expected >= 0))


def test_probability_alive_by_hand() -> None:
    # 1 / (1 + a / (b + x - 1) * ((alpha + T) / (alpha + t)) ** (r + x)) = 1 / (1 + 1/2 * (20 / 10) ** 3)
    model = BgNbdFit(r=1, alpha=5, a=1, b=1)
    alive = bg_nbd.probability_alive(model, floats(2, 0), floats(5, 0), floats(15, 900))
    assert alive == pytest.approx([0.2, 1.0])


def test_expected_amount_by_hand() -> None:
    model = GammaGammaFit(p=6, q=4, v=15)
    # Mean of all: 6 * 15 / 3 = 30. Two orders of 50 on average: 6 * (15 + 100) / (12 + 3) = 46.
    assert model.mean == 30
    assert gamma_gamma.expected_amount(model, floats(0, 2), floats(0, 50)) == pytest.approx([30, 46])


def test_degenerate_data_is_said_to_be_so() -> None:
    alike = pl.DataFrame({"frequency": [4] * 500, "recency": [80] * 500, "tenure": [100] * 500})
    assert bg_nbd.fit(alike).status is FitStatus.PARAMETERS_AT_BOUNDS
    assert bg_nbd.fit(alike.with_columns(frequency=0)).status is FitStatus.FEW_REPEAT_CUSTOMERS
    assert bg_nbd.fit(alike.with_columns(recency=0, tenure=0)).status is FitStatus.FEW_REPEAT_CUSTOMERS
    assert bg_nbd.fit(alike.clear()).status is FitStatus.FEW_REPEAT_CUSTOMERS
    assert bg_nbd.fit(alike, min_repeat_customers=501).status is FitStatus.FEW_REPEAT_CUSTOMERS
    spend = pl.DataFrame({"frequency": [2] * 500, "average_amount": [10.0] * 500})
    assert gamma_gamma.fit(spend).status is FitStatus.PARAMETERS_AT_BOUNDS
    assert gamma_gamma.fit(spend.with_columns(-pl.col("average_amount"))).status is FitStatus.FEW_REPEAT_CUSTOMERS


def test_a_mean_far_from_the_customers_is_not_used() -> None:
    # Amounts over twelve orders of magnitude: whatever is fitted, its mean is nobody's amount.
    amounts = 10.0 ** np.linspace(-6, 6, 400)
    wild = pl.DataFrame({"frequency": np.full(400, 2), "average_amount": amounts})
    assert gamma_gamma.fit(wild).status is not FitStatus.FITTED
