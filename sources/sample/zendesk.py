"""The service desk's tickets and users in Zendesk's shape, as JSON lines.

Shapes: developer.zendesk.com: tickets (with satisfaction rating and metrics), users.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from sources.sample import clock, dirt
from sources.sample.clock import NEVER
from sources.sample.desk import Desk
from sources.sample.people import person_ids
from sources.sample.records import (
    AGENT,
    blanked,
    email_at,
    kept,
    phone_at,
    write_down,
    written_email,
    written_phone,
)
from sources.sample.service import SUBJECTS
from sources.sample.shopify_orders import order_ids
from sources.sample.text import join, one_of, plain, record, string, token
from sources.sample.world import World

SOURCE = "desk"
FIRST_TICKET, FIRST_USER = 20_000, 360_000_000_000
AGENTS, FIRST_AGENT = 6, 380_000
UTC = "%Y-%m-%dT%H:%M:%SZ"
SCORES = ("unoffered", "offered", "good", "bad")
TICKET_FAULTS = (
    dirt.Fault("no_id", "tickets_ticket_id_present", "tickets", "id", "id", dirt.MISSING, 2),
    dirt.Fault(
        "time_unreadable",
        "tickets_created_at_readable",
        "tickets",
        "created",
        "created_at",
        dirt.instead("yesterday", "2025-02-31T10:00:00Z"),
        2,
    ),
    dirt.Fault(
        "time_in_future",
        "tickets_created_at_not_future",
        "tickets",
        "created",
        "created_at",
        pl.lit("2096-03-01T10:00:00Z"),
        1,
        also=(("solved", dirt.MISSING), ("reply", dirt.MISSING)),
    ),
    dirt.Fault(
        "time_in_1970",
        "tickets_created_at_not_1970",
        "tickets",
        "created",
        "created_at",
        pl.lit("1970-01-01T00:00:00Z"),
        1,
    ),
    dirt.line_fault("tickets_readable", "tickets", 0.5),
)
USER_FAULTS = (
    dirt.Fault("no_id", "customers_account_id_present", "customers", "id", "id", dirt.MISSING, 1),
    dirt.Fault(
        "email_unusable",
        "customers_email_format",
        "customers",
        "email",
        "email",
        dirt.broken_email("email"),
        2,
        "field",
        pl.col("email").is_not_null(),
    ),
    dirt.Fault(
        "phone_unusable",
        "customers_phone_format",
        "customers",
        "phone",
        "phone",
        dirt.broken_phone(),
        2,
        "field",
        pl.col("phone").is_not_null(),
    ),
    dirt.Fault(
        "name_placeholder", "customers_full_name_format", "customers", "name", "name",
        dirt.instead("Unknown", "anonymous", "+49 30", "Test Test", "asdf jklö", "caller@mail.example"), 1, "field",
    ),
)  # fmt: skip


def user_ids(person: np.ndarray) -> pl.Series:
    """The desk's number of somebody who asks."""
    return pl.Series(FIRST_USER + person.astype(np.int64) * 19).cast(pl.String)


def write_tickets(desk: Desk, world: World, tickets: pl.DataFrame) -> pl.DataFrame:
    """Write the tickets as they stand at the end, by month of opening; return who asked (`tickets` of the truth)."""
    rng = desk.rng(70)
    names, starts = desk.periods(tickets.height)
    month = np.searchsorted(starts, tickets["at"].to_numpy(), side="right") - 1
    carried = dirt.Carried()
    for place, name in enumerate(names):
        rows = np.flatnonzero(month == place)
        file = f"zendesk/tickets/tickets-{name}.jsonl"
        frame, errors = dirt.spoil(
            rng, _ticket_columns(world, tickets, rows), TICKET_FAULTS, desk.invalid_share, "id_was"
        )
        frame = dirt.cut_off(frame.with_columns(_text=frame.select(_ticket_json()).to_series()), TICKET_FAULTS)
        placed = dirt.place(rng, frame.select("id_was", "_text", "_fault"), carried, file, later=place < len(names) - 1)
        dirt.note_all(desk, SOURCE, "tickets", file, placed, [errors], "tickets", "id_was")
        desk.write(file, placed["_text"])
    return tickets.select(
        ticket_id=(FIRST_TICKET + pl.int_range(pl.len())).cast(pl.String),
        person_id=person_ids(tickets["person"]),
        order_id=pl.when(pl.col("order") >= 0).then(order_ids(tickets["order"].to_numpy())),
    )


def _ticket_columns(world: World, tickets: pl.DataFrame, rows: np.ndarray) -> pl.DataFrame:
    part = tickets[rows]
    person, at = part["person"].to_numpy(), part["at"].to_numpy()
    ids = pl.Series(FIRST_TICKET + rows).cast(pl.String)
    end = np.minimum(
        np.where(part["solved_at"].to_numpy() < NEVER, part["solved_at"].to_numpy(), at + 900), world.rhythm.last_second
    )
    done = pl.col("solved_at") < NEVER
    return part.with_columns(pl.Series(end).alias("end")).with_columns(
        id=ids,
        id_was=ids,
        user=user_ids(person),
        email=email_at(world.people, person, at),
        phone=phone_at(world.people, person, at),
        created=clock.utc_text(pl.col("at"), UTC),
        updated=clock.utc_text(pl.col("end"), UTC),
        solved=pl.when(done).then(clock.utc_text(pl.when(done).then("solved_at").otherwise("at"), UTC)),
        reply=pl.when(pl.col("replied_at") < NEVER).then(((pl.col("replied_at") - pl.col("at")) // 60).cast(pl.String)),
        status=pl.when(done).then(pl.lit("closed")).otherwise(pl.lit("open")),
    )


def _ticket_json() -> pl.Expr:
    source = (
        pl.when(pl.col("channel") == 0)
        .then(join('{"from":{"address":', string("email"), '},"to":{"address":"hello@bakehouse.example"},"rel":null}'))
        .when(pl.col("channel") == 2)
        .then(join('{"from":{"phone":', plain("phone"), '},"to":{},"rel":"voicemail"}'))
        .otherwise(pl.lit('{"from":{},"to":{},"rel":null}'))
    )
    subject = one_of(SUBJECTS, pl.col("subject"))
    agent = (pl.col("person") % AGENTS + FIRST_AGENT).cast(pl.String)
    return record(
        ("id", token("id")),
        ("url", join('"https://bakehouse.zendesk.example/api/v2/tickets/', pl.col("id_was"), '.json"')),
        ("external_id", "null"),
        ("via", record(("channel", plain(one_of(("email", "web", "voice"), pl.col("channel")))), ("source", source))),
        ("created_at", plain("created")),
        ("updated_at", plain("updated")),
        ("type", '"question"'),
        ("subject", plain(subject)),
        ("raw_subject", plain(subject)),
        ("description", plain(subject)),
        ("priority", '"normal"'),
        ("status", plain("status")),
        ("recipient", "null"),
        ("requester_id", pl.col("user")),
        ("submitter_id", pl.col("user")),
        ("assignee_id", agent),
        ("group_id", "36001"),
        ("tags", "[]"),
        ("is_public", "true"),
        ("satisfaction_rating", record(("score", plain(one_of(SCORES, pl.col("score")))))),
        (
            "metric_set",
            record(
                ("ticket_id", token("id")),
                ("solved_at", plain("solved")),
                ("reply_time_in_minutes", join('{"calendar":', token("reply"), ',"business":', token("reply"), "}")),
            ),
        ),
    )


def write_users(desk: Desk, world: World, tickets: pl.DataFrame) -> pl.DataFrame:
    """Write who asked; return `records.kept` of each record."""
    rng = desk.rng(71)
    first = tickets.unique("person", keep="first", maintain_order=True)
    person, at = first["person"].to_numpy(), first["at"].to_numpy()
    held = write_down(rng, world.people, person, at, AGENT)
    count = len(person)
    by_phone = (first["channel"] == 2).to_numpy()
    frame = held.with_columns(
        person=pl.Series(person),
        at=pl.Series(at),
        id=user_ids(person),
        id_was=user_ids(person),
        name=held["first_name"] + " " + held["last_name"],
        email=blanked(written_email(rng, held["email"], 0.05), ~by_phone | (rng.random(count) < 0.3)),
        phone=blanked(written_phone(rng, held["phone"]), by_phone | (rng.random(count) < 0.3)),
    )
    part, errors = dirt.spoil(rng, frame, USER_FAULTS, desk.invalid_share, "id_was")
    since = clock.utc_text(pl.col("at"), UTC)
    shape = record(
        ("id", token("id")),
        ("url", join('"https://bakehouse.zendesk.example/api/v2/users/', pl.col("id_was"), '.json"')),
        ("name", string("name")),
        ("email", string("email")),
        ("phone", string("phone")),
        ("shared_phone_number", "null"),
        ("role", '"end-user"'),
        ("created_at", plain(since)),
        ("updated_at", plain(since)),
        ("locale", '"de"'),
        ("active", "true"),
        ("verified", "true"),
        ("external_id", "null"),
        ("tags", "[]"),
        ("user_fields", "{}"),
    )
    file = "zendesk/users/users.jsonl"
    slim = part.with_columns(_text=shape).select("id_was", "_text", "_fault")
    placed = dirt.place(rng, slim, dirt.Carried(), file, later=False)
    dirt.note_all(desk, SOURCE, "users", file, placed, [errors], "customers", "id_was")
    desk.write(file, placed["_text"])
    return kept(frame, "id_was")
