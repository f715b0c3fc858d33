"""Long delimited files go piece by piece: the same records as ever, all or nothing, and every piece counted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sources.files import fast, write
from sources.files.config import FilesSource
from sources.files.count import Piece, scan_delimited, scan_lines
from sources.files.fast import Unsound, read_piece
from sources.files.lines import Layout, read_header, read_records
from sources.files.load import LoadReport

Source = Callable[..., FilesSource]
Load = Callable[[FilesSource], LoadReport]
Rows = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture
def in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file is long, every piece a few lines."""
    monkeypatch.setattr(write, "LARGE_BYTES", 1)
    monkeypatch.setattr("sources.files.count.CHUNK", 64)
    monkeypatch.setattr("sources.files.count.PIECE", 100)


@pytest.mark.usefixtures("in_pieces")
def test_records_keep_their_order_and_numbers(
    incoming: Path, source: Source, load: Load, con: duckdb.DuckDBPyConnection
) -> None:
    lines = [f'{n},"a ""b""\n, {n}",' if n % 3 else f"{n},é{n}," for n in range(1, 2001)]
    (incoming / "a.csv").write_text("\n\n".join(["id,text,none", *lines]))
    report = load(source())
    assert (report.rows_received, report.rows_rejected, report.problems) == (2000, 0, [])
    assert con.execute(
        "SELECT count(*), count(*) FILTER (WHERE id = _row::VARCHAR), count(none), "
        """count(*) FILTER (WHERE text IN ('é' || id, 'a "b"' || chr(10) || ', ' || id)) FROM raw_shop.orders"""
    ).fetchall() == [(2000, 2000, 0, 2000)]


@pytest.mark.usefixtures("in_pieces")
def test_a_bad_record_at_the_end_sends_the_file_the_careful_way(
    incoming: Path, source: Source, load: Load, rows: Rows, con: duckdb.DuckDBPyConnection
) -> None:
    (incoming / "a.csv").write_text("id,n\n" + "".join(f"{n},x\n" for n in range(1, 1001)) + "ragged\n")
    (incoming / "b.csv").write_text("id,n\n1,y\n")
    report = load(source())
    assert (report.rows_received, report.rows_rejected, report.problems) == (1002, 1, [])
    assert rows("r._row, _rejected", "_rejected IS NOT NULL") == [(1001, "line 1002: 1 values, the header has 2")]
    assert con.execute("SELECT count(DISTINCT (_batch_id, _row)) FROM raw_shop.orders").fetchall() == [(1002,)]


@pytest.mark.usefixtures("in_pieces")
def test_a_file_that_shrinks_while_it_is_read_waits(
    incoming: Path, source: Source, load: Load, monkeypatch: pytest.MonkeyPatch, con: duckdb.DuckDBPyConnection
) -> None:
    path = incoming / "a.csv"
    path.write_text("id,n\n" + "1,x\n" * 1000)
    real = fast.read_files

    def shrinks(*arguments: Any) -> Any:
        path.write_text("id,n\n1,x\n")
        return real(*arguments)

    monkeypatch.setattr(write, "read_files", shrinks)
    assert [problem.problem for problem in load(source()).problems] == ["changed while it was read"]
    assert con.execute("SELECT count(*) FROM ledger.batches").fetchall() == [(0,)]


@pytest.mark.usefixtures("in_pieces")
def test_a_count_that_is_not_met_is_noticed(
    incoming: Path, source: Source, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader that drops a record is not believed."""
    (incoming / "a.csv").write_text("id,n\n" + "".join(f"{n},x\n" for n in range(500)))
    real, careful = fast.read_piece, []
    monkeypatch.setattr(fast, "read_piece", lambda *arguments: real(*arguments).slice(1))
    single = write._load_single
    monkeypatch.setattr(write, "_load_single", lambda job, item: (careful.append(item), single(job, item))[1])
    with pytest.raises(AssertionError, match="were written"):
        load(source())
    monkeypatch.setattr(fast, "read_piece", real)
    assert load(source()).rows_received == 500
    assert careful == []


@pytest.mark.usefixtures("in_pieces")
def test_one_of_several_that_does_not_go_leaves_the_others_alone(
    incoming: Path, source: Source, load: Load, monkeypatch: pytest.MonkeyPatch, con: duckdb.DuckDBPyConnection
) -> None:
    for name in "abc":
        (incoming / f"{name}.csv").write_text("id,n\n" + "".join(f"{name}{n},x\n" for n in range(400)))
    real, careful = fast.read_piece, []

    def refuses(path: Path, *arguments: Any) -> Any:
        if path.name == "b.csv":
            raise Unsound("not for this reader")
        return real(path, *arguments)

    monkeypatch.setattr(fast, "read_piece", refuses)
    single = write._load_single
    monkeypatch.setattr(write, "_load_single", lambda job, item: (careful.append(item), single(job, item))[1])
    report = load(source())
    assert (report.rows_received, report.problems, len(careful)) == (1200, [], 1)
    assert con.execute(
        "SELECT left(id, 1), count(*), count(DISTINCT _row), max(_row), count(DISTINCT _batch_id) "
        "FROM raw_shop.orders GROUP BY 1 ORDER BY 1"
    ).fetchall() == [(name, 400, 400, 400, 1) for name in "abc"]
    assert con.execute("SELECT count(DISTINCT _batch_id) FROM raw_shop.orders").fetchall() == [(3,)]


def test_batches_are_as_large_as_row_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast, "ROW_GROUP", 10)
    came = [
        pa.record_batch({"n": list(range(first, first + size))}) for first, size in ((0, 3), (3, 0), (3, 25), (28, 4))
    ]
    made = list(fast.in_row_groups(came))
    assert [batch.num_rows for batch in made] == [10, 10, 10, 2]
    assert [row["n"] for batch in made for row in batch.to_pylist()] == list(range(32))
    assert list(fast.in_row_groups([])) == []


def test_a_piece_must_hold_the_counted_records(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("1,x\n2,y\n")
    table = read_piece(path, Piece(4, 8, 1), 2, Layout(), 2)
    assert table.to_pylist() == [{"c0": "2", "c1": "y", "row": 2}]
    for piece, width in ((Piece(0, 8, 3), 2), (Piece(0, 8, 2), 3), (Piece(0, 8, 2), 1)):
        with pytest.raises(Unsound):
            read_piece(path, piece, 1, Layout(), width)


_TEXT = st.text(st.sampled_from(list('ab,"\n\r é')), max_size=120)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_TEXT, st.sampled_from([1, 7, 1 << 20]))
def test_whatever_is_counted_is_what_the_careful_reader_finds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, chunk: int
) -> None:
    """Where pieces are read at all, they give the records of the careful reader."""
    monkeypatch.setattr("sources.files.count.CHUNK", chunk)
    monkeypatch.setattr("sources.files.count.PIECE", 1)
    path, layout = tmp_path / "a.csv", Layout()
    path.write_bytes(b"x,y\n" + text.encode())
    header = read_header(path, layout)
    scanned = scan_delimited(path, layout, header)
    if scanned.pieces is None:
        return
    try:
        batches = list(fast.read_files([(path, scanned.pieces, layout)], 2))
    except Unsound:
        return
    fast_rows = [tuple(row.values())[:-1] for batch in batches for row in batch.to_pylist()]
    blocks = list(read_records(path, layout, header))
    assert [block.rejected for block in blocks if block.rejected] == []
    careful = [
        (*(value or None for value in values), row)
        for block in blocks
        for values, row in zip(block.values, block.rows, strict=True)
    ]
    assert fast_rows == careful


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=60), st.sampled_from([1, 5, 1 << 20]))
def test_lines_are_counted_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, chunk: int
) -> None:
    monkeypatch.setattr("sources.files.count.CHUNK", chunk)
    monkeypatch.setattr("sources.files.count.PIECE", 3)
    path = tmp_path / "a.jsonl"
    path.write_bytes(content)
    pieces = scan_lines(path).pieces
    try:
        content.decode()
    except UnicodeDecodeError:
        assert pieces is None
        return
    assert pieces is not None
    expected = [line for line in content.split(b"\n") if line.strip(b" \t\r")]
    assert sum(piece.records for piece in pieces) == len(expected)
    assert b"".join(content[piece.start : piece.end] for piece in pieces) == content


@pytest.mark.parametrize("in_long_pieces", [False, True])
def test_columns_of_a_file_without_a_header(
    incoming: Path,
    source: Source,
    load: Load,
    rows: Rows,
    monkeypatch: pytest.MonkeyPatch,
    in_long_pieces: bool,
) -> None:
    if in_long_pieces:
        monkeypatch.setattr(write, "LARGE_BYTES", 1)
    options = {"header_row": 0, "columns": ["id", "event", "note"], "quote": "none"}
    (incoming / "a.tsv").write_text('\ufeff1\tview\t"\n2\tclick\t\n')
    (incoming / "b.tsv").write_text("3\tview\tx\n4\tview\n5\tview\tx\ty\n6\tview\tx\t\t\n")
    report = load(source(options=options))
    assert (report.rows_received, report.rows_rejected, report.problems) == (6, 2, [])
    assert rows("id, event, note", "_rejected IS NULL") == [
        ("1", "view", '"'),
        ("2", "click", None),
        ("3", "view", "x"),
        ("6", "view", "x"),
    ]
    assert rows("r._row, _rejected, _raw_line", "_rejected IS NOT NULL") == [
        (2, "line 2: 2 values, options.columns has 3", "4\tview"),
        (3, "line 3: 4 values, options.columns has 3", "5\tview\tx\ty"),
    ]


def test_other_columns_read_the_file_again(incoming: Path, source: Source, load: Load, rows: Rows) -> None:
    (incoming / "a.csv").write_text("1,x\n")
    load(source(options={"header_row": 0}, columns={"order_id": "column_1"}))
    assert rows("column_1") == [("1",)]
    assert load(source(options={"header_row": 0, "columns": ["id", "n"]})).reread
    assert rows("id, n") == [("1", "x")]


def test_the_mark_of_how_a_file_is_read_is_that_of_earlier_releases(tmp_path: Path, source: Source) -> None:
    """A mark that changed would read every file of a company again."""
    from sources.files.discover import SourceFile
    from sources.files.prepare import reader_of

    file = SourceFile("a.csv", "csv", 1, None, None)
    assert reader_of(source().datasets["orders"], file) == "fa2d961b7026"


@pytest.mark.parametrize(
    "options",
    [
        {"columns": ["a"]},
        {"columns": [], "header_row": 0},
        {"columns": ["a", "A"], "header_row": 0},
        {"columns": ["a", "_row"], "header_row": 0},
        {"columns": [" a"], "header_row": 0},
        {"columns": [""], "header_row": 0},
    ],
)
def test_columns_that_make_no_sense(source: Source, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="column"):
        source("in/*.csv", options=options)
