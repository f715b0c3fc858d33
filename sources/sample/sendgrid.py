"""What SendGrid's event webhook posts: lists of events, one post a line, as packed JSON lines.

Shape: twilio.com/docs/sendgrid, Event Webhook Reference. A post that was not answered in time comes again, some five
times.
"""

from __future__ import annotations

import numpy as np
import polars as pl

import sources.sample.vocabulary as words
from sources.sample import clock, dirt
from sources.sample.agents import MAIL_AGENTS, MAIL_PROXY, PRIVACY_AGENT, SCANNER_AGENTS
from sources.sample.desk import Desk
from sources.sample.mailing import (
    BOUNCE,
    CLICK,
    DEFERRED,
    DELIVERED,
    KINDS,
    LINK_SCANNER,
    MACHINES,
    OPEN,
    PRIVACY_PROXY,
    Mails,
    mail_addresses,
)
from sources.sample.text import hex_ids, join, merged, one_of, plain, token
from sources.sample.world import World

SOURCE = "mailer"
#: Share of posts that come five times.
FIVE_TIMES = 0.0004
#: Share of the privacy proxy's opens that SendGrid itself marks.
MARKED = 0.85
FAULTS = (
    dirt.Fault("no_id", "email_events_event_id_present", "email_events", "id", "sg_event_id", dirt.MISSING, 2),
    dirt.Fault(
        "unknown_event",
        "email_events_event_known",
        "email_events",
        "event",
        "event",
        dirt.instead("teleported", "glanced", "OPENED?"),
        2,
    ),
    dirt.Fault(
        "time_unreadable",
        "email_events_occurred_at_readable",
        "email_events",
        "time",
        "timestamp",
        dirt.instead('"soon"', '"2025-06-31 25:61"', "null"),
        2,
    ),
    dirt.Fault(
        "time_in_future",
        "email_events_occurred_at_not_future",
        "email_events",
        "time",
        "timestamp",
        (pl.col("time").cast(pl.Int64) + 2_240_000_000).cast(pl.String),
        1,
    ),
    dirt.Fault(
        "time_in_1970",
        "email_events_occurred_at_plausible",
        "email_events",
        "time",
        "timestamp",
        dirt.instead("0", "60", "86400"),
        1,
    ),
    dirt.Fault("no_recipient", "email_events_recipient_present", "email_events", "email", "email", dirt.MISSING, 1),
    dirt.Fault(
        "email_unusable",
        "email_events_email_format",
        "email_events",
        "email",
        "email",
        dirt.broken_email("email"),
        1,
        "field",
    ),
    dirt.line_fault("email_events_readable", "email_events", 0.3),
)
LINKS = ("/", "/bread", "/cakes", "/boxes")


def write_events(desk: Desk, world: World, mails: Mails) -> pl.DataFrame:
    """Write the events; return those of machines: event_id, mail, kind, machine."""
    rng = desk.rng(40)
    events = mails.events
    at = events["at"].to_numpy()
    arrived = dirt.late(rng, at, world.rhythm.last_second)
    by_arrival = np.argsort(arrived, kind="stable")
    names, starts = desk.periods(events.height)
    month = np.searchsorted(starts, arrived[by_arrival], side="right") - 1
    edges = np.searchsorted(month, np.arange(len(names) + 1))
    carried, machines = dirt.Carried(), []
    for place, name in enumerate(names):
        rows = by_arrival[edges[place] : edges[place + 1]]
        file = f"sendgrid/events/events-{name}.jsonl.gz"
        part = events[rows].with_columns(
            _at=pl.Series(at[rows]), _arrived=pl.Series(arrived[rows]), number=pl.Series(rows)
        )
        frame, errors = dirt.spoil(rng, _columns(world, mails, part), FAULTS, desk.invalid_share, "id_was")
        machines.append(
            frame.filter(pl.col("machine") > 0).select(
                event_id="id_was", event=one_of(KINDS, pl.col("kind")), machine=one_of(MACHINES, pl.col("machine"))
            )
        )
        frame = dirt.cut_off(frame.with_columns(_text=_event_json(rng, frame)), FAULTS)
        batch = _batches(rng, frame["_fault"].to_numpy() == len(FAULTS) - 1)
        _write_posts(desk, rng, file, frame, batch, errors, carried, place, later=place < len(names) - 1)
    return pl.concat(machines)


def _columns(world: World, mails: Mails, part: pl.DataFrame) -> pl.DataFrame:
    rows = part["mail"].to_numpy()
    number = part["number"].to_numpy()
    mail = mails.mails[rows]
    ids = hex_ids(number, 41)
    return part.with_columns(
        id=ids,
        id_was=ids,
        message=hex_ids(rows, 42),
        email=mail_addresses(world, mails, rows),
        event=one_of(KINDS, pl.col("kind")),
        time=clock.epoch(pl.col("at")).cast(pl.String),
        person=mail["person"],
        campaign=mail["campaign"],
        reads=pl.Series(mails.reads[mail["person"].to_numpy()]),
        campaign_id=world.campaigns["campaign_id"].gather(mail["campaign"].clip(0)),
        campaign_name=world.campaigns["name"].gather(mail["campaign"].clip(0)),
    )


def _event_json(rng: np.random.Generator, frame: pl.DataFrame) -> pl.Series:
    kind = pl.col("kind")
    opens, clicks, delivers = kind == OPEN, kind == CLICK, kind == DELIVERED
    draw = pl.Series(rng.random(frame.height))
    frame = frame.with_columns(_draw=draw)
    human = one_of(MAIL_AGENTS, pl.col("person") % len(MAIL_AGENTS))
    scanner = one_of(SCANNER_AGENTS, pl.col("person") % len(SCANNER_AGENTS))
    agent = (
        pl.when(pl.col("machine") == PRIVACY_PROXY).then(pl.lit(PRIVACY_AGENT))
        .when(pl.col("machine") == LINK_SCANNER).then(scanner)
        .when(opens & (pl.col("reads") >= 4)).then(pl.lit(MAIL_PROXY))
        .otherwise(human)
    )  # fmt: skip
    address = pl.col("person").cast(pl.UInt32)
    ip = join("198.51.100.", (address % 250 + 1).cast(pl.String))
    campaign = (
        pl.when(pl.col("campaign") >= 0)
        .then(
            join(
                '"category":["newsletter"],"singlesend_id":"',
                pl.col("campaign_id"),
                '","singlesend_name":"',
                pl.col("campaign_name"),
                '",',
            )
        )
        .otherwise(pl.lit('"category":["order-confirmation"],'))
    )
    url = join(
        words.SITE,
        one_of(LINKS, pl.col("link")),
        "?utm_source=newsletter&utm_medium=email&utm_campaign=",
        pl.col("campaign_id"),
    )
    url = pl.when(pl.col("campaign") >= 0).then(url).otherwise(pl.lit(words.SITE + "/account/orders"))
    marked = opens & (pl.col("machine") == PRIVACY_PROXY) & (pl.col("_draw") < MARKED)
    more = (
        pl.when(opens)
        .then(
            join(
                ',"useragent":"',
                agent,
                '","ip":"',
                ip,
                '","sg_machine_open":',
                marked.cast(pl.String),
                ',"sg_content_type":"html"',
            )
        )
        .when(clicks)
        .then(
            join(
                ',"useragent":"',
                agent,
                '","ip":"',
                ip,
                '","url":"',
                url,
                '","url_offset":{"index":',
                pl.col("link").cast(pl.String),
                ',"type":"html"}',
            )
        )
        .when(delivers)
        .then(pl.lit(',"response":"250 2.0.0 OK","tls":1'))
        .when(kind == DEFERRED)
        .then(pl.lit(',"response":"450 4.2.1 try again later","attempt":"1"'))
        .when(kind == BOUNCE)
        .then(pl.lit(',"type":"bounce","status":"5.1.1","reason":"550 5.1.1 no such mailbox"'))
        .otherwise(pl.lit(""))
    )
    return frame.select(
        join(*merged([
            '{"email":', plain("email"), ',"timestamp":', token("time"), ',"smtp-id":"<', pl.col("message"),
            '@geopod-ismtpd.example>",', campaign, '"event":', plain("event"), ',"sg_event_id":', plain("id"),
            ',"sg_message_id":"', pl.col("message"), '.recvd-5f6d7c-x1"', more, "}",
        ]))
    ).to_series()  # fmt: skip


def _batches(rng: np.random.Generator, alone: np.ndarray) -> np.ndarray:
    """The post of each event: half of the posts hold one event, the others up to 60; a cut one stands alone."""
    count = len(alone)
    if not count:
        return np.zeros(0, dtype=np.int64)
    size = np.where(rng.random(count) < 0.5, 1, 2 + np.minimum(rng.geometric(0.12, count), 58))
    starts = np.cumsum(size)
    begins = np.zeros(count, dtype=bool)
    begins[0] = True
    begins[starts[starts < count]] = True
    begins |= alone
    begins[1:] |= alone[:-1]
    return np.cumsum(begins) - 1


def _write_posts(
    desk: Desk,
    rng: np.random.Generator,
    file: str,
    frame: pl.DataFrame,
    batch: np.ndarray,
    errors: pl.DataFrame,
    carried: dirt.Carried,
    month: int,
    *,
    later: bool,
) -> None:
    """Join events to posts, repeat some, write them, and note where everything is."""
    events = frame.select("id_was", "_text", "_fault", "_at", "_arrived", batch=pl.Series(batch))
    posts = events.group_by("batch", maintain_order=True).agg(
        text=pl.col("_text").str.join(","),
        ids=pl.col("id_was"),
        size=pl.len().cast(pl.Int64),
        _fault=pl.col("_fault").max(),
    )
    single = (pl.col("size") == 1) & (pl.int_range(pl.len()) % 2 == 0)
    cut = pl.col("_fault") == len(FAULTS) - 1
    posts = posts.with_columns(
        text=pl.when(single | cut).then(pl.col("text")).otherwise(join("[", pl.col("text"), "]"))
    ).drop("batch")
    placed = dirt.place(rng, posts, carried, file, later=later)
    placed = _five_times(rng, placed, at_least_one=month % 6 == 0)
    placed = placed.with_columns(_start=pl.col("size").cum_sum() - pl.col("size") + 1)
    start = np.zeros(posts.height, dtype=np.int64)
    original = placed.filter(~pl.col("_copy"))
    start[original["_row"].to_numpy()] = original["_start"].to_numpy()
    offset = np.arange(len(batch)) - np.searchsorted(batch, batch)
    number = start[batch] + offset if len(batch) else np.zeros(0, dtype=np.int64)
    where = {"source": pl.lit(SOURCE), "dataset": pl.lit("events"), "file": pl.lit(file)}
    if errors.height:
        desk.note("errors", errors.with_columns(**where, row_number=pl.Series(number[errors["_row"].to_numpy()])))
    copies = placed.filter("_copy")
    times = copies.select(
        "ids",
        "_start",
        "_first_file",
        kind=pl.when("_five").then(pl.lit("delivered_five_times")).otherwise(pl.lit("repeated")),
    )
    times = times.with_columns(place=pl.int_ranges(0, pl.col("ids").list.len())).explode("ids", "place")
    desk.note(
        "duplicates",
        times.select(
            **where,
            row_number=pl.col("_start") + pl.col("place"),
            entity=pl.lit("email_events"),
            record_key="ids",
            kind="kind",
            first_file="_first_file",
        ),
    )
    dirt.note_late(desk, SOURCE, "events", file, events, number, "id_was")
    desk.count(SOURCE, "events", "email_events", int(placed["size"].sum()))
    desk.write(file, placed["text"])


def _five_times(rng: np.random.Generator, placed: pl.DataFrame, *, at_least_one: bool) -> pl.DataFrame:
    """Let a few posts come five times; in some files at least one, a short one."""
    placed = placed.with_columns(_five=pl.lit(value=False))
    right = np.flatnonzero((~placed["_copy"] & (placed["_fault"] < 0)).to_numpy())
    if not len(right):
        return placed
    chosen = right[rng.random(len(right)) < FIVE_TIMES]
    if at_least_one and not len(chosen):
        size = placed["size"].to_numpy()[right]
        chosen = right[np.argsort(size, kind="stable")[:1]]
    rows = np.repeat(chosen, 4)
    more = placed[rows].with_columns(
        _copy=pl.lit(value=True),
        _five=pl.lit(value=True),
        _place=pl.Series(placed["_place"].to_numpy()[rows] + np.tile([0.1, 0.2, 0.3, 0.4], len(chosen))),
    )
    return pl.concat([placed, more]).sort("_place", maintain_order=True)
