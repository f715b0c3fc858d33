"""When people buy, and until when: BG/NBD, with what mails add to it and take from it.

A person buys at a rate of their own (gamma) and, after each purchase, is gone for good with a probability of their own
(beta): Fader, Hardie and Lee 2005, "Counting Your Customers" the Easy Way, Marketing Science 24(2). The parameters are
the ones published there for CDNOW, in weeks. Businesses buy more often and stay longer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from sources.sample.clock import NEVER
from sources.sample.people import People
from sources.sample.rhythm import DAY, TILL_HOURS, WEB_HOURS, Rhythm

#: r and alpha (purchases a week), a and b (drop-out after a purchase).
BGNBD: Final = (0.243, 4.414, 0.793, 2.426)
BUSINESS: Final = (2.0, 8.7, 0.793, 7.0)
WEEKS_A_YEAR: Final = 365.25 / 7
#: p, q and v of the gamma-gamma model of order values (Fader and Hardie 2013, note 025) for CDNOW; in euros here.
GAMMA_GAMMA: Final = (6.25, 3.74, 15.44)
BUSINESS_VALUE: Final = 2.2
#: Anonymous receipts for each customer, and their value against a customer's.
WALK_INS: Final = 0.80
WALK_IN_VALUE: Final = 0.45
SHOWS_CARD: Final = 0.90
TILL, WEB, PHONE = 0, 1, 2
COMPLETED, CANCELLED, PART_BACK, ALL_BACK = 0, 1, 2, 3


@dataclass(frozen=True)
class Habits:
    """Each person's own parameters, and what came of them.

    Attributes:
        rate: Purchases a week while active.
        drop_out: Probability of leaving after a purchase.
        value: Mean value of an order, euros.
        gone_at: When the person left (local seconds); NEVER: still there at the end.
        likes_web: Share of orders from the web shop, where the person has the choice.
    """

    rate: np.ndarray
    drop_out: np.ndarray
    value: np.ndarray
    gone_at: np.ndarray
    likes_web: np.ndarray


def draw_habits(rng: np.random.Generator, people: People) -> Habits:
    """Draw the parameters; `gone_at` is filled by `draw_purchases`."""
    count, business = len(people), people.column("is_business")
    rate = np.where(business, rng.gamma(BUSINESS[0], 1 / BUSINESS[1], count), rng.gamma(BGNBD[0], 1 / BGNBD[1], count))
    leaves = np.where(business, rng.beta(BUSINESS[2], BUSINESS[3], count), rng.beta(BGNBD[2], BGNBD[3], count))
    p, q, v = GAMMA_GAMMA
    value = p / (rng.gamma(q, 1 / v, count)) * np.where(business, BUSINESS_VALUE, 1.0)
    likes_web = rng.beta(1.4, 2.6, count)
    return Habits(rate, leaves, value, np.full(count, NEVER, dtype=np.int64), likes_web)


def buyers(people: People) -> np.ndarray:
    """Who buys at all: everybody whom shop or tills know, or who orders as a guest."""
    return np.asarray(people.column("has_account") | people.column("has_card") | people.column("is_guest"))


def draw_purchases(rng: np.random.Generator, people: People, habits: Habits, rhythm: Rhythm) -> pl.DataFrame:
    """Everybody's purchases in the window of their own accord: person, day. Sets `gone_at` of those who leave."""
    count, joined, end = len(people), people.column("joined"), rhythm.busy[-1]
    buys = buyers(people)
    arrivals = np.where(buys, rng.poisson(habits.rate * WEEKS_A_YEAR * (end - joined)), 0)
    person = np.repeat(np.arange(count), arrivals)
    at = joined[person] + rng.random(len(person)) * (end - joined)[person]
    order = np.lexsort((at, person))
    at = at[order]
    number = np.arange(len(person)) - np.repeat(np.cumsum(arrivals) - arrivals, arrivals)
    # The first purchase is the one somebody joins with; after each later one some leave.
    last = rng.geometric(np.maximum(habits.drop_out, 1e-9))
    kept = number < last[person]
    final = kept & (number == last[person] - 1)
    at_day = rhythm.day_of(np.maximum(at, 0.0))
    gone = rhythm.first_second + np.where(at < 0, (at * 365.25).astype(np.int64), at_day) * DAY + DAY - 1
    habits.gone_at[person[final]] = gone[final]
    here = kept & (at >= 0)
    first = np.flatnonzero(buys & (joined >= 0))
    everyone = np.concatenate([first, person[here]])
    day = np.concatenate([rhythm.day_of(joined[first]), at_day[here]])
    return pl.DataFrame({"person": everyone, "day": day}, schema={"person": pl.Int32, "day": pl.Int32})


def draw_walk_ins(rng: np.random.Generator, count: int, rhythm: Rhythm) -> pl.DataFrame:
    """Receipts of people whom nobody knows: person -1, day."""
    size = round(count * WALK_INS)
    day = rhythm.day_of(rng.random(size) * rhythm.busy[-1])
    return pl.DataFrame({"person": np.full(size, -1), "day": day}, schema={"person": pl.Int32, "day": pl.Int32})


def place_orders(
    rng: np.random.Generator, purchases: pl.DataFrame, people: People, habits: Habits, rhythm: Rhythm, stores: int
) -> pl.DataFrame:
    """Where, when and how each purchase is made.

    Columns: person, at (local seconds), place, store, as_guest, second (the second account or card), shows_card,
    campaign (-1), status, goods (what the person means to spend, euros).
    """
    person, day = purchases["person"].to_numpy(), purchases["day"].to_numpy()
    total, known = len(person), purchases["person"].to_numpy() >= 0
    account, card, guest, business = (
        known & people.column(name)[person] for name in ("has_account", "has_card", "is_guest", "is_business")
    )
    online = account | guest
    web = known & online & (~card | (rng.random(total) < habits.likes_web[person]))
    place = np.where(web, np.where(rng.random(total) < np.where(business, 0.12, 0.02), PHONE, WEB), TILL)
    at = np.where(web, rhythm.seconds(rng, day, WEB_HOURS), rhythm.seconds(rng, day, TILL_HOURS))
    elsewhere = rng.integers(0, stores, total)
    second = np.where(web, people.column("second_account")[person], people.column("second_card")[person])
    value = np.where(known, habits.value[person], habits.value[rng.integers(0, len(people), total)] * WALK_IN_VALUE)
    p = GAMMA_GAMMA[0]
    back = rng.random(total)
    status = np.where(
        web,
        np.select([back < 0.03, back < 0.07, back < 0.09], [CANCELLED, PART_BACK, ALL_BACK], COMPLETED),
        np.where(back < 0.008, ALL_BACK, COMPLETED),
    )
    return pl.DataFrame(
        {
            "person": person,
            "at": at,
            "place": place.astype(np.int8),
            "store": np.where(known & (rng.random(total) < 0.8), people.column("home_store")[person], elsewhere).astype(
                np.int8
            ),
            "as_guest": web & (~account | (rng.random(total) < 0.06)),
            "second": known & second & (rng.random(total) < 0.4),
            "shows_card": card & (rng.random(total) < SHOWS_CARD),
            "campaign": np.full(total, -1, dtype=np.int16),
            "status": status.astype(np.int8),
            "goods": rng.gamma(p, 1.0, total) * value / p,
        }
    )


def in_order(*orders: pl.DataFrame) -> pl.DataFrame:
    """The orders of all frames by time, numbered in the column `order`."""
    every = pl.concat(orders).sort("at", "person", "goods", maintain_order=True)
    return every.select(pl.int_range(pl.len()).alias("order"), pl.all())
