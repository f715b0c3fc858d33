"""What the server or its library said, in words that say what, where and what to do; never with a secret or a value."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from orchestration.privacy import redact

if TYPE_CHECKING:
    from orchestration.company_postgres import PostgresSettings

KEPT = "What was published there before stays."


class PostgresError(Exception):
    """Publishing to PostgreSQL did not come about; the last good copy is still in place there.

    Attributes:
        what: What was wrong, and where.
        todo: What to do.
        state: The server's SQLSTATE, where it gave one.
    """

    def __init__(self, what: str, todo: str, state: str = "") -> None:
        self.state = state
        self.what = f"{what} {KEPT}"
        self.todo = todo
        super().__init__(f"{self.what} {todo}")


class LockedError(Exception):
    """A reader holds what has to be replaced; the next try may find it free."""


# By SQLSTATE, or its first two characters.
_STATES: dict[str, tuple[str, str]] = {
    "53100": ("its disk is full", "Free room on the server, then: regulars publish"),
    "53200": ("it is out of memory", "Give the server more memory or fewer connections, then: regulars publish"),
    "53300": ("it has no connection free", "Close some, or raise max_connections, then: regulars publish"),
    "53400": ("a limit of its configuration was reached", "Raise that limit on the server, then: regulars publish"),
    "57014": (
        "a statement took longer than postgres.statement_timeout_seconds or was cancelled",
        "Look what keeps the server busy, or allow more time in the company file, then: regulars publish",
    ),
    "57P": ("it was shut down or restarted", "When it is up again: regulars publish, or the next run does it"),
    "25006": ("it takes no writes: a replica, or read-only", "Name the primary in postgres.host"),
    "58": ("it could not reach its own files", "Look into the server's log and at its disk, then: regulars publish"),
    "XX": ("it reports damage or a fault of its own", "Look into the server's log, then: regulars publish"),
    "42501": (
        "the user lacks a right",
        "Grant it as an administrator (docs/operations.md lists what the user needs), then: regulars publish",
    ),
    "22021": ("a text holds characters that its encoding has not", "Use a database with the encoding UTF8"),
    "22P05": ("a text holds characters that its encoding has not", "Use a database with the encoding UTF8"),
    "2BP01": (
        "somebody's own views or tables there rest on a view whose columns changed",
        "Drop those (the server's log names them), publish, and make them again on the new columns",
    ),
    "23505": (
        "a table has two rows of one grain",
        "Run: regulars run --full-refresh; if it stays, the test of the mart's grain says which rows",
    ),
}
_BROKEN = r"connection|server closed|terminat|could not (send|receive)|eof|no COPY in progress|broken pipe|timed? ?out"
_LOST = "the connection broke"
_WHEN_IT_IS_UP = "When the server is up again: regulars publish, or the next run does it"

# What libpq says while it connects, where there is no SQLSTATE yet.
_CONNECTING: tuple[tuple[str, str, str], ...] = (
    (
        r"password authentication failed|no password supplied|fe_sendauth",
        "it refused the user `{user}`: the password is wrong or missing",
        "Set the variable that postgres.password names in the company file (or PGPASSWORD, or .pgpass)",
    ),
    (
        r"no pg_hba\.conf entry|authentication failed",
        "it does not let the user `{user}` in from here",
        "Add a line for this user, database and machine to the server's pg_hba.conf",
    ),
    (r'role ".*" does not exist', "it knows no user `{user}`", "Create it there, or mend postgres.user"),
    (r'database ".*" does not exist', "it has no database `{dbname}`", "Create it there, or mend postgres.dbname"),
    (r"permission denied for database", "the user `{user}` may not connect to it", "GRANT CONNECT there"),
    (
        r"timeout expired",
        "it did not answer within {connect_timeout_seconds} s",
        "Look whether the server is up and reachable from here, then: regulars publish",
    ),
    (
        r"starting up|shutting down|recovery mode",
        "it is starting up or shutting down",
        "In a moment: regulars publish, or the next run does it",
    ),
    (r"too many (clients|connections)|remaining connection slots", *_STATES["53300"]),
    (
        r"could not translate host name|Name or service not known",
        "this machine does not know the name `{host}`",
        "Mend postgres.host in the company file",
    ),
    (r"SSL|certificate", "no encrypted connection came about", "Look at postgres.sslmode and postgres.sslrootcert"),
    (
        r"refused|No such file|No route|unreachable|server closed|reset",
        "it is not there: nothing answers",
        "Start the server, or mend postgres.host and postgres.port, then: regulars publish",
    ),
)


def connecting(settings: PostgresSettings, said: str) -> PostgresError:
    """Why no connection came about."""
    known = {
        "user": settings.user,
        "dbname": settings.dbname,
        "host": settings.host,
        "connect_timeout_seconds": settings.connect_timeout_seconds,
    }
    for pattern, what, todo in _CONNECTING:
        if re.search(pattern, said, re.IGNORECASE):
            return PostgresError(f"{settings.shown}: {what.format(**known)}.", f"{todo}.")
    return PostgresError(f"{settings.shown}: no connection came about ({first_line(said)}).", f"{_WHEN_IT_IS_UP}.")


def failing(settings: PostgresSettings, error: Exception, doing: str) -> PostgresError:
    """Why a statement failed.

    Args:
        settings: Where.
        error: The library's error.
        doing: What was being done, such as `copying dim_customers`.
    """
    said, state = primary(error), state_of(error)
    for code in (state, state[:3], state[:2]):
        if code and code in _STATES:
            what, todo = _STATES[code]
            # Of an error about rights or limits the server's words name the object and no value.
            more = f" ({said})" if state[:2] in ("42", "53", "57", "25", "58") else ""
            return PostgresError(f"{settings.shown}: {what}{more}, while {doing}.", f"{todo}.", state)
    if state.startswith("08") or (not state and re.search(_BROKEN, str(error), re.IGNORECASE)):
        return PostgresError(f"{settings.shown}: {_LOST}, while {doing}.", f"{_WHEN_IT_IS_UP}.")
    return PostgresError(
        f"{settings.shown}: {redact(said)} (SQLSTATE {state or 'unknown'}), while {doing}.",
        "The server's log says more; when it is mended: regulars publish.",
        state,
    )


def state_of(error: Exception) -> str:
    """The server's SQLSTATE; empty where there is none, as when the connection breaks."""
    told = re.search(r"SQLSTATE: ([0-9A-Z]{5})", str(error))
    return getattr(error, "sqlstate", None) or (told[1] if told else "")


def primary(error: Exception) -> str:
    """The server's own sentence, without the query around it."""
    for name, value in getattr(error, "details", None) or []:
        if name == "PG_DIAG_MESSAGE_PRIMARY":
            return bytes(value).decode("utf-8", "replace")
    said = re.search(r"(?:ERROR|FATAL|PANIC): +(.+)", str(error))
    return said[1] if said else first_line(str(error))


def first_line(said: str) -> str:
    """The first line of what a library said, without quoted values."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return redact(lines[0]) if lines else "no reason given"
