"""Makes a run visible: all contract tables at once, checked, beside the old copy, then swapped in one step.

Order of events, so that a kill at any moment leaves a published copy that opens and is whole:

1. the contract is checked; 2. the engine writes a new DuckDB file beside the old one and the same tables as Parquet
into a folder of their own; 3. both are put on the disk; 4. the new file takes the old one's name; 5. the link to the
Parquet folder is swapped. A kill between 4 and 5 is mended by the next `sweep`.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import re
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.contract import CONTRACT_SCHEMA, PUBLICATION_TABLE, ContractError, ContractTable
from orchestration.contract_release import last_number
from orchestration.home import Home, explain_os_error, is_temporary, sync_folder, temporary_beside
from orchestration.sql import quote

if TYPE_CHECKING:
    from orchestration.engines.base import PublicationWriter

__all__ = ["ContractError", "PublishError", "PublishReport", "publish", "published_run", "sweep"]

_SNAPSHOT = "parquet-"
_SET_ASIDE = ".set-aside"


class PublishError(RuntimeError):
    """Publishing failed; what was published before is still in place. The text says what to do."""


@dataclass(frozen=True)
class PublishReport:
    """What was published: `tables` and `rows` are totals, `rows_by_table` has each table's rows.

    `set_aside` names folders that stood in the place of the copy and were moved out of its way.
    """

    run_id: str
    published_at: datetime
    published_path: Path
    parquet_path: Path
    size_bytes: int
    seconds: float
    rows_by_table: dict[str, int] = field(default_factory=dict)
    set_aside: list[Path] = field(default_factory=list)

    @property
    def tables(self) -> int:
        """Number of contract tables published."""
        return len(self.rows_by_table)

    @property
    def rows(self) -> int:
        """Rows of all contract tables together."""
        return sum(self.rows_by_table.values())


def publish(
    writer: PublicationWriter,
    home: Home,
    tables: Iterable[str] | None,
    run_id: str,
    contract: Mapping[str, ContractTable],
    *,
    as_of: datetime | None = None,
    keep_parquet: timedelta = timedelta(0),
) -> PublishReport:
    """Publish the contract tables of the warehouse under `<home>/published`. Call it while holding the home's lock.

    Besides the contract tables the copy has `marts.publication`, one row: run_id, published_at (UTC), as_of (UTC),
    version (the last release of the contract); and `marts.contract_versions`, see `contract.version_rows`.

    Args:
        writer: of the engine that holds the tables.
        home: where to publish.
        tables: the names to publish; None for all of the contract.
        run_id: names the run whose tables these are.
        contract: see `contract.contract_tables`.
        as_of: the moment that recency and windows are measured from.
        keep_parquet: how long a Parquet folder stays for readers once a younger one has its place; the folder of the
            run before always stays.

    Raises:
        ContractError: a table breaks the contract; nothing was written.
        PublishError: the copy could not be written (disk full, no permission …); the old copy stays.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", run_id):
        raise ValueError("a run id has letters, digits, dots, dashes and underscores only: it names a folder")
    begun = time.perf_counter()
    names = sorted(contract if tables is None else set(tables))
    if not names:
        raise ContractError(["dbt's manifest has no public model with an enforced contract in the schema marts"])
    violations = writer.violations(names, contract)
    if violations:
        raise ContractError(violations)
    published_at = datetime.now(UTC)
    with _publish_errors(home):
        home.published.mkdir(parents=True, exist_ok=True)
        set_aside = [moved for path in (home.published_file, home.parquet) for moved in _make_way(path)]
        sweep(home)
        new_file = temporary_beside(home.published_file)
        new_parquet = temporary_beside(home.parquet)
        try:
            snapshot = _free_snapshot_name(home, run_id)
            rows = writer.write(
                names,
                contract,
                _publication(run_id, published_at, as_of),
                new_file=new_file,
                new_parquet=new_parquet,
                snapshot=snapshot,
            )
            size = new_file.stat().st_size
            sync_folder(home.published)
            previous = _linked_snapshot(home)
            # Whoever wrote to the old file left a log, which DuckDB would play into the new one.
            _log_beside(home.published_file).unlink(missing_ok=True)
            new_file.replace(home.published_file)
            sync_folder(home.published)
        finally:
            _discard(new_file)
            _discard(new_parquet)
    with _publish_errors(home, after_swap=True):
        _point_parquet_at(home, snapshot)
        kept = {snapshot, previous} if previous else {snapshot}
        _remove_snapshots(home, keep=kept | _in_use(home, keep_parquet))
    return PublishReport(
        run_id=run_id,
        published_at=published_at,
        published_path=home.published_file,
        parquet_path=home.parquet,
        size_bytes=size,
        seconds=round(time.perf_counter() - begun, 3),
        rows_by_table=rows,
        set_aside=set_aside,
    )


def sweep(home: Home) -> list[str]:
    """Tidy up after a killed run: half-written copies go, and the Parquet link follows the published file.

    Call it while holding the home's lock, or it may take the files of a run that is writing.

    Returns:
        The names of what was removed.
    """
    if not home.published.is_dir():
        return []
    removed = []
    for entry in list(home.published.iterdir()):
        if is_temporary(entry):
            _discard(entry)
            removed.append(entry.name)
    run_id = published_run(home)
    linked = _linked_snapshot(home)
    if run_id is not None and (linked is None or not _is_of_run(linked, run_id)):
        written = [folder for folder in _snapshots(home) if _is_of_run(folder, run_id)]
        if written:
            _point_parquet_at(home, written[-1])
            return removed  # folders that readers are done with go with the next publication
    if linked is not None:
        # A snapshot newer than the linked one was written by a run that never came to swap its file.
        younger = [folder for folder in _snapshots(home) if folder.stat().st_mtime_ns > linked.stat().st_mtime_ns]
        removed += _remove_snapshots(home, keep=set(_snapshots(home)) - set(younger))
    return removed


def published_run(home: Home) -> str | None:
    """The id of the run whose tables are published; None where nothing is, or it cannot be told."""
    import duckdb

    if not home.published_file.exists():
        return None
    try:
        with duckdb.connect(str(home.published_file), read_only=True) as con:
            found = con.execute(f"SELECT run_id FROM {quote(CONTRACT_SCHEMA, PUBLICATION_TABLE)}").fetchall()  # noqa: S608 - fixed names
    except duckdb.Error:
        return None
    return str(found[0][0]) if found else None


@contextlib.contextmanager
def _publish_errors(home: Home, *, after_swap: bool = False) -> Iterator[None]:
    import duckdb

    kept = "What was published before is still in place."
    if after_swap:
        kept = "The DuckDB file is the new one; the Parquet files are still the previous ones until the next run."
    try:
        yield
    except OSError as error:
        reason = explain_os_error(error)
        raise PublishError(f"Cannot publish to {home.published}: {reason}. {kept}{_way_out(error.errno)}") from error
    except duckdb.Error as error:
        # DuckDB passes on the words of the operating system, not its number.
        said = str(error)
        numbers = (errno.ENOSPC, errno.EACCES, errno.EROFS)
        number = next((known for known in numbers if os.strerror(known) in said), None)
        reason = said.splitlines()[0] if number is None else explain_os_error(OSError(number, os.strerror(number)))
        raise PublishError(f"Cannot publish to {home.published}: {reason}. {kept}{_way_out(number)}") from error


def _way_out(number: int | None) -> str:
    if number == errno.ENOSPC:
        return " Free some space (the new copy needs as much as the old one), then run again."
    if number in (errno.EACCES, errno.EPERM, errno.EROFS):
        return " Make the folder writable for this user, then run again."
    return ""


def _publication(run_id: str, published_at: datetime, as_of: datetime | None) -> list[object]:
    def utc(moment: datetime | None) -> datetime | None:
        return moment.astimezone(UTC).replace(tzinfo=None) if moment and moment.tzinfo else moment

    return [run_id, utc(published_at), utc(as_of), last_number()]


def _snapshots(home: Home) -> list[Path]:
    """Parquet folders, the oldest first."""
    found = [entry for entry in home.published.glob(f"{_SNAPSHOT}*") if entry.is_dir() and not entry.is_symlink()]
    return sorted(found, key=lambda entry: (_written_ns(entry), entry.name))


def _is_of_run(snapshot: Path, run_id: str) -> bool:
    return bool(re.fullmatch(re.escape(_SNAPSHOT + run_id) + r"(~\d+)?", snapshot.name))


def _free_snapshot_name(home: Home, run_id: str) -> Path:
    """parquet-<run id>, or parquet-<run id>~2 … where the run is published again while readers use the first."""
    path = home.published / f"{_SNAPSHOT}{run_id}"
    number = 2
    while path.exists():
        path = home.published / f"{_SNAPSHOT}{run_id}~{number}"
        number += 1
    return path


def _linked_snapshot(home: Home) -> Path | None:
    if not home.parquet.is_symlink():
        return None
    target = home.published / home.parquet.readlink().name
    return target if target.is_dir() else None


def _point_parquet_at(home: Home, snapshot: Path) -> None:
    """Swap the link in one step. It is relative, so that the home can be moved."""
    link = temporary_beside(home.parquet)
    link.symlink_to(snapshot.name, target_is_directory=True)
    try:
        link.replace(home.parquet)
    except BaseException:
        link.unlink(missing_ok=True)
        raise
    sync_folder(home.published)


def _in_use(home: Home, keep: timedelta) -> set[Path]:
    """The Parquet folders that a reader who resolved the link may still be reading."""
    since = time.time_ns() - keep // timedelta(microseconds=1) * 1000
    folders = _snapshots(home)
    # A folder lost its place when the next one was written.
    return {folder for folder, next_one in itertools.pairwise(folders) if _written_ns(next_one) > since}


def _written_ns(folder: Path) -> int:
    return folder.stat().st_mtime_ns


def _make_way(path: Path) -> list[Path]:
    """Move a folder that stands where the published file or the link belongs; only an empty one is deleted."""
    if path.is_symlink() or not path.is_dir():
        return []
    try:
        path.rmdir()
    except OSError:
        number = 1
        while (aside := path.with_name(f"{path.name}{_SET_ASIDE}-{number}")).exists():
            number += 1
        path.rename(aside)
        return [aside]
    return []


def _log_beside(file: Path) -> Path:
    return file.with_name(file.name + ".wal")


def _remove_snapshots(home: Home, keep: set[Path]) -> list[str]:
    """Remove Parquet folders; one that will not go now goes with the next run."""
    removed = []
    for folder in _snapshots(home):
        if folder not in keep:
            shutil.rmtree(folder, ignore_errors=True)
            removed.append(folder.name)
    return removed


def _discard(path: Path) -> None:
    """Remove a half-written file (and its write-ahead log) or folder, if it is there."""
    with contextlib.suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
            _log_beside(path).unlink(missing_ok=True)
