"""Reads the published copy, and nothing else: works while a run writes, and whatever tables there are."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration.contract import CONTRACT_SCHEMA
from orchestration.report import GoalLine
from orchestration.sql import quote

if TYPE_CHECKING:
    import duckdb

    from orchestration.company import Company

Row = dict[str, Any]


class PublishedError(RuntimeError):
    """There is no published copy, or it cannot be opened; the text says what to do."""


@contextmanager
def open_published(path: Path) -> Iterator[Published]:
    """Open the published DuckDB file read-only.

    Raises:
        PublishedError: it is not there, may not be read, is no DuckDB file, or turns out to be damaged on the way.
    """
    import duckdb

    why_not = _why_not(path)
    if why_not is not None:
        raise PublishedError(why_not)
    try:
        con = _connected(path)
    except duckdb.Error as error:
        raise PublishedError(f"{path} cannot be opened: it is damaged or cut off. {_MENDS}") from error
    try:
        con.execute("SET TimeZone = 'UTC'")
        yield Published(con)
    except duckdb.Error as error:
        if not _is_damage(error):
            raise
        # Size and time may be as they were, and then a run without --full-refresh finds nothing to mend.
        raise PublishedError(
            f"{path} is damaged: a part of it cannot be read. "
            "Run: regulars run --full-refresh (everything is built and published again)"
        ) from error
    finally:
        con.close()


_MENDS = "Run: regulars run (it publishes the copy again)"
# What DuckDB says when the bytes of a file, or of a Parquet file behind a view, are not those that were written.
_DAMAGE = ("Corrupt", "checksum", "Could not read enough bytes", "Serialization", "No files found", "Parquet", "thrift")


def _why_not(path: Path) -> str | None:
    """Why there is nothing to open, where that can be told without opening it."""
    if path.is_dir():
        return f"{path} is a folder, and the published copy is a file. {_MENDS}; what is in the folder is kept"
    if not path.exists():
        if any(path.parent.glob("parquet-*")):  # the other half of a copy that there was
            return f"{path} is gone; somebody has deleted it. {_MENDS}"
        return f"Nothing is published yet in {path.parent}. Run: regulars run"
    if not os.access(path, os.R_OK):
        return f"{path} may not be read by this user. Ask its owner for the right to read. {_MENDS}"
    return None


def _is_damage(error: Exception) -> bool:
    import duckdb

    return isinstance(error, duckdb.InternalException | duckdb.FatalException) or any(
        words in str(error) for words in _DAMAGE
    )


def _connected(path: Path) -> duckdb.DuckDBPyConnection:
    """A connection for reading.

    DuckDB opens a file by its name three times while it connects: for its first bytes, its headers and its blocks. A
    publication may fall between two of them, and the headers then belong to another file than the blocks. The next
    one is a run away, so a second try finds one file.
    """
    import duckdb

    try:
        con = duckdb.connect(str(path), read_only=True)
    except duckdb.Error:
        con = duckdb.connect(str(path), read_only=True)
    _reach_storage(con)
    return con


def _reach_storage(con: duckdb.DuckDBPyConnection) -> None:
    """Let the connection read a snapshot on remote storage through Python's file systems, without an extension."""
    rows = con.execute(
        "SELECT DISTINCT regexp_extract(sql, '([a-z][a-z0-9+.-]*)://', 1) FROM duckdb_views() "
        "WHERE schema_name = ? AND contains(sql, '://')",
        [CONTRACT_SCHEMA],
    ).fetchall()
    for (scheme,) in rows:
        import fsspec

        con.register_filesystem(fsspec.filesystem(scheme))


class Published:
    """An open published copy. Tables and columns that are absent give no rows and no keys, never an error."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self.con = con

    @cached_property
    def columns(self) -> dict[str, frozenset[str]]:
        """The columns of every published table."""
        found: dict[str, set[str]] = {}
        for name, column in self.con.execute(
            "SELECT table_name, column_name FROM duckdb_columns() WHERE schema_name = ?", [CONTRACT_SCHEMA]
        ).fetchall():
            found.setdefault(name, set()).add(column)
        return {name: frozenset(columns) for name, columns in found.items()}

    def has(self, table: str, *columns: str) -> bool:
        """Whether the table is there with all of these columns."""
        return table in self.columns and self.columns[table].issuperset(columns)

    def rows(
        self,
        table: str,
        where: str = "true",
        values: Sequence[object] = (),
        *,
        order: str = "",
        limit: int | None = None,
    ) -> list[Row]:
        """Rows of a table as dictionaries; an absent table has none.

        Args:
            table: its name in the schema marts.
            where: a condition in SQL with `?` for each of `values`; its columns must be there.
            values: what stands for the question marks.
            order: what follows ORDER BY, if anything.
            limit: how many rows at most.
        """
        if table not in self.columns:
            return []
        query = f"SELECT * FROM {quote(CONTRACT_SCHEMA, table)} WHERE {where}"  # noqa: S608 - quoted name, our own conditions
        if order:
            query += f" ORDER BY {order}"
        if limit is not None:
            query += f" LIMIT {int(limit)}"
        answer = self.con.execute(query, list(values))
        names = [column[0] for column in answer.description or []]
        return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]

    def publication(self) -> tuple[str | None, datetime | None]:
        """The run that is published, and when it was (UTC)."""
        for row in self.rows("publication", limit=1):
            at = row.get("published_at")
            return row.get("run_id"), None if at is None else at.replace(tzinfo=UTC)
        return None, None

    def goals(self, company: Company | None = None) -> list[GoalLine]:
        """The published scorecard; the company file says in which unit each goal is."""
        units = {goal.id: goal.unit for goal in company.goals} if company else {}

        def unit(row: Row) -> str:
            known = row.get("unit") or units.get(row["goal_id"])
            return known or ("share" if (row.get("target") or 0) <= 1 else "count")

        return [
            GoalLine(
                id=row["goal_id"],
                name=row.get("goal_name") or row["goal_id"],
                target=float(row.get("target") or 0),
                actual=None if row.get("actual") is None else float(row["actual"]),
                attainment=None if row.get("attainment") is None else float(row["attainment"]),
                status=row.get("status"),
                unit=unit(row),
            )
            for row in (self.rows("kpi_scorecard") if self.has("kpi_scorecard", "goal_id") else [])
        ]
