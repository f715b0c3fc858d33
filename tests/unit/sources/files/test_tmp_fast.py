"""Long files of JSON lines go through DuckDB: what it gives is what the careful reader gives, byte by byte."""

from __future__ import annotations

import tempfile
from pathlib import Path
from unittest.mock import patch

import duckdb
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sources.files import json_fast, write
from sources.files.config import FilesSource
from sources.files.json_shape import SAME, Shape
from sources.files.load import load_source

_SETTINGS = {
    "channel": "shop",
    "owner": "shop@example.com",
    "datasets": {
        "orders": {
            "path": "a.jsonl",
            "options": {"records": "batch"},
            "entities": [{"entity": "orders", "columns": {"order_id": {"constant": "x"}}}],
        }
    },
}
Read = tuple[list[str], list[tuple[object, ...]], list[tuple[object, ...]], list[str]]


def _load(content: bytes, *, careful: bool = False, group: int = 32 << 20) -> Read:
    """Load one file; return columns, rows, kinds, and problems."""
    source = FilesSource.model_validate(_SETTINGS)
    with (
        tempfile.TemporaryDirectory() as folder,
        duckdb.connect() as con,
        patch.object(write, "FEWEST_LINES", 10**9 if careful else 1),
        patch.object(json_fast, "_TOGETHER", group),
        patch("sources.files.count.PIECE", min(group, 8 << 20)),
    ):
        base = Path(folder)
        (base / "a.jsonl").write_bytes(content)
        report = load_source(con, "shop", source, base=base, landing=base / "landing", load_id="x")
        if report.problems:
            return [], [], [], [problem.problem for problem in report.problems]
        columns = sorted(
            name
            for (name,) in con.execute(
                "SELECT column_name FROM duckdb_columns() WHERE schema_name = 'raw_shop'"
            ).fetchall()
        )
        shown = ", ".join('"' + name.replace('"', '""') + '"' for name in columns)
        rows = con.execute(f"SELECT {shown} FROM raw_shop.orders ORDER BY _row").fetchall()
        kinds = con.execute("SELECT field, kind FROM ledger.fields ORDER BY ALL").fetchall()
        assert [row[columns.index("_row")] for row in rows] == list(range(1, len(rows) + 1))
        return columns, rows, kinds, []


_NUMBERS = st.one_of(
    st.integers().map(str),
    st.decimals(allow_nan=False, allow_infinity=False).map(str),
    st.sampled_from(
        ["-0", "0.0", "-0.0", "1.10", "5.00", "1e5", "1E-7", "NaN", "-Infinity", "01", "1.", ".5", "1e400"]
    ),
    st.sampled_from(["12345678901234567890", "9007199254740993", "0.00001", "123456789.0001", "0.1e1"]),
)
_TEXTS = st.one_of(
    st.sampled_from(["", "abc", "Zoë", "日本", "1.10", "null", "a:b,c", "{}", "[1]", "\\u00e9", "\\ud83d\\ude00"]),
    st.sampled_from(
        ["\\ud800", "\\u0000", "\\/", "\\\\", "\\n", "\\x", "a\tb", '\\"n\\":5', '\\\\"', "\u2028", "\x01"]
    ),
).map(lambda value: f'"{value}"')
_OTHERS = st.sampled_from(["null", "true", "false", '{"n": 1.10}', "[1, 2.0]", "{}", "[1,,2]", '{"a":1,}', "tru", ""])
_VALUES = {"id": _TEXTS, "n": _NUMBERS, "m": st.one_of(_NUMBERS, _TEXTS, _OTHERS), "t": st.one_of(_TEXTS, _OTHERS)}
_SPACES = st.sampled_from([(",", ":"), (",", ":"), (", ", ": "), (" ,", " :"), (",\t", ":  ")])
_EXTRA = st.sampled_from([""] * 8 + ["N", "late", "id", "_row", "a b", "k\\u0031", "batch"])
_TAILS = st.sampled_from([""] * 12 + ["}", " x", ",", "  ", "\t", "\r"])


@st.composite
def _line(draw: st.DrawFn) -> str:
    comma, colon = draw(_SPACES)
    names = [name for name in _VALUES if draw(st.integers(0, 9))]
    if extra := draw(_EXTRA):
        names.append(extra)
    if not draw(st.integers(0, 19)):
        names.reverse()
    members = [f'"{name}"{colon}{draw(_VALUES.get(name, _OTHERS))}' for name in names]
    line = "{" + comma.join(members) + "}" + draw(_TAILS)
    return draw(
        st.sampled_from([line] * 15 + [f"[{line}, {line}]", f'{{"batch": [{line}]}}', " " + line, "", "   ", "[]", "1"])
    )


_QUICK = settings(max_examples=1500, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@_QUICK
@given(st.lists(_line(), max_size=30), st.sampled_from(["\n", "\r\n"]), st.booleans(), st.booleans())
@example(['{"id":"a","n":1.10}', '{"id":"b","n":1.1}', '{"n":2}'], "\n", True, False)  # noqa: FBT003 - hypothesis takes no mixture
@example(['{"ID":"a"}', '{"id":"b"}'], "\n", True, True)  # noqa: FBT003
@example(['{"batch": [{}]}'], "\n", False, False)  # noqa: FBT003
@example(["", '[{"t":"\\x"}, {"t":"\\x"}]'], "\n", False, True)  # noqa: FBT003
@example(['{"t":"a"}'] * 30 + ["   "], "\n", False, False)  # noqa: FBT003
def test_both_ways_give_the_same(lines: list[str], line_end: str, is_ended: bool, has_mark: bool) -> None:
    text = ("\ufeff" if has_mark else "") + line_end.join(lines) + (line_end if is_ended else "")
    content = (text or "\n").encode()
    assert _load(content, group=200) == _load(content, careful=True)


def test_sound_lines_do_not_go_one_by_one() -> None:
    lines = [f'{{"id":"{n}","price":{n / 10:.2f},"ok":{"true" if n % 2 else "null"}}}' for n in range(5000)]
    lines[700] = '{"id":"700","late":{"x":1}}'
    lines[900] = '{"id":'
    slow: list[str] = []
    real = json_fast.Collector.add
    spy = patch.object(
        json_fast.Collector, "add", lambda self, text, line: (slow.append(text), real(self, text, line))[1]
    )
    with spy:
        columns, rows, kinds, _ = _load("\n".join(lines).encode())
    assert len(slow) == 2
    assert len(rows) == 5000
    place = {name: columns.index(name) for name in columns}
    assert [rows[n][place["price"]] for n in (0, 10, 4999)] == ["0.00", "1.00", "499.90"]
    assert rows[700][place["late"]] == '{"x":1}'
    assert rows[900][place["_rejected"]] == "line 901: not valid JSON"
    assert kinds == [("id", "text"), ("late", "object"), ("ok", "boolean"), ("price", "number")]


@_QUICK
@given(st.lists(st.from_regex(SAME, fullmatch=True), min_size=1, max_size=200))
def test_numbers_of_the_exact_form_come_back(numbers: list[str]) -> None:
    with duckdb.connect() as con:
        back = con.execute(
            """SELECT json_transform('{"a":' || n || '}', '{"a":"VARCHAR"}').a FROM (SELECT unnest(?) AS n)""",
            [numbers],
        ).fetchall()
    assert [value for (value,) in back] == numbers


def test_a_shape_takes_only_what_it_can_prove() -> None:
    shape = Shape()
    repeated, reserved = '{"a": 1, "a": 2}', '{"_row": 1}'
    assert not shape.learn([repeated, reserved, '{"a": 1, "A": 2}', '{"a\\"b": 1}', "[1]", "{"])
    assert shape.learn(['{"b": 1, "d": {"x": 1}}', '{"a": "x", "b": true, "c": 1}'])
    assert shape.kinds == {"a": {"text"}, "b": {"number", "boolean"}, "c": {"number"}, "d": set()}
    assert not shape.learn(['{"A": 1}', '{"b": 1}'])


def test_a_file_that_changes_between_the_two_readings_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"id":1}\n' * 5000)
    real = json_fast.LinesReader._write

    def shrinks(self: json_fast.LinesReader, *arguments: object) -> None:
        path.write_text('{"id":1}\n' * 10)
        real(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(json_fast.LinesReader, "_write", shrinks)
    source = FilesSource.model_validate(_SETTINGS)
    with duckdb.connect(str(tmp_path / "w.duckdb")) as con:
        report = load_source(con, "shop", source, base=tmp_path, landing=tmp_path / "landing", load_id="x")
        assert [problem.problem for problem in report.problems] == ["changed while it was read"]
        assert con.execute("SELECT count(*) FROM duckdb_tables() WHERE schema_name = 'raw_shop'").fetchall() == [(0,)]
