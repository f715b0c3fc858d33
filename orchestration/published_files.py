"""Whether what readers open is still what was published: a note of every file, and a look at each.

The look takes a file's size and time of change, no content: some sixty files in a millisecond, whatever they weigh.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from orchestration.home import Home

# Path below `published/` to size in bytes and time of change in nanoseconds.
Noted = dict[str, list[int]]


def note_files(home: Home) -> Noted:
    """The published file and the Parquet files of the run that is published."""
    files = [home.published_file]
    if home.parquet.is_dir():
        files += sorted(path for path in home.parquet.resolve().rglob("*") if path.is_file())
    return {_below(home, path): [about.st_size, about.st_mtime_ns] for path in files for about in (path.stat(),)}


def _below(home: Home, path: Path) -> str:
    return path.resolve().relative_to(home.published.resolve()).as_posix()


def harm_done(home: Home, run_id: str, noted: Mapping[str, Sequence[int]] | None) -> list[str]:
    """What is wrong with the published copy, in words; empty where readers have what was published.

    Args:
        home: The home.
        run_id: The run that should be there.
        noted: What `note_files` gave when it was published; None where an earlier version kept no note.
    """
    from orchestration.publish import published_run

    found = _missing(home)
    if not found and noted is not None:
        found = [said for name, about in noted.items() for said in _changed(home.published / name, name, about)]
        if _linked(home) not in {name.split("/")[0] for name in noted if "/" in name}:
            found.append("the link parquet leads to another folder than the one that was published")
        if home.published_file.with_name(home.published_file.name + ".wal").exists():
            found.append(f"{home.published_file.name} has been opened for writing")
    if not found and published_run(home) != run_id:
        found.append(f"{home.published_file.name} cannot be opened, or is not of run {run_id}")
    return found


def parquet_missing(home: Home, tables: Iterable[str]) -> list[str]:
    """Which of the published tables have no Parquet file, in words; one line where the whole folder is away."""
    found = [said for said in _missing(home) if "parquet" in said]
    if found or (home.parquet / "LOCATION").exists():  # a note that the files lie on a storage elsewhere
        return found
    return [
        f"parquet/{name}.parquet is gone" for name in sorted(tables) if not (home.parquet / f"{name}.parquet").exists()
    ]


def _linked(home: Home) -> str:
    return home.parquet.readlink().name


def _missing(home: Home) -> list[str]:
    found = []
    file, link = home.published_file, home.parquet
    if file.is_dir():
        found.append(f"a folder is in the place of {file.name}")
    elif not file.exists():
        found.append(f"{file.name} is gone")
    if not link.is_symlink():
        found.append(
            "something else is in the place of the link parquet" if link.exists() else "the link parquet is gone"
        )
    elif not link.is_dir():
        found.append(f"the link parquet leads nowhere ({link.readlink().name} is gone)")
    return found


def _changed(path: Path, name: str, about: Sequence[int]) -> list[str]:
    try:
        there = path.stat()
    except FileNotFoundError:
        return [f"{name} is gone"]
    except OSError as error:
        return [f"{name} cannot be looked at ({error.strerror})"]
    if not stat.S_ISREG(there.st_mode):
        return [f"{name} is no file any more"]
    if there.st_size != about[0]:
        return [f"{name} has {there.st_size:,} bytes, {about[0]:,} were written"]
    if there.st_mtime_ns != about[1]:
        return [f"{name} has been changed"]
    # Asked of the mode, because a run of the superuser may read what readers may not.
    if not there.st_mode & stat.S_IRUSR or not os.access(path, os.R_OK):
        return [f"{name} may not be read any more"]
    return []
