"""The predictive models of value on a run: what they read, what they are told, and what is kept of them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import polars as pl

    from models.churn import ChurnSettings
    from models.experiments import ExperimentSettings
    from models.lifetime_value import LifetimeValueSettings
    from orchestration.run import Counts, Run

HISTORY = "scores.model_history"
# Snapshots that the risk to leave is learnt from; of more, a part of the customers is taken.
MOST_SNAPSHOTS = 400_000

_CUSTOMERS = "SELECT * FROM intermediate.int_lifetime_value__input"
_PAST = "SELECT * FROM intermediate.int_lifetime_value__past"
_RHYTHMS = "SELECT * FROM intermediate.int_lifetime_value__rhythms"
_SNAPSHOTS = "FROM intermediate.int_churn__snapshots WHERE has_stayed_away IS NOT NULL"
_TODAY = """
SELECT snapshots.*, scores.probability_silent AS fallback_risk
FROM intermediate.int_churn__snapshots AS snapshots
LEFT JOIN scores.lifetime_value AS scores ON snapshots.customer_id = scores.customer_id
WHERE snapshots.is_as_of
"""
_FEATURES = """
SELECT name, scale, nullif(says_high, '') AS says_high, nullif(says_low, '') AS says_low
FROM reference.churn_features ORDER BY name
"""
_SUBSCRIPTION_COUNTS = """
SELECT periods_per_year, renewals, is_active, count(*) AS count
FROM intermediate.int_subscriptions__input GROUP BY periods_per_year, renewals, is_active
"""
_ARMS = "SELECT * FROM intermediate.int_experiments__arms"
_OUTCOMES = "SELECT * FROM intermediate.int_experiments__outcomes"
_SUBSCRIPTIONS = "SELECT * FROM intermediate.int_subscriptions__input WHERE is_active"


class Forecast(NamedTuple):
    """What a model gives to keep: tables to replace, and its card (model, parameter, value, note)."""

    tables: dict[str, object]
    card: pl.DataFrame


def forecast(run: Run) -> Counts:
    """Fit and score value, the risk to leave and subscriptions, judge experiments; keep scores, checks, model cards."""
    import polars as pl

    orders = _lifetime_value(run)
    # The risk to leave falls back on what lifetime value says, so that must lie in the warehouse.
    run.engine.keep(replace=orders.tables)
    others = [_churn(run), _subscriptions(run)]
    cards = pl.concat([part.card for part in (orders, *others)]).select(
        pl.lit(run.run_id).alias("run_id"), pl.lit(run.started_at).alias("measured_at"), pl.all()
    )
    replace = {table: frame for part in others for table, frame in part.tables.items()} | _experiments(run)
    run.engine.keep(replace=replace, append={HISTORY: cards})
    used = cards.filter((pl.col("model") == "input") & (pl.col("parameter") == "customers"))["value"]
    return {"rows_in": int(used[0]), "rows_out": int(used[0])}


def value_settings(run: Run) -> LifetimeValueSettings:
    """What the company says of value."""
    from models.lifetime_value import LifetimeValueSettings

    thresholds = run.company.thresholds
    return LifetimeValueSettings(
        horizon_months=thresholds.horizon_months,
        discount_rate=thresholds.discount_rate,
        coverage=thresholds.forecast_coverage,
        silent_days=thresholds.churn_days,
    )


def _lifetime_value(run: Run) -> Forecast:
    from models.lifetime_value import expected_orders, score_chunk

    engine = run.engine
    model = engine.fit_lifetime_value(_CUSTOMERS, value_settings(run), engine.frame(_PAST))
    tables = {
        "scores.lifetime_value": engine.map_rows(
            _CUSTOMERS, partial(score_chunk, model=model), "scores.lifetime_value"
        ),
        "scores.expected_orders": engine.map_rows(
            _RHYTHMS, partial(expected_orders, model=model), "scores.expected_orders"
        ),
        "scores.lifetime_value_check": model.check,
        "scores.lifetime_value_check_orders": model.check_orders,
    }
    return Forecast(tables, model.parameters)


def churn_settings(run: Run) -> ChurnSettings:
    """What the company says of leaving."""
    from models.churn import ChurnSettings

    thresholds = run.company.thresholds
    return ChurnSettings(horizon_days=thresholds.churn_days, reasons=thresholds.churn_reasons)


def _churn(run: Run) -> Forecast:
    import polars as pl

    from models.churn import Feature, score, train

    engine, settings = run.engine, churn_settings(run)
    features = [Feature(**row) for row in engine.frame(_FEATURES).iter_rows(named=True)]
    model = train(engine.frame(_sampled(run)), features, settings)
    scores = engine.map_rows(_TODAY, partial(score, model=model, settings=settings), "scores.churn")
    card = model.parameters.select(pl.lit("churn").alias("model"), pl.all())
    return Forecast({"scores.churn": scores, "scores.churn_calibration": model.calibration}, card)


def _sampled(run: Run) -> str:
    """The snapshots to learn from; where there are too many, those of customers whose hash begins low enough."""
    rows = int(run.engine.frame(f"SELECT count(*) AS rows {_SNAPSHOTS}")["rows"][0])
    if rows <= MOST_SNAPSHOTS:
        return f"SELECT * {_SNAPSHOTS}"
    below = f"{int(0xFFFF * MOST_SNAPSHOTS / rows):04x}"
    return f"SELECT * {_SNAPSHOTS} AND substr(md5(customer_id), 1, 4) < '{below}'"


def _subscriptions(run: Run) -> Forecast:
    from models.lifetime_value.subscriptions import fit, score

    model = fit(run.engine.frame(_SUBSCRIPTION_COUNTS), value_settings(run))
    scores = run.engine.map_rows(_SUBSCRIPTIONS, partial(score, model=model), "scores.subscriptions")
    return Forecast({"scores.subscriptions": scores}, model.parameters)


def experiment_settings(run: Run) -> ExperimentSettings:
    """What the company says of experiments."""
    from models.experiments import ExperimentSettings

    thresholds = run.company.thresholds
    return ExperimentSettings(
        sample_ratio_alpha=thresholds.experiment_sample_ratio_alpha,
        min_customers=thresholds.experiment_min_customers,
        min_expected=thresholds.experiment_min_expected,
        min_amounts=thresholds.experiment_min_amounts,
        power=thresholds.experiment_power,
    )


def _experiments(run: Run) -> dict[str, object]:
    """Judged from sums per arm, of which there are few however many customers there are."""
    from models.experiments import analyse

    found = analyse(run.engine.frame(_ARMS), run.engine.frame(_OUTCOMES), experiment_settings(run))
    return {"scores.experiment_checks": found.checks, "scores.experiment_results": found.results}
