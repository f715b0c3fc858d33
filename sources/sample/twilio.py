"""The telephone line's calls as Twilio lists them, and what its queue tells of the callers who waited, as JSON lines.

Shapes: twilio.com/docs/voice: Call resource, and the requests of <Enqueue>.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from sources.sample import clock, dirt
from sources.sample.desk import Desk
from sources.sample.people import person_ids
from sources.sample.records import phone_at
from sources.sample.service import REASONS
from sources.sample.shopify_orders import order_ids
from sources.sample.text import hex_ids, one_of, plain, record, string
from sources.sample.world import World

SOURCE = "phone"
ACCOUNT = "AC" + "5a" * 16
LINE = "+4915879999999"
HIDDEN = "+266696687"  # "anonymous" on a telephone's keys: what Twilio says of hidden numbers
RFC_2822 = "%a, %d %b %Y %H:%M:%S +0000"
FAULTS = (
    dirt.Fault("no_id", "calls_call_id_present", "calls", "sid", "sid", dirt.MISSING, 2),
    dirt.Fault(
        "time_unreadable",
        "calls_started_at_readable",
        "calls",
        "start",
        "start_time",
        dirt.instead("soon", "31.02.2025 10:00", "not set"),
        2,
        also=(("created", pl.lit("soon")),),
    ),
    dirt.Fault(
        "time_in_future",
        "calls_started_at_not_future",
        "calls",
        "start",
        "start_time",
        pl.lit("Thu, 01 Mar 2096 10:15:00 +0000"),
        1,
        also=(("created", pl.lit("Thu, 01 Mar 2096 10:15:00 +0000")),),
    ),
    dirt.Fault(
        "time_in_1970",
        "calls_started_at_not_1970",
        "calls",
        "start",
        "start_time",
        pl.lit("Thu, 01 Jan 1970 00:00:00 +0000"),
        1,
        also=(("created", pl.lit("Thu, 01 Jan 1970 00:00:00 +0000")),),
    ),
    dirt.Fault(
        "talk_below_zero",
        "calls_talk_seconds_not_negative",
        "calls",
        "duration",
        "duration",
        pl.lit("-") + pl.col("duration"),
        2,
        among=pl.col("duration") != "0",
    ),
    dirt.Fault(
        "phone_unusable",
        "calls_phone_format",
        "calls",
        "caller",
        "from",
        dirt.instead("12", "000000000000", "see notes"),
        2,
        "field",
        pl.col("caller").is_not_null() & ~pl.col("outbound") & (pl.col("caller") != HIDDEN),
    ),
    dirt.line_fault("calls_readable", "calls", 0.4),
)


def call_ids(rows: np.ndarray) -> pl.Series:
    """CA and 32 hexadecimal digits for each call."""
    return "CA" + hex_ids(rows, 61) + hex_ids(rows, 62)


def write_calls(desk: Desk, world: World, calls: pl.DataFrame) -> pl.DataFrame:
    """Write calls and waits, one file a month each; return who called (`calls` of the truth)."""
    rng = desk.rng(60)
    at = calls["at"].to_numpy()
    names, starts = desk.periods(calls.height)
    month = np.searchsorted(starts, at, side="right") - 1
    carried = dirt.Carried()
    for place, name in enumerate(names):
        rows = np.flatnonzero(month == place)
        file = f"twilio/calls/calls-{name}.jsonl"
        frame, errors = dirt.spoil(rng, _columns(world, calls, rows), FAULTS, desk.invalid_share, "sid_was")
        frame = dirt.cut_off(frame.with_columns(_text=frame.select(_call_json()).to_series()), FAULTS)
        placed = dirt.place(
            rng, frame.select("sid_was", "_text", "_fault"), carried, file, later=place < len(names) - 1
        )
        dirt.note_all(desk, SOURCE, "calls", file, placed, [errors], "calls", "sid_was")
        desk.write(file, placed["_text"])
        waits = frame.filter(pl.col("queued") & (pl.col("_fault") < 0))
        desk.write(f"twilio/queue_callbacks/queue-{name}.jsonl", waits.select(_queue_json()).to_series())
        desk.count(SOURCE, "queue_callbacks", "calls", waits.height)
    return calls.select(
        call_id=call_ids(np.arange(calls.height)),
        person_id=person_ids(calls["person"]),
        order_id=pl.when(pl.col("order") >= 0).then(order_ids(calls["order"].to_numpy())),
        reason=one_of(REASONS, pl.col("reason")),
        is_withheld="withheld",
    )


def _columns(world: World, calls: pl.DataFrame, rows: np.ndarray) -> pl.DataFrame:
    part = calls[rows]
    number = phone_at(world.people, part["person"].to_numpy(), part["at"].to_numpy())
    ids = call_ids(rows)
    outbound = part["outbound"]
    shown = (
        pl.DataFrame({"n": number, "w": part["withheld"]})
        .select(pl.when("w").then(pl.lit(HIDDEN)).otherwise("n"))
        .to_series()
    )
    sides = pl.DataFrame({"n": shown, "o": outbound}).select(
        caller=pl.when("o").then(pl.lit(LINE)).otherwise("n"), called=pl.when("o").then("n").otherwise(pl.lit(LINE))
    )
    end = part["at"] + part["waited"].cast(pl.Int64) + part["talked"].cast(pl.Int64)
    texts = pl.DataFrame({"at": part["at"], "end": end}).select(
        start=clock.utc_text(pl.col("at"), RFC_2822),
        created=clock.utc_text(pl.col("at") - 1, RFC_2822),
        end=clock.utc_text(pl.col("end"), RFC_2822),
    )
    return pl.concat([part.select("outbound", "hung_up", "waited"), sides, texts], how="horizontal").with_columns(
        sid=ids,
        sid_was=ids,
        duration=part["talked"].cast(pl.String),
        queued=(part["waited"] > 0) & ~outbound,
        status=pl.Series(np.where(part["hung_up"].to_numpy(), "no-answer", "completed")),
    )


def _call_json() -> pl.Expr:
    direction = pl.when("outbound").then(pl.lit("outbound-dial")).otherwise(pl.lit("inbound"))
    return record(
        ("sid", plain("sid")),
        ("account_sid", f'"{ACCOUNT}"'),
        ("parent_call_sid", "null"),
        ("api_version", '"2010-04-01"'),
        ("direction", plain(direction)),
        ("from", string("caller")),
        ("from_formatted", string("caller")),
        ("to", plain("called")),
        ("to_formatted", plain("called")),
        ("status", plain("status")),
        ("duration", plain("duration")),
        ("date_created", plain("created")),
        ("date_updated", plain("end")),
        ("start_time", plain("start")),
        ("end_time", plain("end")),
        ("queue_time", plain((pl.col("waited") * 1000).cast(pl.String))),
        ("answered_by", "null"),
        ("caller_name", "null"),
        ("forwarded_from", "null"),
        ("price", '"-0.00850"'),
        ("price_unit", '"USD"'),
        (
            "uri",
            plain(
                pl.concat_str([pl.lit(f"/2010-04-01/Accounts/{ACCOUNT}/Calls/"), pl.col("sid_was"), pl.lit(".json")])
            ),
        ),
    )


def _queue_json() -> pl.Expr:
    result = pl.when("hung_up").then(pl.lit("hangup")).otherwise(pl.lit("bridged"))
    return record(
        ("CallSid", plain("sid_was")),
        ("AccountSid", f'"{ACCOUNT}"'),
        ("From", string("caller")),
        ("To", plain("called")),
        ("CallStatus", '"in-progress"'),
        ("ApiVersion", '"2010-04-01"'),
        ("Direction", '"inbound"'),
        ("QueueResult", plain(result)),
        ("QueueSid", '"QU' + "7c" * 16 + '"'),
        ("QueueTime", plain(pl.col("waited").cast(pl.String))),
    )
