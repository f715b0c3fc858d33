"""Two means compared: Welch's test and interval, and Fieller's interval of their ratio.

Welch, B. L. (1947), The generalization of "Student's" problem when several different population variances are
involved, Biometrika 34, 28-35, with the degrees of freedom of Satterthwaite, F. E. (1946), An approximate
distribution of estimates of variance components, Biometrics Bulletin 2, 110-114. Fieller, E. C. (1954), Some problems
in interval estimation, Journal of the Royal Statistical Society B 16, 175-185, with the same degrees of freedom: so
that the interval of the ratio leaves out 1 exactly if that of the difference leaves out 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from math import sqrt


@dataclass(frozen=True)
class Amounts:
    """So many amounts with their sum and the sum of their squares, both exact; count >= 1."""

    count: int
    total: Decimal
    squares: Decimal

    @property
    def mean(self) -> float:
        """The mean."""
        return float(Fraction(self.total) / self.count)

    @cached_property
    def error(self) -> float:
        """The squared standard error of the mean; 0 for a single amount.

        Worked out in fractions: with doubles the difference of two large sums would lose its last digits.
        """
        if self.count < 2:
            return 0.0
        spread = Fraction(self.squares) - Fraction(self.total) ** 2 / self.count
        return float(spread / (self.count - 1) / self.count)

    def standard_error(self, other: Amounts) -> float:
        """The standard error of the difference of the means."""
        return sqrt(self.error + other.error)

    def p_value(self, other: Amounts) -> float:
        """Two-sided p-value of equal means; the amounts must vary in one of the two."""
        from scipy.stats import t

        return float(2 * t.sf(abs(self.mean - other.mean) / self.standard_error(other), _freedom(self, other)))

    def difference_interval(self, other: Amounts, level: float) -> tuple[float, float]:
        """Bounds of the difference of the means (this one less the other) at a confidence level such as 0.95."""
        reach = _critical(self, other, level) * self.standard_error(other)
        difference = self.mean - other.mean
        return difference - reach, difference + reach

    def ratio_interval(self, other: Amounts, level: float) -> tuple[float, float] | None:
        """Bounds of the ratio of the means (one to other); None where the other mean may be 0: then it has none."""
        squared = _critical(self, other, level) ** 2
        leading = other.mean**2 - squared * other.error
        if other.mean <= 0 or leading <= 0:
            return None
        middle = self.mean * other.mean / leading
        reach = sqrt(max(middle**2 - (self.mean**2 - squared * self.error) / leading, 0.0))
        return middle - reach, middle + reach


def _freedom(one: Amounts, other: Amounts) -> float:
    parts = sum(part.error**2 / (part.count - 1) for part in (one, other) if part.count > 1)
    return (one.error + other.error) ** 2 / parts


def _critical(one: Amounts, other: Amounts, level: float) -> float:
    from scipy.stats import t

    return float(t.isf((1 - level) / 2, _freedom(one, other)))
