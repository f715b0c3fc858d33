"""Contracts: how long a subscriber stays, and what he is still worth (the shifted beta geometric model).

P. S. Fader, B. G. S. Hardie: How to Project Customer Retention. Journal of Interactive Marketing 21 (2007), 76-90. At
the end of each period a subscriber cancels with a probability that is his own and never changes, and is beta
distributed (a, b) over subscribers. Retention therefore grows with the age of a contract: those who would have gone
are gone.

Where a customer buys when he likes, and leaves without a word, `bg_nbd` is the model.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.special import betaln, hyp2f1, psi

from models.lifetime_value.likelihood import FitStatus, Floats, Objective, maximise

STARTS = ((1.0, 1.0), (0.5, 4.0), (3.0, 3.0))


@dataclass(frozen=True, slots=True)
class ContractFit:
    """Parameters of a shifted beta geometric model.

    Attributes:
        a: first parameter of the probabilities to cancel.
        b: second one; a / (a + b) is the mean probability to cancel at the first renewal.
        log_likelihood: at these parameters.
        contracts: contracts that the fit rests on.
        cancelled: those among them that ended.
        standard_errors: of a, b.
        status: `fitted`, or why the parameters are not to be used.
    """

    a: float
    b: float
    log_likelihood: float = float("nan")
    contracts: int = 0
    cancelled: int = 0
    standard_errors: tuple[float, ...] = ()
    status: FitStatus = FitStatus.FITTED


def fit(frame: pl.DataFrame, *, min_cancelled: int = 1) -> ContractFit:
    """Fit the model by maximum likelihood.

    Args:
        frame: a row per contract, or per `count` of them where there is a column of that name: renewals (how often it
            was renewed, from 0) and is_active (it still runs; else it was cancelled when the next renewal was due).
        min_cancelled: with fewer contracts that ended, nothing is fitted: how long they last was then never seen.

    Returns:
        The fit. Its status says if it may be used; no error is raised for data that no model fits.
    """
    counted = frame if "count" in frame.columns else frame.with_columns(count=pl.lit(1))
    rows = (
        counted.select(pl.col("renewals").cast(pl.Float64), "is_active", pl.col("count").cast(pl.Int64))
        .group_by("renewals", "is_active")
        .agg(pl.col("count").sum())
        .sort("renewals", "is_active")
    )
    contracts = int(rows["count"].sum())
    cancelled = int(rows.filter(~pl.col("is_active"))["count"].sum())
    # Whoever has not come to a renewal yet says nothing of it.
    if cancelled < max(min_cancelled, 1) or rows.filter(pl.col("renewals") > 0).is_empty():
        none = float("nan")
        few = FitStatus.FEW_REPEAT_CUSTOMERS
        return ContractFit(none, none, contracts=contracts, cancelled=cancelled, status=few)
    best = maximise(_objective(rows), STARTS, contracts)
    a, b = (float(value) for value in best.parameters)
    return ContractFit(
        a,
        b,
        log_likelihood=best.value,
        contracts=contracts,
        cancelled=cancelled,
        standard_errors=tuple(float(value) for value in best.parameters * best.relative_errors),
        status=best.status,
    )


def _objective(rows: pl.DataFrame) -> Objective:
    """Log likelihood and gradient (Fader and Hardie 2007, eq. 6 and 7), of the logarithms of a and b."""
    renewals, count = rows["renewals"].to_numpy(), rows["count"].to_numpy().astype(np.float64)
    # 1 for those that cancelled: their last chance to do so was taken.
    gone = (~rows["is_active"]).to_numpy().astype(np.float64)

    def value_and_slope(log_parameters: Floats) -> tuple[float, Floats]:
        a, b = np.exp(log_parameters)
        value = count @ (betaln(a + gone, b + renewals) - betaln(a, b))
        both = psi(a + b + gone + renewals) - psi(a + b)
        slope = np.array([count @ (psi(a + gone) - psi(a) - both), count @ (psi(b + renewals) - psi(b) - both)])
        return float(value), slope * np.exp(log_parameters)

    return value_and_slope


def survival(model: ContractFit, renewals: Floats, periods: int) -> Floats:
    """Probability that a running contract is renewed so often more: a row per contract, a column per period from 1.

    Fader and Hardie (2007), eq. 6, given that it was renewed `renewals` times and still runs.
    """
    steps = np.arange(1, periods + 1)
    ahead = model.b + renewals[:, None] + steps - 1
    return np.asarray(np.cumprod(ahead / (model.a + ahead), axis=1), dtype=np.float64)


def residual_renewals(model: ContractFit, renewals: Floats, discount_rate: float) -> Floats:
    """Discounted renewals still to come of running contracts, without end.

    P. S. Fader, B. G. S. Hardie: Customer-Base Valuation in a Contractual Setting. Marketing Science 29 (2010), 85-93,
    eq. 6: each renewal counts 1, divided by (1 + discount_rate) for each period until it, the nearest for none.

    Args:
        model: a fit.
        renewals: of each contract so far.
        discount_rate: per period, above 0.
    """
    stays = model.b + renewals
    expected: Floats = stays / (model.a + stays) * hyp2f1(1, stays + 1, model.a + stays + 1, 1 / (1 + discount_rate))
    return expected
