"""Visits to the site and to the app: who, when, why, from which device, and what they did there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from sources.sample.buying import WEB
from sources.sample.rhythm import DAY, WEB_HOURS, Rhythm
from sources.sample.world import World

PURCHASE, CLICKED, BROWSE, STRANGER, BOT = range(5)
VISIT_KINDS: Final = ("purchase", "mail_click", "browse", "stranger", "bot")
PAGE_VIEW, PAGE_PING, ADD_TO_CART, TRANSACTION = range(4)
#: Share of web orders, and of clicks in mails, whose visit the site sees: the others refused the cookie.
TRACKED, TRACKED_CLICKS = 0.72, 0.80
#: Visits without an order: by each person with an account (gamma), by strangers and by bots for each customer.
BROWSES, STRANGERS, BOTS = 1.9, 0.75, 0.10
#: Page views of a visit: one for 44 %; beyond that a geometric number. Snowplow's sample: 8 of 18 visits, mean 2.4.
ONE_PAGE: Final = 0.44
MORE_PAGES: Final = 0.40
BOT_PAGES: Final = 0.18
PINGS: Final = 0.16
#: Cookies live for some months (browsers' limits, people's tidiness), and come anew.
COOKIE_DAYS: Final = (4.4, 0.9)
SECOND_DEVICE: Final = 0.28
COMES_BACK: Final = 0.3


@dataclass(frozen=True)
class Visits:
    """The visits to the site and their events.

    Attributes:
        visits: One row per visit: person (-1 a stranger, -2 a bot), kind (place in VISIT_KINDS), campaign (-1), order
            (-1), at (first event, local seconds), cookie (number), place (of this visit among the cookie's, from 1),
            origin, agent, known_from (event from which the visitor is logged in; 99: never); by time.
        events: One row per event: visit (row), number (in the visit), what (PAGE_VIEW, …), at; in the order of visits.
    """

    visits: pl.DataFrame
    events: pl.DataFrame


def draw_visits(
    rng: np.random.Generator, world: World, clicks: pl.DataFrame, origins: int, agents: int, bots: int
) -> Visits:
    """Draw all visits.

    Args:
        rng: Source of chance.
        world: What happened.
        clicks: Clicks of people in campaigns' mails: person, campaign, at.
        origins: How many origins there are to choose from; the first is none.
        agents: How many browsers.
        bots: How many bots.
    """
    visits = pl.concat([_purchases(rng, world), _clicks(rng, clicks), *_others(rng, world)])
    count = visits.height
    person, kind = visits["person"].to_numpy(), visits["kind"].to_numpy()
    pages = np.where(rng.random(count) < ONE_PAGE, 1, 1 + rng.geometric(MORE_PAGES, count))
    pages = np.where(kind == BOT, rng.geometric(BOT_PAGES, count), pages)
    pages = np.where(kind == PURCHASE, np.maximum(pages, 2), pages)
    events, length = _events(rng, pages, kind)
    # A visit that buys ends with its order; the others begin at their time.
    at = visits["at"].to_numpy() - np.where(kind == PURCHASE, length, 0)
    events = events.with_columns(at=pl.Series(at)[events["visit"].to_numpy()] + events["since"]).drop("since")
    origin = np.where((kind == BROWSE) | (kind == STRANGER) | (kind == PURCHASE), _origin(rng, count, origins), 0)
    visits = visits.with_columns(
        at=pl.Series(at),
        cookie=pl.Series(_cookies(rng, person, at, len(world.people), world.rhythm)),
        origin=pl.Series(origin.astype(np.int8)),
        agent=pl.Series(
            np.where(
                kind == BOT, rng.integers(0, bots, count), (person * 7 + rng.integers(0, 2, count)) % agents
            ).astype(np.int8)
        ),
        known_from=pl.Series(_known_from(rng, kind, pages, world, person).astype(np.int16)),
        row=pl.int_range(pl.len()),
    ).sort("at", "person", "row", maintain_order=True)
    old = np.empty(count, dtype=np.int64)
    old[visits["row"].to_numpy()] = np.arange(count)
    events = events.with_columns(visit=pl.Series(old[events["visit"].to_numpy()].astype(np.int32)))
    events = events.filter(pl.col("at") <= world.rhythm.last_second).sort("visit", "number", maintain_order=True)
    return Visits(visits.drop("row").with_columns(place=pl.Series(_place(visits["cookie"].to_numpy()))), events)


def _visits(
    person: np.ndarray, kind: int, at: np.ndarray, campaign: np.ndarray | None = None, order: np.ndarray | None = None
) -> pl.DataFrame:
    none = np.full(len(person), -1)
    return pl.DataFrame(
        {
            "person": person.astype(np.int32),
            "kind": np.full(len(person), kind, dtype=np.int8),
            "at": at.astype(np.int64),
            "campaign": (none if campaign is None else campaign).astype(np.int16),
            "order": (none if order is None else order).astype(np.int32),
        }
    )


def _purchases(rng: np.random.Generator, world: World) -> pl.DataFrame:
    orders = world.orders.filter(pl.col("place") == WEB)
    orders = orders.filter(pl.Series(rng.random(orders.height) < TRACKED))
    person, at, campaign, order = (orders[name].to_numpy() for name in ("person", "at", "campaign", "order"))
    return _visits(person, PURCHASE, at, campaign, order)


def _clicks(rng: np.random.Generator, clicks: pl.DataFrame) -> pl.DataFrame:
    clicks = clicks.filter(pl.Series(rng.random(clicks.height) < TRACKED_CLICKS))
    return _visits(clicks["person"].to_numpy(), CLICKED, clicks["at"].to_numpy() + 2, clicks["campaign"].to_numpy())


def _others(rng: np.random.Generator, world: World) -> list[pl.DataFrame]:
    people, rhythm = world.people, world.rhythm
    accounts = np.flatnonzero(people.column("has_account"))
    browsing = np.repeat(accounts, rng.poisson(BROWSES * rng.gamma(0.8, 1 / 0.8, len(accounts))))
    found = []
    for kind, person in (
        (BROWSE, browsing),
        (STRANGER, np.full(round(len(people) * STRANGERS), -1)),
        (BOT, np.full(round(len(people) * BOTS) + 1, -2)),
    ):
        since = np.maximum(np.where(person >= 0, people.column("joined")[person], 0.0), 0.0)
        until = rhythm.busy[-1]
        # Who has left the company looks in rarely: interest ends some weeks after the last purchase.
        day = rhythm.day_of(since + rng.random(len(person)) * (until - since))
        gone = (world.habits.gone_at[person] - rhythm.first_second) // DAY + 30
        stale = (person >= 0) & (day > gone) & (rng.random(len(person)) < 0.7)
        found.append(_visits(person[~stale], kind, rhythm.seconds(rng, day[~stale], WEB_HOURS)))
    return found


def _events(rng: np.random.Generator, pages: np.ndarray, kind: np.ndarray) -> tuple[pl.DataFrame, np.ndarray]:
    """The events of each visit with seconds since its start, and how long each visit lasts."""
    count = len(pages)
    extra = np.where(kind == PURCHASE, 2, 0)
    size = pages + extra
    visit = np.repeat(np.arange(count, dtype=np.int32), size)
    start = np.cumsum(size) - size
    number = np.arange(len(visit)) - np.repeat(start, size)
    gap = np.clip(rng.lognormal(3.4, 1.0, len(visit)), 2, 1_500)
    gap = np.where(kind[visit] == BOT, np.minimum(gap / 30, 3), gap)
    gap[start] = 0
    # One long visit in two hundred: lunch between two pages.
    long = (rng.random(len(visit)) < 0.002) & (number > 0) & (kind[visit] == BROWSE)
    gap = np.where(long, gap + rng.integers(1_200, 3_000, len(visit)), gap)
    passed = np.cumsum(gap)
    since = np.round(passed - np.repeat(passed[start] if count else passed, size)).astype(np.int64)
    left = size[visit] - 1 - number
    what = np.where((kind[visit] == PURCHASE) & (left == 0), TRANSACTION, PAGE_VIEW)
    what = np.where((kind[visit] == PURCHASE) & (left == 1), ADD_TO_CART, what)
    events = pl.DataFrame(
        {"visit": visit, "number": number.astype(np.int16), "what": what.astype(np.int8), "since": since}
    )
    last = start + size - 1
    length = since[last] if count else since
    # A heartbeat on some pages, ten seconds in.
    pings = np.flatnonzero((what == PAGE_VIEW) & (kind[visit] != BOT) & (rng.random(len(visit)) < PINGS))
    beats = events[pings].with_columns(what=pl.lit(PAGE_PING, dtype=pl.Int8), since=pl.col("since") + 10)
    return pl.concat([events, beats]), length


def _origin(rng: np.random.Generator, count: int, origins: int) -> np.ndarray:
    shares = np.array([38, 27, 12, 8, 7, 5, 3], dtype=float)[:origins]
    return np.searchsorted(np.cumsum(shares / shares.sum()), rng.random(count), side="right").clip(0, origins - 1)


def _cookies(rng: np.random.Generator, person: np.ndarray, at: np.ndarray, people: int, rhythm: Rhythm) -> np.ndarray:
    """The number of each visit's cookie: by person, device and generation; strangers and bots have others."""
    lives = rng.lognormal(*COOKIE_DAYS, people) * DAY
    shift = rng.random(people)
    second = rng.random(len(person)) < SECOND_DEVICE
    age = (at - rhythm.first_second) / lives[person] + shift[person]
    generation = np.clip(age, 0, 500).astype(np.int64)
    own = (person.astype(np.int64) + 1) * 1024 + second * 512 + generation
    fresh = (people + 1 + np.arange(len(person))) * 1024
    back = (rng.random(len(person)) < COMES_BACK) & (person == -1)
    # Some strangers return: they share the number of another visit.
    fresh = np.where(back, (people + 1 + (np.arange(len(person)) // 4) * 4) * 1024, fresh)
    return np.where(person >= 0, own, fresh)


def _known_from(
    rng: np.random.Generator, kind: np.ndarray, pages: np.ndarray, world: World, person: np.ndarray
) -> np.ndarray:
    """The event from which the visitor is logged in: at the purchase, or from the second page; 99: never."""
    account = (person >= 0) & world.people.column("has_account")[person]
    draw = rng.random(len(kind))
    return np.where(
        account & (kind == PURCHASE),
        np.where(draw < 0.35, 0, pages),
        np.where(account & (kind == BROWSE) & (draw < 0.33), 1, 99),
    )


def _place(cookie: np.ndarray) -> np.ndarray:
    """The place of each visit (they are in order of time) among those of its cookie, from 1."""
    order = np.argsort(cookie, kind="stable")
    sorted_ = cookie[order]
    first = np.concatenate([[True], sorted_[1:] != sorted_[:-1]]) if len(cookie) else np.zeros(0, dtype=bool)
    begin = np.maximum.accumulate(np.where(first, np.arange(len(cookie)), 0))
    place = np.empty(len(cookie), dtype=np.int32)
    place[order] = np.arange(len(cookie)) - begin + 1
    return place
