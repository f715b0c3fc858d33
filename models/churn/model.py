"""The risk that a customer stays away: logistic regression on snapshots of the past, calibrated, with reasons.

Every snapshot says what was known of a customer on its day, and whether he bought within the horizon after it. The
newest snapshots whose outcome is known are kept apart to check on; none of what the model learns from ends after they
begin. What a sum of weights says can be taken apart again: the reasons of a customer are the parts that weigh most.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from models.churn.features import Feature, Floats, Scaling, scaled

if TYPE_CHECKING:
    from sklearn.isotonic import IsotonicRegression

#: Which columns snapshots have beside the features.
KEY: Final = ("customer_id", "snapshot_on")
OUTCOME: Final = "has_stayed_away"
#: Feature values beyond which two customers differ by chance alone: one feature that foretells better knows the
#: outcome.
_TOO_GOOD: Final = 0.995
_FOLDS: Final = 5
_BINS: Final = 10
#: Parts of the risk that are smaller, in logarithms of the odds, are no reason.
_SMALLEST_REASON: Final = 0.1

SCORES_SCHEMA: Final = pl.Schema(
    {"customer_id": pl.String(), "churn_risk": pl.Float64(), "reasons": pl.String(), "status": pl.String()}
)
FIT_SCHEMA: Final = pl.Schema({"parameter": pl.String(), "value": pl.Float64(), "note": pl.String()})
CALIBRATION_SCHEMA: Final = pl.Schema(
    {"bin": pl.Int64(), "customers": pl.Int64(), "mean_risk": pl.Float64(), "share_stayed_away": pl.Float64()}
)


class ChurnStatus(StrEnum):
    """Whether the model may be used; all but `fitted` say why not."""

    FITTED = "fitted"
    FEW_CUSTOMERS = "few_customers"
    SHORT_HISTORY = "short_history"
    ONE_OUTCOME = "one_outcome"
    SUSPECTED_LEAK = "suspected_leak"
    NO_BETTER_THAN_AVERAGE = "no_better_than_average"


#: Status of a customer: risk by the model, or the fallback that whoever calls has given; or nobody can say.
STATUSES: Final = ("modelled", "simple", "no_orders")


@dataclass(frozen=True, slots=True)
class ChurnSettings:
    """What a user may set.

    Attributes:
        horizon_days: a customer who buys nothing for so many days has left.
        min_customers: with fewer rows to learn from, or fewer of the rarer outcome than a tenth of it, nothing is
        fitted. reasons: how many reasons are told at most.
    """

    horizon_days: int = 180
    min_customers: int = 200
    reasons: int = 3

    def __post_init__(self) -> None:
        """Refuse settings that give no risk."""
        if self.horizon_days < 1:
            raise ValueError(f"churn: horizon_days must be 1 or more, got {self.horizon_days}")
        if self.min_customers < 1 or self.reasons < 0:
            raise ValueError("churn: min_customers must be 1 or more, and reasons 0 or more")


@dataclass(frozen=True, slots=True)
class ChurnFit:
    """A trained model.

    Attributes:
        status: see `ChurnStatus`.
        features: what it looks at.
        weights: logarithms of the odds for one spread of each feature.
        intercept: logarithm of the odds of a customer who is usual in everything.
        scaling: of the features.
        parameters: the model card, one row per figure: parameter, value, note.
        calibration: of the snapshots kept apart, by tenths of the risk: bin, customers, mean_risk, share_stayed_away.
        calibrated: from what the sum of weights says to how often it was so.
    """

    status: ChurnStatus
    features: tuple[Feature, ...]
    weights: Floats
    intercept: float
    scaling: Scaling | None
    parameters: pl.DataFrame
    calibration: pl.DataFrame
    calibrated: IsotonicRegression | None = field(default=None, repr=False)


def train(snapshots: pl.DataFrame, features: Sequence[Feature], settings: ChurnSettings | None = None) -> ChurnFit:
    """Learn from the past.

    Args:
        snapshots: one row per customer and snapshot day: customer_id, snapshot_on (date), has_stayed_away (whether he
            bought nothing within the horizon after it; null where the horizon has not passed), and a column per
            feature, of which every value must have been known on that day.
        features: what to look at.
        settings: see `ChurnSettings`.

    Returns:
        The fit. Its status says if it may be used; no error is raised for data that no model fits.

    Raises:
        ValueError: a column is missing.
    """
    settings = settings or ChurnSettings()
    missing = [name for name in (*KEY, OUTCOME, *(one.name for one in features)) if name not in snapshots.columns]
    if missing:
        raise ValueError(f"churn: the snapshots lack the columns {', '.join(missing)}")
    known = snapshots.filter(pl.col(OUTCOME).is_not_null()).sort(KEY)
    card: list[tuple[str, float | None, str | None]] = [("snapshots", known.height, "customers and days learnt from")]
    if known.height < settings.min_customers:
        return _unusable(ChurnStatus.FEW_CUSTOMERS, features, card)
    checked_on: Any = known["snapshot_on"].max()
    # What is learnt from has ended before what is checked begins: else the same days would be on both sides.
    ended = pl.col("snapshot_on") + timedelta(days=settings.horizon_days) <= checked_on
    past, check = known.filter(ended), known.filter(pl.col("snapshot_on") == checked_on)
    if past.height < settings.min_customers:
        return _unusable(ChurnStatus.SHORT_HISTORY, features, card)
    if any(_rarer(part) < max(settings.min_customers // 10, 2) for part in (past, check)):
        return _unusable(ChurnStatus.ONE_OUTCOME, features, card)

    leaking = _too_good(past, features)
    if leaking is not None:
        card.append(("leaking_feature", None, leaking))
        return _unusable(ChurnStatus.SUSPECTED_LEAK, features, card)
    then = _fitted(past, features)
    risk, truth = then.risk(check), check[OUTCOME].cast(pl.Float64).to_numpy()
    calibration = _calibration(risk, truth)
    base = float(past[OUTCOME].cast(pl.Float64).mean())  # type: ignore[arg-type]
    brier, base_brier = float(((risk - truth) ** 2).mean()), float(((base - truth) ** 2).mean())
    card += [
        ("checked_customers", check.height, f"snapshots of {checked_on}, kept apart"),
        ("checked_share_stayed_away", float(truth.mean()), None),
        ("checked_auc", _auc(risk, truth), "of the snapshots kept apart"),
        ("checked_calibration_error", _calibration_error(calibration), "mean distance of risk and share, by tenths"),
        ("checked_brier", brier, "mean squared error of the risk"),
        ("checked_brier_of_average", base_brier, "the same, had everyone the average risk"),
    ]
    if brier >= base_brier:
        return _unusable(ChurnStatus.NO_BETTER_THAN_AVERAGE, features, card, calibration)
    now = _fitted(known, features)
    card += [(f"weight_{one.name}", weight, None) for one, weight in zip(features, now.weights, strict=True)]
    card.append(("intercept", now.intercept, None))
    return ChurnFit(
        ChurnStatus.FITTED, tuple(features), now.weights, now.intercept, now.scaling,
        _card(ChurnStatus.FITTED, card), calibration, now.calibrated,
    )  # fmt: skip


def score(customers: pl.DataFrame, model: ChurnFit, settings: ChurnSettings | None = None) -> pl.DataFrame:
    """The risk of each customer and the reasons for it.

    Args:
        customers: one row per customer: customer_id, a column per feature, and fallback_risk, which is taken where no
            model could be fitted (null for a customer who never bought).
        model: from `train`.
        settings: see `ChurnSettings`.

    Returns:
        customer_id, churn_risk (0 to 1; null for `no_orders`), reasons (what speaks for leaving, the weightiest first,
        joined by `; `, null without any), status (see `STATUSES`), in the order of the input.
    """
    settings = settings or ChurnSettings()
    bought = pl.col("fallback_risk").is_not_null()
    if model.status is not ChurnStatus.FITTED:
        return customers.select(
            "customer_id",
            churn_risk=pl.col("fallback_risk").cast(pl.Float64).clip(0, 1),
            reasons=pl.lit(None, pl.String),
            status=pl.when(bought).then(pl.lit("simple")).otherwise(pl.lit("no_orders")),
        ).match_to_schema(SCORES_SCHEMA)
    matrix, _ = scaled(customers, model.features, model.scaling)
    parts = matrix * model.weights
    calibrated: Any = model.calibrated
    risk = calibrated.predict(model.intercept + parts.sum(axis=1))
    told = pl.Series("reasons", _reasons(customers, model.features, parts, matrix, settings.reasons), dtype=pl.String)
    return customers.select(
        "customer_id",
        churn_risk=pl.when(bought).then(pl.Series(risk)),
        reasons=pl.when(bought).then(told),
        status=pl.when(bought).then(pl.lit("modelled")).otherwise(pl.lit("no_orders")),
    ).match_to_schema(SCORES_SCHEMA)


def _reasons(
    customers: pl.DataFrame, features: Sequence[Feature], parts: Floats, matrix: Floats, most: int
) -> list[str | None]:
    """Per customer the features that raise the risk most and have words for it."""
    words = np.full(parts.shape, None, dtype=object)
    for place, feature in enumerate(features):
        for said, side in ((feature.says_high, matrix[:, place] > 0), (feature.says_low, matrix[:, place] < 0)):
            if said is None:
                continue
            is_told = np.flatnonzero(side & (parts[:, place] > _SMALLEST_REASON))
            values = customers[feature.name].cast(pl.Float64)[is_told].to_list()
            words[is_told, place] = [said.format(value=_number(value)) for value in values]
    weighed = np.where(words == None, -np.inf, parts)  # noqa: E711 - element by element
    order = np.argsort(-weighed, axis=1, kind="stable")[:, :most]
    chosen = np.take_along_axis(words, order, axis=1)
    return ["; ".join(said) or None for said in ([one for one in row if one is not None] for row in chosen)]


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:,.1f}".rstrip("0").rstrip(".")


@dataclass(frozen=True, slots=True)
class _Regression:
    features: tuple[Feature, ...]
    weights: Floats
    intercept: float
    scaling: Scaling
    calibrated: Any

    def risk(self, frame: pl.DataFrame) -> Floats:
        matrix, _ = scaled(frame, self.features, self.scaling)
        risk: Floats = self.calibrated.predict(self.intercept + matrix @ self.weights)
        return risk


def _fitted(frame: pl.DataFrame, features: Sequence[Feature]) -> _Regression:
    """Weights on all rows; the calibration on what each fifth of the customers gets from the other four."""
    from sklearn.isotonic import IsotonicRegression
    from sklearn.linear_model import LogisticRegression

    matrix, scaling = scaled(frame, features)
    truth = frame[OUTCOME].cast(pl.Float64).to_numpy()
    # Folds by customer: several snapshots of one must not stand on both sides.
    fold = (frame["customer_id"].rank("dense").to_numpy().astype(np.int64)) % _FOLDS
    sums = np.empty(truth.size)
    for held in range(_FOLDS):
        learnt, asked = fold != held, fold == held
        if not asked.any():
            continue
        one = LogisticRegression(C=1.0, max_iter=500).fit(matrix[learnt], truth[learnt])
        sums[asked] = one.decision_function(matrix[asked])
    calibrated = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(sums, truth)
    whole = LogisticRegression(C=1.0, max_iter=500).fit(matrix, truth)
    return _Regression(tuple(features), whole.coef_[0], float(whole.intercept_[0]), scaling, calibrated)


def _rarer(frame: pl.DataFrame) -> int:
    stayed_away = int(frame[OUTCOME].cast(pl.Int64).sum())
    return min(stayed_away, frame.height - stayed_away)


def _too_good(frame: pl.DataFrame, features: Sequence[Feature]) -> str | None:
    """A feature that alone tells the outcome: it cannot have been known before."""
    matrix, _ = scaled(frame, features)
    truth = frame[OUTCOME].cast(pl.Float64).to_numpy()
    for place, feature in enumerate(features):
        area = _auc(matrix[:, place], truth)
        if max(area, 1 - area) > _TOO_GOOD:
            return feature.name
    return None


def _auc(score: Floats, truth: Floats) -> float:
    """The area under the ROC curve: how often one who left has the higher score; ties count half (Mann and Whitney)."""
    from scipy.stats import rankdata

    ones = float(truth.sum())
    others = truth.size - ones
    if not ones or not others:
        return 0.5
    return float((rankdata(score)[truth > 0].sum() - ones * (ones + 1) / 2) / (ones * others))


def _calibration(risk: Floats, truth: Floats) -> pl.DataFrame:
    order = np.argsort(risk, kind="stable")
    rows = [
        (number, part.size, float(risk[part].mean()), float(truth[part].mean()))
        for number, part in enumerate(np.array_split(order, _BINS), start=1)
        if part.size
    ]
    return pl.DataFrame(rows, schema=CALIBRATION_SCHEMA, orient="row")


def _calibration_error(calibration: pl.DataFrame) -> float:
    weight = calibration["customers"].to_numpy()
    distance = np.abs(calibration["mean_risk"].to_numpy() - calibration["share_stayed_away"].to_numpy())
    return float(np.average(distance, weights=weight))


def _unusable(
    status: ChurnStatus,
    features: Sequence[Feature],
    card: list[tuple[str, float | None, str | None]],
    calibration: pl.DataFrame | None = None,
) -> ChurnFit:
    nothing = np.zeros(len(features))
    empty = CALIBRATION_SCHEMA.to_frame() if calibration is None else calibration
    return ChurnFit(status, tuple(features), nothing, 0.0, None, _card(status, card), empty)


def _card(status: ChurnStatus, rows: list[tuple[str, float | None, str | None]]) -> pl.DataFrame:
    return pl.DataFrame([("status", None, str(status)), *rows], schema=FIT_SCHEMA, orient="row", strict=False)
