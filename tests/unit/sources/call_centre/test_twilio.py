"""Twilio: what is asked for, page by page, and what its records look like."""

from __future__ import annotations

import base64
import json
import os
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from pydantic import ValidationError

from sources.call_centre.twilio import TASK_EVENTS, VENDOR, TwilioApi
from sources.entities import ENTITIES
from sources.vendor import VendorSource, source_class
from tests.rest_server import Answer, Asked, RestServer
from tests.unit.sources.rest.toy import Place

ACCOUNT = "AC" + "0" * 32
TOKEN = "a-token-that-must-not-show"
CALLS = f"/2010-04-01/Accounts/{ACCOUNT}/Calls.json"
RECORDINGS = f"/2010-04-01/Accounts/{ACCOUNT}/Recordings.json"
WORKSPACE = "WS" + "0" * 32
EVENTS = f"/v1/Workspaces/{WORKSPACE}/Events"
# A folder of vendors' own examples, where there is one.
EXAMPLES = Path(os.environ.get("VENDOR_EXAMPLES", "no-such-folder"), "call_centre", "twilio")


def settings(url: str, **more: Any) -> TwilioApi:
    return TwilioApi.model_validate(
        {"account_sid": ACCOUNT, "auth_token": TOKEN, "base_url": url, "timeout_seconds": 2, "max_attempts": 4} | more
    )


def source(url: str, *objects: str, **more: Any) -> VendorSource:
    api = settings(url, **more).model_dump(exclude_none=True)
    return source_class(VENDOR).model_validate(
        {"type": "twilio", "owner": "desk@example.com", "api": api, "objects": list(objects)}
    )


def call(number: int, **more: Any) -> dict[str, Any]:
    """A call as the API gives it, one an hour on 1 March 2026, numbered from midnight."""
    began = f"Sun, 01 Mar 2026 {number:02d}:00:00 +0000"
    return {
        "sid": f"CA{number:032d}",
        "parent_call_sid": None,
        "account_sid": ACCOUNT,
        "from": "+4930123456",
        "to": "+4930999999",
        "direction": "inbound",
        "status": "completed",
        "duration": "60",
        "queue_time": "0",
        "start_time": began,
        "end_time": began.replace(":00:00", ":01:00"),
        "date_created": began,
        "date_updated": began.replace(":00:00", ":01:00"),
        **more,
    }


def listed(server: RestServer, path: str, key: str, records: list[dict[str, Any]], size: int = 2) -> None:
    """Serve a list resource: newest first, each page with the relative address of the next one."""

    def answer(asked: Asked) -> Answer:
        page = asked.number("Page", 0)
        rest = records[page * size :]
        query = urlencode({"PageSize": size, "Page": page + 1, "PageToken": f"PA{page}"})
        following = f"{path}?{query}" if len(rest) > size else None
        return Answer(json={key: rest[:size], "next_page_uri": following, "page": page, "page_size": size})

    server.route(path, answer)


def pages_of(api: TwilioApi, name: str, since: datetime | None = None) -> list[list[dict[str, Any]]]:
    client = api.client()
    try:
        pages = VENDOR.object_named(name).pages
        assert pages is not None
        return [[dict(record) for record in page] for page in pages(client, api, since)]
    finally:
        client.close()


def test_calls_come_page_by_page_from_the_day_asked_for(server: RestServer) -> None:
    records = [call(number) for number in range(7, 0, -1)]
    listed(server, CALLS, "calls", records)
    found = pages_of(settings(server.url), "calls", datetime(2026, 3, 1, 23, 59, tzinfo=UTC))
    assert [len(page) for page in found] == [2, 2, 2, 1]
    assert [record for page in found for record in page] == records
    first, second = server.asked[:2]
    assert first.query == {"PageSize": ["1000"], "StartTime>": ["2026-03-01"]}
    # The next page's address says it all; nothing is added to it.
    assert second.query == {"PageSize": ["2"], "Page": ["1"], "PageToken": ["PA0"]}
    wanted = base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
    assert {one.headers["authorization"] for one in server.asked} == {f"Basic {wanted}"}


def test_everything_is_asked_for_at_first_or_from_the_start(server: RestServer) -> None:
    listed(server, CALLS, "calls", [])
    listed(server, RECORDINGS, "recordings", [])
    pages_of(settings(server.url), "calls")
    pages_of(settings(server.url, start=date(2025, 2, 3)), "recordings")
    assert [sorted(one.query) for one in server.asked] == [["PageSize"], ["DateCreated>", "PageSize"]]
    assert server.asked[-1].one("DateCreated>") == "2025-02-03"


def test_task_events_need_a_workspace_and_have_an_address_of_their_own(server: RestServer) -> None:
    assert pages_of(settings(server.url), "task_events") == []
    assert server.asked == []

    def answer(asked: Asked) -> Answer:
        last = asked.number("Page", 0) == 1
        event = {"sid": f"EV-{asked.one('EventType')}-{asked.number('Page', 0)}"}
        following = f"{server.url}{EVENTS}?Page=1&EventType={asked.one('EventType')}"
        return Answer(json={"events": [event], "meta": {"next_page_url": None if last else following}})

    server.route(EVENTS, answer)
    found = pages_of(
        settings(server.url, workspace_sid=WORKSPACE), "task_events", datetime(2026, 3, 1, 10, 30, tzinfo=UTC)
    )
    assert [page[0]["sid"] for page in found] == [f"EV-{event}-{page}" for event in TASK_EVENTS for page in (0, 1)]
    assert server.asked[0].one("StartDate") == "2026-03-01T10:30:00Z"


def test_a_call_that_goes_on_is_asked_for_again_a_day_later(server: RestServer, place: Place) -> None:
    going = call(3, status="in-progress", duration=None, end_time=None)
    listed(server, CALLS, "calls", [going, call(2), call(1)])
    place.load(source(server.url, "calls"), "load-1")
    ended = call(3, duration="4000")
    listed(server, CALLS, "calls", [call(4), ended, call(2), call(1)])
    asked = len(server.asked)
    report = place.load(source(server.url, "calls"), "load-2")
    assert report.problems == []
    assert server.asked[asked].one("StartTime>") == "2026-02-28"
    (done,) = report.objects
    assert (done.records, done.known) == (4, 2)
    assert place.query("SELECT sid[-2:], status, duration FROM raw ORDER BY ALL", "calls") == [
        ("01", "completed", "60"),
        ("02", "completed", "60"),
        ("03", "completed", "4000"),
        ("03", "in-progress", None),
        ("04", "completed", "60"),
    ]


def test_errors_repeats_and_torn_answers_lose_and_double_nothing(server: RestServer, place: Place) -> None:
    records = [call(number) for number in range(9, 0, -1)]
    listed(server, CALLS, "calls", records, size=3)
    good = server._routes[CALLS]
    troubles = iter(
        [Answer(500), Answer(429, headers={"Retry-After": "0"}), Answer(json={"calls": []}, cut_after=5), Answer(503)]
    )

    def sometimes(asked: Asked) -> Answer:
        return (next(troubles, None) if len(server.asked) % 2 else None) or good(asked)

    server.route(CALLS, sometimes)
    report = place.load(source(server.url, "calls"), "load-1")
    assert report.problems == []
    assert place.query("SELECT count(*), count(DISTINCT sid) FROM raw", "calls") == [(9, 9)]
    place.load(source(server.url, "calls"), "load-2")
    assert place.query("SELECT count(*), count(DISTINCT sid) FROM raw", "calls") == [(9, 9)]


def test_a_wrong_credential_is_told_at_once_without_printing_it(server: RestServer, place: Place) -> None:
    server.script(CALLS, Answer(401, json={"code": 20003, "message": f"Authenticate {TOKEN}"}))
    report = place.load(source(server.url, "calls", "recordings"), "load-1")
    (problem,) = report.problems
    assert "401" in str(problem)
    assert TOKEN not in str(problem)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "give auth_token, or api_key_sid"),
        ({"auth_token": "x", "api_key_sid": "SK" + "0" * 32, "api_key_secret": "y"}, "not both"),
        ({"api_key_sid": "SK" + "0" * 32}, "an API key is two settings"),
        ({"auth_token": "x", "account_sid": "AC1"}, "account_sid"),
        ({"auth_token": "x", "workspace_sid": "WW"}, "workspace_sid"),
    ],
)
def test_settings_say_what_is_wrong(given: dict[str, str], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        TwilioApi.model_validate({"account_sid": ACCOUNT} | given)


def test_an_api_key_stands_in_for_the_account(server: RestServer) -> None:
    listed(server, CALLS, "calls", [])
    key = "SK" + "1" * 32
    api = TwilioApi.model_validate(
        {"account_sid": ACCOUNT, "api_key_sid": key, "api_key_secret": "s", "base_url": server.url}
    )
    pages_of(api, "calls")
    assert server.asked[0].headers["authorization"] == "Basic " + base64.b64encode(f"{key}:s".encode()).decode()


def test_the_declaration_is_whole() -> None:
    assert VENDOR.entities == ("calls",)
    assert set(VENDOR.entities) <= set(ENTITIES)
    for one in VENDOR.objects:
        assert len(set(one.fields)) == len(one.fields), one.name
        assert one.says.endswith("."), one.name
        assert one.docs.startswith("https://"), one.name
        if one.cursor is not None:
            assert one.cursor.field in one.fields
    assert set(TwilioApi.secrets) <= set(TwilioApi.model_fields)


@pytest.mark.skipif(not EXAMPLES.exists(), reason="the vendor's examples are not on this machine")
def test_every_field_of_the_vendors_examples_is_declared() -> None:
    (file,) = EXAMPLES.glob("*_examples.json")
    examples = json.loads(file.read_text(encoding="utf-8"))
    for name in ("calls", "recordings"):
        found = {
            field
            for request, answer in examples.items()
            if request.startswith("get") and answer.get(name)
            for record in answer[name]
            for field in record
        }
        assert found
        assert found <= set(VENDOR.object_named(name).fields)
