"""Parts of `regulars quarantine`: cells that no spreadsheet runs, values that steer no terminal, filters, counts."""

from __future__ import annotations

import csv
import io
import stat
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from rich.console import Console

from orchestration.home import Home
from orchestration.quarantine import Filters, Quarantine, QuarantineError, guarded, open_quarantine, unguarded
from orchestration.quarantine_replay import Replay, Trial
from orchestration.report import RunReport
from orchestration.views.quarantine import counts_view, harmless, records_view, replay_view, trial_view

DANGEROUS = [
    "=cmd()", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "\x00=1", "\uff1d1", "'=1", "''", "'",
]  # fmt: skip
HARMLESS = [
    "",
    "order 7",
    "a=b",
    '{"a": "=1"}',
    "1-2",
    "\u202eleft",
    'say "no", twice\nor thrice',
    "nul\x00inside",
    "ä€🥐",
]


def _quarantine(*values: tuple[str, str, str, str]) -> Quarantine:
    """Source, record id, reasons and raw record of each."""
    con = duckdb.connect()
    con.execute("CREATE SCHEMA marts")
    con.execute(
        "CREATE TABLE marts.quarantined_records (source VARCHAR, entity VARCHAR, record_id VARCHAR, load_id VARCHAR, "
        "reasons VARCHAR, raw VARCHAR, quarantined_at TIMESTAMP, released_at TIMESTAMP, reject_reason VARCHAR, "
        "dataset VARCHAR, batch_id VARCHAR, row_number BIGINT)"
    )
    con.execute("CREATE TABLE marts.source_loads (source VARCHAR, entity VARCHAR, received BIGINT, duplicates BIGINT)")
    con.execute("INSERT INTO marts.source_loads VALUES ('shop', 'orders', 30, 5), ('shop', 'orders', 15, 0)")
    for number, (source, record_id, reasons, raw) in enumerate(values, start=1):
        con.execute(
            "INSERT INTO marts.quarantined_records VALUES (?, 'orders', ?, 'load-1', ?, ?, ?, NULL, NULL, 'd', 'b', ?)",
            [source, record_id, reasons, raw, datetime.fromisoformat(f"2026-01-{number:02d} 06:00"), number],
        )
    return Quarantine(con, "published", "From here.")


@pytest.mark.parametrize("value", DANGEROUS + HARMLESS)
def test_a_cell_is_marked_only_where_it_must_be_and_gives_its_value_back(value: str) -> None:
    with duckdb.connect() as con:
        [(cell,)] = con.execute(f"SELECT {guarded('x')} FROM (SELECT ? AS x)", [value]).fetchall()
    assert cell == (f"'{value}" if value in DANGEROUS else value)
    assert unguarded(cell) == value


def test_no_value_is_none() -> None:
    with duckdb.connect() as con:
        assert con.execute(f"SELECT {guarded('x')} FROM (SELECT NULL::VARCHAR AS x)").fetchall() == [(None,)]


@pytest.mark.parametrize("separator", [",", ";"])
@pytest.mark.parametrize("bom", [False, True])
def test_an_export_survives_the_nastiest_values(tmp_path: Path, separator: str, bom: bool) -> None:
    nasty = DANGEROUS + HARMLESS
    file = tmp_path / "out.csv"
    quarantine = _quarantine(*(("shop", value, "a, b", value) for value in nasty))
    assert quarantine.export(Filters(), file, separator=separator, bom=bom) == len(nasty)
    assert file.read_bytes().startswith(b"\xef\xbb\xbf") == bom
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with file.open(encoding="utf-8-sig" if bom else "utf-8", newline="") as opened:
        found = list(csv.DictReader(opened, delimiter=separator))
    assert [unguarded(row["record_id"]) for row in found] == nasty
    assert [unguarded(row["raw"]) for row in found] == nasty
    assert [row["file_row"] for row in found] == [str(number) for number in range(1, len(nasty) + 1)]
    assert found[0]["reasons_in_words"] == ""  # published before there were words
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]


def test_an_export_replaces_nothing_unasked(tmp_path: Path) -> None:
    file = tmp_path / "out.csv"
    file.write_text("mine", encoding="utf-8")
    quarantine = _quarantine(("shop", "1", "a", "{}"))
    with pytest.raises(QuarantineError, match=r"out\.csv is there already\. Give another name, or --force"):
        quarantine.export(Filters(), file)
    assert file.read_text(encoding="utf-8") == "mine"
    assert quarantine.export(Filters(source="till"), file, force=True) == 0
    assert file.read_text(encoding="utf-8").startswith('"source"')
    with pytest.raises(QuarantineError, match="cannot be written: No such file or directory"):
        quarantine.export(Filters(), tmp_path / "nowhere" / "out.csv")


def test_filters_ask_for_whole_reasons() -> None:
    quarantine = _quarantine(
        ("shop", "1", "known", "{}"), ("shop", "2", "known, not_known", "{}"), ("till", "3", "not_known", "{}")
    )

    def found(**asked: object) -> list[str]:
        return sorted(row["record_id"] for row in quarantine.records(Filters(**asked), None))  # type: ignore[arg-type]

    assert found(reason="known") == ["1", "2"]
    assert found(reason="now_n") == []
    assert found(source="till") == ["3"]
    assert found(source="it's'; DROP TABLE x; --") == []
    assert found(since=datetime.fromisoformat("2026-01-02 06:00")) == ["2", "3"]
    assert found(load="load-1", entity="orders") == ["1", "2", "3"]
    assert found(released=True) == []
    assert [row["record_id"] for row in quarantine.records(Filters(), 2)] == ["3", "2"]
    assert "raw" not in quarantine.records(Filters(), 1)[0]
    assert quarantine.records(Filters(), 1, raw=True)[0]["raw"] == "{}"


def test_a_record_counts_for_each_of_its_reasons() -> None:
    quarantine = _quarantine(("shop", "1", "a", "{}"), ("shop", "2", "a, b", "{}"))
    counted = quarantine.counts(Filters())
    assert [(row["reason"], row["records"], row["of_records"]) for row in counted] == [("a", 2, 40), ("b", 1, 40)]
    shown = _text(counts_view(counted, 2, "From here."))
    assert "5.0 %" in shown
    assert "2 records in quarantine; one with several reasons counts for each." in shown


def test_what_one_run_released() -> None:
    quarantine = _quarantine(("shop", "1", "a", "{}"), ("shop", "2", "a", "{}"), ("till", "3", "b", "{}"))
    assert quarantine.released_by("r2") == []  # published before there were releases
    for column in ("release_reason", "released_by_run"):
        quarantine.con.execute(f"ALTER TABLE marts.quarantined_records ADD COLUMN {column} VARCHAR")
    quarantine.con.execute(
        "UPDATE marts.quarantined_records SET released_at = now(), release_reason = 'rule_changed', "
        "released_by_run = CASE WHEN record_id = '3' THEN 'r1' ELSE 'r2' END"
    )
    assert quarantine.released_by("r2") == [
        {"source": "shop", "entity": "orders", "reasons": "a", "release_reason": "rule_changed", "records": 2}
    ]
    report = RunReport("r2", datetime.now(UTC), outcome="gate_stopped")
    shown = _text(replay_view(Replay(report, quarantine.released_by("r2"), 1)))
    assert "2 records released, 1 record stays in quarantine." in shown
    assert "not before readers yet" in shown


def test_nothing_in_a_record_steers_the_terminal() -> None:
    assert harmless("a\x1b[31mred\u202e\n\x00ä€🥐") == "a\\u001b[31mred\\u202e\\u000a\\u0000ä€🥐"
    row = {"source": "shop", "entity": "orders", "record_id": "\x1b]0;title\x07[bold]", "reasons": "a",
           "quarantined_at": datetime.fromisoformat("2026-01-01 06:00"), "reject_reason": "\x1b[2J"}  # fmt: skip
    shown = _text(records_view([row], 1, "From here."))
    assert "\\u001b]0;title\\u0007[bold]" in shown
    assert "\x1b" not in shown


def test_a_trial_says_what_would_go_and_what_stays() -> None:
    shown = _text(trial_view(Trial(held=5, releases=3, by_reason={("shop", "orders", "a"): (3, 2)}, new_files=1)))
    assert "3 of 5 records would be released. Nothing was written." in shown
    assert "1 new file would be loaded, too" in shown


def test_without_any_run_it_says_what_to_do(tmp_path: Path) -> None:
    with (
        pytest.raises(QuarantineError, match=r"Nothing is published yet in .* Run: regulars run"),
        open_quarantine(Home(tmp_path)),
    ):
        pass


def _text(view: object) -> str:
    console = Console(width=200, no_color=True, record=True, file=io.StringIO())
    console.print(view)
    return console.export_text()
