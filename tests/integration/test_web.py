"""One visit, told by three trackers and a plain file in six shapes, is one and the same; worked out by hand."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from helpers import without_event_log
from published_tables import balance, rows

from orchestration import pipeline
from orchestration.company import load_company
from orchestration.home import Home
from sources.web.snowplow import ENRICHED_FIELDS

Event = dict[str, Any]

COMPANY = """\
company: {id: corner, name: Corner Bakery}
time_zone: Europe/Berlin
identity: {separates: [], probable: {enabled: false}}
charts: {enabled: false}
currency: EUR
country: DE
as_of: 2026-04-01
validity: {goal: 0.5}
sources:
  shop:
    type: files
    channel: shop
    owner: shop@corner.example
    datasets:
      orders:
        path: landing/orders.csv
        entities:
          - {entity: orders, columns: {order_id: no, account_id: account, ordered_at: at, gross_amount: total}}
          - {entity: customers, columns: {account_id: account}}
  snow: {type: snowplow, owner: web@corner.example, accounts_of: shop, files: {enriched_events: landing/snow/*.gz}}
  snow_table: {type: snowplow, owner: web@corner.example, accounts_of: shop, files: {events: landing/snow_table}}
  ga: {type: ga4, owner: web@corner.example, accounts_of: shop, files: {events: landing/ga}}
  ga_table: {type: ga4, owner: web@corner.example, accounts_of: shop, files: {events: landing/ga_table}}
  seg: {type: segment, owner: web@corner.example, accounts_of: shop, files: {calls: landing/seg}}
  own:
    type: files
    channel: web
    owner: web@corner.example
    accounts_of: shop
    time_zone: UTC
    datasets:
      events:
        path: landing/own
        entities:
          - entity: web_events
            columns:
              event_id: id
              visitor_id: cookie
              account_id: account
              session_id: session
              event: what
              occurred_at: at
              page_url: url
              source: source
              medium: medium
              campaign: campaign
              user_agent: agent
              order_id: order
"""
TRACKERS = ("snow", "snow_table", "ga", "ga_table", "seg", "own")
SITE = "https://corner.example"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:127.0) Gecko/20100101 Firefox/127.0"
WRONG_CLOCK = datetime(2099, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Step:
    """One thing that a visitor did, before a tracker tells of it.

    Attributes:
        name: names the event.
        at: when.
        path: the page.
        campaign: the campaign of the address, if any.
        account: who is logged in, if anybody.
        order: number of the order, for a purchase; a page view otherwise.
        visitor: the cookie.
        is_bot: whether it is a robot.
        what: the event's name; None takes it from what was done, '' leaves it out.
    """

    name: str
    at: datetime
    path: str = "/"
    campaign: str | None = None
    account: str | None = None
    order: str | None = None
    visitor: str = "v1"
    is_bot: bool = False
    what: str | None = None


def on(clock: str) -> datetime:
    """A time of 2 March 2026, UTC; Berlin is an hour ahead, so its day ends at 23:00."""
    return datetime.fromisoformat(f"2026-03-02T{clock}+00:00")


# A visit by one campaign, with a pause of one second less than half an hour; a second one by another, in which is
# bought; and one over midnight of the bakery's clock. The tracker counts all of it as one session.
STORY = (
    Step("a1", on("10:00:00"), campaign="spring"),
    Step("a2", on("10:05:00"), "/rolls", account="A1"),
    Step("a3", on("10:34:59"), "/bread", account="A1"),
    Step("b1", on("10:40:00"), campaign="bread-week", account="A1"),
    Step("b2", on("10:45:00"), "/thanks", account="A1", order="N7"),
    Step("c1", on("22:50:00")),
    Step("c2", on("23:10:00"), "/rolls"),
)
# Comes later: one within the first visit, one before it.
LATE = (Step("a15", on("10:20:00"), "/cake"), Step("a0", on("09:45:00"), "/rolls", campaign="spring"))
# Nobody can have done this; and a first page view that is delivered four times more.
BAD = (
    Step("x1", datetime(1970, 1, 1, tzinfo=UTC)),
    Step("x2", WRONG_CLOCK),
    Step("x3", on("11:00:00"), what=""),
)
BOT = Step("y1", on("12:00:00"), visitor="v9", is_bot=True)


def write(file: Path, content: str) -> None:
    """Write a text, packed where the name says so."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(gzip.compress(content.encode()) if file.suffix == ".gz" else content.encode())


# --- Snowplow ----------------------------------------------------------------------------------------------------


def snowplow(step: Step) -> Event:
    """The columns that lines and tables have alike. The device's clock is wrong, the derived time is right."""
    what = ("transaction" if step.order else "page_view") if step.what is None else step.what
    return {
        "app_id": "shop", "platform": "web", "event": what, "event_name": what, "event_id": step.name,
        "collector_tstamp": step.at + timedelta(seconds=2), "derived_tstamp": step.at,
        "dvce_created_tstamp": WRONG_CLOCK, "domain_userid": step.visitor, "domain_sessionid": "one-long-session",
        "user_id": step.account, "page_url": SITE + step.path, "useragent": FIREFOX, "tr_orderid": step.order,
        "mkt_source": step.campaign and "newsletter", "mkt_medium": step.campaign and "email",
        "mkt_campaign": step.campaign,
    }  # fmt: skip


def described(name: str, **data: Any) -> Event:
    """A self-describing JSON."""
    return {"schema": f"iglu:{name}/jsonschema/1-0-0", "data": data}


def write_lines(file: Path, steps: Sequence[Step]) -> None:
    """The enriched stream: values between tabs, entities as self-describing JSON, times without a zone."""
    lines = []
    for step in steps:
        page = described("com.snowplowanalytics.snowplow/web_page", id=step.name)
        robot = described("com.iab.snowplow/spiders_and_robots", spiderOrRobot=step.is_bot, category="BROWSER")
        around = "iglu:com.snowplowanalytics.snowplow/contexts/jsonschema/1-0-0"
        values = snowplow(step) | {
            "contexts": json.dumps({"schema": around, "data": [page]}),
            "derived_contexts": json.dumps({"schema": around, "data": [robot]}),
        }
        texts = [values.get(name) for name in ENRICHED_FIELDS]
        lines.append(
            "\t".join(
                value.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] if isinstance(value, datetime) else value or ""
                for value in texts
            )
        )
    lines.insert(len(lines) // 2, "shop\tweb\tcut off")
    write(file, "\n".join(lines) + "\n")


def write_snowplow_table(file: Path, steps: Sequence[Step]) -> None:
    """The warehouse's table as Parquet, entities as nested columns."""
    file.parent.mkdir(parents=True, exist_ok=True)
    pl.DataFrame(
        [snowplow(step) | {"contexts_com_snowplowanalytics_snowplow_web_page_1": [{"id": step.name}]} for step in steps]
    ).write_parquet(file)


# --- Google Analytics 4 ------------------------------------------------------------------------------------------


def google(step: Step) -> Event:
    """A row of the export. `traffic_source` is where the visitor came from years ago."""
    what = ("purchase" if step.order else "page_view") if step.what is None else step.what

    def parameter(key: str, kind: str, value: Any) -> Event:
        kinds = ("string_value", "int_value", "float_value", "double_value")
        return {"key": key, "value": dict.fromkeys(kinds) | {kind: value}}

    return {
        "event_date": f"{step.at:%Y%m%d}",
        "event_timestamp": int(step.at.timestamp() * 1_000_000),
        "event_name": what or None,
        "event_params": [
            parameter("ga_session_id", "int_value", 1_772_445_600),
            parameter("page_location", "string_value", SITE + step.path),
            parameter("engagement_time_msec", "int_value", 12),
        ],
        "event_bundle_sequence_id": 7,
        "user_id": step.account,
        "user_pseudo_id": step.visitor,
        "privacy_info": {"analytics_storage": "Yes", "ads_storage": "Unset"},
        "traffic_source": {"source": "(direct)", "medium": "(none)", "name": "years ago"},
        "collected_traffic_source": {
            "manual_source": "newsletter", "manual_medium": "email", "manual_campaign_name": step.campaign,
        } if step.campaign else None,
        "ecommerce": {"transaction_id": step.order or "(not set)"},
        "stream_id": "1", "platform": "WEB", "batch_page_id": 1, "batch_ordering_id": 1, "batch_event_index": 1,
    }  # fmt: skip


def write_google(file: Path, steps: Sequence[Step]) -> None:
    """JSON lines as BigQuery writes them: whole numbers as text, nothing where there is nothing."""

    def spare(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: spare(one) for key, one in value.items() if one is not None}
        if isinstance(value, list):
            return [spare(one) for one in value]
        return str(value) if isinstance(value, int) else value

    lines = [json.dumps(spare(google(step))) for step in steps]
    lines.insert(len(lines) // 2, '{"event_date": "20260302", "event_na')
    write(file, "\n".join(lines) + "\n")


def write_google_table(file: Path, steps: Sequence[Step]) -> None:
    """Parquet with nested columns."""
    file.parent.mkdir(parents=True, exist_ok=True)
    pl.DataFrame([google(step) for step in steps]).write_parquet(file)


# --- Segment -----------------------------------------------------------------------------------------------------


def segment(step: Step) -> Event:
    """A call. The device's clock is wrong; Segment has put its own time right."""
    buys = {"type": "track", "event": "Order Completed", "properties": {"order_id": step.order, "total": 12.5}}
    looks = {"type": "page", "name": "A page", "properties": {"url": SITE + step.path}}
    nothing = {"type": "track", "properties": {}}
    called = nothing if step.what == "" else buys if step.order else looks
    campaign = {"name": step.campaign, "source": "newsletter", "medium": "email"}
    return {
        "messageId": step.name, "anonymousId": step.visitor, "userId": step.account,
        "timestamp": step.at.isoformat().replace("+00:00", "Z"),
        "originalTimestamp": WRONG_CLOCK.isoformat(), "sentAt": WRONG_CLOCK.isoformat(),
        "receivedAt": (step.at + timedelta(seconds=1)).isoformat(),
        "context": {
            "page": {"url": SITE + step.path}, "userAgent": FIREFOX, "library": {"name": "analytics.js"},
            **({"campaign": campaign} if step.campaign else {}),
        },
        **called,
    }  # fmt: skip


def known(name: str, kind: str, minute: int, **more: Any) -> Event:
    """A call that says who somebody is, or what he lets the site do."""
    choices = {"consent": {"categoryPreferences": {"Advertising": minute > 1, "Analytics": True}}}
    return {
        "messageId": name, "type": kind, "anonymousId": "v7", "userId": "A7",
        "timestamp": on(f"15:0{minute}:00").isoformat(), "context": choices, **more,
    }  # fmt: skip


SAID = (
    known("k1", "identify", 1, traits={"email": "gerd@corner-guests.example", "name": "Gerd Quitte"}),
    known("k2", "track", 2, event="Segment Consent Preference Updated"),
    known("k3", "alias", 3, previousId="v6"),
)


def write_batches(file: Path, steps: Sequence[Step], *more: Event) -> None:
    """Batches of calls, a line each; one is torn."""
    calls = [*map(segment, steps), *more]
    half = len(calls) // 2
    lines = [json.dumps({"batch": part, "sentAt": WRONG_CLOCK.isoformat()}) for part in (calls[:half], calls[half:])]
    write(file, f'{lines[0]}\n{{"batch": [{{"type": "pa\n{lines[1]}\n')


# --- a plain file ------------------------------------------------------------------------------------------------


def write_csv(file: Path, steps: Sequence[Step]) -> None:
    """Whatever the site's own log writes."""
    out = io.StringIO()
    fields = (
        "id",
        "cookie",
        "account",
        "session",
        "what",
        "at",
        "url",
        "source",
        "medium",
        "campaign",
        "agent",
        "order",
    )
    table = csv.writer(out)
    table.writerow(fields)
    for step in steps:
        what = ("order" if step.order else "page_view") if step.what is None else step.what
        table.writerow([
            step.name, step.visitor, step.account, "one-long-session", what, step.at.strftime("%Y-%m-%d %H:%M:%S"),
            SITE + step.path, step.campaign and "newsletter", step.campaign and "email", step.campaign,
            "Examplebot/2.1 (+https://bot.example)" if step.is_bot else FIREFOX, step.order,
        ])  # fmt: skip
    write(file, out.getvalue())


# --- the runs ----------------------------------------------------------------------------------------------------


def first_delivery(landing: Path) -> None:
    """The story, what is wrong, and the first event five times; out of order."""
    told = (*reversed(STORY), *[STORY[0]] * 4, *BAD)
    write(landing / "orders.csv", "no,account,at,total\nN7,A1,2026-03-02 11:45:30,12.50\n")
    write_lines(landing / "snow" / "part-0000.gz", (*told, BOT))
    write_snowplow_table(landing / "snow_table" / "events.parquet", STORY)
    write_google(landing / "ga" / "events_20260302.jsonl.gz", told)
    write_google_table(landing / "ga_table" / "events_20260302.parquet", STORY)
    write_batches(landing / "seg" / "calls.jsonl.gz", told, *SAID)
    write_csv(landing / "own" / "events.csv", (*told, BOT))


def second_delivery(landing: Path) -> None:
    """What comes late, and some of the old once more."""
    told = (*LATE, STORY[2])
    write_lines(landing / "snow" / "part-0001.gz", told)
    write_snowplow_table(landing / "snow_table" / "late.parquet", LATE)
    write_google(landing / "ga" / "events_20260303.jsonl", told)
    write_google_table(landing / "ga_table" / "late.parquet", LATE)
    write(landing / "seg" / "late.jsonl", "".join(json.dumps(segment(step)) + "\n" for step in told))
    write_csv(landing / "own" / "late.csv", told)


def run(folder: Path) -> Home:
    """The home after a run on what has landed."""
    home = Home(folder / "home")
    with without_event_log():
        report = pipeline.run(load_company(folder / "company.yaml"), home)
    assert report.outcome == "published", report
    return home


@dataclass
class Told:
    """What readers saw after the first and the second delivery."""

    first: dict[str, list[tuple[Any, ...]]]
    names: set[str]
    second: dict[str, list[tuple[Any, ...]]]
    home: Home
    balance: dict[tuple[str, str], tuple[int, int, int, int]]


SESSIONS = """
    SELECT tracker, started_at, ended_at, page_views, events, source, medium, campaign, landing_page, is_converted,
        customer_id IS NOT NULL
    FROM marts.fct_web_sessions WHERE visitor_id = 'v1' ORDER BY tracker, started_at
"""


def sessions(home: Home) -> dict[str, list[tuple[Any, ...]]]:
    """The sessions of the visitor by tracker."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    for tracker, *session in rows(home.published_file, SESSIONS):
        found.setdefault(tracker, []).append(tuple(session))
    return found


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """Both deliveries, a run after each."""
    folder = tmp_path_factory.mktemp("web")
    (folder / "company.yaml").write_text(COMPANY, encoding="utf-8")
    first_delivery(folder / "landing")
    home = run(folder)
    first, first_balance = sessions(home), balance(home.published_file)
    names = {name for (name,) in rows(home.published_file, "SELECT session_id FROM marts.fct_web_sessions")}
    second_delivery(folder / "landing")
    run(folder)
    return Told(first, names, sessions(home), home, first_balance)


def plain(clock: str) -> datetime:
    """A time of that day as the warehouse gives it: UTC, without a zone."""
    return on(clock).replace(tzinfo=None)


BREAD = (plain("10:40:00"), plain("10:45:00"), 1, 2, "newsletter", "email", "bread-week", f"{SITE}/", True, True)
NIGHT = (plain("22:50:00"), plain("23:10:00"), 2, 2, None, None, None, f"{SITE}/", False, True)


def test_one_visit_is_the_same_whoever_tells_it(told: Told) -> None:
    spring = (plain("10:00:00"), plain("10:34:59"), 3, 3, "newsletter", "email", "spring", f"{SITE}/", False, True)
    assert told.first == {tracker: [spring, BREAD, NIGHT] for tracker in TRACKERS}


def test_what_comes_late_joins_its_session(told: Told) -> None:
    spring = (plain("09:45:00"), plain("10:34:59"), 5, 5, "newsletter", "email", "spring", f"{SITE}/rolls", False, True)
    assert told.second == {tracker: [spring, BREAD, NIGHT] for tracker in TRACKERS}
    # Where the first event came late the session has another name; the others keep theirs.
    names = {name for (name,) in rows(told.home.published_file, "SELECT session_id FROM marts.fct_web_sessions")}
    assert {name for name in told.names if name.startswith("own:")} == {
        "own:a1:made", "own:b1:made", "own:c1:made", "own:y1:made",
    }  # fmt: skip
    assert {name for name in names if name.startswith("own:")} == {
        "own:a0:made", "own:b1:made", "own:c1:made", "own:y1:made",
    }  # fmt: skip
    assert len(names - told.names) == len(told.names - names) == len(TRACKERS)


def test_robots_are_marked_by_the_tracker_or_by_what_they_call_themselves(told: Told) -> None:
    found = rows(told.home.published_file, "SELECT tracker, visitor_id FROM marts.fct_web_sessions WHERE is_bot")
    assert sorted(found) == [("own", "v9"), ("snow", "v9")]


def test_every_record_is_accounted_for(told: Told) -> None:
    # Seven of the story, its first four times more, three that cannot be, one torn; a robot. A torn batch is one line.
    assert {key: told.balance[key] for key in told.balance if key[1] == "web_events"} == {
        ("snow", "web_events"): (16, 8, 4, 4),
        ("snow_table", "web_events"): (7, 7, 0, 0),
        ("ga", "web_events"): (15, 7, 4, 4),
        ("ga_table", "web_events"): (7, 7, 0, 0),
        ("seg", "web_events"): (18, 10, 4, 4),
        ("own", "web_events"): (15, 8, 3, 4),
    }
    assert told.balance["seg", "customers"] == (1, 1, 0, 0)
    assert told.balance["seg", "consents"] == (4, 4, 0, 0)
    later = balance(told.home.published_file)
    assert later["snow", "web_events"] == (20, 10, 5, 5)
    assert later["ga", "web_events"] == (19, 9, 5, 5)
    assert later["seg", "web_events"] == (21, 12, 4, 5)


def test_what_is_wrong_is_kept_with_its_reason(told: Told) -> None:
    found = rows(
        told.home.published_file,
        "SELECT source, reasons FROM marts.quarantined_records WHERE source IN ('ga', 'own', 'seg') "
        "AND NOT contains(reasons, 'readable') ORDER BY 1, 2",
    )
    wrong_times = ["web_events_occurred_at_not_1970", "web_events_occurred_at_not_future"]
    assert found == [
        ("ga", "web_events_event_id_present, web_events_event_present"),
        *(("ga", reason) for reason in wrong_times),
        *((source, reason) for source in ("own", "seg") for reason in ["web_events_event_present", *wrong_times]),
    ]


def test_what_a_person_lets_the_site_do(told: Told) -> None:
    found = rows(
        told.home.published_file,
        "SELECT purpose, status FROM marts.customer_consents WHERE channel = 'web' ORDER BY purpose",
    )
    assert found == [("advertising", "granted"), ("analytics", "granted")]
