"""Rows and ledger at a storage location: killed anywhere, all of a group counts or nothing, and nothing twice."""

from __future__ import annotations

import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sources.files.config import FilesSource
from sources.files.store import RawStore
from tests.unit.sources.files.store_helpers import Deadly, Killed, again, consistent, files, load, rows

Source = Callable[..., FilesSource]


@pytest.fixture(params=["folder", "memory"])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "folder":
        yield str(tmp_path / "place")
        return
    import fsspec

    name = uuid.uuid4().hex
    yield f"memory://{name}/place"
    memory = fsspec.filesystem("memory")
    if memory.exists(f"/{name}"):
        memory.rm(f"/{name}", recursive=True)


def _arrive(incoming: Path, first: int, last: int) -> int:
    """Files of every way of reading: sound, ragged, JSON lines; return how many records they hold."""
    records = 0
    for file in range(first, last):
        lines = [f"{file}-{n},x" for n in range(5)]
        if file % 3 == 0:
            lines[1] = "ragged"
        (incoming / f"{file:03d}.csv").write_text("id,n\n" + "\n".join(lines) + "\n")
        (incoming / f"{file:03d}.jsonl").write_text(f'{{"id": "{file}", "mehr ä": {file}}}\nno json\n')
        records += 7
    return records


def _kill_everywhere(location: str, tmp_path: Path, incoming: Path, source: Source, step: int) -> int:
    """Load twice, the second time killed at every moment in turn, each tried again; return the moments."""
    at = moments = 1
    records = _arrive(incoming, 0, 3)
    raw = RawStore(location, tmp_path / "work")
    load(raw, tmp_path, source(), "load-0")
    assert consistent(raw) == records
    while True:
        before = records
        records += _arrive(incoming, 3 * at, 3 * at + 3)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("sources.files.load.GROUP_FILES", 4)
            deadly = Deadly(patch, at)
            try:
                load(RawStore(location, tmp_path / "work"), tmp_path, source(), f"load-{at}")
            except Killed:
                pass
            else:
                moments = deadly.moments
        seen = consistent(again(raw, tmp_path))
        # Groups are of four files: of this load's six, the first four or all may be there.
        assert before <= seen <= records
        report = load(again(raw, tmp_path), tmp_path, source(), f"load-{at}")
        assert report.problems == []
        assert consistent(again(raw, tmp_path)) == records
        orphans = set(files(raw))
        with again(raw, tmp_path).open(read_only=True) as con:
            assert orphans == {file for (file,) in con.execute("SELECT file FROM ledger.raw_files").fetchall()}
            assert con.execute("SELECT sum(rows) FROM ledger.loads").fetchall() == [(records,)]
        assert not [name for name in raw.storage.sizes("raw") if name.rpartition("/")[2].startswith(".")]
        if not deadly.is_dead:
            return moments
        at += step


def test_killed_at_some_moments_nothing_is_lost_or_doubled(
    location: str, tmp_path: Path, incoming: Path, source: Source
) -> None:
    assert _kill_everywhere(location, tmp_path, incoming, source, 5) > 30


@pytest.mark.slow
def test_killed_at_every_moment_nothing_is_lost_or_doubled(
    location: str, tmp_path: Path, incoming: Path, source: Source
) -> None:
    assert _kill_everywhere(location, tmp_path, incoming, source, 1) > 30


_CHILD = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import pytest
from sources.files.config import FilesSource
from sources.files.store import RawStore
from tests.unit.sources.files.store_helpers import Deadly, load

base = Path(sys.argv[2])
source = FilesSource.model_validate_json(sys.argv[3])
Deadly(pytest.MonkeyPatch(), int(sys.argv[4]), lambda: os.kill(os.getpid(), signal.SIGKILL))
load(RawStore(base / "place", base / "work"), base, source, "load-1")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
@pytest.mark.parametrize(
    "moments", [(14, 19, 27), pytest.param(tuple(range(1, 42, 2)), marks=pytest.mark.slow)], ids=["some", "many"]
)
def test_a_process_that_is_really_killed(
    tmp_path: Path, incoming: Path, source: Source, moments: tuple[int, ...]
) -> None:
    records = _arrive(incoming, 0, 6)
    raw = RawStore(tmp_path / "place", tmp_path / "work")
    settings = source().model_dump_json(by_alias=True, exclude_unset=True)
    seen = 0
    for at in moments:
        done = subprocess.run(
            [sys.executable, "-c", _CHILD, str(Path.cwd()), str(tmp_path), settings, str(at)],
            capture_output=True,
            text=True,
        )
        if seen < records:
            assert done.returncode == -signal.SIGKILL, done.stderr
        seen = consistent(raw)
        assert seen in (0, records)
    assert load(raw, tmp_path, source(), "load-1").problems == []
    assert consistent(raw) == records
    # Rows that the dead spilled or wrote on their way are personal data: gone as well.
    assert list((tmp_path / "work").iterdir()) == []


def test_a_second_try_of_the_same_load_doubles_nothing(
    location: str, tmp_path: Path, incoming: Path, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    (incoming / "a.csv").write_text("id\n1\n2\n")
    raw = RawStore(location, tmp_path / "work")
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr("sources.files.control.save", lambda *_: (_ for _ in ()).throw(Killed()))
        load(raw, tmp_path, source(), "same")
    # The file has its name already; nobody may count its rows, and the second try must not find them again.
    orphans = files(raw)
    assert len(orphans) == 1
    assert consistent(again(raw, tmp_path)) == 0
    assert load(raw, tmp_path, source(), "same").rows_received == 2
    assert consistent(raw) == 2
    assert len(files(raw)) == 1
    assert files(raw) != orphans


def test_content_read_in_another_way_replaces_its_rows_and_in_the_end_its_file(
    location: str, tmp_path: Path, incoming: Path, source: Source
) -> None:
    (incoming / "a.csv").write_text("id;n\n1;x\n")
    raw = RawStore(location, tmp_path / "work")
    comma = source(columns={"order_id": "id;n"})
    assert load(raw, tmp_path, comma, "load-1").rows_received == 1
    first = files(raw)
    report = load(raw, tmp_path, source(options={"separator": ";"}), "load-2")
    assert report.reread
    assert rows(raw, "id, n, _load_id") == [("1", "x", "load-2")]
    assert consistent(raw) == 1
    # All rows of the first file were replaced, so it is gone.
    assert len(files(raw)) == 1
    assert files(raw) != first


def test_a_file_stays_while_one_of_its_batches_counts(
    location: str, tmp_path: Path, incoming: Path, source: Source
) -> None:
    (incoming / "a.csv").write_text("id;n\n1;x\n")
    (incoming / "b.csv").write_text("id;n\n2;y\n")
    raw = RawStore(location, tmp_path / "work")
    load(raw, tmp_path, source(columns={"order_id": "id;n"}), "load-1")
    (incoming / "b.csv").unlink()
    load(raw, tmp_path, source(options={"separator": ";"}), "load-2")
    assert len(files(raw)) == 2
    assert rows(raw, '"id;n", id') == [(None, "1"), ("2;y", None)]
    assert consistent(raw) == 2


def test_the_same_load_does_not_read_content_in_two_ways(tmp_path: Path, incoming: Path, source: Source) -> None:
    # Rows of one batch and one load could not be told apart.
    (incoming / "a.csv").write_text("id;n\n1;x\n")
    raw = RawStore(tmp_path / "place", tmp_path / "work")
    load(raw, tmp_path, source(columns={"order_id": "id;n"}), "load-1")
    new = source(options={"separator": ";"})
    report = load(raw, tmp_path, new, "load-1")
    assert [file.status for file in report.files] == ["failed"]
    assert "by this same load" in report.problems[0].problem
    assert consistent(raw) == 1
    assert load(raw, tmp_path, new, "load-2").reread
    assert consistent(raw) == 1


def test_a_file_that_fails_takes_back_its_own_rows_only(
    tmp_path: Path, incoming: Path, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sources.files.records.BLOCK_RECORDS", 2)
    (incoming / "a.jsonl").write_text('{"id": "1"}\n{"id": "2"}\n{"id": "3"}\n')
    (incoming / "b.jsonl").write_text('{"other": "1"}\n{"other": "2"}\n{"other": "3"}\n')
    (incoming / "c.csv").write_text("id\n4\n")
    raw = RawStore(tmp_path / "place", tmp_path / "work")
    report = load(raw, tmp_path, source(), "load-1")
    assert [problem.path for problem in report.problems] == ["in/b.jsonl"]
    assert rows(raw, "id") == [("1",), ("2",), ("3",), ("4",)]
    assert consistent(raw) == 4
    assert len(files(raw)) == 1
    with raw.open(read_only=True) as con:
        # Neither a column of the file that failed; and what was wrong with it is remembered.
        assert raw.raw_columns(con, "shop", "orders") == ("id",)
        assert con.execute("SELECT file FROM ledger.failures").fetchall() == [("in/b.jsonl",)]
