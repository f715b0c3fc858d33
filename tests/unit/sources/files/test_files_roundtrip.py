"""What a CSV writer wrote is what arrives, whatever the values; and no content makes records vanish."""

from __future__ import annotations

import csv
import io
import tempfile
from contextlib import nullcontext
from pathlib import Path
from unittest.mock import patch

import duckdb
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sources.files import write
from sources.files.config import FilesSource
from sources.files.load import load_source

_NASTY = st.text(
    st.one_of(st.sampled_from(list(" ,;\t\"'\n\r\\\x00aé€😀\u00a0\ufeff#%")), st.characters(exclude_categories=["Cs"])),
    max_size=8,
)
_TABLE = st.integers(1, 4).flatmap(lambda width: st.lists(st.lists(_NASTY, min_size=width, max_size=width), max_size=6))
_SOURCE = FilesSource.model_validate(
    {
        "channel": "shop",
        "owner": "shop@example.com",
        "datasets": {
            "orders": {
                "path": "a.csv",
                "entities": [{"entity": "orders", "columns": {"order_id": {"constant": "x"}}}],
            }
        },
    }
)
_QUICK = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def _load(content: bytes, *, careful: bool = False) -> tuple[list[tuple[object, ...]], int, int]:
    """Load one file; return its raw rows in order (received columns, then _rejected and _raw_line) and the counts."""
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        (base / "a.csv").write_bytes(content)
        con = duckdb.connect()
        reader = patch.object(write, "_stage", side_effect=duckdb.Error) if careful else nullcontext()
        try:
            with reader:
                report = load_source(con, "shop", _SOURCE, base=base, landing=base / "landing", load_id="x")
            assert report.problems == []
            rows = con.execute(
                "SELECT * EXCLUDE (_batch_id, _load_id, _row) FROM raw_shop.orders ORDER BY _row"
            ).fetchall()
            return rows, report.rows_received, report.rows_rejected
        finally:
            con.close()


@_QUICK
@given(_TABLE, st.sampled_from(["\n", "\r\n"]), st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
@example([["", ""], [" a ", '"']], "\n", csv.QUOTE_ALL)
@example([['5" pipe', "\x00"], ["a\r\nb", "c\rd"]], "\r\n", csv.QUOTE_ALL)
def test_values_come_back(table: list[list[str]], line_end: str, quoting: int) -> None:
    width = len(table[0]) if table else 2
    text = io.StringIO()
    if any("\r" in value for record in table for value in record):
        # Python's writer may leave a lone \r unquoted, where nobody can tell it from a line end.
        quoting = csv.QUOTE_ALL
    writer = csv.writer(text, lineterminator=line_end, quoting=quoting)  # type: ignore[arg-type]
    writer.writerow([f"c{place}" for place in range(width)])
    writer.writerows(table)
    rows, received, rejected = _load(text.getvalue().encode())
    assert (received, rejected) == (len(table), 0)
    assert [row[:width] for row in rows] == [tuple(value or None for value in record) for record in table]


@_QUICK
@given(st.lists(st.sampled_from(["a", ",", '"', "\n", '"a"', '"a,b"', "é", " ", "a,a\n", '"a",""\n']), max_size=25))
@example(list(' "\n,a\n,",,aa  "\n,  a" '))
@example(list('1,5" pipe\n2\n3,6" pipe\n'))
@example(list("\ufeff,a\n"))
def test_the_fast_and_the_careful_reader_agree(pieces: list[str]) -> None:
    content = ("x,y\n" + "".join(pieces)).encode()
    assert _load(content) == _load(content, careful=True)


@_QUICK
@given(st.binary(max_size=60))
@example("\ufeff".encode())
@example("\ufeff,a\n1,2,3\n".encode())
def test_any_bytes_are_kept(body: bytes) -> None:
    rows, received, rejected = _load(b"x,y\n" + body)
    assert received == len(rows)
    assert rejected == sum(row[2] is not None for row in rows)
    # Every line that is not blank shows up in some record: no more records than lines, none if all are blank.
    lines = [line for line in body.replace(b"\r", b"\n").split(b"\n") if line.strip(b" ")]
    assert (received == 0) == (lines == [])
    assert received <= len(lines)
