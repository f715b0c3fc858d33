"""Generates the company: draws what happens, lets every system write it down, and keeps the truth."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

import sources.sample.vocabulary as words
from sources.sample import (
    agents,
    boxes,
    mailchimp,
    mailing,
    money,
    opinions,
    partners,
    segment,
    sendgrid,
    service,
    shopify,
    shopify_orders,
    snowplow,
    surveys,
    tills,
    trials,
    twilio,
    visiting,
    zendesk,
)
from sources.sample.company_file import company_text
from sources.sample.desk import Desk
from sources.sample.rhythm import Rhythm
from sources.sample.truth import Written, write_truth
from sources.sample.world import World, draw_world

#: The file that marks a folder as ours, so that generating again may replace what is in it.
MARKER = "GENERATED.txt"
FOLDERS = (
    "shopify", "tills", "sendgrid", "mailchimp", "twilio", "zendesk", "snowplow", "segment", "rates", "survey",
    "boxes", "partners", "trials", "truth",
)  # fmt: skip
#: There are 80 million telephone numbers that belong to nobody; every person takes up to three.
MOST_CUSTOMERS = 25_000_000


@dataclass(frozen=True)
class SampleReport:
    """What was generated.

    Attributes:
        out: The folder.
        files: Number of data files, the truth not counted.
        size_bytes: Their size together.
        records: Records over all entities.
        invalid: Records that break a rule: the record itself or one of its values.
        duplicates: Records that come again.
        entities: Counts per source, dataset and entity, as in truth/summary.json.
        seconds: Time it took.
    """

    out: Path
    files: int
    size_bytes: int
    records: int
    invalid: int
    duplicates: int
    entities: list[dict[str, Any]]
    seconds: float


def generate(
    out: Path,
    *,
    customers: int = 3000,
    seed: int = 7,
    end: date = date(2026, 6, 30),
    invalid_share: float = 0.06,
    progress: Callable[[str], None] | None = None,
) -> SampleReport:
    """Write what a company of so many customers exports over two years, its company file, and the truth about it.

    The same arguments give the same bytes with the same versions of NumPy and Polars. All people are made up; e-mail
    domains are reserved for examples, telephone numbers belong to nobody. What is drawn from where is in
    docs/sample-company.md.

    Args:
        out: Folder to write to; made if missing. What an earlier call wrote there is replaced.
        customers: Number of people; the size of everything follows it.
        seed: Where chance starts.
        end: Last day of the exports.
        invalid_share: Share of records that break exactly one rule, 0 to 0.5.
        progress: Called with a few words before each step.

    Raises:
        ValueError: An argument is out of range.
        FileExistsError: `out` holds something else than an earlier call's files.
    """
    if not 10 <= customers <= MOST_CUSTOMERS:
        raise ValueError(f"customers is {customers}; the company can have 10 to {MOST_CUSTOMERS:,}")
    if not 0 <= invalid_share <= 0.5:
        raise ValueError(f"invalid_share is {invalid_share}; it must be between 0 and 0.5")
    started = time.perf_counter()
    _make_room(out)
    tell = progress or (lambda _: None)
    rhythm = Rhythm.two_years_to(end)
    desk = Desk(out, seed, rhythm, invalid_share, tell)
    tell(f"people and what they buy: {customers:,} customers")
    world = draw_world(seed, customers, rhythm)
    written = _write(desk, world)
    tell("the truth about it")
    (out / "company.yaml").write_text(company_text(f"{end.year}-12-31"), encoding="utf-8")
    arguments = {"customers": customers, "seed": seed, "end": end.isoformat(), "invalid_share": invalid_share}
    desk.close()
    counts = write_truth(desk, world, written, arguments)
    return SampleReport(
        out=out,
        files=len(desk.sizes),
        size_bytes=sum(desk.sizes.values()),
        records=sum(count["records"] for count in counts),
        invalid=sum(count["invalid"] + count["invalid_fields"] for count in counts),
        duplicates=sum(count["duplicates"] for count in counts),
        entities=counts,
        seconds=time.perf_counter() - started,
    )


def _write(desk: Desk, world: World) -> Written:
    """Let every system write its files."""
    desk.tell(f"web shop: {world.accounts.frame.height:,} accounts")
    shop_customers = shopify.write_customers(desk, world)
    shopify.write_products(desk, world)
    web = world.orders["place"] != 0
    desk.tell(f"web shop: {int(web.sum()):,} orders")
    shop_orders = shopify_orders.write_orders(desk, world)
    desk.tell(f"tills: {int((~web).sum()):,} receipts")
    members = tills.write_members(desk, world)
    receipts = tills.write_receipts(desk, world)
    money.write_rates(desk)
    mails = mailing.draw_mails(desk.rng(9), world)
    desk.tell(f"mail: {mails.events.height:,} events")
    machines = sendgrid.write_events(desk, world, mails)
    list_members = mailchimp.write_members(desk, world, mails)
    mailchimp.write_campaigns(desk, world)
    calls = service.draw_calls(desk.rng(11), world)
    tickets = service.draw_tickets(desk.rng(12), world, calls)
    desk.tell(f"service: {calls.height:,} calls, {tickets.height:,} tickets")
    call_truth = twilio.write_calls(desk, world, calls)
    ticket_truth = zendesk.write_tickets(desk, world, tickets)
    users = zendesk.write_users(desk, world, tickets)
    visits = visiting.draw_visits(
        desk.rng(10), world, _clicks(mails), len(words.ORIGINS), len(agents.BROWSERS), len(agents.BOTS)
    )
    desk.tell(f"site: {visits.events.height:,} events")
    snowplow.write_events(desk, world, visits)
    desk.tell("app")
    app_visitors = segment.write_events(desk, world)
    said = opinions.draw_opinions(desk.rng(100), world, calls, tickets)
    desk.tell(f"survey: {said.answers.height:,} answers")
    respondents = surveys.write_answers(desk, world, said)
    contracts = boxes.draw_contracts(desk.rng(110), world)
    desk.tell(f"bread boxes: {contracts.height:,} contracts")
    boxes.write_contracts(desk, world, contracts)
    owners = partners.draw_owners(desk.rng(120), world)
    desk.tell(f"partners: {owners.frame.height:,} customers with an owner")
    partners.write_partners(desk, world, owners)
    letter = trials.draw_letter(desk.rng(121), world)
    desk.tell(f"trials: {world.effects.height + letter.height:,} assignments")
    dealt = trials.write_assignments(desk, world, mails.address, letter)
    return Written(
        shop_customers=shop_customers,
        members=members,
        list_members=list_members,
        users=users,
        shop_orders=shop_orders,
        receipts=receipts,
        machines=machines,
        visits=visits,
        app_visitors=app_visitors,
        calls=calls,
        call_truth=call_truth,
        tickets=tickets,
        ticket_truth=ticket_truth,
        mails=mails,
        opinions=said,
        respondents=respondents,
        contracts=contracts,
        dealt=dealt,
        letter=letter,
        owners=owners,
    )


def _clicks(mails: mailing.Mails) -> pl.DataFrame:
    """Clicks of people in campaigns' mails: person, campaign, at."""
    clicks = mails.events.filter((pl.col("kind") == mailing.CLICK) & (pl.col("machine") == mailing.HUMAN))
    mailed = mails.mails[clicks["mail"].to_numpy()]
    return clicks.select("at", person=mailed["person"], campaign=mailed["campaign"]).filter(pl.col("campaign") >= 0)


def _make_room(out: Path) -> None:
    """Make the folder, or empty it of what an earlier call wrote."""
    if out.exists() and not out.is_dir():
        raise FileExistsError(f"{out} is a file; name a folder for the company's exports")
    if out.exists() and any(out.iterdir()) and not (out / MARKER).is_file():
        raise FileExistsError(
            f"{out} holds files that the company's generator did not write; name a folder that is new or empty"
        )
    out.mkdir(parents=True, exist_ok=True)
    (out / MARKER).write_text(
        "The exports of a made-up company, written by `regulars sample`. Generating again replaces them.\n",
        encoding="utf-8",
    )
    for name in FOLDERS:
        shutil.rmtree(out / name, ignore_errors=True)
