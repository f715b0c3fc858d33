"""The bridge by which Great Expectations reads a connection to the warehouse that is already open.

Great Expectations speaks SQLAlchemy and has no engine for DuckDB, and none for a Spark session. Through a general one
it closes its connection before it reads the result; a DuckDB result ends with its connection, so every metric comes
back empty. Here are the three small parts that make it work, and nothing else: a DB-API cursor that fetches as it
executes, a SQLAlchemy dialect for it, and a data source that hands out an engine on the open connection. Only SELECT
statements pass; nothing is written, not even a temporary table.

Importing this module imports Great Expectations, which takes seconds: import it inside functions.
"""

from __future__ import annotations

import itertools
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Literal

import sqlalchemy as sa
from sqlalchemy.dialects import registry
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.pool import StaticPool
from sqlalchemy.sql.compiler import IdentifierPreparer

# Great Expectations imports PySpark where it is installed, and PySpark warns of a pandas newer than itself.
warnings.filterwarnings("ignore", message="PySpark does not yet fully support pandas", category=FutureWarning)

from great_expectations.datasource.fluent import SQLDatasource  # noqa: E402 - behind the filter
from great_expectations.execution_engine import SqlAlchemyExecutionEngine  # noqa: E402

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from great_expectations.data_context import AbstractDataContext

    from expectations.connection import Connection

_SCHEME = "openwarehouse"
# The sample that Great Expectations asks for beside each count, when it was told to show none.
_NO_SAMPLE = re.compile(r"SELECT \w+ AS unexpected_values\b.*\bLIMIT \?", re.DOTALL)
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

    def __init__(self, con: Connection, described: set[str]) -> None:
        self._con = con
        self._described = described
        self._rows: list[tuple[Any, ...]] = []
        self.description: Sequence[Any] | None = None

    def execute(self, statement: str, parameters: Sequence[Any] | None = None) -> None:
        if not statement.lstrip("( \n\t").upper().startswith(("SELECT", "WITH")):
            raise BridgeError("Only SELECT statements go over the bridge to the warehouse.")
        given = list(parameters or [])
        if _NO_SAMPLE.fullmatch(statement.strip()) and given[-1] == 0:
            # One for each rule, and each would cost a round trip to say that a sample of none is empty.
            self.description, self._rows = [("unexpected_values", None)], []
            return
        if statement.strip() in self._described:
            # Great Expectations runs the query of an asset as it is, to look at the names of its columns and at no row.
            statement = f"SELECT * FROM ({statement}) AS described LIMIT 0"  # noqa: S608 - our own query
        result = self._con.execute(statement, given)
        self.description = [(column[0], column[1]) for column in result.description]
        self._rows = result.fetchall()

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

    def __init__(self, con: Connection, described: set[str]) -> None:
        self._con = con
        self._described = described

    def cursor(self) -> _Cursor:
        return _Cursor(self._con, self._described)

    def commit(self) -> None: ...

    def rollback(self) -> None: ...

    def close(self) -> None: ...


class _DbApi:
    """What SQLAlchemy asks of a driver's module."""

    paramstyle = "qmark"
    Error = Exception


class _Backticks(IdentifierPreparer):
    """Names in backticks."""

    def __init__(self, dialect: Any) -> None:
        super().__init__(dialect, initial_quote="`", escape_quote="`")


class OpenDialect(DefaultDialect):
    """A warehouse as SQLAlchemy sees it: plain SQL with real booleans, nothing to set up on connecting."""

    name = "open"
    driver = "warehouse"
    default_paramstyle = "qmark"
    supports_native_boolean = True
    supports_statement_cache = False

    @classmethod
    def import_dbapi(cls) -> Any:
        """Return the stand-in for a driver's module."""
        return _DbApi

    def initialize(self, connection: Any) -> None:
        """Ask the server nothing: its version changes nothing here."""

    def do_ping(self, dbapi_connection: Any) -> bool:  # noqa: ARG002 - SQLAlchemy's signature
        """The connection is open for as long as the engine exists."""
        return True


class OpenBacktickDialect(OpenDialect):
    """The same for engines that read double quotes as text, as Spark does."""

    supports_statement_cache = False
    preparer = _Backticks


registry.register(_SCHEME, __name__, "OpenDialect")
registry.register(f"{_SCHEME}_backticks", __name__, "OpenBacktickDialect")


class OpenWarehouseDatasource(SQLDatasource):  # type: ignore[misc] # untyped base
    """A data source on the engine that `open_source` made for its connection string."""

    type: Literal["open_warehouse"] = "open_warehouse"  # type: ignore[assignment]

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
    context: AbstractDataContext, con: Connection, queries: Iterable[str] = (), name: str = "warehouse"
) -> Iterator[OpenWarehouseDatasource]:
    """Give Great Expectations a data source on an open connection.

    On DuckDB the data source reads through a cursor of its own, so what the connection has committed is seen, and a
    result that the caller still reads is not disturbed.

    Args:
        context: The context that gets the data source.
        con: The open connection; it stays open.
        queries: The queries of the assets to come. Without this, Great Expectations reads all their rows once, only to
            learn the names of their columns.
        name: The data source's name, as Data Docs show it.

    Yields:
        The data source, to which query assets are added; of no use after the block.
    """
    scheme, reading = _reading(con)
    url = f"{scheme}://warehouse{next(_numbers)}"
    described = {query.strip() for query in queries}
    with reading as own:
        engine = sa.create_engine(url, creator=lambda: _Connection(own, described), poolclass=StaticPool)
        _engines[url] = engine
        try:
            yield context.data_sources.add_or_update_open_warehouse(name=name, connection_string=url)
        finally:
            del _engines[url]
            engine.dispose()


def _reading(con: Connection) -> tuple[str, AbstractContextManager[Connection]]:
    """The scheme of the dialect, and the connection to read through."""
    import duckdb

    if not isinstance(con, duckdb.DuckDBPyConnection):
        return f"{_SCHEME}_backticks", nullcontext(con)
    cursor = con.cursor()
    cursor.execute("SET TimeZone = 'UTC'")
    return _SCHEME, closing(cursor)
