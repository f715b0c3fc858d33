"""Experiments: what the random arms of a campaign differ in, beyond chance, and whether the dealing was as planned.

`analyse` takes sums per arm and outcome and gives differences with intervals, p-values and a verdict in plain words.
"""

from models.experiments.analysis import (
    ARMS_SCHEMA,
    CHECKS_SCHEMA,
    OUTCOMES_SCHEMA,
    RESULTS_SCHEMA,
    Analysis,
    ExperimentSettings,
    Verdict,
    analyse,
)

__all__ = [
    "ARMS_SCHEMA",
    "CHECKS_SCHEMA",
    "OUTCOMES_SCHEMA",
    "RESULTS_SCHEMA",
    "Analysis",
    "ExperimentSettings",
    "Verdict",
    "analyse",
]
