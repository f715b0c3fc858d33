"""The lists of who was dealt into which arm before anything was sent: one file a campaign, and one of a letter.

The arms of campaigns, and what each mail really does to whom, are those of `campaigns`. The letter was written to
half of the shop's customers and never posted: a trial of nothing, in which nothing should be shown.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from sources.sample import clock, dirt
from sources.sample.campaigns import ARM_SHARES, ARMS
from sources.sample.desk import Desk
from sources.sample.people import person_ids
from sources.sample.records import written_email
from sources.sample.rhythm import DAY
from sources.sample.shopify import customer_ids
from sources.sample.text import one_of
from sources.sample.world import World

SOURCE: Final = "trials"
FIRST_NUMBER: Final = 900_000
HEADER: Final = "number,trial,arm,of_all,customer,email,mailing,drawn_at"
LETTER: Final = "letter"
LETTER_ARMS: Final = ("letter", "no letter")
LETTER_BEFORE_END: Final = 60 * DAY
#: The list is drawn an hour before the mail goes out.
AHEAD: Final = 3_600
FAULTS = (
    dirt.Fault(
        "time_unreadable", "experiment_assignments_assigned_at_readable", "experiment_assignments", "drawn", "drawn_at",
        dirt.instead("Thursday", "2025-02-30T07:00:00+01:00", "07:00"), 2,
    ),
    dirt.Fault(
        "no_arm", "experiment_assignments_arm_present", "experiment_assignments", "arm", "arm", dirt.MISSING, 2,
    ),
    dirt.Fault(
        "no_trial", "experiment_assignments_experiment_present", "experiment_assignments", "trial", "trial",
        dirt.MISSING, 1,
    ),
    dirt.Fault(
        "share_in_percent", "experiment_assignments_planned_share_in_range", "experiment_assignments", "share",
        "of_all", dirt.instead("40", "20", "0"), 1, "field",
    ),
    dirt.Fault(
        "share_no_number", "experiment_assignments_planned_share_readable", "experiment_assignments", "share", "of_all",
        pl.lit("two fifths"), 1, "field",
    ),
    dirt.Fault(
        "email_unusable", "experiment_assignments_email_format", "experiment_assignments", "email", "email",
        dirt.broken_email("email"), 1, "field",
        pl.col("email").is_not_null(),
    ),
)  # fmt: skip


def draw_letter(rng: np.random.Generator, world: World) -> pl.DataFrame:
    """Deal whoever has an account by then: person, account, arm (of LETTER_ARMS), at (local seconds)."""
    at = world.rhythm.last_second - LETTER_BEFORE_END
    accounts = world.accounts.frame.filter(pl.col("slot") == 0)
    dealt = pl.DataFrame(
        {
            "person": accounts["person"],
            "account": world.accounts.of_person[accounts["person"].to_numpy(), 0],
            "arm": (rng.random(accounts.height) < 0.5).astype(np.int8),
            "at": np.full(accounts.height, at, dtype=np.int64),
        }
    )
    return dealt.filter(accounts["created_at"] < at)


def letter_truth(letter: pl.DataFrame) -> pl.DataFrame:
    """One row per person that was dealt; the letter does nothing to anybody."""
    return letter.select(
        person_id=person_ids(letter["person"]),
        arm=one_of(LETTER_ARMS, pl.col("arm")),
        effect=pl.lit(0.0),
        dealt_at=clock.utc(pl.col("at")),
    )


def write_assignments(desk: Desk, world: World, addresses: pl.Series, letter: pl.DataFrame) -> pl.DataFrame:
    """Write who is in which arm; return person and source_record_id of everybody on the lists.

    Args:
        desk: Where to.
        world: Has the audiences and their arms.
        addresses: The newsletter's address of every person.
        letter: Who was dealt for the letter, see `draw_letter`.
    """
    rng = desk.rng(120)
    effects, campaigns = world.effects, world.campaigns
    person = effects["person"].to_numpy()
    email = addresses.gather(person)
    ids = pl.Series("id", FIRST_NUMBER + np.arange(effects.height)).cast(pl.String)
    names = campaigns["campaign_id"].gather(effects["campaign"])
    shares = [f"{share:.2f}" for share in ARM_SHARES]
    at = campaigns["at"].gather(effects["campaign"])
    frame = effects.with_columns(at=at).select(
        "campaign",
        id=ids,
        id_was=ids,
        trial=names,
        arm=one_of(ARMS, pl.col("arm")),
        share=one_of(shares, pl.col("arm")),
        customer=pl.lit(None, dtype=pl.String),
        email=written_email(rng, email, 0.05),
        mailing=names,
        drawn=clock.offset_text(pl.col("at") - AHEAD),
    )
    numbers = pl.Series("id", FIRST_NUMBER + effects.height + np.arange(letter.height)).cast(pl.String)
    customer = customer_ids(letter["account"].to_numpy())
    letters = letter.select(
        id=numbers,
        id_was=numbers,
        trial=pl.lit(LETTER),
        arm=one_of(LETTER_ARMS, pl.col("arm")),
        share=pl.lit(None, dtype=pl.String),
        customer=customer,
        email=pl.lit(None, dtype=pl.String),
        mailing=pl.lit(None, dtype=pl.String),
        drawn=clock.offset_text(pl.col("at")),
    )
    lists = [
        (name, frame.filter(pl.col("campaign") == number).drop("campaign"))
        for number, name in enumerate(campaigns["campaign_id"].to_list())
    ]
    carried = dirt.Carried()
    for name, mine in [*lists, (LETTER, letters)]:
        file = f"trials/{name}.csv"
        part, errors = dirt.spoil(rng, mine, FAULTS, desk.invalid_share, "id_was")
        slim = part.with_columns(_text=_line()).select("id_was", "_text", "_fault")
        placed = dirt.place(rng, slim, carried, file, later=name != LETTER)
        dirt.note_all(desk, SOURCE, "lists", file, placed, [errors], "experiment_assignments", "id_was")
        desk.write(file, placed["_text"], header=HEADER)
    return pl.concat(
        [
            pl.DataFrame({"person": person, "source_record_id": "email:" + email}),
            pl.DataFrame({"person": letter["person"], "source_record_id": "account:" + customer}),
        ]
    )


def _line() -> pl.Expr:
    columns = ("id", "trial", "arm", "share", "customer", "email", "mailing", "drawn")
    return pl.concat_str([pl.col(name).fill_null("") for name in columns], separator=",")
