"""Gamma-gamma: what a customer spends per purchase.

P. S. Fader, B. G. S. Hardie: The Gamma-Gamma Model of Monetary Value (2013), brucehardie.com/notes/025.
Amounts of one customer are gamma distributed (p, nu); nu is gamma distributed over customers (q, v). How much
is spent must not depend on how often; the correlation of both is reported beside the fit.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.special import gammaln, psi

from models.lifetime_value.likelihood import FitStatus, Floats, Objective, maximise

STARTS = ((1.0, 2.0, 1.0), (5.0, 4.0, 1.0), (20.0, 10.0, 0.5))  # p, q, v in units of the mean amount
ROUGH_ROWS = 10_000
# A mean further than this from the observed median does not describe these customers: q has come close to 1,
# where the mean grows without limit. The median, since one giant order moves the observed mean far more than
# the model.
MEAN_FACTOR = 5.0
SMALLEST_SPREAD = 0.05


@dataclass(frozen=True, slots=True)
class GammaGammaFit:
    """Parameters of a gamma-gamma model.

    Attributes:
        p: shape of one customer's amounts.
        q: shape of the spread over customers; the mean is finite above 1.
        v: scale, in the currency of the data.
        log_likelihood: at these parameters.
        customers: customers that the fit rests on.
        standard_errors: of p, q, v.
        status: `fitted`, or why the parameters are not to be used; they are then not a number or without
            meaning.
    """

    p: float
    q: float
    v: float
    log_likelihood: float = float("nan")
    customers: int = 0
    standard_errors: tuple[float, ...] = ()
    status: FitStatus = FitStatus.FITTED

    @property
    def mean(self) -> float:
        """The mean amount over customers, p v / (q - 1) (Fader and Hardie 2013, eq. 3); q must be above 1."""
        return self.p * self.v / (self.q - 1)


def fit(frame: pl.DataFrame, *, min_repeat_customers: int = 1) -> GammaGammaFit:
    """Fit the model by maximum likelihood.

    Args:
        frame: one row per customer with repeat purchases: frequency (> 0, the purchases averaged over) and
            average_amount (> 0). Rows outside these limits are left out.
        min_repeat_customers: with fewer customers, nothing is fitted.

    Returns:
        The fit. Its status says if it may be used; no error is raised for data that no model fits.
    """
    return fit_counted(frame.with_columns(count=pl.lit(1)), min_repeat_customers=min_repeat_customers)


def fit_counted(frame: pl.DataFrame, *, min_repeat_customers: int = 1) -> GammaGammaFit:
    """Do what `fit` does, from rows that each stand for `count` customers."""
    rows = (
        frame.select(pl.col("frequency", "average_amount").cast(pl.Float64), pl.col("count").cast(pl.Int64))
        .filter((pl.col("frequency") > 0) & (pl.col("average_amount") > 0))
        .group_by("frequency", "average_amount")
        .agg(pl.col("count").sum())
        .sort("frequency", "average_amount")
    )
    customers = int(rows["count"].sum())
    if customers < max(min_repeat_customers, 1):
        none = float("nan")
        return GammaGammaFit(none, none, none, customers=customers, status=FitStatus.FEW_REPEAT_CUSTOMERS)

    purchases = float((rows["frequency"] * rows["count"]).sum())
    unit = float((rows["average_amount"] * rows["frequency"] * rows["count"]).sum()) / purchases
    rows = rows.with_columns(pl.col("average_amount") / unit)
    rough = None
    if rows.height > ROUGH_ROWS:
        rough = _objective(rows.gather_every(-(-rows.height // ROUGH_ROWS)))
    best = maximise(_objective(rows), STARTS, customers, rough)
    parameters = best.parameters * np.array([1.0, 1.0, unit])
    p, q, v = (float(value) for value in parameters)
    status = best.status
    if status is FitStatus.FITTED and not _is_plausible(rows, best.parameters):
        status = FitStatus.IMPLAUSIBLE_MEAN
    return GammaGammaFit(
        p,
        q,
        v,
        log_likelihood=best.value - customers * float(np.log(unit)),
        customers=customers,
        standard_errors=tuple(float(value) for value in parameters * best.relative_errors),
        status=status,
    )


def _is_plausible(rows: pl.DataFrame, parameters: Floats) -> bool:
    """Whether the mean over customers exists and lies near the median of their averages."""
    p, q, v = parameters
    middle = float(np.median(np.repeat(rows["average_amount"].to_numpy(), rows["count"].to_numpy())))
    return bool(q > 1 and middle / MEAN_FACTOR <= p * v / (q - 1) <= middle * MEAN_FACTOR)


def log_likelihood(frame: pl.DataFrame, p: float, q: float, v: float) -> float:
    """The log likelihood of the parameters (Fader and Hardie 2013, eq. 1a) for customers as in `fit`."""
    rows = frame.select(pl.col("frequency", "average_amount").cast(pl.Float64), count=pl.lit(1))
    return _objective(rows)(np.log([p, q, v]))[0]


def _objective(rows: pl.DataFrame) -> Objective:
    """Log likelihood and gradient for counted rows, as a function of the logarithms of p, q, v."""
    count = rows["count"].to_numpy().astype(np.float64)
    frequency = rows["frequency"].to_numpy()
    average = rows["average_amount"].to_numpy()
    spent = frequency * average
    x, of_x = np.unique(frequency, return_inverse=True)
    per_x = np.bincount(of_x, weights=count)
    total = count.sum()
    times_x = count * frequency
    log_spent = times_x @ np.log(spent)
    log_average = count @ np.log(average)

    def value_and_slope(log_parameters: Floats) -> tuple[float, Floats]:
        p, q, v = np.exp(log_parameters)
        log_all = np.log(v + spent)
        all_once, all_times = count @ log_all, times_x @ log_all
        share_once, share_times = count @ (1 / (v + spent)), times_x @ (1 / (v + spent))
        value = (
            per_x @ (gammaln(p * x + q) - gammaln(p * x))
            + total * (q * np.log(v) - gammaln(q))
            + p * log_spent
            - log_average
            - p * all_times
            - q * all_once
        )
        slope = np.array(
            [
                per_x @ (x * (psi(p * x + q) - psi(p * x))) + log_spent - all_times,
                per_x @ psi(p * x + q) + total * (np.log(v) - psi(q)) - all_once,
                total * q / v - p * share_times - q * share_once,
            ]
        )
        return float(value), slope * np.exp(log_parameters)

    return value_and_slope


def expected_amount(model: GammaGammaFit, frequency: Floats, average_amount: Floats) -> Floats:
    """The expected amount per purchase of each customer (Fader and Hardie 2013, eq. 5).

    A customer without repeat purchases (frequency 0) gets the mean over customers; `average_amount` must then
    be a finite number and plays no part.
    """
    expected: Floats = model.p * (model.v + frequency * average_amount) / (model.p * frequency + model.q - 1)
    return expected


def amount_variances(model: GammaGammaFit, frequency: Floats, average_amount: Floats) -> tuple[Floats, Floats]:
    """How far an amount may lie from the expected one: variance between orders of one customer, and between customers.

    Given nu, amounts have mean p / nu and variance p / nu ** 2; and nu is gamma distributed (p x + q, v + x m) once x
    orders of m on average are known, so that E[1 / nu ** 2] = (v + x m) ** 2 / ((p x + q - 1) (p x + q - 2)). It is
    infinite up to p x + q = 2: there the second factor counts as `SMALLEST_SPREAD`.
    """
    known, total = model.p * frequency + model.q, model.v + frequency * average_amount
    mean_square = total**2 / ((known - 1) * np.maximum(known - 2, SMALLEST_SPREAD))
    expected = model.p * total / (known - 1)
    return model.p * mean_square, np.maximum(model.p**2 * mean_square - expected**2, 0)
