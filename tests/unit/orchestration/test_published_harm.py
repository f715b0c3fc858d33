"""A published copy that somebody has harmed: what commands say of it, and what a run sees at a glance."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from test_publish import contract, fill

from orchestration.cli_support import published_now
from orchestration.engines.duckdb_publication import DuckDBWriter
from orchestration.home import Home
from orchestration.publish import publish
from orchestration.published import PublishedError, open_published
from orchestration.published_files import harm_done, note_files

BLOCK = 262_144


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home with a published copy of some blocks."""
    there = Home(tmp_path / "home").create()
    with duckdb.connect(str(there.warehouse)) as con:
        fill(con, "r1", 300_000)
        publish(DuckDBWriter(con), there, None, "r1", contract())
    assert there.published_file.stat().st_size > 4 * BLOCK
    return there


def _cut(home: Home) -> None:
    file = home.published_file
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def _folder(home: Home) -> None:
    home.published_file.unlink()
    home.published_file.mkdir()


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (lambda home: home.published_file.unlink(), "is gone; somebody has deleted it"),
        (_cut, "cannot be opened: it is damaged or cut off"),
        (lambda home: home.published_file.write_bytes(b""), "cannot be opened: it is damaged or cut off"),
        (lambda home: home.published_file.write_bytes(b"garbage" * 9999), "cannot be opened: it is damaged or cut off"),
        (_folder, "is a folder, and the published copy is a file"),
    ],
)
def test_what_is_said_says_what_where_and_what_to_do(home: Home, harm: Callable[[Home], object], says: str) -> None:
    harm(home)
    with pytest.raises(PublishedError) as caught, open_published(home.published_file):
        pass
    assert says in str(caught.value)
    assert str(home.published_file) in str(caught.value)
    assert "Run: regulars run" in str(caught.value)
    assert published_now(home, None) == (None, None, [], str(caught.value))


def test_a_file_that_may_not_be_read(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestration.published.os.access", lambda *_: False)  # root may read everything
    with (
        pytest.raises(PublishedError, match=r"may not be read by this user\. Ask"),
        open_published(home.published_file),
    ):
        pass


def test_damage_that_shows_only_when_it_is_read(home: Home) -> None:
    """A block of a table's rows: the file opens, and a query finds it."""
    with duckdb.connect(str(home.published_file), read_only=True) as con:
        stored = "SELECT min(block_id) FROM pragma_storage_info('marts.fct_orders') WHERE block_id >= 0"
        [(block,)] = con.execute(stored).fetchall()
    with home.published_file.open("r+b") as file:
        file.seek(3 * 4096 + BLOCK * block)
        file.write(b"garbage" * 1000)
    with pytest.raises(PublishedError, match="--full-refresh"), open_published(home.published_file) as published:
        published.con.execute("SELECT sum(n), max(run) FROM marts.fct_orders").fetchall()


def test_a_mistake_in_a_query_is_no_damage(home: Home) -> None:
    with pytest.raises(duckdb.CatalogException), open_published(home.published_file) as published:
        published.con.execute("SELECT * FROM marts.nothing")


def test_nothing_published_yet(tmp_path: Path) -> None:
    home = Home(tmp_path / "new").create()
    with pytest.raises(PublishedError, match="Nothing is published yet"), open_published(home.published_file):
        pass
    assert published_now(home, None) == (None, None, [], None)


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (lambda home: home.parquet.unlink(), "the link parquet is gone"),
        (lambda home: shutil.rmtree(home.parquet.resolve()), "the link parquet leads nowhere"),
        (lambda home: (home.parquet / "fct_orders.parquet").unlink(), "parquet/fct_orders.parquet is gone"),
    ],
)
def test_status_tells_of_parquet_too(home: Home, harm: Callable[[Home], object], says: str) -> None:
    assert published_now(home, None)[3] is None
    harm(home)
    run_id, _, _, told = published_now(home, None)
    assert run_id == "r1"
    assert told is not None
    assert told.startswith(says)
    assert "Run: regulars run" in told


def test_a_look_finds_nothing_where_nothing_happened(home: Home) -> None:
    noted = note_files(home)
    assert len(noted) == 1 + len(contract()) + 2
    assert harm_done(home, "r1", noted) == []
    assert harm_done(home, "r1", None) == []  # of an earlier version, which kept no note
    with open_published(home.published_file) as published:
        published.con.execute("SELECT * FROM marts.fct_orders").fetchall()
    assert harm_done(home, "r1", noted) == []  # reading leaves no trace
    assert "is not of run r2" in harm_done(home, "r2", noted)[0]


def test_a_look_finds_a_link_that_leads_to_another_run(home: Home) -> None:
    noted = note_files(home)
    shutil.copytree(home.parquet.resolve(), home.published / "parquet-r0")
    home.parquet.unlink()
    home.parquet.symlink_to("parquet-r0")
    assert harm_done(home, "r1", noted) == ["the link parquet leads to another folder than the one that was published"]


def test_a_home_that_was_moved_is_whole(home: Home, tmp_path: Path) -> None:
    noted = note_files(home)
    home.path.rename(tmp_path / "elsewhere")
    assert harm_done(Home(tmp_path / "elsewhere"), "r1", noted) == []
