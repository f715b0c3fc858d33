"""The app's events as Segment hands them on: identify, screen and track, as packed JSON lines.

Shape: segment.com/docs/connections/spec. People who have the app use it beside the site.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from sources.sample import clock, dirt
from sources.sample.desk import Desk
from sources.sample.goods import product_table
from sources.sample.records import email_at
from sources.sample.rhythm import WEB_HOURS
from sources.sample.shopify import customer_ids
from sources.sample.text import join, merged, one_of, plain, string, token, uuids
from sources.sample.world import World

SOURCE = "app"
#: Visits of somebody who has the app in two years, and screens of a visit.
VISITS, SCREENS = 6.0, 2.2
IDENTIFY, SCREEN, TRACK = range(3)
KINDS = ("identify", "screen", "track")
SCREEN_NAMES = ("Home", "Bread", "Cakes", "Card", "Stores", "Orders")
FAULTS = (
    dirt.Fault("no_id", "web_events_event_id_present", "web_events", "id", "messageId", dirt.MISSING, 2),
    dirt.Fault(
        "time_unreadable",
        "web_events_occurred_at_readable",
        "web_events",
        "time",
        "timestamp",
        dirt.instead("soon", "2025-06-31T25:61:00Z"),
        2,
        also=(("received", pl.lit("soon")),),
    ),
    dirt.Fault(
        "time_in_future",
        "web_events_occurred_at_not_future",
        "web_events",
        "time",
        "timestamp",
        pl.lit("2096-03-01") + pl.col("time").str.slice(10),
        1,
    ),
    dirt.line_fault("web_events_readable", "web_events", 0.5),
)


def write_events(desk: Desk, world: World) -> pl.DataFrame:
    """Write the events, one file a month; return who is behind each device: visitor_id, person_id row."""
    rng = desk.rng(80)
    people, rhythm = world.people, world.rhythm
    users = np.flatnonzero(people.column("has_app"))
    start = np.maximum(people.column("joined")[users], 0.0)
    size = rng.poisson(VISITS * rng.gamma(0.8, 1 / 0.8, len(users)) * (rhythm.busy[-1] - start) / rhythm.busy[-1])
    size[0] = max(size[0], 1)
    person = np.repeat(users, size)
    since = np.repeat(start, size)
    day = rhythm.day_of(since + rng.random(len(person)) * (rhythm.busy[-1] - since))
    at = rhythm.seconds(rng, day, WEB_HOURS)
    screens = rng.geometric(1 / SCREENS, len(person))
    visit = np.repeat(np.arange(len(person)), screens + 1)
    number = np.arange(len(visit)) - np.repeat(np.cumsum(screens + 1) - screens - 1, screens + 1)
    kind = np.where(number == 0, IDENTIFY, np.where(rng.random(len(visit)) < 0.25, TRACK, SCREEN))
    times = at[visit] + number * rng.integers(5, 60, len(visit))
    frame = pl.DataFrame(
        {
            "person": person[visit].astype(np.int32),
            "at": times,
            "kind": kind.astype(np.int8),
            "visit": visit,
            "number": number,
        }
    )
    frame = frame.filter(pl.col("at") <= rhythm.last_second).sort("at", "visit", "number", maintain_order=True)
    arrived = dirt.late(rng, frame["at"].to_numpy(), rhythm.last_second)
    order = np.argsort(arrived, kind="stable")
    frame = frame[order].with_columns(_at=pl.col("at"), _arrived=pl.Series(arrived[order]), row=pl.Series(order))
    names, starts = desk.periods(frame.height)
    month = np.searchsorted(starts, arrived[order], side="right") - 1
    carried = dirt.Carried()
    for place, name in enumerate(names):
        file = f"segment/events/events-{name}.jsonl.gz"
        part, errors = dirt.spoil(
            rng, _columns(world, frame.filter(pl.Series(month == place))), FAULTS, desk.invalid_share, "id_was"
        )
        part = dirt.cut_off(part.with_columns(_text=part.select(_event_json()).to_series()), FAULTS)
        placed = dirt.place(rng, part.select("id_was", "_text", "_fault"), carried, file, later=place < len(names) - 1)
        number_of = dirt.note_all(desk, SOURCE, "events", file, placed, [errors], "web_events", "id_was")
        dirt.note_late(desk, SOURCE, "events", file, part.select("id_was", "_at", "_arrived"), number_of, "id_was")
        desk.write(file, placed["_text"])
    seen = frame.select("person").unique(maintain_order=True)
    return seen.select(visitor_id=uuids(seen["person"].to_numpy(), 81), person="person")


def _columns(world: World, part: pl.DataFrame) -> pl.DataFrame:
    person, row = part["person"].to_numpy(), part["row"].to_numpy()
    ids = uuids(row, 83)
    return part.with_columns(
        id=ids,
        id_was=ids,
        device=uuids(person, 81),
        user=customer_ids(world.accounts.of_person[person, 0]),
        email=email_at(world.people, person, part["at"].to_numpy()),
        time=clock.utc_text(pl.col("at"), "%Y-%m-%dT%H:%M:%S.000Z"),
        received=clock.utc_text(pl.col("_arrived"), "%Y-%m-%dT%H:%M:%S.250Z"),
        sku=product_table()["sku"].gather(row % 50),
        title=product_table()["title"].gather(row % 50),
    )


def _event_json() -> pl.Expr:
    kind = pl.col("kind")
    body = (
        pl.when(kind == IDENTIFY)
        .then(join('"traits":{"email":', string("email"), "}"))
        .when(kind == TRACK)
        .then(
            join(
                '"event":"Product Viewed","properties":{"product_id":"',
                pl.col("sku"),
                '","name":"',
                pl.col("title"),
                '"}',
            )
        )
        .otherwise(join('"name":"', one_of(SCREEN_NAMES, pl.col("row") % len(SCREEN_NAMES)), '","properties":{}'))
    )
    return join(
        *merged(
            [
                '{"type":"',
                one_of(KINDS, kind),
                '","messageId":',
                token(plain("id")),
                ',"anonymousId":"',
                pl.col("device"),
                '","userId":',
                plain("user"),
                ',"timestamp":',
                plain("time"),
                ',"originalTimestamp":',
                plain("time"),
                ',"sentAt":',
                plain("received"),
                ',"receivedAt":',
                plain("received"),
                ',"channel":"mobile","context":{"app":{"name":"Bakehouse","version":"4.2.0"},'
                '"device":{"type":"ios","model":"iPhone15,2"},"library":{"name":"analytics-ios","version":"4.1.8"},"locale":"de-DE",'
                '"os":{"name":"iOS","version":"18.5"},"timezone":"Europe/Berlin"},',
                body,
                ',"integrations":{}}',
            ]
        )
    )
