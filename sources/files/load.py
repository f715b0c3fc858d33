"""Bring the files of a source into the raw layer: every record as received, once, with its ledger row.

Rows and ledger become visible together, some files at a time, so a process killed anywhere leaves either all of those
or nothing of them, and the next load completes the work. Content that was loaded before is recognised by its hash,
whatever its file is called; such a file gets a row in `ledger.files` and no batch.

Values: an empty value of a delimited file is null, quoted or not (most exports quote all or nothing, so the quotes
carry no meaning). Text of JSON, Excel and Parquet is kept as it is. Records are numbered from 1 within their file,
refused ones included.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sources.files import ledger
from sources.files.config import Dataset
from sources.files.discover import SourceFile, discover
from sources.files.errors import FileProblem, SourceError
from sources.files.ledger import ensure_ledger
from sources.files.prepare import Prepared, prepare, reader_of
from sources.files.sink import Sink, TableSink
from sources.files.sink_parquet import ParquetSink
from sources.files.write import Job, Outcome, load_group

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from sources.files.config import FilesSource
    from sources.files.store import RawStore
    from sources.vendor import VendorSource

Progress = Callable[[str, int, int, int], None]
"""Called with dataset, files done, files to do, rows so far."""

# A group is staged as one: large enough for one statement over many small files, small enough for memory.
GROUP_FILES = 1000
GROUP_BYTES = 256 << 20

Status = Literal["loaded", "reread", "known_content", "failed"]


@dataclass(frozen=True)
class FileOutcome:
    """What became of one new or changed file.

    Attributes:
        dataset: name of the dataset.
        file: as in the ledger.
        status: loaded; reread (the same content with other options: its old rows were replaced, so what was
            built from them must be rebuilt); known_content (already there under another name or unchanged); failed.
        batch_id: None when failed.
        rows_received: records in the file, refused ones included; 0 unless loaded or reread.
        rows_rejected: records that could not be read; they are kept with their reason.
        error: why it failed.
    """

    dataset: str
    file: str
    status: Status
    batch_id: str | None = None
    rows_received: int = 0
    rows_rejected: int = 0
    error: SourceError | None = None


@dataclass
class LoadReport:
    """What a load of one source did.

    Attributes:
        source: its name.
        load_id: as given.
        started_at: UTC.
        finished_at: UTC.
        files: outcome of every new or changed file.
        unchanged: number of files recognised as loaded without reading them.
        problems: all errors: paths without files, then files that failed.
    """

    source: str
    load_id: str
    started_at: dt.datetime
    finished_at: dt.datetime
    files: list[FileOutcome] = field(default_factory=list)
    unchanged: int = 0
    problems: list[SourceError] = field(default_factory=list)

    @property
    def rows_received(self) -> int:
        """Records received in this load."""
        return sum(file.rows_received for file in self.files)

    @property
    def rows_rejected(self) -> int:
        """Records that could not be read."""
        return sum(file.rows_rejected for file in self.files)

    @property
    def files_loaded(self) -> int:
        """Files whose rows were written."""
        return sum(file.status in ("loaded", "reread") for file in self.files)

    @property
    def reread(self) -> bool:
        """Whether rows of an earlier load were replaced, so that staging must be rebuilt."""
        return any(file.status == "reread" for file in self.files)


@dataclass(frozen=True)
class PendingFile:
    """A file that the next load would read.

    Attributes:
        dataset: name of the dataset.
        file: where it is and what it looks like from outside.
        why: new, changed, options (it would be read in another way), unknown (only reading can tell), or failed (it
            could not be loaded and has not changed since; tried again, as a right or a disk may have been mended).
    """

    dataset: str
    file: SourceFile
    why: Literal["new", "changed", "options", "unknown", "failed"]

    @property
    def is_certain(self) -> bool:
        """Whether it surely brings something new, so that a run is worth its cost."""
        return self.why in ("new", "changed", "options")


@dataclass(frozen=True)
class Pending:
    """What is new in a source, found without reading a file."""

    files: list[PendingFile]
    unchanged: int
    problems: list[SourceError]


def pending(con: DuckDBPyConnection, name: str, source: FilesSource | VendorSource, base: Path) -> Pending:
    """Return what the next load of a source would read. It writes nothing and opens no file.

    Args:
        con: warehouse; a read-only connection and a warehouse without ledger will do.
        name: of the source in the company file.
        source: its settings.
        base: folder of the company file.
    """
    files: list[PendingFile] = []
    problems: list[SourceError] = []
    unchanged = 0
    for dataset_name, dataset in source.datasets.items():
        found = discover(name, dataset_name, dataset, base)
        problems += found.problems
        known = ledger.known_files(con, name, dataset_name)
        failures = ledger.known_failures(con, name, dataset_name)
        for file in found.files:
            why = _why(file, known.get(file.name), failures.get(file.name), reader_of(dataset, file))
            if why is None:
                unchanged += 1
            else:
                files.append(PendingFile(dataset_name, file, why))
    return Pending(files, unchanged, problems)


def _why(
    file: SourceFile, known: ledger.KnownFile | None, failure: ledger.KnownFailure | None, reader: str
) -> Literal["new", "changed", "options", "unknown", "failed"] | None:
    if failure is not None and failure.reader == reader and failure.fingerprint == file.fingerprint:
        return "failed"
    if known is None:
        return "new"
    if known.reader != reader:
        return "options"
    if file.fingerprint is None:
        return "unknown"
    return None if file.fingerprint == known.fingerprint else "changed"


def load_source(
    con: DuckDBPyConnection,
    name: str,
    source: FilesSource | VendorSource,
    *,
    base: Path,
    landing: Path,
    load_id: str,
    progress: Progress | None = None,
    store: RawStore | None = None,
) -> LoadReport:
    """Load every new or changed file of a source; a file that fails does not keep the others back.

    Args:
        con: warehouse, writable, without an open transaction; with a store, its open control database.
        name: of the source in the company file.
        source: its settings.
        base: folder of the company file.
        landing: folder for fetched files and working copies.
        load_id: of this load.
        progress: told after each group of files.
        store: where rows and ledger go; without it they go into the warehouse.

    Returns:
        The report; its `problems` are to be shown, they are not raised.

    Raises:
        SourceError: the warehouse could not write (full disk, out of memory).
        StoreError: the storage location could not be read or written.
    """
    sink = begun_sink(con, name, load_id, store)
    ensure_ledger(con)
    con.execute("SET TimeZone = 'UTC'")
    sweep_landing(landing / name)
    new = pending(con, name, source, base)
    report = LoadReport(name, load_id, ledger.now(), ledger.now(), unchanged=new.unchanged, problems=new.problems)
    for dataset_name, dataset in source.datasets.items():
        files = [one.file for one in new.files if one.dataset == dataset_name]
        job = Job(con, sink, name, dataset_name, dataset, load_id, ledger.loaded_batches(con, name, dataset_name))
        by_name = {file.name: file for file in files}
        failed_before = ledger.known_failures(con, name, dataset_name)
        done = rows = 0
        for group in _groups(files):
            for outcome in _load(job, group, landing / name / dataset_name):
                _note(report, job, outcome)
                if outcome.problem is not None or outcome.file in failed_before:
                    _remember(job, by_name[outcome.file], outcome.problem)
                done += 1
                rows += outcome.received
            if progress is not None:
                progress(dataset_name, done, len(files), rows)
    report.finished_at = ledger.now()
    return report


def begun_sink(con: DuckDBPyConnection, name: str, load_id: str, store: RawStore | None) -> Sink:
    """Return where a load of a source puts its rows, ready for it: the warehouse, or a storage location."""
    sink: Sink = TableSink(con, name, load_id) if store is None else ParquetSink(con, store, name, load_id)
    sink.begin()
    return sink


def sweep_landing(folder: Path) -> None:
    """Delete the working copies that a killed load left behind; they may hold personal data."""
    for pattern in ("*/work-*.txt", "*/*.part"):
        for left in folder.glob(pattern):
            left.unlink(missing_ok=True)


def _groups(files: Iterable[SourceFile]) -> Iterator[list[SourceFile]]:
    group: list[SourceFile] = []
    size = 0
    for file in files:
        if group and (len(group) >= GROUP_FILES or size + max(file.size, 0) > GROUP_BYTES):
            yield group
            group, size = [], 0
        group.append(file)
        size += max(file.size, 0)
    if group:
        yield group


def _load(job: Job, files: list[SourceFile], landing: Path) -> Iterator[Outcome]:
    ready: list[Prepared] = []
    try:
        # Hashing, unpacking and counting leave the interpreter lock most of the time.
        with ThreadPoolExecutor(max_workers=4) as pool:
            for file, result in zip(
                files, pool.map(lambda one: _try_prepare(one, job.dataset, landing), files), strict=True
            ):
                if isinstance(result, FileProblem):
                    yield Outcome(file.name, "failed", problem=result)
                else:
                    ready.append(result)
        yield from load_group(job, ready)
    finally:
        for one in ready:
            one.discard()


def _try_prepare(file: SourceFile, dataset: Dataset, landing: Path) -> Prepared | FileProblem:
    try:
        return prepare(file, dataset, landing)
    except FileProblem as problem:
        return problem
    except PermissionError:
        return FileProblem("no permission to read it", "Let this user read the file and write the landing folder")
    except OSError as error:
        return FileProblem(f"cannot be read or unpacked ({error.strerror})", "Check the disk and its free space")


def _note(report: LoadReport, job: Job, outcome: Outcome) -> None:
    error = None
    if outcome.problem is not None:
        error = SourceError(job.source, job.name, outcome.file, outcome.problem.problem, outcome.problem.fix)
        report.problems.append(error)
    report.files.append(
        FileOutcome(job.name, outcome.file, outcome.status, outcome.batch_id, outcome.received, outcome.rejected, error)
    )


def _remember(job: Job, file: SourceFile, problem: FileProblem | None) -> None:
    """Keep what was wrong with a file, so that it starts no run by itself again until it has changed."""
    failure = None
    if problem is not None:
        reader = reader_of(job.dataset, file)
        failure = ledger.KnownFailure(file.fingerprint, reader, problem.problem, problem.fix)
    ledger.record_failure(job.con, job.source, job.name, file.name, failure)


__all__ = [
    "FileOutcome",
    "LoadReport",
    "Pending",
    "PendingFile",
    "begun_sink",
    "ensure_ledger",
    "load_source",
    "pending",
]
