"""Where big things lie: a local folder or any fsspec URL, with the few operations that exactly once needs.

A file that is published is there as a whole or not at all. On object storage one upload does that; on a file system
the file is written under a name that readers ignore (a leading full stop) and renamed. Paths given to a storage are
relative to its location and use `/`.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from sources.files.discover import is_url, public_url
from sources.files.errors import StoreError

# One upload to these appears whole or not at all, and a rename there is a copy.
_OBJECT_STORAGE = frozenset(
    {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "adl", "az", "oci", "ocilake", "oss", "tos", "memory"}
)
_PACKAGES = {
    "s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "abfs": "adlfs", "abfss": "adlfs", "az": "adlfs",
    "hdfs": "pyarrow with libhdfs", "sftp": "paramiko", "ssh": "paramiko", "smb": "smbprotocol",
}  # fmt: skip
_HADOOP_SCHEMES = {"s3": "s3a", "gcs": "gs"}


class Storage(Protocol):
    """A location; every method raises StoreError with what to do."""

    url: str
    shown: str

    def read(self, path: str) -> bytes | None:
        """Return a small file, None where there is none."""

    def write(self, path: str, content: bytes) -> None:
        """Write a small file in one atomic step, over an older one."""

    def part(self, path: str, work: Path) -> Path:
        """Return where to write a file locally before it is published; its folder exists."""

    def publish(self, part: Path, path: str) -> None:
        """Make a complete local file appear under its path; the local one is gone afterwards."""

    def fetch(self, path: str, work: Path) -> Path:
        """Return a local copy of a file, or the file itself where it is local.

        Raises:
            FileNotFoundError: it is not there.
        """

    def sizes(self, folder: str) -> dict[str, int]:
        """Return every file below a folder as path relative to that folder: bytes; empty without the folder."""

    def delete(self, path: str) -> None:
        """Delete a file; one that is not there is no error."""

    def exclusive(self, path: str) -> AbstractContextManager[object]:
        """Keep other processes out where the storage can do that (a lock on a file)."""


def open_storage(location: str | Path, options: Mapping[str, Any] | None = None) -> Storage:
    """Return the storage of a location: a folder, a file:// URL or any fsspec URL.

    Args:
        location: relative folders start at the working directory.
        options: of the fsspec file system (credentials, endpoint); they never show in messages.

    Raises:
        StoreError: no file system is known for the URL, or its package is missing.
    """
    text = str(location)
    if is_url(text):
        return RemoteStorage(text, options)
    if text.startswith(("file://", "local://")):
        text = unquote(text.partition("://")[2])
    return LocalStorage(Path(text))


def spark_url(path: str) -> str:
    """Return an fsspec URL or a local path as Hadoop calls it: s3:// is s3a://, a local path is absolute."""
    if path.startswith(("file://", "local://")):
        path = unquote(path.partition("://")[2])
    scheme, mark, rest = path.partition("://")
    return f"{_HADOOP_SCHEMES.get(scheme, scheme)}://{rest}" if mark else str(_absolute(Path(path)))


@contextmanager
def _told(shown: str, doing: str, *, may_miss: bool = False) -> Iterator[None]:
    """Turn the errors of a file system into one that says what to do; texts of libraries may hold secrets."""
    try:
        yield
    except StoreError:
        raise
    except PermissionError as error:
        raise StoreError(shown, f"no permission to {doing}", "Give this user the right to read and write there") from (
            error
        )
    except OSError as error:
        if may_miss and isinstance(error, FileNotFoundError):
            raise
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StoreError(shown, f"no space left to {doing}", "Free some space; the next run goes on here") from (
                error
            )
        if error.errno == errno.EROFS:
            raise StoreError(shown, f"cannot {doing}: the file system is read-only", "Mount it for writing") from error
        reason = error.strerror or type(error).__name__
        raise StoreError(shown, f"cannot {doing} ({reason})", "Check the location, the network and rights") from error
    except Exception as error:  # every file system raises errors of its own
        raise StoreError(
            shown, f"cannot {doing} ({type(error).__name__})", "Check the location, network and credentials"
        ) from error


class LocalStorage:
    """A folder of this machine or of a mounted drive."""

    def __init__(self, folder: Path) -> None:
        """Take the folder; it is made at the first write."""
        self._folder = _absolute(folder)
        self.url = self.shown = str(self._folder)

    def _path(self, path: str) -> Path:
        return self._folder.joinpath(*path.split("/"))

    def _made(self, path: str) -> Path:
        target = self._path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        return target

    def read(self, path: str) -> bytes | None:
        """Return a small file, None where there is none."""
        with _told(self.shown, "read it"):
            try:
                return self._path(path).read_bytes()
            except (FileNotFoundError, NotADirectoryError):
                return None

    def write(self, path: str, content: bytes) -> None:
        """Write a small file, bring it to disk, and rename it into place."""
        with _told(self.shown, "write there"):
            target = self._made(path)
            part = target.with_name(f".{target.name}.tmp")
            with part.open("wb") as stream:
                stream.write(content)
            self._settle(part, target)

    def part(self, path: str, work: Path) -> Path:  # noqa: ARG002 - a remote storage needs it
        """Return a hidden neighbour of the path, so that publishing is a rename."""
        with _told(self.shown, "write there"):
            target = self._made(path)
            part = target.with_name(f".{target.name}.tmp")
            part.touch()  # a missing right shows here, in words
            return part

    def publish(self, part: Path, path: str) -> None:
        """Bring the file to disk and rename it into place."""
        with _told(self.shown, "write there"):
            target = self._made(path)
            if part.parent != target.parent:
                near = target.with_name(f".{target.name}.tmp")
                shutil.copyfile(part, near)
                part.unlink()
                part = near
            self._settle(part, target)

    def _settle(self, part: Path, target: Path) -> None:
        with part.open("rb+") as stream:
            os.fsync(stream.fileno())
        part.replace(target)
        if os.name == "posix":
            folder = os.open(target.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def fetch(self, path: str, work: Path) -> Path:  # noqa: ARG002 - a remote storage needs it
        """Return the file itself."""
        found = self._path(path)
        with _told(self.shown, "read it", may_miss=True):
            found.stat()
        return found

    def sizes(self, folder: str) -> dict[str, int]:
        """Return every file below a folder with its bytes."""
        root = self._path(folder)
        with _told(self.shown, "list it"):
            if not root.exists():
                return {}
            # Not rglob: it passes over a folder that may not be read, and files would seem to be gone.
            found: dict[str, int] = {}
            for here, _, names in os.walk(root, onerror=_raise):
                for name in names:
                    path = Path(here, name)
                    found[path.relative_to(root).as_posix()] = path.stat().st_size
            return found

    def delete(self, path: str) -> None:
        """Delete a file; one that is not there is no error."""
        with _told(self.shown, "delete files there"):
            self._path(path).unlink(missing_ok=True)

    @contextmanager
    def exclusive(self, path: str) -> Iterator[None]:
        """Hold a lock on a file; a killed process lets go of it."""
        from filelock import FileLock, Timeout

        with _told(self.shown, "write there"):
            lock = FileLock(str(self._made(path)), timeout=60)
            try:
                lock.acquire()
            except Timeout as error:
                raise StoreError(
                    self.shown, "another process is writing there", "Wait until it has ended, then run again"
                ) from error
        try:
            yield
        finally:
            lock.release()


def _absolute(path: Path) -> Path:
    # Not resolve: a location behind a link keeps its name when the link moves.
    return Path(os.path.normpath(path.expanduser().absolute()))


def sweep_work(work: Path) -> None:
    """Delete the working folders that killed processes left behind; they may hold personal data."""
    for left in work.glob("store-*-*"):
        if left.is_dir() and not _is_alive(left.name.split("-")[1]):
            shutil.rmtree(left, ignore_errors=True)


def _is_alive(process: str) -> bool:
    if not process.isdigit() or os.name != "posix":
        return process.isdigit()  # elsewhere asking is not safe
    try:
        os.kill(int(process), 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _raise(error: OSError) -> None:
    raise error


class RemoteStorage:
    """Any fsspec URL."""

    def __init__(self, url: str, options: Mapping[str, Any] | None = None) -> None:
        """Find the file system; nothing is read or written yet."""
        self.url = url.rstrip("/")
        self.shown = public_url(self.url)
        scheme = urlsplit(self.url).scheme
        self._is_object_storage = scheme in _OBJECT_STORAGE
        self._fs, self._root = self._file_system(scheme, options or {})

    def _file_system(self, scheme: str, options: Mapping[str, Any]) -> tuple[Any, str]:
        import fsspec

        known = {*fsspec.available_protocols(), *fsspec.registry}
        if scheme not in known:
            raise StoreError(
                self.shown, f"no file system is known for {scheme}://", "Use a folder or a URL that fsspec knows"
            )
        try:
            with _told(self.shown, "open it"):
                fs, root = fsspec.core.url_to_fs(self.url, **options)
        except StoreError as error:
            if not isinstance(error.__cause__, ImportError):
                raise
            package = _PACKAGES.get(scheme, f"the fsspec package for {scheme}://")
            raise StoreError(self.shown, "a Python package is missing", f"Install {package}") from error.__cause__
        return fs, str(root).rstrip("/")

    def _path(self, path: str) -> str:
        return f"{self._root}/{path}"

    def _make_room(self, path: str) -> None:
        if not self._is_object_storage:
            self._fs.makedirs(self._path(path).rpartition("/")[0], exist_ok=True)

    def read(self, path: str) -> bytes | None:
        """Return a small file, None where there is none."""
        with _told(self.shown, "read it"):
            self._fs.invalidate_cache()
            for name in [self._path(path)] if self._is_object_storage else [self._path(path), self._hidden(path)]:
                with contextlib.suppress(FileNotFoundError):
                    return bytes(self._fs.cat_file(name))
            return None

    def write(self, path: str, content: bytes) -> None:
        """Write a small file with one upload, or under a hidden name and a rename."""
        with _told(self.shown, "write there"):
            if self._is_object_storage:
                self._fs.pipe_file(self._path(path), content)
            else:
                self._make_room(path)
                self._fs.pipe_file(self._hidden(path), content)
                self._rename(path)
            self._fs.invalidate_cache()

    def _hidden(self, path: str) -> str:
        folder, _, name = self._path(path).rpartition("/")
        return f"{folder}/.{name}.tmp"

    def _rename(self, path: str) -> None:
        target = self._path(path)
        try:
            self._fs.mv(self._hidden(path), target)
        except Exception:
            # Some file systems rename over nothing only. Until the second rename, `read` finds the hidden file.
            if not self._fs.exists(target):
                raise
            self._fs.rm_file(target)
            self._fs.mv(self._hidden(path), target)

    def part(self, path: str, work: Path) -> Path:
        """Return a path in the work folder."""
        with _told(str(work), "write there"):
            work.mkdir(parents=True, exist_ok=True)
        return work / path.rpartition("/")[2]

    def publish(self, part: Path, path: str) -> None:
        """Upload a complete local file and delete the local one."""
        with _told(self.shown, "write there"):
            if self._is_object_storage:
                self._fs.put_file(str(part), self._path(path))
            else:
                self._make_room(path)
                self._fs.put_file(str(part), self._hidden(path))
                self._rename(path)
            self._fs.invalidate_cache()
            part.unlink()

    def fetch(self, path: str, work: Path) -> Path:
        """Download a file into the work folder."""
        copy = self.part(path, work)
        with _told(self.shown, "read it", may_miss=True):
            self._fs.get_file(self._path(path), str(copy))
        return copy

    def sizes(self, folder: str) -> dict[str, int]:
        """Return every file below a folder with its bytes."""
        root = self._path(folder)
        with _told(self.shown, "list it"):
            self._fs.invalidate_cache()
            try:
                found = self._fs.find(root, detail=True)
            except FileNotFoundError:
                return {}
            return {
                name[len(root) :].lstrip("/"): int(info.get("size") or 0)
                for name, info in found.items()
                # Some tools mark a folder by an empty object.
                if info.get("type") == "file" and not name.endswith("/") and name != root
            }

    def delete(self, path: str) -> None:
        """Delete a file; one that is not there is no error."""
        with _told(self.shown, "delete files there"), contextlib.suppress(FileNotFoundError):
            self._fs.rm_file(self._path(path))

    def exclusive(self, path: str) -> AbstractContextManager[object]:  # noqa: ARG002 - a local storage needs it
        """Object storage has no locks: the guard of the store's pointer has to do."""
        return nullcontext()
