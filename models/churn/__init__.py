"""Churn: how likely a customer is to stay away, and why.

`train` learns from snapshots of the past, `score` says what it means today.
"""

from models.churn.features import Feature
from models.churn.model import STATUSES, ChurnFit, ChurnSettings, score, train

__all__ = ["STATUSES", "ChurnFit", "ChurnSettings", "Feature", "score", "train"]
