"""What is in the baskets: lines that add up to about what somebody means to spend."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

import sources.sample.vocabulary as words
from sources.sample.buying import ALL_BACK, PART_BACK, PHONE, TILL, WEB
from sources.sample.people import People
from sources.sample.rhythm import DAY, Rhythm

#: Lines beyond the first, on average: till, web, businesses.
MORE_LINES: Final = (2.0, 3.2, 4.5)
#: Nobody splits an order into lines worth less than this many euros on average.
SMALL_LINE: Final = 2.0
LIKES: Final = 0.55
PRICE_RISE: Final = 1.04
DEPOSIT: Final = -1
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def catalogue() -> tuple[np.ndarray, np.ndarray]:
    """Prices of the first year in cents, and costs of the second year in cents, by row of the product list."""
    price = np.array([item[3] for item in words.PRODUCTS])
    cost = price * PRICE_RISE * np.array([item[4] for item in words.PRODUCTS])
    return np.round(price * 100).astype(np.int64), np.round(cost * 100).astype(np.int64)


def prices_at(product: np.ndarray, risen: np.ndarray) -> np.ndarray:
    """Unit prices in cents; `risen`: after the rise of the second year."""
    base = catalogue()[0][product]
    return np.asarray(np.where(risen, np.round(base * PRICE_RISE), base), dtype=np.int64)


def draw_lines(rng: np.random.Generator, orders: pl.DataFrame, people: People, rhythm: Rhythm) -> pl.DataFrame:
    """The lines of all orders: order, line (1, …), product (row; -1: deposit), quantity, price, discount, back (cents).

    `back` is the quantity that comes back. Lines are in the order of order and line.
    """
    person, place = orders["person"].to_numpy(), orders["place"].to_numpy()
    business = (person >= 0) & people.column("is_business")[person]
    mean = np.select([place == TILL, business], [MORE_LINES[0], MORE_LINES[2]], MORE_LINES[1])
    # Overdispersed, as in every shop: most baskets are small, a few are large.
    size = 1 + rng.poisson(mean * rng.gamma(1.5, 1 / 1.5, orders.height))
    # Who spends little has few lines.
    size = np.minimum(size, np.maximum(orders["goods"].to_numpy() // SMALL_LINE, 1)).astype(np.int64)
    order = np.repeat(np.arange(orders.height, dtype=np.int32), size)
    start = np.repeat(np.cumsum(size) - size, size)
    share = rng.exponential(1.0, len(order)) + 0.25
    total = np.add.reduceat(share, np.cumsum(size) - size) if len(order) else share
    wanted = orders["goods"].to_numpy()[order] * share / np.repeat(total, size) * 100
    product = _products(rng, wanted, place[order] == TILL, person[order])
    risen = orders["at"].to_numpy()[order] >= rhythm.first_second + rhythm.days // 2 * DAY
    price = prices_at(product, risen)
    quantity = np.clip(np.rint(wanted / price), 1, 80).astype(np.int64)
    line = (np.arange(len(order)) - start + 1).astype(np.int16)
    percent = _percent(rng, orders)[order]
    status = orders["status"].to_numpy()[order]
    back = np.where((status == ALL_BACK) | ((status == PART_BACK) & (line == 1)), quantity, 0)
    # Half of a single line's pieces come back, so that a part is a part.
    alone = (status == PART_BACK) & (size[order] == 1)
    back = np.where(alone, quantity // 2, back)
    lines = pl.DataFrame(
        {
            "order": order,
            "line": line,
            "product": product.astype(np.int16),
            "quantity": quantity.astype(np.int16),
            "price": price.astype(np.int32),
            "discount": np.round(price * quantity * percent / 100).astype(np.int32),
            "back": back.astype(np.int16),
        }
    )
    cups = np.flatnonzero((place == TILL) & (rng.random(orders.height) < 0.04))
    deposit = pl.DataFrame(
        {
            "order": cups.astype(np.int32),
            "line": (size[cups] + 1).astype(np.int16),
            "product": np.full(len(cups), DEPOSIT, dtype=np.int16),
            "quantity": np.ones(len(cups), dtype=np.int16),
            "price": np.full(len(cups), round(words.DEPOSIT[2] * 100), dtype=np.int32),
            "discount": np.zeros(len(cups), dtype=np.int32),
            "back": np.zeros(len(cups), dtype=np.int16),
        }
    )
    return pl.concat([lines, deposit]).sort("order", "line", maintain_order=True)


def _percent(rng: np.random.Generator, orders: pl.DataFrame) -> np.ndarray:
    """Percent off: with a loyalty card sometimes 5, with a code 10."""
    chance = rng.random(orders.height)
    till = (orders["place"] == TILL).to_numpy()
    coupon = (orders["campaign"] >= 0).to_numpy() | (orders["place"].is_in([WEB, PHONE]).to_numpy() & (chance < 0.07))
    return np.where(till, np.where(orders["shows_card"].to_numpy() & (chance < 0.25), 5, 0), np.where(coupon, 10, 0))


def _products(rng: np.random.Generator, wanted: np.ndarray, till: np.ndarray, person: np.ndarray) -> np.ndarray:
    """A product per line, not dearer than about half as much again as the line is meant to cost.

    More than half the time it is one of the person's four favourites: the same chance again, so the same product.
    """
    price = catalogue()[0]
    by_price = np.argsort(price, kind="stable")
    slot = rng.integers(0, 4, len(wanted)).astype(np.uint64)
    likes = (person >= 0) & (rng.random(len(wanted)) < LIKES)
    chance = np.where(likes, _favourite(person, slot), rng.random(len(wanted)))
    out = np.zeros(len(wanted), dtype=np.int64)
    for at_till, column in ((True, 5), (False, 6)):
        rows = np.flatnonzero(till == at_till)
        weight = np.array([words.PRODUCTS[row][column] for row in by_price], dtype=float)
        upto = np.cumsum(weight)
        sold = int(np.flatnonzero(weight)[0]) + 1
        within = np.maximum(np.searchsorted(price[by_price], wanted[rows] * 1.5, side="right"), sold)
        out[rows] = by_price[
            np.searchsorted(upto, chance[rows] * upto[within - 1], side="right").clip(0, len(upto) - 1)
        ]
    return out


def _favourite(person: np.ndarray, slot: np.ndarray) -> np.ndarray:
    """A number in [0, 1) that belongs to a person and a slot."""
    mixed = (person.astype(np.int64).astype(np.uint64) * np.uint64(4) + slot + np.uint64(1)) * _GOLDEN
    mixed ^= mixed >> np.uint64(29)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(32)
    return np.asarray((mixed >> np.uint64(11)).astype(np.float64) / 2.0**53)
