"""The control database of a store: small tables in memory, kept as one DuckDB file a version.

It holds all tables of some schemas (`ledger`, `meta`) with their keys, and the raw tables as empty shells, so that
code which asks a warehouse for its ledger or its raw columns asks this connection in the same way.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from sources.files.dialect import ident, text

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_VERSION = "regulars_version"

Mark = tuple[tuple[str, str, str, int, int], ...]
"""Schema, table, definition, rows and a sum over the rows' hashes of every table."""


def connect(work: Path, settings: Mapping[str, str | int]) -> DuckDBPyConnection:
    """Return an empty in-memory DuckDB in UTC that spills into the work folder; settings are DuckDB's own."""
    import duckdb

    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    con.execute("SET temp_directory = ?", [str(work)])
    for name, value in settings.items():
        con.execute(f"SET {ident(name)} = ?", [value])
    return con


def _tables(con: DuckDBPyConnection, database: str, schemas: Collection[str]) -> list[tuple[str, str, str]]:
    """Return schema, table and definition of every table that is kept."""
    rows = con.execute(
        "SELECT schema_name, table_name, sql FROM duckdb_tables() WHERE database_name = ? ORDER BY 1, 2", [database]
    ).fetchall()
    return [row for row in rows if row[0] in schemas or _is_raw(row[0])]


def _is_raw(schema: str) -> bool:
    return schema.startswith("raw_")


def mark(con: DuckDBPyConnection, schemas: Collection[str]) -> Mark:
    """Return what tells whether anything changed; a million rows take some tens of milliseconds."""
    found = []
    for schema, table, definition in _tables(con, _current(con), schemas):
        name = f"{ident(schema)}.{ident(table)}"
        rows = con.execute(f"SELECT count(*), coalesce(sum(hash(t)::HUGEINT), 0) FROM {name} AS t").fetchall()  # noqa: S608 - quoted
        found.append((schema, table, definition, *rows[0]))
    return tuple(found)


def _current(con: DuckDBPyConnection) -> str:
    return str(con.execute("SELECT current_database()").fetchall()[0][0])


def save(con: DuckDBPyConnection, file: Path, schemas: Collection[str]) -> None:
    """Write the control database into a new DuckDB file; run it outside a transaction."""
    home = _current(con)
    con.execute(f"ATTACH {text(str(file))} AS {_VERSION}")
    try:
        con.begin()
        try:
            _copy(con, home, _VERSION, schemas)
            con.commit()
        except BaseException:
            con.rollback()
            raise
    finally:
        con.execute(f"USE {ident(home)}")
        con.execute(f"DETACH {_VERSION}")


def load(con: DuckDBPyConnection, file: Path, schemas: Collection[str]) -> None:
    """Fill an empty control database from a version's file.

    Raises:
        duckdb.Error: this DuckDB cannot read the file.
    """
    home = _current(con)
    con.execute(f"ATTACH {text(str(file))} AS {_VERSION} (READ_ONLY)")
    try:
        _copy(con, _VERSION, home, schemas)
    finally:
        con.execute(f"USE {ident(home)}")
        con.execute(f"DETACH {_VERSION}")


def _copy(con: DuckDBPyConnection, origin: str, target: str, schemas: Collection[str]) -> None:
    # Definitions name schema and table only, so they run where the connection stands.
    con.execute(f"USE {ident(target)}")
    for schema, table, definition in _tables(con, origin, schemas):
        con.execute(f"CREATE SCHEMA IF NOT EXISTS {ident(schema)}")
        con.execute(definition)
        if not _is_raw(schema):
            name = f"{ident(schema)}.{ident(table)}"
            con.execute(f"INSERT INTO {ident(target)}.{name} SELECT * FROM {ident(origin)}.{name}")  # noqa: S608 - quoted
