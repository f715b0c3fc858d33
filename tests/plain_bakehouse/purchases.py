"""What the demo company's customers buy: each at a rate of their own, until they stop coming.

Purchases follow the "buy till you die" view of repeat buying (Schmittlein, Morrison and Colombo 1987, Counting Your
Customers): a person buys at a rate drawn from a gamma distribution and drops out at a rate drawn from another.
Nothing is steered towards a goal of the scorecard.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

import sources.sample.vocabulary as words
from sources.sample.rhythm import DAY, TILL_HOURS, WEB_HOURS, Rhythm

#: Orders a year: gamma shape and mean, for private people and for businesses.
PRIVATE_RATE: Final = (0.24, 5.2)
BUSINESS_RATE: Final = (2.0, 34.0)
#: Drop-outs a year: gamma shape and mean.
DROP_OUT: Final = (1.1, 0.55)
WALK_INS_PER_CUSTOMER: Final = 4.4
SHOWS_CARD: Final = 0.88
PRICE_RISE: Final = 1.04
RETURN_LINES_FROM: Final = 90


@dataclass(frozen=True)
class Buying:
    """Orders and their lines, before any system writes them down.

    Attributes:
        orders: order (0, 1, …), person (row of the people, -1 = a walk-in), place (till, web, phone), at (local
            seconds), as_guest, second_account, shows_card, campaign (row of the campaigns, -1 = none), status
            (completed, cancelled, returned), store.
        lines: order, line (1, …), product (row of the products, -1 = deposit), quantity, price, discount, is_return.
    """

    orders: pl.DataFrame
    lines: pl.DataFrame


def draw_orders(rng: np.random.Generator, people: pl.DataFrame, rhythm: Rhythm) -> pl.DataFrame:
    """The orders of everyone whom shop or tills know, and of walk-ins.

    Columns as in `Buying.orders`, without `order`: see `in_order`.
    """
    count = people.height
    business = people["is_business"].to_numpy()
    rate = _gamma(rng, PRIVATE_RATE, count)
    rate = np.where(business, _gamma(rng, BUSINESS_RATE, count), rate)
    start = rhythm.busy_at(people["joined_day"].to_numpy())
    lifetime = rng.exponential(1.0, count) / np.maximum(_gamma(rng, DROP_OUT, count), 1e-3)
    stop = np.minimum(start + lifetime, rhythm.busy[-1])
    buys = (people["has_account"] | people["has_card"] | people["is_guest"]).to_numpy()
    repeats = np.where(buys, rng.poisson(rate * (stop - start)), 0)
    person = np.repeat(np.arange(count), repeats)
    busy = start[person] + rng.random(len(person)) * (stop - start)[person]
    first = np.flatnonzero(buys & ~people["is_known_at_start"].to_numpy())
    walk_ins = rng.random(int(count * WALK_INS_PER_CUSTOMER)) * rhythm.busy[-1]
    person = np.concatenate([first, person, np.full(len(walk_ins), -1)])
    day = rhythm.day_of(np.concatenate([start[first], busy, walk_ins]))
    return _placed(rng, people, rhythm, person, day)


def in_order(*orders: pl.DataFrame) -> pl.DataFrame:
    """The orders of all frames by time, numbered in the column `order`."""
    every = pl.concat(orders).sort("at", "person", maintain_order=True)
    return every.select(pl.int_range(pl.len()).alias("order"), pl.all())


def _placed(
    rng: np.random.Generator, people: pl.DataFrame, rhythm: Rhythm, person: np.ndarray, day: np.ndarray
) -> pl.DataFrame:
    """Where, when and how each order is made."""
    known, total = person >= 0, len(person)
    account = known & people["has_account"].to_numpy()[person]
    guest = known & people["is_guest"].to_numpy()[person]
    card = known & people["has_card"].to_numpy()[person]
    business = known & people["is_business"].to_numpy()[person]
    likes_web = rng.beta(1.4, 2.6, people.height)[person]
    # Who has an account but no card is seen at the till only as a walk-in, so these orders are all from the web.
    web = known & (~card | ((account | guest) & (rng.random(total) < likes_web)))
    by_phone = web & (rng.random(total) < np.where(business, 0.25, 0.03))
    at = np.where(web, rhythm.seconds(rng, day, WEB_HOURS), rhythm.seconds(rng, day, TILL_HOURS))
    home = people["home_store"].to_numpy()[person]
    anywhere = np.array(words.STORES, dtype=object)[rng.integers(0, len(words.STORES), total)]
    status = rng.choice(["completed", "cancelled", "returned"], total, p=[0.945, 0.03, 0.025])
    return pl.DataFrame(
        {
            "person": person,
            "place": np.where(by_phone, "phone", np.where(web, "web", "till")),
            "at": at,
            "as_guest": web & (~account | (rng.random(total) < 0.06)),
            "second_account": rng.random(total) < 0.4,
            "shows_card": card & (rng.random(total) < SHOWS_CARD),
            "campaign": np.full(total, -1),
            "status": np.where(web, status, np.where(rng.random(total) < 0.008, "returned", "completed")),
            "store": np.where(known & (rng.random(total) < 0.8), home, anywhere),
        }
    )


def orders_after_clicks(
    rng: np.random.Generator, clicks: pl.DataFrame, people: pl.DataFrame, rhythm: Rhythm, share: float = 0.10
) -> pl.DataFrame:
    """Web orders that a click in a newsletter led to, within the hour; columns as those of `draw_orders`.

    Args:
        rng: Source of chance.
        clicks: Human clicks: person, at (local seconds), campaign.
        people: The people.
        rhythm: The days that are covered.
        share: Share of clicks that end in an order.
    """
    chosen = clicks.filter(pl.Series(rng.random(clicks.height) < share))
    count = chosen.height
    at = np.minimum(chosen["at"].to_numpy() + rng.integers(240, 3_600, count), rhythm.last_second)
    account = people["has_account"].to_numpy()[chosen["person"].to_numpy()]
    return pl.DataFrame(
        {
            "person": chosen["person"],
            "place": ["web"] * count,
            "at": at,
            "as_guest": ~account,
            "second_account": np.zeros(count, dtype=bool),
            "shows_card": np.zeros(count, dtype=bool),
            "campaign": chosen["campaign"],
            "status": ["completed"] * count,
            "store": [words.STORES[0]] * count,
        },
        schema_overrides={"place": pl.String, "status": pl.String, "store": pl.String},
    )


def draw_lines(rng: np.random.Generator, orders: pl.DataFrame, people: pl.DataFrame, rhythm: Rhythm) -> pl.DataFrame:
    """The lines of the orders; columns as in `Buying.lines`, in the order of order and line."""
    person = orders["person"].to_numpy()
    till = (orders["place"] == "till").to_numpy()
    business = (person >= 0) & people["is_business"].to_numpy()[person]
    size = 1 + rng.poisson(np.where(till, 1.65, np.where(business, 3.2, 2.3)))
    order = np.repeat(np.arange(orders.height), size)
    line = np.arange(len(order)) - np.repeat(np.cumsum(size) - size, size) + 1
    product = _products(rng, till[order], person[order], people.height)
    price = np.array([item[3] for item in words.PRODUCTS])[product]
    at = orders["at"].to_numpy()[order]
    risen = at >= rhythm.first_second + rhythm.days // 2 * DAY
    price = np.round(price * np.where(risen, PRICE_RISE, 1.0), 2)
    # Cheap things are bought by the handful, dear ones one at a time; businesses buy for the office.
    extra = np.where(price < 1.5, 2.2, np.where(price < 8, 0.35, 0.05)) * np.where(business[order], 5.0, 1.0)
    quantity = 1 + rng.poisson(extra)
    discounted = np.where(
        till, orders["shows_card"].to_numpy() & (rng.random(len(till)) < 0.25), rng.random(len(till)) < 0.07
    )
    discounted |= (orders["campaign"] >= 0).to_numpy()
    percent = np.where(discounted, np.where(till, 5, 10), 0)
    discount = np.round(price * quantity * percent[order] / 100, 2)
    lines = pl.DataFrame(
        {
            "order": order,
            "line": line,
            "product": product,
            "quantity": quantity,
            "price": price,
            "discount": discount,
            "is_return": np.zeros(len(order), dtype=bool),
        }
    )
    return pl.concat([lines, _deposits(rng, size, till), _returns(orders, lines, till)]).sort("order", "line")


def _products(rng: np.random.Generator, till: np.ndarray, person: np.ndarray, people: int) -> np.ndarray:
    """A product per line: with chance one half one of the person's four favourites, else by popularity."""
    picks = []
    for column in (5, 6):
        weight = np.array([item[column] for item in words.PRODUCTS])
        favourites = rng.choice(len(weight), (people, 4), p=weight / weight.sum())
        popular = rng.choice(len(weight), len(till), p=weight / weight.sum())
        loyal = (person >= 0) & (rng.random(len(till)) < 0.5)
        picks.append(np.where(loyal, favourites[person, rng.integers(0, 4, len(till))], popular))
    return np.where(till, picks[0], picks[1])


def _deposits(rng: np.random.Generator, size: np.ndarray, till: np.ndarray) -> pl.DataFrame:
    """One line more for a deposit cup on some receipts."""
    order = np.flatnonzero(till & (rng.random(len(till)) < 0.04))
    count = len(order)
    return pl.DataFrame(
        {
            "order": order,
            "line": size[order] + 1,
            "product": np.full(count, -1),
            "quantity": np.ones(count, dtype=np.int64),
            "price": np.full(count, words.DEPOSIT[2]),
            "discount": np.zeros(count),
            "is_return": np.zeros(count, dtype=bool),
        }
    )


def _returns(orders: pl.DataFrame, lines: pl.DataFrame, till: np.ndarray) -> pl.DataFrame:
    """What comes back of a returned web order, as lines of their own with a negative quantity: its first line, or all.

    A return at the till is a receipt of its own, see `tests.plain_bakehouse.tills`.
    """
    returned = np.flatnonzero((orders["status"] == "returned").to_numpy() & ~till)
    everything = pl.Series(returned[::3])
    back = lines.filter(
        pl.col("order").is_in(pl.Series(returned).implode())
        & ((pl.col("line") == 1) | pl.col("order").is_in(everything.implode()))
    )
    return back.with_columns(
        line=pl.col("line") + RETURN_LINES_FROM,
        quantity=-pl.col("quantity"),
        discount=-pl.col("discount"),
        is_return=pl.lit(value=True),
    )


def _gamma(rng: np.random.Generator, shape_and_mean: tuple[float, float], count: int) -> np.ndarray:
    shape, mean = shape_and_mean
    return rng.gamma(shape, mean / shape, count)
