"""A storage location: its control database and versions, one writer at a time, and what it says when it cannot."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from sources.files import sink_parquet
from sources.files.config import FilesSource
from sources.files.storage import LocalStorage, RemoteStorage, open_storage, spark_url
from sources.files.store import KEPT_VERSIONS, RawStore, StoreError
from tests.unit.sources.files.store_helpers import again, consistent, files, load, rows

Source = Callable[..., FilesSource]
IS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


@pytest.fixture
def raw(tmp_path: Path) -> RawStore:
    return RawStore(tmp_path / "place", tmp_path / "work", company="acme")


def _versions(raw: RawStore) -> list[str]:
    return sorted(name for name in raw.storage.sizes("control") if name.endswith(".duckdb"))


def _current(raw: RawStore) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(raw.storage.read("control/CURRENT") or b"{}")
    return content


def test_tables_keep_rows_keys_and_types_and_raw_tables_their_columns_only(raw: RawStore) -> None:
    with raw.open() as con:
        con.execute("CREATE SCHEMA meta; CREATE SCHEMA scratch; CREATE SCHEMA raw_shop")
        con.execute("CREATE TABLE meta.facts (name VARCHAR PRIMARY KEY, moment TIMESTAMP NOT NULL, many VARCHAR[])")
        con.execute("INSERT INTO meta.facts VALUES ('ä', '2026-01-02 03:04:05.678901', ['x', NULL])")
        con.execute('CREATE TABLE raw_shop.orders ("a ""b"" ü" VARCHAR, _row BIGINT)')
        con.execute("INSERT INTO raw_shop.orders VALUES ('x', 1)")
        con.execute("CREATE TABLE scratch.t AS SELECT 1 AS x")
    with raw.open() as con:
        assert con.execute("SELECT name, moment::VARCHAR, many FROM meta.facts").fetchall() == [
            ("ä", "2026-01-02 03:04:05.678901", ["x", None])
        ]
        con.execute("INSERT OR REPLACE INTO meta.facts VALUES ('ä', '2027-01-01', NULL)")
        assert con.execute("SELECT count(*) FROM meta.facts").fetchall() == [(1,)]
        assert con.execute("SELECT * FROM raw_shop.orders").fetchall() == []
        assert raw.raw_columns(con, "shop", "orders") == ('a "b" ü',)
        assert con.execute("SELECT current_setting('TimeZone')").fetchall() == [("UTC",)]
        with pytest.raises(duckdb.CatalogException):
            con.execute("SELECT * FROM scratch.t")


def test_a_block_that_changes_nothing_or_fails_or_only_reads_writes_no_version(raw: RawStore) -> None:
    with raw.open() as con:
        con.execute("CREATE SCHEMA meta; CREATE TABLE meta.t (x INT); INSERT INTO meta.t VALUES (1), (2)")
    before = _current(raw), _versions(raw)
    with raw.open():
        pass
    with raw.open() as con:
        # The same rows in another order are the same.
        con.execute("DELETE FROM meta.t WHERE x = 1; INSERT INTO meta.t VALUES (1)")
        assert not raw.commit()
    with raw.open(read_only=True) as con:
        con.execute("INSERT INTO meta.t VALUES (3)")
    with pytest.raises(ZeroDivisionError), raw.open() as con:
        con.execute("INSERT INTO meta.t VALUES (3)")
        raise ZeroDivisionError
    assert (_current(raw), _versions(raw)) == before
    for change in ("UPDATE meta.t SET x = 4 WHERE x = 1", "ALTER TABLE meta.t ADD COLUMN y INT", "DROP TABLE meta.t"):
        with raw.open() as con:
            con.execute(change)
            assert raw.commit(), change


def test_the_last_versions_are_kept(raw: RawStore) -> None:
    with raw.open() as con:
        con.execute("CREATE SCHEMA meta; CREATE TABLE meta.t (x INT)")
        for number in range(KEPT_VERSIONS + 3):
            con.execute("INSERT INTO meta.t VALUES (?)", [number])
            assert raw.commit()
    assert len(_versions(raw)) == KEPT_VERSIONS
    assert _current(raw)["version"] == _versions(raw)[-1]


def test_who_is_overtaken_by_another_writer_stops_and_overwrites_nothing(
    raw: RawStore, tmp_path: Path, incoming: Path, source: Source
) -> None:
    (incoming / "a.csv").write_text("id\n1\n")
    other = again(raw, tmp_path)
    with pytest.raises(StoreError, match="somebody else wrote there meanwhile"), raw.open() as con:
        con.execute("CREATE SCHEMA meta; CREATE TABLE meta.mine (x INT)")
        load(other, tmp_path, source(), "theirs")
        there = _current(raw)
        raw.commit()
    assert _current(raw) == there
    assert rows(raw, "id") == [("1",)]


def test_a_load_that_is_overtaken_by_another_load_does_not_count(
    raw: RawStore, tmp_path: Path, incoming: Path, source: Source
) -> None:
    # The second load sweeps what the first, still alive, has written; the first must never say that it counts.
    (incoming / "a.csv").write_text("id\n1\n")
    other = again(raw, tmp_path)
    real, calls = raw.storage.publish, []

    def slow(part: Path, path: str) -> None:
        real(part, path)
        if not calls:
            calls.append(path)
            load(other, tmp_path, source(), "theirs")

    raw.storage.publish = slow  # type: ignore[method-assign]
    with pytest.raises(StoreError, match="somebody else"):
        load(raw, tmp_path, source(), "mine")
    assert calls
    assert rows(other, "id, _load_id") == [("1", "theirs")]
    assert len(files(other)) == 1


def test_a_commit_whose_answer_was_lost_is_not_taken_for_another_writer(raw: RawStore) -> None:
    real = raw.storage.write

    def arrives_but_fails(path: str, content: bytes) -> None:
        real(path, content)
        raise StoreError("place", "no answer", "Try again")

    with raw.open() as con:
        con.execute("CREATE SCHEMA meta; CREATE TABLE meta.t (x INT)")
        raw.commit()
        con.execute("INSERT INTO meta.t VALUES (1)")
        raw.storage.write = arrives_but_fails  # type: ignore[method-assign]
        with pytest.raises(StoreError, match="no answer"):
            raw.commit()
        raw.storage.write = real  # type: ignore[method-assign]
        con.execute("INSERT INTO meta.t VALUES (2)")
    with raw.open() as con:
        assert con.execute("SELECT x FROM meta.t ORDER BY x").fetchall() == [(1,), (2,)]


def test_a_damaged_or_missing_version_says_what_to_do_and_an_earlier_one_goes_on(
    raw: RawStore, tmp_path: Path, incoming: Path, source: Source
) -> None:
    for number in (1, 2):
        (incoming / f"{number}.csv").write_text(f"id\n{number}\n")
        load(raw, tmp_path, source(), f"load-{number}")
    place = tmp_path / "place" / "control"
    newest = place / _versions(raw)[-1]
    content = newest.read_bytes()
    newest.write_bytes(content.replace(b"load-2", b"load-9"))
    with pytest.raises(StoreError, match=r"control/000002-\w+\.duckdb is damaged.*backup.*earlier version"), raw.open():
        pass
    newest.unlink()
    with pytest.raises(StoreError, match=r"is missing.*CURRENT"), raw.open():
        pass
    # As the message says: with an earlier version, what came after it is loaded again, and nothing doubles.
    pointer = {**_current(raw), "version": _versions(raw)[-1]}
    (place / "CURRENT").write_text(json.dumps(pointer))
    assert consistent(raw) == 1
    assert load(raw, tmp_path, source(), "load-3").rows_received == 1
    assert consistent(raw) == 2


@pytest.mark.parametrize(
    "content", [b"", b"\x00\xff", b"{}", b'{"version": "../x", "company": null, "writer": "", "format": 1}']
)
def test_a_current_that_is_not_ours(raw: RawStore, tmp_path: Path, content: bytes) -> None:
    place = tmp_path / "place" / "control"
    place.mkdir(parents=True)
    (place / "CURRENT").write_bytes(content)
    with pytest.raises(StoreError, match="CURRENT is damaged or not ours"), raw.open():
        pass
    assert (place / "CURRENT").read_bytes() == content


def test_a_location_of_another_company_or_format_or_without_its_current(
    raw: RawStore, tmp_path: Path, incoming: Path, source: Source
) -> None:
    (incoming / "a.csv").write_text("id\n1\n")
    load(raw, tmp_path, source(), "load-1")
    other = RawStore(tmp_path / "place", tmp_path / "work", company="rival")
    with pytest.raises(StoreError, match="belongs to the company 'acme', not to 'rival'"), other.open():
        pass
    current = tmp_path / "place" / "control" / "CURRENT"
    kept = current.read_text()
    current.write_text(json.dumps({**json.loads(kept), "format": 2}))
    with pytest.raises(StoreError, match="format 2"), raw.open():
        pass
    current.unlink()
    with pytest.raises(StoreError, match="holds versions of a ledger, but no control/CURRENT"):
        load(raw, tmp_path, source(), "load-2")
    assert len(files(raw)) == 1
    current.write_text(kept)
    assert consistent(raw) == 1


def test_a_place_with_raw_files_of_somebody_else_is_not_swept(
    raw: RawStore, tmp_path: Path, incoming: Path, source: Source
) -> None:
    (incoming / "a.csv").write_text("id\n1\n")
    theirs = tmp_path / "place" / "raw" / "shop" / "orders" / "theirs.parquet"
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes(b"PAR1")
    with pytest.raises(StoreError, match="holds raw files, but no control/CURRENT"):
        load(raw, tmp_path, source(), "load-1")
    theirs.unlink()
    load(raw, tmp_path, source(), "load-1")
    theirs.write_bytes(b"PAR1")
    with pytest.raises(StoreError, match=r"theirs\.parquet: this file was not written by the loader"):
        load(raw, tmp_path, source(), "load-2")
    assert theirs.exists()


@pytest.mark.parametrize("damage", ["missing", "cut off"])
def test_a_raw_file_that_counts_and_is_gone_stops_the_load(
    raw: RawStore, tmp_path: Path, incoming: Path, source: Source, damage: str
) -> None:
    (incoming / "a.csv").write_text("id\n1\n")
    load(raw, tmp_path, source(), "load-1")
    file = tmp_path / "place" / "raw" / "shop" / "orders" / files(raw)[0]
    if damage == "missing":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(StoreError, match=r"missing or not the one that was written.*backup"):
        load(raw, tmp_path, source(), "load-2")


@pytest.mark.skipif(IS_ROOT, reason="root may write everywhere")
def test_a_folder_without_permission(raw: RawStore, tmp_path: Path, incoming: Path, source: Source) -> None:
    (incoming / "a.csv").write_text("id\n1\n")
    (tmp_path / "place").mkdir(mode=0o500)
    with pytest.raises(StoreError, match="no permission to write there"):
        load(raw, tmp_path, source(), "load-1")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (PermissionError(errno.EACCES, "denied"), "no permission to write there.*right"),
        (OSError(errno.ENOSPC, "No space left on device"), "no space left.*Free some space"),
        (OSError(errno.EROFS, "Read-only file system"), "read-only"),
        (ConnectionError("key=SECRET"), r"cannot write there \(ConnectionError\)"),
        (ValueError("key=SECRET"), r"cannot write there \(ValueError\)"),
    ],
)
@pytest.mark.parametrize("where", ["folder", "memory"])
def test_what_a_file_system_refuses_is_said_in_words_and_the_next_load_goes_on(
    tmp_path: Path,
    incoming: Path,
    source: Source,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    said: str,
    where: str,
) -> None:
    raw = RawStore(tmp_path / "place" if where == "folder" else f"memory:/{tmp_path}/place", tmp_path / "work")
    (incoming / "a.csv").write_text("id\n1\n")

    def refused(*_: Any, **__: Any) -> None:
        raise error

    with monkeypatch.context() as patch, pytest.raises(StoreError, match=said) as caught:
        if where == "folder":
            patch.setattr(LocalStorage, "_settle", refused)
        else:
            patch.setattr("fsspec.implementations.memory.MemoryFileSystem.pipe_file", refused)
        load(raw, tmp_path, source(), "load-1")
    assert "SECRET" not in str(caught.value)
    assert load(raw, tmp_path, source(), "load-1").rows_received == 1
    assert consistent(raw) == 1


def test_a_disk_that_is_full_while_rows_are_written(
    raw: RawStore, tmp_path: Path, incoming: Path, source: Source
) -> None:
    (incoming / "a.csv").write_text("id\n1\n")
    real, calls = raw.storage.part, []

    def onto_a_full_disk(path: str, work: Path) -> Path:
        calls.append(real(path, work))
        return Path("/dev/full")

    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    raw.storage.part = onto_a_full_disk  # type: ignore[method-assign]
    # DuckDB only says IOException; a device is not to be deleted.
    with pytest.MonkeyPatch.context() as patch, pytest.raises(StoreError, match=r"rows of shop\.orders.*free space"):
        patch.setattr(sink_parquet.ParquetSink, "_discard", lambda *_: None)
        load(raw, tmp_path, source(), "load-1")
    raw.storage.part = real  # type: ignore[method-assign]
    assert load(raw, tmp_path, source(), "load-1").rows_received == 1
    assert consistent(raw) == 1


def test_missing_packages_unknown_schemes_and_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(StoreError, match=r"^s3://bucket/x: a Python package is missing\. Install s3fs$"):
        RawStore("s3://user:SECRET@bucket/x?token=SECRET", tmp_path)
    with pytest.raises(StoreError, match="no file system is known for gopher://"):
        RawStore("gopher://place", tmp_path)


def test_urls(tmp_path: Path) -> None:
    assert spark_url("s3://bucket/a b") == "s3a://bucket/a b"
    assert spark_url("gcs://bucket/x") == "gs://bucket/x"
    assert spark_url("abfs://box@account/x") == "abfs://box@account/x"
    assert spark_url("hdfs://name:9000/x") == "hdfs://name:9000/x"
    assert spark_url("file:///data/a%20b") == "/data/a b"
    assert spark_url("data/../x") == str(Path.cwd() / "x")
    assert RawStore(f"file://{tmp_path}/place/", tmp_path).location == f"{tmp_path}/place"
    store = RawStore("memory://somewhere/place/", tmp_path)
    assert store.raw_folder("shop", "orders") == "memory://somewhere/place/raw/shop/orders"


class _Old(RemoteStorage):
    """A remote file system that is no object storage: files grow while they are written."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._is_object_storage = False


def test_a_file_system_without_atomic_uploads_gets_hidden_names_and_renames(
    tmp_path: Path, incoming: Path, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sources.files.storage.RemoteStorage", _Old)
    monkeypatch.setattr("sources.files.storage.open_storage", lambda url, _: _Old(str(url)))
    monkeypatch.setattr("sources.files.store.open_storage", lambda url, _: _Old(str(url)))
    seen: list[str] = []
    real = RemoteStorage._rename

    def renamed(self: RemoteStorage, path: str) -> None:
        seen.append(path)
        assert self._fs.exists(self._hidden(path))
        real(self, path)

    monkeypatch.setattr(RemoteStorage, "_rename", renamed)
    (incoming / "a.csv").write_text("id\n1\n")
    raw = RawStore(f"memory:/{tmp_path}/old", tmp_path / "work")
    load(raw, tmp_path, source(), "load-1")
    assert [path.partition("/")[0] for path in seen] == ["control", "raw", "control", "control"]
    assert consistent(raw) == 1
    # Killed between taking the old pointer away and putting the new one there.
    storage: Any = raw.storage
    storage._fs.mv(storage._path("control/CURRENT"), storage._hidden("control/CURRENT"))
    assert consistent(raw) == 1


def test_open_twice_and_commit_outside(raw: RawStore) -> None:
    with raw.open(), pytest.raises(RuntimeError), raw.open():
        pass
    with pytest.raises(RuntimeError):
        raw.commit()
    with raw.open(read_only=True), pytest.raises(RuntimeError):
        raw.commit()
    assert open_storage(raw.location).read("control/nothing") is None
