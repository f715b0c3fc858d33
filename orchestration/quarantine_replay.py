"""Judging again what is in quarantine: as a trial that writes nothing, and through a run that releases it."""

from __future__ import annotations

import io
from collections import Counter
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration.quarantine import TABLE, Filters, QuarantineError, open_quarantine
from orchestration.sql import quote

if TYPE_CHECKING:
    import duckdb

    from orchestration.company import Company
    from orchestration.home import Home
    from orchestration.report import RunReport
    from orchestration.run import Progress, Run

Key = tuple[str, str, str]  # source, entity, reason


@dataclass
class Trial:
    """What a run would do with quarantine.

    Attributes:
        held: Records held now.
        releases: Of these, how many are valid under today's rules and mappings.
        by_reason: (source, entity, reason they are held for) to records that would be released, and that stay.
        stay_for: (source, entity, reason of today) to records that stay for it.
        new_files: Files that wait to be loaded; what they would correct is not among the releases.
    """

    held: int = 0
    releases: int = 0
    by_reason: dict[Key, tuple[int, int]] = field(default_factory=dict)
    stay_for: Counter[Key] = field(default_factory=Counter)
    new_files: int = 0


@dataclass(frozen=True)
class Replay:
    """What a replay did: the run's report, what it released by source, entity and reasons, and what is still held."""

    report: RunReport
    released: list[dict[str, Any]]
    held: int

    @property
    def count(self) -> int:
        """How many records were released."""
        return sum(int(row["records"]) for row in self.released)


def replay(company: Company, home: Home, *, wait_seconds: float = 0.0, progress: Progress | None = None) -> Replay:
    """Run, so that everything that is valid now is released, judged by the gate and published.

    A run finds changed rules, mappings and data by itself. Where it sees nothing new although something would be
    released, everything is built anew.

    Raises:
        HomeBusyError: Another run holds the home.
        QuarantineError: Nothing was ever built.
    """
    from orchestration import pipeline

    report = pipeline.run(company, home, wait_seconds=wait_seconds, progress=progress)
    if (
        report.outcome == "nothing_new"
        and _is_duckdb(company)
        and _held(home, company)
        and trial(company, home).releases
    ):
        report = pipeline.run(company, home, full_refresh=True, wait_seconds=wait_seconds, progress=progress)
    with open_quarantine(home, company) as quarantine:
        return Replay(report, quarantine.released_by(report.run_id), quarantine.total(Filters()))


def trial(company: Company, home: Home, *, wait_seconds: float = 0.0) -> Trial:
    """Judge what is held under today's rules and mappings, in a transaction that is rolled back.

    New files are not loaded, and contact values that a changed mapping brings up have no verdict yet.

    Raises:
        HomeBusyError: A run holds the home.
        QuarantineError: There is no warehouse, or it is on Spark, where nothing can be rolled back.
    """
    if not _is_duckdb(company):
        raise QuarantineError("On Spark nothing can be tried without writing it. Run: regulars quarantine replay")
    if not home.warehouse.exists():
        raise QuarantineError(f"No run yet in {home.path}. Start one: regulars run")
    from orchestration.pending import pending_files
    from orchestration.run import Run

    this = Run(company, home.create())
    with home.lock(wait_seconds=wait_seconds):
        waiting = sum(one.certain for one in pending_files(company, home).values())
        compiled = _compiled(this)
        with this.engine.control() as con:
            con.execute("SET enable_progress_bar = false")
            con.execute("BEGIN")
            try:
                _map_as_today(this, con, compiled)
                found = _judged(con, compiled)
            finally:
                con.execute("ROLLBACK")
    found.new_files = waiting
    return found


def _is_duckdb(company: Company) -> bool:
    return company.warehouse.engine == "duckdb"


def _held(home: Home, company: Company) -> int:
    with open_quarantine(home, company) as quarantine:
        return quarantine.total(Filters())


def _compiled(this: Run) -> dict[str, str]:
    """The SQL of the vendors' views and of every staging model as a whole, by the model's name."""
    with redirect_stdout(io.StringIO()):  # dbt prints what it compiled
        this.dbt.parse()
        this.dbt.invoke(["compile", "--full-refresh", "--select", "path:models/staging", *this.vendor_views])
    folder = this.dbt.target / "compiled" / "regulars" / "models" / "staging"
    names = {*this.vendor_views, *(f"stg_all__{entity}" for entity in _entities())}
    return {path.stem: path.read_text(encoding="utf-8") for path in _sql_files(folder) if path.stem in names}


def _sql_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.sql") if path.is_file())


def _entities() -> list[str]:
    from expectations.catalogue import ENTITIES

    return list(ENTITIES)


def _map_as_today(this: Run, con: duckdb.DuckDBPyConnection, compiled: dict[str, str]) -> None:
    """Put the views of today's company file in the place of those there, within the open transaction."""
    from sources.files.mapping import view_queries
    from sources.received import received_queries

    sources = this.company.sources
    for schema, views in (("mapped", view_queries(con, sources)), ("received", received_queries(con, sources))):
        con.execute(f"CREATE SCHEMA IF NOT EXISTS {quote(schema)}")
        for name, query in views.items():
            con.execute(f"CREATE OR REPLACE VIEW {quote(schema, name)} AS\n{query}")
    for name in this.vendor_views:
        con.execute(f"CREATE OR REPLACE VIEW {quote('staging', name)} AS\n{compiled[name]}")


def _judged(con: duckdb.DuckDBPyConnection, compiled: dict[str, str]) -> Trial:
    """What staging's own SQL says today of the rows that are held."""
    found = Trial()
    held = con.execute(f"SELECT entity, count(*) FROM {TABLE} WHERE released_at IS NULL GROUP BY 1").fetchall()  # noqa: S608 - our own names, quoted values
    by_reason: dict[Key, list[int]] = {}
    for entity, count in held:
        found.held += int(count)
        rows = con.execute(_question(entity, compiled[f"stg_all__{entity}"])).fetchall()
        for source, reasons, today, is_free, records in rows:
            found.releases += records if is_free else 0
            for reason in reasons.split(", "):
                numbers = by_reason.setdefault((source, entity, reason), [0, 0])
                numbers[0 if is_free else 1] += records
            for reason in [] if is_free else (today or reasons).split(", "):
                found.stay_for[source, entity, reason] += records
    found.by_reason = {key: (free, stay) for key, (free, stay) in sorted(by_reason.items())}
    return found


def _question(entity: str, staged: str) -> str:
    """The held records of an entity by source, their reasons, those of today and whether they are valid now.

    A record is judged by its own received row: under its own key, or, where a changed mapping gave it another one,
    under all that was made of the row.
    """
    return f"""
        WITH held AS (
            SELECT source, record_id, batch_id, row_number, reasons, [source || '|' || record_id, record_id] AS keys
            FROM {TABLE} WHERE released_at IS NULL AND entity = '{entity}'
        ), judged AS (
            SELECT
                held.source, held.record_id, held.reasons,
                coalesce(bool_or(staged.is_valid) FILTER (list_contains(held.keys, staged.record_key)),
                         bool_and(staged.is_valid), false) AS is_free,
                coalesce(min(staged.invalid_reasons) FILTER (list_contains(held.keys, staged.record_key)),
                         min(staged.invalid_reasons)) AS today
            FROM held LEFT JOIN (
                SELECT source, batch_id, row_number, record_key, is_valid, invalid_reasons FROM ({staged})
            ) AS staged USING (source, batch_id, row_number)
            GROUP BY ALL
        )
        SELECT source, reasons, today, is_free, count(*) FROM judged GROUP BY ALL
    """  # noqa: S608 - our own names and dbt's SQL
