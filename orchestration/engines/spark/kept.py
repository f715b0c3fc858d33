"""Tables that Python writes on Spark: folders of Parquet that one commit of the control database makes visible.

A version of a table is a list of folders in `meta.kept_parts`. New folders are written first, then all lists change in
one commit, then the views follow; a kill before the commit leaves folders that nobody names and the next run sweeps, a
kill after it leaves views that the next run points anew.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from orchestration.engines.spark.catalog import typed_frame
from orchestration.engines.spark.sql import identifier, quoted_path

if TYPE_CHECKING:
    import duckdb
    from pyspark.sql import DataFrame, SparkSession

    from orchestration.engines.spark.location import Location

# From so many folders on, an appended table is written anew as one.
MOST_PARTS = 24

_PARTS = """
CREATE SCHEMA IF NOT EXISTS meta;
CREATE TABLE IF NOT EXISTS meta.kept_parts ("table" VARCHAR, position INTEGER, folder VARCHAR);
"""


@dataclass(frozen=True)
class Written:
    """A kept table after a write: its folders in order, and how many rows came."""

    parts: list[str]
    rows: int


@dataclass
class KeptTables:
    """The kept tables of one company.

    Attributes:
        session: Where they are read and written.
        location: Where their folders lie.
        schemas: Per table (`schema.name`) its columns and their SQL types.
    """

    session: SparkSession
    location: Location
    schemas: Mapping[str, Mapping[str, str]]

    def restore(self, con: duckdb.DuckDBPyConnection) -> None:
        """Point every view at its committed folders and remove folders that no commit names."""
        con.execute(_PARTS)
        for table in self.schemas:
            parts = self._parts(con, table)
            self._point(table, parts)
            for folder in self.location.folders(self._root(table)):
                if folder not in parts:
                    self.location.remove(folder)

    def forget(self, con: duckdb.DuckDBPyConnection, tables: Iterable[str]) -> None:
        """Take all rows of some tables away; `restore` then removes their folders."""
        con.execute(_PARTS)
        con.execute('DELETE FROM meta.kept_parts WHERE list_contains(?, "table")', [list(tables)])

    def keep(
        self,
        con: duckdb.DuckDBPyConnection,
        replace: Mapping[str, DataFrame],
        append: Mapping[str, DataFrame],
    ) -> dict[str, Written]:
        """Write frames into new folders and note them in the control connection, which the caller commits.

        Returns:
            What each table now is; hand it to `show` after the commit.
        """
        con.execute(_PARTS)
        written = {table: self._write(con, table, frame, grows=False) for table, frame in replace.items()}
        written |= {table: self._write(con, table, frame, grows=True) for table, frame in append.items()}
        con.execute("BEGIN")
        for table, now in written.items():
            con.execute('DELETE FROM meta.kept_parts WHERE "table" = ?', [table])
            for position, folder in enumerate(now.parts):
                con.execute("INSERT INTO meta.kept_parts VALUES (?, ?, ?)", [table, position, folder])
        con.execute("COMMIT")
        return written

    def _write(self, con: duckdb.DuckDBPyConnection, table: str, frame: DataFrame, *, grows: bool) -> Written:
        before = self._parts(con, table)
        folder = self._new_folder(table)
        self._typed(table, frame).write.mode("overwrite").parquet(self.location.url(folder))
        # Counted from what was written: to count the frame would be to compute it twice.
        rows = self.session.read.parquet(self.location.url(folder)).count()
        if not grows:
            return Written([folder], rows)
        if rows == 0:
            self.location.remove(folder)
            return Written(before, 0)
        if len(before) < MOST_PARTS:
            return Written([*before, folder], rows)
        whole = self._new_folder(table)
        parts = [self.location.url(part) for part in (*before, folder)]
        self.session.read.parquet(*parts).write.mode("overwrite").parquet(self.location.url(whole))
        return Written([whole], rows)

    def show(self, written: Mapping[str, Written]) -> None:
        """Point the views at the committed folders."""
        for table, now in written.items():
            self._point(table, now.parts)

    def frame(self, table: str, rows: Any) -> DataFrame:
        """Return a Polars frame as a Spark frame; a Spark frame stays as it is."""
        import polars as pl

        if not isinstance(rows, pl.DataFrame):
            return rows  # type: ignore[no-any-return]
        return typed_frame(self.session, rows.to_arrow(), self.schemas[table])

    def _typed(self, table: str, frame: DataFrame) -> DataFrame:
        """Columns and types as declared: what the views show does not depend on who wrote a part."""
        from pyspark.sql.functions import col

        return frame.select(*[col(name).cast(kind.lower()).alias(name) for name, kind in self.schemas[table].items()])

    def _parts(self, con: duckdb.DuckDBPyConnection, table: str) -> list[str]:
        rows = con.execute('SELECT folder FROM meta.kept_parts WHERE "table" = ? ORDER BY position', [table])
        return [folder for (folder,) in rows.fetchall()]

    def _point(self, table: str, parts: list[str]) -> None:
        columns = ", ".join(
            f"CAST({identifier(name)} AS {kind}) AS {identifier(name)}" for name, kind in self.schemas[table].items()
        )
        selects = [
            f"SELECT {columns} FROM parquet.{quoted_path(self.location.url(folder))}"  # noqa: S608 - quoted names
            for folder in parts
        ]
        body = " UNION ALL ".join(selects) or self._empty(table)
        self.session.sql(f"CREATE OR REPLACE VIEW {table} AS {body}")

    def _empty(self, table: str) -> str:
        columns = ", ".join(f"CAST(NULL AS {kind}) AS {identifier(name)}" for name, kind in self.schemas[table].items())
        return f"SELECT {columns} WHERE FALSE"

    def _root(self, table: str) -> str:
        return posixpath.join("kept", *table.split("."))

    def _new_folder(self, table: str) -> str:
        return posixpath.join(self._root(table), f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid4().hex[:8]}")
