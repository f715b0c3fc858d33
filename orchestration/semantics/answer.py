"""Works out a metric of one home: from the published copy, or from the warehouse where its table is not published."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from orchestration.published import open_published
from orchestration.semantics.layer import MetricError, SemanticLayer
from orchestration.semantics.query import MetricQuery, metric_query

if TYPE_CHECKING:
    from expectations.connection import Connection
    from orchestration.company import Company
    from orchestration.home import Home

PUBLISHED, WAREHOUSE = "the published copy", "the warehouse"


@dataclass(frozen=True)
class Answer:
    """What a metric came to: one row for each group, the metric last. `read_from` says where its table was."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    unit: str
    as_of: date | None
    query: MetricQuery
    read_from: str


def manifest_of(home: Home, company: Company | None) -> dict[str, Any]:
    """Return dbt's manifest as the last run left it in the home.

    Raises:
        MetricError: there is none, or it cannot be read.
    """
    targets = ("target-spark",) if company and company.warehouse.engine == "spark" else ("target", "target-spark")
    for path in (home.dbt / target / "manifest.json" for target in targets):
        if path.exists():
            return _read(path)
    raise MetricError(f"dbt has not read its project for {home.path} yet. Run: regulars run")


def _read(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise MetricError(f"{path} cannot be read ({type(error).__name__}). Run: regulars dbt parse") from error


def answer(
    home: Home,
    company: Company | None,
    layer: SemanticLayer,
    name: str,
    *,
    by: Sequence[str] = (),
    where: Mapping[str, str] | None = None,
    as_of: date | None = None,
) -> Answer:
    """Work out a metric.

    Args:
        home: Whose copy is read.
        company: Gives the time zone; UTC without it. A table that is not published is read with it only.
        layer: The metrics.
        name: The metric.
        by: Dimensions and at most one grain of time.
        where: Dimension to the value it must have.
        as_of: The last day of trailing windows; the day of the published as_of without it.

    Raises:
        MetricError: it cannot be asked for like this.
        PublishedError: nothing is published yet.
        HomeBusyError: its table is in the warehouse alone, and a run is writing.
    """
    zone = company.time_zone if company else "UTC"
    with open_published(home.published_file) as published:
        moment = next((row.get("as_of") for row in published.rows("publication", limit=1)), None)
        day = as_of or (None if moment is None else _local_day(moment, zone))
        query = metric_query(layer, name, by=by, where=where, as_of=day, time_zone=zone)
        if query.relations <= set(published.columns):
            return _answered(published.con, layer, name, query, day, PUBLISHED)
    if company is None or company.warehouse.engine != "duckdb" or not home.warehouse.exists():
        raise MetricError(
            f"`{name}` is measured on {query.table.schema}.{query.table.relation}, which is not published. "
            "With a company file, and DuckDB as its engine, it is read from the warehouse."
        )
    from orchestration.engines import engine_of

    with home.lock(), engine_of(company, home).reading() as con:
        return _answered(con, layer, name, query, day, WAREHOUSE)


def _local_day(moment: datetime, zone: str) -> date:
    return moment.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).date()


def _answered(
    con: Connection, layer: SemanticLayer, name: str, query: MetricQuery, day: date | None, read_from: str
) -> Answer:
    rows = [tuple(row) for row in con.execute(query.sql, list(query.values)).fetchall()]
    return Answer(query.columns, rows, layer.metric(name).unit, day, query, read_from)
