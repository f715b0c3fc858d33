"""Find the files of a dataset: a path, a folder, a glob or a list of them, local or at any fsspec URL.

Finding files never reads their content. Each file gets a fingerprint (size and time of change), so that a file
that was loaded before is recognised without opening it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from sources.files.config import SUFFIXES, Dataset, Format, format_of
from sources.files.errors import FileProblem, SourceError

_MAGIC = frozenset("*?[")
_UNFINISHED = (".part", ".tmp", ".crdownload", ".filepart")


@dataclass(frozen=True)
class SourceFile:
    """One file of a dataset.

    Attributes:
        name: how the ledger and messages call it: relative to the company file's folder where possible, else
            absolute; a URL without user, password and query.
        format: how to read it.
        size: in bytes, -1 when the file system does not tell.
        modified_at: UTC, None when the file system does not tell.
        fingerprint: changes when the file changes; None when only reading can tell.
        path: where it lies locally, None for a remote file.
        url: the full URL of a remote file.
    """

    name: str
    format: Format
    size: int
    modified_at: dt.datetime | None
    fingerprint: str | None
    path: Path | None = None
    url: str | None = None


@dataclass(frozen=True)
class Found:
    """What discovery of one dataset gave: files in a fixed order, and the paths that gave none."""

    files: list[SourceFile]
    problems: list[SourceError]


def discover(source: str, dataset_name: str, dataset: Dataset, base: Path) -> Found:
    """Return the files of a dataset, sorted by name, each once.

    Args:
        source: name of the source, for messages.
        dataset_name: name of the dataset, for messages.
        dataset: its settings.
        base: folder that relative paths start at (the company file's).
    """
    files: dict[str, SourceFile] = {}
    problems: list[SourceError] = []
    for path in dataset.path:
        try:
            listed = list(_remote(path, dataset) if is_url(path) else _local(path, dataset, base))
            if not listed:
                raise FileProblem("no file matches", _what_was_sought(dataset))
        except FileProblem as problem:
            shown = public_url(path) if is_url(path) else path
            problems.append(SourceError(source, dataset_name, shown, problem.problem, problem.fix))
            continue
        for file in listed:
            files.setdefault(file.name, file)
    return Found([files[name] for name in sorted(files)], problems)


def is_url(path: str) -> bool:
    """Return whether the path is an fsspec URL that is not simply local."""
    return "://" in path and not path.startswith(("file://", "local://"))


def public_url(url: str) -> str:
    """Return the URL without user, password, query and fragment, which may hold secrets."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _what_was_sought(dataset: Dataset) -> str:
    suffixes = [suffix for suffix, known in SUFFIXES.items() if dataset.format in (None, known) and suffix != ".txt"]
    return f"Check the path; in a folder, files ending in {', '.join(suffixes)} (also .gz) are taken"


def _wanted(name: str, dataset: Dataset) -> bool:
    """Return whether a file found in a folder belongs to the dataset."""
    # A .txt beside exports is most often a note about them; who exports .txt names the files by a glob.
    if name.startswith((".", "_", "~$")) or name.lower().endswith((*_UNFINISHED, ".txt")):
        return False
    known = format_of(name)
    return known is not None and dataset.format in (None, known)


def _format(name: str, dataset: Dataset) -> Format:
    known = dataset.format or format_of(name)
    if known is None:
        raise FileProblem(
            "the file name does not tell the format", f"Set format: one of {', '.join(sorted(set(SUFFIXES.values())))}"
        )
    return known


def _local(text: str, dataset: Dataset, base: Path) -> Iterator[SourceFile]:
    if text.startswith(("file://", "local://")):
        text = unquote(text.partition("://")[2])
    path = base / Path(text).expanduser()
    try:
        for found in sorted(_matches(path, dataset)):
            stat = found.stat()
            yield SourceFile(
                name=_shown(found, base),
                format=_format(found.name, dataset),
                size=stat.st_size,
                modified_at=dt.datetime.fromtimestamp(stat.st_mtime, dt.UTC),
                fingerprint=local_fingerprint(stat),
                path=found,
            )
    except PermissionError as error:
        raise FileProblem("no permission to look there", "Let this user read the folder and its files") from error


def local_fingerprint(stat: os.stat_result) -> str:
    """Return the fingerprint of a local file from its stat."""
    return f"{stat.st_size}:{stat.st_mtime_ns}"


def _matches(path: Path, dataset: Dataset) -> Iterator[Path]:
    if path.is_file():
        yield path
    elif path.is_dir():
        yield from (found for found in path.iterdir() if found.is_file() and _wanted(found.name, dataset))
    elif _MAGIC & set(str(path)):
        fixed = Path(*_fixed_parts(path))
        if not fixed.is_dir():
            raise FileProblem(f"the folder {fixed} does not exist", "Check the path")
        if not os.access(fixed, os.R_OK | os.X_OK):
            raise PermissionError(str(fixed))
        pattern = str(path.relative_to(fixed))
        yield from (
            found
            for found in fixed.glob(pattern)
            if found.is_file() and not found.name.startswith((".", "~$")) and not found.name.endswith(_UNFINISHED)
        )
    elif path.exists():
        raise FileProblem("is neither a file nor a folder", "Give a file, a folder or a glob")
    else:
        raise FileProblem("does not exist", "Check the path, or wait for the export to arrive")


def _fixed_parts(path: Path) -> list[str]:
    fixed: list[str] = []
    for part in path.parts:
        if _MAGIC & set(part):
            break
        fixed.append(part)
    return fixed


def _shown(path: Path, base: Path) -> str:
    # Two spellings of one place (a/../b and b) must be one file.
    place = Path(os.path.normpath(path.absolute()))
    folder = Path(os.path.normpath(base.absolute()))
    return (place.relative_to(folder) if place.is_relative_to(folder) else place).as_posix()


def _filesystem(url: str) -> tuple[Any, str]:
    import fsspec

    try:
        fs, root = fsspec.core.url_to_fs(url)
    except ImportError as error:
        raise FileProblem(f"this kind of URL needs a package that is not installed ({error})", "Install it") from error
    except ValueError as error:
        raise FileProblem(f"the URL is not understood ({urlsplit(url).scheme}://)", "Check its first part") from error
    return fs, str(root)


def _remote(url: str, dataset: Dataset) -> Iterator[SourceFile]:
    fs, root = _filesystem(url)
    try:
        if _MAGIC & set(urlsplit(url).path) and not fs.exists(root):
            infos = [info for info in fs.glob(root, detail=True).values() if info.get("type") == "file"]
        elif fs.isdir(root):
            infos = [
                info
                for info in fs.ls(root, detail=True)
                if info.get("type") == "file" and _wanted(info["name"].rpartition("/")[2], dataset)
            ]
        else:
            infos = [fs.info(root)]
    except FileNotFoundError as error:
        raise FileProblem("does not exist", "Check the URL, or wait for the export to arrive") from error
    except PermissionError as error:
        raise FileProblem("no permission", "Give this user's credentials the right to read it") from error
    except Exception as error:  # every file system raises errors of its own
        raise FileProblem(f"cannot be listed ({type(error).__name__})", "Check URL, network, credentials") from error
    for info in infos:
        full = url if len(infos) == 1 and info["name"] == root else str(fs.unstrip_protocol(info["name"]))
        changed = next(
            (info[key] for key in ("mtime", "LastModified", "last_modified", "created") if info.get(key)), None
        )
        mark = info.get("ETag") or changed
        size = info.get("size")
        yield SourceFile(
            name=public_url(full),
            format=_format(urlsplit(full).path, dataset),
            size=-1 if size is None else int(size),
            modified_at=_utc(changed),
            fingerprint=None if mark is None else f"{size}:{mark}",
            url=full,
        )


def _utc(value: object) -> dt.datetime | None:
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC) if value.tzinfo else value.replace(tzinfo=dt.UTC)
    if isinstance(value, (int, float)):
        return dt.datetime.fromtimestamp(value, dt.UTC)
    return None


def download(file: SourceFile, landing: Path) -> Path:
    """Bring a remote file into the landing folder; a half download never has the final name.

    Returns:
        The path of the complete copy. It may be deleted once the file is loaded.

    Raises:
        FileProblem: the file cannot be fetched or stored.
    """
    url = file.url or ""
    fs, root = _filesystem(url)
    mark = hashlib.blake2b(url.encode(), digest_size=6).hexdigest()
    target = landing / f"{mark}-{urlsplit(url).path.rpartition('/')[2]}"
    part = target.with_name(target.name + ".part")
    try:
        landing.mkdir(parents=True, exist_ok=True)
        with fs.open(root, "rb") as incoming, part.open("wb") as outgoing:
            shutil.copyfileobj(incoming, outgoing, 4 << 20)
            outgoing.flush()
            os.fsync(outgoing.fileno())
        if file.size >= 0 and part.stat().st_size != file.size:
            raise FileProblem(
                f"{part.stat().st_size} of {file.size} bytes arrived", "It is fetched again at the next run"
            )
        part.replace(target)
    except FileProblem:
        part.unlink(missing_ok=True)
        raise
    except Exception as error:  # every file system raises errors of its own
        part.unlink(missing_ok=True)
        raise FileProblem(f"cannot be fetched ({type(error).__name__})", "Check network, credentials, disk") from error
    return target
