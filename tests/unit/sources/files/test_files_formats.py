"""JSON lines, Excel and Parquet arrive as text, as they are in the file."""

from __future__ import annotations

import datetime as dt
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.files.config import FilesSource
from sources.files.json_text import _members, parse_object
from sources.files.load import LoadReport
from sources.files.sheets import cell_text

Source = Callable[..., FilesSource]
Load = Callable[[FilesSource], LoadReport]
Rows = Callable[..., list[tuple[Any, ...]]]


def test_json_members_keep_their_text() -> None:
    line = (
        ' {"a": 1.10, "b":"x\\ny", "c": {"d": [1, 2.0]}, "e": null, "f": true, "g": 12345678901234567890.5, "h": ""} '
    )
    assert parse_object(line) == [
        ("a", "1.10"),
        ("b", "x\ny"),
        ("c", '{"d": [1, 2.0]}'),
        ("e", None),
        ("f", "true"),
        ("g", "12345678901234567890.5"),
        ("h", ""),
    ]
    assert parse_object("{}") == []
    assert parse_object('{"a": "\\ud800"}') == [("a", "\\ud800")]


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{",
        '{"a"',
        '{"a":',
        '{"a":1',
        '{"a":1,}',
        '{"a" 1}',
        "{a:1}",
        '{"a":1} x',
        "[1]",
        '"a"',
        "1",
        '{"a":1 "b":2}',
    ],
)
def test_what_is_no_json_object_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"JSON|text follows"):
        parse_object(line)


def test_json_lines_with_a_bad_line_in_the_middle(incoming: Path, source: Source, load: Load, rows: Rows) -> None:
    lines = [
        b'{"id": 1, "who": {"name": "Ann"}}',
        b'{"id": 2, "who": ',
        b"",
        b'["id"]',
        b'{"id": "caf\xe9"}',
        b'{"ID": 5, "id": 6, "_row": "x", "late": [1]}',
    ]
    (incoming / "a.jsonl").write_bytes(b"\n".join(lines))
    report = load(source())
    assert (report.rows_received, report.rows_rejected, report.problems) == (5, 3, [])
    assert rows("r._row, id, who, id_2, _row_2, late", "_rejected IS NULL") == [
        (1, "1", '{"name": "Ann"}', None, None, None),
        (5, "6", None, "5", "x", "[1]"),
    ]
    assert rows("r._row, _rejected, _raw_line", "_rejected IS NOT NULL") == [
        (2, "line 2: not valid JSON", '{"id": 2, "who": '),
        (3, "line 4: not a JSON object", '["id"]'),
        (4, "line 5: not valid utf-8 (byte 0xe9), it looks like cp1252", '{"id": "caf\\xe9"}'),
    ]


def test_json_lines_packed_and_in_another_encoding(incoming: Path, source: Source, load: Load, rows: Rows) -> None:
    (incoming / "a.ndjson.gz").write_bytes(gzip.compress('{"id": "Zoë"}\n'.encode("cp1252")))
    assert load(source(options={"encoding": "cp1252"})).problems == []
    assert rows("id") == [("Zoë",)]


def test_columns_that_appear_late_in_long_json_files(
    incoming: Path, source: Source, load: Load, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sources.files.records.BLOCK_RECORDS", 10)
    lines = [f'{{"id": {n}}}' if n < 25 else f'{{"id": {n}, "late": "x{n}"}}' for n in range(1, 31)]
    (incoming / "a.jsonl").write_text("\n".join(lines))
    assert load(source()).rows_received == 30
    assert rows("id, late", "r._row IN (10, 24, 25, 30)") == [("10", None), ("24", None), ("25", "x25"), ("30", "x30")]


def test_json_that_is_one_value_is_refused_as_a_whole(incoming: Path, source: Source, load: Load) -> None:
    (incoming / "a.jsonl").write_text('[\n{"id": 1},\n{"id": 2}\n]\n')
    assert "one JSON value, not one object per line" in load(source()).problems[0].problem


def test_json_may_leave_out_mapped_keys_but_not_all(incoming: Path, source: Source, load: Load) -> None:
    (incoming / "a.jsonl").write_text('{"id": 1}\n')
    (incoming / "b.jsonl").write_text('{"number": 1}\n')
    report = load(source(columns={"order_id": "id", "email": "mail"}))
    assert [(problem.path, problem.problem) for problem in report.problems] == [
        ("in/b.jsonl", "has no column 'id', 'mail', which is mapped; columns there: number")
    ]
    assert report.rows_received == 1


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, None),
        ("007", "007"),
        (5, "5"),
        (1.1, "1.1"),
        (1e-7, "0.0000001"),
        (1.5e16, "15000000000000000"),
        (True, "true"),
        (dt.datetime.fromisoformat("2024-01-02"), "2024-01-02"),
        (dt.datetime.fromisoformat("2024-01-02 03:04:05"), "2024-01-02 03:04:05"),
        (dt.time(7, 30), "07:30:00"),
        (dt.timedelta(hours=30, seconds=5), "30:00:05"),
    ],
)
def test_text_of_a_cell(value: object, text: str | None) -> None:
    assert cell_text(value) == text


@pytest.fixture
def workbook(incoming: Path) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Orders"
    for row in (
        ["id", "ordered", None, "note"],
        ["007", dt.date(2024, 1, 2), 3, ' a "b"\nc '],
        [None, None, None, None],
        [8, None, 2.5, None],
        [9, None, None, None, "beyond"],
    ):
        sheet.append(row)
    book.create_sheet("Empty")
    titled = book.create_sheet("Titled")
    for row in (["Report"], [None], ["id"], ["x"]):
        titled.append(row)
    path = incoming / "a.xlsx"
    book.save(path)
    return path


def test_excel(workbook: Path, source: Source, load: Load, rows: Rows) -> None:
    report = load(source())
    assert (report.rows_received, report.rows_rejected, report.problems) == (3, 1, [])
    assert rows("r._row, id, ordered, column_3, note", "_rejected IS NULL") == [
        (1, "007", "2024-01-02", "3", ' a "b"\nc '),
        (2, "8", None, "2.5", None),
    ]
    assert rows("r._row, _rejected, _raw_line", "_rejected IS NOT NULL") == [
        (3, "row 5: 5 values, the header has 4", "9\t\t\t\tbeyond")
    ]


@pytest.mark.parametrize("sheet", ["Titled", 3])
def test_excel_sheet_and_header_row(workbook: Path, source: Source, load: Load, rows: Rows, sheet: object) -> None:
    assert load(source(options={"sheet": sheet, "header_row": 3})).problems == []
    assert rows("r._row, id") == [(1, "x")]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"sheet": "orders"}, "Sheets there: Orders, Empty, Titled"),
        ({"sheet": 4}, "Sheets there: Orders, Empty, Titled"),
        ({"sheet": "Empty"}, "options.header_row"),
        ({"sheet": "Titled"}, "Change the mapping"),
    ],
)
def test_excel_problems(workbook: Path, source: Source, load: Load, options: dict[str, Any], said: str) -> None:
    (problem,) = load(source(options=options)).problems
    assert said in problem.fix


def test_what_is_no_workbook(incoming: Path, source: Source, load: Load) -> None:
    (incoming / "a.xlsx").write_bytes(b"PK\x03\x04 not really")
    (incoming / "b.xlsx").write_text("id\n1\n")
    problems = load(source()).problems
    assert [problem.path for problem in problems] == ["in/a.xlsx", "in/b.xlsx"]
    assert all("no readable Excel workbook" in problem.problem for problem in problems)


def test_parquet(incoming: Path, source: Source, load: Load, rows: Rows) -> None:
    duckdb.connect().execute(
        f"""COPY (
            SELECT * FROM (VALUES
              (7::BIGINT, 1.50::DECIMAL(9, 2), DATE '2024-01-02', TIMESTAMP '2024-01-02 03:04:05', [1, 2],
               {{'city': 'Ulm', 'no': 1}}, true, 17850.0::DOUBLE, ''),
              (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'x')
            ) AS t (id, amount, day, "at time", list, struct, flag, number, empty)
        ) TO '{incoming / "a.parquet"}' (FORMAT parquet)"""
    )
    assert load(source()).rows_received == 2
    assert rows('r._row, id, amount, day, "at time", list, struct, flag, number, empty') == [
        (
            1,
            "7",
            "1.50",
            "2024-01-02",
            "2024-01-02 03:04:05",
            "[1,2]",
            '{"city":"Ulm","no":1}',
            "true",
            "17850.0",
            "",
        ),
        (2, None, None, None, None, None, None, None, None, "x"),
    ]


def test_broken_parquet_fails_alone(incoming: Path, source: Source, load: Load, rows: Rows) -> None:
    duckdb.connect().execute(f"COPY (SELECT 1 AS id) TO '{incoming / 'b.parquet'}' (FORMAT parquet)")
    (incoming / "a.parquet").write_bytes((incoming / "b.parquet").read_bytes()[:-10])
    report = load(source())
    assert "no readable Parquet file" in report.problems[0].problem
    assert rows("b.file, id") == [("in/b.parquet", "1")]


_flat_values = st.one_of(
    st.none(), st.booleans(), st.text(), st.integers(), st.floats(), st.sampled_from(["1.10", "\ud800", "é"])
)


@given(st.dictionaries(st.text(), st.one_of(_flat_values, st.lists(_flat_values, max_size=2)), max_size=5))
def test_flat_objects_read_the_same_the_fast_way(value: dict[str, object]) -> None:
    line = json.dumps(value)
    assert parse_object(line) == _members(line)
