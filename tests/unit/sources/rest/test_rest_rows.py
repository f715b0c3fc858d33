"""Rows made from parsed pages are the rows that reading the landed file gives."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sources.rest import rows
from tests.rest_server import Answer, RestServer
from tests.unit.sources.rest.toy import Place, records, source

ODD: list[list[dict[str, Any]]] = [
    [{"id": 1, "a": "x", "b": None, "c": True, "d": False}, {"id": "2", "e": 1.5, "a": ""}],
    [{"id": 3, "n": {"k": [1, {"z": None}], "ä": 'é / \\ " \n'}, "l": [], "o": {}}, {"n": 7, "id": 4, "l": [1.0]}],
    [{"id": 5, "late": "column"}, {}],
    [{"id": 6, "big": 2**70, "long": -(2**63), "tiny": 1e-300}],
]
RAW = [
    b'{"records": [{"id": 7, "price": 1.10, "n": {"p": [10.00, 1E5, -0]}, "m": 12345678901234567890}], "next": null}',
    '{"records": [{"id": 8, "name": "\\ud83d\\ude00 \\u00e9 😀", "none": "\\u0000"}], "next": null}'.encode(),
    b'{"records": [{"id": 9, "cut": "\\ud83d"}], "next": null}',
    b'{"records": [{"ID": 10, "id": 11, " id ": 12, "": 13, "_row": 14}], "next": null}',
]


def _load(server: RestServer, place: Place, answers: list[Answer]) -> tuple[list[Any], list[Any], list[Any]]:
    server.script("/orders", *answers)
    report = place.load(source(server.url), "load-1")
    assert report.problems == []
    columns = place.query("SELECT column_name, column_type FROM (DESCRIBE raw)")
    values = place.query("SELECT * EXCLUDE (_load_id) FROM raw ORDER BY _row")
    ledger = "SELECT rows_received, rows_rejected, columns, content_hash, reader FROM ledger.batches"
    kinds = "SELECT field, kind FROM ledger.fields ORDER BY 1, 2"
    return columns, values, [*place.query(ledger), *place.query(kinds)]


def _pages() -> list[list[Answer]]:
    last = len(ODD) - 1
    pages = [
        Answer(body=json.dumps({"records": one, "next": at if at < last else None}).encode())
        for at, one in enumerate(ODD)
    ]
    return [pages, *([Answer(body=body)] for body in RAW)]


@pytest.mark.parametrize("number", range(1 + len(RAW)))
def test_both_ways_give_the_same_rows(
    server: RestServer, place: Place, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Any] = []
    kept = rows.Gathered.rows

    def noted(self: rows.Gathered) -> Any:
        made.append(kept(self))
        return made[-1]

    monkeypatch.setattr(rows.Gathered, "rows", noted)
    quick = Place(place.kind, place.folder / "quick")
    quick.folder.mkdir()
    found = _load(server, quick, _pages()[number])
    monkeypatch.setattr(rows.Gathered, "rows", lambda _: None)
    read = Place(place.kind, place.folder / "read")
    read.folder.mkdir()
    assert found == _load(server, read, _pages()[number])
    # What a table cannot hold as it is was left to the reader of files.
    assert [one is not None for one in made] == [number not in (3, 4)]


def test_a_large_sweep_goes_through_files(server: RestServer, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "_HELD_BYTES", 2_000)
    spilled: list[int] = []
    kept = rows.Gathered.rows

    def noted(self: rows.Gathered) -> Any:
        made = kept(self)
        spilled.append(len(made.files) if made else 0)
        return made

    monkeypatch.setattr(rows.Gathered, "rows", noted)
    shown = [*records(50, 90, late="x"), *records(0, 50)]
    server.pages("/messages", lambda _: shown)
    report = place.load(source(server.url, ["messages"]), "load-1")
    assert report.problems == []
    assert spilled[0] > 2
    assert place.query("SELECT id::INT, late FROM raw ORDER BY _row", "messages") == [
        (one["id"], one.get("late")) for one in shown
    ]
    assert place.query("SELECT min(_row), max(_row), count(DISTINCT _row) FROM raw", "messages") == [(1, 90, 90)]
    assert place.left() == []
