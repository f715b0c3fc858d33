"""BG/NBD and MBG/NBD: how often customers buy again, and whether they still do.

P. S. Fader, B. G. S. Hardie, K. L. Lee: "Counting Your Customers" the Easy Way: An Alternative to the
Pareto/NBD Model. Marketing Science 24 (2005), 275-284. A customer buys at a rate that is gamma distributed
over customers (r, alpha) and leaves after each purchase with a probability that is beta distributed (a, b).

To BG/NBD nobody leaves after his first purchase, so that one-off buyers are alive for ever. MBG/NBD lets them leave
there too (E. P. Batislam, M. Denizel, A. Filiztekin: Empirical Validation and Comparison of Models for Customer Base
Analysis. International Journal of Research in Marketing 24 (2007), 201-209). The one differs from the other by a chance
more to leave, which is `first_leaves` below: 0 or 1. Where nobody leaves at all, a is 0: see `nbd`.

Frequency counts repeat purchases, recency is the time of the last one since the first purchase, tenure the
time since the first purchase. Any unit of time will do; alpha and every horizon are in that unit.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from scipy.linalg import eigh_tridiagonal
from scipy.special import betaln, expit, gammaln, psi

from models.lifetime_value import nbd
from models.lifetime_value.distinct import distinct
from models.lifetime_value.likelihood import FitStatus, Floats, Objective, maximise

#: The models of orders by name, from the one with the fewest parameters.
NAMES: Final = ("nbd", "bg_nbd", "mbg_nbd")

STARTS = ((0.3, 0.5, 2.0), (1.0, 1.0, 5.0), (3.0, 0.2, 2.0))  # r, a, b; alpha follows from the mean rate
ROUGH_ROWS = 10_000
MIN_NODES, MAX_NODES, NODES_STEP = 48, 400, 32
CELLS_AT_ONCE = 4_000_000
_LIKELIEST = 700.0  # logarithm of odds above which the other way is a number no more


@dataclass(frozen=True, slots=True)
class BgNbdFit:
    """Parameters of a BG/NBD, MBG/NBD or NBD model.

    Attributes:
        r: shape of the rates.
        alpha: scale of the rates, in the unit of time of the data; r / alpha is the mean rate.
        a: first parameter of the leaving probabilities; 0 where nobody leaves (NBD).
        b: second one; a / (a + b) is the mean probability.
        log_likelihood: at these parameters.
        customers: customers that the fit rests on.
        repeat_customers: those among them with a repeat purchase.
        standard_errors: of r, alpha, a, b (NBD: of r, alpha).
        status: `fitted`, or why the parameters are not to be used; they are then not a number or without
            meaning.
        first_leaves: 1 where a customer may leave after the first purchase too (MBG/NBD), 0 where not (BG/NBD).
    """

    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float = float("nan")
    customers: int = 0
    repeat_customers: int = 0
    standard_errors: tuple[float, ...] = ()
    status: FitStatus = FitStatus.FITTED
    first_leaves: int = 0

    @property
    def name(self) -> str:
        """The model's name, one of `NAMES`."""
        if self.a == 0:
            return "nbd"
        return "mbg_nbd" if self.first_leaves else "bg_nbd"

    @property
    def akaike(self) -> float:
        """Akaike's criterion: the lower, the better the model describes the data for its parameters."""
        return 2 * ((2 if self.a == 0 else 4) - self.log_likelihood)


def fit(frame: pl.DataFrame, name: str = "bg_nbd", *, min_repeat_customers: int = 1) -> BgNbdFit:
    """Fit a model by maximum likelihood on the distinct rows and their counts.

    Args:
        frame: one row per customer: frequency (repeat purchases, >= 0), recency (0 <= recency <= tenure),
            tenure.
        name: one of `NAMES`.
        min_repeat_customers: with fewer customers that bought again, nothing is fitted.

    Returns:
        The fit. Its status says if it may be used; no error is raised for data that no model fits.
    """
    return fit_counted(frame.with_columns(count=pl.lit(1)), name, min_repeat_customers=min_repeat_customers)


def fit_counted(frame: pl.DataFrame, name: str = "bg_nbd", *, min_repeat_customers: int = 1) -> BgNbdFit:
    """Do what `fit` does, from rows that each stand for `count` customers."""
    if name not in NAMES:
        raise ValueError(f"lifetime value: there is no model {name!r}, known are {', '.join(NAMES)}")
    first_leaves = int(name == "mbg_nbd")
    keys = ("frequency", "tenure") if name == "nbd" else ("frequency", "recency", "tenure")
    rows = (
        frame.select(pl.col(keys).cast(pl.Float64), pl.col("count").cast(pl.Int64))
        .group_by(keys)
        .agg(pl.col("count").sum())
        .sort(keys)
    )
    customers = int(rows["count"].sum())
    repeat = int(rows.filter(pl.col("frequency") > 0)["count"].sum())
    exposure = float((rows["tenure"] * rows["count"]).sum())
    if repeat < max(min_repeat_customers, 1) or exposure <= 0:
        none = float("nan")
        return BgNbdFit(
            none, none, 0.0 if name == "nbd" else none, none,
            customers=customers, repeat_customers=repeat,
            status=FitStatus.FEW_REPEAT_CUSTOMERS, first_leaves=first_leaves,
        )  # fmt: skip

    # Time in units of the mean tenure: alpha is then about as large as r, whatever the unit of the data.
    unit = exposure / customers
    rows = rows.with_columns(pl.col(keys[1:]) / unit)
    purchases = float((rows["frequency"] * rows["count"]).sum())
    rate = purchases * unit / exposure
    # A density over times: another unit of time changes it by the unit's logarithm for every purchase.
    shift = purchases * float(np.log(unit))
    if name == "nbd":
        (r, alpha), errors, value, status = nbd.fit_counted(rows, rate, customers)
        return BgNbdFit(
            float(r), float(alpha * unit), 0.0, 1.0, value - shift, customers, repeat,
            (float(r * errors[0]), float(alpha * unit * errors[1])), FitStatus(status),
        )  # fmt: skip
    rough = None
    if rows.height > ROUGH_ROWS:
        rough = _objective(rows.gather_every(-(-rows.height // ROUGH_ROWS)), first_leaves)
    starts = [(r, r / rate, a, b) for r, a, b in STARTS]
    best = maximise(_objective(rows, first_leaves), starts, customers, rough)
    parameters = best.parameters * np.array([1.0, unit, 1.0, 1.0])
    r, alpha, a, b = (float(value) for value in parameters)
    return BgNbdFit(
        r,
        alpha,
        a,
        b,
        log_likelihood=best.value - shift,
        customers=customers,
        repeat_customers=repeat,
        standard_errors=tuple(float(value) for value in parameters * best.relative_errors),
        status=best.status,
        first_leaves=first_leaves,
    )


def log_likelihood(frame: pl.DataFrame, model: BgNbdFit) -> float:
    """The log likelihood of the parameters of BG/NBD or MBG/NBD for customers as in `fit`.

    Fader et al. (2005), eq. 6; for MBG/NBD Batislam et al. (2007), eq. 5.
    """
    rows = frame.select(pl.col("frequency", "recency", "tenure").cast(pl.Float64), count=pl.lit(1))
    return _objective(rows, model.first_leaves)(np.log([model.r, model.alpha, model.a, model.b]))[0]


def _objective(rows: pl.DataFrame, first_leaves: int = 0) -> Objective:
    """Log likelihood and gradient for counted rows, as a function of the logarithms of r, alpha, a, b."""
    count = rows["count"].to_numpy().astype(np.float64)
    # Purchases and times repeat: logarithms and gamma functions are taken of their distinct values only.
    x, of_x = np.unique(rows["frequency"].to_numpy(), return_inverse=True)
    tenure, of_tenure = np.unique(rows["tenure"].to_numpy(), return_inverse=True)
    recency, of_recency = np.unique(rows["recency"].to_numpy(), return_inverse=True)
    total = count.sum()
    per_x = np.bincount(of_x, weights=count)
    # Those of whom it is open whether they are still there.
    again = (x[of_x] > 0) | bool(first_leaves)
    w, row_x = count[again], of_x[again]
    row_tenure, row_recency = of_tenure[again], of_recency[again]
    # One-off buyers who cannot have left: only how many there are per tenure matters.
    once = np.bincount(of_tenure[~again], weights=count[~again], minlength=tenure.size)
    x_again = x[row_x]
    stayed = x + first_leaves  # how often each could have left and did not
    before = np.maximum(stayed - 1, 0)

    def value_and_slope(log_parameters: Floats) -> tuple[float, Floats]:
        r, alpha, a, b = np.exp(log_parameters)
        log_tenure, log_recency = np.log(alpha + tenure), np.log(alpha + recency)
        of_row_tenure, of_row_recency = log_tenure[row_tenure], log_recency[row_recency]
        rate = r + x_again
        # The two ways to be silent: still there, or gone after the last purchase; how much likelier the second is.
        leans_gone = (np.log(a) - np.log(b + before))[row_x] + rate * (of_row_tenure - of_row_recency)
        here_share = expit(-np.minimum(leans_gone, _LIKELIEST))
        is_here = w * here_share
        is_gone = w - is_here
        by_x = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + betaln(a, b + stayed) - betaln(a, b)
        either = -(w @ (rate * of_row_tenure)) - w @ np.log(here_share)
        value = per_x @ by_x + either - r * (once @ log_tenure)

        log_rate = is_here @ of_row_tenure + is_gone @ of_row_recency
        here_rate = (is_here * rate) @ (1 / (alpha + tenure))[row_tenure]
        gone_rate = (is_gone * rate) @ (1 / (alpha + recency))[row_recency]
        gone_total = is_gone.sum()
        gone_b = is_gone @ (1 / (b + before))[row_x]
        slope = np.array(
            [
                per_x @ (psi(r + x) - psi(r)) + total * np.log(alpha) - log_rate - once @ log_tenure,
                total * r / alpha - here_rate - gone_rate - r * (once @ (1 / (alpha + tenure))),
                per_x @ (psi(a + b) - psi(a + b + stayed)) + gone_total / a,
                per_x @ (psi(a + b) - psi(a + b + stayed) + psi(b + stayed) - psi(b)) - gone_b,
            ]
        )
        return float(value), slope * np.exp(log_parameters)

    return value_and_slope


def probability_alive(model: BgNbdFit, frequency: Floats, recency: Floats, tenure: Floats) -> Floats:
    """The probability that each customer has not left (from the denominator of Fader et al. 2005, eq. 10).

    To BG/NBD it is 1 for a customer without repeat purchase: there one can only leave after a repeat purchase. To NBD
    it is 1 for everybody.
    """
    stayed = frequency + model.first_leaves
    with np.errstate(divide="ignore", invalid="ignore"):
        log_odds_gone = (
            np.log(model.a)
            - np.log(np.maximum(model.b + stayed - 1, 0))
            + (model.r + frequency) * (np.log(model.alpha + tenure) - np.log(model.alpha + recency))
        )
    alive: Floats = np.where(stayed > 0, expit(-log_odds_gone), 1.0)
    return alive


def expected_purchases(model: BgNbdFit, frequency: Floats, recency: Floats, tenure: Floats, horizon: float) -> Floats:
    """Expected purchases of each customer within a horizon from now (Fader et al. 2005, eq. 10)."""
    alive = probability_alive(model, frequency, recency, tenure)
    return alive * expected_if_alive(model, frequency, tenure, np.array([horizon]))[:, 0]


def expected_if_alive(model: BgNbdFit, frequency: Floats, tenure: Floats, horizons: Floats) -> Floats:
    """Expected purchases of customers who have not left: a row per customer, a column per horizon.

    This is eq. 10 of Fader et al. (2005) without its denominator. There it is written with the hypergeometric
    function, which has poles at a = 1 and a + b + x = 1 that cancel, and overflows for many purchases. Here
    it is the mean that this function stands for: of (1 - (1 + p t / (alpha + T)) ** -(r + x)) / p over
    leaving probabilities p, which are beta(a, b + x) distributed for those who are alive (MBG/NBD: beta(a, b + x + 1)).
    It is smooth in p, so few nodes of a Gauss-Jacobi rule give it to many digits.
    """
    if model.a == 0:
        return np.outer((model.r + frequency) / (model.alpha + tenure), horizons)
    places, of_pair = distinct((frequency, tenure))
    pairs = np.column_stack([frequency[places], tenure[places]])
    expected = np.empty((len(pairs), horizons.size))
    # The nearest singularity lies at p = -(alpha + T) / t: the closer to 0, the more nodes are needed. How many depends
    # on the customer alone, so that he is worth the same whoever is scored beside him; it falls with T, and so goes
    # down step by step among the pairs of one frequency.
    wanted = 6 * np.sqrt(horizons.max(initial=0.0) / (model.alpha + pairs[:, 1]))
    steps = np.ceil(np.clip(wanted, MIN_NODES, MAX_NODES) / NODES_STEP)
    starts = np.flatnonzero((np.diff(pairs[:, 0], prepend=np.nan) != 0) | (np.diff(steps, prepend=np.nan) != 0))
    for start, end in zip(starts, [*starts[1:], len(pairs)], strict=True):
        x, count = pairs[start, 0], int(steps[start]) * NODES_STEP
        nodes, weights = _beta_rule(model.a, model.b + x + model.first_leaves, count)
        step = max(CELLS_AT_ONCE // (count * horizons.size), 1)
        for low in range(start, end, step):
            high = min(low + step, end)
            ratio = horizons / (model.alpha + pairs[low:high, 1:])
            purchases = -np.expm1(-(model.r + x) * np.log1p(ratio[:, :, None] * nodes)) / nodes
            expected[low:high] = purchases @ weights
    found: Floats = expected[of_pair]
    return found


def _beta_rule(first: float, second: float, count: int) -> tuple[Floats, Floats]:
    """The Gauss rule, nodes and weights, for the mean over a beta(first, second) distributed variable.

    From the recurrence of the Jacobi polynomials (G. H. Golub, J. H. Welsch: Calculation of Gauss Quadrature
    Rules. Mathematics of Computation 23 (1969), 221-230); the weights add up to 1, so no gamma function can
    overflow.
    """
    low, high = first - 1, second - 1  # exponents at 0 and at 1
    k = np.arange(1, count, dtype=np.float64)
    both = 2 * k + low + high
    middle = np.empty(count)
    middle[0] = (low - high) / (low + high + 2)
    middle[1:] = (low**2 - high**2) / (both * (both + 2))
    side = np.empty(count - 1)
    side[0] = 4 * (1 + low) * (1 + high) / ((2 + low + high) ** 2 * (3 + low + high))
    k, both = k[1:], both[1:]
    side[1:] = 4 * k * (k + low) * (k + high) * (k + low + high) / (both**2 * (both + 1) * (both - 1))
    nodes, vectors = eigh_tridiagonal(middle, np.sqrt(side))
    # The smallest node may round to zero or below, where the integrand is 0 / 0; it is flat long before.
    return np.maximum((1 + nodes) / 2, 1e-15), vectors[0] ** 2
