"""One session on the server, over ADBC: statements, rows, transactions and bulk copies in PostgreSQL's binary format.

The driver is told to leave transactions alone: it would refuse to go back to a savepoint after an error.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from orchestration.postgres.errors import LockedError, PostgresError, connecting, failing, state_of

if TYPE_CHECKING:
    import pyarrow as pa

    from orchestration.company_postgres import PostgresSettings

_OLDEST = 130000
# The driver turns a batch into PostgreSQL's format as a whole and then sends it. What fits into a socket's buffer is on
# its way at once, so that the server writes one piece while the next one is being made. That saves a third of the time.
PIECE_BYTES = 1 << 16
_LOCK_NOT_AVAILABLE = "55P03"


def pieces(rows: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    """The rows of a stream in batches of about PIECE_BYTES."""
    for batch in rows:
        step = max(1, PIECE_BYTES * batch.num_rows // max(1, batch.nbytes))
        for start in range(0, batch.num_rows, step):
            yield batch.slice(start, step)


@dataclass(frozen=True)
class Secrets:
    """What the environment holds: the password, None where libpq finds it, and the key of the pseudonyms."""

    password: str | None = field(default=None, repr=False)
    key: str | None = field(default=None, repr=False)


class Session:
    """An open connection. `doing` says in messages what was being done when something failed."""

    def __init__(self, settings: PostgresSettings, cursor: Any) -> None:
        self.settings = settings
        self.doing = "connecting"
        self._cursor = cursor

    def run(self, statement: str, values: Sequence[object] = ()) -> None:
        """Run a statement; its parameters are `$1`, `$2` and so on.

        Raises:
            LockedError: it waited longer than `lock_timeout`.
            PostgresError: anything else.
        """
        with self._errors():
            self._cursor.execute(statement, parameters=tuple(values) or None)

    def rows(self, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        with self._errors():
            self._cursor.execute(query, parameters=tuple(values) or None)
            found: list[tuple[Any, ...]] = self._cursor.fetchall()
        return found

    def value(self, query: str, values: Sequence[object] = ()) -> Any:
        """The one value of a query of one row and one column; None where there is no row."""
        found = self.rows(query, values)
        return found[0][0] if found else None

    def copy(self, schema: str, table: str, rows: pa.RecordBatchReader) -> int:
        """Append a stream of rows to a table with COPY in binary, piece by piece; return how many there were."""
        import pyarrow as pa

        try:
            with self._errors():
                sent = pa.RecordBatchReader.from_batches(rows.schema, pieces(rows))
                return int(self._cursor.adbc_ingest(table, sent, mode="append", db_schema_name=schema))
        finally:
            # A stream that an error keeps alive keeps DuckDB's file open: opening it again would wait for ever.
            rows.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All of it or nothing: also when this process is killed, because the server then rolls back."""
        self.run("BEGIN")
        try:
            yield
            self.run("COMMIT")
        except BaseException:
            with contextlib.suppress(Exception):  # the first error is the one to tell
                self.run("ROLLBACK")
            raise

    @contextlib.contextmanager
    def savepoint(self, name: str) -> Iterator[None]:
        """A part of a transaction that can be taken back alone, with the locks that it took."""
        self.run(f"SAVEPOINT {name}")
        try:
            yield
        except BaseException:
            with contextlib.suppress(PostgresError, LockedError):
                self.run(f"ROLLBACK TO SAVEPOINT {name}")
            raise
        self.run(f"RELEASE SAVEPOINT {name}")

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        from adbc_driver_manager import Error

        try:
            yield
        except Error as error:
            if state_of(error) == _LOCK_NOT_AVAILABLE:
                raise LockedError from error
            # The library's message holds the query; nobody is to see it as the cause.
            raise failing(self.settings, error, self.doing) from None


@contextlib.contextmanager
def connected(settings: PostgresSettings, secrets: Secrets) -> Iterator[Session]:
    """Connect, look whether the server will do, and set what every statement relies on.

    Raises:
        PostgresError: it is not there, does not let us in, is too old, or its database is not in UTF-8.
    """
    from adbc_driver_manager import Error
    from adbc_driver_postgresql import dbapi

    try:
        con = dbapi.connect(_address(settings, secrets), autocommit=True)
    except Error as error:
        raise connecting(settings, str(error)) from None
    try:
        with con.cursor() as cursor:
            session = Session(settings, cursor)
            _set_up(session)
            yield session
    finally:
        with contextlib.suppress(Error):  # the connection may be broken
            con.close()


def _set_up(session: Session) -> None:
    settings = session.settings
    for name, value in (
        ("statement_timeout", f"{settings.statement_timeout_seconds}s"),
        ("idle_in_transaction_session_timeout", "0"),
        ("search_path", "pg_catalog"),  # nobody's own functions come in between
        ("timezone", "UTC"),
        ("client_min_messages", "warning"),
    ):
        session.rows("SELECT set_config($1, $2, false)", (name, value))
    version = int(session.value("SELECT current_setting('server_version_num')"))
    if version < _OLDEST:
        raise PostgresError(
            f"{settings.shown}: the server is version {version // 10000}.", "Use PostgreSQL 13 or later."
        )
    encoding = session.value("SELECT current_setting('server_encoding')")
    if encoding != "UTF8":
        raise PostgresError(
            f"{settings.shown}: the database's encoding is {encoding}, which does not have every letter.",
            "Use a database with the encoding UTF8 (CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0).",
        )


def _address(settings: PostgresSettings, secrets: Secrets) -> str:
    parts = {
        "host": settings.host,
        "port": settings.port,
        "dbname": settings.dbname,
        "user": settings.user,
        "password": secrets.password,
        "sslmode": settings.sslmode,
        "sslrootcert": settings.sslrootcert,
        "connect_timeout": settings.connect_timeout_seconds,
        "application_name": "regulars",
        "client_encoding": "utf8",
        # A server that vanished without a word is noticed after a minute or two.
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 6,
        "tcp_user_timeout": 120_000,  # milliseconds
    }
    quoted = {name: str(value).replace("\\", "\\\\").replace("'", "\\'") for name, value in parts.items() if value}
    return " ".join(f"{name}='{value}'" for name, value in quoted.items())
