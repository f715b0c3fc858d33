"""JSON in all its forms: documents, lists, batches in a wrapper; nothing received is lost, digits stay as they are."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from sources.files.config import FilesSource
from sources.files.json_text import records_in
from sources.files.load import LoadReport

Source = Callable[..., FilesSource]
Load = Callable[[FilesSource], LoadReport]
Rows = Callable[..., list[tuple[Any, ...]]]
Refused = tuple[int, str, str]


@pytest.fixture
def read(incoming: Path, source: Source, load: Load, rows: Rows) -> Callable[..., tuple[list[Any], list[Refused]]]:
    """Load one file; return its records (number, id) and its refused texts (number, reason, text)."""

    def run(content: str | bytes, name: str = "a.json", **options: Any) -> tuple[list[Any], list[Refused]]:
        data = content.encode() if isinstance(content, str) else content
        (incoming / name).write_bytes(data)
        report = load(source(options=options))
        assert [problem.problem for problem in report.problems] == []
        records = rows("r._row, id", "_rejected IS NULL") if report.rows_received > report.rows_rejected else []
        refused = rows("r._row, _rejected, _raw_line", "_rejected IS NOT NULL")
        assert report.rows_received == len(records) + len(refused)
        return records, refused

    return run


Read = Callable[..., tuple[list[Any], list[Refused]]]

_PRETTY = json.dumps([{"id": 1, "x": {"y": [1]}}, {"id": 2}], indent=2)


@pytest.mark.parametrize(
    "content",
    [
        '{"id": 1}\n{"id": 2}\n',
        '{"id": 1}{"id": 2}',
        '[{"id": 1}, {"id": 2}]',
        '[{"id": 1}]\n[{"id": 2}]\n',
        '[\n{"id": 1},\n{"id": 2}\n]\n',
        '{\n "id": 1\n}\n{\n "id": 2\n}\n',
        '\ufeff \n[{"id": 1},\r\n{"id": 2}]\r\n',
        '[{"id": 1}, {"id": 2},]',
        '{"id": 1},\n{"id": 2},\n',
        _PRETTY,
    ],
)
def test_every_form_of_json(read: Read, content: str) -> None:
    assert read(content) == ([(1, "1"), (2, "2")], [])


@pytest.mark.parametrize("content", ['{"id": 1}', '\n{\n"id": 1}\n', '[{"id": 1}]', '{"id": 1}\n\n\n'])
def test_one_document(read: Read, content: str) -> None:
    assert read(content) == ([(1, "1")], [])


@pytest.mark.parametrize("content", ["[]", " [\n]\n", "\n \n"])
def test_a_document_without_a_record(read: Read, content: str) -> None:
    assert read(content) == ([], [])


def test_packed(read: Read) -> None:
    assert read(gzip.compress(_PRETTY.encode()), "a.json.gz") == ([(1, "1"), (2, "2")], [])


def test_values_are_the_text_that_came(incoming: Path, source: Source, load: Load, rows: Rows) -> None:
    members = (
        '"id": 12345678901234567890, "price": 1.10, "tiny": 1E-7, "nan": NaN, "half": "\\ud800", "yes": true, '
        '"no": null, '
        f'"deep": {{"a": [1.10, 2]}}, "long": [{"9" * 5000}], "id": "again"'
    )
    for name, content in (
        ("a.json", f"[{{{members}}}]"),
        ("b.json", f"{{\n{members} }}"),
        ("c.jsonl", f"{{{members}}}"),
    ):
        (incoming / name).write_text(content)
    assert load(source()).problems == []
    assert (
        rows("id, price, tiny, nan, half, yes, no, deep, long, id_2")
        == [
            (
                "12345678901234567890",
                "1.10",
                "1E-7",
                "NaN",
                "\\ud800",
                "true",
                None,
                '{"a": [1.10, 2]}',
                f"[{'9' * 5000}]",
                "again",
            )
        ]
        * 3
    )


def test_what_is_no_object_is_refused(read: Read) -> None:
    assert read('[{"id": 1}, 5, "x", [1], null, {"id": 2}]') == (
        [(1, "1"), (6, "2")],
        [(number + 2, "line 1: not a JSON object", text) for number, text in enumerate(["5", '"x"', "[1]", "null"])],
    )


def test_a_broken_line_costs_that_line(read: Read) -> None:
    assert read('{"id": 1}\n{"id": \n{"id": 3}\n') == (
        [(1, "1"), (3, "3")],
        [(2, "line 2: not valid JSON", '{"id": ')],
    )


def test_a_broken_first_line_costs_that_line(read: Read) -> None:
    assert read('{"id": 1, "x\n{"id": 2}\n{"id": 3}\n{"id": 4}\n')[0] == [(2, "2"), (3, "3"), (4, "4")]


def test_a_broken_element_of_a_pretty_list_costs_that_element(read: Read) -> None:
    content = json.dumps([{"id": 1}, {"id": 2, "x": {"y": 1}}, {"id": 3}], indent=2).replace('"y": 1', '"y": ')
    records, ((number, reason, text),) = read(content)
    assert records == [(1, "1"), (3, "3")]
    assert (number, reason) == (2, "line 5: not valid JSON")
    assert text.startswith('{\n    "id": 2')
    assert text.rstrip().endswith("},")


def test_a_list_that_is_cut_off(read: Read) -> None:
    assert read('[{"id": 1}, {"id": 2, "x": "') == (
        [(1, "1")],
        [(2, "line 1: not valid JSON (Unterminated string starting at)", '{"id": 2, "x": "')],
    )


def test_a_list_that_is_cut_off_between_records_is_told(read: Read) -> None:
    records, refused = read('[\n{"id": 1},\n')
    assert records == [(1, "1")]
    assert [reason for _, reason, _ in refused] == ["line 3: the list is never closed, the file seems cut off"]


def test_a_broken_document_is_kept_as_it_is(read: Read) -> None:
    content = '{\n "id": 1,\n "x": tru\n}'
    assert read(content) == ([], [(1, "line 1: not valid JSON", content)])


def test_too_deep_nesting_costs_the_record(read: Read) -> None:
    deep = "[" * 100_000 + "]" * 100_000
    records, ((number, reason, _),) = read(f'{{"id": 1}}\n{{"id": {deep}}}\n{{"id": 3}}\n')
    assert (records, number, reason) == ([(1, "1"), (3, "3")], 2, "line 2: not readable: JSON nested too deeply")


def test_too_deep_nesting_in_a_list_costs_the_record(read: Read) -> None:
    deep = "[" * 100_000 + "]" * 100_000
    records, ((number, reason, _),) = read(f'[\n{{"id": 1}},\n{{"id": {deep}}},\n{{"id": 3}}\n]')
    assert (records, number, reason) == ([(1, "1"), (3, "3")], 2, "line 3: not readable: JSON nested too deeply")


def test_bytes_that_are_no_utf8(read: Read) -> None:
    assert read(b'[{"id": "caf\xe9"}, {"id": 2}]') == (
        [(2, "2")],
        [(1, "line 1: not valid utf-8 (byte 0xe9), it looks like cp1252", '{"id": "caf\\xe9"}')],
    )


def test_what_does_not_begin_like_json(incoming: Path, source: Source, load: Load) -> None:
    (incoming / "a.json").write_text("<html>")
    assert [problem.problem for problem in load(source()).problems] == ["holds no JSON object or list"]


def test_a_list_longer_than_a_window(
    read: Read, monkeypatch: pytest.MonkeyPatch, con: duckdb.DuckDBPyConnection
) -> None:
    monkeypatch.setattr("sources.files.records._PIECE", 16)
    monkeypatch.setattr("sources.files.records.BLOCK_RECORDS", 7)
    records = [{"id": number, "text": 'ä"\\\n' * (number % 20), "n": 1.5} for number in range(1, 200)]
    for indent in (None, 1):
        content = json.dumps(records, indent=indent, ensure_ascii=bool(indent))
        got, refused = read(content, f"{indent}.json")
        assert refused == []
        assert [number for number, _ in got[-199:]] == list(range(1, 200))
        con.execute("DELETE FROM raw_shop.orders")
    broken = json.dumps(records, indent=1).replace('"id": 50,', '"id": ,')
    got, refused = read(broken, "broken.json")
    assert [id_ for _, id_ in got] == [str(number) for number in range(1, 200) if number != 50]
    assert len(refused) == 1


def test_one_value_that_is_too_long(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sources.files.records._PIECE", 16)
    monkeypatch.setattr("sources.files.records.MOST_CHARACTERS", 100)
    records, refused = read('{\n"id": 1}\n{"id": "' + "x" * 500 + '"}\n{"id": 3}\n')
    assert [id_ for _, id_ in records] == ["1", "3"]
    assert "more than 100 characters" in refused[0][1]


@pytest.mark.parametrize("name", ["a.jsonl", "a.json"])
def test_a_batch_on_a_line_is_that_many_records(read: Read, name: str) -> None:
    content = '{"id": 1}\n[{"id": 2}, {"id": 3}, 4]\n[]\n{"id": 5}\n'
    assert read(content, name) == (
        [(1, "1"), (2, "2"), (3, "3"), (5, "5")],
        [(4, "line 2: not a JSON object", "4")],
    )


@pytest.mark.parametrize(
    ("records", "content"),
    [
        ("event-data", '{"signature": {"t": 1}, "event-data": {"id": 1}}\n{"event-data": {"id": 2}}'),
        (["orders", "order"], '{"orders": [{"id": 1}]}\n{"order": {"id": 2}}'),
        (["orders", "order"], '{"order": {"id": 9}, "orders": [{"id": 1}, {"id": 2}]}'),
        ("data.orders", '{"data": {"orders": [{"id": 1}, {"id": 2}]}, "next": null}'),
        ("data.orders", '[{"data": {"orders": [{"id": 1}]}}, {"data": {"orders": {"id": 2}}}]'),
        ("batch", '{"batch": [{"id": 1}]}\n{"id": 2}'),
        ("id", '{"id": 1}\n{"id": 2}'),
        ("order", '{"id": 1, "order": 7}\n{"id": 2, "order": null}'),
        ("batch", '{"batch": [{"id": 1}], "x": 1, "batch": [{"id": 2}]}'),
        ("batch", '{"b\\u0061tch": [{"id": 1}, {"id": 2}]}'),
    ],
)
@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.json.gz"])
def test_records_in_a_wrapper(read: Read, records: object, content: str, name: str) -> None:
    data = gzip.compress(content.encode()) if name.endswith("gz") else content.encode()
    assert read(data, name, records=records) == ([(1, "1"), (2, "2")], [])


def test_a_wrapper_over_many_lines(read: Read) -> None:
    content = json.dumps({"orders": [{"id": 1}, "x", {"id": 2}]}, indent=4)
    assert read(content, records="orders") == (
        [(1, "1"), (3, "2")],
        [(2, "line 1: not a JSON object", '"x"')],
    )


def test_an_empty_batch_is_no_record_and_a_broken_wrapper_is_refused(read: Read) -> None:
    assert read('{"batch": []}\n{"batch": [{"id": 1}}\n{"batch": [{"id": 1}]} x\n', "a.jsonl", records="batch") == (
        [],
        [
            (1, "line 2: not valid JSON (Expecting ',' delimiter at character 21)", '{"batch": [{"id": 1}}'),
            (2, "line 3: text follows the JSON object", '{"batch": [{"id": 1}]} x'),
        ],
    )


def test_other_records_replace_the_rows(incoming: Path, source: Source, load: Load, rows: Rows) -> None:
    (incoming / "a.jsonl").write_text('{"id": 0, "batch": [{"id": 1}, {"id": 2}]}\n')
    load(source())
    assert rows("id") == [("0",)]
    assert load(source(options={"records": "batch"})).reread
    assert rows("id") == [("1",), ("2",)]


@pytest.mark.parametrize(
    ("line", "records"),
    [
        ('{"a": 1}', ['{"a": 1}']),
        ('["id"]', ['["id"]']),
        ("[]", []),
        (' [ {"a": 1} , {} ] ', ['{"a": 1}', "{}"]),
        ('[{"a": 1}', ['[{"a": 1}']),
        ("nothing", ["nothing"]),
        ("", [""]),
    ],
)
def test_records_of_a_line(line: str, records: list[str]) -> None:
    assert records_in(line, ()) == records


@pytest.mark.parametrize("option", [{"records": ""}, {"records": ["a", "b..c"]}, {"records": []}])
def test_records_that_make_no_sense(source: Source, option: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="records"):
        source("in/*.json", options=option)
    with pytest.raises(ValueError, match="does not belong"):
        source("in/*.csv", options={"records": "a"})
