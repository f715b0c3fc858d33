"""Experiments as they are published, for `regulars experiments`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orchestration.company import Company
    from orchestration.published import Published, Row

SHOWN = ("shown: better", "shown: worse")


@dataclass(frozen=True)
class ExperimentReport:
    """One experiment: rows of experiment_arms and of experiment_results, the control first."""

    id: str
    name: str
    arms: list[Row] = field(default_factory=list)
    results: list[Row] = field(default_factory=list)

    @property
    def control(self) -> str | None:
        """The arm that the others are compared with."""
        return next((arm["arm"] for arm in self.arms if arm["is_control"]), None)

    @property
    def customers(self) -> int:
        """Customers that are compared."""
        return sum(arm["customers"] for arm in self.arms)

    @property
    def ends_at(self) -> datetime | None:
        """When its last window ends (UTC)."""
        return max((arm["ends_at"] for arm in self.arms if arm["ends_at"]), default=None)

    @property
    def status(self) -> str:
        """In a few words: running, the sample ratio is off, no control, or ended."""
        if any(arm["is_running"] for arm in self.arms):
            return "running"
        if any(arm["sample_ratio"] == "off" for arm in self.arms):
            return "sample ratio is off"
        return "no control" if self.control is None else "ended"

    @property
    def shown(self) -> list[Row]:
        """The results whose difference is shown."""
        return [row for row in self.results if row["verdict"] in SHOWN]


def read_experiments(published: Published) -> list[ExperimentReport]:
    """Every published experiment, the one that ended last first."""
    found: dict[str, ExperimentReport] = {}
    order = "experiment_id, is_control DESC, arm"
    for arm in published.rows("experiment_arms", order=order):
        report = found.setdefault(arm["experiment_id"], ExperimentReport(arm["experiment_id"], arm["experiment_name"]))
        report.arms.append(arm)
    outcomes = {"visited": 0, "responded": 1, "converted": 2, "revenue": 3}
    for row in published.rows("experiment_results", order="experiment_id, arm, outcome"):
        if row["experiment_id"] in found:
            found[row["experiment_id"]].results.append(row)
    for report in found.values():
        report.results.sort(
            key=lambda row: (outcomes.get(row["outcome"], len(outcomes)), row["arm"] != row["control_arm"], row["arm"])
        )
    return sorted(found.values(), key=lambda report: (str(report.ends_at or ""), report.id), reverse=True)


def matching(reports: Sequence[ExperimentReport], wanted: str) -> list[ExperimentReport]:
    """The experiments of this id, of this id in the source's own words, or of this name."""
    exact = [report for report in reports if report.id == wanted]
    return exact or [report for report in reports if wanted in (report.id.partition(":")[2], report.name)]


def unknown_to_data(company: Company | None, reports: Sequence[ExperimentReport]) -> list[str]:
    """The experiments of the company file that nobody is assigned to: the id may be misspelt."""
    known = {report.id for report in reports}
    return [one.id for one in company.experiments if one.id not in known] if company else []


def to_json(reports: Sequence[ExperimentReport]) -> str:
    """The experiments with their arms and results as JSON; times in UTC, money as numbers."""

    def plain(value: Any) -> Any:
        if isinstance(value, datetime):
            return f"{value:%Y-%m-%dT%H:%M:%SZ}"
        if isinstance(value, date):
            return value.isoformat()
        if isinstance(value, Decimal):
            return float(value)
        raise TypeError(type(value).__name__)

    def without(rows: list[Row]) -> list[Row]:
        return [
            {name: value for name, value in row.items() if name not in ("experiment_id", "experiment_name")}
            for row in rows
        ]

    told = [
        {
            "experiment_id": report.id,
            "experiment_name": report.name,
            "status": report.status,
            "control": report.control,
            "customers": report.customers,
            "arms": without(report.arms),
            "results": without(report.results),
        }
        for report in reports
    ]
    return json.dumps(told, indent=2, default=plain, ensure_ascii=False)
