"""Dagster's event log in SQLite, with connections that are kept open while a run writes hundreds of events."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster import StringSource
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME, SqliteEventLogStorage
from sqlalchemy import create_engine, event
from sqlalchemy.pool import QueuePool

if TYPE_CHECKING:
    from dagster._serdes import ConfigurableClassData
    from sqlalchemy.engine import Connection, Engine

_OPEN_RUNS = 4
"""Runs whose files stay open besides the index: who leafs through old ones in Dagster's pages opens many."""

_WAIT_SECONDS = 60


class EventLog(SqliteEventLogStorage):
    """The event log of a home, in the same files as Dagster's own class for SQLite.

    That one opens a connection for each of two to four statements an event, and closes it, with which SQLite folds its
    write-ahead log into the file each time: a sixth of a small run. Here commits of a write-ahead log are not forced to
    disk one by one (`synchronous = NORMAL`), with which a power cut loses the last events and never breaks the file.
    https://www.sqlite.org/pragma.html#pragma_synchronous
    """

    def __init__(self, home: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engines: OrderedDict[str, Engine] = OrderedDict()
        self._tables: set[str] = set()
        super().__init__(str(Path(home) / "history" / "runs"), inst_data)

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """`home` is Dagster's folder; by a variable of the environment, so that a home can be moved."""
        return {"home": StringSource}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> EventLog:
        """Make it as `dagster.yaml` says."""
        return cls(inst_data=inst_data, **config_value)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            engine = self._engine(shard)
            with engine.connect() as con, con.begin():
                yield con

    def has_table(self, table_name: str) -> bool:
        """Whether the index has a table; asked before each event of a check, also within a transaction."""
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    def dispose(self) -> None:
        """Close the files."""
        super().dispose()
        self._close()

    def wipe(self) -> None:
        """Delete the history. A file that stayed open would go on being written where nobody finds it."""
        self._close()
        super().wipe()

    def _close(self) -> None:
        with self._db_lock:
            while self._engines:
                self._engines.popitem()[1].dispose()

    def _engine(self, shard: str) -> Engine:
        engine = self._engines.get(shard)
        if engine is None:
            engine = create_engine(
                self.conn_string_for_shard(shard),
                poolclass=QueuePool,
                pool_size=1,
                connect_args={"timeout": _WAIT_SECONDS, "check_same_thread": False},
            )
            event.listen(engine, "connect", _relax)
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            self._engines[shard] = engine
        self._engines.move_to_end(shard)
        runs = [name for name in self._engines if name != INDEX_SHARD_NAME]
        for name in runs[:-_OPEN_RUNS]:
            self._engines.pop(name).dispose()
        return engine


def _relax(connection: Any, _: object) -> None:
    connection.execute("PRAGMA synchronous = NORMAL")
