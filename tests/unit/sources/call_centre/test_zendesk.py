"""Zendesk: exports to the end of the stream, ratings, calls, and what is wrong with settings."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from sources.call_centre.zendesk import VENDOR, ZendeskApi
from sources.entities import ENTITIES
from sources.rest.errors import RestError
from sources.vendor import VendorSource, source_class
from tests.rest_server import Answer, Asked, RestServer
from tests.unit.sources.rest.toy import Place

TOKEN = "a-token-that-must-not-show"
TICKETS = "/api/v2/incremental/tickets/cursor.json"
USERS = "/api/v2/incremental/users/cursor.json"
RATINGS = "/api/v2/satisfaction_ratings.json"
TALK = "/api/v2/channels/voice/stats/incremental/calls.json"
SINCE = datetime(2026, 3, 1, tzinfo=UTC)
SECOND = int(SINCE.timestamp())


def settings(url: str, **more: Any) -> ZendeskApi:
    return ZendeskApi.model_validate(
        {
            "subdomain": "corner",
            "email": "eva@corner.example",
            "api_token": TOKEN,
            "base_url": url,
            "timeout_seconds": 2,
            "max_attempts": 4,
        }
        | more
    )


def source(url: str, *objects: str) -> VendorSource:
    api = settings(url).model_dump(exclude_none=True)
    return source_class(VENDOR).model_validate(
        {"type": "zendesk", "owner": "desk@example.com", "api": api, "objects": list(objects)}
    )


def ticket(number: int, changed: int = 0, **more: Any) -> dict[str, Any]:
    """A ticket, changed so many minutes after 1 March 2026."""
    return {
        "id": number,
        "requester_id": 1000 + number,
        "status": "open",
        "via": {"channel": "web", "source": {"from": {}, "to": {}, "rel": None}},
        "satisfaction_rating": {"score": "unoffered"},
        "created_at": "2026-03-01T00:00:00Z",
        "updated_at": f"2026-03-01T00:{changed:02d}:00Z",
        "generated_timestamp": SECOND + 60 * changed,
        **more,
    }


def exported(
    server: RestServer, path: str, key: str, records: list[dict[str, Any]], size: int = 2, **more: Any
) -> None:
    """Serve a cursor-based export. At the end of the stream there is a cursor, too."""

    def answer(asked: Asked) -> Answer:
        place = int(asked.one("cursor", "c0")[1:])
        part = records[place : place + size]
        following = place + len(part)
        return Answer(
            json={
                key: part,
                "after_cursor": f"c{following}",
                "after_url": f"{server.url}{path}?cursor=c{following}",
                "end_of_stream": following >= len(records),
                **more,
            }
        )

    server.route(path, answer)


def pages_of(api: ZendeskApi, name: str, since: datetime | None = SINCE) -> list[list[dict[str, Any]]]:
    client = api.client()
    try:
        pages = VENDOR.object_named(name).pages
        assert pages is not None
        return [[dict(record) for record in page] for page in pages(client, api, since)]
    finally:
        client.close()


def test_tickets_come_to_the_end_of_the_stream_with_their_metrics(server: RestServer) -> None:
    records = [ticket(number, number) for number in range(5)]
    metrics = [{"id": 77, "ticket_id": 3, "solved_at": "2026-03-01T00:09:00Z"}]
    exported(server, TICKETS, "tickets", records, metric_sets=metrics)
    found = pages_of(settings(server.url), "tickets")
    assert [len(page) for page in found] == [2, 2, 1]
    by_id = {record["id"]: record for page in found for record in page}
    assert by_id[3].pop("metric_set") == metrics[0]
    assert list(by_id.values()) == records
    first, second, third = server.asked
    assert first.query == {"start_time": [str(SECOND)], "per_page": ["1000"], "include": ["metric_sets"]}
    assert [one.one("cursor") for one in (second, third)] == ["c2", "c4"]
    assert "start_time" not in second.query
    wanted = base64.b64encode(f"eva@corner.example/token:{TOKEN}".encode()).decode()
    assert first.headers["authorization"] == f"Basic {wanted}"


def test_staff_is_left_out(server: RestServer) -> None:
    people: list[dict[str, Any]] = [
        {"id": 1, "role": "end-user"},
        {"id": 2, "role": "agent"},
        {"id": 3, "role": "admin"},
        {"id": 4},
    ]
    exported(server, USERS, "users", people)
    assert [record["id"] for page in pages_of(settings(server.url), "users") for record in page] == [1, 4]


def test_a_page_of_staff_alone_ends_nothing(server: RestServer, place: Place) -> None:
    at = {"updated_at": "2026-03-01T00:00:00Z"}
    people = [{"id": 1, "role": "agent"} | at, {"id": 2, "role": "admin"} | at, {"id": 3, "role": "end-user"} | at]
    exported(server, USERS, "users", people)
    report = place.load(source(server.url, "users"), "load-1")
    assert report.problems == []
    assert place.ids("users") == [3]


def test_ratings_go_on_while_there_are_more(server: RestServer) -> None:
    def answer(asked: Asked) -> Answer:
        place = int(asked.one("page[after]", "0"))
        meta = {"has_more": place < 2, "after_cursor": str(place + 1)}
        return Answer(json={"satisfaction_ratings": [{"id": place, "score": "good"}], "meta": meta})

    server.route(RATINGS, answer)
    assert pages_of(settings(server.url), "satisfaction_ratings") == [[{"id": n, "score": "good"}] for n in range(3)]
    assert server.asked[0].query == {"score": ["received"], "start_time": [str(SECOND)], "page[size]": ["100"]}
    assert server.asked[2].one("page[after]") == "2"


def test_calls_end_with_an_empty_page_or_one_that_leads_to_itself(server: RestServer) -> None:
    def answer(asked: Asked) -> Answer:
        begin = asked.number("start_time")
        calls = [{"id": begin}] if begin < SECOND + 2 else []
        return Answer(
            json={"calls": calls, "count": len(calls), "next_page": f"{server.url}{TALK}?start_time={begin + 1}"}
        )

    server.route(TALK, answer)
    assert pages_of(settings(server.url), "calls") == [[{"id": SECOND}], [{"id": SECOND + 1}]]
    same = f"{server.url}{TALK}?start_time=9"
    server.route(TALK, lambda asked: Answer(json={"calls": [{"id": asked.number("start_time")}], "next_page": same}))
    assert pages_of(settings(server.url), "calls") == [[{"id": SECOND}], [{"id": 9}]]


def test_everything_is_asked_for_at_first(server: RestServer) -> None:
    exported(server, TICKETS, "tickets", [])
    pages_of(settings(server.url), "tickets", None)
    pages_of(settings(server.url, start="2025-01-01"), "tickets", None)
    assert [one.one("start_time") for one in server.asked] == ["0", "1735689600"]


def test_a_stream_that_stands_still_and_an_answer_without_tickets_are_errors(server: RestServer) -> None:
    standing = {"tickets": [ticket(1)], "after_cursor": "c1", "end_of_stream": False}
    server.script(TICKETS, Answer(json=standing))
    with pytest.raises(RestError, match="the one that was there already"):
        pages_of(settings(server.url), "tickets")
    server.script(TICKETS, Answer(json={"error": "InvalidValue"}))
    with pytest.raises(RestError, match="no list of tickets"):
        pages_of(settings(server.url), "tickets")


def test_a_changed_ticket_is_a_second_version_and_an_unchanged_one_is_known(server: RestServer, place: Place) -> None:
    exported(server, TICKETS, "tickets", [ticket(1, 1), ticket(2, 5), ticket(3, 6)])
    place.load(source(server.url, "tickets"), "load-1")
    changed = ticket(1, 20, status="solved")
    exported(server, TICKETS, "tickets", [ticket(2, 5), ticket(3, 6), changed])
    asked = len(server.asked)
    report = place.load(source(server.url, "tickets"), "load-2")
    assert report.problems == []
    # An hour behind the newest change.
    assert server.asked[asked].number("start_time") == SECOND + 6 * 60 - 3600
    assert place.query("SELECT id, status FROM raw ORDER BY ALL", "tickets") == [
        ("1", "open"),
        ("1", "solved"),
        ("2", "open"),
        ("3", "open"),
    ]


def test_the_rate_limit_is_waited_for(server: RestServer, place: Place) -> None:
    good = Answer(json={"tickets": [ticket(1)], "after_cursor": "c1", "end_of_stream": True})
    server.script(TICKETS, Answer(429, headers={"Retry-After": "0"}), Answer(500), good)
    report = place.load(source(server.url, "tickets"), "load-1")
    assert report.problems == []
    assert place.ids("tickets") == [1]


def test_a_wrong_credential_is_told_at_once_without_printing_it(server: RestServer, place: Place) -> None:
    server.script(TICKETS, Answer(401, json={"error": f"Couldn't authenticate {TOKEN}"}))
    report = place.load(source(server.url, "tickets", "users"), "load-1")
    (problem,) = report.problems
    assert "401" in str(problem)
    assert TOKEN not in str(problem)
    assert len(server.asked) == 1


def test_an_oauth_token_is_a_bearer(server: RestServer) -> None:
    exported(server, TICKETS, "tickets", [])
    api = ZendeskApi.model_validate({"subdomain": "corner", "oauth_token": "o", "base_url": server.url})
    pages_of(api, "tickets")
    assert server.asked[0].headers["authorization"] == "Bearer o"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "give email with api_token, or oauth_token"),
        ({"email": "eva@corner.example"}, "needs the e-mail address"),
        ({"email": "eva@corner.example", "api_token": "x", "oauth_token": "y"}, "not both"),
        ({"oauth_token": "y", "subdomain": "corner.zendesk.com"}, "subdomain"),
    ],
)
def test_settings_say_what_is_wrong(given: dict[str, str], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        ZendeskApi.model_validate({"subdomain": "corner"} | given)


def test_the_declaration_is_whole() -> None:
    assert VENDOR.entities == ("tickets", "customers", "calls")
    assert set(VENDOR.entities) <= set(ENTITIES)
    for one in VENDOR.objects:
        assert len(set(one.fields)) == len(one.fields), one.name
        assert one.docs.startswith("https://"), one.name
        if one.cursor is not None:
            assert one.cursor.field in one.fields
    assert set(ZendeskApi.secrets) <= set(ZendeskApi.model_fields)
