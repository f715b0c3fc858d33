"""Two shares compared: the score test, and the intervals that are its inversion.

The statistic is that of Mee, R. W. (1984), Confidence bounds for the difference between two probabilities, Biometrics
40, 1175-1176, for the difference, and of Koopman, P. A. R. (1984), Confidence intervals for the ratio of two binomial
proportions, Biometrics 40, 513-517, for the ratio: the variance is taken where the likelihood is highest among the
pairs of shares with the difference (ratio) in question. At a difference of 0 and a ratio of 1 both are Pearson's
chi-square without correction for continuity. So an interval leaves out 0 (1) exactly if that test rejects at the same
level. Newcombe, R. G. (1998), Interval estimation for the difference between independent proportions, Statistics in
Medicine 17, 873-890, has the former as his method 5.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf, sqrt

# Roots are found to within rounding; the largest ratio that is looked for is far beyond any that is of use.
_EXACT = 1e-13
_LARGEST_RATIO = 1e12


@dataclass(frozen=True, slots=True)
class Share:
    """`hits` of `count` customers, 0 <= hits <= count and count >= 1."""

    hits: int
    count: int

    @property
    def mean(self) -> float:
        """The share, 0 to 1."""
        return self.hits / self.count

    def standard_error(self, other: Share) -> float:
        """The standard error of the difference, if the shares are equal."""
        pooled = (self.hits + other.hits) / (self.count + other.count)
        return sqrt(pooled * (1 - pooled) * (1 / self.count + 1 / other.count))

    def p_value(self, other: Share) -> float:
        """Two-sided p-value of equal shares: Pearson's chi-square, one degree of freedom; 1 where nothing differs."""
        from scipy.stats import chi2

        error = self.standard_error(other)
        return float(chi2.sf(((self.mean - other.mean) / error) ** 2, 1)) if error else 1.0

    def difference_interval(self, other: Share, level: float) -> tuple[float, float]:
        """Bounds of the difference (this one less the other) at a confidence level such as 0.95."""
        critical, difference = _critical(level), self.mean - other.mean

        def statistic(delta: float) -> float:
            first, second = _likeliest_with_difference(self, other, delta)
            return _standardised(
                difference - delta, first * (1 - first) / self.count + second * (1 - second) / other.count
            )

        lower = -1.0 if difference <= -1 else _root(lambda delta: statistic(delta) - critical, -1.0, difference)
        upper = 1.0 if difference >= 1 else _root(lambda delta: statistic(delta) + critical, difference, 1.0)
        return lower, upper

    def ratio_interval(self, other: Share, level: float) -> tuple[float, float] | None:
        """Bounds of the ratio (to the other) at a confidence level; None where the other share is 0."""
        if not other.hits:
            return None
        critical, ratio = _critical(level), self.mean / other.mean

        def statistic(phi: float) -> float:
            second = _likeliest_with_ratio(self, other, phi)
            first = min(phi * second, 1.0)
            variance = first * (1 - first) / self.count + phi * phi * second * (1 - second) / other.count
            return _standardised(self.mean - phi * other.mean, variance)

        lower = _root(lambda phi: statistic(phi) - critical, 0.0, ratio) if self.hits else 0.0
        end = max(2 * ratio, 1.0)
        while statistic(end) > -critical and end < _LARGEST_RATIO:
            end *= 2
        return lower, _root(lambda phi: statistic(phi) + critical, ratio, end)


def _critical(level: float) -> float:
    from scipy.stats import norm

    return float(norm.isf((1 - level) / 2))


def _standardised(distance: float, variance: float) -> float:
    if variance <= 0:
        return 0.0 if distance == 0 else inf if distance > 0 else -inf
    return distance / sqrt(variance)


def _root(function: Callable[[float], float], start: float, end: float) -> float:
    """Where a falling function crosses 0 between two places; an end where it does not."""
    from scipy.optimize import brentq

    def finite(place: float) -> float:
        return max(min(function(place), 1e9), -1e9)

    if finite(start) <= 0:
        return start
    if finite(end) >= 0:
        return end
    return float(brentq(finite, start, end, xtol=_EXACT))


def _likeliest_with_difference(one: Share, other: Share, delta: float) -> tuple[float, float]:
    """The pair of shares with the difference that makes what was seen likeliest: where its score is 0."""
    lowest, highest = max(0.0, -delta), min(1.0, 1.0 - delta)

    def part(hits: int, share: float) -> float:
        return hits / share if hits and share > 0 else inf if hits else 0.0

    def score(second: float) -> float:
        first = second + delta
        # At the edges one term may be without bound, never two of opposite signs: the edges are not asked for both.
        up = part(one.hits, first) + part(other.hits, second)
        down = part(one.count - one.hits, 1 - first) + part(other.count - other.hits, 1 - second)
        return inf if up == inf and down < inf else -inf if down == inf else up - down

    second = _root(score, lowest, highest)
    return min(max(second + delta, 0.0), 1.0), min(max(second, 0.0), 1.0)


def _likeliest_with_ratio(one: Share, other: Share, phi: float) -> float:
    """The other share, if the one is phi times as large: the smaller root of its quadratic score equation."""
    total = one.count + other.count
    linear = phi * (one.count + other.hits) + one.hits + other.count
    hits = one.hits + other.hits
    under_root = max(linear * linear - 4 * total * phi * hits, 0.0)
    return min(2 * hits / (linear + sqrt(under_root)), 1.0)
