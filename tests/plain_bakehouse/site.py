"""The web site's export: one event per row, a Parquet file a month, times in UTC."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

import sources.sample.vocabulary as words
from sources.sample.rhythm import WEB_HOURS, Rhythm, local_text, utc_text
from tests.plain_bakehouse.dataset import Breakage, Dataset, blank, hex_ids, instead
from tests.plain_bakehouse.purchases import Buying

#: Share of web orders whose visit the site has seen (the rest refused the cookie).
TRACKED: Final = 0.75
#: Visits without an order: for each customer with an account, for each customer by strangers, and by bots.
VISITS: Final = (3.0, 1.5, 0.3)


@dataclass(frozen=True)
class _Visits:
    """Visits of one kind; arrays of one length."""

    person: np.ndarray
    at: np.ndarray
    kind: str
    campaign: np.ndarray
    order_id: list[str | None]
    knows_from: np.ndarray  # event number from which the visitor is logged in; large = never
    size: np.ndarray


def site_datasets(
    rng: np.random.Generator,
    people: pl.DataFrame,
    buying: Buying,
    order_ids: pl.DataFrame,
    clicks: pl.DataFrame,
    campaigns: pl.DataFrame,
    rhythm: Rhythm,
) -> tuple[list[Dataset], pl.DataFrame]:
    """The events of the site, and who stands behind each visitor.

    Args:
        rng: Source of chance.
        people: The people.
        buying: Orders and lines.
        order_ids: order and order_id of the shop's orders.
        clicks: Human clicks in newsletters: person, at, campaign.
        campaigns: The campaigns.
        rhythm: The days that are covered.

    Returns:
        The dataset (key event_id) and a frame visitor_id, person_id with a row per visitor whose person is known.
    """
    visits = [
        _buying_visits(rng, people, buying, order_ids),
        _visits_after_clicks(rng, clicks),
        *_other_visits(rng, people, rhythm),
    ]
    events = pl.concat([_events(rng, visit, number) for number, visit in enumerate(visits)])
    events = events.filter(pl.col("at") <= rhythm.last_second).sort("at", "session", "number", maintain_order=True)
    return _dataset(rng, events, people, campaigns)


def _buying_visits(rng: np.random.Generator, people: pl.DataFrame, buying: Buying, order_ids: pl.DataFrame) -> _Visits:
    orders = buying.orders.filter(pl.col("place") == "web").join(order_ids, on="order", maintain_order="left")
    orders = orders.filter(pl.Series(rng.random(orders.height) < TRACKED))
    size = 3 + rng.poisson(2.2, orders.height)
    account = people["has_account"].to_numpy()[orders["person"].to_numpy()] & ~orders["as_guest"].to_numpy()
    return _Visits(
        person=orders["person"].to_numpy(),
        at=orders["at"].to_numpy(),
        kind="purchase",
        campaign=orders["campaign"].to_numpy(),
        order_id=orders["order_id"].to_list(),
        knows_from=np.where(account, np.where(rng.random(orders.height) < 0.4, 0, size - 2), 99),
        size=size,
    )


def _visits_after_clicks(rng: np.random.Generator, clicks: pl.DataFrame) -> _Visits:
    clicks = clicks.filter(pl.Series(rng.random(clicks.height) < 0.85))
    count = clicks.height
    return _Visits(
        person=clicks["person"].to_numpy(),
        at=clicks["at"].to_numpy(),
        kind="click",
        campaign=clicks["campaign"].to_numpy(),
        order_id=[None] * count,
        knows_from=np.full(count, 99),
        size=1 + rng.poisson(1.2, count),
    )


def _other_visits(rng: np.random.Generator, people: pl.DataFrame, rhythm: Rhythm) -> list[_Visits]:
    """Visits without an order: by people with an account, by strangers, by bots."""
    accounts = np.flatnonzero(people["has_account"].to_numpy())
    browsing = np.repeat(accounts, rng.poisson(VISITS[0] * rng.gamma(0.8, 1 / 0.8, len(accounts))))
    strangers = np.full(int(people.height * VISITS[1]), -1)
    bots = np.full(int(people.height * VISITS[2]), -2)
    visits = []
    for kind, person, pages in (("browse", browsing, 2.0), ("stranger", strangers, 1.3), ("bot", bots, 4.0)):
        count = len(person)
        since = np.where(person >= 0, people["joined_day"].to_numpy()[np.maximum(person, 0)], 0)
        first = rhythm.busy_at(since)
        day = rhythm.day_of(first + rng.random(count) * (rhythm.busy[-1] - first))
        logs_in = (kind == "browse") & (rng.random(count) < 0.35)
        visits.append(
            _Visits(
                person=person,
                at=rhythm.seconds(rng, day, WEB_HOURS),
                kind=kind,
                campaign=np.full(count, -1),
                order_id=[None] * count,
                knows_from=np.where(logs_in, 1, 99),
                size=1 + rng.poisson(pages, count),
            )
        )
    return visits


def _events(rng: np.random.Generator, visits: _Visits, kind_number: int) -> pl.DataFrame:
    """One row per event of the visits. A visit that buys ends with its order; the others start at their time."""
    count = len(visits.person)
    session = np.repeat(np.arange(count), visits.size)
    number = np.arange(len(session)) - np.repeat(np.cumsum(visits.size) - visits.size, visits.size)
    gap = np.clip(rng.exponential(45.0, len(session)), 2, 1_500).astype(np.int64)
    if visits.kind == "bot":
        gap = np.minimum(gap, 3)
    passed = np.cumsum(gap)
    starts = np.cumsum(visits.size) - visits.size
    since_start = passed - passed[starts][session] if count else passed
    last = since_start[starts + visits.size - 1] if count else passed
    buys = visits.kind == "purchase"
    begin = visits.at - last if buys else visits.at
    to_go = visits.size[session] - 1 - number
    event = np.where(buys & (to_go == 0), "purchase", np.where(buys & (to_go == 1), "add_to_cart", "page_view"))
    return pl.DataFrame(
        {
            "session": kind_number * 10_000_000 + session,
            "number": number,
            "person": visits.person[session],
            "kind": pl.Series([visits.kind] * len(session), dtype=pl.String),
            "at": begin[session] + since_start,
            "event": pl.Series(event, dtype=pl.String),
            "campaign": visits.campaign[session],
            "is_known": number >= visits.knows_from[session],
            "order_id": pl.Series(visits.order_id, dtype=pl.String)
            .gather(session)
            .zip_with(pl.Series(event == "purchase"), pl.Series([None] * len(session), dtype=pl.String)),
        }
    )


def _visitors(rng: np.random.Generator, events: pl.DataFrame, people: pl.DataFrame) -> np.ndarray:
    """The cookie of each event: people have one or two devices, strangers and bots a new cookie at each visit."""
    devices = np.array(hex_ids(rng, people.height * 2, "v"), dtype=object)
    sessions, row = np.unique(events["session"].to_numpy(), return_inverse=True)
    fresh = np.array(hex_ids(rng, len(sessions), "v"), dtype=object)[row]
    second = (rng.random(len(sessions)) < 0.3)[row]
    person = events["person"].to_numpy()
    return np.where(person >= 0, devices[np.maximum(person, 0) * 2 + second], fresh)


def _dataset(
    rng: np.random.Generator, events: pl.DataFrame, people: pl.DataFrame, campaigns: pl.DataFrame
) -> tuple[list[Dataset], pl.DataFrame]:
    count, person = events.height, events["person"].to_numpy()
    visitor = _visitors(rng, events, people)
    bot = (events["kind"] == "bot").to_numpy()
    origin = _origins(rng, events, campaigns)
    page = rng.integers(0, len(words.PAGES), count)
    path = np.array([path for path, _ in words.PAGES], dtype=object)[page]
    title = np.array([title for _, title in words.PAGES], dtype=object)[page]
    buys = (events["event"] == "purchase").to_numpy()
    cart = (events["event"] == "add_to_cart").to_numpy()
    path, title = (
        np.where(buys, "/checkout/thanks", np.where(cart, "/cart", path)),
        np.where(buys, "Thank you", title),
    )
    agents, bots = np.array(words.BROWSERS, dtype=object), np.array(words.BOTS, dtype=object)
    session = events["session"].to_numpy()
    agent = np.where(bot, bots[session % len(bots)], agents[person % len(agents)])
    account = people["account_id"].gather(np.maximum(person, 0))
    known = events["is_known"].to_numpy() & (person >= 0)
    user = account.zip_with(pl.Series(known), pl.Series([None] * count, dtype=pl.String))
    frame = pl.DataFrame(
        {
            "event_id": hex_ids(rng, count, "w"),
            "visitor_id": visitor,
            "user_id": user,
            "session_id": _session_ids(rng, session),
            "page_view_id": [
                None if other else name for name, other in zip(hex_ids(rng, count, "p"), buys, strict=True)
            ],
            "event": events["event"],
            "occurred_at": utc_text(events["at"]),
            "received_at": utc_text(events["at"].to_numpy() + rng.integers(0, 3, count)),
            "page_url": words.SITE + pl.Series(path, dtype=pl.String),
            "page_title": title,
            **origin,
            "user_agent": agent,
            "is_bot": np.where(bot, "true", "false"),
            "order_id": events["order_id"],
            "_file": "site/events-" + local_text(events["at"], "%Y-%m") + ".parquet",
            "_at": events["at"],
            "_ref": "account:" + user,
            "_person": np.where(known & account.is_not_null().to_numpy(), person, -1),
        },
        schema_overrides=dict.fromkeys(("visitor_id", "page_title", "user_agent", "page_view_id"), pl.String),
    )
    entity = "web_events"
    rules = (
        Breakage("web_events_event_id_present", entity, "event_id", blank, "id removed", 2),
        Breakage(
            "web_events_occurred_at_readable",
            entity,
            "occurred_at",
            instead("not set", "2025-06-31T25:61:00Z", "-"),
            "time made unreadable",
            2,
        ),
        Breakage(
            "web_events_visitor_present",
            entity,
            "visitor_id",
            blank,
            "visitor removed",
            2,
            among=pl.col("user_id").is_null(),  # an account would do as well
        ),
    )
    ids = people["person_id"].to_numpy()
    behind = pl.DataFrame({"visitor_id": visitor, "row": person}, schema_overrides={"visitor_id": pl.String})
    behind = behind.filter(pl.col("row") >= 0).unique().sort("visitor_id")
    behind = behind.select("visitor_id", person_id=pl.Series(ids[behind["row"].to_numpy()], dtype=pl.String))
    return [Dataset("site", "events", (entity,), {entity: "event_id"}, frame, rules, "parquet")], behind


def _session_ids(rng: np.random.Generator, session: np.ndarray) -> list[str]:
    sessions, row = np.unique(session, return_inverse=True)
    names = hex_ids(rng, len(sessions), "s")
    return [names[index] for index in row]


def _origins(rng: np.random.Generator, events: pl.DataFrame, campaigns: pl.DataFrame) -> dict[str, pl.Series]:
    """Where a visit came from; the referrer is the site itself after its first event."""
    sessions, row = np.unique(events["session"].to_numpy(), return_inverse=True)
    share = np.array([item[3] for item in words.ORIGINS], dtype=float)
    drawn = rng.choice(len(words.ORIGINS), len(sessions), p=share / share.sum())[row]
    campaign = events["campaign"].to_numpy()
    from_mail = campaign >= 0
    columns: dict[str, pl.Series] = {}
    origins = [*words.ORIGINS, (None, "newsletter", "email", 0)]
    drawn = np.where(from_mail, len(origins) - 1, drawn)
    for index, name in enumerate(("referrer", "utm_source", "utm_medium")):
        value = np.array([item[index] for item in origins], dtype=object)[drawn]
        columns[name] = pl.Series(name, value.tolist(), dtype=pl.String)
    first = pl.Series((events["number"] == 0).to_numpy())
    inside = pl.Series([f"{words.SITE}/"] * events.height, dtype=pl.String)
    columns["referrer"] = columns["referrer"].zip_with(first, inside)
    codes = np.array([*campaigns["campaign_id"], None], dtype=object)
    columns["utm_campaign"] = pl.Series("utm_campaign", codes[campaign].tolist(), dtype=pl.String)
    return columns
