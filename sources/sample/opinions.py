"""What people think of the service they had, and say when they are asked: after orders, calls and tickets, of products.

An opinion is a number around 0. One part of it is the person's own, one is what really happened to him, one is the
agent's or the product's; see docs/sample-company.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

import sources.sample.vocabulary as words
from sources.sample.buying import CANCELLED, TILL, buyers
from sources.sample.clock import NEVER
from sources.sample.rhythm import DAY
from sources.sample.world import World

NPS, CSAT, RATING = 0, 1, 2
ORDER, CALL, TICKET, PRODUCT = 0, 1, 2, 3
AGENTS: Final = 6
#: Shares that are asked and that answer, by what the question is about; answers without a name; under another address.
ASKED: Final = (0.40, 0.60, 0.65, 0.25)
ANSWERS: Final = (0.40, 0.35, 0.85, 0.40)
ANONYMOUS, OTHER_ADDRESS = 0.12, 0.03
#: What moves an opinion, in the unit of the scales below. Waiting counts by the minute, a reply by the day; what a
#: person, an agent and a product add, and chance, are normal with these standard deviations.
EFFECTS: Final = {
    "own_level": 0.8,
    "delivered_late": -1.2,
    "sent_back": -0.8,
    "ticket_open": -0.7,
    "minute_of_waiting": -0.12,
    "day_until_the_reply": -0.35,
    "agent": 0.4,
    "product": 0.4,
    "chance": 0.6,
}
MOST_MINUTES, MOST_DAYS = 15.0, 5.0
#: How much of a person's own level goes with the probability to leave after a purchase.
LEAVERS: Final = 0.5
#: Of each kind: the score of an opinion of 0, what an opinion of 1 adds, the lowest and the highest score.
SCALES: Final = ((7.9, 1.9, 0, 10), (4.0, 0.9, 1, 5), (4.1, 0.8, 1, 5))
#: Seconds from the event to the question, and from the question to the answer (lognormal).
ASKED_AFTER: Final = (7 * DAY, 600, 3_600, 9 * DAY)
ANSWER_SECONDS: Final = (9.2, 1.4)


@dataclass(frozen=True)
class Opinions:
    """What was answered.

    Attributes:
        answers: One row per answer, by time: person, kind, subject, order, call, ticket, product (row of each; -1:
            none), agent (-1: none), asked_at, responded_at (local seconds), named (False: anonymous), other_address,
            service (what happened adds to the opinion), quality (what agent or product add), expected (the score on
            average, before rounding), score.
        level: Each person's own level.
        agents: What each agent adds to opinions.
        products: What each product adds.
    """

    answers: pl.DataFrame
    level: np.ndarray
    agents: np.ndarray
    products: np.ndarray


def draw_opinions(rng: np.random.Generator, world: World, calls: pl.DataFrame, tickets: pl.DataFrame) -> Opinions:
    """Draw who is asked, who answers, and what."""
    level = _levels(rng, world)
    agents = rng.normal(0, EFFECTS["agent"], AGENTS)
    products = rng.normal(0, EFFECTS["product"], len(words.PRODUCTS))
    asked = pl.concat(
        [
            _after_orders(rng, world, ORDER),
            _after_calls(rng, calls),
            _after_tickets(rng, tickets),
            _after_orders(rng, world, PRODUCT),
        ]
    )
    waits = rng.lognormal(*ANSWER_SECONDS, asked.height).clip(60, 20 * DAY).astype(np.int64)
    asked = asked.with_columns(responded_at=pl.col("asked_at") + pl.Series(waits))
    asked = asked.filter(pl.col("responded_at") <= world.rhythm.last_second)
    asked = asked.sort("responded_at", "person", "subject", maintain_order=True)
    count, person = asked.height, asked["person"].to_numpy()
    service = _service(world, calls, tickets, asked)
    agent, product = asked["agent"].to_numpy(), asked["product"].to_numpy()
    quality = np.where(agent >= 0, agents[agent], 0) + np.where(product >= 0, products[product], 0)
    opinion = EFFECTS["own_level"] * level[person] + service + quality
    middle, step, least, most = np.array(SCALES)[asked["kind"].to_numpy()].reshape(-1, 4).T
    score = np.rint(middle + step * (opinion + rng.normal(0, EFFECTS["chance"], count))).clip(least, most)
    answers = asked.with_columns(
        named=pl.Series(rng.random(count) >= ANONYMOUS),
        other_address=pl.Series(rng.random(count) < OTHER_ADDRESS),
        service=pl.Series(service),
        quality=pl.Series(quality),
        expected=pl.Series(middle + step * opinion),
        score=pl.Series(score.astype(np.int8)),
    )
    return Opinions(answers, level, agents, products)


def _levels(rng: np.random.Generator, world: World) -> np.ndarray:
    """Standard normal over people; buyers who leave easily think less of us than those who stay."""
    own = rng.normal(0, 1, len(world.people))
    buys = np.flatnonzero(buyers(world.people))
    leaves = world.habits.drop_out[buys]
    rank = np.empty(len(buys))
    rank[np.argsort(leaves, kind="stable")] = (np.arange(len(buys)) + 0.5) / max(len(buys), 1)
    # The logistic curve, made as wide as the normal one: near enough, and it needs no tables.
    easily = np.log(rank / (1 - rank)) * np.sqrt(3) / np.pi
    own[buys] = np.sqrt(1 - LEAVERS**2) * own[buys] - LEAVERS * easily
    return own


def _asked(subject: int, kind: int, person: np.ndarray, at: np.ndarray, **about: np.ndarray) -> pl.DataFrame:
    none = np.full(len(person), -1)
    columns = {name: about.get(name, none).astype(np.int32) for name in ("order", "call", "ticket", "product", "agent")}
    return pl.DataFrame(
        {
            "person": person.astype(np.int32),
            "kind": np.full(len(person), kind, dtype=np.int8),
            "subject": np.full(len(person), subject, dtype=np.int8),
            **columns,
            "asked_at": at.astype(np.int64) + ASKED_AFTER[subject],
        }
    )


def _chosen(rng: np.random.Generator, subject: int, count: int) -> np.ndarray:
    """The rows that are asked and answer; the first one is always among them, so that no company is without."""
    chosen = rng.random(count) < ASKED[subject] * ANSWERS[subject]
    chosen[:1] = True
    return np.flatnonzero(chosen)


def _after_orders(rng: np.random.Generator, world: World, subject: int) -> pl.DataFrame:
    """Questions about web orders that were not cancelled, or about one product of each."""
    web = (pl.col("place") != TILL) & (pl.col("person") >= 0) & (pl.col("status") != CANCELLED)
    orders = world.orders.filter(web)
    orders = orders[_chosen(rng, subject, orders.height)]
    order, person, at = (orders[name].to_numpy() for name in ("order", "person", "at"))
    if subject == ORDER:
        return _asked(ORDER, NPS, person, at, order=order)
    lines = world.first_line[order + 1] - world.first_line[order]
    line = world.first_line[order] + (rng.random(len(order)) * lines).astype(np.int64)
    product = world.lines["product"].to_numpy()[line]
    sold = product >= 0
    return _asked(PRODUCT, RATING, person[sold], at[sold], order=order[sold], product=product[sold])


def _after_calls(rng: np.random.Generator, calls: pl.DataFrame) -> pl.DataFrame:
    spoke = ~calls["hung_up"].to_numpy() & ~calls["withheld"].to_numpy() & (calls["person"].to_numpy() >= 0)
    row = np.flatnonzero(spoke)
    row = row[_chosen(rng, CALL, len(row))]
    done = (calls["at"] + calls["waited"] + calls["talked"]).to_numpy()
    agent = rng.integers(0, AGENTS, len(row))
    return _asked(CALL, CSAT, calls["person"].to_numpy()[row], done[row], call=row, agent=agent)


def _after_tickets(rng: np.random.Generator, tickets: pl.DataFrame) -> pl.DataFrame:
    row = np.flatnonzero(tickets["solved_at"].to_numpy() < NEVER)
    row = row[_chosen(rng, TICKET, len(row))]
    person = tickets["person"].to_numpy()[row]
    return _asked(TICKET, CSAT, person, tickets["solved_at"].to_numpy()[row], ticket=row, agent=person % AGENTS)


def _service(world: World, calls: pl.DataFrame, tickets: pl.DataFrame, asked: pl.DataFrame) -> np.ndarray:
    """What happened to the person, as he knew it when he answered."""
    order, call, ticket = (asked[name].to_numpy() for name in ("order", "call", "ticket"))
    responded = asked["responded_at"].to_numpy()
    effect = np.zeros(asked.height)
    about = order >= 0
    effect += np.where(about, world.orders["delivered_late"].to_numpy()[order], 0) * EFFECTS["delivered_late"]
    changed = np.where(about, world.orders["changed_at"].to_numpy()[order], NEVER)
    effect += (changed <= responded) * EFFECTS["sent_back"]
    if calls.height:
        minutes = np.minimum(calls["waited"].to_numpy()[call] / 60, MOST_MINUTES)
        effect += np.where(call >= 0, minutes, 0) * EFFECTS["minute_of_waiting"]
    if tickets.height:
        days = (tickets["replied_at"].to_numpy() - tickets["at"].to_numpy())[ticket] / DAY
        effect += np.where(ticket >= 0, np.minimum(days, MOST_DAYS), 0) * EFFECTS["day_until_the_reply"]
    return effect + _has_open_ticket(tickets, asked) * EFFECTS["ticket_open"]


def _has_open_ticket(tickets: pl.DataFrame, asked: pl.DataFrame) -> np.ndarray:
    each = asked.select("person", "responded_at", _row=pl.int_range(pl.len()))
    pairs = each.join(tickets.select("person", "at", "solved_at"), on="person")
    waiting = pairs.filter((pl.col("at") < pl.col("responded_at")) & (pl.col("responded_at") < pl.col("solved_at")))
    open_ones = np.zeros(asked.height, dtype=bool)
    open_ones[waiting["_row"].to_numpy()] = True
    return open_ones
