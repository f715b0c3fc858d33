"""What running subscriptions are still worth: one fit for each length of the period, or else a simple estimate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from models.lifetime_value import contracts
from models.lifetime_value.contracts import ContractFit
from models.lifetime_value.likelihood import FitStatus, Floats
from models.lifetime_value.score import FIT_SCHEMA, LifetimeValueSettings

COUNT_COLUMNS: Final = ("periods_per_year", "renewals", "is_active", "count")
INPUT_COLUMNS: Final = ("subscription_id", "periods_per_year", "renewals", "price_amount")
SCORES_SCHEMA: Final = pl.Schema(
    {
        "subscription_id": pl.String(),
        "probability_active_12m": pl.Float64(),
        "expected_renewals_12m": pl.Float64(),
        "residual_amount": pl.Float64(),
        "status": pl.String(),
    }
)
STATUSES: Final = ("modelled", "simple")


@dataclass(frozen=True, slots=True)
class SubscriptionFit:
    """All that scoring a subscription needs.

    Attributes:
        settings: horizon_months and discount_rate of them.
        fits: by periods a year, the model of its subscriptions; its status says if it may be used.
        rates: by periods a year, the simple estimate: the chance to cancel at a renewal.
        parameters: the model card, one row per model (`sbg_12` for twelve periods a year) and parameter.
    """

    settings: LifetimeValueSettings
    fits: dict[float, ContractFit]
    rates: dict[float, float]
    parameters: pl.DataFrame


def fit(counts: pl.DataFrame, settings: LifetimeValueSettings | None = None) -> SubscriptionFit:
    """Fit a model for each length of the period.

    The simple estimate is the share of renewals at which somebody cancelled, as if one more had and one more had not:
    (cancelled + 1) / (renewals that were due + 2), the same for everyone.

    Args:
        counts: subscriptions counted by periods_per_year, renewals and is_active: see `contracts.fit`.
        settings: min_repeat_customers of them is how many must have cancelled.
    """
    settings = settings or LifetimeValueSettings()
    fits: dict[float, ContractFit] = {}
    rates: dict[float, float] = {}
    lines: list[tuple[str, str, float | None, str | None]] = []
    known = counts.filter(pl.col("periods_per_year") > 0)
    for (periods,), rows in sorted(known.partition_by("periods_per_year", as_dict=True).items()):
        length = float(periods)
        model = contracts.fit(rows, min_cancelled=settings.min_repeat_customers)
        cancelled = int(rows.filter(~pl.col("is_active"))["count"].sum())
        due = int((rows["renewals"] * rows["count"]).sum()) + cancelled
        fits[length], rates[length] = model, (cancelled + 1) / (due + 2)
        name = f"sbg_{length:g}"
        lines += [(name, parameter, getattr(model, parameter), None) for parameter in ("a", "b", "log_likelihood")]
        lines += [
            (name, "contracts", model.contracts, f"subscriptions with {length:g} periods a year"),
            (name, "cancelled", cancelled, None),
            (name, "simple_rate", rates[length], "share that cancels at a renewal, for the simple estimate"),
            (name, "status", None, str(model.status)),
        ]
    value = pl.col("value")
    card = pl.DataFrame(lines, schema=FIT_SCHEMA, orient="row", strict=False)
    return SubscriptionFit(settings, fits, rates, card.with_columns(value=pl.when(value.is_finite()).then(value)))


def score(subscriptions: pl.DataFrame, model: SubscriptionFit) -> pl.DataFrame:
    """What running subscriptions will still bring.

    Args:
        subscriptions: one row per running subscription: subscription_id, periods_per_year (above 0), renewals so far,
            price_amount per period (null where unknown).
        model: from `fit`.

    Returns:
        subscription_id, probability_active_12m, expected_renewals_12m, residual_amount (the price of each renewal
        within the horizon, by the chance that it comes, discounted to today; null without a price), status (see
        `STATUSES`).
    """
    parts = [
        _of_length(rows, float(periods), model)
        for (periods,), rows in subscriptions.filter(pl.col("periods_per_year") > 0)
        .select(INPUT_COLUMNS)
        .partition_by("periods_per_year", as_dict=True)
        .items()
    ]
    return pl.concat(parts) if parts else SCORES_SCHEMA.to_frame()


def _of_length(rows: pl.DataFrame, periods: float, model: SubscriptionFit) -> pl.DataFrame:
    settings = model.settings
    ahead, year = int(periods * settings.horizon_months / 12), int(periods)
    renewals = rows["renewals"].cast(pl.Float64).to_numpy()
    fitted = model.fits.get(periods)
    is_modelled = fitted is not None and fitted.status is FitStatus.FITTED
    steps = np.arange(1, max(ahead, year) + 1)
    kept: Floats
    if fitted is not None and is_modelled:
        kept = contracts.survival(fitted, renewals, steps.size)
    else:
        kept = np.tile((1 - model.rates.get(periods, 0.5)) ** steps, (rows.height, 1))
    worth = (1 + settings.discount_rate) ** (-steps[:ahead] / periods)
    return rows.select(
        "subscription_id",
        probability_active_12m=pl.Series(kept[:, year - 1] if year else np.ones(rows.height)),
        expected_renewals_12m=pl.Series(kept[:, :year].sum(axis=1)),
        residual_amount=pl.Series(kept[:, :ahead] @ worth) * pl.col("price_amount").cast(pl.Float64),
        status=pl.lit("modelled" if is_modelled else "simple"),
    ).match_to_schema(SCORES_SCHEMA)
