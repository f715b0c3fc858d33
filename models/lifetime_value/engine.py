"""The steps of counting, fitting and scoring; loaded only when something is scored."""

from dataclasses import dataclass, fields

import numpy as np
import polars as pl

from models.lifetime_value import bg_nbd, card, gamma_gamma, simple
from models.lifetime_value.bg_nbd import BgNbdFit
from models.lifetime_value.bounds import (
    Amounts,
    OrderBounds,
    order_bounds,
    probability_of_none,
    prospects,
    revenue_bounds,
)
from models.lifetime_value.check import YEAR_DAYS, choose
from models.lifetime_value.distinct import distinct
from models.lifetime_value.gamma_gamma import GammaGammaFit
from models.lifetime_value.likelihood import FitStatus, Floats
from models.lifetime_value.score import (
    ADJUSTED,
    COUNTS_SCHEMA,
    RHYTHM_COLUMNS,
    RHYTHM_SCHEMA,
    SCORES_SCHEMA,
    LifetimeValueFit,
    LifetimeValueSettings,
)

MONTH_DAYS = YEAR_DAYS / 12


@dataclass(frozen=True, slots=True)
class Orders:
    """What is expected of each customer.

    Attributes:
        alive: probability that he has not left.
        silent: probability of no order within the silent days.
        in_year: orders within a year.
        discounted: orders within the horizon, discounted.
        bounds: of the orders within a year.
    """

    alive: Floats
    silent: Floats
    in_year: Floats
    discounted: Floats
    bounds: OrderBounds


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
    counted = [part.group_by(pl.all()).agg(customers=pl.len()) for part in parts]
    return pl.concat(counted, how="diagonal").match_to_schema(COUNTS_SCHEMA, integer_cast="upcast")


def fit(counts: pl.DataFrame, settings: LifetimeValueSettings, past: pl.DataFrame) -> LifetimeValueFit:
    """Fit the models to counts; see `models.lifetime_value.score.fit`."""
    parts = {part: counts.filter(pl.col("part") == part) for part in ("rates", "adjusted", "amounts", "spent")}
    choice = choose(
        parts["rates"].select(frequency="x", recency="y", tenure="z", count="customers"),
        past.rename({"recency_days": "recency", "tenure_days": "tenure", "customers": "count"}),
        settings,
    )
    amounts = gamma_gamma.fit_counted(
        parts["amounts"].select(frequency="x", average_amount="y", count="customers"),
        min_repeat_customers=settings.min_repeat_customers,
    )
    ordered = pl.concat([parts["rates"], parts["adjusted"]])
    frequency, tenure, customers = (ordered[name].cast(pl.Float64).to_numpy() for name in ("x", "z", "customers"))
    spent, spenders = parts["spent"]["x"].to_numpy(), parts["spent"]["customers"].to_numpy()
    return LifetimeValueFit(
        settings=settings,
        rates=choice.rates,
        amounts=amounts,
        pooled_rate=simple.pooled_rate(frequency, tenure, customers, settings.prior_days),
        simple_factor=choice.simple_factor,
        middle_amount=simple.middle_amount(spent, spenders),
        amount_spread=simple.amount_spread(spent, spenders),
        parameters=card.parameters(counts, choice, amounts),
        check=choice.results,
        check_orders=choice.by_orders,
    )


def score(frame: pl.DataFrame, model: LifetimeValueFit) -> pl.DataFrame:
    """Score checked input; see `models.lifetime_value.score.score_chunk`, which checks it."""
    ordered = _in_range(frame)
    orders = _orders(ordered, model)
    amounts = _amounts(ordered, model)
    lower, upper = revenue_bounds(orders.bounds, orders.in_year, amounts, model.settings.coverage)
    bounds, silent = orders.bounds, orders.silent
    way = _way(model.rates, model.amounts)
    scored = ordered.select(
        "customer_id",
        probability_alive=pl.Series(orders.alive),
        probability_silent=pl.Series(silent),
        expected_orders_12m=pl.Series(orders.in_year),
        expected_orders_12m_lower=pl.Series(bounds.lower),
        expected_orders_12m_upper=pl.Series(bounds.upper),
        expected_revenue_12m=pl.Series(orders.in_year * amounts.mean),
        expected_revenue_12m_lower=pl.Series(lower),
        expected_revenue_12m_upper=pl.Series(upper),
        residual_amount=pl.Series(orders.discounted * amounts.mean),
        status=pl.lit(way) + pl.when("adjusted").then(pl.lit(ADJUSTED)).otherwise(pl.lit("")),
    )
    return (
        frame.select("customer_id")
        .join(scored, on="customer_id", how="left", maintain_order="left")
        .with_columns(
            pl.col(name).fill_null(0.0) for name in SCORES_SCHEMA if name.startswith(("expected_", "residual_"))
        )
        .with_columns(pl.col("status").fill_null("no_orders"))
        .match_to_schema(SCORES_SCHEMA)
    )


def expected_orders(rhythms: pl.DataFrame, model: LifetimeValueFit) -> pl.DataFrame:
    """Look at rhythms; see `models.lifetime_value.score.expected_orders`."""
    numbers = rhythms.select(pl.col(name).cast(pl.Float64) for name in RHYTHM_COLUMNS)
    frequency, recency, tenure = (numbers[name].to_numpy() for name in RHYTHM_COLUMNS)
    if model.rates.status is FitStatus.FITTED:
        in_year = bg_nbd.expected_purchases(model.rates, frequency, recency, tenure, YEAR_DAYS)
    else:
        in_year = _simple_rates(frequency, tenure, model) * YEAR_DAYS
    return rhythms.select(
        *(pl.col(name).cast(pl.Int64) for name in RHYTHM_COLUMNS), expected_orders_12m=pl.Series(in_year)
    ).match_to_schema(RHYTHM_SCHEMA)


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
    """Expected orders; customers with the same days and orders are looked at once."""
    numbers = tuple(ordered[column].to_numpy() for column in RHYTHM_COLUMNS)
    places, of_row = distinct(numbers)
    found = _of_rhythms(fitted, *(column[places] for column in numbers))
    bounds = OrderBounds(*(getattr(found.bounds, one.name)[of_row] for one in fields(OrderBounds)))
    return Orders(found.alive[of_row], found.silent[of_row], found.in_year[of_row], found.discounted[of_row], bounds)


def _of_rhythms(fitted: LifetimeValueFit, frequency: Floats, recency: Floats, tenure: Floats) -> Orders:
    """Expected orders by the model, or by the simple estimate if there is none to use."""
    model, settings = fitted.rates, fitted.settings
    months = np.arange(1, settings.horizon_months + 1)
    discount = (1 + settings.discount_rate) ** (-months / 12)
    if model.status is FitStatus.FITTED:
        alive = bg_nbd.probability_alive(model, frequency, recency, tenure)
        ends = np.append(months * MONTH_DAYS, YEAR_DAYS)
        until = bg_nbd.expected_if_alive(model, frequency, tenure, ends)
        by_month = np.diff(until[:, :-1], axis=1, prepend=0.0)
        in_year, discounted = alive * until[:, -1], alive * (by_month @ discount)
        known, year = prospects(model, frequency, recency, tenure), YEAR_DAYS
    else:
        rates = _simple_rates(frequency, tenure, fitted)
        alive = simple.probability_alive(rates, recency, tenure)
        # Not times alive: a rate over the whole tenure already counts the silence at its end.
        in_year, discounted = rates * YEAR_DAYS, rates * MONTH_DAYS * discount.sum()
        # The correction is one of the time ahead: what was bought in the past stays what it was.
        known = simple.prospects(frequency, tenure, fitted.pooled_rate, settings.prior_days)
        year = YEAR_DAYS * fitted.simple_factor
    silent = probability_of_none(known, year * settings.silent_days / YEAR_DAYS)
    return Orders(alive, silent, in_year, discounted, order_bounds(known, year, settings.coverage))


def _simple_rates(frequency: Floats, tenure: Floats, fitted: LifetimeValueFit) -> Floats:
    rates = simple.purchase_rates(frequency, tenure, fitted.pooled_rate, fitted.settings.prior_days)
    return rates * fitted.simple_factor


def _amounts(ordered: pl.DataFrame, fitted: LifetimeValueFit) -> Amounts:
    """The amount of an order by the model, or by the simple estimate if it was not fitted."""
    if fitted.amounts.status is FitStatus.FITTED:
        averaged, average = ordered["averaged"].to_numpy(), ordered["average"].to_numpy()
        mean = gamma_gamma.expected_amount(fitted.amounts, averaged, average)
        return Amounts(mean, *gamma_gamma.amount_variances(fitted.amounts, averaged, average))
    prior = fitted.settings.prior_orders
    known, average = _known_amounts(ordered)
    mean = simple.expected_amounts(known, average, fitted.middle_amount, prior)
    spread = fitted.amount_spread * mean**2
    return Amounts(mean, spread, spread * prior / (prior + known))


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
