"""What happens to every mail: campaigns and order confirmations, opened and clicked by people and by machines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from sources.sample import campaigns as plan
from sources.sample.buying import TILL
from sources.sample.people import People
from sources.sample.records import blanked
from sources.sample.rhythm import DAY
from sources.sample.world import World, order_email

KINDS: Final = (
    "processed", "deferred", "delivered", "bounce", "open", "click", "unsubscribe", "spamreport", "dropped",
)  # fmt: skip
PROCESSED, DEFERRED, DELIVERED, BOUNCE, OPEN, CLICK, UNSUBSCRIBE, SPAM, DROPPED = range(9)
HUMAN, PRIVACY_PROXY, LINK_SCANNER = 0, 1, 2
MACHINES: Final = ("", "privacy_proxy", "link_scanner")
DEFERRALS: Final = 0.02
OPENS_CONFIRMATION: Final = 0.45
OTHER_ADDRESS, TAGGED_ADDRESS = 0.05, 0.06


@dataclass(frozen=True)
class Mails:
    """All mails and what happened to them.

    Attributes:
        mails: person, campaign (-1: an order's confirmation), order (-1: a campaign's mail), sent_at.
        events: mail (row), kind (place in KINDS), at (local seconds), machine (place in MACHINES), link (0 to 3);
            by time.
        address: The newsletter's address of everybody.
        reads: By person: through a privacy proxy, behind a link scanner, through an image proxy (bits 1, 2, 4).
    """

    mails: pl.DataFrame
    events: pl.DataFrame
    address: pl.Series
    reads: np.ndarray


def newsletter_address(rng: np.random.Generator, people: People) -> pl.Series:
    """The address each person gave to the newsletter: the usual one, one with a tag, another one, or the family's."""
    style = rng.random(len(people))
    frame = pl.DataFrame(
        {
            "email": people.email, "other": people.email_2, "family": people.family_email,
            "shares": people.frame["shares_email"], "style": style,
        }
    )  # fmt: skip
    return frame.select(
        pl.when("shares")
        .then("family")
        .when(pl.col("style") < OTHER_ADDRESS)
        .then("other")
        .when(pl.col("style") < OTHER_ADDRESS + TAGGED_ADDRESS)
        .then(pl.col("email").str.replace("@", "+news@", literal=True))
        .otherwise("email")
        .alias("email")
    ).to_series()


def draw_mails(rng: np.random.Generator, world: World) -> Mails:
    """Draw what happens to the mails of all campaigns and to the confirmations of all web orders."""
    people, count = world.people, len(world.people)
    reads = (
        (rng.random(count) < plan.PRIVACY_PROXY) * 1
        + (rng.random(count) < plan.LINK_SCANNER) * 2
        + (rng.random(count) < plan.IMAGE_PROXY) * 4
    ).astype(np.int8)
    sent = world.effects.filter(pl.col("arm") > 0)
    started = world.campaigns["at"].to_numpy()[sent["campaign"].to_numpy()]
    # A large list goes out over an hour.
    sent_at = started + (np.arange(sent.height) * 2_654_435_761 % 3_600)
    orders = world.orders.filter(pl.col("place") != TILL)
    confirmed_at = orders["at"].to_numpy() + 5 + orders["order"].to_numpy() % 50
    campaign_events = _campaign_events(rng, sent, sent_at, reads)
    confirmations = _confirmations(rng, orders, confirmed_at, reads)
    mails = pl.DataFrame(
        {
            "person": pl.concat([sent["person"], orders["person"]]),
            "campaign": np.concatenate([sent["campaign"].to_numpy(), np.full(orders.height, -1)]).astype(np.int16),
            "order": np.concatenate([np.full(sent.height, -1), orders["order"].to_numpy()]).astype(np.int32),
            "sent_at": np.concatenate([sent_at, confirmed_at]),
        }
    )
    confirmations = confirmations.with_columns(mail=pl.col("mail") + sent.height)
    events = pl.concat([campaign_events, confirmations]).filter(pl.col("at") <= world.rhythm.last_second)
    events = events.sort("at", "mail", "kind", "link", maintain_order=True)
    return Mails(mails, events, newsletter_address(rng, people), reads)


def mail_addresses(world: World, mails: Mails, rows: np.ndarray) -> pl.Series:
    """Where the mails went."""
    part = mails.mails[rows]
    person, order = part["person"].to_numpy(), part["order"].to_numpy()
    confirms = order >= 0
    given = order_email(world, np.maximum(order, 0))
    frame = pl.DataFrame({"list": mails.address.gather(person), "order": blanked(given, confirms)})
    return frame.select(pl.coalesce("order", "list").alias("email")).to_series()


def _campaign_events(rng: np.random.Generator, sent: pl.DataFrame, at: np.ndarray, reads: np.ndarray) -> pl.DataFrame:
    size, person = sent.height, sent["person"].to_numpy()
    bounced, opened, clicked, leaves, complains = (
        sent[name].to_numpy() for name in ("bounces", "opens", "clicks", "leaves", "complains")
    )
    waits = ~bounced & (rng.random(size) < DEFERRALS)
    delivered_at = at + np.where(waits, rng.integers(300, 4 * 3_600, size), rng.integers(1, 8, size))
    opened_at = np.maximum(sent["opens_at"].to_numpy(), delivered_at + 20)
    clicked_at = opened_at + (sent["clicks_at"] - sent["opens_at"]).to_numpy()
    again = opened & (rng.random(size) < 0.3)
    again_at = opened_at + rng.integers(3_600, 4 * DAY, size)
    proxy, scanner = ~bounced & (reads[person] & 1 > 0), ~bounced & (reads[person] & 2 > 0)
    # Apple's proxy loads images when the device is charging: minutes to hours after delivery.
    proxy_at = delivered_at + np.clip(rng.lognormal(6.5, 1.8, size), 2, 40 * 3_600).astype(np.int64)
    scanned_at = delivered_at + rng.integers(1, 9, size)
    link = rng.choice(plan.LINKS_IN_A_MAIL, size, p=(0.55, 0.25, 0.15, 0.05)).astype(np.int8)
    everyone = np.ones(size, dtype=bool)
    parts = [
        _events(everyone, PROCESSED, at),
        _events(waits, DEFERRED, at + 30),
        _events(bounced, BOUNCE, at + 3),
        _events(~bounced, DELIVERED, delivered_at),
        _events(proxy, OPEN, proxy_at, PRIVACY_PROXY),
        _events(scanner, OPEN, scanned_at, LINK_SCANNER),
        # A person behind the privacy proxy is not seen opening: the pictures are there already.
        _events(opened & ~proxy, OPEN, opened_at),
        _events(again & ~proxy, OPEN, again_at),
        _events(clicked, CLICK, clicked_at, HUMAN, link),
        _events(clicked & (rng.random(size) < 0.18), CLICK, clicked_at + 90, HUMAN, (link + 1) % plan.LINKS_IN_A_MAIL),
        _events(leaves, UNSUBSCRIBE, opened_at + 30),
        _events(complains, SPAM, opened_at + 10),
    ]
    for one in range(plan.LINKS_IN_A_MAIL):
        links = np.full(size, one, dtype=np.int8)
        parts.append(_events(scanner, CLICK, scanned_at + rng.integers(0, 4, size), LINK_SCANNER, links))
    return pl.concat(parts)


def _confirmations(rng: np.random.Generator, orders: pl.DataFrame, at: np.ndarray, reads: np.ndarray) -> pl.DataFrame:
    size, person = orders.height, orders["person"].to_numpy()
    bounced = rng.random(size) < 0.004
    opened = ~bounced & (rng.random(size) < OPENS_CONFIRMATION) & (reads[person] & 1 == 0)
    proxy, scanner = ~bounced & (reads[person] & 1 > 0), ~bounced & (reads[person] & 2 > 0)
    everyone = np.ones(size, dtype=bool)
    opened_at = at + 10 + np.clip(rng.lognormal(6.0, 1.6, size), 5, 6 * DAY).astype(np.int64)
    proxy_at = at + 4 + np.clip(rng.lognormal(6.5, 1.8, size), 2, 40 * 3_600).astype(np.int64)
    link = np.zeros(size, dtype=np.int8)
    return pl.concat(
        [
            _events(everyone, PROCESSED, at),
            _events(bounced, BOUNCE, at + 3),
            _events(~bounced, DELIVERED, at + 2),
            _events(proxy & (rng.random(size) < 0.9), OPEN, proxy_at, PRIVACY_PROXY),
            _events(opened, OPEN, opened_at),
            _events(opened & (rng.random(size) < 0.12), CLICK, opened_at + 40, HUMAN, link),
            _events(scanner, CLICK, at + 5, LINK_SCANNER, link),
        ]
    )


def _events(
    which: np.ndarray, kind: int, at: np.ndarray, machine: int = HUMAN, link: np.ndarray | None = None
) -> pl.DataFrame:
    mail = np.flatnonzero(which)
    return pl.DataFrame(
        {
            "mail": mail.astype(np.int32),
            "kind": np.full(len(mail), kind, dtype=np.int8),
            "at": at[mail],
            "machine": np.full(len(mail), machine, dtype=np.int8),
            "link": np.zeros(len(mail), dtype=np.int8) if link is None else link[mail],
        }
    )
