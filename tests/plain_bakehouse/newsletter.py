"""The newsletter's exports: campaigns, subscribers, and what happened to each mail (JSON lines, UTC)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

import numpy as np
import polars as pl

import sources.sample.vocabulary as words
from sources.sample.rhythm import DAY, Rhythm, local_text, utc_text
from tests.plain_bakehouse.dataset import (
    Breakage,
    Dataset,
    blank,
    far_future,
    hex_ids,
    instead,
    money,
)
from tests.plain_bakehouse.people import email_as_written
from tests.plain_bakehouse.shop import CUSTOMER_RULES

#: Shares: beta distribution of a person's chance to open; chance to click once open; and so on.
OPENS: Final = (1.1, 3.9)
CLICKS: Final = 0.22
BOUNCES: Final = 0.012
UNSUBSCRIBES: Final = 0.004
COMPLAINTS: Final = 0.0004
READS_THROUGH_PROXY: Final = 0.22
HAS_LINK_SCANNER: Final = 0.04
DAYS_BETWEEN: Final = 21


def draw_campaigns(rhythm: Rhythm) -> pl.DataFrame:
    """One row per campaign: campaign_id, name, subject, at (local seconds), day.

    There is one every three weeks, on a Thursday.
    """
    first = (3 - rhythm.start.weekday()) % 7
    days = np.arange(first, rhythm.days - 2, DAYS_BETWEEN)
    dates: list[date] = [rhythm.start + timedelta(days=int(day)) for day in days]
    themes = [words.CAMPAIGN_THEMES[index % len(words.CAMPAIGN_THEMES)] for index in range(len(days))]
    return pl.DataFrame(
        {
            "campaign_id": [f"NL-{day:%Y%m%d}" for day in dates],
            "name": [f"{theme} {day:%B %Y}" for theme, day in zip(themes, dates, strict=True)],
            "subject": [f"{theme}: this week at the Bakehouse" for theme in themes],
            "at": rhythm.first_second + days * DAY + 8 * 3600,
            "day": days,
        },
        schema_overrides={"campaign_id": pl.String, "name": pl.String, "subject": pl.String},
    )


def draw_mails(rng: np.random.Generator, people: pl.DataFrame, campaigns: pl.DataFrame, rhythm: Rhythm) -> pl.DataFrame:
    """What happened to every mail: one row per event, before the newsletter system writes it down.

    Columns: mail (0, 1, …), person, campaign (row), event (sent, delivered, open, click, bounce, unsubscribe,
    complaint), at (local seconds), is_machine; ordered by time and mail.
    """
    readers = people.with_row_index("person").filter(pl.col("has_newsletter"))
    person = readers["person"].to_numpy().astype(np.int64)
    since, count = readers["joined_day"].to_numpy(), readers.height
    opens = rng.beta(*OPENS, count)
    proxy, scanner = rng.random(count) < READS_THROUGH_PROXY, rng.random(count) < HAS_LINK_SCANNER
    active = np.ones(count, dtype=bool)
    parts: list[pl.DataFrame] = []
    mails = 0
    for index, (at, day) in enumerate(zip(campaigns["at"], campaigns["day"], strict=True)):
        to = np.flatnonzero(active & (since <= day) & (rng.random(count) < 0.88))
        size = len(to)
        sent = at + np.arange(size) // 5
        bounced = rng.random(size) < BOUNCES
        opened = ~bounced & (rng.random(size) < opens[to])
        clicked = opened & (rng.random(size) < CLICKS)
        opened_at = sent + 60 + (rng.lognormal(9.2, 1.3, size)).astype(np.int64)
        clicked_at = opened_at + rng.integers(5, 240, size)
        again = opened & (rng.random(size) < 0.25)
        left = opened & (rng.random(size) < UNSUBSCRIBES / opens.mean())
        angry = ~bounced & (rng.random(size) < COMPLAINTS)
        by_proxy, by_scanner = ~bounced & proxy[to], ~bounced & scanner[to]
        soon = sent + rng.integers(2, 40, size)
        happened = (
            ("sent", np.ones(size, dtype=bool), sent, False),
            ("bounce", bounced, sent + 3, False),
            ("delivered", ~bounced, sent + 1, False),
            ("open", by_proxy, soon, True),
            ("click", by_scanner, soon + 1, True),
            ("open", opened, opened_at, False),
            ("open", again, opened_at + rng.integers(3_600, 2 * DAY, size), False),
            ("click", clicked, clicked_at, False),
            ("unsubscribe", left, opened_at + 30, False),
            ("complaint", angry, opened_at + 10, False),
        )
        number = mails + np.arange(size)
        parts += [_events(number, person[to], index, *event) for event in happened]
        mails += size
        active[to[left]] = False
    events = pl.concat(parts).filter(pl.col("at") <= rhythm.last_second)
    return events.sort("at", "mail", "event", maintain_order=True)


def _events(
    mail: np.ndarray,
    person: np.ndarray,
    campaign: int,
    event: str,
    which: np.ndarray,
    at: np.ndarray,
    machine: bool,
) -> pl.DataFrame:
    chosen = np.flatnonzero(which)
    size = len(chosen)
    return pl.DataFrame(
        {
            "mail": mail[chosen],
            "person": person[chosen],
            "campaign": np.full(size, campaign),
            "event": pl.Series([event] * size, dtype=pl.String),
            "at": at[chosen],
            "is_machine": np.full(size, machine),
        }
    )


def newsletter_datasets(
    rng: np.random.Generator,
    people: pl.DataFrame,
    campaigns: pl.DataFrame,
    mails: pl.DataFrame,
    rhythm: Rhythm,
) -> list[Dataset]:
    """The datasets of the newsletter; their keys are id (events), campaign_id and subscriber_id."""
    address = _addresses(rng, people)
    return [
        _events_dataset(rng, address, campaigns, mails),
        _campaigns_dataset(campaigns, mails),
        _subscribers_dataset(rng, people, address, mails, rhythm),
    ]


def _addresses(rng: np.random.Generator, people: pl.DataFrame) -> list[str]:
    """The address each person gave to the newsletter: the usual one, one with a plus tag, or another one."""
    style = rng.random(people.height)
    return [
        other if how < 0.05 else email.replace("@", "+news@") if how < 0.12 else email
        for email, other, how in zip(people["email"], people["email_2"], style, strict=True)
    ]


def _events_dataset(
    rng: np.random.Generator, address: list[str], campaigns: pl.DataFrame, mails: pl.DataFrame
) -> Dataset:
    count, person = mails.height, mails["person"].to_numpy()
    machine = mails["is_machine"].to_numpy()
    seen = mails["event"].is_in(["open", "click"]).to_numpy()
    click = (mails["event"] == "click").to_numpy()
    people_use, proxies = np.array(words.MAIL_CLIENTS), np.array(words.MAIL_PROXIES)
    agent = np.where(machine, proxies[click.astype(int)], people_use[person % len(people_use)])
    email = np.array(address, dtype=object)[person]
    frame = pl.DataFrame(
        {
            "id": hex_ids(rng, count, "ev_"),
            "message": "msg_" + mails["mail"].cast(pl.String).str.zfill(7),
            "campaign": campaigns["campaign_id"].gather(mails["campaign"]),
            "recipient": email,
            "event": mails["event"].replace_strict(
                {
                    "sent": "send",
                    "delivered": "delivered",
                    "open": "open",
                    "click": "click",
                    "bounce": "hard_bounce",
                    "unsubscribe": "unsub",
                    "complaint": "spam",
                }
            ),
            "timestamp": utc_text(mails["at"]),
            "url": [f"{words.SITE}/boxes" if is_click else None for is_click in click],
            "user_agent": [name if is_seen else None for name, is_seen in zip(agent, seen, strict=True)],
            "machine": np.where(machine, "true", "false"),
            "_file": "newsletter/events/" + local_text(mails["at"], "%Y-%m") + ".jsonl",
            "_at": mails["at"],
            "_ref": "email:" + pl.Series(email, dtype=pl.String),
            "_person": person,
        },
        schema_overrides={"url": pl.String, "user_agent": pl.String, "recipient": pl.String},
    )
    entity = "email_events"
    rules = (
        Breakage("email_events_event_id_present", entity, "id", blank, "id removed", 2),
        Breakage(
            "email_events_event_known",
            entity,
            "event",
            instead("heartbeat", "type_99", "test"),
            "no such event",
            2,
        ),
        Breakage(
            "email_events_occurred_at_readable",
            entity,
            "timestamp",
            instead("2025-13-45T99:00:00Z", "n/a", "just now"),
            "time made unreadable",
            2,
        ),
        Breakage("email_events_occurred_at_not_future", entity, "timestamp", far_future(), "year set to 2096"),
        Breakage("email_events_recipient_present", entity, "recipient", blank, "recipient removed", 2),
    )
    return Dataset("newsletter", "events", (entity,), {entity: "id"}, frame, rules, "jsonl")


def _campaigns_dataset(campaigns: pl.DataFrame, mails: pl.DataFrame) -> Dataset:
    count = campaigns.height
    sent = mails.filter(pl.col("event") == "sent").group_by("campaign").len()
    sizes = pl.DataFrame({"campaign": np.arange(count)}).join(sent, on="campaign", how="left", maintain_order="left")
    cost = 60 + 0.012 * sizes["len"].fill_null(0).to_numpy()
    frame = pl.DataFrame(
        {
            "campaign_id": campaigns["campaign_id"],
            "name": campaigns["name"],
            "subject": campaigns["subject"],
            "sent_at": utc_text(campaigns["at"]),
            "cost_eur": money(cost),
            "_file": pl.Series(["newsletter/campaigns.csv"] * count, dtype=pl.String),
            "_at": np.arange(count),
            "_ref": pl.Series([None] * count, dtype=pl.String),
            "_person": np.full(count, -1),
        }
    )
    no_id = Breakage("campaigns_campaign_id_present", "campaigns", "campaign_id", blank, "draft without id")
    draft = {"campaign_id": None, "subject": "Draft", "sent_at": None, "cost_eur": "0.00"}
    junk = ((no_id, draft | {"name": "Draft, do not send"}), (no_id, draft | {"name": "Copy of draft"}))
    return Dataset("newsletter", "campaigns", ("campaigns",), {"campaigns": "campaign_id"}, frame, (), junk=junk)


def _subscribers_dataset(
    rng: np.random.Generator, people: pl.DataFrame, address: list[str], mails: pl.DataFrame, rhythm: Rhythm
) -> Dataset:
    gone = set(mails.filter(pl.col("event") == "unsubscribe")["person"])
    readers = people.with_row_index("_person").filter(pl.col("has_newsletter")).sort("subscriber_id")
    count = readers.height
    given = rng.random(count) < 0.55
    since = rhythm.first_second + readers["joined_day"].to_numpy() * DAY + rng.integers(0, 8 * 3600, count)
    frame = pl.DataFrame(
        {
            "subscriber_id": readers["subscriber_id"],
            "email": email_as_written(rng, [address[row] for row in readers["_person"]], 0.08),
            "first_name": [name if has else None for name, has in zip(readers["first_name"], given, strict=True)],
            "last_name": [name if has else None for name, has in zip(readers["last_name"], given, strict=True)],
            "status": ["unsubscribed" if row in gone else "active" for row in readers["_person"]],
            "subscribed_at": utc_text(since),
            "_file": ["newsletter/subscribers.csv"] * count,
            "_at": np.arange(count),
            "_ref": "account:" + readers["subscriber_id"],
            "_person": readers["_person"].cast(pl.Int64),
        },
        schema_overrides={"first_name": pl.String, "last_name": pl.String},
    )
    rules = (
        Breakage("customers_account_id_present", "customers", "subscriber_id", blank, "subscriber number removed"),
        CUSTOMER_RULES[0],
    )
    return Dataset("newsletter", "subscribers", ("customers",), {"customers": "subscriber_id"}, frame, rules)
