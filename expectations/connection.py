"""What the gate asks of a connection to the warehouse, whichever engine is behind it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol


class Result(Protocol):
    """What a statement gives back."""

    @property
    def description(self) -> Sequence[Any]:
        """One entry per column, of which the first part is the column's name."""

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Return all rows."""


class Connection(Protocol):
    """An open connection: DuckDB's own, or one to another engine that works like it.

    One to another engine also has `tables(schema)`, which returns the columns of each table by its name, and takes
    identifiers in backticks.
    """

    def execute(self, query: str, parameters: Sequence[object] = ..., /) -> Result:
        """Run one statement in which each `?` stands for one parameter."""


def tables_of(con: Connection, schema: str) -> dict[str, list[str]]:
    """Return the columns of every table and view of a schema, by name; none for a schema that is not there."""
    listing = getattr(con, "tables", None)
    if listing is not None:
        found: dict[str, list[str]] = listing(schema)
        return found
    columns = con.execute(
        "SELECT table_name, column_name FROM information_schema.columns "
        "WHERE table_catalog = current_database() AND table_schema = ? ORDER BY table_name, ordinal_position",
        [schema],
    ).fetchall()
    tables: dict[str, list[str]] = {}
    for table, column in columns:
        tables.setdefault(table, []).append(column)
    return tables


def has_table(con: Connection, schema: str, table: str) -> bool:
    """Return whether a table or view is there."""
    return table in tables_of(con, schema)
