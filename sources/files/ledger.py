"""The load ledger: which content was loaded when, from which file, with how many rows.

Tables (schema `ledger`):

- `batches`: one row per content of a dataset that was loaded. `batch_id` is a hash of source, dataset and content,
  so the same content is never loaded twice, whatever its name.
- `files`: one row per file name that was seen, with its fingerprint and the batch its content belongs to. Content
  that arrives again under another name gets a row here and none in `batches`.
- `loads`: one row per load and source, written together with the rows it counts.
- `fields`: one row per field of a dataset and kind of value it had (text, number, boolean, object, list, or time in
  Parquet), with the first and the last load that brought it; a field of nothing but nulls has no kind.
- `cursors`: how far an API source's object has been fetched, see `sources.files.cursors`.
- `raw_files`: only at a storage location: the Parquet files that count, with the batches each may hold. A row of one
  counts while `batches` has its (batch_id, load_id).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_TABLES = """
CREATE SCHEMA IF NOT EXISTS ledger;
CREATE TABLE IF NOT EXISTS ledger.batches (
    batch_id VARCHAR PRIMARY KEY, load_id VARCHAR NOT NULL, source VARCHAR NOT NULL, dataset VARCHAR NOT NULL,
    file VARCHAR NOT NULL, size_bytes BIGINT, modified_at TIMESTAMP, content_hash VARCHAR NOT NULL,
    rows_received BIGINT NOT NULL, rows_rejected BIGINT NOT NULL, columns VARCHAR NOT NULL,
    reader VARCHAR NOT NULL, started_at TIMESTAMP NOT NULL, loaded_at TIMESTAMP NOT NULL
);
CREATE TABLE IF NOT EXISTS ledger.files (
    source VARCHAR, dataset VARCHAR, file VARCHAR, fingerprint VARCHAR, reader VARCHAR NOT NULL,
    batch_id VARCHAR NOT NULL, seen_at TIMESTAMP NOT NULL, PRIMARY KEY (source, dataset, file)
);
CREATE TABLE IF NOT EXISTS ledger.failures (
    source VARCHAR, dataset VARCHAR, file VARCHAR, fingerprint VARCHAR, reader VARCHAR NOT NULL,
    problem VARCHAR NOT NULL, fix VARCHAR NOT NULL, failed_at TIMESTAMP NOT NULL, PRIMARY KEY (source, dataset, file)
);
CREATE TABLE IF NOT EXISTS ledger.loads (
    load_id VARCHAR, source VARCHAR, started_at TIMESTAMP NOT NULL, finished_at TIMESTAMP NOT NULL,
    files BIGINT NOT NULL, rows BIGINT NOT NULL, PRIMARY KEY (load_id, source)
);
"""

_RAW_FILES = """
CREATE SCHEMA IF NOT EXISTS ledger;
CREATE TABLE IF NOT EXISTS ledger.raw_files (
    source VARCHAR, dataset VARCHAR, file VARCHAR, load_id VARCHAR NOT NULL, batches VARCHAR[] NOT NULL,
    rows BIGINT NOT NULL, bytes BIGINT NOT NULL, written_at TIMESTAMP NOT NULL, PRIMARY KEY (source, dataset, file)
);
"""

_FIELDS = """
CREATE SCHEMA IF NOT EXISTS ledger;
CREATE TABLE IF NOT EXISTS ledger.fields (
    source VARCHAR, dataset VARCHAR, field VARCHAR, kind VARCHAR, first_load_id VARCHAR NOT NULL,
    first_at TIMESTAMP NOT NULL, last_load_id VARCHAR NOT NULL, last_at TIMESTAMP NOT NULL,
    PRIMARY KEY (source, dataset, field, kind)
);
"""


@dataclass(frozen=True)
class RawFile:
    """One row of `ledger.raw_files`: a Parquet file with rows of one load."""

    dataset: str
    file: str
    load_id: str
    batches: tuple[str, ...]
    rows: int
    bytes: int


@dataclass(frozen=True)
class Batch:
    """One row of `ledger.batches`, before load and times are known.

    `reader` is how the file was read; `kinds` are those of its values by column, None where all are text.
    """

    batch_id: str
    dataset: str
    file: str
    size_bytes: int
    modified_at: dt.datetime | None
    content_hash: str
    rows_received: int
    rows_rejected: int
    columns: tuple[str, ...]
    reader: str
    fingerprint: str | None
    started_at: dt.datetime
    kinds: Mapping[str, Collection[str]] | None = None


@dataclass(frozen=True)
class KnownFile:
    """What the ledger knows of a file name."""

    fingerprint: str | None
    reader: str
    batch_id: str


@dataclass(frozen=True)
class KnownFailure:
    """What the ledger knows of a file that could not be loaded: what it was like, what was wrong, what to do."""

    fingerprint: str | None
    reader: str
    problem: str
    fix: str


def now() -> dt.datetime:
    """Return the time in UTC without a zone, as the ledger stores it."""
    return dt.datetime.now(dt.UTC).replace(tzinfo=None)


def batch_id_of(source: str, dataset: str, content_hash: str) -> str:
    """Return the id of a content in a dataset: 32 hexadecimal characters."""
    joined = "\x1f".join((source, dataset, content_hash))
    return hashlib.blake2b(joined.encode(), digest_size=16).hexdigest()


def ensure_ledger(con: DuckDBPyConnection) -> None:
    """Create the ledger's schema and tables where they are missing."""
    if not has_ledger(con):
        con.begin()
        try:
            con.execute(_TABLES)
            con.commit()
        except BaseException:
            con.rollback()
            raise
    # Warehouses of earlier releases have no such table.
    con.execute(_FIELDS)


def has_fields(con: DuckDBPyConnection) -> bool:
    """Return whether kinds of fields are kept here (also on a read-only connection)."""
    found = con.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE schema_name = 'ledger' AND table_name = 'fields' "
        "AND database_name = current_database()"
    ).fetchall()
    return bool(found[0][0])


def has_ledger(con: DuckDBPyConnection) -> bool:
    """Return whether the ledger's tables are there (also on a read-only connection)."""
    found = con.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE schema_name = 'ledger' "
        "AND database_name = current_database() AND table_name IN ('batches', 'failures', 'files', 'loads')"
    ).fetchall()
    return bool(found[0][0] == 4)


def known_files(con: DuckDBPyConnection, source: str, dataset: str) -> dict[str, KnownFile]:
    """Return the files of a dataset that were loaded, by name; empty without a ledger."""
    if not has_ledger(con):
        return {}
    rows = con.execute(
        "SELECT file, fingerprint, reader, batch_id FROM ledger.files WHERE source = ? AND dataset = ?",
        [source, dataset],
    ).fetchall()
    return {file: KnownFile(fingerprint, reader, batch_id) for file, fingerprint, reader, batch_id in rows}


def known_failures(con: DuckDBPyConnection, source: str, dataset: str) -> dict[str, KnownFailure]:
    """Return the files of a dataset that could not be loaded the last time, by name; empty without a ledger."""
    if not has_ledger(con):
        return {}
    rows = con.execute(
        "SELECT file, fingerprint, reader, problem, fix FROM ledger.failures WHERE source = ? AND dataset = ?",
        [source, dataset],
    ).fetchall()
    return {file: KnownFailure(*rest) for file, *rest in rows}


def record_failure(con: DuckDBPyConnection, source: str, dataset: str, file: str, failure: KnownFailure | None) -> None:
    """Remember that a file could not be loaded, or, with None, forget that it once could not."""
    if failure is None:
        con.execute(
            "DELETE FROM ledger.failures WHERE source = ? AND dataset = ? AND file = ?", [source, dataset, file]
        )
        return
    con.execute(
        "INSERT OR REPLACE INTO ledger.failures VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [source, dataset, file, failure.fingerprint, failure.reader, failure.problem, failure.fix, now()],
    )


def loaded_batches(con: DuckDBPyConnection, source: str, dataset: str) -> dict[str, str]:
    """Return batch id to reader of everything loaded for a dataset."""
    rows = con.execute(
        "SELECT batch_id, reader FROM ledger.batches WHERE source = ? AND dataset = ?", [source, dataset]
    ).fetchall()
    return dict(rows)


def record_file(con: DuckDBPyConnection, source: str, dataset: str, file: str, known: KnownFile) -> None:
    """Remember a file name with its fingerprint and batch; run it inside the caller's transaction."""
    con.execute(
        "INSERT OR REPLACE INTO ledger.files VALUES (?, ?, ?, ?, ?, ?, ?)",
        [source, dataset, file, known.fingerprint, known.reader, known.batch_id, now()],
    )


def record_batches(con: DuckDBPyConnection, source: str, load_id: str, batches: Iterable[Batch]) -> None:
    """Write batches, their files and the load's counts; run it inside the transaction that wrote the rows."""
    written = list(batches)
    if not written:
        return
    loaded_at = now()
    rows = [
        {
            "batch_id": one.batch_id,
            "load_id": load_id,
            "source": source,
            "dataset": one.dataset,
            "file": one.file,
            "size_bytes": one.size_bytes,
            "modified_at": None if one.modified_at is None else one.modified_at.replace(tzinfo=None),
            "content_hash": one.content_hash,
            "rows_received": one.rows_received,
            "rows_rejected": one.rows_rejected,
            "columns": json.dumps(one.columns, ensure_ascii=False),
            "reader": one.reader,
            "started_at": one.started_at,
            "loaded_at": loaded_at,
        }
        for one in written
    ]
    _append(
        con,
        "INSERT INTO ledger.batches BY NAME SELECT * FROM regulars_rows ON CONFLICT (batch_id) DO UPDATE SET "
        "load_id = excluded.load_id, file = excluded.file, rows_received = excluded.rows_received, "
        "rows_rejected = excluded.rows_rejected, columns = excluded.columns, reader = excluded.reader, "
        "started_at = excluded.started_at, loaded_at = excluded.loaded_at",
        rows,
    )
    files = [
        {
            "source": source,
            "dataset": one.dataset,
            "file": one.file,
            "fingerprint": one.fingerprint,
            "reader": one.reader,
            "batch_id": one.batch_id,
            "seen_at": loaded_at,
        }
        for one in written
    ]
    _append(con, "INSERT OR REPLACE INTO ledger.files BY NAME SELECT * FROM regulars_rows", files)
    _record_fields(con, source, load_id, loaded_at, written)
    started = min(one.started_at for one in written)
    received = sum(one.rows_received for one in written)
    con.execute(
        "INSERT INTO ledger.loads VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (load_id, source) DO UPDATE SET "
        "finished_at = excluded.finished_at, files = files + excluded.files, rows = rows + excluded.rows",
        [load_id, source, started, loaded_at, len(written), received],
    )


def _record_fields(
    con: DuckDBPyConnection, source: str, load_id: str, loaded_at: dt.datetime, batches: Iterable[Batch]
) -> None:
    """Remember which kinds of values the fields of some batches had."""
    seen = {
        (one.dataset, name, kind)
        for one in batches
        for name, kinds in (dict.fromkeys(one.columns, ("text",)) if one.kinds is None else one.kinds).items()
        for kind in kinds
    }
    if not seen:
        return
    rows = [
        {
            "source": source,
            "dataset": dataset,
            "field": name,
            "kind": kind,
            "first_load_id": load_id,
            "first_at": loaded_at,
            "last_load_id": load_id,
            "last_at": loaded_at,
        }
        for dataset, name, kind in sorted(seen)
    ]
    _append(
        con,
        "INSERT INTO ledger.fields BY NAME SELECT * FROM regulars_rows ON CONFLICT (source, dataset, field, kind) "
        "DO UPDATE SET last_load_id = excluded.last_load_id, last_at = excluded.last_at",
        rows,
    )


def ensure_raw_files(con: DuckDBPyConnection) -> None:
    """Create the list of raw files where it is missing."""
    con.execute(_RAW_FILES)


def raw_files(con: DuckDBPyConnection, source: str) -> dict[str, int]:
    """Return `dataset/file` to bytes of every raw file of a source that counts."""
    rows = con.execute("SELECT dataset, file, bytes FROM ledger.raw_files WHERE source = ?", [source]).fetchall()
    return {f"{dataset}/{file}": size for dataset, file, size in rows}


def raw_file_counts(con: DuckDBPyConnection) -> list[tuple[str, str, int, int]]:
    """Return source, dataset, files and rows in them for every dataset with raw files."""
    rows = con.execute(
        "SELECT source, dataset, count(*), sum(rows)::BIGINT FROM ledger.raw_files GROUP BY source, dataset"
    ).fetchall()
    return [(source, dataset, files, held) for source, dataset, files, held in rows]


def record_raw_files(con: DuckDBPyConnection, source: str, files: Iterable[RawFile]) -> None:
    """Remember raw files; run it inside the transaction that writes their batches."""
    for one in files:
        con.execute(
            "INSERT INTO ledger.raw_files VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [source, one.dataset, one.file, one.load_id, list(one.batches), one.rows, one.bytes, now()],
        )


def forget_replaced_raw_files(con: DuckDBPyConnection, source: str, dataset: str) -> list[str]:
    """Forget the raw files of which no row counts any more, and return their names."""
    rows = con.execute(
        "DELETE FROM ledger.raw_files AS held WHERE source = ? AND dataset = ? AND NOT EXISTS ("
        "SELECT 1 FROM ledger.batches AS b WHERE b.source = held.source AND b.dataset = held.dataset "
        "AND b.load_id = held.load_id AND list_contains(held.batches, b.batch_id)) RETURNING file",
        [source, dataset],
    ).fetchall()
    return [file for (file,) in rows]


def load_of(con: DuckDBPyConnection, batch_id: str) -> str | None:
    """Return the load that a batch was read by, None if it was not."""
    rows = con.execute("SELECT load_id FROM ledger.batches WHERE batch_id = ?", [batch_id]).fetchall()
    return rows[0][0] if rows else None


def _append(con: DuckDBPyConnection, statement: str, rows: Sequence[Mapping[str, object]]) -> None:
    """Run one INSERT over many rows (one statement a row would take a second for 300 files)."""
    import pyarrow as pa

    con.register("regulars_rows", pa.Table.from_pylist(list(rows)))
    try:
        con.execute(statement)
    finally:
        con.unregister("regulars_rows")
