"""What lies in the raw files of a location: every record as received, few files, bounded memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sources.files.config import FilesSource
from sources.files.load import load_source
from sources.files.store import RawStore
from tests.unit.sources.files.store_helpers import consistent, files, load, rows

Source = Callable[..., FilesSource]
TECHNICAL = ["_batch_id", "_load_id", "_row", "_rejected", "_raw_line"]


@pytest.fixture
def raw(tmp_path: Path) -> RawStore:
    return RawStore(tmp_path / "place", tmp_path / "work")


def _schema(tmp_path: Path, raw: RawStore, number: int = 0) -> pa.Schema:
    return pq.read_schema(tmp_path / "place/raw/shop/orders" / files(raw)[number])


def test_columns_grow_and_odd_names_are_kept(tmp_path: Path, incoming: Path, source: Source, raw: RawStore) -> None:
    (incoming / "a.csv").write_text('id,a "b" c;=,Ü ß\n1,x,ä\n', encoding="utf-8")
    load(raw, tmp_path, source(), "load-1")
    (incoming / "b.csv").write_text("ID,new,_row\n2,日本,9\n", encoding="utf-8")
    (incoming / "c.jsonl").write_text('{"id": "3", "NEW": "y", "deep.er": {"x": 1.10}}\n')
    load(raw, tmp_path, source(), "load-2")
    # One spelling a column, the first one that came, so that an engine that minds finds them all.
    assert _schema(tmp_path, raw).names == ["id", 'a "b" c;=', "Ü ß", *TECHNICAL]
    assert _schema(tmp_path, raw, 1).names == ["id", "new", "_row_2", "deep.er", *TECHNICAL]
    assert {str(kind) for kind in _schema(tmp_path, raw, 1).types} == {"string", "int64"}
    with raw.open(read_only=True) as con:
        columns = raw.raw_columns(con, "shop", "orders")
        assert columns == ("id", 'a "b" c;=', "Ü ß", "new", "_row_2", "deep.er")
        (held,) = raw.raw_datasets(con)
        assert (held.source, held.dataset, held.columns, held.files, held.rows) == ("shop", "orders", columns, 2, 3)
    assert rows(raw, 'id, "a ""b"" c;=", "Ü ß", new, _row_2, "deep.er", _row') == [
        ("1", "x", "ä", None, None, None, 1),
        ("2", None, None, "日本", "9", None, 1),
        ("3", None, None, "y", None, '{"x": 1.10}', 1),
    ]
    assert consistent(raw) == 3


def test_refused_records_and_files_without_any(tmp_path: Path, incoming: Path, source: Source, raw: RawStore) -> None:
    (incoming / "empty.csv").write_text("id,n\n")
    assert load(raw, tmp_path, source(), "load-0").problems == []
    assert files(raw) == []
    with raw.open(read_only=True) as con:
        (held,) = raw.raw_datasets(con)
        assert (held.columns, held.files, held.rows) == (("id", "n"), 0, 0)
        assert con.execute("SELECT rows_received FROM ledger.batches").fetchall() == [(0,)]
    (incoming / "bad.csv").write_text("id,n\nragged\n")
    (incoming / "some.csv").write_text("id,n\n1,\nragged\n2,b\n")
    report = load(raw, tmp_path, source(), "load-1")
    assert (report.rows_received, report.rows_rejected) == (4, 2)
    assert rows(raw, "id, n, _row, _rejected IS NOT NULL, _raw_line") == [
        (None, None, 1, True, "ragged"),
        ("1", None, 1, False, None),
        (None, None, 2, True, "ragged"),
        ("2", "b", 3, False, None),
    ]
    assert consistent(raw) == 4
    assert load(raw, tmp_path, source(), "load-2").unchanged == 3


def test_the_same_rows_as_in_a_warehouse_file(
    tmp_path: Path, incoming: Path, source: Source, raw: RawStore, con: Any, rows: Any
) -> None:
    from tests.unit.sources.files import store_helpers

    for number in range(6):
        (incoming / f"{number}.csv").write_text(f'id,t\n{number},"a\nb"\nragged\n{number}x, ""q""\n')
    (incoming / "e.jsonl").write_text('{"id": "ä", "u": [1, null]}\nnope\n')
    pq.write_table(pa.table({"id": [1, 2], "moment": pa.array([0, None], pa.timestamp("us"))}), incoming / "p.parquet")
    settings = source()
    load_source(con, "shop", settings, base=tmp_path, landing=tmp_path / "landing", load_id="load-1")
    load(raw, tmp_path, settings, "load-1")
    columns = "b.file, id, t, u, moment, r._batch_id, r._load_id, _row, _rejected, _raw_line"
    here = rows(columns)
    assert len(here) == 6 * 3 + 2 + 2
    assert store_helpers.rows(raw, columns) == here


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_a_thousand_small_files_become_few(
    tmp_path: Path, incoming: Path, source: Source, raw: RawStore, suffix: str
) -> None:
    for number in range(1000):
        # Every file of the first hundred has a column of its own.
        name = f"c{number}" if number < 100 else "c"
        content = f"id,{name}\n{number},x\n" if suffix == "csv" else f'{{"id": "{number}", "{name}": "x"}}\n'
        (incoming / f"{number:04d}.{suffix}").write_text(content)
    assert load(raw, tmp_path, source(), "load-1").rows_received == 1000
    assert len(files(raw)) == 1
    assert consistent(raw) == 1000
    # One commit: the first claim, and one version.
    assert len([name for name in raw.storage.sizes("control") if name.endswith(".duckdb")]) == 1


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "json", "parquet"])
def test_a_file_larger_than_the_spool_streams_and_is_one_commit(
    tmp_path: Path, incoming: Path, source: Source, raw: RawStore, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    # The sizes of a 5 GB file, made small: blocks of 100 records, a spool of 4 kB.
    monkeypatch.setattr("sources.files.records.BLOCK_RECORDS", 100)
    monkeypatch.setattr("sources.files.sink_parquet.SPOOL_BYTES", 4096)
    count = 2000
    path = incoming / f"large.{suffix}"
    if suffix == "csv":
        path.write_text("id,n\n" + "".join(f"{row},x\n" for row in range(count)))
    elif suffix != "parquet":
        lines = [f'{{"id": "{row}", "late{row // 1000}": "x"}}' for row in range(count)]
        path.write_text("\n".join(lines) if suffix == "jsonl" else "[" + ",\n".join(lines) + "]")
    else:
        pq.write_table(pa.table({"id": list(range(count))}), path)
    spooled: list[int] = []
    with raw.open() as con:
        # Nothing counts before the whole file is in.
        real = raw.commit
        monkeypatch.setattr(raw, "commit", lambda: (spooled.append(len(files(raw))), real())[1])
        load_source(con, "shop", source(), base=tmp_path, landing=tmp_path / "landing", load_id="l", store=raw)
        assert len(spooled) == 1
    # An array goes record by record, in blocks; the others are written as they are read.
    assert spooled[0] == len(files(raw))
    assert spooled[0] > 5 if suffix == "json" else spooled[0] == 1
    assert consistent(raw) == count
    assert [row for (row,) in rows(raw, "id")] == [str(row) for row in range(count)]
    with raw.open(read_only=True) as con:
        assert con.execute("SELECT count(*), sum(rows) FROM ledger.raw_files").fetchall() == [(len(files(raw)), count)]


def test_a_large_file_that_fails_at_its_end_leaves_nothing(
    tmp_path: Path, incoming: Path, source: Source, raw: RawStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sources.files.records.BLOCK_RECORDS", 100)
    monkeypatch.setattr("sources.files.sink_parquet.SPOOL_BYTES", 4096)
    (incoming / "a.jsonl").write_text("".join(f'{{"other": "{row}"}}\n' for row in range(2000)))
    (incoming / "b.csv").write_text("id\n1\n")
    report = load(raw, tmp_path, source(), "load-1")
    assert [problem.path for problem in report.problems] == ["in/a.jsonl"]
    assert list(raw.storage.sizes("raw/shop/orders")) == files(raw)
    assert len(files(raw)) == 1
    assert rows(raw, "id") == [("1",)]


@pytest.mark.slow
def test_memory_stays_bounded(tmp_path: Path, incoming: Path, source: Source, raw: RawStore) -> None:
    # 400 MB of text that hardly compresses through a DuckDB of 200 MB, spilling to the work folder.
    import random

    draw = random.Random(1)
    with (incoming / "large.csv").open("w") as stream:
        stream.write("id,a,b\n")
        for row in range(1_000_000):
            stream.write(f"{row},{draw.randbytes(100).hex()},{draw.randbytes(100).hex()}\n")
    report = load(raw, tmp_path, source(), "load-1", memory_limit="200MB", threads=2)
    assert report.problems == []
    assert report.rows_received == 1_000_000
    with raw.open(read_only=True) as con:
        assert con.execute("SELECT sum(rows) FROM ledger.raw_files").fetchall() == [(1_000_000,)]
    assert list((tmp_path / "work").iterdir()) == []
