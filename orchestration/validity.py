"""What the gate measured, as data: for `regulars validity`, the history, Dagster's pages and Data Docs.

Each judgement writes one report to `<home>/validity.json`, also one that stops the run, so that it can be read while a
run writes; and appends to quality.validity_history, which outlives every rebuild.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl
    from pydantic import TypeAdapter

    from expectations.connection import Connection
    from expectations.verdict import GateResult
    from orchestration.home import Home
    from orchestration.run import Run

HISTORY = "quality.validity_history"
_FILE = "validity.json"


@dataclass(frozen=True)
class SourceIndex:
    """The index of a source, or of `all`, over everything held; shares from 0 to 1.

    `trend` has the index of the last judgements, oldest first, this one included. `below_goal` is what happens below a
    goal of its own; None without one.
    """

    source: str
    validity: float
    goal: float
    records: int
    below_goal: str | None = None
    is_held_back: bool = False
    trend: list[float] = field(default_factory=list)

    @property
    def is_met(self) -> bool:
        """Whether the goal is reached."""
        return self.validity >= self.goal


@dataclass(frozen=True)
class FieldIndex:
    """The index of one field of one entity of a source; `field` is `all` for the entity as a whole."""

    source: str
    entity: str
    field: str
    validity: float


@dataclass(frozen=True)
class RuleState:
    """One rule on one source: how many records fail it, and what mending it would bring.

    `gain` are points (hundredths) that the overall index gains when every record passes, `gain_of_source` those of the
    source's own index.
    """

    source: str
    entity: str
    field: str
    rule: str
    dimension: str
    severity: str
    says: str
    weight: float
    records: int
    failed: int
    gain: float
    gain_of_source: float


@dataclass(frozen=True)
class LoadIndex:
    """The index of one load of one source."""

    load_id: str
    source: str
    validity: float
    records: int
    started_at: datetime | None = None
    is_held_back: bool = False


@dataclass
class ValidityReport:
    """What one judgement found; `sources` starts with `all`, `rules` are those that fail, dearest first."""

    run_id: str
    measured_at: datetime
    passed: bool
    message: str
    goal: float
    sources: list[SourceIndex] = field(default_factory=list)
    fields: list[FieldIndex] = field(default_factory=list)
    rules: list[RuleState] = field(default_factory=list)
    loads: list[LoadIndex] = field(default_factory=list)

    def to_json(self) -> str:
        """The report as indented JSON; `from_json` reads it back without loss."""
        return _adapter().dump_json(self, indent=2).decode()

    @staticmethod
    def from_json(text: str | bytes) -> ValidityReport:
        """Read a report written by `to_json`.

        Raises:
            ValueError: The text is no JSON or no report.
        """
        return _adapter().validate_json(text)


@cache
def _adapter() -> TypeAdapter[ValidityReport]:
    from pydantic import TypeAdapter

    return TypeAdapter(ValidityReport)


def keep_report(home: Home, report: ValidityReport) -> None:
    """Write the report of the last judgement.

    Raises:
        HomeError: The home cannot be written.
    """
    home.write_text(_FILE, report.to_json())


def last_report(home: Home) -> ValidityReport | None:
    """Return the report of the last judgement; None before the first.

    Raises:
        HomeError: It cannot be read.
    """
    from orchestration.home import HomeError

    text = home.read_text(_FILE)
    try:
        return None if text is None else ValidityReport.from_json(text)
    except ValueError as error:
        raise HomeError(f"{home.path / _FILE} is no report. Delete it; the next run writes a new one.") from error


def read_validity(con: Connection, run: Run, verdict: GateResult) -> ValidityReport:
    """Return what a judgement found, from the tables of the staging phase.

    Args:
        con: Open on what dbt has built.
        run: The run that judged.
        verdict: What the gate said.
    """
    own = {line.source: line for line in verdict.sources}
    sources = []
    for source, validity, goal, records in con.execute(
        "SELECT source, CAST(validity AS DOUBLE), goal, records FROM marts.data_validity_index "
        "WHERE load_id = 'all' ORDER BY CASE WHEN source = 'all' THEN 0 ELSE 1 END, source"
    ).fetchall():
        line = own.get(source)
        sources.append(
            SourceIndex(
                source, float(validity), float(goal), int(records),
                below_goal=line.below_goal if line else None,
                is_held_back=bool(line and line.is_held_back),
                trend=list(line.trend if line else verdict.trend),
            )
        )  # fmt: skip
    return ValidityReport(
        run_id=run.run_id,
        measured_at=run.started_at,
        passed=verdict.passed,
        message=verdict.message,
        goal=verdict.goal,
        sources=sources,
        fields=_fields(con),
        rules=_rules(con),
        loads=_loads(con),
    )


def history_rows(con: Connection, run: Run, *, passed: bool) -> pl.DataFrame:
    """Return what this judgement adds to the history.

    Columns: run_id, measured_at (UTC), source, entity, rule, records, failed_records, validity, weight, goal, passed.
    Grain: source, entity and rule; rows of the index have `all` in the place of entity and rule, and no weight.
    """
    import polars as pl

    index = con.execute(
        "SELECT source, 'all', 'all', records, CAST(NULL AS BIGINT), CAST(validity AS DOUBLE), CAST(NULL AS DOUBLE), "
        "goal FROM marts.data_validity_index WHERE load_id = 'all'"
    ).fetchall()
    rules = con.execute(
        "SELECT source, entity, rule, records, records - valid_records, valid_records / CAST(records AS DOUBLE), "
        "weight, CAST(NULL AS DOUBLE) FROM quality.int_quality__rule_counts WHERE load_id = 'all'"
    ).fetchall()
    names = ("source", "entity", "rule", "records", "failed_records", "validity", "weight", "goal")
    types: dict[str, Any] = dict.fromkeys(names[:3], pl.String) | dict.fromkeys(names[3:5], pl.Int64)
    types |= dict.fromkeys(names[5:], pl.Float64)
    frame = pl.DataFrame([*index, *rules], schema=types, orient="row").sort("source", "entity", "rule")
    return frame.with_columns(
        pl.lit(run.run_id).alias("run_id"),
        pl.lit(run.started_at.replace(tzinfo=None)).cast(pl.Datetime("us")).alias("measured_at"),
        pl.lit(passed).alias("passed"),
    )


def _fields(con: Connection) -> list[FieldIndex]:
    rows = con.execute(
        "SELECT source, entity, field, CAST(validity AS DOUBLE) FROM marts.data_validity_by_field "
        "WHERE load_id = 'all' ORDER BY source, entity, CASE WHEN field = 'all' THEN 0 ELSE 1 END, field"
    ).fetchall()
    return [FieldIndex(source, entity, name, float(validity)) for source, entity, name, validity in rows]


def _rules(con: Connection) -> list[RuleState]:
    rows = con.execute(
        "SELECT source, entity, field, rule, dimension, severity, says, CAST(weight AS DOUBLE), records, "
        "failed_records, CAST(points_lost AS DOUBLE), CAST(points_lost_of_source AS DOUBLE) "
        "FROM quality.validity_ranking WHERE load_id = 'all' ORDER BY rank_in_scope"
    ).fetchall()
    return [RuleState(*row) for row in rows]


def _loads(con: Connection) -> list[LoadIndex]:
    """The last loads, newest first."""
    rows = con.execute(
        """
        SELECT i.load_id, i.source, CAST(i.validity AS DOUBLE), i.records, min(l.started_at), max(l.is_held_back)
        FROM marts.data_validity_index AS i
        INNER JOIN marts.source_loads AS l ON i.load_id = l.load_id AND i.source = l.source
        GROUP BY i.load_id, i.source, i.validity, i.records
        ORDER BY 5 DESC, 1 DESC, 2
        LIMIT 20
        """
    ).fetchall()
    return [LoadIndex(load, source, float(v), int(n), at, bool(held)) for load, source, v, n, at, held in rows]
