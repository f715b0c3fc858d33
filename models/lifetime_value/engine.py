"""The steps of counting, fitting and scoring; loaded only when something is scored."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from models.lifetime_value import bg_nbd, gamma_gamma, simple
from models.lifetime_value.bg_nbd import BgNbdFit
from models.lifetime_value.gamma_gamma import GammaGammaFit
from models.lifetime_value.likelihood import FitStatus, Floats
from models.lifetime_value.score import (
    ADJUSTED,
    COUNTS_SCHEMA,
    FIT_SCHEMA,
    SCORES_SCHEMA,
    LifetimeValueFit,
    LifetimeValueSettings,
)

YEAR_DAYS = 365.0
MONTH_DAYS = YEAR_DAYS / 12


@dataclass(frozen=True, slots=True)
class Orders:
    """What is expected of each customer: orders within a year, and discounted orders within the horizon."""

    alive: Floats
    in_year: Floats
    discounted: Floats


def count(frame: pl.DataFrame) -> pl.DataFrame:
    """Count checked input; see `models.lifetime_value.score.count_chunk`, which checks it."""
    ordered = _in_range(frame)
    clean = pl.when("adjusted").then(pl.lit("adjusted")).otherwise(pl.lit("rates"))
    orders, average = _known_amounts(ordered)
    parts = [
        ordered.select(clean.alias("part"), x="frequency", y="recency_days", z="tenure_days"),
        ordered.filter(~pl.col("adjusted") & (pl.col("averaged") > 0)).select(
            pl.lit("amounts").alias("part"), x="averaged", y="average"
        ),
        pl.DataFrame({"x": average[orders > 0]}).select(pl.lit("spent").alias("part"), "x"),
        pl.DataFrame({"part": ["no_orders"] * (frame.height - ordered.height)}, schema={"part": pl.String}),
    ]
    counted = pl.concat(parts, how="diagonal").with_columns(customers=pl.lit(1))
    return add_up(counted.match_to_schema(COUNTS_SCHEMA, integer_cast="upcast"))


def add_up(counts: pl.DataFrame) -> pl.DataFrame:
    """The counts with each row once."""
    keys = [name for name in COUNTS_SCHEMA if name != "customers"]
    return counts.group_by(keys).agg(pl.col("customers").sum()).sort(keys)


def fit(counts: pl.DataFrame, settings: LifetimeValueSettings) -> LifetimeValueFit:
    """Fit both models to counts; see `models.lifetime_value.score.fit`."""
    parts = {part: counts.filter(pl.col("part") == part) for part in ("rates", "adjusted", "amounts", "spent")}
    rates = bg_nbd.fit_counted(
        parts["rates"].select(frequency="x", recency="y", tenure="z", count="customers"),
        min_repeat_customers=settings.min_repeat_customers,
    )
    amounts = gamma_gamma.fit_counted(
        parts["amounts"].select(frequency="x", average_amount="y", count="customers"),
        min_repeat_customers=settings.min_repeat_customers,
    )
    ordered = pl.concat([parts["rates"], parts["adjusted"]])
    frequency, tenure, customers = (ordered[name].cast(pl.Float64).to_numpy() for name in ("x", "z", "customers"))
    return LifetimeValueFit(
        settings=settings,
        rates=rates,
        amounts=amounts,
        pooled_rate=simple.pooled_rate(frequency, tenure, customers, settings.prior_days),
        middle_amount=simple.middle_amount(parts["spent"]["x"].to_numpy(), parts["spent"]["customers"].to_numpy()),
        parameters=_fit_frame(counts, rates, amounts),
    )


def score(frame: pl.DataFrame, model: LifetimeValueFit) -> pl.DataFrame:
    """Score checked input; see `models.lifetime_value.score.score_chunk`, which checks it."""
    ordered = _in_range(frame)
    orders = _orders(ordered, model)
    amount = _amounts(ordered, model)
    way = _way(model.rates, model.amounts)
    scored = ordered.select(
        "customer_id",
        probability_alive=pl.Series(orders.alive),
        expected_orders_12m=pl.Series(orders.in_year),
        expected_revenue_12m=pl.Series(orders.in_year * amount),
        residual_amount=pl.Series(orders.discounted * amount),
        status=pl.lit(way) + pl.when("adjusted").then(pl.lit(ADJUSTED)).otherwise(pl.lit("")),
    )
    return (
        frame.select("customer_id")
        .join(scored, on="customer_id", how="left", maintain_order="left")
        .with_columns(
            pl.col("expected_orders_12m", "expected_revenue_12m", "residual_amount").fill_null(0.0),
            pl.col("status").fill_null("no_orders"),
        )
        .match_to_schema(SCORES_SCHEMA)
    )


def _in_range(frame: pl.DataFrame) -> pl.DataFrame:
    """Customers with orders, their numbers brought into range.

    Columns: customer_id, frequency, recency_days, tenure_days (whole days, 0 <= recency <= tenure), revenue
    (>= 0), average (of repeat orders, >= 0, 0 if none), averaged (orders behind it), adjusted (something was
    out of range).
    """
    numbers = frame.with_columns(
        pl.when(pl.col(column).is_finite()).then(pl.col(column)).alias(column)
        for column in frame.columns
        if column != "customer_id"
    )
    first = numbers.filter(pl.col("frequency").is_not_null() & pl.col("tenure_days").is_not_null()).select(
        "customer_id",
        pl.col("frequency").clip(lower_bound=0),
        pl.col("recency_days").fill_null(0).round().clip(lower_bound=0),
        pl.col("tenure_days").round().clip(lower_bound=0),
        revenue=pl.col("revenue_amount").fill_null(0).clip(lower_bound=0),
        given=pl.col("average_order_amount"),
        adjusted=(pl.col("frequency") < 0)
        | (pl.col("recency_days").fill_null(0) < 0)
        | (pl.col("tenure_days") < 0)
        | (pl.col("recency_days").fill_null(0).round() > pl.col("tenure_days").round())
        | ((pl.col("frequency") > 0) & pl.col("recency_days").is_null()),
    )
    repeat = pl.col("frequency") > 0
    return first.select(
        "customer_id",
        "frequency",
        recency_days=pl.when(repeat).then(pl.col("recency_days")).otherwise(0.0),
        tenure_days=pl.max_horizontal("tenure_days", "recency_days"),
        revenue="revenue",
        average=pl.when(repeat).then(pl.col("given").clip(lower_bound=0)).fill_null(0.0),
        averaged=pl.when(repeat & pl.col("given").is_not_null()).then(pl.col("frequency")).otherwise(0.0),
        adjusted=pl.col("adjusted") | (repeat & (pl.col("given").is_null() | (pl.col("given") < 0))),
    )


def _orders(ordered: pl.DataFrame, fitted: LifetimeValueFit) -> Orders:
    """Expected orders by the model, or by the simple estimate if it was not fitted."""
    model, settings = fitted.rates, fitted.settings
    frequency, recency, tenure = (ordered[column].to_numpy() for column in ("frequency", "recency_days", "tenure_days"))
    months = np.arange(1, settings.horizon_months + 1)
    discount = (1 + settings.discount_rate) ** (-months / 12)
    if model.status is FitStatus.FITTED:
        alive = bg_nbd.probability_alive(model, frequency, recency, tenure)
        ends = np.append(months * MONTH_DAYS, YEAR_DAYS)
        until = bg_nbd.expected_if_alive(model, frequency, tenure, ends)
        by_month = np.diff(until[:, :-1], axis=1, prepend=0.0)
        return Orders(alive, alive * until[:, -1], alive * (by_month @ discount))
    rates = simple.purchase_rates(frequency, tenure, fitted.pooled_rate, settings.prior_days)
    alive = simple.probability_alive(rates, recency, tenure)
    # Not times alive: a rate over the whole tenure already counts the silence at its end.
    return Orders(alive, rates * YEAR_DAYS, rates * MONTH_DAYS * discount.sum())


def _amounts(ordered: pl.DataFrame, fitted: LifetimeValueFit) -> Floats:
    """Expected amount per order by the model, or by the simple estimate if it was not fitted."""
    if fitted.amounts.status is FitStatus.FITTED:
        averaged, average = ordered["averaged"].to_numpy(), ordered["average"].to_numpy()
        return gamma_gamma.expected_amount(fitted.amounts, averaged, average)
    return simple.expected_amounts(*_known_amounts(ordered), fitted.middle_amount, fitted.settings.prior_orders)


def _known_amounts(ordered: pl.DataFrame) -> tuple[Floats, Floats]:
    """Orders whose average amount is known, and that average; without repeat orders, revenue is the one order known."""
    once = ordered["frequency"].to_numpy() == 0
    average = np.where(once, ordered["revenue"].to_numpy(), ordered["average"].to_numpy())
    return np.where(once, 1.0, ordered["averaged"].to_numpy()), average


def _way(rates: BgNbdFit, amounts: GammaGammaFit) -> str:
    """Which of the two models could be used."""
    if rates.status is FitStatus.FITTED:
        return "modelled" if amounts.status is FitStatus.FITTED else "simple_amount"
    return "simple_orders" if amounts.status is FitStatus.FITTED else "simple"


def _fit_frame(counts: pl.DataFrame, rates: BgNbdFit, amounts: GammaGammaFit) -> pl.DataFrame:
    """Both fits, one row per model and parameter; numbers that do not exist are null."""
    number = dict(counts.group_by("part").agg(pl.col("customers").sum()).iter_rows())
    without, adjusted = number.get("no_orders", 0), number.get("adjusted", 0)
    rows: list[tuple[str, str, float | None, str | None]] = [
        ("input", "customers", without + adjusted + number.get("rates", 0), "rows received"),
        ("input", "customers_without_orders", without, "not fitted, scored no_orders"),
        ("input", "customers_adjusted", adjusted, "not fitted, scored with values in range"),
    ]
    for name, model, parameters in (
        ("bg_nbd", rates, ("r", "alpha", "a", "b")),
        ("gamma_gamma", amounts, ("p", "q", "v")),
    ):
        errors = model.standard_errors or (None,) * len(parameters)
        rows += [(name, parameter, getattr(model, parameter), None) for parameter in parameters]
        rows += [
            (name, f"{parameter}_standard_error", error, None)
            for parameter, error in zip(parameters, errors, strict=True)
        ]
        rows += [
            (name, "log_likelihood", model.log_likelihood, None),
            (name, "customers", model.customers, "customers the fit rests on"),
            (name, "status", None, str(model.status)),
        ]
    rows.append(("bg_nbd", "repeat_customers", rates.repeat_customers, None))
    correlation = _correlation(counts.filter(pl.col("part") == "amounts"))
    rows.append(("gamma_gamma", "correlation", correlation, "of frequency and average amount; the model takes it as 0"))
    value = pl.col("value")
    return pl.DataFrame(rows, schema=FIT_SCHEMA, orient="row", strict=False).with_columns(
        value=pl.when(value.is_finite()).then(value)
    )


def _correlation(amounts: pl.DataFrame) -> float | None:
    """The correlation of x and y over customers; None or not a number where there is none."""
    x, y, weight = (amounts[name].cast(pl.Float64).to_numpy() for name in ("x", "y", "customers"))
    if weight.sum() < 2:
        return None
    x, y = x - np.average(x, weights=weight), y - np.average(y, weights=weight)
    with np.errstate(invalid="ignore", divide="ignore"):
        return float((weight @ (x * y)) / np.sqrt((weight @ x**2) * (weight @ y**2)))
