"""Rows as Parquet files at a storage location: a group of files is one commit.

Rows of small files gather in a temporary table that DuckDB may spill to disk; a large file streams into a Parquet
file of its own. At the end of a group its Parquet files get their names, then ledger and file list are written to
the control database, then that becomes the version in force: from there on the group counts, before it nothing of it.
"""

from __future__ import annotations

import contextlib
import re
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sources.files import ledger, tables
from sources.files.cursors import Cursor, record_cursor
from sources.files.dialect import ident, text
from sources.files.errors import FileProblem, StoreError
from sources.files.sink import rollback

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from sources.files.store import RawStore

SPOOL_BYTES = 256 << 20
"""Rows of this size or more go to a Parquet file at once."""

# Rows of a row group: memory for some of them is needed at once, so wide rows make smaller groups.
_MOST_ROWS, _FEWEST_ROWS = 122_880, 2_048
_ROW_GROUP_BYTES = 16 << 20
_OURS = re.compile(r"\.?\d{8}T\d{12}-[0-9a-f]{32}\.parquet(\.tmp)?")
_GROUP, _STEP = "regulars_group", "regulars_step"


@dataclass
class _Part:
    """A Parquet file that has not got its name yet; readers do not see it."""

    file: Path
    name: str
    # Of the rows in it, perhaps some more. Filled when the step that wrote it ends.
    batches: list[str]
    rows: int = 0


@dataclass
class _Rows:
    """What a temporary table of rows holds, and the Parquet files that rows went to already."""

    table: str
    columns: dict[str, str] = field(default_factory=dict)
    is_there: bool = False
    rows: int = 0
    size: int = 0
    batches: list[str] = field(default_factory=list)
    parts: list[_Part] = field(default_factory=list)


class ParquetSink:
    """The target of one load at a storage location."""

    def __init__(self, con: DuckDBPyConnection, store: RawStore, source: str, load_id: str) -> None:
        """Take the open control database of a store."""
        self._con = con
        self._store = store
        self._source = source
        self._load_id = load_id
        self._dataset = ""
        # Two spellings of one column are one column; the first counts.
        self._spelling: dict[str, str] = {}
        self._group, self._step = _Rows(_GROUP), _Rows(_STEP)
        self._batches: list[ledger.Batch] = []
        self._step_batches: list[ledger.Batch] = []
        self._files: list[tuple[str, ledger.KnownFile]] = []
        self._replaces = False
        self._cursor: Cursor | None = None

    def begin(self) -> None:
        """Become the one who writes, and delete the raw files of this source that never came to count.

        Raises:
            StoreError: files that count are missing or damaged, or files of others lie among them.
        """
        self._store.claim()
        committed = ledger.raw_files(self._con, self._source)
        found = self._store.storage.sizes(f"raw/{self._source}")
        where = f"{self._store.shown}/raw/{self._source}"
        broken = sorted(path for path, size in committed.items() if found.get(path) != size)
        if broken:
            raise StoreError(
                f"{where}/{broken[0]}",
                f"this raw file is missing or not the one that was written ({len(broken):,} such files)",
                "Put it back from a backup; without one, choose an empty location: everything is loaded again from "
                "the source files that are still there",
            )
        for path in found.keys() - committed.keys():
            name = path.rpartition("/")[2]
            if _OURS.fullmatch(name):
                self._store.storage.delete(f"raw/{self._source}/{path}")
            elif not name.startswith((".", "_")):
                raise StoreError(f"{where}/{path}", "this file was not written by the loader", "Move it elsewhere")

    @contextmanager
    def group(self, dataset: str) -> Iterator[None]:
        """Hold some files of a dataset; at the end they are committed."""
        self._dataset = dataset
        known = tables.received_columns(self._con, self._source, dataset) or ()
        self._spelling = {name.lower(): name for name in known}
        self._group, self._batches, self._files, self._replaces = _Rows(_GROUP), [], [], False
        try:
            yield
            if self._batches or self._files:
                with self._told():
                    self._flush(self._group)
                self._commit()
        finally:
            self._discard(self._group)

    def _commit(self) -> None:
        """Make the group count. Whatever ends the process on the way, all of it counts or nothing."""
        storage = self._store.storage
        files = []
        replaced: list[str] = []
        for part in self._group.parts:
            size = part.file.stat().st_size
            storage.publish(part.file, self._path(part.name))
            files.append(ledger.RawFile(self._dataset, part.name, self._load_id, tuple(part.batches), part.rows, size))
        with self._told():
            self._con.begin()
            try:
                columns = [self._spelling[name.lower()] for batch in self._batches for name in batch.columns]
                tables.grow_table(self._con, self._source, self._dataset, dict.fromkeys(columns))
                ledger.record_batches(self._con, self._source, self._load_id, self._batches)
                for file, known in self._files:
                    ledger.record_file(self._con, self._source, self._dataset, file, known)
                ledger.record_raw_files(self._con, self._source, files)
                if self._cursor is not None:
                    record_cursor(self._con, self._source, self._dataset, self._load_id, self._cursor)
                if self._replaces:
                    replaced = ledger.forget_replaced_raw_files(self._con, self._source, self._dataset)
                self._con.commit()
            except BaseException:
                rollback(self._con)
                raise
        self._store.commit()
        # The commit stands; what cannot be deleted now is swept by the next load.
        with contextlib.suppress(StoreError):
            for name in replaced:
                storage.delete(self._path(name))

    def _path(self, name: str) -> str:
        return f"{self._store.raw_path(self._source, self._dataset)}/{name}"

    @contextmanager
    def step(self) -> Iterator[None]:
        """Hold the rows of some files; after an error none of them is left."""
        self._step, self._step_batches = _Rows(_STEP), []
        try:
            with self._told():
                yield
                self._keep()
        finally:
            self._discard(self._step)

    def _keep(self) -> None:
        """Add what the step wrote to its group."""
        step, group = self._step, self._group
        batches = [batch.batch_id for batch in self._step_batches if batch.rows_received]
        step.batches.extend(batches)
        if step.is_there:
            self._make_room(group, step.columns.values())
            self._con.execute(f"INSERT INTO temp.main.{_GROUP} BY NAME SELECT * FROM temp.main.{_STEP}")  # noqa: S608
            group.rows += step.rows
            group.size += step.size
            group.batches.extend(batches)
        group.parts.extend(step.parts)
        step.parts = []
        self._batches.extend(self._step_batches)
        if group.size >= SPOOL_BYTES:
            self._flush(group)

    def refusal(self, batch_id: str) -> FileProblem | None:
        """Return why a batch cannot be replaced: rows of the same load could not be told apart."""
        if ledger.load_of(self._con, batch_id) != self._load_id:
            return None
        return FileProblem(
            "has content that was read in another way by this same load", "It is read again by the next run"
        )

    def grow(self, columns: Iterable[str]) -> None:
        """Settle how columns are spelled."""
        for name in columns:
            self._spelling.setdefault(name.lower(), name)

    def replace(self, batch_ids: Sequence[str]) -> None:
        """Rows of a batch that is read again stop counting with the commit, as its ledger names another load."""
        self._replaces = self._replaces or bool(batch_ids)

    def insert(self, names: Sequence[str], select: str, parameters: Sequence[object], rows: int, size: int) -> int:
        """Keep rows in the step's table, or stream them into a Parquet file if they are many."""
        step = self._step
        spelled = [self._spelling.get(name.lower(), name) for name in names]
        if size >= SPOOL_BYTES:
            return self._export(step, spelled, select, parameters, rows, size)
        self._make_room(step, (name for name in spelled if name not in tables.technical_columns()))
        written = self._con.execute(
            f"INSERT INTO temp.main.{_STEP} ({', '.join(map(ident, spelled))}) {select}",
            list(parameters),
        ).fetchall()
        step.rows += rows
        step.size += size
        if step.size >= SPOOL_BYTES:
            self._flush(step)
        return int(written[0][0])

    def record(self, batches: Iterable[ledger.Batch]) -> None:
        """Keep the ledger of the step's batches for the commit."""
        self._step_batches.extend(batches)

    def record_file(self, file: str, known: ledger.KnownFile) -> None:
        """Keep a file's ledger for the commit."""
        self._files.append((file, known))

    def follow(self, cursor: Cursor | None) -> None:
        """Keep the cursor for the commits to come."""
        self._cursor = cursor

    def _make_room(self, rows: _Rows, columns: Iterable[str]) -> None:
        new = {name.lower(): name for name in columns if name.lower() not in rows.columns}
        if not rows.is_there:
            spelled = [f"{ident(name)} VARCHAR" for name in new.values()]
            spelled += [f"{ident(name)} {kind}" for name, kind in tables.technical_columns().items()]
            self._con.execute(f"CREATE OR REPLACE TEMP TABLE {rows.table} ({', '.join(spelled)})")
            rows.is_there = True
        else:
            for name in new.values():
                self._con.execute(f"ALTER TABLE temp.main.{rows.table} ADD COLUMN {ident(name)} VARCHAR")
        rows.columns.update(new)

    def _flush(self, rows: _Rows) -> None:
        """Move the rows of a temporary table into a Parquet file."""
        if rows.is_there:
            names = [*rows.columns.values(), *tables.technical_columns()]
            select = f"SELECT {', '.join(map(ident, names))} FROM temp.main.{rows.table}"  # noqa: S608 - quoted names
            self._export(rows, names, select, [], rows.rows, rows.size)
            self._con.execute(f"DROP TABLE temp.main.{rows.table}")
        rows.columns, rows.is_there, rows.rows, rows.size = {}, False, 0, 0
        if rows is self._group:
            rows.batches = []

    def _export(
        self, held: _Rows, names: Sequence[str], select: str, parameters: Sequence[object], rows: int, size: int
    ) -> int:
        """Write the rows of a SELECT into a Parquet file that has every technical column."""
        name = f"{ledger.now():%Y%m%dT%H%M%S%f}-{uuid.uuid4().hex}.parquet"
        file = self._store.storage.part(self._path(name), self._store.work_folder())
        part = _Part(file, name, held.batches)
        held.parts.append(part)
        row_group = min(max(_ROW_GROUP_BYTES * rows // max(size, 1), _FEWEST_ROWS), _MOST_ROWS)
        technical = tables.technical_columns()
        shown = [ident(one) for one in names if one not in technical]
        shown += [ident(one) if one in names else f"NULL::{kind} AS {ident(one)}" for one, kind in technical.items()]
        written = self._con.execute(
            f"COPY (SELECT {', '.join(shown)} FROM ({select}) AS received ({', '.join(map(ident, names))})) "  # noqa: S608
            f"TO {text(str(file))} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {row_group})",
            list(parameters),
        ).fetchall()
        part.rows = int(written[0][0])
        return part.rows

    def _discard(self, rows: _Rows) -> None:
        """Drop the temporary table and the Parquet files without a name."""
        import duckdb

        with contextlib.suppress(duckdb.Error):
            self._con.execute(f"DROP TABLE IF EXISTS temp.main.{rows.table}")
        for part in rows.parts:
            with contextlib.suppress(OSError):
                part.file.unlink(missing_ok=True)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn an error of DuckDB into one that says what to check."""
        import duckdb

        try:
            yield
        except duckdb.Error as error:
            raise StoreError(
                self._store.shown,
                f"rows of {self._source}.{self._dataset} could not be written ({type(error).__name__})",
                "Check free space and rights there and in the work folder, and the memory limit; nothing of this "
                "group was loaded, the next run continues here",
            ) from error
