"""The bread boxes that people subscribe to: contracts that are renewed from period to period, and the list of them.

At the end of each period a subscriber cancels with a probability of his own, beta distributed over contracts: the
shifted beta geometric model (P. S. Fader, B. G. S. Hardie: How to Project Customer Retention. Journal of Interactive
Marketing 21 (2007), 76-90).
"""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from sources.sample import clock, dirt
from sources.sample.desk import Desk
from sources.sample.goods import product_table
from sources.sample.people import person_ids
from sources.sample.places import town_table
from sources.sample.records import email_at, written_email
from sources.sample.rhythm import DAY
from sources.sample.shopify import customer_ids
from sources.sample.text import cents, one_of, plain, record, string, token
from sources.sample.world import World

SOURCE = "boxes"
FIRST_CONTRACT = 70_000
#: a and b of the probabilities to cancel: those of the "high end" customers of Fader and Hardie (2007).
CANCELS: Final = (0.668, 3.806)
#: Shares of the shop's account holders, people and businesses, with a box, and of those with a second one.
SUBSCRIBES: Final = (0.22, 0.50)
SECOND_BOX: Final = 0.05
#: Of each plan: name, SKU of the article, months, price in cents, share among people and among businesses.
PLANS: Final = (
    ("bread of the week", "BH-0704", 1, 2_900, 0.62, 0.10),
    ("breakfast box", "BH-0702", 1, 4_490, 0.28, 0.20),
    ("office breakfast", "BH-0703", 3, 24_000, 0.10, 0.70),
)
#: A franc's price is a tenth higher.
FRANCS: Final = 1.1
MOST_PERIODS: Final = 400
FAULTS = (
    dirt.Fault("no_id", "subscriptions_subscription_id_present", "subscriptions", "id", "id", dirt.MISSING, 2),
    dirt.Fault(
        "time_unreadable", "subscriptions_started_at_readable", "subscriptions", "begins", "begins_on",
        dirt.instead("soon", "2025-02-30", "01.03.25"), 2,
    ),
    dirt.Fault(
        "time_in_1970", "subscriptions_started_at_plausible", "subscriptions", "begins", "begins_on",
        pl.lit("1970-01-01"), 1, among=pl.col("currency") == "EUR",
    ),
    dirt.Fault(
        "end_unreadable", "subscriptions_ended_at_readable", "subscriptions", "ends", "ends_on", pl.lit("open end"), 1,
    ),
    dirt.Fault(
        "end_before_start", "subscriptions_ended_at_not_before_start", "subscriptions", "ends", "ends_on",
        pl.lit("2019-01-01"), 1,
    ),
    dirt.Fault(
        "period_of_nothing", "subscriptions_period_months_positive", "subscriptions", "months", "interval_months",
        pl.lit("0"), 1,
    ),
    dirt.Fault(
        "period_in_words", "subscriptions_period_months_readable", "subscriptions", "months", "interval_months",
        pl.lit('"monthly"'), 1,
    ),
    dirt.Fault(
        "currency_without_rate", "subscriptions_exchange_rate_known", "subscriptions", "currency", "currency",
        pl.lit("ISK"), 1,
    ),
    dirt.Fault(
        "price_no_number", "subscriptions_price_amount_readable", "subscriptions", "price", "price", pl.lit("free"), 1,
        "field",
    ),
    dirt.Fault(
        "price_negative", "subscriptions_price_amount_not_negative", "subscriptions", "price", "price",
        pl.lit("-") + pl.col("price"), 1, "field",
    ),
    dirt.Fault(
        "email_unusable", "subscriptions_email_format", "subscriptions", "email", "customer.email",
        dirt.broken_email("email"), 1, "field",
    ),
    dirt.line_fault("subscriptions_readable", "subscriptions", 0.5),
)  # fmt: skip


def draw_contracts(rng: np.random.Generator, world: World) -> pl.DataFrame:
    """One row per contract, by its first day.

    Columns: person, account, plan, start (date), cancels (the probability), periods (until it is cancelled), end (the
    date at which it is, which may lie beyond the exports), francs.
    """
    accounts = world.accounts.frame.filter(pl.col("slot") == 0).with_row_index("place")
    person = accounts["person"].to_numpy()
    is_business = world.people.column("is_business")[person]
    has = rng.random(len(person)) < np.where(is_business, SUBSCRIBES[1], SUBSCRIBES[0])
    has[:1] = True
    again = has & (rng.random(len(person)) < SECOND_BOX)
    row = np.concatenate([np.flatnonzero(has), np.flatnonzero(again)])
    person, count, last = person[row], len(row), world.rhythm.last_second
    # An account is opened before anything is ordered with it; a box may begin on any day from then on.
    opened = np.minimum(accounts["created_at"].to_numpy()[row] + DAY, last)
    start = opened + (rng.random(count) * (last - opened)).astype(np.int64)
    edges = np.cumsum([plan[4:] for plan in PLANS], axis=0)
    chance = rng.random(count)
    plan = (chance[:, None] > edges[:, is_business[row].astype(int)].T).sum(axis=1).clip(0, len(PLANS) - 1)
    cancels = rng.beta(*CANCELS, count)
    periods = np.minimum(rng.geometric(np.maximum(cancels, 1e-9)), MOST_PERIODS)
    country = town_table()[0]["country"].gather(world.people.frame["town"].gather(person))
    frame = pl.DataFrame(
        {
            "person": person.astype(np.int32),
            "account": world.accounts.of_person[person, 0],
            "plan": plan.astype(np.int8),
            "start": pl.Series(start // DAY).cast(pl.Int32).cast(pl.Date),
            "cancels": cancels,
            "periods": periods.astype(np.int32),
            # There are rates from the first day of the exports on.
            "francs": (country == "CH").to_numpy() & (start >= world.rhythm.first_second),
        }
    )
    months = pl.col("periods") * pl.Series([plan[2] for plan in PLANS]).gather(frame["plan"])
    end = pl.col("start").dt.offset_by(months.cast(pl.String) + "mo")
    return frame.with_columns(end=end).sort("start", "person", "plan", maintain_order=True)


def write_contracts(desk: Desk, world: World, contracts: pl.DataFrame) -> None:
    """Write the contracts as they stand at the end, by the month of their first day, as JSON lines."""
    rng = desk.rng(111)
    frame = _columns(rng, world, contracts)
    names, starts = desk.periods(frame.height)
    begins = contracts["start"].cast(pl.Int32).cast(pl.Int64).to_numpy() * DAY
    month = np.searchsorted(starts, np.maximum(begins, starts[0]), side="right") - 1
    carried = dirt.Carried()
    for place, name in enumerate(names):
        file = f"boxes/contracts-{name}.jsonl"
        part, errors = dirt.spoil(rng, frame.filter(pl.Series(month == place)), FAULTS, desk.invalid_share, "id_was")
        part = dirt.cut_off(part.with_columns(_text=part.select(_json()).to_series()), FAULTS)
        placed = dirt.place(rng, part.select("id_was", "_text", "_fault"), carried, file, later=place < len(names) - 1)
        dirt.note_all(desk, SOURCE, "contracts", file, placed, [errors], "subscriptions", "id_was")
        desk.write(file, placed["_text"])


def contract_ids(count: int) -> pl.Series:
    """The number of each contract."""
    return "BOX-" + pl.Series(FIRST_CONTRACT + np.arange(count)).cast(pl.String)


def _columns(rng: np.random.Generator, world: World, contracts: pl.DataFrame) -> pl.DataFrame:
    ids, person = contract_ids(contracts.height), contracts["person"].to_numpy()
    begins = contracts["start"].cast(pl.Int32).cast(pl.Int64).to_numpy() * DAY
    has_ended = pl.col("end") <= pl.lit(world.rhythm.end)
    changed = pl.when(has_ended).then("end").otherwise("start").cast(pl.Int32).cast(pl.Int64) * DAY
    goods = product_table()
    variants = [goods.row(by_predicate=pl.col("sku") == plan[1], named=True)["variant_id"] for plan in PLANS]
    amount = pl.lit(pl.Series([plan[3] for plan in PLANS]).gather(contracts["plan"]))
    price = pl.when("francs").then((amount * FRANCS).round().cast(pl.Int64)).otherwise(amount)
    return contracts.select(
        id=ids,
        id_was=ids,
        account=customer_ids(contracts["account"].to_numpy()),
        email=written_email(rng, email_at(world.people, person, begins), 0.05),
        plan=one_of([plan[0] for plan in PLANS], pl.col("plan")),
        variant=one_of(variants, pl.col("plan")),
        months=one_of([str(plan[2]) for plan in PLANS], pl.col("plan")),
        price=cents(price),
        currency=pl.when("francs").then(pl.lit("CHF")).otherwise(pl.lit("EUR")),
        state=pl.when(has_ended).then(pl.lit("cancelled")).otherwise(pl.lit("running")),
        begins=pl.col("start").cast(pl.String),
        ends=pl.when(has_ended).then(pl.col("end").cast(pl.String)),
        changed=clock.offset_text(changed),
    )


def _json() -> pl.Expr:
    return record(
        ("id", plain("id")),
        ("customer", record(("id", token("account")), ("email", string("email")))),
        ("plan", plain("plan")),
        ("variant", plain("variant")),
        ("interval_months", token("months")),
        ("price", plain("price")),
        ("currency", plain("currency")),
        ("state", plain("state")),
        ("begins_on", plain("begins")),
        ("ends_on", plain("ends")),
        ("changed_at", plain("changed")),
    )


def contract_truth(world: World, contracts: pl.DataFrame) -> pl.DataFrame:
    """One row per contract: how likely it was to be cancelled at each renewal; and when it is."""
    return contracts.select(
        subscription_id=contract_ids(contracts.height),
        person_id=person_ids(contracts["person"]),
        plan=one_of([plan[0] for plan in PLANS], pl.col("plan")),
        started_on="start",
        period_months=pl.Series([plan[2] for plan in PLANS], dtype=pl.Int32).gather(contracts["plan"]),
        cancel_probability="cancels",
        periods="periods",
        ends_on="end",
        is_active_at_end=pl.col("end") > pl.lit(world.rhythm.end),
    )
