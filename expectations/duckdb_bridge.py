"""The bridge by which Great Expectations reads a DuckDB connection that is already open.

Great Expectations speaks SQLAlchemy and has no engine for DuckDB. Through a general one it closes its connection before
it reads the result; a DuckDB result ends with its connection, so every metric comes back empty. Here are the three
small parts that make it work, and nothing else: a DB-API cursor that fetches as it executes, a SQLAlchemy dialect for
it, and a data source that hands out an engine on the open connection. Only SELECT statements pass; nothing is written,
not even a temporary table.

Importing this module imports Great Expectations, which takes seconds: import it inside functions.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

import sqlalchemy as sa
from great_expectations.datasource.fluent import SQLDatasource
from great_expectations.execution_engine import SqlAlchemyExecutionEngine
from sqlalchemy.dialects import registry
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.pool import StaticPool

if TYPE_CHECKING:
    import duckdb
    from great_expectations.data_context import AbstractDataContext

_SCHEME = "duckdbopen"
_numbers = itertools.count(1)
# Engines by connection string, for as long as `open_source` is in its block: Great Expectations copies data
# sources through their configuration, which can hold a text but not a connection.
_engines: dict[str, sa.Engine] = {}


class BridgeError(RuntimeError):
    """A statement came over the bridge that is not for reading."""


class _Cursor:
    """A DB-API cursor that holds its whole result, so that it can be read after the statement is over."""

    arraysize = 1
    rowcount = -1
    lastrowid = None

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self._con = con
        self._rows: list[tuple[Any, ...]] = []
        self.description: Sequence[Any] | None = None

    def execute(self, statement: str, parameters: Sequence[Any] | None = None) -> None:
        if not statement.lstrip("( \n\t").upper().startswith(("SELECT", "WITH")):
            raise BridgeError("Only SELECT statements go over the bridge to the warehouse.")
        self._con.execute(statement, list(parameters) if parameters else [])
        self.description = self._con.description
        self._rows = self._con.fetchall()

    def fetchone(self) -> tuple[Any, ...] | None:
        return self._rows.pop(0) if self._rows else None

    def fetchmany(self, size: int = 1) -> list[tuple[Any, ...]]:
        rows, self._rows = self._rows[:size], self._rows[size:]
        return rows

    def fetchall(self) -> list[tuple[Any, ...]]:
        rows, self._rows = self._rows, []
        return rows

    def close(self) -> None:
        self._rows = []


class _Connection:
    """A DB-API connection that leaves transactions and closing to whoever opened the warehouse."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self._con = con

    def cursor(self) -> _Cursor:
        return _Cursor(self._con)

    def commit(self) -> None: ...

    def rollback(self) -> None: ...

    def close(self) -> None: ...


class _DbApi:
    """What SQLAlchemy asks of a driver's module."""

    paramstyle = "qmark"
    Error = Exception


class OpenDuckDBDialect(DefaultDialect):
    """DuckDB as SQLAlchemy sees it: plain SQL with real booleans, nothing to set up on connecting."""

    name = "duckdb"
    driver = "open"
    default_paramstyle = "qmark"
    supports_native_boolean = True
    supports_statement_cache = False

    @classmethod
    def import_dbapi(cls) -> Any:
        """Return the stand-in for a driver's module."""
        return _DbApi

    def initialize(self, connection: Any) -> None:
        """Ask the server nothing: DuckDB's version changes nothing here."""

    def do_ping(self, dbapi_connection: Any) -> bool:  # noqa: ARG002 - SQLAlchemy's signature
        """The connection is open for as long as the engine exists."""
        return True


registry.register(_SCHEME, __name__, "OpenDuckDBDialect")


class OpenDuckDBDatasource(SQLDatasource):  # type: ignore[misc] # untyped base
    """A data source on the engine that `open_source` made for its connection string."""

    type: Literal["open_duckdb"] = "open_duckdb"  # type: ignore[assignment]

    def get_engine(self) -> sa.Engine:
        """Return the engine on the open connection, never a new one."""
        return _engines[str(self.connection_string)]

    def get_execution_engine(self) -> SqlAlchemyExecutionEngine:
        """Return one execution engine, which reads the tables as they are and makes no copy of them."""
        if self._execution_engine is None:  # type: ignore[has-type] # untyped base
            self._execution_engine = SqlAlchemyExecutionEngine(
                name=self.name, engine=self.get_engine(), create_temp_table=False
            )
        return self._execution_engine


@contextmanager
def open_source(
    context: AbstractDataContext, con: duckdb.DuckDBPyConnection, name: str = "warehouse"
) -> Iterator[OpenDuckDBDatasource]:
    """Give Great Expectations a data source on an open connection.

    The data source reads through a cursor of its own, so what the connection has committed is seen, and a result that
    the caller still reads is not disturbed.

    Args:
        context: The context that gets the data source.
        con: The open connection; it stays open.
        name: The data source's name, as Data Docs show it.

    Yields:
        The data source, to which query assets are added; of no use after the block.
    """
    url = f"{_SCHEME}://warehouse{next(_numbers)}"
    cursor = con.cursor()
    cursor.execute("SET TimeZone = 'UTC'")
    engine = sa.create_engine(url, creator=lambda: _Connection(cursor), poolclass=StaticPool)
    _engines[url] = engine
    try:
        yield context.data_sources.add_or_update_open_duckdb(name=name, connection_string=url)
    finally:
        del _engines[url]
        engine.dispose()
        cursor.close()
