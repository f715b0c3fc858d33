"""Calls and requests to the service desk: after late deliveries, after returns, and for no such reason."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from sources.sample.clock import NEVER
from sources.sample.rhythm import CALL_HOURS, DAY
from sources.sample.world import World

#: Share of late deliveries that bring a call, of returns that bring a ticket.
CALLS_WHEN_LATE, WRITES_WHEN_BACK = 0.35, 0.40
#: Calls a year of somebody who calls: people, businesses. Tickets in two years, of anybody whom a system knows.
CALLS_A_YEAR: Final = (1.1, 5.0)
TICKETS: Final = 0.03
WITHHELD: Final = 0.12
#: Seconds in the queue and with an agent: lognormal; the shares that wait at all and that hang up. All four are
#: those of a bank's calls in February 1999 (see docs/sample-company.md).
WAITS: Final = 0.515
WAIT_SECONDS: Final = (3.70, 1.11)
TALK_SECONDS: Final = (4.56, 1.20)
HANGS_UP: Final = 0.168
REASONS: Final = ("order", "delivery", "opening hours", "complaint", "loyalty card", "catering")
REASON_SHARES: Final = (0.30, 0.22, 0.16, 0.12, 0.11, 0.09)
SUBJECTS: Final = (
    "Order arrived broken",
    "Where is my parcel?",
    "Invoice with another address",
    "Question about ingredients",
    "Change of my address",
    "Points are missing on my card",
)


def draw_calls(rng: np.random.Generator, world: World) -> pl.DataFrame:
    """One row per call: person, at, order (-1), outbound, waited, talked (seconds), hung_up, withheld, reason."""
    people, rhythm = world.people, world.rhythm
    callers = np.flatnonzero(people.column("calls"))
    yearly = np.where(people.column("is_business")[callers], CALLS_A_YEAR[1], CALLS_A_YEAR[0])
    start = np.maximum(people.column("joined")[callers], 0)
    size = rng.poisson(yearly * rng.gamma(1.2, 1 / 1.2, len(callers)) * (rhythm.busy[-1] - start))
    size[0] = max(size[0], 2)
    person = np.repeat(callers, size)
    since = np.repeat(start, size)
    day = rhythm.day_of(since + rng.random(len(person)) * (rhythm.busy[-1] - since))
    at = rhythm.seconds(rng, day, CALL_HOURS)
    late = world.orders.filter("delivered_late")
    late = late.filter(pl.Series(rng.random(late.height) < CALLS_WHEN_LATE))
    late_at = late["at"].to_numpy() + rng.integers(2 * DAY, 5 * DAY, late.height)
    none = np.full(len(person), -1)
    calls = pl.DataFrame(
        {
            "person": np.concatenate([person, late["person"].to_numpy()]).astype(np.int32),
            "at": np.concatenate([at, late_at]),
            "order": np.concatenate([none, late["order"].to_numpy()]).astype(np.int32),
        }
    )
    calls = calls.filter(pl.col("at") <= rhythm.last_second).sort("at", "person", maintain_order=True)
    count = calls.height
    waited = np.where(rng.random(count) < WAITS, rng.lognormal(*WAIT_SECONDS, count), 0).clip(0, 3_600)
    hung_up = (waited > 0) & (rng.random(count) < HANGS_UP / WAITS)
    outbound = rng.random(count) < 0.08
    talked = np.where(hung_up & ~outbound, 0, rng.lognormal(*TALK_SECONDS, count).clip(4, 5_400))
    return calls.with_columns(
        outbound=pl.Series(outbound),
        waited=pl.Series(np.where(outbound, 0, waited).astype(np.int32)),
        talked=pl.Series(talked.astype(np.int32)),
        hung_up=pl.Series(hung_up & ~outbound),
        withheld=pl.Series((rng.random(count) < WITHHELD) & ~outbound),
        reason=pl.Series(
            np.where(
                calls["order"].to_numpy() >= 0,
                1,
                np.searchsorted(np.cumsum(REASON_SHARES), rng.random(count), side="right").clip(0, len(REASONS) - 1),
            ).astype(np.int8)
        ),
    )


def draw_tickets(rng: np.random.Generator, world: World, calls: pl.DataFrame) -> pl.DataFrame:
    """One row per ticket.

    Columns: person, at, order (-1), channel (0 e-mail, 1 web form, 2 phone), replied_at, solved_at (NEVER: open), score
    (0 none asked, 1 asked, 2 good, 3 bad), subject.
    """
    people, rhythm = world.people, world.rhythm
    back = world.orders.filter((pl.col("changed_at") < NEVER) & (pl.col("status") > 1))
    back = back.filter(pl.Series(rng.random(back.height) < WRITES_WHEN_BACK))
    spoken = calls.filter(pl.Series(rng.random(calls.height) < 0.08) & (pl.col("person") >= 0))
    asks = np.union1d(np.flatnonzero(rng.random(len(people)) < TICKETS), [0])
    start = np.maximum(people.column("joined")[asks], 0)
    day = rhythm.day_of(start + rng.random(len(asks)) * (rhythm.busy[-1] - start))
    parts = (
        (
            back["person"].to_numpy(),
            back["changed_at"].to_numpy() - rng.integers(0, DAY, back.height),
            back["order"].to_numpy(),
            0,
        ),
        (spoken["person"].to_numpy(), spoken["at"].to_numpy() + 200, spoken["order"].to_numpy(), 2),
        (asks, rhythm.seconds(rng, day, CALL_HOURS), np.full(len(asks), -1), 1),
    )
    frame = pl.concat(
        pl.DataFrame(
            {
                "person": person.astype(np.int32),
                "at": at.astype(np.int64),
                "order": order.astype(np.int32),
                "channel": np.full(len(person), channel, dtype=np.int8),
            }
        )
        for person, at, order, channel in parts
    )
    frame = frame.filter(pl.col("at").is_between(rhythm.first_second, rhythm.last_second))
    frame = frame.sort("at", "person", maintain_order=True)
    count, at = frame.height, frame["at"].to_numpy()
    replied = at + rng.lognormal(9.0, 1.1, count).clip(60, 9 * DAY).astype(np.int64)
    solved = replied + rng.lognormal(10.4, 1.2, count).clip(60, 40 * DAY).astype(np.int64)
    done = solved <= rhythm.last_second
    asked = done & (rng.random(count) < 0.8)
    answered = asked & (rng.random(count) < 0.28)
    slow = (replied - at) > DAY
    bad = rng.random(count) < np.where(slow, 0.35, 0.10)
    return frame.with_columns(
        replied_at=pl.Series(np.where(replied <= rhythm.last_second, replied, NEVER)),
        solved_at=pl.Series(np.where(done, solved, NEVER)),
        score=pl.Series(np.select([answered & bad, answered, asked], [3, 2, 1], 0).astype(np.int8)),
        subject=pl.Series(rng.integers(0, len(SUBJECTS), count).astype(np.int8)),
    )
