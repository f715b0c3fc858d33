"""Where a load puts its rows: what every target can do, and the raw tables of a DuckDB warehouse.

A load of a dataset goes group by group, and within a group step by step: a step is some files that are read
together. An error inside a step takes back that step and nothing else of its group.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Protocol

from sources.files import ledger, tables
from sources.files.cursors import Cursor, record_cursor
from sources.files.dialect import ident
from sources.files.errors import FileProblem, SourceError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


class Sink(Protocol):
    """The target of one load of one source."""

    def begin(self) -> None:
        """Make ready for a load: sweep what a killed one left behind."""

    def group(self, dataset: str) -> AbstractContextManager[None]:
        """Hold the steps of some files of a dataset; when it has ended, all of them are there for good."""

    def step(self) -> AbstractContextManager[None]:
        """Hold what is written together: all of it is there afterwards, or nothing after an error."""

    def refusal(self, batch_id: str) -> FileProblem | None:
        """Return why a batch that is there cannot be replaced in this load."""

    def grow(self, columns: Iterable[str]) -> None:
        """Make room for columns."""

    def replace(self, batch_ids: Sequence[str]) -> None:
        """Let the rows of batches that are read again vanish."""

    def insert(self, names: Sequence[str], select: str, parameters: Sequence[object], rows: int, size: int) -> int:
        """Put the rows of a SELECT into columns that there is room for.

        Args:
            names: of the columns, in the order of the SELECT.
            select: a SELECT statement on the sink's connection.
            parameters: of the statement.
            rows: how many there should be.
            size: of all of them in bytes, roughly.

        Returns:
            How many rows.
        """

    def record(self, batches: Iterable[ledger.Batch]) -> None:
        """Write the ledger of batches whose rows are in."""

    def record_file(self, file: str, known: ledger.KnownFile) -> None:
        """Remember a file whose content is there already."""

    def follow(self, cursor: Cursor | None) -> None:
        """From now on, write this cursor in one transaction with whatever is recorded; None: no cursor."""


class TableSink:
    """Raw tables and ledger in one DuckDB database: a step is one transaction."""

    def __init__(self, con: DuckDBPyConnection, source: str, load_id: str) -> None:
        """Take a connection without an open transaction."""
        self._con = con
        self._source = source
        self._load_id = load_id
        self._dataset = ""
        self._cursor: Cursor | None = None

    def begin(self) -> None:
        """Nothing is left behind by a transaction."""

    @contextmanager
    def group(self, dataset: str) -> Iterator[None]:
        """Name the dataset; each step is there for good at its own end."""
        self._dataset = dataset
        yield

    @contextmanager
    def step(self) -> Iterator[None]:
        """One transaction; an error of the warehouse becomes a SourceError that says what to check."""
        import duckdb

        try:
            self._con.begin()
            try:
                yield
                self._con.commit()
            except BaseException:
                rollback(self._con)
                raise
        except duckdb.Error as error:
            raise SourceError(
                self._source,
                self._dataset,
                self._table,
                f"the warehouse could not write ({type(error).__name__})",
                "Check free disk space, the memory limit and that no other process writes; nothing of this group was "
                "loaded, the next run continues here",
            ) from error

    @property
    def _table(self) -> str:
        return tables.raw_table(self._source, self._dataset)

    def refusal(self, batch_id: str) -> FileProblem | None:
        """Every batch can be replaced."""

    def grow(self, columns: Iterable[str]) -> None:
        """Make the table or add columns to it."""
        tables.grow_table(self._con, self._source, self._dataset, columns)

    def replace(self, batch_ids: Sequence[str]) -> None:
        """Delete the rows of batches."""
        if batch_ids:
            self._con.execute(
                f"DELETE FROM {self._table} WHERE list_contains(?, _batch_id)",  # noqa: S608 - quoted names
                [list(batch_ids)],
            )

    def insert(
        self,
        names: Sequence[str],
        select: str,
        parameters: Sequence[object],
        rows: int,  # noqa: ARG002 - other sinks need it
        size: int,  # noqa: ARG002
    ) -> int:
        """Put rows into the table."""
        written = self._con.execute(
            f"INSERT INTO {self._table} ({', '.join(map(ident, names))}) {select}",
            list(parameters),
        ).fetchall()
        return int(written[0][0])

    def record(self, batches: Iterable[ledger.Batch]) -> None:
        """Write the ledger in the open transaction."""
        ledger.record_batches(self._con, self._source, self._load_id, batches)
        self._record_cursor()

    def record_file(self, file: str, known: ledger.KnownFile) -> None:
        """Remember a file in the open transaction."""
        ledger.record_file(self._con, self._source, self._dataset, file, known)
        self._record_cursor()

    def follow(self, cursor: Cursor | None) -> None:
        """Keep the cursor for the transactions to come."""
        self._cursor = cursor

    def _record_cursor(self) -> None:
        if self._cursor is not None:
            record_cursor(self._con, self._source, self._dataset, self._load_id, self._cursor)


def rollback(con: DuckDBPyConnection) -> None:
    """End a transaction that failed."""
    import duckdb

    try:
        con.rollback()
    except duckdb.Error:
        # A fatal error (a full disk) has ended the transaction already.
        return
