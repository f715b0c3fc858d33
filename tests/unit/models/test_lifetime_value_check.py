"""Which model of orders is used: what it would have said a year ago decides, and none that the naive rate beats."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from models.lifetime_value import LifetimeValueSettings, bg_nbd, score
from models.lifetime_value.check import MOST_CUSTOMERS, NAIVE, SIMPLE, check, choose
from models.lifetime_value.likelihood import FitStatus

SETTINGS = LifetimeValueSettings()


def watched(customers: int, seed: int, *, leaving: tuple[float, float] | None = (0.8, 2.5)) -> pl.DataFrame:
    """Customers watched for a calibration of 100 to 730 days and the year after; `leaving` None: nobody leaves."""
    rng = np.random.default_rng(seed)
    rate = rng.gamma(0.8, 1 / 60, customers)
    gone = np.zeros(customers) if leaving is None else rng.beta(*leaving, customers)
    tenure = np.floor(rng.uniform(100, 730, customers))
    frequency, recency, later, now = (np.zeros(customers) for _ in range(4))
    # To MBG/NBD they may leave after the first purchase too.
    there = np.flatnonzero(rng.random(customers) > gone)
    while there.size:
        now[there] += rng.exponential(1 / rate[there])
        before, after = there[now[there] <= tenure[there]], there[now[there] > tenure[there]]
        frequency[before] += 1
        recency[before] = np.floor(now[before])
        after = after[now[after] <= tenure[after] + 365]
        later[after] += 1
        there = np.concatenate([before, after])
        there = there[rng.random(there.size) > gone[there]]
    return pl.DataFrame(
        {"frequency": frequency, "recency": recency, "tenure": tenure, "later_orders": later}
    ).with_columns(count=pl.lit(1))


@pytest.fixture(scope="module")
def past() -> pl.DataFrame:
    return watched(8000, seed=3)


def test_the_naive_rate_and_its_error_by_hand() -> None:
    few = pl.DataFrame(
        {"frequency": [2, 0], "recency": [50, 0], "tenure": [100, 40], "later_orders": [5, 1], "count": [1, 3]}
    )
    results = check(few, SETTINGS).results
    naive = results.row(by_predicate=pl.col("model") == NAIVE, named=True)
    # One goes on with 2 in 100 days: 7.3 in a year, 2.3 too many; three with none in 40 days: 1 too few each.
    assert naive["mean_error_orders"] == pytest.approx((2.3 + 3 * 1) / 4)
    assert (naive["orders_expected"], naive["orders_seen"]) == (pytest.approx(7.3), 8.0)
    # Two customers are no reason for a model.
    assert set(results.filter(pl.col("model").is_in(bg_nbd.NAMES))["status"]) == {"few_repeat_customers"}


def test_the_simple_estimate_learns_what_it_would_have_got_wrong() -> None:
    few = pl.DataFrame({"frequency": [2], "recency": [50], "tenure": [100], "later_orders": [2], "count": [4]})
    checked = check(few, SETTINGS)
    # Pooled 8 / (400 + 365) a day; own (2 + pooled * 365) / 465; of four in a year, where 8 orders came.
    rate = (2 + 8 / 765 * 365) / 465
    assert checked.simple_factor == pytest.approx(8 / (4 * rate * 365))
    assert check(few.with_columns(later_orders=0), SETTINGS).simple_factor == 0.1
    assert check(few.clear(), SETTINGS).simple_factor == 1.0


def test_models_beat_the_naive_rate_out_of_time(past: pl.DataFrame) -> None:
    results = check(past, SETTINGS).results
    errors = dict(results.select("model", "mean_error_orders").iter_rows())
    assert errors["mbg_nbd"] < 0.85 * errors[NAIVE]
    assert errors["mbg_nbd"] <= errors["bg_nbd"] + 1e-3
    mbg = results.row(by_predicate=pl.col("model") == "mbg_nbd", named=True)
    assert mbg["orders_expected"] == pytest.approx(mbg["orders_seen"], rel=0.05)
    assert 0.75 <= mbg["share_within_bounds"] <= 0.85
    by_orders = check(past, SETTINGS).by_orders.filter(pl.col("model") == "mbg_nbd")
    assert by_orders["orders_before"].to_list() == list(range(8))
    assert by_orders["customers"].sum() == past.height
    assert by_orders["orders_seen"].sum() == past["later_orders"].sum()


def test_the_best_out_of_time_is_used(past: pl.DataFrame) -> None:
    choice = choose(past, past, SETTINGS)
    assert choice.reason == "out_of_time"
    used = choice.results.filter("is_used")
    assert used.height == 1
    assert used["mean_error_orders"].item() == choice.results["mean_error_orders"].min()
    assert choice.rates.name == used["model"].item()
    assert choice.rates.status is FitStatus.FITTED


def test_without_a_past_the_likelihood_decides(past: pl.DataFrame) -> None:
    nothing = past.clear()
    choice = choose(past, nothing, SETTINGS)
    assert choice.reason == "likelihood"
    assert choice.rates.akaike == min(fit.akaike for fit in choice.candidates if fit.status is FitStatus.FITTED)
    # Where nobody leaves, two parameters are enough.
    loyal = watched(3000, seed=4, leaving=None)
    assert choose(loyal, nothing, SETTINGS).rates.name == "nbd"


def test_a_model_worse_than_the_naive_rate_is_not_used(past: pl.DataFrame) -> None:
    # Everybody goes on exactly as before: nothing can foretell better than the naive rate.
    steady = past.filter((pl.col("frequency") > 0) & (pl.col("tenure") > 0)).with_columns(
        later_orders=pl.col("frequency") / pl.col("tenure") * 365
    )
    choice = choose(steady, steady, SETTINGS)
    assert choice.rates.status is FitStatus.WORSE_THAN_NAIVE
    assert choice.results.filter("is_used")["model"].to_list() == [SIMPLE]


def test_customers_are_told_that_they_have_the_simple_estimate() -> None:
    past = pl.DataFrame(
        [(x, 30 * x, 300, round(x / 300 * 365), 200) for x in range(6)],
        schema=["frequency", "recency_days", "tenure_days", "later_orders", "customers"],
        orient="row",
    )
    customers = watched(500, seed=5).select(
        pl.format("c_{}", pl.int_range(pl.len())).alias("customer_id"),
        "frequency",
        recency_days="recency",
        tenure_days="tenure",
        average_order_amount=pl.when(pl.col("frequency") > 0).then(pl.lit(20.0)),
        revenue_amount=20 * (pl.col("frequency") + 1),
    )
    scores, model = score(customers, SETTINGS, past)
    assert model.rates.status is FitStatus.WORSE_THAN_NAIVE
    assert set(scores["status"]) <= {"simple", "simple_orders"}
    card = {(row[0], row[1]): row[3] for row in model.parameters.iter_rows()}
    assert card["orders", "used"] == "simple"
    assert card["orders", "status"] == "worse_than_naive"


def test_of_very_many_customers_a_part_is_checked() -> None:
    many = pl.DataFrame(
        [(x, 10 * x, 300, later, 70_000) for x in range(3) for later in range(2)],
        schema=["frequency", "recency", "tenure", "later_orders", "count"],
        orient="row",
    )
    checked = choose(many, many, SETTINGS).results["customers"]
    assert MOST_CUSTOMERS * 0.8 < checked[0] <= MOST_CUSTOMERS
    # Evenly: every sort of customer is there in its share.
    assert checked.n_unique() == 1


def test_nbd_is_what_bg_nbd_comes_to_where_nobody_leaves() -> None:
    loyal = watched(5000, seed=6, leaving=None)
    nbd = bg_nbd.fit_counted(loyal, "nbd")
    assert nbd.status is FitStatus.FITTED
    assert (nbd.a, nbd.name) == (0.0, "nbd")
    assert nbd.r == pytest.approx(0.8, rel=0.1)
    assert nbd.r / nbd.alpha == pytest.approx(0.8 / 60, rel=0.1)
    near = bg_nbd.BgNbdFit(nbd.r, nbd.alpha, 1e-9, 1.0)
    at = (np.array([0.0, 3.0]), np.array([0.0, 90.0]), np.array([100.0, 400.0]))
    assert bg_nbd.expected_purchases(nbd, *at, 365.0) == pytest.approx(
        bg_nbd.expected_purchases(near, *at, 365.0), rel=1e-6
    )
    assert bg_nbd.probability_alive(nbd, *at).tolist() == [1.0, 1.0]
    # The likelihood of the one at a = 0 is that of the other.
    rows = loyal.filter(pl.col("frequency") > 0)
    one = bg_nbd.fit_counted(rows, "nbd")
    same = bg_nbd.BgNbdFit(one.r, one.alpha, 1e-12, 1.0)
    assert bg_nbd.log_likelihood(rows, same) == pytest.approx(one.log_likelihood, rel=1e-6)


def test_an_unknown_model_is_refused() -> None:
    with pytest.raises(ValueError, match="no model 'pareto', known are nbd, bg_nbd, mbg_nbd"):
        bg_nbd.fit_counted(watched(10, seed=1), "pareto")
