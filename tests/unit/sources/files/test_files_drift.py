"""Drift: a new field, a removed one and values of another kind are told, and never cost a value."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sources.files.config import FilesSource
from sources.files.drift import drift_of, drift_of_load, latest_drift
from sources.files.load import LoadReport

Source = Callable[..., FilesSource]
Load = Callable[[FilesSource], LoadReport]
Rows = Callable[..., list[tuple[Any, ...]]]


def told(con: duckdb.DuckDBPyConnection, load_id: str) -> list[tuple[str, str]]:
    return [(one.kind, one.field) for one in drift_of(con, "shop", "orders", load_id)]


def test_the_first_load_is_no_drift_and_the_same_again_is_none(
    con: duckdb.DuckDBPyConnection, incoming: Path, source: Source, load: Load
) -> None:
    assert told(con, "load-1") == []
    (incoming / "a.csv").write_text("id,n\n1,x\n")
    (incoming / "b.csv").write_text("id,n,late\n1,x,y\n")
    load(source())
    assert told(con, "load-1") == []
    (incoming / "c.csv").write_text("n,ID\nx,2\n")
    load(source())
    assert told(con, "load-2") == []
    assert told(con, "no such load") == []


def test_new_and_removed_columns(con: duckdb.DuckDBPyConnection, incoming: Path, source: Source, load: Load) -> None:
    for file in range(10):
        # One in ten has a column of its own, which nobody misses.
        (incoming / f"{file}.csv").write_text(
            f"id,n{',rare' if file == 3 else ''}\n{file},x{',y' if file == 3 else ''}\n"
        )
    load(source())
    (incoming / "new.csv").write_text("id,m\n1,x\n")
    load(source())
    assert told(con, "load-2") == [("new_field", "m"), ("removed_field", "n")]
    assert [one.words for one in drift_of(con, "shop", "orders", "load-2")] == [
        "m: new, it is kept in the raw layer",
        "n: did not come any more",
    ]
    assert told(con, "load-1") == []
    assert (
        latest_drift(con, "shop", "orders") == drift_of_load(con, "load-2") == drift_of(con, "shop", "orders", "load-2")
    )


def test_a_file_without_a_readable_record_removes_nothing(
    con: duckdb.DuckDBPyConnection, incoming: Path, source: Source, load: Load
) -> None:
    (incoming / "a.jsonl").write_text('{"id": 1}\n')
    load(source())
    (incoming / "b.jsonl").write_text('{"id": \n')
    load(source())
    assert told(con, "load-2") == []


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("1.10", '{"amount": 1.10}', "v: now object, before number; every value is kept as received"),
        ('{"amount": 1.10}', '"1.10"', "v: now text, before object; every value is kept as received"),
        ('"a"', '["a", 1.0]', "v: now list, before text; every value is kept as received"),
        ("true", "1", "v: now number, before boolean; every value is kept as received"),
    ],
)
@pytest.mark.parametrize("lines", [1, 5000])
def test_a_changed_kind_keeps_every_value(
    con: duckdb.DuckDBPyConnection,
    incoming: Path,
    source: Source,
    load: Load,
    rows: Rows,
    before: str,
    after: str,
    words: str,
    lines: int,
) -> None:
    (incoming / "a.jsonl").write_text(f'{{"id": 1, "v": {before}}}\n' * lines)
    load(source())
    # One line in many is of another kind; a null is of none.
    content = f'{{"id": 1, "v": {before}}}\n' * (lines - 1) + f'{{"id": 2, "v": {after}}}\n{{"id": 3, "v": null}}\n'
    (incoming / "b.jsonl").write_text(content)
    report = load(source())
    assert (report.problems, report.rows_rejected) == ([], 0)
    assert [(one.kind, one.words) for one in drift_of(con, "shop", "orders", "load-2")] == [("changed_type", words)]
    assert rows("v", "id IN ('2', '3')") == [(after.strip('"') if after[0] == '"' else after,), (None,)]
    # What was seen once is known.
    (incoming / "c.jsonl").write_text(f'{{"id": 4, "v": {after}}}\n')
    load(source())
    assert told(con, "load-3") == []


def test_kinds_of_parquet_columns(con: duckdb.DuckDBPyConnection, incoming: Path, source: Source, load: Load) -> None:
    table = pa.table(
        {"id": [1], "at": pa.array([0], pa.timestamp("us")), "tags": [["a"]], "who": [{"a": 1}], "ok": [True]}
    )
    pq.write_table(table, incoming / "a.parquet")
    load(source())
    assert con.execute("SELECT field, kind FROM ledger.fields ORDER BY 1").fetchall() == [
        ("at", "time"),
        ("id", "number"),
        ("ok", "boolean"),
        ("tags", "list"),
        ("who", "object"),
    ]
    pq.write_table(pa.table({"id": ["x"]}), incoming / "b.parquet")
    load(source())
    assert ("changed_type", "id") in told(con, "load-2")


def test_a_warehouse_of_an_earlier_release_gets_the_table(
    con: duckdb.DuckDBPyConnection, incoming: Path, source: Source, load: Load
) -> None:
    (incoming / "a.csv").write_text("id,n\n1,x\n")
    load(source())
    con.execute("DROP TABLE ledger.fields")
    assert told(con, "load-1") == []
    (incoming / "b.jsonl").write_text('{"id": 1, "m": 2}\n')
    load(source())
    assert told(con, "load-2") == [("new_field", "m"), ("removed_field", "n")]


def test_fields_and_rows_are_one_transaction(
    con: duckdb.DuckDBPyConnection, incoming: Path, source: Source, load: Load
) -> None:
    (incoming / "a.jsonl").write_text('{"other": 1}\n')
    assert load(source()).rows_received == 0
    assert con.execute("SELECT count(*) FROM ledger.fields").fetchall() == [(0,)]
