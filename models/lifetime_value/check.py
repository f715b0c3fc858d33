"""Out of time: what the models would have said a year ago, beside what then happened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from models.lifetime_value import bg_nbd
from models.lifetime_value.bounds import order_bounds
from models.lifetime_value.likelihood import FitStatus, Floats

CHECK_SCHEMA: Final = pl.Schema(
    {
        "model": pl.String(),
        "customers": pl.Int64(),
        "mean_error_orders": pl.Float64(),
        "orders_expected": pl.Float64(),
        "orders_seen": pl.Float64(),
        "share_within_bounds": pl.Float64(),
        "status": pl.String(),
    }
)


@dataclass(frozen=True, slots=True)
class OutOfTime:
    """How the models did.

    Attributes:
        results: one row per model (naive, bg_nbd, mbg_nbd): customers, mean_error_orders (mean absolute error per
            customer), orders_expected and orders_seen in all, share_within_bounds (of the customers whose orders lay
            between the bounds), status of the fit.
        best: the model with the smallest error; naive where neither is better than it.
    """

    results: pl.DataFrame
    best: str


def check(past: pl.DataFrame, *, horizon_days: float, coverage: float, min_repeat_customers: int = 1) -> OutOfTime:
    """Fit both models to the customers as they were, and compare with what they did.

    The naive rate is a customer's repeat orders by the days since the first one, going on as before.

    Args:
        past: one row per customer as known at the end of the calibration: frequency, recency_days, tenure_days, and
            later_orders, the order days within the horizon after it.
        horizon_days: how long was watched.
        coverage: of the bounds.
        min_repeat_customers: with fewer customers that bought again, nothing is fitted.
    """
    frame = past.select(pl.col("frequency", "recency_days", "tenure_days", "later_orders").cast(pl.Float64)).rename(
        {"recency_days": "recency", "tenure_days": "tenure"}
    )
    frequency, recency, tenure, seen = (
        frame[name].to_numpy() for name in ("frequency", "recency", "tenure", "later_orders")
    )
    rows = [_row("naive", frequency / np.maximum(tenure, 1.0) * horizon_days, seen, None, "simple")]
    for first_leaves in (0, 1):
        model = bg_nbd.fit(frame, min_repeat_customers=min_repeat_customers, first_leaves=first_leaves)
        if model.status is not FitStatus.FITTED:
            rows.append((model.name, frame.height, None, None, float(seen.sum()), None, str(model.status)))
            continue
        expected = bg_nbd.expected_purchases(model, frequency, recency, tenure, horizon_days)
        bounds = order_bounds(model, frequency, recency, tenure, horizon_days, coverage)
        within = (bounds.lower <= seen) & (seen <= bounds.upper)
        rows.append(_row(model.name, expected, seen, within, str(model.status)))
    results = pl.DataFrame(rows, schema=CHECK_SCHEMA, orient="row", strict=False)
    ranked = results.filter(pl.col("mean_error_orders").is_not_null()).sort("mean_error_orders", "model")
    return OutOfTime(results, str(ranked["model"][0]) if frame.height else "naive")


def _row(
    name: str, expected: Floats, seen: Floats, within: np.ndarray | None, status: str
) -> tuple[str, int, float | None, float, float, float | None, str]:
    error = float(np.abs(expected - seen).mean()) if seen.size else None
    share = None if within is None or not within.size else float(within.mean())
    return name, seen.size, error, float(expected.sum()), float(seen.sum()), share, status
