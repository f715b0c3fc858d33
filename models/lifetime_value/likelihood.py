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
# Newton's steps: how many, how far one may go, and the slope per customer at which they have arrived.
_NEWTON_STEPS, _FARTHEST, _SETTLED = 12, 0.5, 1e-9


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
    ends = [_climb(rough or objective, np.log(start), exact=rough is None) for start in starts]
    best = max(ends, key=lambda end: end[1])[0]
    found = None if rough is None or _at_bounds(best) else _newton(objective, best, weight)
    if found is None:
        log_parameters, value, slope = _climb(objective, best)
        errors = np.full(log_parameters.size, np.inf)
        if _at_bounds(log_parameters):
            return Optimum(np.exp(log_parameters), errors, value, FitStatus.PARAMETERS_AT_BOUNDS)
        errors = _relative_errors(_curvature(objective, log_parameters))
    else:
        log_parameters, value, slope, errors = found
    settled = np.abs(slope).max() <= FLAT * weight and np.isfinite(errors).all()
    status = FitStatus.FITTED if settled else FitStatus.NO_CONVERGENCE
    return Optimum(np.exp(log_parameters), errors, value, status)


def _at_bounds(log_parameters: Floats) -> bool:
    edge = (log_parameters <= np.log(LOWEST) + STEP) | (log_parameters >= np.log(HIGHEST) - STEP)
    return bool(edge.any())


def _newton(objective: Objective, start: Floats, weight: float) -> tuple[Floats, float, Floats, Floats] | None:
    """Newton's steps from where a part of the data has its maximum, which is close: far fewer looks at all of it.

    The curvature at the start serves for all steps. Returns log parameters, value, slope and relative errors, or None
    where it leads away: then somebody must climb.
    """
    curvature = _curvature(objective, start)
    errors = _relative_errors(curvature)
    if not np.isfinite(errors).all():
        return None
    here, (value, slope) = start, objective(start)
    for _ in range(_NEWTON_STEPS):
        if np.abs(slope).max() <= _SETTLED * weight:
            return here, value, slope, errors
        step = np.linalg.solve(curvature, slope)
        if np.abs(step).max() > _FARTHEST:
            return None
        ahead, (new_value, new_slope) = here + step, objective(here + step)
        if new_value < value - 1e-9 * abs(value) or _at_bounds(ahead):
            return None
        here, value, slope = ahead, new_value, new_slope
    return None


def _climb(objective: Objective, start: Floats, *, exact: bool = True) -> tuple[Floats, float, Floats]:
    """A local maximum near the start: log parameters, value, slope. Not exact where others go on from there."""
    from scipy.optimize import minimize

    scale = max(abs(objective(start)[0]), 1.0)

    def downhill(log_parameters: Floats) -> tuple[float, Floats]:
        value, slope = objective(log_parameters)
        return -value / scale, -slope / scale

    bounds = [(np.log(LOWEST), np.log(HIGHEST))] * start.size
    # Both tolerances far below what is needed: the starts must end in one place, not near one another.
    options = {"maxiter": 500, "ftol": 1e-15, "gtol": 1e-9} if exact else {"maxiter": 500, "ftol": 1e-10}
    end = minimize(downhill, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    value, slope = objective(end.x)
    return end.x, value, slope


def _curvature(objective: Objective, log_parameters: Floats) -> Floats:
    """The negative second derivatives, from slopes a step to either side."""
    size = log_parameters.size
    curvature = np.empty((size, size))
    for place in range(size):
        step = np.zeros(size)
        step[place] = STEP
        ahead, behind = objective(log_parameters + step)[1], objective(log_parameters - step)[1]
        curvature[place] = -(ahead - behind) / (2 * STEP)
    symmetric: Floats = (curvature + curvature.T) / 2
    return symmetric


def _relative_errors(curvature: Floats) -> Floats:
    """Standard errors of the logarithms from the curvature, infinite if there is no maximum here."""
    size = len(curvature)
    try:
        np.linalg.cholesky(curvature)
    except np.linalg.LinAlgError:
        return np.full(size, np.inf)
    errors: Floats = np.sqrt(np.diag(np.linalg.inv(curvature)))
    return errors
