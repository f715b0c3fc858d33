"""Old versions of tables go when no reader can need them; whoever reads is never disturbed for longer than a moment."""

from __future__ import annotations

import time

from orchestration.postgres.connection import Session
from orchestration.postgres.errors import LockedError
from orchestration.postgres.store import NO_VERSION, Store

_MOMENT = "300ms"
_SECONDS = 5.0
_PAUSE_SECONDS = 0.2

# Transactions that are going on in this database: each holds a lock on its own virtual number, for everybody to see.
_GOING_ON = """
SELECT l.virtualxid FROM pg_locks AS l LEFT JOIN pg_stat_activity AS a ON a.pid = l.pid
WHERE l.locktype = 'virtualxid' AND l.mode = 'ExclusiveLock' AND l.granted AND l.pid <> pg_backend_pid()
AND coalesce(a.datname, current_database()) = current_database()
"""


def going_on(session: Session) -> set[str]:
    """The virtual numbers of the transactions that are going on in this database, but for our own."""
    return {row[0] for row in session.rows(_GOING_ON)}


def sweep(session: Session, store: Store) -> int:
    """Drop what is retired, as far as nobody holds it; return how many tables wait for the next publication.

    A transaction that began before the new version was committed may still look for the old one, even if it has not
    touched it yet. So the transactions that are going on now are noted, and the old version goes when they have ended.
    """
    session.doing = "removing old versions"
    _retire_strays(session, store)
    retired = store.named("retired")
    session.run(
        f"UPDATE {retired} SET holders = coalesce((SELECT string_agg(virtualxid, ' ') FROM ({_GOING_ON}) AS t), '') "  # noqa: S608
        "WHERE holders IS NULL"
    )
    until = time.monotonic() + _SECONDS
    while True:
        waiting = _drop_what_is_free(session, store)
        if not waiting or time.monotonic() > until:
            return waiting
        time.sleep(_PAUSE_SECONDS)


def _retire_strays(session: Session, store: Store) -> None:
    """Tables that nothing refers to, such as those of a store whose own records somebody dropped."""
    session.run(
        f"INSERT INTO {store.named('retired')} (relation) "  # noqa: S608 - quoted names
        "SELECT c.relname::text FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace "
        "WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND strpos(c.relname::text, '~') > 0 "
        f"AND c.relname::text NOT IN (SELECT parent FROM {store.named('parts')} UNION ALL SELECT relation "
        f"FROM {store.named('parts')} UNION ALL SELECT parent || '{NO_VERSION}' FROM {store.named('parts')}) "
        "ON CONFLICT DO NOTHING",
        (store.schema,),
    )


def _drop_what_is_free(session: Session, store: Store) -> int:
    rows = session.rows(f"SELECT relation, holders FROM {store.named('retired')} ORDER BY relation")  # noqa: S608
    held = going_on(session)
    waiting = 0
    for relation, holders in rows:
        if held.intersection((holders or "").split()):
            waiting += 1
            continue
        try:
            with session.transaction():
                session.run(f"SET LOCAL lock_timeout = '{_MOMENT}'")
                session.run(f"DROP TABLE IF EXISTS {store.named(relation)}")
                session.run(f"DELETE FROM {store.named('retired')} WHERE relation = $1", (relation,))  # noqa: S608
        except LockedError:
            waiting += 1
    return waiting
