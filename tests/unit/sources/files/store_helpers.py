"""What the tests of the store share: reading a location as an engine does, and a process that dies at any step."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from sources.files import control, ledger
from sources.files.config import FilesSource
from sources.files.load import LoadReport, load_source
from sources.files.sink_parquet import ParquetSink
from sources.files.storage import LocalStorage, RemoteStorage
from sources.files.store import RawStore


def load(
    raw: RawStore, base: Path, source: FilesSource, load_id: str, progress: Any = None, **settings: str | int
) -> LoadReport:
    """Load the source `shop` as a run does: one block, one load."""
    with raw.open(**settings) as con:
        return load_source(
            con, "shop", source, base=base, landing=base / "landing", load_id=load_id, store=raw, progress=progress
        )


def again(raw: RawStore, tmp: Path) -> RawStore:
    """The same location for another process."""
    return RawStore(raw.location, tmp / "work-2")


def files(raw: RawStore) -> list[str]:
    """The raw files of shop.orders that an engine reads: those that do not start with a full stop or underscore."""
    return sorted(name for name in raw.storage.sizes("raw/shop/orders") if not name.startswith((".", "_")))


def rows(raw: RawStore, columns: str = "*", where: str = "TRUE") -> list[tuple[Any, ...]]:
    """Rows of shop.orders as readers see them, in the order of files and records."""
    with raw.open(read_only=True) as con, tempfile.TemporaryDirectory() as folder:
        if not _gather(raw, con, Path(folder)):
            return []
        return con.execute(
            f"SELECT {columns} FROM visible AS r JOIN ledger.batches AS b ON b.batch_id = r._batch_id "
            f"WHERE {where} ORDER BY b.file, r._row"
        ).fetchall()


def _gather(raw: RawStore, con: duckdb.DuckDBPyConnection, folder: Path) -> bool:
    names = files(raw)
    for name in names:
        (folder / name).write_bytes(raw.storage.read(f"raw/shop/orders/{name}") or b"")
    if names and ledger.has_ledger(con):
        con.execute(
            "CREATE TEMP TABLE visible AS SELECT f.* "
            f"FROM read_parquet('{folder}/*', union_by_name = true) AS f "
            "SEMI JOIN ledger.batches AS b ON b.batch_id = f._batch_id AND b.load_id = f._load_id"
        )
        return True
    return False


def consistent(raw: RawStore) -> int:
    """Rows that readers see; they must be those of the ledger, batch by batch and load by load."""
    with raw.open(read_only=True) as con, tempfile.TemporaryDirectory() as folder:
        if not ledger.has_ledger(con):
            return 0
        if not _gather(raw, con, Path(folder)):
            con.execute("CREATE TEMP TABLE visible (_batch_id VARCHAR, _row BIGINT, _rejected VARCHAR)")
        wrong = con.execute(
            "SELECT * FROM (SELECT _batch_id AS id, count(*) AS n, count(DISTINCT _row) AS d, count(_rejected) AS r "
            "FROM visible GROUP BY 1) RIGHT JOIN ledger.batches ON batch_id = id "
            "WHERE coalesce(n, 0) <> rows_received OR coalesce(d, 0) <> rows_received "
            "OR coalesce(r, 0) <> rows_rejected"
        ).fetchall()
        assert wrong == []
        (count,) = con.execute("SELECT count(*) FROM visible").fetchall()[0]
        listed = {name for (name,) in con.execute("SELECT file FROM ledger.raw_files").fetchall()}
        assert listed <= set(files(raw))
        # What is not whole has a name that readers pass over.
        assert all(name.endswith(".parquet") for name in files(raw))
        assert con.execute(
            "SELECT count(*) FROM ledger.files ANTI JOIN ledger.batches USING (batch_id)"
        ).fetchall() == [(0,)]
        return int(count)


class Killed(BaseException):
    """The process is dead: nothing of it runs any more."""


# Every operation on the outside, and what lies between them.
_POINTS: list[tuple[Any, str]] = [
    *((kind, name) for kind in (LocalStorage, RemoteStorage) for name in ("write", "part", "publish", "delete")),
    (LocalStorage, "_settle"),
    (ParquetSink, "_export"),
    (ParquetSink, "_commit"),
    (RawStore, "_switch"),
    (control, "save"),
    (ledger, "record_batches"),
    (ledger, "record_raw_files"),
]


class Deadly:
    """Counts the moments before and after every operation, and kills at one of them."""

    def __init__(self, patch: pytest.MonkeyPatch, at: int, kill: Callable[[], None] | None = None) -> None:
        self.at = at
        self.moments = 0
        self.is_dead = False
        self._kill = kill
        for owner, name in _POINTS:
            patch.setattr(owner, name, self._wrapped(getattr(owner, name), name))
        # Who is dead tidies nothing up.
        tidy = ParquetSink._discard
        patch.setattr(ParquetSink, "_discard", lambda *given: None if self.is_dead else tidy(*given))

    def _moment(self) -> None:
        self.moments += 1
        if self.moments == self.at:
            if self._kill is not None:
                self._kill()
            self.is_dead = True
        if self.is_dead:
            raise Killed

    def _wrapped(self, function: Callable[..., Any], name: str) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(*given: Any, **named: Any) -> Any:
            self._moment()
            result = function(*given, **named)
            self._moment()
            return result

        return call


__all__ = ["Deadly", "Killed", "again", "consistent", "files", "load", "rows"]
