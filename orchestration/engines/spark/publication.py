"""The published copy as Spark writes it: a Parquet snapshot, and a DuckDB file whose tables are views on it.

Readers see the same file name, schema and columns as with the embedded engine. The snapshot lies in the home where the
storage is local; else it stays on the storage, below `published/`, and the home holds a note of where.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.contract import CONTRACT_SCHEMA, ContractTable, find_violations
from orchestration.engines.duckdb_publication import ALIAS, describe, new_publication_file, write_publication_rows
from orchestration.engines.spark.connection import table_names
from orchestration.engines.spark.sql import identifier
from orchestration.home import sync_file, sync_folder
from orchestration.sql import quote, text

if TYPE_CHECKING:
    import duckdb
    from pyspark.sql import SparkSession

    from orchestration.engines.spark.location import Location

LOCATION_NOTE = "LOCATION"


class SparkWriter:
    """Writes the contract tables of a Spark session; see `orchestration.engines.base.PublicationWriter`."""

    def __init__(self, session: SparkSession, location: Location, threads: int) -> None:
        self._session = session
        self._location = location
        self._threads = threads

    def violations(self, names: Sequence[str], contract: Mapping[str, ContractTable]) -> list[str]:
        """Return how the catalogue's tables differ from the contract."""
        known = table_names(self._session, CONTRACT_SCHEMA)
        there = {
            name: {
                field.name: field.dataType.simpleString()
                for field in self._session.table(f"{CONTRACT_SCHEMA}.{name}").schema.fields
            }
            for name in {contract[name].warehouse_name for name in names if name in contract}
            if name in known
        }
        return find_violations(names, contract, there, self._own_type)

    def _own_type(self, name: str) -> str | None:
        from pyspark.errors import PySparkException

        try:
            null = self._session.sql(f"SELECT CAST(NULL AS {name}) AS x")
            return str(null.schema.fields[0].dataType.simpleString())
        except PySparkException:
            return None

    def write(
        self,
        names: Sequence[str],
        contract: Mapping[str, ContractTable],
        publication: Sequence[object],
        *,
        new_file: Path,
        new_parquet: Path,
        snapshot: Path,
    ) -> dict[str, int]:
        """Have Spark write the snapshot, then make the file of views on it."""
        new_parquet.mkdir()
        if self._location.is_local:
            target, seen = new_parquet.as_uri(), str(snapshot)
        else:
            folder = posixpath.join("published", snapshot.name)
            target, seen = self._location.url(folder), self._location.path(folder)
            (new_parquet / LOCATION_NOTE).write_text(seen + "\n", encoding="utf-8")
        # Each small table is a job of its own; side by side they wait for one another less.
        with ThreadPoolExecutor(max_workers=self._threads) as pool:
            own = [name for name in names if contract[name].same_as not in names]
            list(pool.map(lambda name: self._write_table(contract[name], f"{target}/{name}.parquet"), own))
        if self._location.is_local:
            for name in names:
                if name not in own:
                    (new_parquet / f"{name}.parquet").symlink_to(f"{contract[name].same_as}.parquet")
            for file in new_parquet.rglob("*.parquet"):
                if file.is_file():
                    sync_file(file)
        with new_publication_file(new_file) as con:
            self._location.register(con)
            write_publication_rows(con, publication, names, contract, new_parquet)
            new_parquet.rename(snapshot)
            sync_folder(snapshot.parent)
            # Another name of a table reads the table's own folder.
            folders = {name: contract[name].same_as if name not in own else name for name in names}
            rows = {name: _view(con, contract[name], f"{seen}/{folders[name]}.parquet") for name in names}
        sync_file(new_file)
        self._remove_old(snapshot)
        return rows

    def _write_table(self, table: ContractTable, target: str) -> None:
        columns = ", ".join(
            # Without a zone, as DuckDB writes them: every time in the marts is UTC.
            f"CAST({identifier(column.name)} AS TIMESTAMP_NTZ) AS {identifier(column.name)}"
            if column.type.lower() == "timestamp"
            else identifier(column.name)
            for column in table.columns
        )
        query = f"SELECT {columns} FROM {identifier(CONTRACT_SCHEMA, table.warehouse_name)}"  # noqa: S608 - quoted names
        self._session.sql(query).write.option("compression", "zstd").mode("overwrite").parquet(target)

    def _remove_old(self, snapshot: Path) -> None:
        """Remove snapshots on the storage that no folder of the home stands for."""
        if self._location.is_local:
            return
        here = {entry.name for entry in snapshot.parent.iterdir()}
        for folder in self._location.folders("published"):
            if posixpath.basename(folder) not in here:
                self._location.remove(folder)


def _view(con: duckdb.DuckDBPyConnection, table: ContractTable, folder: str) -> int:
    """Make a table of the new file that reads the snapshot, and return its rows, counted from the files written."""
    target = quote(ALIAS, CONTRACT_SCHEMA, table.name)
    columns = ", ".join(quote(column.name) for column in table.columns)
    files = text(f"{folder}/*.parquet")
    con.execute(f"CREATE VIEW {target} AS SELECT {columns} FROM read_parquet({files})")  # noqa: S608 - quoted names
    describe(con, target, table, "VIEW")
    [(rows,)] = con.execute(f"SELECT count(*) FROM {target}").fetchall()  # noqa: S608 - quoted name
    return int(rows)
