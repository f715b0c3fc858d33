"""Bad input of delimited files: everything received is either a record or kept as a refused line with its reason."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sources.files.config import FilesSource
from sources.files.load import LoadReport

Source = Callable[..., FilesSource]
Load = Callable[[FilesSource], LoadReport]
Rows = Callable[..., list[tuple[Any, ...]]]
Refused = tuple[int, str, str]


@pytest.fixture
def read(incoming: Path, source: Source, load: Load, rows: Rows) -> Callable[..., tuple[list[Any], list[Refused]]]:
    """Load one file; return its records (number, columns...) and its refused lines (number, reason, text)."""

    def run(content: bytes, shown: str = "id, n", **dataset: Any) -> tuple[list[Any], list[Refused]]:
        (incoming / "a.csv").write_bytes(content)
        report = load(source(**dataset))
        assert report.problems == []
        records = rows(f"r._row, {shown}", "_rejected IS NULL")
        refused = rows("r._row, _rejected, _raw_line", "_rejected IS NOT NULL")
        assert report.rows_received == len(records) + len(refused)
        assert report.rows_rejected == len(refused)
        return records, refused

    return run


Read = Callable[..., tuple[list[Any], list[Refused]]]


def test_ragged_rows_are_kept_with_their_reason(read: Read) -> None:
    assert read(b"id,n\n1,a\n2\n3,b,c\n4,d\n") == (
        [(1, "1", "a"), (4, "4", "d")],
        [
            (2, "line 3: 1 values, the header has 2", "2"),
            (3, "line 4: 3 values, the header has 2", "3,b,c"),
        ],
    )


def test_a_surplus_of_empty_values_is_no_fault(read: Read) -> None:
    assert read(b"id,n\n1,a,,\n2,b\n") == ([(1, "1", "a"), (2, "2", "b")], [])


def test_text_after_a_closing_quote(read: Read) -> None:
    assert read(b'id,n\n1,"a"b\n2,c\n') == (
        [(2, "2", "c")],
        [(1, "line 2: text follows a closing quote", '1,"a"b')],
    )


def test_a_quote_that_is_never_closed_costs_one_line(read: Read) -> None:
    assert read(b'id,n\n1,"a\n2,b\n3,"c"\n') == (
        [(2, "2", "b"), (3, "3", "c")],
        [(1, "line 2: text follows a closing quote", '1,"a')],
    )


def test_a_quote_that_is_open_at_the_end_costs_one_line(read: Read) -> None:
    assert read(b'id,n\n1,a\n2,"b\n3,c\n') == (
        [(1, "1", "a"), (3, "3", "c")],
        [(2, "line 3: a quote is opened and never closed", '2,"b')],
    )


def test_quotes_inside_unquoted_values_are_text(read: Read) -> None:
    # Two lines with an odd quote each, and a ragged row: a count by quotes alone would not notice the loss.
    assert read(b'id,n\n1,5" pipe\n2\n3,6" pipe\n') == (
        [(1, "1", '5" pipe'), (3, "3", '6" pipe')],
        [(2, "line 3: 1 values, the header has 2", "2")],
    )


def test_bytes_that_are_no_utf8_are_refused_with_a_guess(read: Read) -> None:
    assert read(b"id,n\n1,caf\xe9\n2,b\n") == (
        [(2, "2", "b")],
        [(1, "line 2: not valid utf-8 (byte 0xe9), it looks like cp1252", "1,caf\\xe9")],
    )


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16", "utf-16-le", "gb18030", "utf-8-sig", "cp437"])
def test_declared_encodings(read: Read, encoding: str) -> None:
    word = {"gb18030": "中文", "cp1252": "Zoë €"}.get(encoding, "Zoë")
    content = f'id,n\r\n1,"{word}"\r\n2,b\r\n'.encode(encoding)
    assert read(content, options={"encoding": encoding}) == ([(1, "1", word), (2, "2", "b")], [])


def test_bytes_the_declared_encoding_does_not_know(read: Read) -> None:
    content = "id,n\n1,中\n".encode("gb18030") + b"2,\xff\n3,b\n"
    assert read(content, options={"encoding": "gb18030"}) == (
        [(1, "1", "中"), (3, "3", "b")],
        [(2, "line 3: not valid in the declared encoding", "2,\\xff")],
    )


def test_windows_and_old_mac_line_ends_and_bom(read: Read) -> None:
    assert read(b'\xef\xbb\xbfid,n\r\n1,"a\r\nb"\r\n\r\n2,c')[0] == [(1, "1", "a\r\nb"), (2, "2", "c")]


def test_old_mac_line_ends(read: Read) -> None:
    assert read(b"id,n\r1,a\r2,b\r") == ([(1, "1", "a"), (2, "2", "b")], [])


def test_mixed_line_ends(read: Read) -> None:
    assert read(b"id,n\n1,a\r\n2,b\n3,c\r\n") == ([(1, "1", "a"), (2, "2", "b"), (3, "3", "c")], [])


def test_a_carriage_return_inside_a_value(read: Read) -> None:
    assert read(b"id,n\n1,a\rb\n2,c\n") == (
        [(2, "2", "c")],
        [(1, "line 2: a carriage return stands inside an unquoted value", "1,a\rb")],
    )


def test_blank_lines_are_no_records(read: Read) -> None:
    assert read(b"\n\nid,n\n\n1,a\n   \n\n2,b\n\n") == ([(1, "1", "a"), (2, "2", "b")], [])


def test_one_column_with_blank_lines_and_empty_values(read: Read) -> None:
    assert read(b'id\n1\n\n""\n2\n', "id") == ([(1, "1"), (2, None), (3, "2")], [])


def test_empty_values_are_null_quoted_or_not(read: Read) -> None:
    assert read(b'id,n\n,""\n"",x\n') == ([(1, None, None), (2, None, "x")], [])


def test_nul_bytes_are_text(read: Read) -> None:
    assert read(b"id,n\n1,a\x00b\n") == ([(1, "1", "a\x00b")], [])


def test_a_quoted_line_end(read: Read) -> None:
    assert read(b'id,n\n1,"a\n\nb"\n2,c\n') == ([(1, "1", "a\n\nb"), (2, "2", "c")], [])


def test_a_value_of_ten_megabytes(read: Read) -> None:
    records, refused = read(b"id,n\n1," + b"x" * 10_000_000 + b'\n2,"' + b"y\n" * 5_000_000 + b'"\n3,c\n', "length(n)")
    assert records == [(1, 10_000_000), (2, 10_000_000), (3, 1)]
    assert refused == []


def test_odd_headers(read: Read) -> None:
    content = b'\xef\xbb\xbf" id ","First ""Name""",Email,email,,_batch_id\n1,a,b,c,d,e\n'
    records, _ = read(content, 'id, "First ""Name""", Email, email_2, column_5, _batch_id_2')
    assert records == [(1, "1", "a", "b", "c", "d", "e")]


def test_a_header_over_two_lines(read: Read) -> None:
    assert read(b'id,"a\nb"\n1,x\n', 'id, "a\nb"') == ([(1, "1", "x")], [])


def test_titles_above_the_header(read: Read) -> None:
    content = b"Export of May\n\nid,n\n1,a\n2,b\n"
    assert read(content, options={"header_row": 3}) == ([(1, "1", "a"), (2, "2", "b")], [])


def test_no_header(read: Read) -> None:
    content, mapped = b"\xef\xbb\xbf1,a\n2,b\n", {"order_id": "column_1"}
    records = read(content, "column_1, column_2", columns=mapped, options={"header_row": 0})
    assert records == ([(1, "1", "a"), (2, "2", "b")], [])


def test_semicolons_tabs_and_other_quotes(read: Read) -> None:
    assert read(b"id;n\n1;'a;b'\n", options={"separator": ";", "quote": "'"}) == ([(1, "1", "a;b")], [])


def test_tabs_without_quotes(read: Read) -> None:
    content = b'id\tn\n1\t"a\n2\tb"\n'
    assert read(content, format="tsv", options={"quote": "none"}) == ([(1, "1", '"a'), (2, "2", 'b"')], [])


def test_backslash_escapes_quotes_only(read: Read) -> None:
    content = b'id,n\n1,"a\\"b"\n2,"c:\\dir"\n3,"d\\\\"\n'
    assert read(content, options={"escape": "\\"}) == (
        [(1, "1", 'a"b'), (2, "2", "c:\\dir"), (3, "3", "d\\")],
        [],
    )


def test_blanks_before_quotes(read: Read) -> None:
    assert read(b'id, n\n1, "a, b"\n2, c\n') == ([(1, "1", "a, b"), (2, "2", "c")], [])


def test_a_header_only_is_a_file_without_records(incoming: Path, source: Source, load: Load) -> None:
    (incoming / "a.csv").write_text("id,n\n")
    (incoming / "b.csv").write_text("id,n")
    report = load(source())
    assert (report.problems, report.rows_received) == ([], 0)
    assert sorted(file.status for file in report.files) == ["loaded", "loaded"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty (0 bytes)"),
        (b"\n\n\n", "has no header"),
        ("id,n\n1,a\n".encode("utf-16"), "looks like utf-16"),
        ("id,n\n1,a\n".encode("utf-16-le"), "looks like utf-16"),
        (b"id,caf\xe9\n1,a\n", "the header is not valid utf-8 (byte 0xe9), it looks like cp1252"),
        (b'id,"n\n1,a\n', "the header cannot be read"),
        (b"PK\x03\x04....", "is a zip or Excel file"),
    ],
)
def test_files_that_cannot_be_read_fail_alone(
    incoming: Path, source: Source, load: Load, rows: Rows, content: bytes, problem: str
) -> None:
    (incoming / "a.csv").write_bytes(content)
    (incoming / "b.csv").write_text("id,n\n1,a\n")
    report = load(source())
    (error,) = report.problems
    assert error.path == "in/a.csv"
    assert problem in error.problem
    assert rows("id") == [("1",)]


def test_gzip_whole_cut_off_and_false(incoming: Path, source: Source, load: Load, rows: Rows) -> None:
    content = b"id,n\n" + b"".join(b"%d,%d\n" % (n, n * n) for n in range(20_000))
    packed = gzip.compress(content)
    (incoming / "a.csv.gz").write_bytes(packed[:-100])
    (incoming / "b.csv.gz").write_bytes(packed)
    (incoming / "c.csv.gz").write_bytes(b"id,n\n1,a\n")
    (incoming / "d.csv.gz").write_bytes(packed[:200] + b"\x00\x00" + packed[202:])
    report = load(source())
    problems = {problem.path: problem.problem for problem in report.problems}
    assert set(problems) == {"in/a.csv.gz", "in/c.csv.gz", "in/d.csv.gz"}
    assert problems["in/a.csv.gz"] == "the gzip file is cut off or damaged; nothing of it was loaded"
    assert "is not gzip" in problems["in/c.csv.gz"]
    assert sorted(set(rows("b.file"))) == [("in/b.csv.gz",)]
    assert report.rows_received == 20_000


def test_gzip_without_its_suffix(read: Read) -> None:
    assert read(gzip.compress(b"id,n\n1,a\n")) == ([(1, "1", "a")], [])


def test_one_broken_file_among_many_leaves_the_others_fast(
    incoming: Path, source: Source, load: Load, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sources.files.write as module

    for file in range(20):
        (incoming / f"{file:02d}.csv").write_text(f"id,n\n{file},a\n")
    (incoming / "07.csv").write_text("id,n\n7,a\n7\n")
    careful: list[str] = []
    real = module._load_single
    monkeypatch.setattr(
        module, "_load_single", lambda job, item: (careful.append(item.ready.file.name), real(job, item))[1]
    )
    report = load(source())
    assert careful == ["in/07.csv"]
    assert (report.rows_received, report.rows_rejected) == (21, 1)
    assert len(rows("id", "_rejected IS NULL")) == 20


def test_a_reader_that_breaks_on_one_file_falls_back(
    incoming: Path, source: Source, load: Load, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    import duckdb

    import sources.files.write as module

    for file in range(9):
        (incoming / f"{file}.csv").write_text(f"id,n\n{file},a\n")
    real = module._stage

    def breaks(con: Any, items: list[Any]) -> Any:
        if any(item.ready.file.name == "in/4.csv" for item in items):
            raise duckdb.InvalidInputException("state machine")
        return real(con, items)

    monkeypatch.setattr(module, "_stage", breaks)
    report = load(source())
    assert report.problems == []
    assert rows("id") == [(str(file),) for file in range(9)]
