"""E-mail services: what their modules declare, and how Mailgun's and Mailchimp's APIs are asked."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from sources.email import mailchimp, mailgun, postmark, sendgrid
from sources.entities import ENTITIES
from sources.files.load import load_source
from sources.files.sink import TableSink
from sources.received import refresh_received
from sources.rest import patience
from sources.rest.client import RestClient
from sources.rest.errors import RestError
from sources.rest.fetch import ApiReport, load_api
from sources.vendor import Vendor, VendorSource, source_class
from tests.rest_server import Answer, Asked, RestServer

VENDORS = (sendgrid.VENDOR, mailgun.VENDOR, postmark.VENDOR, mailchimp.VENDOR)
PAYLOADS = Path(__file__).resolve().parents[5] / "shared" / "data" / "email" / "esp_webhooks"
FIRST = datetime(2026, 3, 2, 8, tzinfo=UTC)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits between tries are short here."""
    monkeypatch.setattr(patience, "BACKOFF_SECONDS", 0.01)


@pytest.fixture
def server() -> Iterator[RestServer]:
    with RestServer() as running:
        yield running


def source(vendor: Vendor, **entry: Any) -> VendorSource:
    return source_class(vendor).model_validate({"type": vendor.name, "owner": "mail@example.com", **entry})


def after(seconds: float) -> str:
    return (FIRST + timedelta(seconds=seconds)).isoformat()


# --- declarations ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("vendor", VENDORS, ids=lambda vendor: vendor.name)
def test_declarations_fit(vendor: Vendor) -> None:
    assert vendor.channel == "email"
    assert vendor.files_note
    for one in vendor.objects:
        assert set(one.entities) <= set(ENTITIES)
        assert len(one.columns) == len(one.fields) == len(set(one.fields))
        assert one.docs.startswith("https://")
        # A cursor is a field of the records.
        assert one.cursor is None or one.cursor.field in one.fields
        assert (one.pages is None) is (vendor.api is None)


def test_a_mailchimp_key_names_its_data_centre() -> None:
    assert mailchimp.MailchimpApi(api_key="abc-us21").client().base_url == "https://us21.api.mailchimp.com/3.0"
    other = mailchimp.MailchimpApi(api_key="abc", data_center="us5")
    assert other.client().base_url == "https://us5.api.mailchimp.com/3.0"
    with pytest.raises(ValueError, match="data centre"):
        mailchimp.MailchimpApi(api_key="abc")


def test_mailgun_has_two_regions() -> None:
    assert mailgun.MailgunApi(api_key="k", domains=["d"]).client().base_url == "https://api.mailgun.net"
    there = mailgun.MailgunApi(api_key="k", domains=["d"], region="eu")
    assert there.client().base_url == "https://api.eu.mailgun.net"


# --- landed files ------------------------------------------------------------------------------------------------


def received(
    folder: Path, vendor: Vendor, name: str, content: bytes, file: str = "posted.jsonl"
) -> list[dict[str, Any]]:
    """The rows of a received view after one file has landed."""
    (folder / "landing").mkdir(exist_ok=True)
    (folder / "landing" / file).write_bytes(content)
    entry = source(vendor, files={name: "landing/*"})
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        load_source(con, "mail", entry, base=folder, landing=folder / "work", load_id="load-1")
        refresh_received(con, {"mail": entry})
        answer = con.execute(f"SELECT * FROM received.{vendor.name}__{name} ORDER BY _row")
        names = [column[0] for column in answer.description]
        return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]


@pytest.mark.parametrize("is_packed", [False, True])
def test_a_posted_list_is_as_many_events(tmp_path: Path, is_packed: bool) -> None:
    events = [
        {"sg_event_id": f"e{number}", "smtp-id": "<m>", "event": "open", "timestamp": 1461095246 + number}
        for number in range(3)
    ]
    lines = [json.dumps(events[:2]), '[{"sg_event_id": "torn', json.dumps(events[2])]
    content = "\n".join(lines).encode()
    file = "posted.jsonl.gz" if is_packed else "posted.jsonl"
    found = received(tmp_path, sendgrid.VENDOR, "events", gzip.compress(content) if is_packed else content, file)
    assert [row["sg_event_id"] for row in found if row["_reject_reason"] is None] == ["e0", "e1", "e2"]
    assert [row["smtp_id"] for row in found if row["_reject_reason"] is None] == ["<m>"] * 3
    (torn,) = [row for row in found if row["_reject_reason"] is not None]
    assert "line 2: not valid JSON" in torn["_reject_reason"]


def test_mailguns_envelope_is_opened(tmp_path: Path) -> None:
    event = {"id": "i1", "event": "delivered", "timestamp": 1534108637.153125, "client-info": {"bot": ""}}
    wrapped = {"signature": {"token": "t"}, "event-data": event}
    page = {"items": [event | {"id": "i2"}], "paging": {"next": "https://api.mailgun.net/x"}}
    content = "\n".join(json.dumps(one) for one in (wrapped, page, event | {"id": "i3"})).encode()
    found = received(tmp_path, mailgun.VENDOR, "events", content)
    assert [row["id"] for row in found] == ["i1", "i2", "i3"]
    assert found[0]["timestamp"] == "1534108637.153125"
    assert json.loads(found[0]["client_info"]) == {"bot": ""}


@pytest.mark.parametrize("vendor", VENDORS[:3], ids=lambda vendor: vendor.name)
def test_published_examples_of_webhooks_are_read(tmp_path: Path, vendor: Vendor) -> None:
    file = PAYLOADS / f"{vendor.name}.json"
    if not file.exists():
        pytest.skip(f"{file} is not there")
    bodies = [one["payload"] for one in json.loads(file.read_text(encoding="utf-8"))]
    found = received(tmp_path, vendor, "events", "\n".join(json.dumps(body) for body in bodies).encode())
    expected = [
        event.get("event-data", event) if vendor.name == "mailgun" else event
        for body in bodies
        for event in (body if isinstance(body, list) else [body])
    ]
    assert len(found) == len(expected)
    assert not any(row["_reject_reason"] for row in found)
    kind = "RecordType" if vendor.name == "postmark" else "event"
    assert [row[kind] for row in found] == [event.get(kind) for event in expected]
    if vendor.name == "postmark":
        assert {name for event in expected for name in event} - set(vendor.objects[0].fields) == {"ServerId"}


# --- Mailgun's API -----------------------------------------------------------------------------------------------


def gun_pages(server: RestServer, domain: str, events: Sequence[dict[str, Any]], size: int = 2) -> None:
    """Serve events as Mailgun does: `paging.next` is always there, and behind the last page comes an empty one."""

    def answer(number: int) -> Callable[[Asked], Answer]:
        page = list(events[number * size : (number + 1) * size])
        follows = f"{server.url}/v3/{domain}/events/{number + 1 if page else number}"
        return lambda _: Answer(json={"items": page, "paging": {"next": follows, "previous": follows}})

    server.route(f"/v3/{domain}/events", answer(0))
    for number in range(1, len(events) // size + 2):
        server.route(f"/v3/{domain}/events/{number}", answer(number))


def gun_event(number: int) -> dict[str, Any]:
    return {"id": f"i{number}", "event": "opened", "timestamp": FIRST.timestamp() + number}


def gun(server: RestServer, **more: Any) -> mailgun.MailgunApi:
    settings = {"api_key": "key-secret", "domains": ["a.example", "b.example"], "base_url": server.url} | more
    return mailgun.MailgunApi.model_validate(settings)


def test_mailgun_is_asked_until_a_page_is_empty(server: RestServer) -> None:
    gun_pages(server, "a.example", [gun_event(number) for number in range(5)])
    gun_pages(server, "b.example", [])
    settings = gun(server, start=date(2026, 3, 1))
    (events,) = [one for one in mailgun.VENDOR.objects if one.name == "events"]
    assert events.pages is not None
    client = settings.client()
    pages = [[event["id"] for event in page] for page in events.pages(client, settings, None)]
    client.close()
    assert pages == [["i0", "i1"], ["i2", "i3"], ["i4"]]
    (first,) = server.requests("/v3/a.example/events")
    assert float(first.one("begin")) == datetime(2026, 3, 1, tzinfo=UTC).timestamp()
    assert (first.one("ascending"), first.one("limit")) == ("yes", "300")
    assert "clicked" in first.one("event").split(" OR ")
    assert "stored" not in first.one("event")
    assert first.headers["authorization"] == "Basic " + base64.b64encode(b"api:key-secret").decode()
    assert len(server.requests("/v3/b.example/events")) == 1


def test_mailgun_goes_on_from_the_cursor(server: RestServer, tmp_path: Path) -> None:
    gun_pages(server, "a.example", [gun_event(number) for number in range(3)])
    settings = gun(server, domains=["a.example"], look_back_minutes=0)
    entry = source(mailgun.VENDOR, api=settings.model_dump(exclude_unset=True))
    assert load(tmp_path, entry).problems == []
    gun_pages(server, "a.example", [gun_event(number) for number in range(2, 5)])
    load(tmp_path, entry)
    begins = [float(asked.one("begin")) for asked in server.requests("/v3/a.example/events")]
    assert begins[1] == FIRST.timestamp() + 2
    assert column(tmp_path, "events", "id") == ["i0", "i1", "i2", "i3", "i4"]


def test_a_wrong_key_is_told_without_it(server: RestServer, tmp_path: Path) -> None:
    server.script("/v3/a.example/events", Answer(401, json={"message": "Invalid private key key-secret"}))
    entry = source(mailgun.VENDOR, api=gun(server).model_dump(exclude_unset=True))
    (problem,) = load(tmp_path, entry).problems
    assert "401" in str(problem)
    assert "key-secret" not in str(problem)
    assert "key-secret" not in repr(gun(server).client())


# --- Mailchimp's API ---------------------------------------------------------------------------------------------


def collection(server: RestServer, path: str, key: str, records: Sequence[dict[str, Any]]) -> None:
    """Serve a collection with offset and count; what is asked for since a time must be changed since."""

    def answer(asked: Asked) -> Answer:
        found = list(records)
        for name, values in asked.query.items():
            if name.startswith("since_"):
                field = name.removeprefix("since_")
                found = [one for one in found if one[field] >= values[0]]
        offset, count = asked.number("offset", 0), asked.number("count", 10)
        return Answer(json={key: found[offset : offset + count], "total_items": len(found)})

    server.route(path, answer)


def chimp(server: RestServer, monkeypatch: pytest.MonkeyPatch) -> VendorSource:
    """A source of an account with two campaigns and two audiences; pages of two."""
    monkeypatch.setattr(mailchimp, "_PAGE", 2)
    collection(server, "/campaigns", "campaigns", [{"id": f"c{n}", "send_time": after(n * 86_400)} for n in range(2)])
    collection(server, "/lists", "lists", [{"id": "l1"}, {"id": "l2"}])
    for name in ("l1", "l2"):
        members = [{"id": f"{name}-m{n}", "list_id": name, "last_changed": after(n)} for n in range(3)]
        collection(server, f"/lists/{name}/members", "members", members)
    for name in ("c0", "c1"):
        people = [{"campaign_id": name, "email_id": f"{name}-h{n}"} for n in range(3)]
        active = [
            one | {"activity": [{"action": "open", "timestamp": after(100 * n)}] if n else []}
            for n, one in enumerate(people)
        ]
        collection(server, f"/reports/{name}/sent-to", "sent_to", people)
        collection(server, f"/reports/{name}/email-activity", "emails", active)
        opens = [one | {"opens": [{"timestamp": after(100), "is_proxy_open": True}]} for one in people[:1]]
        collection(server, f"/reports/{name}/open-details", "members", opens)
        collection(server, f"/reports/{name}/unsubscribed", "unsubscribes", [people[0] | {"timestamp": after(50)}])
        collection(server, f"/reports/{name}/abuse-reports", "abuse_reports", [])
    return source(mailchimp.VENDOR, api={"api_key": "k-us21", "base_url": server.url, "look_back_minutes": 1})


def test_mailchimp_gives_all_pages_of_everything(
    server: RestServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = chimp(server, monkeypatch)
    report = load(tmp_path, entry)
    assert (report.problems, report.notices) == ([], [])
    assert column(tmp_path, "campaigns", "id") == ["c0", "c1"]
    assert column(tmp_path, "members", "id") == [f"{name}-m{n}" for name in ("l1", "l2") for n in range(3)]
    assert column(tmp_path, "sent_to", "email_id") == [f"{name}-h{n}" for name in ("c0", "c1") for n in range(3)]
    assert column(tmp_path, "sent_to", "campaign_send_time") == [after(0)] * 3 + [after(86_400)] * 3
    # Who did nothing is not among the activities.
    assert column(tmp_path, "email_activity", "email_id") == ["c0-h1", "c0-h2", "c1-h1", "c1-h2"]
    assert column(tmp_path, "email_activity", "last_activity_at") == [after(100), after(100), after(200), after(200)]
    assert column(tmp_path, "open_details", "email_id") == ["c0-h0", "c1-h0"]
    assert column(tmp_path, "unsubscribes", "email_id") == ["c0-h0", "c1-h0"]
    asked = server.requests("/reports/c0/sent-to")[0]
    assert asked.headers["authorization"].startswith("Basic ")
    # Counters would change the page with each open.
    assert "open_count" not in asked.one("fields")
    assert server.requests("/campaigns")[0].one("status") == "sent"


def test_mailchimp_is_asked_for_what_is_new(
    server: RestServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = chimp(server, monkeypatch)
    load(tmp_path, entry)
    server.asked.clear()
    report = load(tmp_path, entry)
    assert (report.problems, report.notices) == ([], [])
    assert server.requests("/lists/l1/members")[0].one("since_last_changed") == after(2 - 60)
    assert server.requests("/reports/c0/email-activity")[0].one("since") == after(200 - 60)
    # Both campaigns went out long ago and are loaded: nobody asks again who got them.
    assert not any(asked.path.endswith("sent-to") for asked in server.asked)
    # What changed within the look-back comes again, is known, and is no second row.
    assert len(column(tmp_path, "members", "id")) == 6
    assert len(column(tmp_path, "email_activity", "email_id")) == 4
    assert len(column(tmp_path, "unsubscribes", "email_id")) == 2


def test_a_campaign_that_may_still_go_out_is_asked_for_again(
    server: RestServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = chimp(server, monkeypatch)
    sent = (datetime.now(UTC) - timedelta(hours=30)).isoformat()
    collection(server, "/campaigns", "campaigns", [{"id": "c0", "send_time": sent}])
    load(tmp_path, entry)
    server.asked.clear()
    load(tmp_path, entry)
    assert len(server.requests("/reports/c0/sent-to")) == 2
    assert len(column(tmp_path, "sent_to", "email_id")) == 3


def test_an_answer_without_its_list_is_an_error(server: RestServer) -> None:
    server.script("/campaigns", Answer(json={"title": "Something else"}))
    settings = mailchimp.MailchimpApi(api_key="k-us21", base_url=server.url)
    client: RestClient = settings.client()
    (campaigns,) = [one for one in mailchimp.VENDOR.objects if one.name == "campaigns"]
    assert campaigns.pages is not None
    with pytest.raises(RestError, match="campaigns"):
        list(campaigns.pages(client, settings, None))
    client.close()


def load(folder: Path, entry: VendorSource) -> ApiReport:
    """Load everything once more."""
    with duckdb.connect(str(folder / "warehouse.duckdb")) as con:
        con.execute("SET TimeZone = 'UTC'")
        load_id = f"load-{datetime.now(UTC).timestamp()}"
        sink = TableSink(con, "mail", load_id)
        sink.begin()
        from sources.files.ledger import ensure_ledger

        ensure_ledger(con)
        return load_api(con, "mail", entry, landing=folder / "landing", load_id=load_id, sink=sink)


def column(folder: Path, table: str, name: str) -> list[str]:
    """The values of a raw column, sorted."""
    with duckdb.connect(str(folder / "warehouse.duckdb")) as con:
        return [value for (value,) in con.execute(f"SELECT {name} FROM raw_mail.{table} ORDER BY 1").fetchall()]
