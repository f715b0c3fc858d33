"""Predictive models through an engine: the frames that dbt made for them, and what the company says."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from models.identity import IdentityResult
    from models.lifetime_value import LifetimeValueSettings
    from orchestration.engines.base import Engine, Scored
    from orchestration.run import Run

IDENTIFIERS = "SELECT source, source_record_id, kind, value FROM intermediate.int_identity__identifiers"
PREVIOUS = "SELECT source, source_record_id, customer_id, resolved_at FROM identity.customer_records"
VALUE_INPUT = "SELECT * FROM intermediate.int_lifetime_value__input"


def resolve_here(engine: Engine, run: Run) -> tuple[int, IdentityResult]:
    """Resolve on this machine, both frames in memory; return how many identifiers went in, and the result."""
    from models.identity import resolve

    identifiers = engine.frame(IDENTIFIERS)
    return identifiers.height, resolve(identifiers, engine.frame(PREVIOUS), **identity_settings(run))


def identity_settings(run: Run) -> dict[str, Any]:
    """What the company says of joining, as `resolve` takes it."""
    identity = run.company.identity
    moment: datetime = run.started_at.astimezone(UTC).replace(tzinfo=None)
    return {
        "kinds": identity.identifiers,
        "max_records_per_value": identity.max_records_per_value,
        "resolved_at": moment,
    }


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
