"""Trackers: what their modules declare, and how their files are read into the received views."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from sources.entities import ENTITIES
from sources.files.load import load_source
from sources.received import refresh_received
from sources.vendor import Vendor, VendorSource, source_class
from sources.web import ga4, segment, snowplow

VENDORS = (snowplow.VENDOR, ga4.VENDOR, segment.VENDOR)


def source(vendor: Vendor, **entry: Any) -> VendorSource:
    return source_class(vendor).model_validate({"type": vendor.name, "owner": "web@example.com", **entry})


def received(folder: Path, vendor: Vendor, name: str, *files: Path) -> list[dict[str, Any]]:
    """The rows of a received view after files have landed."""
    entry = source(vendor, files={name: [str(file) for file in files]})
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        report = load_source(con, "site", entry, base=folder, landing=folder / "work", load_id="load-1")
        assert not report.problems
        refresh_received(con, {"site": entry})
        answer = con.execute(f"SELECT * FROM received.{vendor.name}__{name} ORDER BY _batch_id, _row")
        names = [column[0] for column in answer.description]
        return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]


def landed(folder: Path, name: str, content: str) -> Path:
    """A file with this text, packed where its name says so."""
    file = folder / name
    file.write_bytes(gzip.compress(content.encode()) if name.endswith(".gz") else content.encode())
    return file


@pytest.mark.parametrize("vendor", VENDORS, ids=lambda vendor: vendor.name)
def test_declarations_fit(vendor: Vendor) -> None:
    assert vendor.channel == "web"
    assert vendor.files_note
    assert vendor.api is None
    for one in vendor.objects:
        assert one.entities[0] == "web_events"
        assert set(one.entities) <= set(ENTITIES)
        assert len(one.columns) == len(one.fields) == len(set(one.fields))
        assert one.docs.startswith("https://")
        assert (one.pages, one.cursor) == (None, None)


# --- Snowplow ----------------------------------------------------------------------------------------------------


def line(**values: str) -> str:
    """An enriched event."""
    return "\t".join(values.get(name, "") for name in snowplow.ENRICHED_FIELDS)


@pytest.mark.parametrize("name", ["part-00000.gz", "2026-03-02.tsv", "enriched"])
def test_a_line_has_131_values_and_no_header(tmp_path: Path, name: str) -> None:
    assert len(snowplow.ENRICHED_FIELDS) == 131
    context = json.dumps({"schema": "iglu:x", "data": [{"schema": "y", "data": {"says": 'a "quoted" word'}}]})
    title = "Half a \" and a ' \\ n"
    lines = [
        line(event_id="e1", page_title=title, contexts=context),
        "web\tcut off",
        line(event_id="e2", true_tstamp="t"),
    ]
    found = received(tmp_path, snowplow.VENDOR, "enriched_events", landed(tmp_path, name, "\n".join(lines) + "\n"))
    assert [row["event_id"] for row in found] == ["e1", None, "e2"]
    assert (found[0]["page_title"], found[0]["contexts"]) == (title, context)
    assert found[2]["true_tstamp"] == "t"
    assert [row["_reject_reason"] is None for row in found] == [True, False, True]


def test_a_table_comes_with_a_header_or_nested_columns(tmp_path: Path) -> None:
    name = "contexts_com_snowplowanalytics_snowplow_web_page_1"
    plain = landed(tmp_path, "a.csv", f'EVENT_ID,{name.upper()}\ne1,"[{{""id"":""p1""}}]"\n')
    nested = tmp_path / "b.parquet"
    pl.DataFrame({"event_id": ["e2"], name: [[{"id": "p2"}]]}).write_parquet(nested)
    found = received(tmp_path, snowplow.VENDOR, "events", plain, nested)
    pages = {row["event_id"]: json.loads(row[name]) for row in found}
    assert pages == {"e1": [{"id": "p1"}], "e2": [{"id": "p2"}]}
    assert {row["domain_userid"] for row in found} == {None}


def test_all_events_that_snowplow_tests_with_are_read(tmp_path: Path, shared_data: Path) -> None:
    file = shared_data / "web" / "snowplow" / "source" / "snowplow_web_events.csv"
    found = received(tmp_path, snowplow.VENDOR, "events", file)
    assert len(found) == 160
    assert not any(row["_reject_reason"] for row in found)
    with file.open(encoding="utf-8", newline="") as opened:
        header = next(csv.reader(opened))
    # Events of the consent plugin and the parser of user agents are not read.
    assert {name for name in header if name not in found[0]} == {
        "contexts_com_snowplowanalytics_snowplow_ua_parser_context_1_0_0",
        "unstruct_event_com_snowplowanalytics_snowplow_cmp_visible_1_0_0",
        "unstruct_event_com_snowplowanalytics_snowplow_consent_preferences_1_0_0",
    }


# --- Google Analytics 4 ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["events_20260302.jsonl.gz", "events_20260302.json"])
def test_an_export_is_lines_of_json(tmp_path: Path, name: str) -> None:
    row = {
        "event_timestamp": "1772445600000000",
        "event_name": "page_view",
        "event_params": [{"key": "ga_session_id", "value": {"int_value": "1772445600"}}],
        "user_pseudo_id": "12.34",
    }
    lines = [json.dumps(row), '{"event_name": "cut o', json.dumps(row | {"event_name": "scroll", "new": 1})]
    found = received(tmp_path, ga4.VENDOR, "events", landed(tmp_path, name, "\n".join(lines) + "\n"))
    assert [row["event_name"] for row in found] == ["page_view", None, "scroll"]
    assert json.loads(found[0]["event_params"]) == row["event_params"]
    assert found[0]["event_timestamp"] == "1772445600000000"
    assert "line 2" in found[1]["_reject_reason"]


def test_an_export_is_parquet(tmp_path: Path) -> None:
    params = [{"key": "a", "value": {"string_value": 'b "c"', "int_value": None}}]
    file = tmp_path / "events.parquet"
    pl.DataFrame({"event_timestamp": [1_772_445_600_000_000], "event_params": [params]}).write_parquet(file)
    (row,) = received(tmp_path, ga4.VENDOR, "events", file)
    assert row["event_timestamp"] == "1772445600000000"
    assert json.loads(row["event_params"]) == params


# --- Segment -----------------------------------------------------------------------------------------------------


def test_calls_come_alone_or_in_batches(tmp_path: Path) -> None:
    calls = [{"messageId": f"m{number}", "type": "page", "context": {"ip": "192.0.2.1"}} for number in range(4)]
    lines = [
        json.dumps({"batch": calls[:2], "sentAt": "2026-03-02T10:00:00Z"}),
        '{"batch": [{"ty',
        *map(json.dumps, calls[2:]),
    ]
    found = received(tmp_path, segment.VENDOR, "calls", landed(tmp_path, "1772445600.gz", "\n".join(lines) + "\n"))
    assert [row["messageId"] for row in found] == ["m0", "m1", None, "m2", "m3"]
    assert json.loads(found[0]["context"]) == {"ip": "192.0.2.1"}
    assert "line 2" in found[2]["_reject_reason"]


def test_every_call_of_the_specification_is_read(tmp_path: Path, shared_data: Path) -> None:
    examples = [
        example
        for file in sorted((shared_data / "web" / "segment_spec").glob("*.json"))
        for example in json.loads(file.read_text(encoding="utf-8"))
        if "type" in example
    ]
    assert len(examples) > 20
    found = received(
        tmp_path, segment.VENDOR, "calls", landed(tmp_path, "spec.jsonl", "\n".join(map(json.dumps, examples)) + "\n")
    )
    assert [row["type"] for row in found] == [example["type"] for example in examples]
    assert [row["event"] for row in found] == [example.get("event") for example in examples]
    # Every common field that they show is one of ours.
    assert {name for example in examples for name in example} <= set(segment.VENDOR.objects[0].fields)
