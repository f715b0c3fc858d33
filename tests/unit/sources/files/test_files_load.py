"""Loading: every record once, in one transaction with its ledger row, whatever the files are called."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from sources.files.config import FilesSource
from sources.files.errors import SourceError
from sources.files.load import LoadReport, load_source, pending

Source = Callable[..., FilesSource]
Load = Callable[[FilesSource], LoadReport]
Rows = Callable[..., list[tuple[Any, ...]]]


def statuses(report: LoadReport) -> dict[str, str]:
    return {file.file: file.status for file in report.files}


def test_rows_arrive_as_received_with_number_batch_and_load(
    incoming: Path, source: Source, load: Load, rows: Rows
) -> None:
    (incoming / "a.csv").write_text('id,note\n007, x \n8,"a,b"\n')
    (incoming / "b.csv").write_text("id,note\n9,\n")
    report = load(source())
    assert (report.rows_received, report.rows_rejected, report.files_loaded, report.problems) == (3, 0, 2, [])
    assert rows("b.file, _row, id, note, r._load_id, _rejected, _raw_line") == [
        ("in/a.csv", 1, "007", " x ", "load-1", None, None),
        ("in/a.csv", 2, "8", "a,b", "load-1", None, None),
        ("in/b.csv", 1, "9", None, "load-1", None, None),
    ]


def test_ledger_says_what_was_loaded(
    con: duckdb.DuckDBPyConnection, incoming: Path, source: Source, load: Load
) -> None:
    (incoming / "a.csv").write_text("id,note\n1,x\n2\n")
    load(source())
    ((file, size, received, rejected, columns),) = con.execute(
        "SELECT file, size_bytes, rows_received, rows_rejected, columns FROM ledger.batches"
    ).fetchall()
    assert (file, size, received, rejected, json.loads(columns)) == ("in/a.csv", 14, 2, 1, ["id", "note"])
    assert con.execute("SELECT load_id, source, files, rows FROM ledger.loads").fetchall() == [("load-1", "shop", 1, 2)]


def test_nothing_new_reads_nothing_and_writes_nothing(
    con: duckdb.DuckDBPyConnection,
    incoming: Path,
    source: Source,
    load: Load,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (incoming / "a.csv").write_text("id\n1\n")
    load(source())
    monkeypatch.setattr("sources.files.load.prepare", lambda *_: pytest.fail("a file was read"))
    report = load(source())
    assert (report.files, report.unchanged) == ([], 1)
    assert con.execute("SELECT count(*) FROM ledger.loads").fetchall() == [(1,)]


def test_a_new_file_of_a_folder_is_all_that_is_loaded(incoming: Path, source: Source, load: Load, rows: Rows) -> None:
    (incoming / "a.csv").write_text("id\n1\n")
    load(source())
    (incoming / "b.csv").write_text("id\n2\n")
    report = load(source())
    assert statuses(report) == {"in/b.csv": "loaded"}
    assert rows("id, r._load_id") == [("1", "load-1"), ("2", "load-2")]


def test_the_same_content_under_another_name_or_time_is_not_loaded_again(
    con: duckdb.DuckDBPyConnection, incoming: Path, source: Source, load: Load, rows: Rows
) -> None:
    (incoming / "a.csv").write_text("id\n1\n")
    (incoming / "b.csv").write_text("id\n1\n")
    report = load(source())
    assert statuses(report) == {"in/a.csv": "loaded", "in/b.csv": "known_content"}
    os.utime(incoming / "a.csv", ns=(5, 5))
    (incoming / "c.csv").write_text("id\n1\n")
    report = load(source())
    assert statuses(report) == {"in/a.csv": "known_content", "in/c.csv": "known_content"}
    assert report.rows_received == 0
    assert rows("id") == [("1",)]
    assert con.execute("SELECT file FROM ledger.files ORDER BY 1").fetchall() == [
        ("in/a.csv",),
        ("in/b.csv",),
        ("in/c.csv",),
    ]
    assert load(source()).unchanged == 3


def test_new_content_under_an_old_name_is_a_new_batch(
    incoming: Path, source: Source, load: Load, con: duckdb.DuckDBPyConnection
) -> None:
    path = incoming / "a.csv"
    path.write_text("id\n1\n")
    load(source())
    path.write_text("id\n1\n2\n")
    assert statuses(load(source())) == {"in/a.csv": "loaded"}
    assert con.execute("SELECT id FROM raw_shop.orders ORDER BY id").fetchall() == [("1",), ("1",), ("2",)]


def test_other_options_replace_the_rows_of_the_same_content(
    con: duckdb.DuckDBPyConnection, incoming: Path, source: Source, load: Load
) -> None:
    (incoming / "a.csv").write_bytes("id;name\n1;Zoë\n2;Bo\n".encode("cp1252"))
    first = load(source(options={"separator": ";"}))
    assert (first.rows_received, first.rows_rejected) == (2, 1)
    second = load(source(options={"separator": ";", "encoding": "cp1252"}))
    assert statuses(second) == {"in/a.csv": "reread"}
    assert second.reread
    assert con.execute("SELECT id, name, _load_id FROM raw_shop.orders ORDER BY 1").fetchall() == [
        ("1", "Zoë", "load-2"),
        ("2", "Bo", "load-2"),
    ]
    assert con.execute("SELECT load_id, rows_received, rows_rejected FROM ledger.batches").fetchall() == [
        ("load-2", 2, 0)
    ]


def test_pending_tells_new_changed_and_other_options(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, incoming: Path, source: Source, load: Load
) -> None:
    def why(settings: FilesSource) -> dict[str, str]:
        return {one.file.name: one.why for one in pending(con, "shop", settings, tmp_path).files}

    (incoming / "a.csv").write_text("id\n1\n")
    assert why(source()) == {"in/a.csv": "new"}
    load(source())
    assert why(source()) == {}
    assert pending(con, "shop", source(), tmp_path).unchanged == 1
    assert why(source(options={"separator": ";"})) == {"in/a.csv": "options"}
    os.utime(incoming / "a.csv", ns=(5, 5))
    assert why(source()) == {"in/a.csv": "changed"}


def test_columns_that_come_later_are_added_and_found_in_any_order(
    incoming: Path, source: Source, load: Load, rows: Rows
) -> None:
    (incoming / "a.csv").write_text("id,name\n1,Ann\n")
    (incoming / "b.csv").write_text("Name,city,ID\nBo,Ulm,2\n")
    load(source())
    assert rows("id, name, city") == [("1", "Ann", None), ("2", "Bo", "Ulm")]


def test_a_mapped_column_that_was_renamed_fails_that_file_only(
    incoming: Path, source: Source, load: Load, rows: Rows
) -> None:
    (incoming / "a.csv").write_text("order_number,name\n1,Ann\n")
    (incoming / "b.csv").write_text("ordernumber,name\n2,Bo\n")
    report = load(source(columns={"order_id": "order_number"}))
    (problem,) = report.problems
    assert str(problem) == (
        "shop.orders: in/b.csv: has no column 'order_number' (perhaps now 'ordernumber'), which is mapped; "
        "columns there: ordernumber, name. "
        "Change the mapping in the company file, or ask the sender for the old column names"
    )
    assert rows("order_number") == [("1",)]
    assert statuses(load(source(columns={"order_id": "order_number"}))) == {"in/b.csv": "failed"}


def test_a_wrong_separator_is_guessed_in_the_message(incoming: Path, source: Source, load: Load) -> None:
    (incoming / "a.csv").write_text("id;name\n1;Ann\n")
    assert "separated by ';': set options.separator" in load(source()).problems[0].fix


def test_a_path_without_files_does_not_keep_the_others_back(
    incoming: Path, source: Source, load: Load, rows: Rows
) -> None:
    (incoming / "a.csv").write_text("id\n1\n")
    report = load(source(["missing/*.csv", "in/*.csv"]))
    assert [problem.path for problem in report.problems] == ["missing/*.csv"]
    assert rows("id") == [("1",)]


def test_many_files_of_two_shapes_keep_their_numbers(
    incoming: Path, source: Source, load: Load, con: duckdb.DuckDBPyConnection
) -> None:
    for file in range(40):
        header = "id,n" if file % 2 else "n,id"
        lines = [f"f{file},{n}" if file % 2 else f"{n},f{file}" for n in range(1, 51 + file)]
        (incoming / f"{file:02d}.csv").write_text("\n".join([header, *lines]) + ("\n" if file % 3 else ""))
    report = load(source())
    # 40 files with 50, 51, ... 89 records
    assert report.rows_received == 2780
    assert con.execute(
        "SELECT count(*), count(*) FILTER (WHERE n = _row::VARCHAR), count(DISTINCT (id, _batch_id)) "
        "FROM raw_shop.orders"
    ).fetchall() == [(2780, 2780, 40)]


def test_groups_commit_one_after_the_other(
    incoming: Path,
    source: Source,
    load: Load,
    con: duckdb.DuckDBPyConnection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sources.files.load.GROUP_FILES", 2)
    for file in range(5):
        (incoming / f"{file}.csv").write_text(f"id\n{file}\n")
    assert load(source()).files_loaded == 5
    assert con.execute("SELECT files, rows FROM ledger.loads").fetchall() == [(5, 5)]
    assert con.execute("SELECT count(DISTINCT loaded_at) FROM ledger.batches").fetchall() == [(3,)]


def test_progress_is_told(con: duckdb.DuckDBPyConnection, tmp_path: Path, incoming: Path, source: Source) -> None:
    (incoming / "a.csv").write_text("id\n1\n2\n")
    told: list[tuple[str, int, int, int]] = []
    load_source(
        con,
        "shop",
        source(),
        base=tmp_path,
        landing=tmp_path / "landing",
        load_id="x",
        progress=lambda *step: told.append(step),
    )
    assert told == [("orders", 1, 1, 2)]


def test_a_file_that_changes_while_it_is_read_waits(
    incoming: Path, source: Source, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sources.files.load as module

    path = incoming / "a.csv"
    path.write_text("id\n1\n")
    real = module.prepare

    def slow(*arguments: Any) -> Any:
        ready = real(*arguments)
        path.write_text("id\n1\n2\n")
        return ready

    monkeypatch.setattr(module, "prepare", slow)
    report = load(source())
    assert report.problems[0].problem == "changed while it was read"
    monkeypatch.setattr(module, "prepare", real)
    assert load(source()).rows_received == 2


def test_working_copies_are_gone_after_a_load_and_after_a_kill(
    tmp_path: Path, incoming: Path, source: Source, load: Load
) -> None:
    left = tmp_path / "landing" / "shop" / "orders" / "work-old.txt"
    left.parent.mkdir(parents=True)
    left.write_text("someone")
    (incoming / "a.csv.gz").write_bytes(gzip.compress(b"id\n1\n"))
    assert load(source()).rows_received == 1
    assert list((tmp_path / "landing").rglob("*.*")) == []


def test_remote_files_are_loaded_through_the_landing_folder(
    tmp_path: Path, source: Source, load: Load, rows: Rows
) -> None:
    import fsspec

    memory = fsspec.filesystem("memory")
    memory.pipe("/load/a.csv", b"id\n1\n")
    try:
        assert load(source("memory://load/*.csv")).rows_received == 1
        assert rows("b.file, id") == [("memory:///load/a.csv", "1")]
        assert load(source("memory://load/*.csv")).unchanged == 1
        memory.pipe("/load/a.csv", b"id\n1\n2\n")
        assert load(source("memory://load/*.csv")).rows_received == 2
    finally:
        memory.rm("/load", recursive=True)


def test_a_warehouse_that_cannot_write_says_so_and_keeps_what_it_had(
    con: duckdb.DuckDBPyConnection, incoming: Path, source: Source, load: Load, rows: Rows
) -> None:
    (incoming / "a.csv").write_text("id\n1\n")
    load(source())
    con.execute("ALTER TABLE ledger.batches RENAME COLUMN rows_received TO gone")
    (incoming / "b.csv").write_text("id\n2\n")
    with pytest.raises(SourceError, match="could not write"):
        load(source())
    con.execute("ALTER TABLE ledger.batches RENAME COLUMN gone TO rows_received")
    assert rows("id") == [("1",)]
    load(source())
    assert rows("id") == [("1",), ("2",)]


def test_names_with_quotes_and_reserved_names(incoming: Path, source: Source, load: Load, rows: Rows) -> None:
    (incoming / "o'brien.csv").write_text('id,a "b" c,_row,"d\'e"\n1,x,y,z\n')
    assert load(source()).problems == []
    assert rows('"a ""b"" c", _row_2, "d\'e", _row') == [("x", "y", "z", 1)]


def test_a_first_record_in_the_place_of_a_header_is_not_shown(incoming: Path, source: Source, load: Load) -> None:
    (incoming / "a.csv").write_text("ann@example.com,Ann Smith\nbob@example.com,Bob Jones\n")
    report = load(source(columns={"order_id": "number", "email": "mail"}))
    words = str(report.problems[0])
    assert "none of the mapped columns ('mail', 'number') among its 2" in words
    assert "header_row: 0" in words
    assert "ann" not in words.lower()
