"""Predictive models through an engine: the frames that dbt made for them, and what the company says."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.lifetime_value import LifetimeValueSettings
    from orchestration.engines.base import Engine, Scored
    from orchestration.run import Run

VALUE_INPUT = "SELECT * FROM intermediate.int_lifetime_value__input"


def score_here(engine: Engine, run: Run) -> Scored:
    """Fit and score on this machine, all customers in memory."""
    from models.lifetime_value import score
    from orchestration.engines.base import Scored

    customers = engine.frame(VALUE_INPUT)
    scores, fit = score(customers, value_settings(run))
    return Scored(customers.height, scores, fit)


def value_settings(run: Run) -> LifetimeValueSettings:
    """What the company says of value."""
    from models.lifetime_value import LifetimeValueSettings

    thresholds = run.company.thresholds
    return LifetimeValueSettings(horizon_months=thresholds.horizon_months, discount_rate=thresholds.discount_rate)
