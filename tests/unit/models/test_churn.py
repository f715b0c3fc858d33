"""The risk to leave: learnt from the past only, as large as it says, told with reasons, and defined for any input."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from models.churn import STATUSES, ChurnSettings, Feature, score, train

FEATURES = (
    Feature("silence_days", "logarithmic", says_high="silent for {value} days"),
    Feature("complaints", "flag", says_high="complained"),
    Feature("open_rate", says_low="opens {value} of the mails"),
    Feature("tenure_days", "logarithmic"),
)
SETTINGS = ChurnSettings(horizon_days=180)


def snapshots(customers: int = 1500, days: int = 8, seed: int = 1) -> pl.DataFrame:
    """Customers on month ends; who is silent for long, complains or opens nothing stays away more often."""
    rng = np.random.default_rng(seed)
    parts = []
    for number in range(days):
        silence = np.round(rng.exponential(60, customers))
        complaints = rng.poisson(0.1, customers).astype(float)
        opens = rng.random(customers)
        odds = -1.5 + 0.9 * (np.log1p(silence) - 3) + 1.2 * (complaints > 0) - 1.5 * (opens - 0.5)
        parts.append(
            pl.DataFrame(
                {
                    "customer_id": [f"c_{i}" for i in range(customers)],
                    "snapshot_on": date(2025, 1, 31) + timedelta(days=60 * number),
                    "silence_days": silence,
                    "complaints": complaints,
                    "open_rate": opens,
                    "tenure_days": rng.integers(1, 700, customers),
                    "has_stayed_away": rng.random(customers) < 1 / (1 + np.exp(-odds)),
                }
            )
        )
    return pl.concat(parts)


@pytest.fixture(scope="module")
def past() -> pl.DataFrame:
    return snapshots()


def card(fit: object) -> dict[str, tuple[float | None, str | None]]:
    return {name: (value, note) for name, value, note in fit.parameters.iter_rows()}  # type: ignore[attr-defined]


def test_what_matters_is_found_and_the_risk_is_as_large_as_it_says(past: pl.DataFrame) -> None:
    fit = train(past, FEATURES, SETTINGS)
    assert fit.status == "fitted"
    weights = dict(zip((one.name for one in fit.features), fit.weights, strict=True))
    assert weights["silence_days"] > 0.5
    assert weights["complaints"] > 0.2
    assert weights["open_rate"] < -0.2
    assert abs(weights["tenure_days"]) < 0.1
    found = card(fit)
    auc, error = found["checked_auc"][0], found["checked_calibration_error"][0]
    assert auc is not None
    assert error is not None
    assert auc > 0.7
    assert error < 0.05
    assert fit.calibration["customers"].sum() == 1500
    assert fit.calibration["mean_risk"].is_sorted()


def test_the_check_is_of_the_newest_days_and_nothing_reaches_into_it(past: pl.DataFrame) -> None:
    """The last day stands for itself; the outcome of what is learnt from has ended before it."""
    newest = past["snapshot_on"].max()
    fit = train(past, FEATURES, SETTINGS)
    assert card(fit)["checked_customers"] == (1500, f"snapshots of {newest}, kept apart")
    # Days within the horizon before it are not learnt from: to make them absurd changes nothing in the check.
    late = (pl.col("snapshot_on") > newest - timedelta(days=180)) & (pl.col("snapshot_on") < newest)
    absurd = past.with_columns(
        has_stayed_away=pl.when(late).then(~pl.col("has_stayed_away")).otherwise("has_stayed_away")
    )
    changed = card(train(absurd, FEATURES, SETTINGS))
    for name in ("checked_auc", "checked_brier", "checked_calibration_error"):
        assert changed[name] == card(fit)[name]


def test_a_planted_leak_is_caught(past: pl.DataFrame) -> None:
    """A number that was written after the outcome: days until the next order, as they were filled in later."""
    rng = np.random.default_rng(2)
    leaking = past.with_columns(
        days_to_next_order=pl.col("has_stayed_away").cast(pl.Float64) * 180 + pl.Series(rng.random(past.height) * 179)
    )
    fit = train(leaking, [*FEATURES, Feature("days_to_next_order")], SETTINGS)
    assert fit.status == "suspected_leak"
    assert card(fit)["leaking_feature"] == (None, "days_to_next_order")
    today = leaking.head(3).with_columns(fallback_risk=pl.lit(0.4))
    assert score(today, fit).get_column("status").to_list() == ["simple"] * 3


def test_reasons_are_what_raises_the_risk_most(past: pl.DataFrame) -> None:
    fit = train(past, FEATURES, SETTINGS)
    today = pl.DataFrame(
        [
            ("gone", 400.0, 2.0, 0.02, 300, 0.5),
            ("here", 1.0, 0.0, 0.98, 300, 0.5),
            ("never", None, None, None, 10, None),
        ],
        schema=["customer_id", "silence_days", "complaints", "open_rate", "tenure_days", "fallback_risk"],
        orient="row",
    )
    scores = score(today, fit, SETTINGS)
    gone, here, never = scores.iter_rows(named=True)
    assert gone["churn_risk"] > 0.7 > 0.2 > here["churn_risk"]
    assert set(gone["reasons"].split("; ")) == {"silent for 400 days", "complained", "opens 0 of the mails"}
    assert here["reasons"] is None
    assert never == {"customer_id": "never", "churn_risk": None, "reasons": None, "status": "no_orders"}
    one = score(today, fit, ChurnSettings(horizon_days=180, reasons=1))["reasons"][0]
    assert one == gone["reasons"].split("; ")[0]


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        (lambda past: past.head(100), "few_customers"),
        (lambda past: past.filter(pl.col("snapshot_on") > date(2026, 1, 1)), "short_history"),
        (lambda past: past.with_columns(has_stayed_away=True), "one_outcome"),
        (lambda past: past.with_columns(has_stayed_away=pl.lit(None, pl.Boolean)), "few_customers"),
        (lambda past: past.clear(), "few_customers"),
        (
            lambda past: past.with_columns(pl.lit(1.0).alias(one.name) for one in FEATURES).with_columns(
                has_stayed_away=pl.int_range(pl.len()) % 2 == 0
            ),
            "no_better_than_average",
        ),
    ],
    ids=["few", "one day", "all stay away", "nothing known", "empty", "nothing to tell them apart"],
)
def test_what_cannot_be_learnt_is_said(past: pl.DataFrame, changed: object, status: str) -> None:
    fit = train(changed(past), FEATURES, SETTINGS)  # type: ignore[operator]
    assert fit.status == status
    scores = score(past.head(2).with_columns(fallback_risk=pl.lit(0.3)), fit)
    assert scores.select("churn_risk", "status").rows() == [(0.3, "simple")] * 2


def test_strange_numbers_have_defined_risks(past: pl.DataFrame) -> None:
    fit = train(past, FEATURES, SETTINGS)
    odd = [float("nan"), float("inf"), -float("inf"), None, -5.0, 1e300, 0.0]
    today = pl.DataFrame({"silence_days": odd, "complaints": odd, "open_rate": odd}, strict=False).with_columns(
        customer_id=pl.format("c_{}", pl.int_range(pl.len())), tenure_days=3650, fallback_risk=pl.lit(0.5)
    )
    scores = score(today, fit)
    assert set(scores["status"]) <= set(STATUSES)
    assert scores["churn_risk"].is_between(0, 1).all()


def test_one_customers_risk_does_not_depend_on_who_is_beside(past: pl.DataFrame) -> None:
    fit = train(past, FEATURES, SETTINGS)
    today = past.head(50).with_columns(fallback_risk=pl.lit(0.5))
    whole = score(today, fit)
    assert pl.concat(score(today[place : place + 7], fit) for place in range(0, 50, 7)).equals(whole)


def test_wrong_input_and_settings_are_refused(past: pl.DataFrame) -> None:
    with pytest.raises(ValueError, match="lack the columns complaints"):
        train(past.drop("complaints"), FEATURES)
    with pytest.raises(ValueError, match="scale of visits is 'cubic', allowed is one of linear, logarithmic, flag"):
        Feature("visits", "cubic")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="horizon_days must be 1 or more"):
        ChurnSettings(horizon_days=0)
    with pytest.raises(ValueError, match="min_customers must be 1 or more"):
        ChurnSettings(min_customers=0)
