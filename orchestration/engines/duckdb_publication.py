"""The published copy as DuckDB writes it: tables of their own in a new file, and one Parquet file for each."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.contract import (
    CONTRACT_SCHEMA,
    PUBLICATION_TABLE,
    VERSIONS_COLUMNS,
    VERSIONS_TABLE,
    ContractTable,
    find_violations,
    version_rows,
)
from orchestration.home import sync_file, sync_folder
from orchestration.sql import quote, text

if TYPE_CHECKING:
    import duckdb

# Drivers of the 1.x line, which BI tools still carry, read this version and older ones.
STORAGE_VERSION = "v1.2.0"
ALIAS = "regulars_publication"


class DuckDBWriter:
    """Copies the contract tables of an open warehouse; see `orchestration.engines.base.PublicationWriter`."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self._con = con

    def violations(self, names: Sequence[str], contract: Mapping[str, ContractTable]) -> list[str]:
        """Return how the warehouse's tables differ from the contract."""
        there: dict[str, dict[str, str]] = {}
        for table, column, kind in self._con.execute(
            "SELECT table_name, column_name, data_type FROM duckdb_columns() "
            "WHERE database_name = current_database() AND schema_name = ? ORDER BY table_name, column_index",
            [CONTRACT_SCHEMA],
        ).fetchall():
            there.setdefault(table, {})[column] = kind
        return find_violations(names, contract, there, self._own_type)

    def _own_type(self, name: str) -> str | None:
        """DuckDB's own spelling of a type (`text` is VARCHAR)."""
        import duckdb

        try:
            return str(self._con.sqltype(name))
        except duckdb.Error:
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
        """Copy the tables into the new file and from there into Parquet files."""
        with _attached(self._con, new_file):
            rows = _copy(self._con, names, contract, publication)
            _write_parquet(self._con, names, contract, new_parquet)
        sync_file(new_file)
        new_parquet.rename(snapshot)
        return rows


@contextlib.contextmanager
def new_publication_file(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that has the new file attached as `ALIAS`, with an empty schema marts."""
    import duckdb

    with duckdb.connect() as con, _attached(con, path):
        con.execute(f"CREATE SCHEMA {quote(ALIAS, CONTRACT_SCHEMA)}")
        yield con


@contextlib.contextmanager
def _attached(con: duckdb.DuckDBPyConnection, path: Path) -> Iterator[None]:
    """The new file as a second database of the connection; written out and let go at the end, whatever happens."""
    con.execute(f"ATTACH {text(str(path))} AS {quote(ALIAS)} (STORAGE_VERSION {text(STORAGE_VERSION)})")
    try:
        yield
        con.execute(f"CHECKPOINT {quote(ALIAS)}")
    finally:
        con.execute(f"DETACH DATABASE IF EXISTS {quote(ALIAS)}")


def _copy(
    con: duckdb.DuckDBPyConnection,
    names: Sequence[str],
    contract: Mapping[str, ContractTable],
    publication: Sequence[object],
) -> dict[str, int]:
    """Copy all tables in one transaction, so that no two of them can stem from different moments."""
    [(warehouse,)] = con.execute("SELECT current_database()").fetchall()
    rows: dict[str, int] = {}
    con.execute("BEGIN")
    try:
        con.execute(f"CREATE SCHEMA {quote(ALIAS, CONTRACT_SCHEMA)}")
        other_names = [name for name in names if contract[name].same_as in names]
        for name in [name for name in names if name not in other_names]:
            target = quote(ALIAS, CONTRACT_SCHEMA, name)
            columns = ", ".join(quote(column.name) for column in contract[name].columns)
            source = quote(warehouse, CONTRACT_SCHEMA, contract[name].warehouse_name)
            con.execute(f"CREATE TABLE {target} AS SELECT {columns} FROM {source}")  # noqa: S608 - quoted names
            [(rows[name],)] = con.execute(f"SELECT count(*) FROM {target}").fetchall()  # noqa: S608 - quoted names
            describe(con, target, contract[name])
        for name in other_names:
            same = contract[name].same_as or name
            target = quote(ALIAS, CONTRACT_SCHEMA, name)
            # Without the name of the database: readers open the file under another.
            con.execute(f"CREATE VIEW {target} AS SELECT * FROM {quote(CONTRACT_SCHEMA, same)}")  # noqa: S608 - quoted names
            rows[name] = rows[same]
            describe(con, target, contract[name], "VIEW")
        _write_publication(con, publication, names, contract)
        con.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(Exception):  # the first error is the one to tell
            con.execute("ROLLBACK")
        raise
    return rows


def _write_publication(
    con: duckdb.DuckDBPyConnection,
    publication: Sequence[object],
    names: Iterable[str],
    contract: Mapping[str, ContractTable],
) -> None:
    """Write what readers are told of the copy itself: which run it is, and how long each table is served."""
    target = quote(ALIAS, CONTRACT_SCHEMA, PUBLICATION_TABLE)
    con.execute(f"CREATE TABLE {target} (run_id VARCHAR, published_at TIMESTAMP, as_of TIMESTAMP, version VARCHAR)")
    con.execute(f"INSERT INTO {target} VALUES (?, ?, ?, ?)", publication)  # noqa: S608 - quoted names
    target = quote(ALIAS, CONTRACT_SCHEMA, VERSIONS_TABLE)
    con.execute(f"CREATE TABLE {target} ({', '.join(f'{quote(n)} {kind}' for n, kind in VERSIONS_COLUMNS.items())})")
    published_at = publication[1]
    if not isinstance(published_at, datetime):
        raise TypeError("the second value of a publication is the moment it was made")
    values = version_rows(names, contract, published_at.date())
    if values:
        places = ", ".join("?" for _ in VERSIONS_COLUMNS)
        con.executemany(f"INSERT INTO {target} VALUES ({places})", values)  # noqa: S608 - quoted names


def write_publication_rows(
    con: duckdb.DuckDBPyConnection,
    publication: Sequence[object],
    names: Iterable[str],
    contract: Mapping[str, ContractTable],
    folder: Path,
) -> None:
    """Write marts.publication and marts.contract_versions into the attached file and beside the other Parquet files."""
    _write_publication(con, publication, names, contract)
    for name in (PUBLICATION_TABLE, VERSIONS_TABLE):
        _write_parquet_file(con, name, folder / f"{name}.parquet")


def describe(con: duckdb.DuckDBPyConnection, target: str, table: ContractTable, kind: str = "TABLE") -> None:
    """Give BI tools the descriptions of the contract as comments; `kind` is TABLE or VIEW."""
    if table.description:
        con.execute(f"COMMENT ON {kind} {target} IS {text(table.description)}")
    for column in table.columns:
        if column.description:
            con.execute(f"COMMENT ON COLUMN {target}.{quote(column.name)} IS {text(column.description)}")


def _write_parquet(
    con: duckdb.DuckDBPyConnection, names: Sequence[str], contract: Mapping[str, ContractTable], folder: Path
) -> None:
    """One Parquet file for each table, taken from the copy, so that both say the same."""
    folder.mkdir()
    other_names = [name for name in names if contract[name].same_as in names]
    for name in [*(name for name in names if name not in other_names), PUBLICATION_TABLE, VERSIONS_TABLE]:
        _write_parquet_file(con, name, folder / f"{name}.parquet")
    for name in other_names:
        (folder / f"{name}.parquet").symlink_to(f"{contract[name].same_as}.parquet")
    sync_folder(folder)


def _write_parquet_file(con: duckdb.DuckDBPyConnection, name: str, file: Path) -> None:
    source = quote(ALIAS, CONTRACT_SCHEMA, name)
    con.execute(f"COPY {source} TO {text(str(file))} (FORMAT parquet, COMPRESSION zstd)")
    sync_file(file)
