"""The scores: defined for any input, and the simple estimates by hand."""

import math
from decimal import Decimal

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from models.lifetime_value import STATUSES, LifetimeValueSettings, count_chunk, fit, score, score_chunk
from models.lifetime_value.score import SCORES_SCHEMA
from models.lifetime_value.simple import middle_amount

COLUMNS = {
    "customer_id": pl.String,
    "frequency": pl.Float64,
    "recency_days": pl.Float64,
    "tenure_days": pl.Float64,
    "average_order_amount": pl.Float64,
    "revenue_amount": pl.Float64,
}
NUMBERS = [name for name in SCORES_SCHEMA if name not in ("customer_id", "status")]  # probabilities first
Row = tuple[str, float | None, float | None, float | None, float | None, float | None]


def frame(*rows: Row) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=COLUMNS, orient="row")


def shop(customers: int = 1500) -> pl.DataFrame:
    """Customers drawn from the models, so that both can be fitted."""
    rng = np.random.default_rng(2)
    rate, leaving = rng.gamma(0.6, 1 / 60, customers), rng.beta(0.8, 2.5, customers)
    tenure = rng.integers(30, 730, customers).astype(float)
    now, frequency, recency = np.zeros(customers), np.zeros(customers), np.zeros(customers)
    there = np.arange(customers)
    while there.size:
        now[there] += rng.exponential(1 / rate[there])
        there = there[now[there] <= tenure[there]]
        frequency[there] += 1
        recency[there] = np.floor(now[there])
        there = there[rng.random(there.size) > leaving[there]]
    orders = frequency + 1
    mean = rng.gamma(6 * orders, 1 / rng.gamma(4, 1 / 15, customers)) / orders
    return pl.DataFrame(
        {
            "customer_id": [f"c_{i}" for i in range(customers)],
            "frequency": frequency,
            "recency_days": recency,
            "tenure_days": tenure,
            "average_order_amount": np.where(frequency > 0, mean, np.nan),
            "revenue_amount": mean * orders,
        }
    ).with_columns(pl.col("average_order_amount").fill_nan(None))


def assert_defined(scores: pl.DataFrame) -> None:
    """No NaN, no infinity, no negative, null only for the probability of customers without orders."""
    assert set(scores["status"]) <= set(STATUSES)
    for column in NUMBERS:
        values = scores[column].drop_nulls()
        assert values.is_finite().all()
        assert (values >= 0).all()
    assert not any(scores.select(NUMBERS[2:]).null_count().row(0))
    for chance in NUMBERS[:2]:
        assert scores[chance].is_null().equals(scores["status"] == "no_orders")
        assert scores[chance].drop_nulls().le(1).all()
    for number in ("expected_orders_12m", "expected_revenue_12m"):
        assert (scores[f"{number}_lower"] <= scores[f"{number}_upper"]).all()


def note(fit: pl.DataFrame, model: str) -> str:
    return str(fit.filter((pl.col("model") == model) & (pl.col("parameter") == "status"))["note"].item())


@pytest.fixture(scope="module")
def customers() -> pl.DataFrame:
    return shop()


def test_a_shop_is_modelled(customers: pl.DataFrame) -> None:
    scores, model = score(customers)
    assert_defined(scores)
    assert scores["customer_id"].equals(customers["customer_id"])
    assert set(scores["status"]) == {"modelled"}
    assert (note(model.parameters, "bg_nbd"), note(model.parameters, "gamma_gamma")) == ("fitted", "fitted")
    values = {(model, parameter): value for model, parameter, value, _ in model.parameters.iter_rows()}
    assert values["input", "customers"] == values["bg_nbd", "customers"] == 1500
    assert values["bg_nbd", "repeat_customers"] == values["gamma_gamma", "customers"]
    assert math.isfinite(values["bg_nbd", "log_likelihood"])
    assert model.parameters.select("model", "parameter").is_unique().all()
    # Those who have just bought more often than others are worth more than the average; the long silent less.
    joined = scores.join(customers, on="customer_id").with_columns(
        silent=pl.col("tenure_days") - pl.col("recency_days")
    )
    busy = joined.filter((pl.col("frequency") >= 5) & (pl.col("silent") < 30))["expected_orders_12m"].mean()
    quiet = joined.filter((pl.col("frequency") >= 5) & (pl.col("silent") > 200))["expected_orders_12m"].mean()
    assert isinstance(busy, float)
    assert isinstance(quiet, float)
    assert busy > 5 * quiet


def test_the_order_of_rows_and_their_types_do_not_matter(customers: pl.DataFrame) -> None:
    scores, _ = score(customers)
    amounts = pl.col("average_order_amount", "revenue_amount")
    mixed = customers.sample(fraction=1.0, shuffle=True, seed=1).with_columns(
        pl.col("frequency", "recency_days", "tenure_days").cast(pl.Int32), amounts.cast(pl.Decimal(18, 4))
    )
    again = score(mixed)[0].sort("customer_id")
    for column in NUMBERS:
        assert again[column].to_numpy() == pytest.approx(scores.sort("customer_id")[column].to_numpy(), rel=1e-3)


def test_the_residual_is_the_discounted_revenue_of_the_horizon(customers: pl.DataFrame) -> None:
    plain, _ = score(customers, LifetimeValueSettings(discount_rate=0.0))
    year = plain["expected_revenue_12m"].to_numpy()
    assert plain["residual_amount"].to_numpy() == pytest.approx(year, rel=1e-9)
    discounted = score(customers)[0]["residual_amount"].to_numpy()
    # All of it later than today and none later than in a year.
    assert np.all(discounted < year)
    assert np.all(discounted > year / 1.10)
    longer = score(customers, LifetimeValueSettings(horizon_months=36))[0]["residual_amount"].to_numpy()
    assert np.all(longer > discounted)
    assert score(customers, LifetimeValueSettings(horizon_months=0))[0]["residual_amount"].to_list() == [0.0] * 1500


def test_one_customer_gets_the_simple_estimate_by_hand() -> None:
    scores, model = score(frame(("a", 3, 90, 100, 20, 80)))
    assert_defined(scores)
    assert note(model.parameters, "bg_nbd") == note(model.parameters, "gamma_gamma") == "few_repeat_customers"
    # Pooled: 3 / (100 + 365) a day. Own: (3 + pooled * 365) / (100 + 365). Amount: (3 * 20 + 2 * 20) / 5 = 20.
    rate = (3 + 3 / 465 * 365) / 465
    months = sum(rate * 365 / 12 * 20 / 1.1 ** (month / 12) for month in range(1, 13))
    row = scores.row(0, named=True)
    names = ("probability_alive", "expected_orders_12m", "expected_revenue_12m", "residual_amount")
    expected = (math.exp(-10 * rate), 365 * rate, 365 * rate * 20, months)
    assert tuple(row[name] for name in names) == pytest.approx(expected, rel=1e-12)
    # His rate is gamma distributed (3 + pooled * 365, 100 + 365): no order within 180 days.
    shape = 3 + 3 / 465 * 365
    assert row["probability_silent"] == pytest.approx((465 / (465 + 180)) ** shape, rel=1e-12)
    # Orders of the year are negative binomial: 0 has 0.045, up to 1 0.151, from 1 to 6 0.771, to 7 0.837.
    assert (row["expected_orders_12m_lower"], row["expected_orders_12m_upper"]) == (1, 6)
    assert row["status"] == "simple"


def test_the_simple_amount_uses_the_median_and_the_only_order() -> None:
    scores, _ = score(
        frame(("a", 2, 50, 100, 10, 30), ("b", 0, 0, 100, None, 40), ("c", 1, 50, 100, 1_000_000, 1_000_000))
    )
    amounts = (scores["expected_revenue_12m"] / scores["expected_orders_12m"]).to_list()
    # Averages 10 (of 2), 40 (of the only order) and a giant; median 40, counted as 2 orders.
    assert amounts == pytest.approx([(20 + 80) / 4, (40 + 80) / 3, (1_000_000 + 80) / 3])


def test_customers_without_orders_expect_nothing(customers: pl.DataFrame) -> None:
    nobody = frame(
        ("n1", None, None, None, None, None), ("n2", None, None, None, None, 0), ("n3", math.nan, 1, 1, 1, 1)
    )
    scores, model = score(pl.concat([customers, nobody]))
    assert_defined(scores)
    assert scores.tail(3).drop("customer_id").rows() == [(None, None, *[0.0] * 7, "no_orders")] * 3
    assert set(scores.head(1500)["status"]) == {"modelled"}
    assert model.parameters.filter(pl.col("parameter") == "customers_without_orders")["value"].item() == 3


def test_values_out_of_range_are_brought_in_and_said_to_be(customers: pl.DataFrame) -> None:
    odd = frame(
        ("future", 0, 0, -20, None, 30),  # first order after the as-of day
        ("late", 2, 50, 30, 10, 30),  # last order after the as-of day
        ("refunds", 2, 20, 30, -15, -30),  # refunds larger than the orders
        ("below", -1, -5, 30, None, 10),
        ("unknown", 3, None, 90, None, 10),
        ("endless", 3, math.inf, 90, math.inf, 10),
    )
    scores, model = score(pl.concat([customers, odd]))
    assert_defined(scores)
    assert scores.tail(6)["status"].to_list() == ["modelled_adjusted"] * 6
    assert model.parameters.filter(pl.col("parameter") == "customers_adjusted")["value"].item() == 6
    # They do not move the fit of the others.
    assert scores.head(1500).equals(score(customers)[0])
    assert_defined(score(odd)[0])


@pytest.mark.parametrize("tenure", [0, 400])
def test_all_orders_on_one_day(tenure: int) -> None:
    scores, model = score(frame(*((str(i), 0, 0, tenure, None, 10) for i in range(200))))
    assert_defined(scores)
    assert note(model.parameters, "bg_nbd") == "few_repeat_customers"
    assert set(scores["expected_orders_12m"]) == {0.0}


def test_a_giant_order_does_not_raise_the_others(customers: pl.DataFrame) -> None:
    place = int((customers["frequency"] > 0).arg_max() or 0)
    giant = pl.when(pl.int_range(pl.len()) == place).then(1e9).otherwise(pl.col("average_order_amount"))
    plain, _ = score(customers)
    scores, _ = score(customers.with_columns(average_order_amount=giant))
    assert_defined(scores)
    others = pl.int_range(pl.len()) != place
    before, after = (each.filter(others)["expected_revenue_12m"].sum() for each in (plain, scores))
    assert after == pytest.approx(before, rel=0.25)


@pytest.mark.parametrize(
    "changed",
    [
        {"average_order_amount": pl.lit(-5.0)},
        {"average_order_amount": pl.lit(1e14), "revenue_amount": pl.lit(1e14)},
        {"average_order_amount": pl.lit(0.0), "revenue_amount": pl.lit(0.0)},
        {"tenure_days": pl.lit(3650.0)},
        {"recency_days": pl.lit(0.0)},
        {"frequency": pl.lit(1.0), "recency_days": pl.col("tenure_days")},
        {"frequency": pl.col("frequency") * 1000},
    ],
    ids=["negative", "giants", "free", "ten years of silence", "one day", "all bought today", "thousands of orders"],
)
def test_strange_companies_get_defined_scores(customers: pl.DataFrame, changed: dict[str, pl.Expr]) -> None:
    scores, model = score(customers.with_columns(**changed))
    assert_defined(scores)
    assert model.parameters["value"].drop_nulls().is_finite().all()


def test_empty_input_gives_empty_scores() -> None:
    scores, model = score(frame())
    assert scores.is_empty()
    assert scores.columns == ["customer_id", *NUMBERS, "status"]
    assert note(model.parameters, "bg_nbd") == "few_repeat_customers"


def test_wrong_input_is_refused() -> None:
    one = frame(("a", 1, 10, 20, 5, 10))
    with pytest.raises(ValueError, match="lacks the columns frequency"):
        score(one.drop("frequency"))
    with pytest.raises(ValueError, match="1 rows repeat a customer_id"):
        score(pl.concat([one, one]))
    with pytest.raises(ValueError, match="1 rows have no customer_id"):
        score(one.with_columns(customer_id=pl.lit(None, pl.String)))


@pytest.mark.parametrize(
    "wrong",
    [
        {"horizon_months": -1},
        {"discount_rate": -1.0},
        {"coverage": 1.0},
        {"silent_days": 0},
        {"prior_days": 0.0},
        {"prior_orders": 0.0},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_wrong_settings_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        LifetimeValueSettings(**wrong)  # type: ignore[arg-type]


def test_decimals_are_numbers() -> None:
    decimals = {name: [Decimal(5)] for name in list(COLUMNS)[1:]}
    assert score(pl.DataFrame({"customer_id": ["a"], **decimals}))[0]["status"].item() == "simple"


@pytest.mark.parametrize("min_repeat_customers", [30, 10**6])
def test_chunk_by_chunk_gives_what_one_call_gives(customers: pl.DataFrame, min_repeat_customers: int) -> None:
    odd = frame(
        ("none", None, None, None, None, None),
        ("backwards", 3, 90, 10, 20, 80),
        ("negative", -2, 5, 10, -1, -5),
        ("no amount", 4, 50, 60, None, 100),
        ("once", 0, 0, 60, None, 45),
    )
    everyone = pl.concat([customers, odd])
    settings = LifetimeValueSettings(min_repeat_customers=min_repeat_customers, horizon_months=24)
    chunks = [everyone[start : start + 97] for start in range(0, everyone.height, 97)]
    model = fit(pl.concat(count_chunk(chunk) for chunk in chunks), settings)
    whole, at_once = score(everyone, settings)
    # Sums over customers are added up in another order, nothing else.
    assert_frame_equal(model.parameters, at_once.parameters, rel_tol=1e-12)
    assert_frame_equal(pl.concat(score_chunk(chunk, model) for chunk in chunks), whole, rel_tol=1e-12)
    wanted = "modelled" if min_repeat_customers == 30 else "simple"
    assert whole["status"].value_counts().sort("count")["status"][-1] == wanted
    assert whole["status"][-5:].to_list() == ["no_orders", *[f"{wanted}_adjusted"] * 3, wanted]


@pytest.mark.parametrize(
    ("values", "counts", "middle"),
    [([], [], 0), ([7], [1], 7), ([3, 1], [1, 1], 2), ([5, 1, 9], [1, 2, 1], 3), ([5, 1], [3, 2], 5)],
)
def test_the_middle_amount_is_the_median_over_customers(values: list[float], counts: list[int], middle: float) -> None:
    assert middle_amount(np.array(values, dtype=float), np.array(counts, dtype=float)) == middle
