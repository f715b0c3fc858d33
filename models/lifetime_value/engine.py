"""The steps of scoring; loaded only when something is scored."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from models.lifetime_value import bg_nbd, gamma_gamma, simple
from models.lifetime_value.bg_nbd import BgNbdFit
from models.lifetime_value.gamma_gamma import GammaGammaFit
from models.lifetime_value.likelihood import FitStatus, Floats
from models.lifetime_value.score import ADJUSTED, FIT_SCHEMA, SCORES_SCHEMA, LifetimeValueSettings

YEAR_DAYS = 365.0
MONTH_DAYS = YEAR_DAYS / 12


@dataclass(frozen=True, slots=True)
class Orders:
    """What is expected of each customer: orders within a year, and discounted orders within the horizon."""

    alive: Floats
    in_year: Floats
    discounted: Floats


def run(frame: pl.DataFrame, settings: LifetimeValueSettings) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Score checked input; see `models.lifetime_value.score.score`, which checks it."""
    ordered = _in_range(frame)
    clean = ordered.filter(~pl.col("adjusted"))
    rates = bg_nbd.fit(
        clean.select("frequency", recency="recency_days", tenure="tenure_days"),
        min_repeat_customers=settings.min_repeat_customers,
    )
    repeat = (
        clean.filter(pl.col("averaged") > 0)
        .select("averaged", "average")
        .rename({"averaged": "frequency", "average": "average_amount"})
    )
    amounts = gamma_gamma.fit(repeat, min_repeat_customers=settings.min_repeat_customers)

    orders = _orders(ordered, rates, settings)
    amount = _amounts(ordered, amounts, settings)
    scored = ordered.select(
        "customer_id",
        probability_alive=pl.Series(orders.alive),
        expected_orders_12m=pl.Series(orders.in_year),
        expected_revenue_12m=pl.Series(orders.in_year * amount),
        residual_amount=pl.Series(orders.discounted * amount),
        status=pl.lit(_way(rates, amounts)) + pl.when("adjusted").then(pl.lit(ADJUSTED)).otherwise(pl.lit("")),
    )
    scores = (
        frame.select("customer_id")
        .join(scored, on="customer_id", how="left", maintain_order="left")
        .with_columns(
            pl.col("expected_orders_12m", "expected_revenue_12m", "residual_amount").fill_null(0.0),
            pl.col("status").fill_null("no_orders"),
        )
        .match_to_schema(SCORES_SCHEMA)
    )
    return scores, _fit_frame(frame, ordered, repeat, rates, amounts)


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


def _orders(ordered: pl.DataFrame, model: BgNbdFit, settings: LifetimeValueSettings) -> Orders:
    """Expected orders by the model, or by the simple estimate if it was not fitted."""
    frequency, recency, tenure = (ordered[column].to_numpy() for column in ("frequency", "recency_days", "tenure_days"))
    months = np.arange(1, settings.horizon_months + 1)
    discount = (1 + settings.discount_rate) ** (-months / 12)
    if model.status is FitStatus.FITTED:
        alive = bg_nbd.probability_alive(model, frequency, recency, tenure)
        ends = np.append(months * MONTH_DAYS, YEAR_DAYS)
        until = bg_nbd.expected_if_alive(model, frequency, tenure, ends)
        by_month = np.diff(until[:, :-1], axis=1, prepend=0.0)
        return Orders(alive, alive * until[:, -1], alive * (by_month @ discount))
    rates = simple.purchase_rates(frequency, tenure, settings.prior_days)
    alive = simple.probability_alive(rates, recency, tenure)
    # Not times alive: a rate over the whole tenure already counts the silence at its end.
    return Orders(alive, rates * YEAR_DAYS, rates * MONTH_DAYS * discount.sum())


def _amounts(ordered: pl.DataFrame, model: GammaGammaFit, settings: LifetimeValueSettings) -> Floats:
    """Expected amount per order by the model, or by the simple estimate if it was not fitted."""
    averaged, average = ordered["averaged"].to_numpy(), ordered["average"].to_numpy()
    if model.status is FitStatus.FITTED:
        return gamma_gamma.expected_amount(model, averaged, average)
    # Without repeat orders, the revenue to date is the one order that is known.
    once = ordered["frequency"].to_numpy() == 0
    average = np.where(once, ordered["revenue"].to_numpy(), average)
    return simple.expected_amounts(np.where(once, 1.0, averaged), average, settings.prior_orders)


def _way(rates: BgNbdFit, amounts: GammaGammaFit) -> str:
    """Which of the two models could be used."""
    if rates.status is FitStatus.FITTED:
        return "modelled" if amounts.status is FitStatus.FITTED else "simple_amount"
    return "simple_orders" if amounts.status is FitStatus.FITTED else "simple"


def _fit_frame(
    frame: pl.DataFrame, ordered: pl.DataFrame, repeat: pl.DataFrame, rates: BgNbdFit, amounts: GammaGammaFit
) -> pl.DataFrame:
    """Both fits, one row per model and parameter; numbers that do not exist are null."""
    rows: list[tuple[str, str, float | None, str | None]] = [
        ("input", "customers", frame.height, "rows received"),
        ("input", "customers_without_orders", frame.height - ordered.height, "not fitted, scored no_orders"),
        (
            "input",
            "customers_adjusted",
            int(ordered["adjusted"].sum()),
            "not fitted, scored with values in range",
        ),
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
    correlation = repeat.select(pl.corr("frequency", "average_amount")).item() if repeat.height > 1 else None
    rows.append(
        (
            "gamma_gamma",
            "correlation",
            correlation,
            "of frequency and average amount; the model takes it as 0",
        )
    )
    value = pl.col("value")
    return pl.DataFrame(rows, schema=FIT_SCHEMA, orient="row", strict=False).with_columns(
        value=pl.when(value.is_finite()).then(value)
    )
