"""The metrics that goals may name: rows of the seed metric_definitions, which analysts extend."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache

from orchestration.dbt import PROJECT_DIR

SEED = PROJECT_DIR / "seeds" / "metric_definitions.csv"


@dataclass(frozen=True)
class Metric:
    """A metric: its unit ('share', 'money' or 'count') and which way is better ('up' or 'down')."""

    unit: str
    direction: str


@cache
def known_metrics() -> dict[str, Metric]:
    """Every metric of the seed, by its id."""
    with SEED.open(encoding="utf-8", newline="") as file:
        return {row["metric"]: Metric(row["unit"], row["direction"]) for row in csv.DictReader(file)}
