"""Four e-mail services in one company, from payloads as they post or export them to the marts, worked out by hand."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from helpers import without_event_log
from published_tables import balance, rows

from orchestration import pipeline
from orchestration.company import load_company
from orchestration.home import Home

Event = dict[str, Any]

COMPANY = """\
company: {id: corner, name: Corner Bakery}
time_zone: Europe/Berlin
identity: {separates: [], probable: {enabled: false}}
charts: {enabled: false}
currency: EUR
country: DE
as_of: 2026-04-01
sources:
  grid: {type: sendgrid, owner: mail@corner.example, files: {events: landing/grid}}
  gun: {type: mailgun, owner: mail@corner.example, files: {events: landing/gun/*.jsonl}}
  mark: {type: postmark, owner: mail@corner.example, files: {events: landing/mark/*.jsonl}}
  chimp:
    type: mailchimp
    owner: mail@corner.example
    files:
      campaigns: landing/chimp/campaigns.jsonl
      members: landing/chimp/members.jsonl
      sent_to: landing/chimp/sent_to.jsonl
      email_activity: landing/chimp/activity.jsonl
      open_details: landing/chimp/opens.jsonl
      unsubscribes: landing/chimp/unsubscribes.jsonl
"""
T = datetime(2026, 3, 2, 8, tzinfo=UTC)
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:127.0) Gecko/20100101 Firefox/127.0"
SHOP = "https://corner.example"


def mail(name: str) -> str:
    """The address of a guest, reserved for examples."""
    return f"{name}@corner-guests.example"


def iso(seconds: float) -> str:
    """A time so many seconds after T."""
    return (T + timedelta(seconds=seconds)).isoformat()


def write(file: Path, lines: Iterable[Any]) -> None:
    """Write JSON lines; a text stands as it is."""
    file.parent.mkdir(parents=True, exist_ok=True)
    text = "".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in lines)
    file.write_bytes(gzip.compress(text.encode()) if file.suffix == ".gz" else text.encode())


# --- SendGrid ----------------------------------------------------------------------------------------------------


def grid(number: int, name: str, event: str, seconds: float, **more: Any) -> Event:
    """An event of the single send `ss1`; the server's part of the message id differs from one to the next."""
    return {
        "email": mail(name),
        "timestamp": int((T + timedelta(seconds=seconds)).timestamp()),
        "event": event,
        "sg_event_id": f"event-{number}",
        "sg_message_id": f"14c5d75ce93.{name}.filter{number:04d}.16648.5515E0B88.0",
        "smtp-id": f"<14c5d75ce93.{name}@ismtpd-555>",
        "category": ["spring", "newsletter"],
        "singlesend_id": "ss1",
        "singlesend_name": "Spring bread",
        **more,
    }


def link(number: int) -> Event:
    """A click on one of the three links of the mail, by a browser."""
    return {"url": f"{SHOP}/{number}", "useragent": FIREFOX, "ip": "192.0.2.7"}


def grid_events() -> list[list[Event]]:
    """Two deliveries of events; what comes first was not first.

    anna reads and clicks. bert's mail program loads images in advance. carl's gateway follows every link and loads the
    images; he himself reads two hours later. dora's address does not exist, emil's server refuses for now, fred's
    address is none. gerd's mail is late, and his gateway clicks at once. hans' images are loaded by a proxy that
    calls itself nothing; he clicks twice.
    """
    opened = {"useragent": FIREFOX, "ip": "192.0.2.7"}
    sent = [
        grid(n, name, "processed", 0) for n, name in enumerate(["anna", "bert", "carl", "dora", "emil", "gerd", "hans"])
    ]
    late = [
        grid(20, "gerd", "click", 3_601, **link(1)),
        grid(21, "carl", "click", 4, **link(1)),
        grid(22, "carl", "open", 5, **opened),
        grid(23, "carl", "click", 8, **link(2)),
        grid(24, "carl", "click", 12, **link(3)),
    ]
    happened = [
        *(
            grid(30 + n, name, "delivered", 3, ip="198.51.100.1")
            for n, name in enumerate(["anna", "bert", "carl", "hans"])
        ),
        grid(40, "anna", "open", 600, sg_machine_open=False, **opened),
        grid(41, "anna", "click", 640, **link(1)),
        grid(42, "anna", "group_unsubscribe", 700, asm_group_id=7),
        grid(43, "bert", "open", 30, sg_machine_open=True, **opened),
        grid(44, "carl", "open", 7_200, **opened),
        grid(45, "carl", "click", 7_230, **link(1)),
        grid(46, "dora", "bounce", 4, type="bounce", status="5.1.1", reason="550 5.1.1 no such user"),
        grid(47, "emil", "bounce", 4, type="blocked", status="4.7.1", reason="451 try again later"),
        grid(48, "fred", "dropped", 0, reason="Invalid") | {"email": "fred at corner-guests"},
        grid(49, "gerd", "deferred", 3, response="400 try again later", attempt="1"),
        grid(50, "gerd", "delivered", 3_600),
        grid(51, "hans", "open", 60, useragent="Mozilla/5.0"),
        grid(52, "hans", "click", 900, **link(2)),
        grid(53, "hans", "click", 1_000, **link(3)),
        grid(54, "hans", "unsubscribe", 2_000),
    ]
    return [sent + late, happened]


GRID_BAD = (
    grid(60, "anna", "teleported", 10),
    grid(61, "anna", "open", 10) | {"timestamp": 0},
    grid(62, "anna", "open", 10) | {"timestamp": 4_102_444_800},
    {key: value for key, value in grid(63, "anna", "open", 10).items() if key != "sg_event_id"},
)


def write_grid(folder: Path) -> None:
    """Each POST five times: as lists, one of them once more event by event; and a torn line in the middle."""
    first, second = grid_events()
    write(folder / "2026-03-02.jsonl.gz", [*[first] * 4, *first])
    write(folder / "2026-03-03.jsonl", [*[second] * 3, '[{"email": "anna@corner', *[second] * 2, list(GRID_BAD)])


# --- Mailgun -----------------------------------------------------------------------------------------------------


def gun(number: int, name: str, event: str, seconds: float, **more: Any) -> Event:
    """A webhook's body, signed."""
    return {
        "signature": {"timestamp": "1772438400", "token": f"{number:050d}", "signature": "0" * 64},
        "event-data": {
            "id": f"gun-{number}",
            "event": event,
            "timestamp": (T + timedelta(seconds=seconds)).timestamp() + 0.25,
            "recipient": mail(name),
            "recipient-domain": "corner-guests.example",
            "tags": ["welcome", "a"],
            "campaigns": [],
            "user-variables": {},
            "message": {"headers": {"message-id": "20260302080000.1.AB@corner.example", "subject": "Welcome"}},
            **more,
        },
    }


def write_gun(folder: Path) -> None:
    """One message to three. inga's images are Apple's doing, jens' mailbox is gone, kurt complains."""
    reads = {"client-info": {"user-agent": FIREFOX, "client-type": "browser", "bot": ""}, "ip": "192.0.2.9"}
    write(
        folder / "events.jsonl",
        [
            *(gun(n, name, "accepted", 0) for n, name in enumerate(["inga", "jens", "kurt"])),
            gun(10, "inga", "delivered", 2),
            gun(11, "inga", "opened", 20, **{"client-info": {"user-agent": "Mozilla/5.0", "bot": "apple"}}),
            gun(12, "inga", "clicked", 300, url=f"{SHOP}/1", **reads),
            gun(13, "jens", "failed", 5, severity="temporary", reason="greylisted"),
            gun(14, "jens", "failed", 900, severity="permanent", reason="bounce"),
            gun(15, "kurt", "delivered", 2),
            gun(16, "kurt", "opened", 100, **reads),
            gun(17, "kurt", "complained", 200),
        ],
    )


# --- Postmark ----------------------------------------------------------------------------------------------------


def mark(kind: str, name: str, **more: Any) -> Event:
    """A webhook's body."""
    return {
        "RecordType": kind, "MessageID": f"883953f4-{name}", "Recipient": mail(name), "Tag": "receipt", "ServerID": 23,
        "MessageStream": "broadcast", "Metadata": {}, **more,
    }  # fmt: skip


def write_mark(folder: Path) -> None:
    """lena reads and clicks, mara's mailbox is gone, nils leaves."""
    reads = {"UserAgent": FIREFOX, "Geo": {"IP": "192.0.2.11"}, "Platform": "Desktop"}
    bounce = {
        "ID": 901542550, "Type": "HardBounce", "TypeCode": 1, "Email": mail("mara"), "BouncedAt": iso(9),
        "Inactive": True,
    }  # fmt: skip
    leaves = {
        "ChangedAt": iso(4_000), "Origin": "Recipient", "SuppressSending": True,
        "SuppressionReason": "ManualSuppression",
    }  # fmt: skip
    write(
        folder / "events.jsonl",
        [
            mark("Delivery", "lena", DeliveredAt="2026-03-02T03:00:05.2735393-05:00"),
            mark("Open", "lena", ReceivedAt=iso(500), FirstOpen=True, **reads),
            mark("Click", "lena", ReceivedAt=iso(520), OriginalLink=f"{SHOP}/1", ClickLocation="HTML", **reads),
            mark("Click", "lena", ReceivedAt=iso(520), OriginalLink=f"{SHOP}/1", ClickLocation="HTML", **reads),
            {key: value for key, value in mark("Bounce", "mara", **bounce).items() if key != "Recipient"},
            mark("Delivery", "nils", DeliveredAt=iso(6)),
            mark("SubscriptionChange", "nils", **leaves),
        ],
    )


# --- Mailchimp ---------------------------------------------------------------------------------------------------

CHIMPS = {"otto": "subscribed", "paul": "subscribed", "rosa": "cleaned", "sven": "transactional"}


def chimp(name: str, **more: Any) -> Event:
    """A record about one recipient of the campaign."""
    return {
        "campaign_id": "c1", "list_id": "l1", "list_is_active": True, "email_id": f"md5-{name}",
        "email_address": mail(name), **more,
    }  # fmt: skip


def write_chimp(folder: Path) -> None:
    """otto reads, clicks and leaves, paul's images are loaded by a proxy, rosa's mailbox is gone, sven does nothing."""
    settings = {"title": "March", "subject_line": "Bread in March"}
    write(folder / "campaigns.jsonl", [{"campaigns": [{"id": "c1", "send_time": iso(0), "settings": settings}]}])
    write(
        folder / "members.jsonl",
        [
            {
                "id": f"md5-{name}", "list_id": "l1", "contact_id": f"contact-{name}", "email_address": mail(name),
                "status": status, "timestamp_opt": "2025-05-01T00:00:00+00:00", "last_changed": iso(60),
                "merge_fields": {"FNAME": name.title(), "LNAME": "Quitte", "PHONE": ""}, "language": "de",
            }
            for name, status in CHIMPS.items()
        ],
    )  # fmt: skip
    write(folder / "sent_to.jsonl", [{"sent_to": [chimp(name, campaign_send_time=iso(0)) for name in CHIMPS]}])
    opened = {"action": "open", "timestamp": iso(300), "ip": "192.0.2.13"}
    write(
        folder / "activity.jsonl",
        [
            chimp("otto", activity=[opened, {**opened, "action": "click", "timestamp": iso(310), "url": f"{SHOP}/1"}]),
            chimp("paul", activity=[{**opened, "timestamp": iso(90)}]),
            chimp("rosa", activity=[{"action": "bounce", "type": "hard", "timestamp": iso(12)}]),
            chimp("sven", activity=[], campaign_send_time=iso(0)),
        ],
    )
    write(
        folder / "opens.jsonl",
        [
            chimp("otto", opens_count=1, opens=[{"timestamp": iso(300), "is_proxy_open": False}]),
            chimp("paul", opens_count=1, opens=[{"timestamp": iso(90), "is_proxy_open": True}]),
        ],
    )
    write(folder / "unsubscribes.jsonl", [chimp("otto", timestamp=iso(5_000), reason="no longer wanted")])


# --- the run -----------------------------------------------------------------------------------------------------


@contextmanager
def written(folder: Path) -> Iterator[Path]:
    """The company with everything that landed."""
    (folder / "company.yaml").write_text(COMPANY, encoding="utf-8")
    for name, fill in (("grid", write_grid), ("gun", write_gun), ("mark", write_mark), ("chimp", write_chimp)):
        fill(folder / "landing" / name)
    yield folder / "company.yaml"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The home after one run."""
    folder = tmp_path_factory.mktemp("email")
    found = Home(folder / "home")
    with written(folder) as company, without_event_log():
        report = pipeline.run(load_company(company), found)
    assert report.outcome == "published", report
    return found


def test_every_record_is_accounted_for(home: Home) -> None:
    found = balance(home.published_file)
    # 12 and 19 events five times each, four bad ones, and one torn line.
    assert found["grid", "email_events"] == (160, 31, 5, 124)
    assert found["grid", "campaigns"] == (2, 1, 0, 1)
    # Group unsubscribe, bounce, drop, unsubscribe.
    assert found["grid", "consents"] == (20, 4, 0, 16)
    assert found["gun", "email_events"] == (11, 11, 0, 0)
    assert found["gun", "consents"] == (2, 2, 0, 0)
    assert found["mark", "email_events"] == (7, 6, 0, 1)
    assert found["mark", "consents"] == (2, 2, 0, 0)
    # Sent 4, activities 4, opens 2 that are among the activities, left 1; and sven, who did nothing, was sent to.
    assert found["chimp", "email_events"] == (12, 9, 0, 3)
    assert found["chimp", "customers"] == (4, 4, 0, 0)
    # Members: two said yes, to the audience and to marketing; one was cleaned. Then a bounce, and otto leaves both.
    assert found["chimp", "consents"] == (8, 8, 0, 0)


def test_what_is_wrong_is_kept_with_its_reason(home: Home) -> None:
    found = rows(
        home.published_file,
        "SELECT record_id, reasons FROM marts.quarantined_records WHERE source = 'grid' ORDER BY reasons, record_id",
    )
    assert [reasons for _, reasons in found] == [
        "email_events_event_id_present",
        "email_events_event_known",
        "email_events_occurred_at_not_future",
        "email_events_occurred_at_plausible",
        "email_events_readable",
    ]


@pytest.mark.parametrize(
    ("campaign", "expected"),
    [
        # sent, delivered, opens, of persons, clicks, of persons, unsubscribes
        ("grid:ss1", (7, 5, 4, 2, 4, 3, 2)),
        ("gun:welcome", (3, 2, 2, 1, 1, 1, 0)),
        ("mark:receipt", (3, 2, 1, 1, 1, 1, 1)),
        ("chimp:c1", (4, 3, 2, 1, 1, 1, 1)),
    ],
)
def test_campaigns(home: Home, campaign: str, expected: tuple[int, ...]) -> None:
    found = rows(
        home.published_file,
        "SELECT sent, delivered, unique_opens, unique_opens_human, unique_clicks, unique_clicks_human, unsubscribes "
        "FROM marts.campaign_performance WHERE campaign_id = ?",
        [campaign],
    )
    assert found == [expected]


def test_campaigns_have_names_where_the_vendor_has_them(home: Home) -> None:
    assert rows(
        home.published_file, "SELECT campaign_id, campaign_name FROM marts.campaign_performance ORDER BY 1"
    ) == [
        ("chimp:c1", "March"),
        ("grid:ss1", "Spring bread"),
        ("gun:welcome", None),
        ("mark:receipt", None),
    ]


def test_machines_are_marked_with_the_rule_that_found_them(home: Home) -> None:
    found = rows(
        home.published_file,
        "SELECT event_id, machine_reason FROM marts.fct_email_events WHERE is_machine ORDER BY event_id",
    )
    assert dict(found) == {
        "grid:event-20": "click_after_delivery",
        "grid:event-21": "click_after_delivery",
        "grid:event-22": "open_beside_machine_click",
        "grid:event-23": "every_link",
        "grid:event-24": "every_link",
        "grid:event-43": "told_by_sender",
        "grid:event-51": "known_user_agent",
        "gun:gun-11": "told_by_sender",
        f"chimp:c1:md5-paul:open:{iso(90)}": "told_by_sender",
    }


def test_events_of_one_delivery_meet(home: Home) -> None:
    # gerd's click, deferral and delivery carry three message ids that differ in the server's part.
    found = rows(
        home.published_file,
        "SELECT message_id, count(DISTINCT delivery_id), list(event ORDER BY event) FROM marts.fct_email_events "
        "WHERE message_id LIKE '%.gerd' GROUP BY 1",
    )
    assert found == [("14c5d75ce93.gerd", 1, ["click", "delivered", "sent"])]
    # One message to three people is three deliveries.
    assert rows(
        home.published_file, "SELECT count(DISTINCT delivery_id) FROM marts.fct_email_events WHERE source = 'gun'"
    ) == [(3,)]


def test_what_is_no_event_of_a_delivery_stays_in_staging(home: Home) -> None:
    query = "SELECT event, count(*) FROM {} GROUP BY 1 ORDER BY 1"
    published: Mapping[str, int] = dict(rows(home.published_file, query.format("marts.fct_email_events")))
    assert published.keys() == {"sent", "delivered", "open", "click", "bounce", "unsubscribe", "complaint"}
    staged = dict(rows(home.warehouse, query.format("staging.stg_all__email_events WHERE record_status = 'valid'")))
    assert (staged["deferred"], staged["dropped"]) == (2, 1)
    assert sum(staged.values()) == sum(published.values()) + 3


def test_consents(home: Home) -> None:
    found = rows(
        home.warehouse,
        "SELECT split_part(email_text, '@', 1), purpose, status, origin FROM staging.stg_all__consents "
        "WHERE record_status = 'valid' ORDER BY ALL",
    )
    assert found == [
        ("anna", "group:7", "denied", "group unsubscribe link"),
        ("dora", "all", "suppressed", "hard bounce"),
        ("fred at corner-guests", "all", "suppressed", "dropped: invalid"),
        ("hans", "marketing", "denied", "unsubscribe link"),
        ("jens", "all", "suppressed", "hard bounce"),
        ("kurt", "all", "suppressed", "spam complaint"),
        ("mara", "all", "suppressed", "bounce: HardBounce"),
        ("nils", "marketing", "denied", "unsubscribe link"),
        ("otto", "list:l1", "denied", "unsubscribe link: no longer wanted"),
        ("otto", "list:l1", "granted", "audience: subscribed"),
        ("otto", "marketing", "denied", "unsubscribe link: no longer wanted"),
        ("otto", "marketing", "granted", "audience: subscribed"),
        ("paul", "list:l1", "granted", "audience: subscribed"),
        ("paul", "marketing", "granted", "audience: subscribed"),
        ("rosa", "all", "suppressed", "cleaned: hard bounces"),
        ("rosa", "all", "suppressed", "hard bounce"),
    ]
