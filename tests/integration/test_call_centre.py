"""A telephone line, a service desk, a call log and what customers said about being contacted, over two loads.

The call log's mapping is the one in its how-to page. Every number is worked out by hand.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from helpers import ROOT, regulars, without_event_log
from published_tables import balance, rows

from orchestration import pipeline
from orchestration.company import load_company
from orchestration.home import Home

Record = dict[str, Any]

COMPANY = """\
company: {id: corner, name: Corner Bakery}
time_zone: Europe/Berlin
identity: {separates: [], probable: {enabled: false}}
charts: {enabled: false}
currency: EUR
country: DE
as_of: 2026-03-31
validity: {goal: 0.5}
sources:
  shop:
    type: files
    channel: shop
    owner: shop@corner.example
    datasets:
      customers:
        path: landing/shop/*.csv
        entities:
          - entity: customers
            columns:
              account_id: account
              email: mail
              phone: tel
              full_name: name
              city: city
              email_consent: mail_ok
              sms_consent: sms_ok
              updated_at: changed
  mails:
    type: files
    channel: email
    owner: mail@corner.example
    datasets:
      events:
        path: landing/mails/*.csv
        entities:
          - entity: email_events
            columns:
              {event_id: id, email: to, event: {column: what, map: {hard_bounce: bounce}}, occurred_at: at}
          - entity: consents
            where: {column: what, equals: hard_bounce}
            columns:
              consent_id: id
              email: to
              channel: {constant: email}
              purpose: {constant: all}
              status: {constant: suppressed}
              occurred_at: at
              origin: {constant: hard bounce}
  line:
    type: twilio
    owner: desk@corner.example
    files:
      calls: landing/line/calls*.jsonl
      recordings: landing/line/recordings*.jsonl
      status_callbacks: landing/line/status*.jsonl
      queue_callbacks: landing/line/queue*.jsonl
  desk:
    type: zendesk
    owner: desk@corner.example
    files:
      tickets: landing/desk/tickets*.jsonl
      users: landing/desk/users*.jsonl
      satisfaction_ratings: landing/desk/ratings*.jsonl
"""
HOW_TO = ROOT / "docs" / "sources" / "call-logs.md"
# Nobody's data: the domain is reserved for examples, the numbers for films.
ADA, BOB, CLEO = (f"{name}@corner-guests.example" for name in ("ada", "bob", "cleo"))
ADAS_NUMBER, CLEOS_NUMBER = "+493023125101", "+493023125103"


def blocks(kind: str) -> list[str]:
    """The fenced blocks of the how-to page for call logs, of one kind."""
    return re.findall(rf"^```{kind}\n(.*?)^```", HOW_TO.read_text(encoding="utf-8"), re.S | re.M)


def write(file: Path, lines: Iterable[Any]) -> None:
    """Write lines: a text as it is, anything else as JSON."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(
        "".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in lines), encoding="utf-8"
    )


def call(name: str, clock: str, caller: str, called: str, **more: Any) -> Record:
    """A call as Twilio's API gives it, on 1 March 2026."""
    began = f"Sun, 01 Mar 2026 {clock} +0000"
    return {
        "sid": name, "parent_call_sid": None, "from": caller, "to": called, "direction": "inbound",
        "status": "completed", "date_created": began, "start_time": began, "date_updated": began, "queue_time": "0",
        "price": None, **more,
    }  # fmt: skip


def callback(status: str, clock: str, place: int, **more: Any) -> Record:
    """What Twilio posts to a status callback URL."""
    return {
        "CallSid": "CA7", "AccountSid": "AC0", "From": CLEOS_NUMBER, "To": "+4930999999", "Direction": "inbound",
        "CallStatus": status, "Timestamp": f"Sun, 01 Mar 2026 {clock} +0000", "SequenceNumber": str(place), **more,
    }  # fmt: skip


def ticket(number: int, asked_by: int, status: str, changed: str, **more: Any) -> Record:
    """A ticket as Zendesk's export gives it."""
    return {
        "id": number, "requester_id": asked_by, "assignee_id": 900, "subject": f"Ticket {number}", "status": status,
        "priority": "normal", "via": {"channel": "web", "source": {"from": {}, "to": {}, "rel": None}},
        "satisfaction_rating": {"score": "unoffered"}, "created_at": "2026-03-01T08:00:00Z", "updated_at": changed,
        **more,
    }  # fmt: skip


def first_delivery(folder: Path) -> None:
    """What there is on 2 March."""
    landing = folder / "landing"
    write(
        landing / "shop" / "1.csv",
        [
            "account,mail,tel,name,city,mail_ok,sms_ok,changed",
            f"S1,{ADA},030 23125 101,Ada Quitte,Ulm,yes,yes,2025-05-01T00:00:00Z",
            f"S2,{BOB},,Bob Quitte,Ulm,yes,,2025-05-01T00:00:00Z",
            f"S3,{CLEO},030 23125 103,Cleo Quitte,Ulm,yes,yes,2025-06-01T00:00:00Z",
        ],
    )
    write(
        landing / "mails" / "1.csv",
        [
            "id,to,what,at",
            f"m1,{ADA},unsubscribe,2025-07-01T00:00:00Z",
            f"m2,{BOB},hard_bounce,2025-08-01T00:00:00Z",
            f"m3,{CLEO},bounce,2025-08-01T00:00:00Z",
            f"m4,{CLEO},complaint,2025-09-01T00:00:00Z",
        ],
    )
    page = [
        call("CA1", "10:00:00", ADAS_NUMBER, "+4930999999", duration="100"),
        call(
            "CA2",
            "10:00:40",
            ADAS_NUMBER,
            "client:eva",
            direction="outbound-dial",
            parent_call_sid="CA1",
            duration="60",
        ),
        call("CA3", "11:00:00", "client:eva", "", duration="35"),
        call(
            "CA4",
            "11:00:02",
            "+4930999999",
            CLEOS_NUMBER,
            direction="outbound-dial",
            parent_call_sid="CA3",
            duration="33",
        ),
        call("CA5", "11:30:00", "anonymous", "+4930999999", duration="10"),
        call("CA6", "23:59:00", ADAS_NUMBER, "+4930999999", status="in-progress", duration=None),
    ]
    old = call("CA8", "10:00:00", ADAS_NUMBER, "+4930999999") | {"start_time": "Thu, 01 Jan 1970 00:00:00 +0000"}
    write(
        landing / "line" / "calls-1.jsonl",
        [
            {"calls": page, "next_page_uri": None},
            '{"sid": "CA9", "fr',
            old,
            call("CA0", "10:00:00", "", "") | {"sid": None},
        ],
    )
    recording = {"sid": "RE1", "call_sid": "CA2", "start_time": "Sun, 01 Mar 2026 10:00:41 +0000", "duration": "58",
                 "status": "completed", "uri": "/2010-04-01/Accounts/AC0/Recordings/RE1.json"}  # fmt: skip
    write(landing / "line" / "recordings-1.jsonl", [{"recordings": [recording]}])
    waited = {"CallSid": "CA1", "From": ADAS_NUMBER, "QueueResult": "bridged", "QueueSid": "QU1", "QueueTime": "20"}
    write(landing / "line" / "queue-1.jsonl", [waited] * 5)
    ended, rang = callback("completed", "12:00:15", 2, CallDuration="15"), callback("ringing", "12:00:00", 0)
    write(landing / "line" / "status-1.jsonl", [ended, rang] * 5)
    mail = {"channel": "email", "source": {"from": {"address": ADA, "name": "Ada"}, "to": {}, "rel": None}}
    write(
        landing / "desk" / "tickets-1.jsonl",
        [
            {
                "tickets": [
                    ticket(1, 1001, "open", "2026-03-01T09:30:00Z", via=mail,
                           metric_set={"reply_time_in_minutes": {"calendar": 90, "business": 30}, "solved_at": None}),
                    ticket(2, 1002, "solved", "2026-03-01T10:00:00Z", satisfaction_rating={"score": "good"},
                           metric_set={"solved_at": "2026-03-01T10:00:00Z"}),
                    ticket(3, 1001, "deleted", "2026-03-01T10:00:00Z"),
                    ticket(4, 1001, "open", "2036-03-01T10:00:00Z", created_at="2036-03-01T08:00:00Z"),
                ],
                "end_of_stream": True,
            },
            '{"tickets": [',
        ],
    )  # fmt: skip
    write(
        landing / "desk" / "users-1.jsonl",
        [
            {"id": 1001, "name": "Ada Quitte", "email": ADA, "phone": ADAS_NUMBER, "role": "end-user"},
            {"id": 1002, "name": "Bob Quitte", "email": BOB, "phone": None, "role": "end-user"},
            {"id": 900, "name": "Eva", "email": "eva@corner.example", "role": "agent"},
        ],
    )
    write(
        landing / "desk" / "ratings-1.jsonl",
        [{"id": 62, "ticket_id": 1, "requester_id": 1001, "score": "bad", "created_at": "2026-03-01T12:00:00Z"}],
    )
    (log,) = (one for one in blocks("") if one.startswith("line;"))
    write(landing / "log" / "calls-1.csv", log.splitlines())
    write(landing / "log" / "do-not-call.csv", ["number,wish,noted_at", "030 23125 103,stop,2026-03-02T00:00:00Z"])


def second_delivery(folder: Path) -> None:
    """What came later, and out of order."""
    landing = folder / "landing"
    # Ada moved; what she said about mails is as old as it was.
    write(
        landing / "shop" / "2.csv",
        [
            "account,mail,tel,name,city,mail_ok,sms_ok,changed",
            f"S1,{ADA},030 23125 101,Ada Quitte,Bonn,yes,yes,2025-10-01T00:00:00Z",
        ],
    )
    ended = call("CA6", "23:59:00", ADAS_NUMBER, "+4930999999", duration="30")
    write(landing / "line" / "calls-2.jsonl", [ended | {"date_updated": "Sun, 01 Mar 2026 23:59:30 +0000"}])
    solved = {"solved_at": "2026-03-02T08:00:00Z", "reply_time_in_minutes": {"calendar": 90}}
    write(
        landing / "desk" / "tickets-2.jsonl",
        [
            ticket(1, 1001, "open", "2026-03-03T08:00:00Z", metric_set=solved),
            ticket(1, 1001, "solved", "2026-03-02T08:00:00Z", metric_set=solved),
            *[
                {
                    "type": "zen:event-type:ticket.status_changed",
                    "id": "01JN",
                    "time": "2026-03-05T10:00:01Z",
                    "subject": "zen:ticket:2",
                    "detail": {
                        "id": "2", "requester_id": "1002", "assignee_id": "900", "status": "CLOSED",
                        "subject": "Ticket 2", "via": {"channel": "web"}, "created_at": "2026-03-01T08:00:00Z",
                        "updated_at": "2026-03-05T10:00:00Z",
                    },
                    "event": {"current": "CLOSED", "previous": "SOLVED"},
                }
            ] * 5,
        ],
    )  # fmt: skip
    write(
        landing / "log" / "do-not-call.csv",
        [
            "number,wish,noted_at",
            "030 23125 103,again,2026-03-05T00:00:00Z",
            "030 23125 103,stop,2026-03-02T00:00:00Z",
            "030 23125 103,stop,2026-03-01T00:00:00Z",
            "030 23125 101,perhaps,2026-03-01T00:00:00Z",
        ],
    )


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, dict[str, Any]]:
    """The home after two runs, and what consent and tickets were after the first."""
    folder = tmp_path_factory.mktemp("call_centre")
    mapping = blocks("yaml")
    # The how-to's source, without its head, and with its second dataset.
    (folder / "company.yaml").write_text(COMPANY + mapping[0].removeprefix("sources:\n") + mapping[1], encoding="utf-8")
    home = Home(folder / "home")
    first_delivery(folder)
    with without_event_log():
        report = pipeline.run(load_company(folder / "company.yaml"), home)
        assert report.outcome == "published", report
        before = {"phone": consents(home, "phone"), "tickets": tickets(home)}
        second_delivery(folder)
        report = pipeline.run(load_company(folder / "company.yaml"), home)
        assert report.outcome == "published", report
    return home, before


def consents(home: Home, channel: str) -> list[tuple[Any, ...]]:
    return rows(
        home.published_file,
        "SELECT display_name, purpose, status, since, k.source, origin, is_contactable "
        "FROM marts.customer_consents AS k JOIN marts.dim_customers USING (customer_id) WHERE channel = ? ORDER BY ALL",
        [channel],
    )


def tickets(home: Home) -> list[tuple[Any, ...]]:
    return rows(
        home.published_file,
        "SELECT ticket_id, display_name, channel, status, stage, solved_at, first_reply_seconds, solution_seconds, "
        "reopen_count, satisfaction "
        "FROM marts.fct_tickets LEFT JOIN marts.dim_customers USING (customer_id) ORDER BY 1",
    )


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_every_record_is_accounted_for(homes: tuple[Home, dict[str, Any]]) -> None:
    found = balance(homes[0].published_file)
    # Calls 9, recording 1, waits 5, callbacks 10, and one more; the wait counts once, the callbacks are one call.
    assert found["line", "calls"] == (26, 9, 3, 14)
    # Tickets 5 and a rating; then two versions of the first and the webhook five times.
    assert found["desk", "tickets"] == (13, 4, 2, 7)
    assert found["desk", "customers"] == (3, 2, 1, 0)
    assert found["log", "calls"] == (3, 2, 1, 0)
    # The first word of the list came again in the file that took its place.
    assert found["log", "consents"] == (5, 3, 1, 1)
    assert found["mails", "consents"] == (1, 1, 0, 0)
    reasons = dict(
        rows(
            homes[0].published_file,
            "SELECT source || ' ' || entity || ' ' || reasons, count(*) FROM marts.quarantined_records "
            "WHERE released_at IS NULL GROUP BY 1",
        )
    )
    assert {key: count for key, count in reasons.items() if not key.endswith("_readable")} == {
        "line calls calls_call_id_present": 1,
        "line calls calls_started_at_not_1970": 1,
        "desk tickets tickets_created_at_not_future": 1,
        "log consents consents_status_known": 1,
    } | {key: 1 for key in reasons if "_present" in key and "_readable, " in key}


def test_legs_recordings_and_waits_are_folded_into_calls(homes: tuple[Home, dict[str, Any]]) -> None:
    found = rows(
        homes[0].published_file,
        "SELECT call_id, display_name, direction, started_at, wait_seconds, talk_seconds, outcome, agent_id, queue, "
        "recording_seconds, handling_cost_amount "
        "FROM marts.fct_calls LEFT JOIN marts.dim_customers USING (customer_id) ORDER BY 1",
    )
    # A minute of talk costs 0.80.
    assert found == [
        ("line:CA1", "Ada Quitte", "in", at("2026-03-01 10:00:00"), 20, 60, "completed", "eva", "QU1", 58,
         Decimal("0.8")),
        ("line:CA3", "Cleo Quitte", "out", at("2026-03-01 11:00:00"), None, 33, "completed", "eva", None, None,
         Decimal("0.44")),
        ("line:CA5", None, "in", at("2026-03-01 11:30:00"), None, 10, "completed", None, None, None, Decimal("0.1333")),
        ("line:CA6", "Ada Quitte", "in", at("2026-03-01 23:59:00"), None, 30, "completed", None, None, None,
         Decimal("0.4")),
        ("line:CA7", "Cleo Quitte", "in", at("2026-03-01 12:00:00"), None, 15, "completed", None, None, None,
         Decimal("0.2")),
        ("log:260301-AA0101-34536", "Ada Quitte", "in", at("2026-03-01 07:02:47"), 12, 166, "answered", "DORIT", None,
         None, Decimal("2.2133")),
        ("log:260301-AA0101-34537", "Bob Quitte", "in", at("2026-03-01 07:31:45"), 0, 0, "abandoned", None, None, None,
         Decimal("0")),
    ]  # fmt: skip


def test_a_ticket_changes_between_loads(homes: tuple[Home, dict[str, Any]]) -> None:
    home, before = homes
    solved = at("2026-03-01 10:00:00")
    assert before["tickets"] == [
        ("desk:1", "Ada Quitte", "email", "open", "open", None, 5400, None, 0, 1),
        ("desk:2", "Bob Quitte", "web", "solved", "solved", solved, None, 7200, 0, 5),
        ("desk:3", "Ada Quitte", "web", "deleted", "deleted", None, None, None, 0, None),
    ]
    # The first was solved and came back. The second was closed; the webhook knows neither its rating nor its times.
    assert tickets(home) == [
        ("desk:1", "Ada Quitte", "web", "open", "open", None, 5400, None, 1, 1),
        ("desk:2", "Bob Quitte", "web", "closed", "solved", solved, None, 7200, 0, 5),
        ("desk:3", "Ada Quitte", "web", "deleted", "deleted", None, None, None, 0, None),
    ]
    assert rows(
        home.published_file,
        "SELECT touchpoint_id, channel, detail FROM marts.fct_touchpoints WHERE kind = 'ticket' ORDER BY 1",
    ) == [("ticket:desk:1", "web", "open"), ("ticket:desk:2", "web", "closed")]


def test_the_latest_word_on_consent_holds(homes: tuple[Home, dict[str, Any]]) -> None:
    home, before = homes
    complained, bounced = at("2025-09-01"), at("2025-08-01")
    assert consents(home, "email") == [
        # A record that is changed elsewhere renews nothing.
        ("Ada Quitte", "marketing", "denied", at("2025-07-01"), "mails", "email event: unsubscribe", False),
        ("Bob Quitte", "all", "suppressed", bounced, "mails", "hard bounce", False),
        ("Bob Quitte", "marketing", "suppressed", bounced, "mails", "hard bounce", False),
        ("Cleo Quitte", "all", "suppressed", complained, "mails", "email event: complaint", False),
        ("Cleo Quitte", "marketing", "suppressed", complained, "mails", "email event: complaint", False),
    ]
    assert consents(home, "sms") == [
        ("Ada Quitte", "marketing", "granted", at("2025-05-01"), "shop", "customer record", True),
        ("Cleo Quitte", "marketing", "granted", at("2025-06-01"), "shop", "customer record", True),
    ]
    # The stop of 2 March held; the one of the 1st came late, after the yes of the 5th, and changes nothing.
    for found, status, since in (
        (before["phone"], "denied", "2026-03-02"),
        (consents(home, "phone"), "granted", "2026-03-05"),
    ):
        assert found == [
            ("Cleo Quitte", purpose, status, at(since), "log", "do-not-call list", status == "granted")
            for purpose in ("all", "marketing")
        ]
    assert rows(
        home.published_file,
        "SELECT display_name, email_consent, sms_consent, phone_consent FROM marts.dim_customers ORDER BY 1",
    ) == [
        ("Ada Quitte", False, True, None),
        ("Bob Quitte", False, None, None),
        ("Cleo Quitte", False, True, True),
    ]


def test_a_customers_consent_is_shown_with_who_said_so(homes: tuple[Home, dict[str, Any]]) -> None:
    shown = regulars("customer", ADA, "--home", homes[0].path)
    assert shown.code == 0
    assert "email event: unsubscribe" in shown.text
    assert "denied" in shown.text
