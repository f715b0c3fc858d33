"""NBD: how often customers buy, where nobody ever leaves.

A. S. C. Ehrenberg: The Pattern of Consumer Purchases. Journal of the Royal Statistical Society C 8 (1959), 26-41. A
customer buys at a rate that is gamma distributed over customers (r, alpha), for ever. It is what BG/NBD comes to where
the data show no leaving: its probability of leaving then goes to nothing, and its own fit has no end.
"""

import numpy as np
import polars as pl
from scipy.special import gammaln, psi

from models.lifetime_value.likelihood import Floats, Objective, maximise

STARTS = (0.3, 1.0, 3.0)  # r; alpha follows from the mean rate


def fit_counted(rows: pl.DataFrame, rate: float, customers: int) -> tuple[Floats, Floats, float, str]:
    """Fit the model by maximum likelihood.

    Args:
        rows: distinct frequency and tenure (in units of the mean tenure), with the count of customers.
        rate: mean repeat purchases per unit of time.
        customers: all of them.

    Returns:
        r and alpha, the relative standard errors, the log likelihood, and the status of the fit.
    """
    best = maximise(_objective(rows), [(r, r / rate) for r in STARTS], customers)
    return best.parameters, best.relative_errors, best.value, best.status


def _objective(rows: pl.DataFrame) -> Objective:
    """Log likelihood and gradient, as a function of the logarithms of r and alpha.

    The density of the times of purchase (Fader et al. 2005, eq. 3, over gamma distributed rates), so that it compares
    with that of BG/NBD.
    """
    count = rows["count"].to_numpy().astype(np.float64)
    frequency, tenure = rows["frequency"].to_numpy(), rows["tenure"].to_numpy()
    total = count.sum()

    def value_and_slope(log_parameters: Floats) -> tuple[float, Floats]:
        r, alpha = np.exp(log_parameters)
        log_tenure = np.log(alpha + tenure)
        by_customer = gammaln(r + frequency) - gammaln(r) + r * np.log(alpha) - (r + frequency) * log_tenure
        slope = np.array(
            [
                count @ (psi(r + frequency) - psi(r) - log_tenure) + total * np.log(alpha),
                total * r / alpha - count @ ((r + frequency) / (alpha + tenure)),
            ]
        )
        return float(count @ by_customer), slope * np.exp(log_parameters)

    return value_and_slope
