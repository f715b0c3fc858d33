"""Out of time: what the models would have said a year ago, beside what then happened; and which one is used."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import polars as pl

from models.lifetime_value import bg_nbd, simple
from models.lifetime_value.bg_nbd import BgNbdFit
from models.lifetime_value.bounds import order_bounds, prospects
from models.lifetime_value.likelihood import FitStatus, Floats
from models.lifetime_value.score import CHECK_ORDERS_SCHEMA, CHECK_SCHEMA, LifetimeValueSettings

YEAR_DAYS: Final = 365.0
# So many customers tell the models apart; of more, every so-manieth is taken.
MOST_CUSTOMERS: Final = 50_000
# Repeat orders before the check, from which on customers are told together.
_MANY_ORDERS: Final = 7
# What a simple estimate may be corrected by.
_LEAST, _MOST = 0.1, 2.0
NAIVE, SIMPLE = "naive", "simple"


@dataclass(frozen=True, slots=True)
class Choice:
    """Which model of orders is used, and what speaks for it.

    Attributes:
        rates: the model fitted to the customers of today; its status says if it may be used.
        candidates: all models that were fitted to the customers of today.
        reason: `out_of_time` where the check has decided, `likelihood` where there is no past to check on.
        simple_factor: what the simple estimate is multiplied by: what it would have got wrong a year ago.
        results: the check, one row per model.
        by_orders: the check, one row per model and number of repeat orders before it.
    """

    rates: BgNbdFit
    candidates: tuple[BgNbdFit, ...]
    reason: str
    simple_factor: float
    results: pl.DataFrame
    by_orders: pl.DataFrame


def choose(rows: pl.DataFrame, past: pl.DataFrame, settings: LifetimeValueSettings) -> Choice:
    """Fit, check and choose.

    The model with the smallest mean absolute error out of time is taken, if it beats the naive rate; where there is no
    past to check on, the one with the lowest Akaike criterion.

    Args:
        rows: customers of today, counted: frequency, recency, tenure (days), count.
        past: customers as they were a year ago, counted: frequency, recency, tenure (days), later_orders (order days
            within the year after), count.
        settings: see `LifetimeValueSettings`.
    """
    checked = check(_thinned(past), settings)
    errors = dict(
        checked.results.filter(pl.col("mean_error_orders").is_not_null())
        .select("model", "mean_error_orders")
        .iter_rows()
    )
    usable = [name for name in bg_nbd.NAMES if name in errors]
    least = settings.min_repeat_customers
    if usable:
        better = sorted((errors[name], name) for name in usable if errors[name] < errors[NAIVE])
        fits = []
        for _, name in better:
            fits.append(bg_nbd.fit_counted(rows, name, min_repeat_customers=least))
            if fits[-1].status is FitStatus.FITTED:
                break
        if not fits:
            best = min(usable, key=errors.__getitem__)
            fits = [bg_nbd.fit_counted(rows, best, min_repeat_customers=least)]
            if fits[0].status is FitStatus.FITTED:
                fits[0] = replace(fits[0], status=FitStatus.WORSE_THAN_NAIVE)
        return _chosen(fits[-1], fits, "out_of_time", checked)
    fits = [bg_nbd.fit_counted(rows, name, min_repeat_customers=least) for name in bg_nbd.NAMES]
    fitted = [fit for fit in fits if fit.status is FitStatus.FITTED]
    best_fit = min(fitted, key=lambda fit: fit.akaike) if fitted else fits[1]
    return _chosen(best_fit, fits, "likelihood", checked)


@dataclass(frozen=True, slots=True)
class Checked:
    """How the models did.

    Attributes:
        results: one row per model (naive, simple, nbd, bg_nbd, mbg_nbd): see `CHECK_SCHEMA`; is_used is false here.
        by_orders: see `CHECK_ORDERS_SCHEMA`.
        simple_factor: orders seen by those that the simple estimate expected, within limits; 1 where nothing is known.
    """

    results: pl.DataFrame
    by_orders: pl.DataFrame
    simple_factor: float


def check(past: pl.DataFrame, settings: LifetimeValueSettings, horizon_days: float = YEAR_DAYS) -> Checked:
    """Fit the models to the customers as they were, and compare with what they did after.

    The naive rate is a customer's repeat orders by the days since the first one, going on as before. Errors are means
    over customers of the absolute distance of orders expected and seen.

    Args:
        past: as for `choose`.
        settings: `coverage`, `prior_days` and `min_repeat_customers` of them.
        horizon_days: how long was watched after it.
    """
    frame = past.select(pl.col("frequency", "recency", "tenure", "later_orders", "count").cast(pl.Float64))
    frequency, recency, tenure, seen, count = (column.to_numpy() for column in frame.get_columns())
    total = float(count.sum())
    if not total:
        return Checked(CHECK_SCHEMA.to_frame(), CHECK_ORDERS_SCHEMA.to_frame(), 1.0)
    pooled = simple.pooled_rate(frequency, tenure, count, settings.prior_days)
    expected: dict[str, Floats] = {
        NAIVE: frequency / np.maximum(tenure, 1.0) * horizon_days,
        SIMPLE: simple.purchase_rates(frequency, tenure, pooled, settings.prior_days) * horizon_days,
    }
    status = {NAIVE: "simple", SIMPLE: "simple"}
    within: dict[str, float] = {}
    for name in bg_nbd.NAMES:
        model = bg_nbd.fit_counted(frame, name, min_repeat_customers=settings.min_repeat_customers)
        status[name] = str(model.status)
        if model.status is FitStatus.FITTED:
            expected[name] = bg_nbd.expected_purchases(model, frequency, recency, tenure, horizon_days)
            known = prospects(model, frequency, recency, tenure)
            bounds = order_bounds(known, horizon_days, settings.coverage)
            inside = (bounds.lower <= seen) & (seen <= bounds.upper)
            within[name] = float(count @ inside / total)
    rows = []
    for name, how in status.items():
        error = sum_expected = None
        if name in expected:
            error = float(count @ np.abs(expected[name] - seen) / total)
            sum_expected = float(count @ expected[name])
        rows.append((name, int(total), error, sum_expected, float(count @ seen), within.get(name), how, False))
    results = pl.DataFrame(rows, schema=CHECK_SCHEMA, orient="row", strict=False)
    summed = float(count @ expected[SIMPLE])
    factor = float(np.clip(count @ seen / summed, _LEAST, _MOST)) if summed > 0 else 1.0
    return Checked(results, _by_orders(frequency, seen, count, expected), factor)


def _by_orders(frequency: Floats, seen: Floats, count: Floats, expected: dict[str, Floats]) -> pl.DataFrame:
    group = np.minimum(frequency, _MANY_ORDERS).astype(np.int64)
    rows = []
    for name, numbers in expected.items():
        for orders in np.unique(group):
            here = group == orders
            of_group = count[here]
            rows.append(
                (name, int(orders), int(of_group.sum()), float(of_group @ numbers[here]), float(of_group @ seen[here]))
            )
    return pl.DataFrame(rows, schema=CHECK_ORDERS_SCHEMA, orient="row")


def _chosen(rates: BgNbdFit, fits: list[BgNbdFit], reason: str, checked: Checked) -> Choice:
    used = rates.name if rates.status is FitStatus.FITTED else SIMPLE
    results = checked.results.with_columns(is_used=pl.col("model") == used)
    return Choice(rates, tuple(fits), reason, checked.simple_factor, results, checked.by_orders)


def _thinned(past: pl.DataFrame) -> pl.DataFrame:
    """Every so-manieth customer, in the order of their numbers, where there are too many."""
    keys = ["frequency", "recency", "tenure", "later_orders"]
    rows = past.sort(keys)
    step = -(-int(rows["count"].sum()) // MOST_CUSTOMERS)
    if step <= 1:
        return rows
    until = pl.col("count").cum_sum()
    taken = until // step - (until - pl.col("count")) // step
    return rows.with_columns(count=taken).filter(pl.col("count") > 0)
