"""The campaigns: who was to get a mail, who did, what the mail did to whom, and what happened to every mail.

Each campaign takes a random share of the subscribers and deals them at random into a hold-out and two variants. What a
mail adds, and how many it brings to the site, are the rates of the Hillstrom e-mail experiment.
What each person would do with and without it is drawn for everybody in the audience, and both are kept as truth.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

import numpy as np
import polars as pl

import sources.sample.vocabulary as words
from sources.sample.buying import WEEKS_A_YEAR, Habits, buyers
from sources.sample.clock import NEVER
from sources.sample.people import KINDS, People
from sources.sample.rhythm import DAY, Rhythm

CAMPAIGNS: Final = 12
AUDIENCE: Final = 0.30
ARMS: Final = ("hold-out", "variant A", "variant B")
ARM_SHARES: Final = (0.20, 0.40, 0.40)
#: What a mail adds to the chance of a purchase, and the chance of a click, by arm: Hillstrom's two variants.
ADDS: Final = (0.0, 0.0068, 0.0031)
CLICKS: Final = (0.0, 0.075, 0.045)
WINDOW_DAYS: Final = 14
SUPPRESSES: Final = 0.5
#: Chance of a person to open a mail: beta.
OPENS: Final = (1.1, 3.9)
BOUNCES: Final = 0.012
UNSUBSCRIBES: Final = 0.004
COMPLAINTS: Final = 0.0005
#: Readers whose mail program loads images ahead (machine opens), whose gateway follows every link, who read through
#: an image proxy that loads when a person opens.
PRIVACY_PROXY: Final = 0.25
LINK_SCANNER: Final = 0.05
IMAGE_PROXY: Final = 0.30
LINKS_IN_A_MAIL: Final = 4


def draw_campaigns(rhythm: Rhythm) -> pl.DataFrame:
    """One row per campaign: campaign_id, name, subject, at (local seconds)."""
    days = np.linspace(12, rhythm.days - 45, CAMPAIGNS).astype(int)
    days += (3 - (rhythm.start.weekday() + days)) % 7  # on a Thursday
    dates: list[date] = [rhythm.start + timedelta(days=int(day)) for day in days]
    themes = [words.CAMPAIGN_THEMES[index % len(words.CAMPAIGN_THEMES)] for index in range(len(days))]
    return pl.DataFrame(
        {
            "campaign_id": [f"nl{day:%Y%m%d}" for day in dates],
            "name": [f"{theme} {day:%B %Y}" for theme, day in zip(themes, dates, strict=True)],
            "subject": [f"{theme}: this week at the Bakehouse" for theme in themes],
            "at": rhythm.first_second + days.astype(np.int64) * DAY + 8 * 3600,
        }
    )


def draw_effects(
    rng: np.random.Generator,
    people: People,
    habits: Habits,
    purchases: pl.DataFrame,
    campaigns: pl.DataFrame,
    rhythm: Rhythm,
) -> pl.DataFrame:
    """The audience of every campaign with what would happen with and without the mail.

    Columns: campaign, person, arm, p_without, p_with (chances of a purchase within 14 days; p_with for the arm's mail,
    for the hold-out variant A's), buys_without, buys_with (what was drawn), opens, opens_at, clicks, clicks_at, adds
    (the mail made an order), suppresses (it kept somebody from buying), leaves, complains, bounces; ordered by campaign
    and person.
    """
    count = len(people)
    readers = np.flatnonzero(people.column("has_newsletter"))
    kind, joined_at = people.column("kind"), people.column("joined_at")
    opens = rng.beta(*OPENS, count)
    strength = _strength(rng, kind)
    gone_from = np.full(count, NEVER, dtype=np.int64)
    buys = buyers(people)
    bought = purchases.select(person="person", at=rhythm.first_second + pl.col("day").cast(pl.Int64) * DAY).sort(
        "at", "person", maintain_order=True
    )
    bought_at, bought_by = bought["at"].to_numpy(), bought["person"].to_numpy()
    parts = []
    for number, at in enumerate(campaigns["at"].to_list()):
        here = readers[(joined_at[readers] < at) & (gone_from[readers] > at)]
        person = here[rng.random(len(here)) < AUDIENCE]
        size = len(person)
        arm = np.searchsorted(np.cumsum(ARM_SHARES), rng.random(size), side="right").clip(0, 2)
        mailed = np.where(arm == 0, 1, arm)
        active = buys[person] & (habits.gone_at[person] > at)
        weekly = np.where(active, habits.rate[person], 0.0)
        p_without = 1 - np.exp(-weekly * WINDOW_DAYS / 7 * _busy(rhythm, at))
        adds = np.where(buys[person], np.array(ADDS)[mailed] * strength[person] * np.where(active, 1.25, 0.75), 0.0)
        dog = kind[person] == len(KINDS) - 1
        p_with = np.where(dog, p_without * (1 - SUPPRESSES), 1 - (1 - p_without) * (1 - adds))
        lo, hi = np.searchsorted(bought_at, [at, at + WINDOW_DAYS * DAY])
        buyers_now = np.zeros(count, dtype=bool)
        buyers_now[bought_by[lo:hi]] = True
        without = buyers_now[person]
        extra = rng.random(size) < adds
        kept_away = dog & without & (rng.random(size) < SUPPRESSES)
        bounced = rng.random(size) < BOUNCES
        opened = (rng.random(size) < opens[person]) & ~bounced
        click = (rng.random(size) < np.array(CLICKS)[mailed] / (OPENS[0] / sum(OPENS))) & opened
        made = extra & ~dog & ~without & ~bounced
        opened |= made
        click |= made
        opened_at = at + 60 + np.clip(rng.lognormal(9.2, 1.3, size), 60, 12 * DAY).astype(np.int64)
        leaves = opened & (rng.random(size) < UNSUBSCRIBES / (OPENS[0] / sum(OPENS)) * np.where(dog, 4, 1))
        contacted = arm > 0
        parts.append(
            pl.DataFrame(
                {
                    "campaign": np.full(size, number, dtype=np.int16),
                    "person": person.astype(np.int32),
                    "arm": arm.astype(np.int8),
                    "p_without": p_without,
                    "p_with": p_with,
                    "buys_without": without,
                    "buys_with": (without & ~kept_away) | (extra & ~dog & ~bounced),
                    "opens": opened,
                    "opens_at": opened_at,
                    "clicks": click,
                    "clicks_at": opened_at + rng.integers(5, 240, size),
                    "adds": made & contacted,
                    "suppresses": kept_away & contacted,
                    "leaves": leaves,
                    "complains": ~bounced & (rng.random(size) < COMPLAINTS),
                    "bounces": bounced,
                }
            )
        )
        gone_from[person[leaves & contacted]] = opened_at[leaves & contacted] + 30
    return pl.concat(parts)


def without_suppressed(
    purchases: pl.DataFrame, effects: pl.DataFrame, campaigns: pl.DataFrame, rhythm: Rhythm
) -> pl.DataFrame:
    """The purchases that are left when mails kept some people away for two weeks."""
    kept_away = effects.filter("suppresses").select("person", "campaign")
    if kept_away.is_empty():
        return purchases
    start = (campaigns["at"] - rhythm.first_second) // DAY
    spans = kept_away.with_columns(since=start.gather(kept_away["campaign"]))
    marked = purchases.with_row_index("row").join(spans, on="person", how="inner", maintain_order="left_right")
    gone = marked.filter(pl.col("day").is_between(pl.col("since"), pl.col("since") + WINDOW_DAYS))["row"].unique()
    return purchases.filter(~pl.int_range(pl.len()).is_in(gone.cast(pl.Int64).implode()))


def mails_caused(rng: np.random.Generator, effects: pl.DataFrame, rhythm: Rhythm) -> pl.DataFrame:
    """Purchases that a mail made: person, day, at, campaign; within hours of the click."""
    made = effects.filter("adds")
    at = np.minimum(made["clicks_at"].to_numpy() + rng.integers(240, 7_200, made.height), rhythm.last_second)
    return pl.DataFrame(
        {
            "person": made["person"],
            "day": ((at - rhythm.first_second) // DAY).astype(np.int32),
            "at": at,
            "campaign": made["campaign"],
        }
    )


def _strength(rng: np.random.Generator, kind: np.ndarray) -> np.ndarray:
    """How strongly a mail works on each person, against the mean: most of it on the persuadable."""
    mean = np.array([2.9, 0.55, 0.33, 0.0])[kind]
    return np.asarray(rng.gamma(1.5, 1 / 1.5, len(kind)) * mean)


def _busy(rhythm: Rhythm, at: int) -> float:
    """How busy the two weeks after a time are, against the mean."""
    day = (at - rhythm.first_second) // DAY
    until = min(day + WINDOW_DAYS, rhythm.days)
    return float((rhythm.busy[until] - rhythm.busy[day]) * WEEKS_A_YEAR / (WINDOW_DAYS / 7))
