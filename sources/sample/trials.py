"""The list of who was dealt into which arm of each campaign, before anything was sent: one file a campaign.

The arms, and what each mail really does to whom, are those of `campaigns`; nothing new is drawn but slips of the pen.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from sources.sample import clock, dirt
from sources.sample.campaigns import ARM_SHARES, ARMS
from sources.sample.desk import Desk
from sources.sample.records import written_email
from sources.sample.text import one_of
from sources.sample.world import World

SOURCE: Final = "trials"
FIRST_NUMBER: Final = 900_000
HEADER: Final = "number,trial,arm,of_all,email,mailing,drawn_at"
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
    ),
)  # fmt: skip


def write_assignments(desk: Desk, world: World, addresses: pl.Series) -> pl.DataFrame:
    """Write who is in which arm; return person and source_record_id of everybody on the lists.

    Args:
        desk: Where to.
        world: Has the audiences and their arms.
        addresses: The newsletter's address of every person.
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
        email=written_email(rng, email, 0.05),
        mailing=names,
        drawn=clock.offset_text(pl.col("at") - AHEAD),
    )
    carried = dirt.Carried()
    for number, name in enumerate(campaigns["campaign_id"].to_list()):
        file = f"trials/{name}.csv"
        mine = frame.filter(pl.col("campaign") == number).drop("campaign")
        part, errors = dirt.spoil(rng, mine, FAULTS, desk.invalid_share, "id_was")
        slim = part.with_columns(_text=_line()).select("id_was", "_text", "_fault")
        placed = dirt.place(rng, slim, carried, file, later=number < campaigns.height - 1)
        dirt.note_all(desk, SOURCE, "lists", file, placed, [errors], "experiment_assignments", "id_was")
        desk.write(file, placed["_text"], header=HEADER)
    return pl.DataFrame({"person": person, "source_record_id": "email:" + email})


def _line() -> pl.Expr:
    columns = ("id", "trial", "arm", "share", "email", "mailing", "drawn")
    return pl.concat_str([pl.col(name).fill_null("") for name in columns], separator=",")
