"""Load the objects of an API: pages land as files, and rows, ledger and cursor of a file are one transaction.

A process killed anywhere leaves whole segments in the warehouse, with the cursor that belongs to them, and files in the
landing folder that the next load deletes. That load asks from the cursor on, less the look-back; records that it gets
again unchanged are known by their hash. Fetching goes on in a thread while rows are written.
"""

from __future__ import annotations

import contextlib
import gc
import queue
import threading
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from sources.files import ledger
from sources.files.cursors import cursor_of, ensure_cursors
from sources.files.discover import SourceFile, local_fingerprint
from sources.files.errors import FileProblem, SourceError
from sources.files.prepare import Prepared, prepare
from sources.files.write import Job, Outcome, load_group
from sources.rest.errors import RestError, RestStopped
from sources.rest.rows import load_rows
from sources.rest.sweep import Segment, Sweep, sweep_landing
from sources.vendor import ApiSettings, VendorDataset, VendorObject, VendorSource

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from sources.files.sink import Sink
    from sources.rest.client import RestClient

Progress = Callable[[str, int, int], None]
"""Called with object, pages so far and records so far, about once a second."""

_SEGMENTS_AHEAD = 2
_LOOK_SECONDS = 0.5
_CHECKPOINT = "256MB"


@dataclass(frozen=True)
class ObjectLoad:
    """What became of one object.

    Attributes:
        object: its name.
        pages: fetched.
        records: received, those that were known included.
        known: records received again within the look-back, unchanged, which were not loaded a second time.
        since: asked from this time on (UTC), None for everything.
        cursor: where the next load goes on, ISO 8601; None where nothing tells.
        seconds: taken.
        is_complete: whether all pages came.
    """

    object: str
    pages: int
    records: int
    known: int
    since: datetime | None
    cursor: str | None
    seconds: float
    is_complete: bool


@dataclass
class ApiReport:
    """What a load of a source's API did.

    Attributes:
        outcomes: object and outcome of every segment, as of a file.
        objects: what became of each object that was asked for.
        problems: errors, to be shown.
        notices: object and what people should know though nothing failed.
    """

    outcomes: list[tuple[str, Outcome]] = field(default_factory=list)
    objects: list[ObjectLoad] = field(default_factory=list)
    problems: list[SourceError] = field(default_factory=list)
    notices: list[tuple[str, str]] = field(default_factory=list)


def load_api(
    con: DuckDBPyConnection,
    name: str,
    source: VendorSource,
    *,
    landing: Path,
    load_id: str,
    sink: Sink,
    progress: Progress | None = None,
    stop: Callable[[], bool] | None = None,
) -> ApiReport:
    """Fetch and load every object that a source's API is asked for; one that fails does not keep the others back.

    Args:
        con: warehouse or control database, writable, with a ledger, without an open transaction.
        name: of the source in the company file.
        source: its settings.
        landing: folder for landed files; they are deleted once their rows are in.
        load_id: of this load.
        sink: where rows go; its load has begun.
        progress: told while pages come.
        stop: asked again and again; once it returns true, the load ends after what has come.

    Returns:
        The report; its `problems` are to be shown, they are not raised.

    Raises:
        SourceError: the warehouse could not write.
        StoreError: the storage location could not be written.
    """
    report = ApiReport()
    if source.api is None:
        return report
    ensure_cursors(con)
    with _tuned(con):
        for one in source.asked:
            if stop is not None and stop():
                break
            job = Job(con, sink, name, one.name, VendorDataset(format="jsonl"), load_id, {})
            error = _load(job, one, source.api, landing / name / one.name, report, progress, stop)
            if error is not None:
                report.problems.append(error[1])
                if error[0] == 401:
                    break  # no other object will be had either
    return report


@contextlib.contextmanager
def _tuned(con: DuckDBPyConnection) -> Iterator[None]:
    """Let nothing be done over and over while many segments come."""
    import duckdb

    ((before,),) = con.execute("SELECT current_setting('checkpoint_threshold')").fetchall()
    # Each segment is larger than the usual threshold, and would be written twice at once.
    con.execute(f"SET checkpoint_threshold = '{_CHECKPOINT}'")
    # What is there already is no garbage: the collector need not look at it again with every page.
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        # A connection that a full disk has ended cannot be set any more; that error is on its way already.
        with contextlib.suppress(duckdb.Error):
            con.execute(f"SET checkpoint_threshold = '{before}'")


def _load(
    job: Job,
    one: VendorObject,
    settings: ApiSettings,
    folder: Path,
    report: ApiReport,
    progress: Progress | None,
    stop: Callable[[], bool] | None,
) -> tuple[int | None, SourceError] | None:
    """Fetch and load one object; return status and error if not all of it came."""
    begun = perf_counter()
    folder.mkdir(parents=True, exist_ok=True)
    sweep_landing(folder)
    job.loaded = ledger.loaded_batches(job.con, job.source, job.name)
    before = cursor_of(job.con, job.source, job.name) if one.cursor else None
    look_back = timedelta(minutes=settings.look_back_minutes)
    start = None if settings.start is None else settings.start.isoformat()
    sweep = Sweep(one, before, start, look_back, folder)
    fetch = _Fetch(one, settings, sweep, stop)
    failed: SourceError | None = None

    def tell() -> None:
        if progress is not None:
            progress(one.name, sweep.pages, sweep.records)

    with fetch:
        for segment in fetch.segments(tell):
            outcome = _load_segment(job, segment)
            report.outcomes.append((one.name, outcome))
            segment.discard()
            if outcome.problem is not None:
                # What comes after it may not move the cursor past it.
                failed = SourceError(job.source, job.name, outcome.file, outcome.problem.problem, outcome.problem.fix)
                break
    tell()
    after = cursor_of(job.con, job.source, job.name)
    report.notices += [(one.name, text) for text in sweep.notices]
    report.objects.append(
        ObjectLoad(
            one.name,
            sweep.pages,
            sweep.records,
            sweep.known,
            sweep.since,
            after.at if after else None,
            perf_counter() - begun,
            failed is None and fetch.error is None and not fetch.was_stopped,
        )
    )
    if failed is not None:
        return None, failed
    if fetch.error is not None:
        return told(fetch.error, job.source, job.name)
    return None


def _load_segment(job: Job, segment: Segment) -> Outcome:
    state = segment.path.stat()
    file = SourceFile(
        # By its content: what comes again has its row in the ledger already.
        name=f"api/{job.name}/{segment.content_hash[:16]}.jsonl",
        format="jsonl",
        size=segment.size,
        modified_at=datetime.fromtimestamp(state.st_mtime, UTC),
        fingerprint=local_fingerprint(state),
        path=segment.path,
    )
    job.sink.follow(segment.cursor)
    try:
        if segment.rows is not None:
            outcome = load_rows(job, Prepared(file, segment.content_hash, segment.size, segment.path), segment.rows)
            if outcome is not None:
                return outcome
        ready = prepare(file, job.dataset, segment.path.parent)
        (outcome,) = load_group(job, [ready])
        ready.discard()
        return outcome
    except FileProblem as problem:
        return Outcome(file.name, "failed", problem=problem)
    finally:
        job.sink.follow(None)


class _Fetch:
    """A thread that lands the segments of one object, a few ahead of who loads them."""

    def __init__(self, one: VendorObject, settings: ApiSettings, sweep: Sweep, stop: Callable[[], bool] | None) -> None:
        self.error: BaseException | None = None
        self.was_stopped = False
        self._one = one
        self._settings = settings
        self._sweep = sweep
        self._stop = stop or (lambda: False)
        self._abandoned = threading.Event()
        self._queue: queue.Queue[Segment | None] = queue.Queue(_SEGMENTS_AHEAD)
        self._thread = threading.Thread(target=self._run, name=f"fetch-{one.name}", daemon=True)

    def __enter__(self) -> _Fetch:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._abandoned.set()
        # It may be waiting for an answer; then it ends with that, and touches nothing of a later load.
        self._thread.join(timeout=5)
        with contextlib.suppress(queue.Empty):
            while (left := self._queue.get_nowait()) is not None:
                left.discard()

    def segments(self, tell: Callable[[], None]) -> Iterator[Segment]:
        """Yield segments as they land; `tell` is called while waiting."""
        while True:
            try:
                segment = self._queue.get(timeout=_LOOK_SECONDS)
            except queue.Empty:
                tell()
                continue
            if segment is None:
                return
            tell()
            yield segment

    def _is_over(self) -> bool:
        if not self.was_stopped and self._stop():
            self.was_stopped = True
        return self.was_stopped or self._abandoned.is_set()

    def _run(self) -> None:
        try:
            with open_client(self._settings, self._is_over) as client:
                for segment in self._sweep.segments(self._pages(client)):
                    self._put(segment)
                    if self._abandoned.is_set():
                        return
        except RestStopped:
            self.was_stopped = True
        except Exception as error:  # noqa: BLE001 - the loading thread tells it
            self.error = error
        finally:
            self._put(None)

    def _pages(self, client: RestClient) -> Iterator[Any]:
        if self._one.pages is None:
            raise AssertionError(f"{self._one.name} is not fetched")
        for page in self._one.pages(client, self._settings, self._sweep.since):
            yield page
            if self._is_over():
                raise RestStopped

    def _put(self, segment: Segment | None) -> None:
        while not self._abandoned.is_set():
            with contextlib.suppress(queue.Full):
                self._queue.put(segment, timeout=_LOOK_SECONDS)
                return
        if segment is not None:
            segment.discard()


@contextlib.contextmanager
def open_client(settings: ApiSettings, stop: Callable[[], bool]) -> Iterator[RestClient]:
    """Give a source's client, which ends soon after `stop` returns true; its connections are closed afterwards."""
    client = settings.client()
    client.stop = stop
    try:
        yield client
    finally:
        client.close()


def told(error: BaseException, source: str, dataset: str) -> tuple[int | None, SourceError]:
    """Return status and message of what ended a fetch; what a library says may hold data, so it is not repeated."""
    if isinstance(error, RestError):
        return error.status, error.at(source, dataset)
    if isinstance(error, OSError):
        fix = "Check free space and rights of the landing folder"
        return None, SourceError(source, dataset, "landing", f"cannot be written ({error.strerror})", fix)
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "sources" in Path(frame.filename).parts]
    where = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    problem = f"an answer is not what this vendor's documentation says ({type(error).__name__}{where})"
    return None, SourceError(source, dataset, "pages", problem, "Report it; what came before was kept")


__all__ = ["ApiReport", "ObjectLoad", "Progress", "load_api", "open_client", "told"]
