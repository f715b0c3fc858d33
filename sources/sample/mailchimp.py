"""The newsletter's list at Mailchimp: members with their consent, and the campaigns as they were planned there.

Shapes: mailchimp.com/developer/marketing/api: lists/members, campaigns. The mails themselves go out through SendGrid.
"""

from __future__ import annotations

import hashlib

import numpy as np
import polars as pl

from sources.sample import clock, dirt
from sources.sample.desk import Desk
from sources.sample.mailing import BOUNCE, UNSUBSCRIBE, Mails
from sources.sample.records import LIST, blanked, kept, write_down, written_email
from sources.sample.text import hex_ids, join, plain, record, string
from sources.sample.world import World

SOURCE = "list"
LIST_ID = "8f2b1c9a7d"
FAULTS = (
    dirt.Fault(
        "email_unusable",
        "customers_email_format",
        "customers",
        "email",
        "email_address",
        dirt.broken_email("email"),
        2,
        "field",
    ),
    dirt.line_fault("customers_readable", "customers", 0.4),
)


def contact_ids(person: np.ndarray) -> pl.Series:
    """The list's own id of a member."""
    return hex_ids(person, 45)


def write_members(desk: Desk, world: World, mails: Mails) -> pl.DataFrame:
    """Write the members, one file a month with those that are new or changed.

    Returns:
        `records.kept` of each record, and status.
    """
    rng = desk.rng(42)
    people = world.people
    person = np.flatnonzero(people.column("has_newsletter"))
    since = people.column("joined_at")[person] + 900
    held = write_down(rng, people, person, since, LIST).with_columns(
        person=pl.Series(person),
        since=pl.Series(since),
        at=pl.Series(since),
        email=written_email(rng, mails.address.gather(person), 0.05),
        status=pl.lit("subscribed"),
        id=contact_ids(person),
        given=pl.Series(rng.random(len(person)) < 0.6),
    )
    left = _left(mails, len(people))
    at = left["at"].to_numpy()[person]
    gone = held.filter(pl.Series(at < clock.NEVER)).with_columns(
        at=pl.Series(at[at < clock.NEVER]) + 60,
        status=pl.Series(
            np.where(left["kind"].to_numpy()[person][at < clock.NEVER] == BOUNCE, "cleaned", "unsubscribed")
        ),
    )
    every = pl.concat([held, gone]).sort("at", "person", maintain_order=True)
    every = every.with_columns(
        first_name=blanked(every["first_name"], every["given"].to_numpy()),
        last_name=blanked(every["last_name"], every["given"].to_numpy()),
    )
    names, starts = desk.periods(every.height)
    month = np.searchsorted(starts, np.maximum(every["at"].to_numpy(), starts[0]), side="right") - 1
    carried = dirt.Carried()
    for place, name in enumerate(names):
        file = f"mailchimp/members/members-{name}.jsonl"
        frame, errors = dirt.spoil(rng, every.filter(pl.Series(month == place)), FAULTS, desk.invalid_share, "id")
        frame = dirt.cut_off(frame.with_columns(_text=_member_json(frame)), FAULTS)
        placed = dirt.place(rng, frame.select("id", "_text", "_fault"), carried, file, later=place < len(names) - 1)
        dirt.note_all(desk, SOURCE, "members", file, placed, [errors], "customers", "id")
        desk.write(file, placed["_text"])
    return kept(every, "id", "status", phone=False)


def _left(mails: Mails, count: int) -> pl.DataFrame:
    """When each person left the list or could no longer be reached, and which it was; a row per person."""
    ends = mails.events.filter(pl.col("kind").is_in([UNSUBSCRIBE, BOUNCE]))
    person = mails.mails["person"].to_numpy()[ends["mail"].to_numpy()]
    newsletter = mails.mails["campaign"].to_numpy()[ends["mail"].to_numpy()] >= 0
    at, kind = np.full(count, clock.NEVER, dtype=np.int64), np.zeros(count, dtype=np.int8)
    # Later ones first, so that the earliest stays.
    rows = np.flatnonzero(newsletter)[::-1]
    at[person[rows]] = ends["at"].to_numpy()[rows]
    kind[person[rows]] = ends["kind"].to_numpy()[rows]
    return pl.DataFrame({"at": at, "kind": kind})


def _member_json(frame: pl.DataFrame) -> pl.Series:
    hashed = pl.Series(
        [hashlib.md5((one or "").lower().encode(), usedforsecurity=False).hexdigest() for one in frame["email"]],
        dtype=pl.String,
    )
    since = clock.offset_text(pl.col("since"))
    frame = frame.with_columns(_hash=hashed, _since=since, _changed=clock.offset_text(pl.col("at")))
    return frame.select(
        record(
            ("id", plain("_hash")),
            ("email_address", string("email")),
            ("unique_email_id", plain(pl.col("id").str.slice(0, 10))),
            ("contact_id", plain("id")),
            (
                "full_name",
                string(
                    pl.concat_str(
                        [pl.col("first_name").fill_null(""), pl.col("last_name").fill_null("")], separator=" "
                    ).str.strip_chars()
                ),
            ),
            ("email_type", '"html"'),
            ("status", plain("status")),
            (
                "merge_fields",
                join(
                    '{"FNAME":',
                    string(pl.col("first_name").fill_null("")),
                    ',"LNAME":',
                    string(pl.col("last_name").fill_null("")),
                    "}",
                ),
            ),
            ("timestamp_signup", plain("_since")),
            ("timestamp_opt", plain("_since")),
            ("last_changed", plain("_changed")),
            ("language", '"de"'),
            ("vip", "false"),
            ("member_rating", "2"),
            ("source", '"Website"'),
            ("list_id", f'"{LIST_ID}"'),
        )
    ).to_series()


def write_campaigns(desk: Desk, world: World) -> None:
    """Write the campaigns as they stand on the list's side."""
    frame = world.campaigns.with_columns(
        _at=clock.offset_text(pl.col("at")), _made=clock.offset_text(pl.col("at") - 7_200), sent=_sent(world)
    )
    shape = record(
        ("id", plain(pl.col("campaign_id"))),
        ("web_id", "null"),
        ("type", '"regular"'),
        ("create_time", plain("_made")),
        ("status", '"sent"'),
        ("emails_sent", pl.col("sent").cast(pl.String)),
        ("send_time", plain("_at")),
        ("content_type", '"template"'),
        ("recipients", f'{{"list_id":"{LIST_ID}"}}'),
        (
            "settings",
            record(
                ("subject_line", string("subject")),
                ("title", string("name")),
                ("from_name", '"Bakehouse"'),
                ("reply_to", '"hello@bakehouse.example"'),
            ),
        ),
        ("tracking", '{"opens":true,"html_clicks":true}'),
    )
    desk.write("mailchimp/campaigns/campaigns.jsonl", frame.select(shape).to_series())
    desk.count(SOURCE, "campaigns", "campaigns", frame.height)


def _sent(world: World) -> pl.Series:
    sent = world.effects.filter(pl.col("arm") > 0)["campaign"].to_numpy()
    return pl.Series(np.bincount(sent, minlength=world.campaigns.height))
