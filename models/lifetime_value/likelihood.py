"""Maximum likelihood over positive parameters: several starts, a gradient, and checks of the outcome."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Objective = Callable[[Floats], tuple[float, Floats]]

# In units that make the parameters about 1 (see the callers), a fit that leaves this range is degenerate.
LOWEST, HIGHEST = 1e-4, 1e4
# Slope per customer, in logarithms of the parameters, below which a fit has settled.
FLAT = 1e-5
STEP = 1e-4


class FitStatus(StrEnum):
    """How a fit ended; all but `fitted` mean that its parameters are not to be used."""

    FITTED = "fitted"
    FEW_REPEAT_CUSTOMERS = "few_repeat_customers"
    NO_CONVERGENCE = "no_convergence"
    PARAMETERS_AT_BOUNDS = "parameters_at_bounds"
    IMPLAUSIBLE_MEAN = "implausible_mean"
    WORSE_THAN_NAIVE = "worse_than_naive"


@dataclass(frozen=True, slots=True)
class Optimum:
    """The best parameters found.

    Attributes:
        parameters: the parameters (not their logarithms).
        relative_errors: standard error of each parameter's logarithm; infinite where the likelihood is flat.
        value: log likelihood there.
        status: fitted, no_convergence or parameters_at_bounds.
    """

    parameters: Floats
    relative_errors: Floats
    value: float
    status: FitStatus


def maximise(
    objective: Objective, starts: Sequence[Sequence[float]], weight: float, rough: Objective | None = None
) -> Optimum:
    """Maximise a log likelihood over positive parameters, in logarithms.

    Args:
        objective: log likelihood and its gradient at the logarithms of the parameters.
        starts: parameters to start from; the best end is taken.
        weight: number of customers; slopes and steps are measured per customer.
        rough: the same for a part of the data; if given, the starts compete there and only the best goes on.

    Returns:
        The optimum, its standard errors from the curvature, and whether it may be used.
    """
    ends = [_climb(rough or objective, np.log(start)) for start in starts]
    best = max(ends, key=lambda end: end[1])[0]
    log_parameters, value, slope = _climb(objective, best)
    at_bounds = (log_parameters <= np.log(LOWEST) + STEP) | (log_parameters >= np.log(HIGHEST) - STEP)
    if at_bounds.any():
        status, errors = FitStatus.PARAMETERS_AT_BOUNDS, np.full(log_parameters.size, np.inf)
    else:
        errors = _relative_errors(objective, log_parameters)
        settled = np.abs(slope).max() <= FLAT * weight and np.isfinite(errors).all()
        status = FitStatus.FITTED if settled else FitStatus.NO_CONVERGENCE
    return Optimum(np.exp(log_parameters), errors, value, status)


def _climb(objective: Objective, start: Floats) -> tuple[Floats, float, Floats]:
    """A local maximum near the start: log parameters, value, slope."""
    from scipy.optimize import minimize

    scale = max(abs(objective(start)[0]), 1.0)

    def downhill(log_parameters: Floats) -> tuple[float, Floats]:
        value, slope = objective(log_parameters)
        return -value / scale, -slope / scale

    bounds = [(np.log(LOWEST), np.log(HIGHEST))] * start.size
    # Both tolerances far below what is needed: the starts must end in one place, not near one another.
    options = {"maxiter": 500, "ftol": 1e-15, "gtol": 1e-9}
    end = minimize(downhill, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    value, slope = objective(end.x)
    return end.x, value, slope


def _relative_errors(objective: Objective, log_parameters: Floats) -> Floats:
    """Standard errors of the logarithms from the curvature, infinite if there is no maximum here."""
    size = log_parameters.size
    curvature = np.empty((size, size))
    for place in range(size):
        step = np.zeros(size)
        step[place] = STEP
        ahead, behind = objective(log_parameters + step)[1], objective(log_parameters - step)[1]
        curvature[place] = -(ahead - behind) / (2 * STEP)
    curvature = (curvature + curvature.T) / 2
    try:
        np.linalg.cholesky(curvature)
    except np.linalg.LinAlgError:
        return np.full(size, np.inf)
    errors: Floats = np.sqrt(np.diag(np.linalg.inv(curvature)))
    return errors
