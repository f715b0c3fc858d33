"""Lifetime value of every customer: BG/NBD times gamma-gamma, discounted, or else a simple estimate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from models.lifetime_value.bg_nbd import BgNbdFit
    from models.lifetime_value.gamma_gamma import GammaGammaFit

INPUT_COLUMNS = (
    "customer_id",
    "frequency",
    "recency_days",
    "tenure_days",
    "average_order_amount",
    "revenue_amount",
)

SCORES_SCHEMA = pl.Schema(
    {
        "customer_id": pl.String(),
        "probability_alive": pl.Float64(),
        "probability_silent": pl.Float64(),
        "expected_orders_12m": pl.Float64(),
        "expected_orders_12m_lower": pl.Float64(),
        "expected_orders_12m_upper": pl.Float64(),
        "expected_revenue_12m": pl.Float64(),
        "expected_revenue_12m_lower": pl.Float64(),
        "expected_revenue_12m_upper": pl.Float64(),
        "residual_amount": pl.Float64(),
        "status": pl.String(),
    }
)

RHYTHM_COLUMNS = ("frequency", "recency_days", "tenure_days")
RHYTHM_SCHEMA = pl.Schema({**dict.fromkeys(RHYTHM_COLUMNS, pl.Int64()), "expected_orders_12m": pl.Float64()})

PAST_COLUMNS = (*RHYTHM_COLUMNS, "later_orders", "customers")
CHECK_SCHEMA = pl.Schema(
    {
        "model": pl.String(),
        "customers": pl.Int64(),
        "mean_error_orders": pl.Float64(),
        "orders_expected": pl.Float64(),
        "orders_seen": pl.Float64(),
        "share_within_bounds": pl.Float64(),
        "status": pl.String(),
        "is_used": pl.Boolean(),
    }
)
CHECK_ORDERS_SCHEMA = pl.Schema(
    {
        "model": pl.String(),
        "orders_before": pl.Int64(),
        "customers": pl.Int64(),
        "orders_expected": pl.Float64(),
        "orders_seen": pl.Float64(),
    }
)

FIT_SCHEMA = pl.Schema({"model": pl.String(), "parameter": pl.String(), "value": pl.Float64(), "note": pl.String()})

# What the fit rests on, by part. rates: frequency, recency and tenure in days of customers in range; adjusted: the same
# of those who were brought into range; amounts: repeat orders and their average amount; spent: the average order
# known of each customer; no_orders: no numbers.
COUNTS_SCHEMA = pl.Schema(
    {"part": pl.String(), "x": pl.Float64(), "y": pl.Float64(), "z": pl.Float64(), "customers": pl.Int64()}
)

ADJUSTED = "_adjusted"
_WAYS = ("modelled", "simple_amount", "simple_orders", "simple")
STATUSES = (*_WAYS, *(way + ADJUSTED for way in _WAYS), "no_orders")


@dataclass(frozen=True, slots=True)
class LifetimeValueSettings:
    """What a user may set.

    Attributes:
        horizon_months: months of future revenue in the residual value.
        discount_rate: per year; 0.10 means that 1.10 in a year is worth 1.00 today.
        coverage: probability with which the truth lies between the lower and the upper bound.
        silent_days: for `probability_silent`.
        min_repeat_customers: with fewer customers that bought again, no model is fitted.
        prior_days: of the simple estimate: days of tenure at the rate of all customers added to each one's
            own.
        prior_orders: of the simple estimate: orders at the median amount added to each customer's own.
    """

    horizon_months: int = 12
    discount_rate: float = 0.10
    coverage: float = 0.80
    silent_days: int = 180
    min_repeat_customers: int = 30
    prior_days: float = 365.0
    prior_orders: float = 2.0

    def __post_init__(self) -> None:
        """Refuse settings that give no value."""
        if self.horizon_months < 0:
            raise ValueError(f"lifetime value: horizon_months must be 0 or more, got {self.horizon_months}")
        if self.discount_rate <= -1:
            raise ValueError(f"lifetime value: discount_rate must be above -1, got {self.discount_rate}")
        if not 0 < self.coverage < 1:
            raise ValueError(f"lifetime value: coverage must lie between 0 and 1, got {self.coverage}")
        if self.silent_days < 1:
            raise ValueError(f"lifetime value: silent_days must be 1 or more, got {self.silent_days}")
        if self.prior_days <= 0 or self.prior_orders <= 0:
            raise ValueError("lifetime value: prior_days and prior_orders must be above 0")


@dataclass(frozen=True, slots=True)
class LifetimeValueFit:
    """All that scoring a customer needs.

    Attributes:
        settings: the settings of the fit.
        rates: the model of orders.
        amounts: the model of amounts.
        pooled_rate: repeat orders a day of all customers, for the simple estimate.
        simple_factor: what the simple estimate of orders is multiplied by.
        middle_amount: the median order of all customers, for the simple estimate.
        amount_spread: variance of the orders of all customers by the square of their mean, for the simple estimate.
        parameters: the model card, one row per model and parameter: see `score`.
        check: the out-of-time check, one row per model.
        check_orders: the same by number of repeat orders before it.
    """

    settings: LifetimeValueSettings
    rates: BgNbdFit
    amounts: GammaGammaFit
    pooled_rate: float
    simple_factor: float
    middle_amount: float
    amount_spread: float
    parameters: pl.DataFrame
    check: pl.DataFrame
    check_orders: pl.DataFrame


def score(
    customers: pl.DataFrame, settings: LifetimeValueSettings | None = None, past: pl.DataFrame | None = None
) -> tuple[pl.DataFrame, LifetimeValueFit]:
    """Fit the models to the customers and score each of them.

    Of the models of orders (NBD, BG/NBD, MBG/NBD), that one is used which foretold the last twelve months best; if
    none of them foretold them better than the naive rate did (each customer goes on as before), a simple estimate is
    used; where there is no past, the one with the lowest Akaike criterion. See `check`.

    The residual value is the expected revenue of the next `horizon_months` months (of 365 / 12 days), each
    month's revenue divided by (1 + discount_rate) ** (month / 12), as if it came at the month's end. Lifetime
    value is the revenue to date plus this residual; the sum is left to whoever holds the revenue.

    Status of a customer: `modelled`; `simple_amount`, `simple_orders` or `simple` where the amounts, the
    orders or both come from the simple estimates of `models.lifetime_value.simple`, because the model could
    not be fitted or is not to be used (why is in the model card); with `_adjusted` behind it where the customer's input
    was out of range and was brought into it; `no_orders` for a customer without frequency and tenure: nothing is
    expected of him, and whether he is alive is unknown. A customer that bought once is always alive to BG/NBD: see
    `bg_nbd.probability_alive`.

    Args:
        customers: one row per customer: customer_id, frequency (repeat order days), recency_days (last order
            day minus first), tenure_days (as-of day minus first order day), average_order_amount (over repeat
            orders, null if none), revenue_amount (to date). Numbers of any type; NaN counts as null; days
            are rounded to whole ones.
        settings: see `LifetimeValueSettings`.
        past: customers as they were a year (365 days) before, one row per distinct frequency, recency_days, tenure_days
            and later_orders (order days within that year), with the number of `customers`; None where nothing is known.

    Returns:
        The scores, one row per customer in the order of the input: customer_id, probability_alive (0 to 1,
        null for `no_orders`), probability_silent (no order within `silent_days`; null for `no_orders`),
        expected_orders_12m and expected_revenue_12m (next 365 days, not discounted) with their bounds (`_lower`,
        `_upper`), residual_amount, status. No value is ever NaN or infinite, and no expected value negative.
        The fit. Its `parameters` have one row per model and parameter: model (`input`, `orders`, `nbd`, `bg_nbd`,
        `mbg_nbd`, `naive`, `simple`, `gamma_gamma`), parameter, value, note. Times are in days, amounts in the
        currency of the input. Rows with parameter `status` hold the outcome in `note`: `fitted`,
        `few_repeat_customers`, `no_convergence`, `parameters_at_bounds`, `implausible_mean`, `worse_than_naive`.

    Raises:
        ValueError: a column is missing, a customer_id is null or appears twice.
    """
    frame = _checked(customers)
    doubled = frame.height - frame["customer_id"].n_unique()
    if doubled:
        raise ValueError(f"lifetime value: {doubled} rows repeat a customer_id")
    model = fit(count_chunk(frame), settings, past)
    return score_chunk(frame, model), model


def count_chunk(customers: pl.DataFrame) -> pl.DataFrame:
    """Count the customers of a chunk by the numbers that the fit rests on.

    Args:
        customers: a part of the customers, as for `score`.

    Returns:
        part, x, y, z, customers: what the fit needs, each row once. Counts of several chunks are concatenated, or
        added up by all columns but the last: `fit` takes both. There are far fewer rows than customers where many are
        alike in days and orders; amounts repeat less.

    Raises:
        ValueError: a column is missing, or a customer_id is null.
    """
    # numpy and scipy load only where something is scored.
    from models.lifetime_value.engine import count

    return count(_checked(customers))


def fit(
    counts: pl.DataFrame, settings: LifetimeValueSettings | None = None, past: pl.DataFrame | None = None
) -> LifetimeValueFit:
    """Fit the models to what `count_chunk` counted.

    Args:
        counts: the counts of all customers, in one frame.
        settings: see `LifetimeValueSettings`.
        past: as for `score`.

    Returns:
        The fit, which can be sent to other processes.
    """
    from models.lifetime_value.engine import fit as fit_counts

    known = pl.DataFrame(schema=dict.fromkeys(PAST_COLUMNS, pl.Float64())) if past is None else past
    return fit_counts(counts.match_to_schema(COUNTS_SCHEMA), settings or LifetimeValueSettings(), known)


def score_chunk(customers: pl.DataFrame, model: LifetimeValueFit) -> pl.DataFrame:
    """Score a part of the customers by a fit; nobody's score depends on who else is in the chunk.

    Args:
        customers: a part of the customers, as for `score`.
        model: the fit to all customers.

    Returns:
        The scores, as from `score`.

    Raises:
        ValueError: a column is missing, or a customer_id is null.
    """
    from models.lifetime_value.engine import score as score_frame

    return score_frame(_checked(customers), model)


def expected_orders(rhythms: pl.DataFrame, model: LifetimeValueFit) -> pl.DataFrame:
    """What the fit expects of anybody who has bought so often, in so many days: to look back at former days.

    Args:
        rhythms: one row per distinct frequency, recency_days and tenure_days.
        model: the fit to all customers, as they are today.

    Returns:
        The same with expected_orders_12m.
    """
    from models.lifetime_value.engine import expected_orders as of_rhythms

    return of_rhythms(rhythms, model)


def _checked(customers: pl.DataFrame) -> pl.DataFrame:
    """The columns that matter, as text and numbers."""
    missing = [column for column in INPUT_COLUMNS if column not in customers.columns]
    if missing:
        raise ValueError(f"lifetime value: the input lacks the columns {', '.join(missing)}")
    frame = customers.select(
        pl.col("customer_id").cast(pl.String),
        *(pl.col(column).cast(pl.Float64) for column in INPUT_COLUMNS[1:]),
    )
    nameless = frame["customer_id"].null_count()
    if nameless:
        raise ValueError(f"lifetime value: {nameless} rows have no customer_id")
    return frame
