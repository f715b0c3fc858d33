"""Everything that happens at the company, before any system writes it down."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

import sources.sample.vocabulary as words
from sources.sample import baskets, buying, campaigns
from sources.sample.clock import NEVER
from sources.sample.people import People, draw_people
from sources.sample.records import email_at
from sources.sample.rhythm import DAY, Rhythm

#: Shipping is free from this many cents on.
FREE_SHIPPING, SHIPPING = 3_900, 490
VAT = 0.07
#: The store in Basel takes Swiss francs.
FOREIGN_STORES = {7: "CHF"}
LATE_DELIVERY = 0.05


@dataclass(frozen=True)
class Accounts:
    """The web shop's accounts, in the order of their numbers.

    Attributes:
        frame: person, slot (0: first, 1: second account), created_at (local seconds), email (at creation).
        of_person: Row of the frame by person and slot; -1 where there is none. Shape (people, 2).
    """

    frame: pl.DataFrame
    of_person: np.ndarray


@dataclass(frozen=True)
class World:
    """What happens.

    Attributes:
        people: Everybody.
        habits: Their parameters.
        rhythm: The days covered.
        campaigns: One row per campaign.
        effects: One row per campaign and person of its audience.
        orders: One row per order (see `buying.place_orders`), with order, lines; gross, discount, back, shipping
            (cents); account (row of the accounts, -1: none), email_kind (0: address of the time, 1: second address),
            changed_at (cancelled or sent back; NEVER: not), delivered_late.
        lines: One row per order line.
        first_line: Row of each order's first line, one entry more than there are orders.
        accounts: The web shop's accounts.
    """

    people: People
    habits: buying.Habits
    rhythm: Rhythm
    campaigns: pl.DataFrame
    effects: pl.DataFrame
    orders: pl.DataFrame
    lines: pl.DataFrame
    first_line: np.ndarray
    accounts: Accounts


def draw_world(seed: int, customers: int, rhythm: Rhythm) -> World:
    """Draw people, purchases, campaigns and orders; each part has chance of its own."""
    rng = [np.random.default_rng([seed, part]) for part in range(8)]
    stores = len(words.STORES)
    people = draw_people(rng[0], customers, rhythm, seed, stores)
    habits = buying.draw_habits(rng[1], people)
    purchases = buying.draw_purchases(rng[2], people, habits, rhythm)
    sent = campaigns.draw_campaigns(rhythm)
    effects = campaigns.draw_effects(rng[3], people, habits, purchases, sent, rhythm)
    own = campaigns.without_suppressed(purchases, effects, sent, rhythm)
    walk_ins = buying.draw_walk_ins(rng[4], customers, rhythm)
    caused = campaigns.mails_caused(rng[3], effects, rhythm)
    by_mail = buying.place_orders(rng[5], caused.select("person", "day"), people, habits, rhythm, stores)
    by_mail = by_mail.with_columns(
        at=caused["at"].cast(pl.Int64),
        place=pl.lit(buying.WEB, dtype=pl.Int8),
        status=pl.lit(buying.COMPLETED, dtype=pl.Int8),
        campaign=caused["campaign"],
        as_guest=pl.Series(~people.column("has_account")[caused["person"].to_numpy()]),
        shows_card=pl.lit(value=False),
        second=pl.lit(value=False),
    )
    every = pl.concat([own, walk_ins])
    orders = buying.in_order(buying.place_orders(rng[5], every, people, habits, rhythm, stores), by_mail)
    lines = baskets.draw_lines(rng[6], orders, people, rhythm)
    accounts = _accounts(people, rhythm, orders)
    orders = _amounts(rng[7], orders, lines, people, accounts)
    first_line = np.searchsorted(lines["order"].to_numpy(), np.arange(orders.height + 1))
    return World(people, habits, rhythm, sent, effects, orders, lines, first_line, accounts)


def _accounts(people: People, rhythm: Rhythm, orders: pl.DataFrame) -> Accounts:
    first = np.flatnonzero(people.column("has_account"))
    second = np.flatnonzero(people.column("second_account"))
    # Nobody orders before the account is there: it is opened with the first order at the latest.
    known = orders.filter(pl.col("person") >= 0)
    buyer, place = np.unique(known["person"].to_numpy(), return_index=True)
    joined = people.column("joined_at").copy()
    joined[buyer] = np.minimum(joined[buyer], known["at"].to_numpy()[place] + 300)
    later = np.minimum(joined[second] + 40 * DAY + (second % 300) * DAY, rhythm.last_second)
    frame = pl.DataFrame(
        {
            "person": np.concatenate([first, second]).astype(np.int32),
            "slot": np.concatenate([np.zeros(len(first)), np.ones(len(second))]).astype(np.int8),
            "created_at": np.concatenate([joined[first] - 600, later]),
        }
    ).sort("created_at", "person", "slot")
    of_person = np.full((len(people), 2), -1, dtype=np.int32)
    of_person[frame["person"].to_numpy(), frame["slot"].to_numpy()] = np.arange(frame.height)
    return Accounts(frame, of_person)


def _amounts(
    rng: np.random.Generator, orders: pl.DataFrame, lines: pl.DataFrame, people: People, accounts: Accounts
) -> pl.DataFrame:
    """The orders with their sums, account, address and what happened to them afterwards."""
    order, count = lines["order"].to_numpy(), orders.height
    amount = lines["price"].to_numpy().astype(np.int64) * lines["quantity"].to_numpy()
    back = lines["back"].to_numpy().astype(np.int64)
    quantity = np.maximum(lines["quantity"].to_numpy(), 1)
    returned = np.round((amount - lines["discount"].to_numpy()) * back / quantity).astype(np.int64)
    gross, discount, refund = (
        np.bincount(order, weights=values, minlength=count).astype(np.int64)
        for values in (amount, lines["discount"].to_numpy(), returned)
    )
    web = (orders["place"] != buying.TILL).to_numpy()
    person, guest = orders["person"].to_numpy(), orders["as_guest"].to_numpy()
    at = orders["at"].to_numpy()
    second = orders["second"].to_numpy() & web
    slot = second.astype(np.int8)
    account = np.where(web & ~guest & (person >= 0), accounts.of_person[person, slot], -1)
    # A second account that was opened only later could not be used yet.
    early = (account >= 0) & (accounts.frame["created_at"].to_numpy()[account] > at)
    account = np.where(early, accounts.of_person[person, 0], account)
    slot = np.where(early, 0, slot)
    holds = (person >= 0) & people.column("has_account")[person]
    status = orders["status"].to_numpy()
    later = at + (DAY * rng.gamma(2.0, 2.5, count)).astype(np.int64)
    changed = np.where(
        web & (status == buying.CANCELLED),
        at + 3600,
        np.where(web & (status > buying.CANCELLED), later, NEVER),
    )
    return orders.with_columns(
        lines=pl.Series(np.bincount(order, minlength=count), dtype=pl.Int16),
        gross=gross,
        discount=discount,
        back=refund,
        shipping=np.where(web, np.where(gross - discount >= FREE_SHIPPING, 0, SHIPPING), 0),
        account=pl.Series(account, dtype=pl.Int32),
        email_kind=pl.Series(np.where((slot == 1) | (guest & holds), 1, 0), dtype=pl.Int8),
        changed_at=changed,
        delivered_late=web & (status == buying.COMPLETED) & (rng.random(count) < LATE_DELIVERY),
    )


def order_email(world: World, rows: np.ndarray) -> pl.Series:
    """The address given with the orders (rows of the orders of known people)."""
    person, at = world.orders["person"].to_numpy()[rows], world.orders["at"].to_numpy()[rows]
    second = world.orders["email_kind"].to_numpy()[rows] == 1
    usual, other = email_at(world.people, person, at), world.people.email_2.gather(person)
    return (
        pl.DataFrame({"a": usual, "b": other, "s": second})
        .select(email=pl.when("s").then("b").otherwise("a"))
        .to_series()
    )
