"""The warehouse file: opening it, what it knows about runs, and tidying up after a killed one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

if TYPE_CHECKING:
    from orchestration.company import Company

# What dbt-duckdb leaves beside a table when it is killed between two renames.
_LEFTOVERS = ("__dbt_backup", "__dbt_tmp")

# Fact of the state: somebody has built tables with `regulars dbt` since the last publication.
BY_HAND = "built_by_hand"

# What DuckDB says of a file that it cannot make sense of.
_DAMAGED = ("not a valid DuckDB database file", "Corrupt", "checksum", "Serialization Error")

_META = """
CREATE SCHEMA IF NOT EXISTS meta;
CREATE TABLE IF NOT EXISTS meta.run_context (
    run_id VARCHAR, started_at TIMESTAMP, as_of_setting VARCHAR, time_zone VARCHAR, currency VARCHAR,
    country VARCHAR, company_id VARCHAR, company_name VARCHAR
);
CREATE TABLE IF NOT EXISTS meta.gate_passes (load_id VARCHAR, source VARCHAR, passed_at TIMESTAMP);
CREATE TABLE IF NOT EXISTS meta.state (key VARCHAR PRIMARY KEY, value VARCHAR);
"""


class WarehouseError(Exception):
    """The warehouse could not be opened or written; the message says what to do."""


@contextmanager
def open_warehouse(path: Path, company: Company | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the warehouse for writing, in UTC, within the company's memory and threads.

    Args:
        path: The DuckDB file; made when it does not exist.
        company: Gives memory limit and threads; DuckDB's own defaults without it.

    Yields:
        A connection whose `meta` schema exists. It is closed at the end, so that other processes get in.

    Raises:
        WarehouseError: Another process holds the file, it is damaged, or the folder cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        con = duckdb.connect(str(path))
    except duckdb.Error as error:
        raise WarehouseError(_opening_failed(path, str(error))) from error
    try:
        con.execute("SET TimeZone = 'UTC'")
        con.execute("SET preserve_insertion_order = true")
        if company is not None:
            con.execute(f"SET memory_limit = '{company.warehouse.memory_limit}'")
            con.execute(f"SET threads = {int(company.warehouse.threads)}")
        con.execute("SET temp_directory = ?", [str(path.parent / "tmp")])
        make_meta(con)
        yield con
    finally:
        con.close()


def make_meta(con: duckdb.DuckDBPyConnection) -> None:
    """Make the tables of what is known about runs, where they are missing."""
    con.execute(_META)


def _opening_failed(path: Path, reason: str) -> str:
    if "lock" in reason.lower():
        return (
            f"{path}: another process has the warehouse open. Wait for it, or close the program that holds it "
            "(readers should open the published copy instead)."
        )
    if path.exists() and any(words in reason for words in _DAMAGED):
        return (
            f"{path}: the warehouse is damaged, or is no DuckDB file. Put a backup in its place, or move it away: the "
            "next run loads everything again from the files that are still there."
        )
    return f"{path}: the warehouse cannot be opened ({reason.splitlines()[0]}). Check the folder's rights and space."


def write_run_context(con: duckdb.DuckDBPyConnection, company: Company, run_id: str, started_at: datetime) -> None:
    """Write the one row of `meta.run_context` that dbt models read for this run (`started_at` in UTC)."""
    con.execute("BEGIN")
    con.execute("DELETE FROM meta.run_context")
    con.execute(
        "INSERT INTO meta.run_context VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            run_id,
            started_at.astimezone(UTC).replace(tzinfo=None),
            str(company.as_of),
            company.time_zone,
            company.currency,
            company.country,
            company.company.id,
            company.company.name,
        ],
    )
    con.execute("COMMIT")


def read_state(con: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Return the small facts that outlive a run, such as fingerprints of what the tables were built with."""
    return {key: json.loads(value) for key, value in con.execute("SELECT key, value FROM meta.state").fetchall()}


def write_state(con: duckdb.DuckDBPyConnection, facts: Mapping[str, Any]) -> None:
    """Keep facts for the next run; values must be plain JSON."""
    for key, value in facts.items():
        con.execute("INSERT OR REPLACE INTO meta.state VALUES (?, ?)", [key, json.dumps(value)])


def record_gate_pass(
    con: duckdb.DuckDBPyConnection, passed_at: datetime, held_back: Sequence[tuple[str, str]] = ()
) -> None:
    """Remember that every load held now has passed the gate, so that later ones are judged as new.

    Args:
        con: Open on the ledger.
        passed_at: When it passed.
        held_back: Loads that did not: (load_id, source).
    """
    con.execute(
        """
        INSERT INTO meta.gate_passes
        SELECT loads.load_id, loads.source, $passed_at
        FROM ledger.loads AS loads
        ANTI JOIN meta.gate_passes AS passes USING (load_id, source)
        WHERE NOT list_contains($held, struct_pack(load_id := loads.load_id, source := loads.source))
        """,
        {
            "passed_at": passed_at.astimezone(UTC).replace(tzinfo=None),
            "held": [{"load_id": load_id, "source": source} for load_id, source in held_back],
        },
    )


def ledger_mark(con: duckdb.DuckDBPyConnection) -> str:
    """Return a text that changes with every load, also with one that only reads known content in another way."""
    rows = con.execute("SELECT count(*), sum(rows_received), max(loaded_at) FROM ledger.batches").fetchall()
    return " ".join(str(value) for value in rows[0])


def sweep_leftovers(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Drop the tables and views that a killed dbt build left behind, and return their names."""
    rows = con.execute(
        "SELECT table_schema, table_name, table_type FROM information_schema.tables"
        " WHERE table_catalog = current_database()"
    ).fetchall()
    swept = []
    for schema, name, kind in rows:
        if name.endswith(_LEFTOVERS):
            what = "VIEW" if kind == "VIEW" else "TABLE"
            con.execute(f'DROP {what} IF EXISTS "{schema}"."{name}"')
            swept.append(f"{schema}.{name}")
    return swept


def table_sizes(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Return the rows of every table as `{"schema.table": rows}`, from DuckDB's own catalogue."""
    rows = con.execute("SELECT schema_name, table_name, estimated_size FROM duckdb_tables()").fetchall()
    return {f"{schema}.{table}": int(size) for schema, table, size in rows}
