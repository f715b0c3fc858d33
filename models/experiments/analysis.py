"""What an experiment says: differences from the control with intervals, a check of the dealing, and verdicts in words.

Every arm is compared with the control on every outcome. These comparisons are one family: with m of them each is made
at alpha / m (Dunn, O. J. 1961, Multiple comparisons among means, JASA 56, 52-64), so that in alpha of all experiments
at most anything is shown that is not so, and so that all adjusted intervals hold together. Holm's steps would show a
little more, but of what they show their intervals tell little beyond the sign (Strassburger, K. and Bretz, F. 2008,
Compatible simultaneous lower confidence bounds for the Holm procedure, Statistics in Medicine 27, 4914-4927); here
verdict and interval are one.

Whether customers were dealt as planned is asked of chi-square (Fabijan, A. et al. 2019, Diagnosing sample ratio
mismatch in online controlled experiments, KDD, 2156-2164): an arm with too many or too few has lost or won customers
of some kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, NamedTuple

import polars as pl

from models.experiments.amounts import Amounts
from models.experiments.shares import Share

ARMS_SCHEMA: Final = pl.Schema(
    {
        "experiment_id": pl.String(),
        "arm": pl.String(),
        "role": pl.String(),
        "is_control": pl.Boolean(),
        "planned_share": pl.Float64(),
        "customers": pl.Int64(),
        "alpha": pl.Float64(),
        "is_running": pl.Boolean(),
    }
)
#: `total` and `squares` are exact: decimals, of any scale.
OUTCOMES_SCHEMA: Final = pl.Schema(
    {
        "experiment_id": pl.String(),
        "arm": pl.String(),
        "outcome": pl.String(),
        "unit": pl.String(),
        "needs_contact": pl.Boolean(),
        "customers": pl.Int64(),
        "customers_with": pl.Int64(),
        "total": pl.Decimal(38, 8),
        "squares": pl.Decimal(38, 8),
    }
)
CHECKS_SCHEMA: Final = pl.Schema(
    {
        "experiment_id": pl.String(),
        "arm": pl.String(),
        "expected_customers": pl.Float64(),
        "sample_ratio_p_value": pl.Float64(),
        "sample_ratio": pl.String(),
    }
)
RESULTS_SCHEMA: Final = pl.Schema(
    {
        "experiment_id": pl.String(),
        "arm": pl.String(),
        "outcome": pl.String(),
        "control_arm": pl.String(),
        "mean": pl.Float64(),
        "control_mean": pl.Float64(),
        "difference": pl.Float64(),
        "difference_lower": pl.Float64(),
        "difference_upper": pl.Float64(),
        "adjusted_lower": pl.Float64(),
        "adjusted_upper": pl.Float64(),
        "uplift": pl.Float64(),
        "uplift_lower": pl.Float64(),
        "uplift_upper": pl.Float64(),
        "adjusted_uplift_lower": pl.Float64(),
        "adjusted_uplift_upper": pl.Float64(),
        "p_value": pl.Float64(),
        "adjusted_p_value": pl.Float64(),
        "comparisons": pl.Int64(),
        "detectable_difference": pl.Float64(),
        "verdict": pl.String(),
        "reason": pl.String(),
    }
)
UNITS: Final = ("share", "amount")


class Verdict(StrEnum):
    """What may be said of an arm and an outcome."""

    BETTER = "shown: better"
    WORSE = "shown: worse"
    NOT_SHOWN = "not shown"
    TOO_FEW = "too few"
    RATIO_OFF = "sample ratio is off"
    RUNNING = "running"
    NO_CONTROL = "no control"
    NOT_COMPARED = "not compared"
    CONTROL = "control"


@dataclass(frozen=True, slots=True)
class ExperimentSettings:
    """What a user may set for all experiments.

    Attributes:
        sample_ratio_alpha: below this p-value the dealing is not what was planned.
        min_customers: an arm with fewer says nothing.
        min_expected: so many customers of each kind (who did, who did not) must be expected in the smaller of two
            arms, for chi-square to hold (Cochran, W. G. 1954, Some methods for strengthening the common chi-square
            tests).
        min_amounts: so many customers with an amount must be expected in the smaller arm, for a mean to be near normal.
        power: the chance with which the detectable difference would have been shown.
    """

    sample_ratio_alpha: float = 0.001
    min_customers: int = 30
    min_expected: int = 5
    min_amounts: int = 30
    power: float = 0.80


class Analysis(NamedTuple):
    """`checks`: a row per experiment and arm; `results`: a row per experiment, arm and outcome."""

    checks: pl.DataFrame
    results: pl.DataFrame


def analyse(arms: pl.DataFrame, outcomes: pl.DataFrame, settings: ExperimentSettings | None = None) -> Analysis:
    """Judge every experiment.

    Args:
        arms: One row per experiment and arm, see ARMS_SCHEMA: planned_share null where nothing was planned, customers
            that are analysed, alpha the same for all arms of an experiment, is_running while some window has not
            ended. At most one arm of an experiment may have is_control; role is `control`, `holdout` or `treatment`.
        outcomes: One row per experiment, arm and outcome, see OUTCOMES_SCHEMA: unit `share` (each customer counts 0
            or 1) or `amount`, needs_contact for what only those can do who got something, customers_with a number
            other than 0, the sum and the sum of squares over all customers of the arm, those with nothing included.
        settings: see ExperimentSettings.

    Returns:
        See Analysis; in the order of experiment, arm and outcome. Shares and means of all arms are there in any case.
        What compares them is null unless the verdict is better, worse or not shown: nobody should peek at an
        experiment that runs, nor trust one whose sample ratio is off. Money is in the unit of the sums. Uplift is the
        difference over the control's mean. detectable_difference is the one that would have been shown with the
        chance `power`.

    Raises:
        ValueError: a column is missing, or a unit is unknown.
    """
    settings = settings or ExperimentSettings()
    for name, frame, schema in (("arms", arms, ARMS_SCHEMA), ("outcomes", outcomes, OUTCOMES_SCHEMA)):
        missing = [column for column in schema if column not in frame.columns]
        if missing:
            raise ValueError(f"experiments: the {name} lack the columns {', '.join(missing)}")
    unknown = set(outcomes["unit"].unique()) - set(UNITS)
    if unknown:
        raise ValueError(f"experiments: units are {' and '.join(UNITS)}, found {', '.join(map(repr, sorted(unknown)))}")
    checks: list[Mapping[str, object]] = []
    results: list[Mapping[str, object]] = []
    by_experiment = {
        str(key[0]): part.sort("arm", "outcome").rows(named=True)
        for key, part in outcomes.partition_by("experiment_id", as_dict=True).items()
    }
    for (experiment,), part in sorted(arms.partition_by("experiment_id", as_dict=True).items()):
        rows = part.sort("arm").rows(named=True)
        checked = _sample_ratio(rows, settings)
        checks += checked
        results += _results(rows, by_experiment.get(str(experiment), []), checked[0]["sample_ratio"] == "off", settings)
    return Analysis(pl.DataFrame(checks, schema=CHECKS_SCHEMA), pl.DataFrame(results, schema=RESULTS_SCHEMA))


def _sample_ratio(arms: list[dict[str, Any]], settings: ExperimentSettings) -> list[dict[str, Any]]:
    """Chi-square of the customers of the arms against the shares planned, or equal ones where none is planned.

    `sample_ratio` is as planned, off, or unknown: there is one arm, the plan has gaps, or too few were dealt.
    """
    from scipy.stats import chi2

    planned = [arm["planned_share"] for arm in arms]
    total = sum(arm["customers"] for arm in arms)
    if all(share is None for share in planned):
        planned = [1.0] * len(arms)
    expected: list[float | None] = [None] * len(arms)
    p_value = None
    if len(arms) > 1 and all(share is not None and share > 0 for share in planned):
        dues = [total * share / sum(planned) for share in planned]
        expected = list(dues)
        if min(dues) >= settings.min_expected:
            distance = sum((arm["customers"] - due) ** 2 / due for arm, due in zip(arms, dues, strict=True))
            p_value = float(chi2.sf(distance, len(arms) - 1))
    said = "unknown" if p_value is None else "off" if p_value < settings.sample_ratio_alpha else "as planned"
    return [
        {
            "experiment_id": arm["experiment_id"],
            "arm": arm["arm"],
            "expected_customers": due,
            "sample_ratio_p_value": p_value,
            "sample_ratio": said,
        }
        for arm, due in zip(arms, expected, strict=True)
    ]


def _results(
    arms: list[dict[str, Any]], outcomes: list[dict[str, Any]], is_off: bool, settings: ExperimentSettings
) -> list[dict[str, object]]:
    control = next((arm for arm in arms if arm["is_control"]), None)
    base = {row["outcome"]: row for row in outcomes if control is not None and row["arm"] == control["arm"]}
    roles = {arm["arm"]: arm["role"] for arm in arms}
    results: list[dict[str, Any]] = []
    tested: list[tuple[dict[str, Any], tuple[Any, Any]]] = []
    for row in outcomes:
        other = base.get(row["outcome"])
        result: dict[str, Any] = dict.fromkeys(RESULTS_SCHEMA)
        result |= {
            "experiment_id": row["experiment_id"],
            "arm": row["arm"],
            "outcome": row["outcome"],
            "control_arm": control["arm"] if control else None,
            "mean": _mean(row),
            "control_mean": _mean(other) if other else None,
        }
        results.append(result)
        role = roles.get(row["arm"], "treatment")
        refusal = _refusal(row, other, control, role, arms[0]["is_running"], is_off, settings)
        if refusal is None and other is not None:
            tested.append((result, _pair(row, other)))
        elif refusal is not None:
            result["verdict"], result["reason"] = refusal
    for result, pair in tested:
        result.update(_compared(pair, arms[0]["alpha"], len(tested), settings))
    return results


def _refusal(
    row: dict[str, Any],
    other: dict[str, Any] | None,
    control: dict[str, Any] | None,
    role: str,
    is_running: bool,
    is_off: bool,
    settings: ExperimentSettings,
) -> tuple[Verdict, str] | None:
    """Why an arm is not compared with the control on an outcome, if it is not."""
    if control is None or other is None:
        return Verdict.NO_CONTROL, "no single arm is the control"
    if row["arm"] == control["arm"]:
        return Verdict.CONTROL, "what the other arms are compared with"
    if is_running:
        return Verdict.RUNNING, "no verdict before the last window has ended: who looks early sees what is not there"
    if is_off:
        return (
            Verdict.RATIO_OFF,
            "the arms do not have the customers that were planned: find out why before trusting it",
        )
    if row["needs_contact"] and "holdout" in (role, control["role"]):
        return Verdict.NOT_COMPARED, "the hold-out was sent nothing that it could respond to"
    smaller = min(row["customers"], other["customers"])
    if smaller < settings.min_customers:
        return Verdict.TOO_FEW, f"an arm has {smaller} customers, fewer than {settings.min_customers}"
    rate = (row["customers_with"] + other["customers_with"]) / (row["customers"] + other["customers"])
    if row["unit"] == "share" and smaller * min(rate, 1 - rate) < settings.min_expected:
        word = "did" if rate < 0.5 else "did not"
        return Verdict.TOO_FEW, f"too few {word}: fewer than {settings.min_expected} are expected in an arm"
    if row["unit"] == "amount":
        if smaller * rate < settings.min_amounts:
            return Verdict.TOO_FEW, f"fewer than {settings.min_amounts} customers with an amount are expected in an arm"
        if not _amounts(row).standard_error(_amounts(other)):
            return Verdict.TOO_FEW, "all amounts are the same: nothing tells what chance can do"
    return None


def _pair(row: dict[str, Any], other: dict[str, Any]) -> tuple[Any, Any]:
    """An arm and the control on one outcome, both shares or both amounts."""
    if row["unit"] == "amount":
        return _amounts(row), _amounts(other)
    return Share(row["customers_with"], row["customers"]), Share(other["customers_with"], other["customers"])


def _compared(pair: tuple[Any, Any], alpha: float, comparisons: int, settings: ExperimentSettings) -> dict[str, object]:
    from scipy.stats import norm

    one, other = pair
    share_of_alpha = alpha / comparisons
    level, adjusted_level = 1 - alpha, 1 - share_of_alpha
    lower, upper = one.difference_interval(other, level)
    ratio = one.ratio_interval(other, level)
    adjusted_lower, adjusted_upper = one.difference_interval(other, adjusted_level)
    adjusted_ratio = one.ratio_interval(other, adjusted_level)
    p_value = one.p_value(other)
    difference = one.mean - other.mean
    if p_value >= share_of_alpha:
        verdict, reason = Verdict.NOT_SHOWN, "chance alone gives a difference like this often enough"
    elif difference > 0:
        verdict, reason = Verdict.BETTER, "chance alone hardly gives a difference like this"
    else:
        verdict, reason = Verdict.WORSE, "chance alone hardly gives a difference like this"
    return {
        "difference": difference,
        "difference_lower": lower,
        "difference_upper": upper,
        "adjusted_lower": adjusted_lower,
        "adjusted_upper": adjusted_upper,
        "uplift": difference / other.mean if other.mean else None,
        "uplift_lower": None if ratio is None else ratio[0] - 1,
        "uplift_upper": None if ratio is None else ratio[1] - 1,
        "adjusted_uplift_lower": None if adjusted_ratio is None else adjusted_ratio[0] - 1,
        "adjusted_uplift_upper": None if adjusted_ratio is None else adjusted_ratio[1] - 1,
        "p_value": p_value,
        "adjusted_p_value": min(1.0, p_value * comparisons),
        "comparisons": comparisons,
        "detectable_difference": float(norm.isf(share_of_alpha / 2) + norm.ppf(settings.power))
        * one.standard_error(other),
        "verdict": verdict,
        "reason": reason,
    }


def _amounts(row: dict[str, Any]) -> Amounts:
    return Amounts(row["customers"], Decimal(row["total"]), Decimal(row["squares"]))


def _mean(row: dict[str, Any]) -> float | None:
    if not row["customers"]:
        return None
    return _amounts(row).mean if row["unit"] == "amount" else row["customers_with"] / row["customers"]
