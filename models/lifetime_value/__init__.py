"""Lifetime value: how many orders a customer will still place, for how much, and what that is worth today."""

from models.lifetime_value.score import STATUSES, LifetimeValueSettings, score

__all__ = ["STATUSES", "LifetimeValueSettings", "score"]
