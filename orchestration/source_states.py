"""What the ledger knows of each source, read at the end of a run for the status file.

`regulars sources` shows it from there, because the warehouse is shut while a run writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from expectations.connection import tables_of
from orchestration.report import DriftLine, Problem, SourceState
from sources.files.ledger import has_ledger

if TYPE_CHECKING:
    import duckdb

    from expectations.connection import Connection
    from orchestration.company import Company
    from sources.files.drift import Drift

_KIND_WORDS = {"new_field": "new", "removed_field": "gone", "changed_type": "of another type"}


def states_of(control: duckdb.DuckDBPyConnection, company: Company) -> list[SourceState]:
    """Return one state per source of the company file, in its order; without a ledger they only say who they are.

    Args:
        control: Open on the ledger; read-only will do.
        company: The company file.
    """
    states = [
        SourceState(name, type=source.type, channel=source.channel, label=source.label)
        for name, source in company.sources.items()
    ]
    if not has_ledger(control):
        return states
    loads = _loads(control)
    cursors = _cursors(control)
    files = dict(control.execute("SELECT source, count(*) FROM ledger.files GROUP BY source").fetchall())
    found = []
    for state in states:
        at, load_id, records = loads.get(state.source, (None, None, 0))
        found.append(
            replace(
                state,
                last_load_at=at,
                last_load_id=load_id,
                files=int(files.get(state.source, 0)),
                records=records,
                cursors=cursors.get(state.source, {}),
                drift=_drift(control, state.source),
            )
        )
    return found


def with_newest(con: Connection, states: Sequence[SourceState]) -> list[SourceState]:
    """Return the states with the newest time that a valid record of each source speaks of, as the marts have it.

    Args:
        con: Open on what dbt has built.
        states: The states of the sources.
    """
    columns = tables_of(con, "marts").get("source_loads", ())
    if "newest_at" not in columns:
        return list(states)
    rows = con.execute("SELECT source, max(newest_at) FROM marts.source_loads GROUP BY source").fetchall()
    newest = {source: _utc(at) for source, at in rows}
    return [replace(state, newest_at=newest.get(state.source)) for state in states]


def drift_of_load(control: duckdb.DuckDBPyConnection, source: str, load_id: str) -> list[Drift]:
    """Return the fields that a load of a source brought differently from the loads before it."""
    from sources.files import drift

    return [one for one in drift.drift_of_load(control, load_id) if one.source == source]


def drift_notices(source: str, drift: Sequence[Drift]) -> list[Problem]:
    """Return one notice per dataset whose fields are not what they were: worth knowing, nothing is lost."""
    notices = []
    for dataset in dict.fromkeys(one.dataset for one in drift):
        parts = []
        for kind, words in _KIND_WORDS.items():
            fields = [one.field for one in drift if one.dataset == dataset and one.kind == kind]
            if fields:
                parts.append(f"{words}: {', '.join(fields)}")
        notices.append(
            Problem(
                source=source,
                what=f"The fields of {dataset} are not what they were. {_sentence(parts)}",
                todo="All values are kept. What is new can be mapped in the company file; ask the sender why.",
                is_failure=False,
            )
        )
    return notices


def _sentence(parts: Sequence[str]) -> str:
    words = "; ".join(parts)
    return words[:1].upper() + words[1:] + "."


def drift_lines(drift: Sequence[Drift]) -> list[DriftLine]:
    """Return drift as the report keeps it."""
    return [DriftLine(one.dataset, one.kind, one.field, one.words) for one in drift]


def _drift(control: duckdb.DuckDBPyConnection, source: str) -> list[DriftLine]:
    from sources.files.drift import latest_drift

    datasets = control.execute("SELECT DISTINCT dataset FROM ledger.batches WHERE source = ?", [source]).fetchall()
    return drift_lines([one for (dataset,) in sorted(datasets) for one in latest_drift(control, source, dataset)])


def _loads(control: duckdb.DuckDBPyConnection) -> dict[str, tuple[datetime | None, str, int]]:
    """The time and id of each source's last load, and all its records."""
    rows = control.execute(
        "SELECT source, max(finished_at), max_by(load_id, finished_at), sum(rows)::BIGINT "
        "FROM ledger.loads GROUP BY source"
    ).fetchall()
    return {source: (_utc(at), str(load_id), int(records)) for source, at, load_id, records in rows}


def _cursors(control: duckdb.DuckDBPyConnection) -> dict[str, dict[str, str]]:
    there = control.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE schema_name = 'ledger' AND table_name = 'cursors' "
        "AND database_name = current_database()"
    ).fetchall()
    if not there[0][0]:
        return {}
    found: dict[str, dict[str, str]] = {}
    for source, dataset, cursor in control.execute(
        "SELECT source, dataset, cursor FROM ledger.cursors ORDER BY source, dataset"
    ).fetchall():
        found.setdefault(source, {})[dataset] = cursor
    return found


def _utc(at: datetime | None) -> datetime | None:
    """A time as the warehouse keeps it, with its zone said."""
    return None if at is None else at.replace(tzinfo=UTC)
