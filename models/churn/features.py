"""What the risk is made of: one number per customer and snapshot each, and the words for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np
import numpy.typing as npt
import polars as pl

Floats = npt.NDArray[np.float64]
Scale = Literal["linear", "logarithmic", "flag"]
SCALES: Final = get_args(Scale)


@dataclass(frozen=True, slots=True)
class Feature:
    """One number that may tell who leaves.

    Attributes:
        name: the column of the snapshots.
        scale: linear; logarithmic for numbers from 0 whose long tail says little; flag for whether there is any.
        says_high: words for a number above the usual, `{value}` stands for it; None where that is no reason.
        says_low: the same below the usual.
    """

    name: str
    scale: Scale = "linear"
    says_high: str | None = None
    says_low: str | None = None

    def __post_init__(self) -> None:
        """Refuse a feature that cannot be computed."""
        if self.scale not in SCALES:
            raise ValueError(f"churn: scale of {self.name} is {self.scale!r}, allowed is one of {', '.join(SCALES)}")


@dataclass(frozen=True, slots=True)
class Scaling:
    """How numbers are brought to one scale; learnt once, used for all.

    Attributes:
        middle: the mean of each feature after its scale, which stands for numbers that are not known.
        spread: its standard deviation, 1 where all are the same.
    """

    middle: Floats
    spread: Floats


def scaled(frame: pl.DataFrame, features: Sequence[Feature], scaling: Scaling | None = None) -> tuple[Floats, Scaling]:
    """The features as a matrix with a row per row of the frame and a column per feature, mean 0 and spread 1.

    Args:
        frame: a column per feature; null, NaN and infinity count as not known and become the mean.
        features: which.
        scaling: as learnt before; None to learn it here.
    """
    columns = []
    for feature in features:
        number = pl.col(feature.name).cast(pl.Float64)
        known: pl.Expr = pl.when(number.is_finite()).then(number)
        if feature.scale == "logarithmic":
            known = known.clip(lower_bound=0).log1p()
        elif feature.scale == "flag":
            known = (known > 0).cast(pl.Float64).fill_null(0.0)
        columns.append(known.alias(feature.name))
    values = frame.select(columns).to_numpy().astype(np.float64).reshape(frame.height, len(features))
    is_known = np.isfinite(values)
    if scaling is None:
        counts = np.maximum(is_known.sum(axis=0), 1)
        middle = np.where(is_known, values, 0).sum(axis=0) / counts
        spread = np.sqrt((np.where(is_known, values - middle, 0) ** 2).sum(axis=0) / counts)
        scaling = Scaling(middle, np.where(spread > 1e-12, spread, 1.0))
    matrix: Floats = np.where(is_known, (values - scaling.middle) / scaling.spread, 0.0)
    # A number far outside what was learnt counts as one at its edge.
    return np.clip(matrix, -6, 6), scaling
