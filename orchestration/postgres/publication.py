"""Publishing to PostgreSQL: what the published file holds, copied where it changed, visible in one transaction."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from orchestration.contract import CONTRACT_SCHEMA, PUBLICATION_TABLE
from orchestration.postgres.connection import Secrets, Session, connected
from orchestration.postgres.errors import LockedError, PostgresError
from orchestration.postgres.leftovers import going_on, sweep
from orchestration.postgres.store import Store, Stored
from orchestration.postgres.tables import Part, published_parts
from orchestration.postgres.views import Views, wanted_views
from orchestration.sql import quote

if TYPE_CHECKING:
    import duckdb

    from orchestration.company_postgres import PostgresSettings
    from orchestration.postgres.pseudonyms import PersonalColumns

_SECONDS_FOR_ANOTHER = 20.0
_PAUSE_SECONDS = 0.5
_SECONDS_FOR_STATEMENTS = 3.0
_MOMENT_SECONDS = 0.02

# Views and tables of the store's own records that are not there.
_MISSING = """
SELECT count(*) FROM (
    SELECT schema_name AS s, view_name AS r, 'v' AS k FROM {views} UNION ALL SELECT $1, relation, 'r' FROM {parts}
) AS wanted WHERE NOT EXISTS (
    SELECT 1 FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname::text = wanted.s AND c.relname::text = wanted.r AND c.relkind::text = wanted.k
)
"""


@dataclass(frozen=True)
class PostgresReport:
    """What a publication did.

    Attributes:
        run_id: Whose tables are there now.
        tables: How many tables readers of the public schema see.
        written: How many were written; the others had not changed. One without personal data counts by itself.
        rows: How many rows were written.
        waiting: Old versions that a reader still holds; they go with the next publication.
        seconds: How long it took.
    """

    run_id: str
    tables: int
    written: int
    rows: int
    waiting: int
    seconds: float


@dataclass(frozen=True)
class Source:
    """The published copy: an open connection, and what the project says of its columns.

    Attributes:
        con: Open on the published file, read-only.
        personal: Which columns hold personal data.
        grains: The columns that name a row, by table.
        company_id: Whose marts they are.
    """

    con: duckdb.DuckDBPyConnection
    personal: PersonalColumns
    grains: Mapping[str, Sequence[str]]
    company_id: str

    def publication(self) -> dict[str, Any]:
        """The one row of marts.publication."""
        answer = self.con.execute(f"SELECT * FROM {quote(CONTRACT_SCHEMA, PUBLICATION_TABLE)}")  # noqa: S608
        names = [column[0] for column in answer.description or []]
        [row] = answer.fetchall()
        return dict(zip(names, row, strict=True))


def publish(source: Source, settings: PostgresSettings, secrets: Secrets) -> PostgresReport:
    """Bring PostgreSQL to what the published copy holds.

    Raises:
        PostgresError: it could not be done; readers see what they saw before. The text says what to do.
    """
    begun = time.perf_counter()
    if settings.pseudonymous is not None:
        _refuse_short_key(settings, secrets)
    with connected(settings, secrets) as session:
        store = Store(session)
        parts = {
            part.name: part
            for part in published_parts(source.con, source.personal, source.grains, settings, secrets.key)
        }
        publication = source.publication()
        try:
            _be_alone(session)
            with session.transaction():
                before, stored = _write(store, source, parts, secrets)
            written = [parts[name] for name, now in stored.items() if now is not before.get(name)]
            if written:
                _let_statements_end(session)
            with session.transaction():
                _show(store, source.company_id, parts, before, stored, publication)
            waiting = sweep(session, store)
        except LockedError:
            raise PostgresError(
                f"{settings.shown}: somebody held a table for {settings.lock_wait_seconds} s, while {session.doing}.",
                "Look who it is (SELECT * FROM pg_locks), then: regulars publish",
            ) from None
    return PostgresReport(
        run_id=publication["run_id"],
        tables=len({part.table for part in parts.values()}),
        written=len(written),
        rows=sum(part.rows for part in written),
        waiting=waiting,
        seconds=round(time.perf_counter() - begun, 3),
    )


def published_run(settings: PostgresSettings, secrets: Secrets) -> str | None:
    """The run whose tables readers see; None where there is none, or a table or view of it is missing.

    Raises:
        PostgresError: the server is not there, or does not let us in.
    """
    with connected(settings, secrets) as session:
        store = Store(session)
        session.doing = "looking which run is published"
        if session.value("SELECT to_regclass($1)::text", (store.named("publication"),)) is None:
            return None
        missing = session.value(
            f"{_MISSING.format(views=store.named('views'), parts=store.named('parts'))}", (store.schema,)
        )
        run_id: str | None = session.value(f"SELECT run_id FROM {store.named('publication')}")  # noqa: S608
        return None if missing else run_id


def _refuse_short_key(settings: PostgresSettings, secrets: Secrets) -> None:
    from orchestration.company_postgres import SHORTEST_KEY

    if len(secrets.key or "") < SHORTEST_KEY:
        raise PostgresError(
            f"{settings.shown}: the key of the pseudonyms has fewer than {SHORTEST_KEY} characters, so that somebody "
            "could find it by trying.",
            "Make one, once, and keep it (with another key all pseudonyms change): "
            "python3 -c 'import secrets; print(secrets.token_hex(32))'",
        )


def _write(
    store: Store, source: Source, parts: Mapping[str, Part], secrets: Secrets
) -> tuple[dict[str, Stored], dict[str, Stored]]:
    """Copy what changed, beside what readers see; return what was stored before, and what is to be shown."""
    session, settings = store.session, store.session.settings
    session.run(f"SET LOCAL lock_timeout = '{settings.lock_wait_seconds}s'")
    schemas = [settings.schema_name, store.schema]
    store.make([*schemas, settings.pseudonymous_schema] if settings.pseudonymous_schema else schemas)
    whose = store.company()
    if whose not in (None, source.company_id):
        raise PostgresError(
            f"{settings.shown}: the schema {settings.schema_name} holds the marts of the company {whose}.",
            "Give each company a schema of its own: postgres.schema in the company file.",
        )
    before = store.parts()
    stored: dict[str, Stored] = {}
    for name, part in parts.items():
        session.doing = f"looking at {name}"
        old = before.get(name)
        if old is not None and old.fingerprint == part.fingerprint and store.is_whole(old):
            stored[name] = old
        else:
            stored[name] = store.write(part, part.stream(source.con, secrets.key), old)
    return before, stored


def _let_statements_end(session: Session) -> None:
    """Wait until no statement is left that may have been planned before the new partitions were there.

    PostgreSQL plans a statement on the partitions of that moment, and takes the snapshot that it reads with a moment
    later. If the versions moved in between, it would look for a new one in a plan without it, and find nothing. Between
    the two are milliseconds: a transaction that goes on for longer has its snapshot or waits for its next statement.
    """
    session.doing = "waiting for statements that were planned before"
    planned = going_on(session)
    until = time.monotonic() + _SECONDS_FOR_STATEMENTS
    while planned and time.monotonic() < until:
        time.sleep(_MOMENT_SECONDS)
        planned &= going_on(session)


def _show(
    store: Store,
    company_id: str,
    parts: Mapping[str, Part],
    before: Mapping[str, Stored],
    stored: Mapping[str, Stored],
    publication: Mapping[str, Any],
) -> None:
    """Everything that has to become visible at once; nothing long, since readers may have to wait for it."""
    session = store.session
    session.run(f"SET LOCAL lock_timeout = '{session.settings.lock_wait_seconds}s'")
    session.doing = "moving versions"
    for name, now in stored.items():
        if now is not before.get(name):
            store.show(now, before.get(name), publication["run_id"])
    views, wanted = Views(store), wanted_views(store, parts, stored)
    views.arrange(wanted)
    views.grant(wanted)
    for name, old in before.items():
        if name not in parts:
            store.forget(old)
    session.doing = "naming the run"
    session.run(
        f"INSERT INTO {store.named('publication')} AS p "  # noqa: S608 - a quoted name
        "VALUES (true, $1, $2, $3::text::timestamptz, $4::text::timestamptz, $5) ON CONFLICT (only_row) DO UPDATE "
        "SET company_id = excluded.company_id, run_id = excluded.run_id, published_at = excluded.published_at, "
        "as_of = excluded.as_of, version = excluded.version",
        (
            company_id,
            publication["run_id"],
            *(_utc(publication.get(name)) for name in ("published_at", "as_of")),
            publication.get("version"),
        ),
    )
    session.doing = "making it visible"


def _utc(moment: datetime | None) -> str | None:
    """A moment as PostgreSQL reads it; ours are UTC."""
    return None if moment is None else f"{moment.isoformat()}+00"


def _be_alone(session: Session) -> None:
    """Keep out another publication to the same schema, also one whose client was killed a moment ago.

    The lock belongs to the connection and goes with it.
    """
    session.doing = "waiting for another publication"
    until = time.monotonic() + _SECONDS_FOR_ANOTHER
    while not session.value(
        "SELECT pg_try_advisory_lock(hashtextextended($1, 0))", (f"regulars {session.settings.schema_name}",)
    ):
        if time.monotonic() > until:
            raise PostgresError(
                f"{session.settings.shown}: another publication to the schema {session.settings.schema_name} is "
                "going on.",
                "When it has ended: regulars publish",
            )
        time.sleep(_PAUSE_SECONDS)
