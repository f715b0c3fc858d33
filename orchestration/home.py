"""The home of one company: its folder with the warehouse, the published copy, the lock and the last status.

Only paths and file handling live here; nothing opens the warehouse.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from orchestration.report import RunReport

HOME_VARIABLE = "REGULARS_HOME"
_TEMP_MARK = ".part-"
_OUT_OF_ROOM = (os.strerror(errno.ENOSPC), "disk is full", os.strerror(errno.EDQUOT))
_NO_ROOM_BYTES = 1 << 20


class HomeError(RuntimeError):
    """The home cannot be used: no permission, no room, or something else in its place. The text says what to do."""


class HomeBusyError(HomeError):
    """Another run holds the home. `pid` and `since` (UTC) say who, where known."""

    def __init__(self, path: Path, pid: int | None, since: datetime | None) -> None:
        self.pid = pid
        self.since = since
        who = "another process" if pid is None else f"process {pid}"
        when = "" if since is None else f" since {since:%Y-%m-%d %H:%M:%S} UTC"
        super().__init__(f"{who} is writing to {path}{when}. Wait until it has finished, then run again.")


@dataclass(frozen=True)
class Home:
    """The folder of one company. Every path in it is absolute, whatever the working directory becomes."""

    path: Path

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", Path(os.path.abspath(Path(self.path).expanduser())))  # noqa: PTH100 - keeps symlinks

    @classmethod
    def locate(cls, company_id: str | None, chosen: Path | str | None = None) -> Home:
        """The home to use: the one chosen, else the environment's REGULARS_HOME, else ./home/<company id>.

        Raises:
            HomeError: neither is given and the company is not known.
        """
        if chosen:
            return cls(Path(chosen))
        from_environment = os.environ.get(HOME_VARIABLE)
        if from_environment:
            return cls(Path(from_environment))
        if company_id is None:
            raise HomeError(f"Which home? Give --home, set {HOME_VARIABLE}, or name the company file.")
        return cls(Path("home") / company_id)

    @property
    def warehouse(self) -> Path:
        """The DuckDB file that runs write; nobody else opens it."""
        return self.path / "warehouse.duckdb"

    @property
    def landing(self) -> Path:
        """Files as received, before they are loaded."""
        return self.path / "landing"

    @property
    def published(self) -> Path:
        """The folder of everything readers may open."""
        return self.path / "published"

    @property
    def published_file(self) -> Path:
        """The published DuckDB file, replaced as a whole by each run."""
        return self.published / "regulars.duckdb"

    @property
    def parquet(self) -> Path:
        """The symbolic link to the newest Parquet snapshot."""
        return self.published / "parquet"

    @property
    def data_docs(self) -> Path:
        """The pages of Great Expectations."""
        return self.path / "data_docs"

    @property
    def identity_charts(self) -> Path:
        """The charts of the model of probable links, beside the pages of Great Expectations."""
        return self.data_docs / "identity"

    @property
    def value_charts(self) -> Path:
        """The page of charts about value and movement; its pictures lie beside it."""
        return self.path / "charts" / "value" / "index.html"

    @property
    def docs(self) -> Path:
        """The pages of dbt about every table, in one file."""
        return self.path / "docs" / "index.html"

    @property
    def dbt(self) -> Path:
        """Folder of dbt's target and logs."""
        return self.path / "dbt"

    @property
    def dagster(self) -> Path:
        """Dagster's own storage."""
        return self.path / "dagster"

    @property
    def logs(self) -> Path:
        """Traces of unexpected errors."""
        return self.path / "logs"

    @property
    def status_file(self) -> Path:
        """The report of the last run."""
        return self.path / "status.json"

    @property
    def identity(self) -> Path:
        """The folder of what people decided about who is who; only its owner may read it."""
        return self.path / "identity"

    @property
    def decisions_file(self) -> Path:
        """The decisions of the data steward, one a line; written beside any run, never by one."""
        return self.identity / "decisions.jsonl"

    @property
    def decisions_lock_file(self) -> Path:
        """Held for the moment in which a decision is added, so that it never waits for a run."""
        return self.identity / "decisions.lock"

    @property
    def lock_file(self) -> Path:
        """Held by the run that writes."""
        return self.path / "run.lock"

    @property
    def _holder_file(self) -> Path:
        # Beside the lock, not in it: locking empties the lock file.
        return self.path / "run.lock.holder"

    def create(self) -> Home:
        """Make the folders that are missing and prove that the home can be written.

        Raises:
            HomeError: a folder cannot be made or written.
        """
        with _home_errors(self.path, "create"):
            for folder in (self.path, self.landing, self.published, self.data_docs, self.dbt, self.dagster, self.logs):
                folder.mkdir(parents=True, exist_ok=True)
            for folder in (self.path, self.published):
                with tempfile.TemporaryFile(dir=folder):
                    pass
        return self

    @contextlib.contextmanager
    def lock(self, wait_seconds: float = 0.0) -> Iterator[None]:
        """Hold the home's single-writer lock.

        The operating system frees the lock when its process ends, however it ends, so a killed run never blocks.

        Args:
            wait_seconds: how long to wait for another run; 0 asks once, a negative number waits for ever.

        Raises:
            HomeBusyError: another run still holds the lock after that time.
            HomeError: the lock file cannot be written.
        """
        from filelock import FileLock, Timeout

        with _home_errors(self.path, "lock"):
            self.path.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.lock_file, is_singleton=False)
            try:
                lock.acquire(timeout=wait_seconds, poll_interval=0.1)
            except Timeout:
                raise HomeBusyError(self.path, *self.lock_holder()) from None
        try:
            now = datetime.now(UTC).isoformat(timespec="seconds")
            with _home_errors(self.path, "lock"):
                write_atomically(self._holder_file, json.dumps({"pid": os.getpid(), "since": now}))
            yield
        finally:
            self._holder_file.unlink(missing_ok=True)
            lock.release()

    def lock_holder(self) -> tuple[int | None, datetime | None]:
        """Process id and start (UTC) of the run that holds the lock; (None, None) where it cannot be told."""
        # The holder writes its name a moment after it has the lock.
        for attempt in range(3):
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                held = json.loads(self._holder_file.read_text(encoding="utf-8"))
                return int(held["pid"]), datetime.fromisoformat(held["since"])
            time.sleep(0.05 * attempt)
        return None, None

    def is_locked(self) -> bool:
        """Whether a run is writing at this moment."""
        from filelock import FileLock, Timeout

        if not self.lock_file.exists():
            return False
        lock = FileLock(self.lock_file, is_singleton=False)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return True
        except OSError:
            return False  # a reader without permission to write cannot tell; it need not know either
        lock.release()
        return False

    def write_status(self, report: RunReport) -> None:
        """Keep the report of the last run.

        Raises:
            HomeError: it cannot be written.
        """
        self.write_text(self.status_file.name, report.to_json())

    def read_status(self) -> RunReport | None:
        """The report of the last run, or None before the first.

        Raises:
            HomeError: status.json cannot be read.
        """
        text = self.read_text(self.status_file.name)
        try:
            return None if text is None else RunReport.from_json(text)
        except ValueError as error:
            raise HomeError(
                f"{self.status_file} is no report of a run. Delete it; the next run writes a new one."
            ) from error

    def write_text(self, name: str, text: str) -> None:
        """Replace a small file of the home as a whole.

        Raises:
            HomeError: it cannot be written.
        """
        with _home_errors(self.path, f"write {name} in"):
            write_atomically(self.path / name, text)

    def read_text(self, name: str) -> bytes | None:
        """A small file of the home, or None where it is not there.

        Raises:
            HomeError: it cannot be read.
        """
        try:
            return (self.path / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise HomeError(f"{self.path / name} cannot be read: {error.strerror}.") from error


def write_atomically(path: Path, content: str | bytes) -> None:
    """Replace a file as a whole: a reader, or a run after a kill, finds the old content or the new, never half.

    Raises:
        OSError: the folder is full or cannot be written; the old content stays.
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    temp = temporary_beside(path)
    try:
        with temp.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temp.replace(path)
    except BaseException:
        temp.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def temporary_beside(path: Path) -> Path:
    """A free name in the same folder (same file system, so that it can replace `path` in one step)."""
    return path.with_name(f".{path.name}{_TEMP_MARK}{os.getpid()}-{time.monotonic_ns()}")


def is_temporary(path: Path) -> bool:
    """Whether the name was made by `temporary_beside`."""
    return path.name.startswith(".") and _TEMP_MARK in path.name


def sync_file(path: Path) -> None:
    """Have the operating system put a closed file on the disk."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Have the operating system put a folder's entries on the disk, where it knows how to."""
    if os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def is_out_of_room(said: BaseException | str, folder: Path) -> bool:
    """Whether an error, one of its causes, or what was said of it, comes from a full disk under `folder`.

    Libraries pass on the words of the operating system, not its number. SQLite sometimes only says that it could not
    write; then the disk itself is asked.
    """
    texts = [said] if isinstance(said, str) else [str(error) for error in _causes(said)]
    if any(words in text for text in texts for words in _OUT_OF_ROOM):
        return True
    return any("disk I/O error" in text for text in texts) and shutil.disk_usage(folder).free < _NO_ROOM_BYTES


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    here: BaseException | None = error
    while here is not None and id(here) not in seen:
        seen.add(id(here))
        yield here
        here = here.__cause__ or here.__context__


def out_of_room(home: Home) -> HomeError:
    """The error to raise when the home's disk is full."""
    return HomeError(
        f"Cannot write the home {home.path}: the disk is full. What was published before is still in place, and "
        "nothing that was loaded is lost. Free some space, then run again."
    )


def explain_os_error(error: OSError) -> str:
    """The usual causes in plain words, without the file names an error may hold."""
    if error.errno == errno.ENOSPC:
        return "the disk is full"
    if error.errno in (errno.EACCES, errno.EPERM):
        return "no permission"
    if error.errno == errno.EROFS:
        return "the file system is read-only"
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        return "a file is in the place of a folder"
    return error.strerror or type(error).__name__


@contextlib.contextmanager
def _home_errors(path: Path, doing: str) -> Iterator[None]:
    """Turn what the operating system says into a sentence with a way out."""
    try:
        yield
    except OSError as error:
        reason = explain_os_error(error)
        raise HomeError(
            f"Cannot {doing} the home {path}: {reason}. Give another with --home or {HOME_VARIABLE}."
        ) from error
