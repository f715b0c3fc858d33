"""Raw rows and ledger at a storage location, exactly once: what an engine other than DuckDB reads.

    <location>/control/CURRENT                    names the version that counts, whose it is and who writes
    <location>/control/000012-<digest>.duckdb     ledger, small facts and the raw tables' columns, a file a version
    <location>/raw/<source>/<dataset>/*.parquet   rows as received, many batches a file

The switch of CURRENT is the commit point. Raw files are complete before it; those that no version in force names
(`ledger.raw_files`) were left by a killed load and are swept before the next one, and readers do not see their rows
either: a row counts where `ledger.batches` has its (batch_id, load_id). Whoever loads first puts a mark of its own
into CURRENT, so that an older writer that is still alive finds it changed, and stops.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sources.files import control, ledger
from sources.files.errors import StoreError
from sources.files.storage import open_storage, spark_url, sweep_work
from sources.files.tables import received_columns

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

KEPT_VERSIONS = 5

_CURRENT = "control/CURRENT"
_LOCK = "control/.lock"
_FORMAT = 1
_VERSION_NAME = re.compile(r"(\d{6,})-([0-9a-f]{16})\.duckdb")


@dataclass(frozen=True)
class _Pointer:
    """What CURRENT says: the version in force (None before the first), whose location it is, who writes."""

    version: str | None
    company: str | None
    writer: str
    format: int = _FORMAT

    @property
    def number(self) -> int:
        """Of the version, 0 before the first."""
        return int(self.version.partition("-")[0]) if self.version else 0

    def content(self) -> bytes:
        return json.dumps(asdict(self), indent=1).encode()


@dataclass
class _Session:
    """One open control database."""

    con: DuckDBPyConnection
    work: Path
    read_only: bool
    pointer: _Pointer | None
    content: bytes | None
    mark: control.Mark = ()
    # An upload that failed half way may have arrived all the same.
    attempted: bytes | None = None


@dataclass(frozen=True)
class RawDataset:
    """What is there of one dataset.

    Attributes:
        source: name of the source.
        dataset: name of the dataset.
        columns: received columns, without the technical ones, in order.
        folder: URL or path of its Parquet files (it may not exist while `files` is 0).
        files: number of Parquet files that count.
        rows: rows in them, replaced ones included.
    """

    source: str
    dataset: str
    columns: tuple[str, ...]
    folder: str
    files: int
    rows: int


class RawStore:
    """A storage location for raw rows, ledger and small facts."""

    def __init__(
        self,
        location: str | Path,
        work: Path,
        *,
        storage_options: Mapping[str, Any] | None = None,
        schemas: Sequence[str] = ("ledger", "meta"),
        company: str | None = None,
    ) -> None:
        """Name a location; nothing is read or written yet.

        Args:
            location: a folder or any fsspec URL.
            work: local folder for spilled rows and files on their way.
            storage_options: of the fsspec file system.
            schemas: whose tables the control database holds.
            company: id of the company; a location of another one is refused.

        Raises:
            StoreError: nothing is known of such a URL, or a package is missing.
        """
        self.storage = open_storage(location, storage_options)
        self._work = work
        self._schemas = tuple(schemas)
        self._company = company
        self._session: _Session | None = None

    @property
    def location(self) -> str:
        """The location: an absolute path or the URL without a slash at its end."""
        return self.storage.url

    @property
    def shown(self) -> str:
        """The location for messages, without secrets."""
        return self.storage.shown

    @contextmanager
    def open(self, *, read_only: bool = False, **settings: str | int) -> Iterator[DuckDBPyConnection]:
        """Open the control database; at the end of the block, what changed becomes the next version.

        Args:
            read_only: what is written is forgotten at the end, and other writers do not matter.
            settings: of DuckDB, such as memory_limit and threads.

        Yields:
            An in-memory DuckDB in UTC with all tables of the schemas and the raw tables as empty shells. After an
            error in the block nothing is written but what `commit` wrote before.

        Raises:
            StoreError: the location cannot be read or written, is damaged, or somebody else wrote meanwhile.
        """
        if self._session is not None:
            raise RuntimeError("the control database is open already")
        work = self._work_folder()
        try:
            con = control.connect(work, settings)
            try:
                content = self.storage.read(_CURRENT)
                session = _Session(con, work, read_only, self._parsed(content), content)
                self._load(session)
                ledger.ensure_raw_files(con)
                session.mark = control.mark(con, self._schemas)
                self._session = session
                yield con
                if not read_only:
                    self.commit()
            finally:
                self._session = None
                con.close()
        finally:
            shutil.rmtree(work, ignore_errors=True)

    def _work_folder(self) -> Path:
        try:
            self._work.mkdir(parents=True, exist_ok=True)
            sweep_work(self._work)
            return Path(tempfile.mkdtemp(prefix=f"store-{os.getpid()}-", dir=self._work))
        except OSError as error:
            raise StoreError(
                str(self._work), f"cannot be used to work in ({error.strerror})", "Check its rights and free space"
            ) from error

    def commit(self) -> bool:
        """Make the control database the version in force, if anything changed; return whether it did.

        Run it inside an `open` block and outside a transaction. If it fails, the version before stays in force.

        Raises:
            StoreError: the location cannot be written, or somebody else wrote meanwhile.
        """
        session = self._writing()
        mark = control.mark(session.con, self._schemas)
        if mark == session.mark and session.pointer is not None:
            return False
        self._check(session)
        if session.pointer is None:
            self._switch(session, self._first())
        pointer = session.pointer
        if pointer is None:
            raise AssertionError("the location has no pointer after its first claim")
        name = self._write_version(session, pointer.number + 1)
        self._switch(session, replace(pointer, version=name))
        session.mark = mark
        self._delete_old(pointer.number + 1)
        return True

    def claim(self) -> None:
        """Become the one who writes: an older writer that is still alive finds CURRENT changed, and stops.

        Raises:
            StoreError: as `commit`, or the location holds files and no CURRENT.
        """
        session = self._writing()
        self._check(session)
        mine = self._first() if session.pointer is None else replace(session.pointer, writer=secrets.token_hex(8))
        self._switch(session, mine)

    def work_folder(self) -> Path:
        """Return the local folder of the open block; it is deleted at the block's end."""
        return self._writing().work

    def raw_folder(self, source: str, dataset: str) -> str:
        """Return the URL or path of the folder with a dataset's Parquet files."""
        return f"{self.location}/{self.raw_path(source, dataset)}"

    def raw_path(self, source: str, dataset: str) -> str:
        """Return the folder of a dataset's Parquet files below the location."""
        return f"raw/{source}/{dataset}"

    def raw_columns(self, con: DuckDBPyConnection, source: str, dataset: str) -> tuple[str, ...] | None:
        """Return the received columns of a dataset in order, None where nothing was ever loaded."""
        return received_columns(con, source, dataset)

    def raw_datasets(self, con: DuckDBPyConnection) -> list[RawDataset]:
        """Return every dataset that something was loaded for, by name; one of empty files has columns and no file."""
        held = {(source, dataset): rest for source, dataset, *rest in ledger.raw_file_counts(con)}
        rows = con.execute(
            "SELECT schema_name[5:], table_name FROM duckdb_tables() WHERE database_name = current_database() "
            "AND starts_with(schema_name, 'raw_') ORDER BY 1, 2"
        ).fetchall()
        return [
            RawDataset(
                source,
                dataset,
                received_columns(con, source, dataset) or (),
                self.raw_folder(source, dataset),
                *held.get((source, dataset), (0, 0)),
            )
            for source, dataset in rows
        ]

    def _writing(self) -> _Session:
        if self._session is None or self._session.read_only:
            raise RuntimeError("the control database is not open for writing")
        return self._session

    def _error(self, problem: str, fix: str) -> StoreError:
        return StoreError(self.shown, problem, fix)

    def _parsed(self, content: bytes | None) -> _Pointer | None:
        if content is None:
            return None
        try:
            fields = json.loads(content)
            version, form = fields["version"], fields["format"]
            pointer = _Pointer(version, fields["company"], str(fields["writer"]), form)
            if not isinstance(form, int) or not (version is None or _VERSION_NAME.fullmatch(version)):
                raise ValueError
        except (ValueError, KeyError, TypeError) as error:
            raise self._error(
                f"{_CURRENT} is damaged or not ours",
                "If this location belongs to something else, choose another; if not, put CURRENT back from a backup",
            ) from error
        if form != _FORMAT:
            raise self._error(f"was written in format {form}", "Use the release of this project that wrote it")
        if self._company is not None and pointer.company not in (None, self._company):
            raise self._error(
                f"belongs to the company {pointer.company!r}, not to {self._company!r}",
                "Choose another location for this company",
            )
        return pointer

    def _load(self, session: _Session) -> None:
        import duckdb

        if session.pointer is None or session.pointer.version is None:
            return
        version = session.pointer.version
        back = (
            f"Put the file back from a backup, or write the name of an earlier version in control/ into {_CURRENT}: "
            "what was loaded after it is loaded again from the files that are still there"
        )
        try:
            file = self.storage.fetch(f"control/{version}", session.work)
        except FileNotFoundError as error:
            raise self._error(f"the version that {_CURRENT} names is missing (control/{version})", back) from error
        if _digest(file) != version.partition("-")[2][:16]:
            raise self._error(f"control/{version} is damaged", back)
        try:
            control.load(session.con, file, self._schemas)
        except duckdb.Error as error:
            raise self._error(
                f"control/{version} cannot be read by this DuckDB ({type(error).__name__})",
                "Use the release of this project that wrote it, or a newer one",
            ) from error
        if file.parent == session.work:
            file.unlink()

    def _first(self) -> _Pointer:
        """Return the pointer of a location that has none; what lies there without one is not ours to sweep."""
        versions = [name for name in self.storage.sizes("control") if _VERSION_NAME.fullmatch(name)]
        if versions:
            raise self._error(
                f"holds versions of a ledger, but no {_CURRENT}",
                f"Put {_CURRENT} back from a backup (the newest version there is {max(versions)}), or choose an empty "
                "location",
            )
        if self.storage.sizes("raw"):
            raise self._error(f"holds raw files, but no {_CURRENT}", "Choose an empty location, or restore a backup")
        return _Pointer(None, self._company, secrets.token_hex(8))

    def _check(self, session: _Session) -> None:
        if self.storage.read(_CURRENT) not in (session.content, session.attempted or session.content):
            raise self._error(
                "somebody else wrote there meanwhile",
                "Let only one machine write to a location. Nothing was overwritten; run again when the other run has "
                "ended, and it goes on from what is there",
            )

    def _switch(self, session: _Session, pointer: _Pointer) -> None:
        content = pointer.content()
        with self.storage.exclusive(_LOCK):
            self._check(session)
            session.attempted = content
            self.storage.write(_CURRENT, content)
        session.pointer, session.content = pointer, content
        session.attempted = None
        # Where there is no lock, two may have passed the check; the one whose mark is not there has lost.
        self._check(session)

    def _write_version(self, session: _Session, number: int) -> str:
        file = session.work / f"version-{number}.duckdb"
        import duckdb

        try:
            control.save(session.con, file, self._schemas)
            name = f"{number:06d}-{_digest(file)}.duckdb"
        except (duckdb.Error, OSError) as error:
            raise StoreError(
                str(session.work),
                f"the ledger could not be written ({type(error).__name__})",
                "Check free space and the memory limit; nothing was lost, the next run goes on",
            ) from error
        finally:
            file.with_name(file.name + ".wal").unlink(missing_ok=True)
        self.storage.publish(file, f"control/{name}")
        return name

    def _delete_old(self, number: int) -> None:
        # The commit stands; what cannot be deleted now is deleted after a later one.
        with contextlib.suppress(StoreError):
            for name in self.storage.sizes("control"):
                fitting = _VERSION_NAME.fullmatch(name)
                if fitting is not None and int(fitting[1]) <= number - KEPT_VERSIONS:
                    self.storage.delete(f"control/{name}")


def _digest(file: Path) -> str:
    digest = hashlib.blake2b(digest_size=8)
    with file.open("rb") as stream:
        while chunk := stream.read(4 << 20):
            digest.update(chunk)
    return digest.hexdigest()


__all__ = ["RawDataset", "RawStore", "StoreError", "spark_url"]
