"""The ledger's cursors: how far the objects of API sources have been fetched.

Table `ledger.cursors`: one row per source and dataset, written in the transaction that writes the rows it counts for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sources.files.ledger import now

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_CURSORS = """
CREATE SCHEMA IF NOT EXISTS ledger;
CREATE TABLE IF NOT EXISTS ledger.cursors (
    source VARCHAR, dataset VARCHAR, cursor VARCHAR NOT NULL, start VARCHAR, recent VARCHAR NOT NULL,
    load_id VARCHAR NOT NULL, updated_at TIMESTAMP NOT NULL, PRIMARY KEY (source, dataset)
);
"""


@dataclass(frozen=True)
class Cursor:
    """One row of `ledger.cursors`.

    Attributes:
        at: newest time of change that was loaded, ISO 8601 in UTC.
        start: the day that everything was fetched from, ISO 8601; None for the very beginning.
        recent: hashes of the records within the look-back before `at`, which will be delivered again.
    """

    at: str
    start: str | None = None
    recent: tuple[str, ...] = ()


def ensure_cursors(con: DuckDBPyConnection) -> None:
    """Create the list of cursors where it is missing."""
    con.execute(_CURSORS)


def cursor_of(con: DuckDBPyConnection, source: str, dataset: str) -> Cursor | None:
    """Return how far a dataset has been fetched, None where it never was; run `ensure_cursors` before."""
    rows = con.execute(
        "SELECT cursor, start, recent FROM ledger.cursors WHERE source = ? AND dataset = ?", [source, dataset]
    ).fetchall()
    return Cursor(rows[0][0], rows[0][1], tuple(rows[0][2].split())) if rows else None


def record_cursor(con: DuckDBPyConnection, source: str, dataset: str, load_id: str, cursor: Cursor) -> None:
    """Remember how far a dataset has been fetched; run it inside the transaction that wrote the rows."""
    con.execute(
        "INSERT OR REPLACE INTO ledger.cursors VALUES (?, ?, ?, ?, ?, ?, ?)",
        [source, dataset, cursor.at, cursor.start, " ".join(cursor.recent), load_id, now()],
    )
