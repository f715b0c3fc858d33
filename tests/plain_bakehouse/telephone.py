"""The telephone line's export: a call log a week, tab-separated, date and time in columns of their own."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

import sources.sample.vocabulary as words
from sources.sample.rhythm import CALL_HOURS, Rhythm, local_text
from tests.plain_bakehouse.dataset import Breakage, Dataset, blank, broken_phone, instead, negative
from tests.plain_bakehouse.people import phone_as_written

#: Calls a year of someone who calls: private people, businesses; and calls without number for each customer.
CALLS_A_YEAR: Final = (1.6, 7.0)
WITHHELD_PER_CUSTOMER: Final = 0.16
#: Share of answered calls in which the agent finds the caller's account.
FOUND: Final = 0.62
WITHHELD: Final = "anonymous"


def phone_datasets(rng: np.random.Generator, people: pl.DataFrame, rhythm: Rhythm) -> list[Dataset]:
    """The call log; its key is call_no."""
    calls = _draw_calls(rng, people, rhythm)
    count, person = calls.height, calls["person"].to_numpy()
    answered = (calls["outcome"] == "answered").to_numpy()
    known = people[np.maximum(person, 0)]
    has_number = (person >= 0) & known["phone"].is_not_null().to_numpy()
    # Of a family with one line, the second person is known to the log only when the agent asks for the account.
    shared = known["shares_phone"].to_numpy()
    account = known["account_id"].is_not_null().to_numpy() & (person >= 0)
    found = account & answered & ((rng.random(count) < FOUND) | shared)
    shows = has_number & (~shared | found)
    written = phone_as_written(
        rng, [number if has else None for number, has in zip(known["phone"], shows, strict=True)]
    )
    reasons = [name for name, _ in words.CALL_REASONS]
    share = np.array([weight for _, weight in words.CALL_REASONS], dtype=float)
    reason = np.array(reasons)[rng.choice(len(reasons), count, p=share / share.sum())]
    talk = np.where(answered, np.maximum(rng.lognormal(4.9, 0.7, count).astype(int), 8), 0)
    wait = rng.lognormal(3.2, 0.9, count).astype(int)
    mood = np.clip(np.round(4.3 - wait / 90 - 0.9 * (reason == "complaint") + rng.normal(0, 0.8, count)), 1, 5)
    rated = answered & (rng.random(count) < 0.34)
    outbound = calls["is_outbound"].to_numpy()
    ref = [
        f"account:{number}" if is_found else f"phone:{phone}" if is_shown else None
        for number, phone, is_found, is_shown in zip(known["account_id"], known["phone"], found, shows, strict=True)
    ]
    frame = pl.DataFrame(
        {
            "call_no": [f"T{2_000_000 + number}" for number in range(count)],
            "date": local_text(calls["at"], "%d.%m.%Y"),
            "time": local_text(calls["at"], "%H:%M:%S"),
            "direction": np.where(outbound, "out", "in"),
            "number": [value or WITHHELD for value in written],
            "customer_no": [number if has else None for number, has in zip(known["account_id"], found, strict=True)],
            "result": calls["outcome"],
            "topic": [value if has else None for value, has in zip(reason, answered, strict=True)],
            "wait_s": pl.Series(np.where(outbound, 0, wait)).cast(pl.String),
            "talk_s": pl.Series(talk).cast(pl.String),
            "agent": [
                name if has else None
                for name, has in zip(np.array(words.AGENTS)[rng.integers(0, 6, count)], answered, strict=True)
            ],
            "rating": [str(int(value)) if has else None for value, has in zip(mood, rated, strict=True)],
            "_file": "phone/calls-" + local_text(calls["at"], "%G-W%V") + ".tsv",
            "_at": calls["at"],
            "_ref": pl.Series(ref, dtype=pl.String),
            "_person": np.where(found | shows, person, -1),
        },
        schema_overrides=dict.fromkeys(("customer_no", "topic", "agent", "rating"), pl.String),
    )
    rules = (
        Breakage("calls_call_id_present", "calls", "call_no", blank, "call number removed", 2),
        Breakage(
            "calls_started_at_readable",
            "calls",
            "date",
            instead("31.02.2025", "00.00.0000", "today"),
            "no such day",
            2,
        ),
        Breakage("calls_talk_seconds_not_negative", "calls", "talk_s", negative, "made negative", 2),
        Breakage(
            "calls_phone_format",
            "calls",
            "number",
            broken_phone,
            "number made unusable",
            2,
            "field",
            among=pl.col("number") != WITHHELD,
            clears_ref="phone:",
        ),
    )
    return [Dataset("phone", "calls", ("calls",), {"calls": "call_no"}, frame, rules, separator="\t")]


def _draw_calls(rng: np.random.Generator, people: pl.DataFrame, rhythm: Rhythm) -> pl.DataFrame:
    """One row per call: person (-1 = number withheld), at, outcome, is_outbound; ordered by time."""
    callers = people.with_row_index("person").filter(pl.col("calls"))
    start = rhythm.busy_at(callers["joined_day"].to_numpy())
    rate = np.where(callers["is_business"].to_numpy(), CALLS_A_YEAR[1], CALLS_A_YEAR[0])
    rate = rate * rng.gamma(1.2, 1 / 1.2, callers.height)
    size = 1 + rng.poisson(rate * (rhythm.busy[-1] - start))
    person = np.repeat(callers["person"].to_numpy().astype(np.int64), size)
    first = np.repeat(start, size)
    withheld = int(people.height * WITHHELD_PER_CUSTOMER)
    person = np.concatenate([person, np.full(withheld, -1)])
    first = np.concatenate([first, np.zeros(withheld)])
    day = rhythm.day_of(first + rng.random(len(person)) * (rhythm.busy[-1] - first))
    outbound = (person >= 0) & (rng.random(len(person)) < 0.08)
    outcome = rng.choice(["answered", "abandoned", "voicemail"], len(person), p=[0.82, 0.13, 0.05])
    return pl.DataFrame(
        {
            "person": person,
            "at": rhythm.seconds(rng, day, CALL_HOURS),
            "outcome": outcome,
            "is_outbound": outbound,
        }
    ).sort("at", "person", maintain_order=True)
