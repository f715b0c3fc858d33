"""`regulars quarantine` on the corner bakery: what is set aside is seen, mended and released, once, whatever is killed.

The bakery's second delivery has four lines that cannot be read. On top of it here: an order whose time is written
another way (a mapping is mended), and one whose sum is no number (the shop sends it again).
"""

from __future__ import annotations

import csv
import io
import json
import signal
import stat
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from corner import ORDERS_HEADER, Corner, corner_order
from helpers import Ended, Runs, regulars, without_event_log
from published_tables import balance, fingerprint, records, rows

from orchestration.quarantine import unguarded

# Several whole runs: for `make test-all`.
pytestmark = pytest.mark.slow

CSV = "orders-20.csv"
NASTY = "=cmd()|'/c calc'!A1 \u202eleft"
HELD = "SELECT record_id, reasons FROM marts.quarantined_records WHERE released_at IS NULL AND dataset = 'orders' " \
       "AND record_id NOT LIKE '%|%' ORDER BY 1"  # fmt: skip


def _deliver(one: Corner, name: str, *lines: str) -> None:
    (one.folder / "data" / name).write_text(ORDERS_HEADER + "".join(lines), encoding="utf-8")


def _other_time(number: int) -> str:
    """An order whose day is written with slashes."""
    line = corner_order(number, note=NASTY)
    day = line.split(",")[4]
    return line.replace(day, day.replace(".", "/"))


def _no_number(number: int) -> str:
    return corner_order(number).replace(".50,", ".5o,")


def _run(one: Corner, *arguments: object) -> Ended:
    with without_event_log():
        return regulars(*arguments, "--company", one.company, "--home", one.home.path)


def _log(one: Corner) -> list[tuple[Any, ...]]:
    return rows(
        one.home.warehouse,
        "SELECT record_id, event_number, event, release_reason FROM quality.quarantine_log "
        "WHERE record_id IN ('N60', 'N61') ORDER BY 1, 2",
    )


def _assert_books_balance(one: Corner) -> None:
    quarantined = {key: numbers[2] for key, numbers in balance(one.published).items()}
    held = rows(
        one.published,
        "SELECT source, entity, count(*) FROM marts.quarantined_records WHERE released_at IS NULL GROUP BY ALL",
    )
    assert {(source, entity): count for source, entity, count in held} == {
        key: count for key, count in quarantined.items() if count
    }


@pytest.fixture(scope="module")
def quarantined(corner_later: Corner, tmp_path_factory: pytest.TempPathFactory) -> Corner:
    """The corner bakery with two more orders in quarantine."""
    one = corner_later.copy(tmp_path_factory.mktemp("quarantined"))
    _deliver(one, CSV, _other_time(60), _no_number(61))
    assert _run(one, "run").code == 1  # files of the second delivery still cannot be read
    return one


def test_what_is_set_aside_and_why(quarantined: Corner) -> None:
    assert rows(quarantined.published, HELD) == [
        ("N60", "orders_ordered_at_readable"), ("N61", "orders_gross_amount_readable"),
    ]  # fmt: skip
    [(raw,)] = rows(quarantined.published, "SELECT raw FROM marts.quarantined_records WHERE record_id = 'N60'")
    line = next(csv.DictReader(io.StringIO(ORDERS_HEADER + _other_time(60))))
    assert json.loads(raw) == line
    _assert_books_balance(quarantined)


def test_the_list_shows_reasons_and_the_record_only_when_asked(quarantined: Corner) -> None:
    shown = _run(quarantined, "quarantine", "list", "--reason", "orders_ordered_at_readable")
    assert shown.code == 0, shown.text
    assert "N60 orders_ordered_at_readable" in shown.text
    assert "1 record. From the published copy of run" in shown.text
    assert "corner-guests.example" not in shown.text

    with_raw = _run(quarantined, "quarantine", "list", "--source", "shop", "--entity", "orders", "--raw")
    assert "corner-guests.example" in with_raw.text
    assert "\\u202eleft" in with_raw.text
    assert "\u202e" not in with_raw.text

    answer = json.loads(_run(quarantined, "quarantine", "--json", "--limit", "2").out)
    assert (answer["total"], len(answer["rows"])) == (6, 2)
    assert _run(quarantined, "quarantine", "--source", "till").text.startswith("Nothing is in quarantine that fits.")
    assert "6 records in quarantine" in _run(quarantined, "quarantine", "--count").text
    later = quarantined.report.started_at + timedelta(days=1)
    since = _run(quarantined, "quarantine", "list", "--since", f"{later:%Y-%m-%d}")
    assert "Nothing is in quarantine that fits." in since.text


def test_an_export_is_for_its_owner_and_gives_every_value_back(quarantined: Corner, tmp_path: Path) -> None:
    file = tmp_path / "shop.csv"
    done = _run(quarantined, "quarantine", "export", file, "--source", "shop", "--excel")
    assert done.code == 0, done.text
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file]
    with file.open(encoding="utf-8-sig", newline="") as opened:
        found = {unguarded(row["record_id"]): row for row in csv.DictReader(opened)}
    published = records(quarantined.published, "SELECT * FROM marts.quarantined_records WHERE released_at IS NULL")
    assert {name: unguarded(row["raw"]) for name, row in found.items()} == {
        row["record_id"]: row["raw"] for row in published
    }
    before = file.read_bytes()
    refused = _run(quarantined, "quarantine", "export", file)
    assert (refused.code, file.read_bytes()) == (1, before)
    assert "is there already" in refused.text
    assert _run(quarantined, "quarantine", "export", file, "--force", "--reason", "orders_readable").code == 0
    assert len(file.read_text(encoding="utf-8").splitlines()) == 5


def _mend(one: Corner) -> None:
    """The mapping reads both ways to write a day, and the shop sends the other order again."""
    text = one.company.read_text(encoding="utf-8")
    old = 'ordered_at: {column: at, format: "%d.%m.%Y %H:%M"}'
    assert old in text
    new = 'ordered_at: {column: at, format: ["%d.%m.%Y %H:%M", "%d/%m/%Y %H:%M"]}'
    one.company.write_text(text.replace(old, new), encoding="utf-8")
    _deliver(one, "orders-21.csv", corner_order(61))


def test_replay_releases_what_was_mended_once(quarantined: Corner, tmp_path: Path) -> None:
    one = quarantined.copy(tmp_path)
    _mend(one)
    before = fingerprint(one.home.published), one.home.warehouse.read_bytes()
    tried = _run(one, "quarantine", "replay", "--dry-run")
    assert "1 of 6 records would be released. Nothing was written." in tried.text
    assert "1 new file would be loaded, too" in tried.text
    assert (fingerprint(one.home.published), one.home.warehouse.read_bytes()) == before

    done = _run(one, "quarantine", "replay")
    assert done.code == 1, done.text
    assert "shop orders orders_ordered_at_readable 1 the mapping changed" in done.text
    assert "shop orders orders_gross_amount_readable 1 a corrected version came" in done.text
    assert "2 records released, 4 records stay in quarantine." in done.text
    assert rows(one.published, HELD) == []
    whole = [
        ("N60", 1, "quarantined", None), ("N60", 2, "released", "mapping_changed"),
        ("N61", 1, "quarantined", None), ("N61", 2, "released", "corrected_version"),
    ]  # fmt: skip
    assert _log(one) == whole
    _assert_books_balance(one)
    released = _run(one, "quarantine", "--released")
    assert "N60 orders_ordered_at_readable" in released.text
    assert "the mapping changed" in released.text

    again = _run(one, "quarantine", "replay")
    assert "0 records released, 4 records stay in quarantine." in again.text
    assert _log(one) == whole


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
@pytest.mark.parametrize(
    ("step", "count"),
    [
        ("stage and measure", 30),
        *(
            pytest.param(step, count, marks=pytest.mark.slow)
            for step, count in [("stage and measure", 20), ("stage and measure", 40), ("gate", 1), ("publish", 1)]
        ),
    ],
)
def test_a_replay_that_is_killed_is_completed_by_the_next(
    runs: Runs, quarantined: Corner, tmp_path: Path, step: str, count: int
) -> None:
    one = quarantined.copy(tmp_path)
    _mend(one)
    given = {"company": str(one.company), "home": str(one.home.path), "kill_at": {"step": step, "count": count}}
    assert runs.call("helpers:killed_run", given).wait().code == -signal.SIGKILL
    assert "Traceback" not in _run(one, "quarantine", "replay").text
    assert [event[:3] for event in _log(one)] == [
        ("N60", 1, "quarantined"), ("N60", 2, "released"), ("N61", 1, "quarantined"), ("N61", 2, "released"),
    ]  # fmt: skip
    assert rows(one.published, HELD) == []
    _assert_books_balance(one)


def test_a_run_that_the_gate_stopped_is_read_in_the_warehouse(quarantined: Corner, tmp_path: Path) -> None:
    one = quarantined.copy(tmp_path)
    text = one.company.read_text(encoding="utf-8")
    one.company.write_text(text + "validity: {goal: 0.9999}\n", encoding="utf-8")
    _deliver(one, "orders-22.csv", _no_number(62))
    assert _run(one, "run").code == 3
    shown = _run(one, "quarantine", "--reason", "orders_gross_amount_readable")
    assert "N62" in shown.text
    assert "From the warehouse: the last run" in shown.text
    assert "was stopped by the gate" in shown.text
    # While somebody writes, readers get what is published, and are told.
    with one.home.lock():
        busy = _run(one, "quarantine", "--reason", "orders_gross_amount_readable")
    assert busy.code == 0
    assert "N61" in busy.text
    assert "N62" not in busy.text
    assert "came later and did not publish. The warehouse is not free" in busy.text
    with one.home.lock(), duckdb.connect(str(one.home.warehouse)):
        assert "1 record in" in _run(one, "quarantine", "export", tmp_path / "x.csv", "--reason",
                                     "orders_gross_amount_readable").text  # fmt: skip
