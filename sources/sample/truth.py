"""The truth about the company: what a warehouse should find, and what nobody can know but we.

One Parquet file per table, described in docs/sample-company.md and in short in truth/README.md.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from sources.sample import boxes, clock, mailing, partners, snowplow, surveys, trials
from sources.sample.buying import BGNBD, BUSINESS, GAMMA_GAMMA, TILL, WEB, buyers
from sources.sample.campaigns import ARMS
from sources.sample.clock import NEVER
from sources.sample.desk import COLUMNS, Desk
from sources.sample.mailchimp import LIST_ID, contact_ids
from sources.sample.name_lists import CULTURES
from sources.sample.opinions import EFFECTS, Opinions
from sources.sample.people import KINDS, person_ids
from sources.sample.places import street_table, town_table
from sources.sample.records import KEPT, phone_at
from sources.sample.shopify import customer_ids
from sources.sample.shopify_orders import order_ids
from sources.sample.text import one_of
from sources.sample.tills import card_numbers, receipt_ids
from sources.sample.truth_tables import TABLES
from sources.sample.visiting import Visits
from sources.sample.world import World, order_email
from sources.sample.zendesk import user_ids


@dataclass(frozen=True)
class Written:
    """What the writers of the systems report about what they wrote."""

    shop_customers: pl.DataFrame
    members: pl.DataFrame
    list_members: pl.DataFrame
    users: pl.DataFrame
    shop_orders: pl.DataFrame
    receipts: pl.DataFrame
    machines: pl.DataFrame
    visits: Visits
    app_visitors: pl.DataFrame
    calls: pl.DataFrame
    call_truth: pl.DataFrame
    tickets: pl.DataFrame
    ticket_truth: pl.DataFrame
    mails: mailing.Mails
    opinions: Opinions
    respondents: pl.DataFrame
    contracts: pl.DataFrame
    dealt: pl.DataFrame
    letter: pl.DataFrame
    owners: partners.Owners


def write_truth(desk: Desk, world: World, written: Written, arguments: dict[str, Any]) -> list[dict[str, Any]]:
    """Write all tables, README.md and summary.json to truth/; return the counts per source, dataset and entity."""
    folder = desk.out / "truth"
    folder.mkdir(parents=True, exist_ok=True)
    noted = {
        name: pl.concat(frames).cast(pl.Schema(COLUMNS[name])) if frames else pl.DataFrame(schema=COLUMNS[name])
        for name, frames in desk.notes.items()
    }
    desk.notes.clear()
    counts = summary(desk, noted["errors"], noted["duplicates"])
    for name in tuple(noted):
        # Written first and let go: they are the largest.
        noted.pop(name).write_parquet(folder / f"{name}.parquet", compression="zstd", compression_level=1)
    tables: dict[str, Callable[[], pl.DataFrame]] = {
        "people": lambda: people_table(world),
        "references": lambda: references(world, written),
        "records": lambda: records_table(written),
        "visitors": lambda: _visitors(written),
        "visits": lambda: snowplow.visit_truth(written.visits),
        "orders": lambda: orders_table(world, written),
        "calls": lambda: written.call_truth,
        "tickets": lambda: written.ticket_truth,
        "campaigns": lambda: world.campaigns.select("campaign_id", "name", "subject", sent_at=clock.utc(pl.col("at"))),
        "campaign_effects": lambda: effects_table(world),
        "letter": lambda: trials.letter_truth(written.letter),
        "machine_events": lambda: written.machines,
        "consents": lambda: consents_table(written),
        "answers": lambda: surveys.answer_truth(written.opinions),
        "satisfaction": lambda: surveys.satisfaction_truth(written.opinions),
        "contracts": lambda: boxes.contract_truth(world, written.contracts),
        "owners": lambda: partners.owner_truth(world, written.owners),
    }
    for name, make in tables.items():
        make().write_parquet(folder / f"{name}.parquet", compression="zstd", compression_level=1)
    total = {
        name: sum(int(one[name]) for one in counts) for name in ("records", "invalid", "invalid_fields", "duplicates")
    }
    parameters = {
        "bg_nbd": BGNBD, "bg_nbd_businesses": BUSINESS, "gamma_gamma": GAMMA_GAMMA, "satisfaction": EFFECTS,
        "shifted_beta_geometric": boxes.CANCELS,
    }  # fmt: skip
    text = json.dumps({"arguments": arguments, "parameters": parameters, "total": total, "entities": counts}, indent=2)
    (folder / "summary.json").write_text(text + "\n", encoding="utf-8")
    listed = "\n".join(f"- `{name}.parquet`: {says}" for name, says in TABLES.items())
    (folder / "README.md").write_text(
        "# The truth about the generated company\n\nMade, not observed: see docs/sample-company.md for every column "
        f"and every distribution.\n\n{listed}\n- `summary.json`: arguments, parameters, counts.\n",
        encoding="utf-8",
    )
    return counts


def people_table(world: World) -> pl.DataFrame:
    """One row per person."""
    people, habits = world.people, world.habits
    frame, rows = people.frame, np.arange(len(people))
    streets, towns = street_table()[0], town_table()[0]

    def address(suffix: str) -> pl.Series:
        town = towns[frame[f"town{suffix}"].to_numpy()]
        parts = pl.DataFrame(
            {
                "street": streets.gather(frame[f"street{suffix}"]), "house": frame[f"house{suffix}"].cast(pl.String),
                "code": town["postal_code"], "city": town["city"],
            }
        )  # fmt: skip
        return parts.select(pl.concat_str(["street", "house", "code", "city"], separator=" ")).to_series()

    def when(name: str) -> pl.Expr:
        at = pl.col(name)
        return pl.when(at < NEVER).then(clock.utc(pl.when(at < NEVER).then(at).otherwise(0))).alias(name)

    buys = buyers(people)
    return frame.select(
        person_id=person_ids(rows),
        household=pl.col("household"),
        is_business="is_business",
        culture=one_of([name for name, _, _ in CULTURES], pl.col("culture")),
        gender=pl.when("woman").then(pl.lit("f")).otherwise(pl.lit("m")),
        birth_date=pl.col("birth").cast(pl.Date),
        first_name=people.first.home.gather(frame["first"]),
        last_name=people.last.home.gather(frame["last"]),
        first_name_latin=people.first.latin.gather(frame["first"]),
        last_name_latin=people.last.latin.gather(frame["last"]),
        married_name=pl.when(pl.col("married") != pl.col("last")).then(people.last.home.gather(frame["married"])),
        married_at=when("married_at"),
        address=address(""),
        address_2=pl.when(pl.col("moved_at") < NEVER).then(address("_2")),
        moved_at=when("moved_at"),
        phone=people.phone,
        phone_2=pl.when(pl.col("phone_changed_at") < NEVER).then(people.phone_2),
        family_phone=pl.when("shares_phone").then(people.family_phone),
        email=people.email,
        email_2=people.email_2,
        family_email=pl.when("shares_email").then(people.family_email),
        joined_at=when("joined_at"),
        has_account="has_account",
        has_second_account="second_account",
        has_card="has_card",
        is_guest="is_guest",
        has_newsletter="has_newsletter",
        has_app="has_app",
        calls="calls",
        is_buyer=pl.Series(buys),
        purchases_per_week=pl.Series(np.where(buys, habits.rate, np.nan)).fill_nan(None),
        drop_out_probability=pl.Series(np.where(buys, habits.drop_out, np.nan)).fill_nan(None),
        gone_at=pl.DataFrame({"gone_at": habits.gone_at}).select(when("gone_at")).to_series(),
        is_active_at_end=pl.Series(buys & (habits.gone_at == NEVER)),
        mean_order_value=pl.Series(np.where(buys, habits.value, np.nan)).fill_nan(None),
        responds_as=one_of([name for name, _ in KINDS], pl.col("kind")),
    )


def orders_table(world: World, written: Written) -> pl.DataFrame:
    """One row per order and receipt: its amounts as they should be (in its currency), and what became of its record."""
    orders = world.orders
    rows = np.arange(orders.height)
    till = pl.col("place") == TILL
    outcome = pl.concat(
        [
            one.select(
                pl.col("order").cast(pl.Int64),
                "file",
                "row_number",
                "is_received",
                "is_valid",
                (pl.col("changed") if "changed" in one.columns else pl.lit(value=False)).alias("shows_change"),
                pl.col("wrong_lines").cast(pl.Int64),
                wrong_lines_gross=pl.col("wrong_gross") / 100,
                wrong_lines_discount=pl.col("wrong_discount") / 100,
            )
            for one in (written.shop_orders, written.receipts)
        ]
    )
    campaign = world.campaigns["campaign_id"].gather(orders["campaign"].clip(0))
    sign = pl.when(till & (pl.col("status") == 3)).then(-1).otherwise(1)
    frame = orders.select(
        order="order",
        source=pl.when(till).then(pl.lit("tills")).otherwise(pl.lit("webshop")),
        order_id=pl.when(till).then(receipt_ids(world, rows)).otherwise(order_ids(rows)),
        person_id=person_ids(orders["person"]),
        ordered_at=clock.utc(pl.col("at")),
        channel=pl.when(till)
        .then(pl.lit("store"))
        .when(pl.col("place") == WEB)
        .then(pl.lit("web"))
        .otherwise(pl.lit("phone")),
        currency=pl.when(till & (pl.col("store") == 7)).then(pl.lit("CHF")).otherwise(pl.lit("EUR")),
        lines="lines",
        gross_amount=pl.col("gross") * sign / 100,
        discount_amount=pl.col("discount") * sign / 100,
        shipping_amount=pl.col("shipping") / 100,
        refund_amount=pl.when(till).then(0).otherwise(pl.col("back")) / 100,
        status=one_of(("completed", "cancelled", "partially_refunded", "returned"), pl.col("status")),
        is_linked=pl.when(till).then("shows_card").otherwise(pl.lit(value=True)) & (pl.col("person") >= 0),
        caused_by_campaign=pl.when(pl.col("campaign") >= 0).then(campaign),
        delivered_late="delivered_late",
    )
    return frame.join(outcome, on="order", how="left", maintain_order="left").drop("order")


def effects_table(world: World) -> pl.DataFrame:
    """One row per campaign and person of its audience."""
    effects = world.effects
    contacted = pl.col("arm") > 0
    return effects.select(
        campaign_id=world.campaigns["campaign_id"].gather(effects["campaign"]),
        person_id=person_ids(effects["person"]),
        arm=one_of(ARMS, pl.col("arm")),
        chance_without="p_without",
        chance_with="p_with",
        effect=pl.col("p_with") - pl.col("p_without"),
        buys_without="buys_without",
        buys_with="buys_with",
        bought=pl.when(contacted).then("buys_with").otherwise("buys_without"),
    )


def references(world: World, written: Written) -> pl.DataFrame:
    """Which reference is which person; a reference of several people has several rows, and `is_shared` says so."""
    people, orders, accounts = world.people, world.orders, world.accounts.frame
    known = orders.filter(pl.col("person") >= 0)
    guests = known.filter((pl.col("place") != TILL) & (pl.col("account") < 0))
    cards = known.filter((pl.col("place") == TILL) & pl.col("shows_card"))
    readers = np.flatnonzero(people.column("has_newsletter"))
    mailed = (
        written.mails.mails.filter(pl.col("campaign") >= 0).unique("person", maintain_order=True)["person"].to_numpy()
    )
    confirmed = known.filter(pl.col("place") != TILL)
    calls = written.calls.filter(~pl.col("withheld"))
    logged_in = snowplow.logged_in(written.visits)
    app = written.app_visitors["person"].to_numpy()
    first_account = world.accounts.of_person[:, 0]

    def refs(source: str, prefix: str, values: pl.Series, person: np.ndarray) -> pl.DataFrame:
        made = pl.DataFrame({"person": person.astype(np.int64), "source_record_id": prefix + values})
        return made.with_columns(source=pl.lit(source)).unique(maintain_order=True)

    parts = [
        refs("webshop", "account:", customer_ids(np.arange(accounts.height)), accounts["person"].to_numpy()),
        refs("webshop", "email:", order_email(world, guests["order"].to_numpy()), guests["person"].to_numpy()),
        refs("tills", "account:", written.members["record_key"], written.members["person"].to_numpy()),
        refs(
            "tills",
            "card:",
            card_numbers(cards["person"].to_numpy(), cards["second"].to_numpy()),
            cards["person"].to_numpy(),
        ),
        refs("list", f"account:{LIST_ID}:", contact_ids(readers), readers),
        refs("mailer", "email:", written.mails.address.gather(mailed), mailed),
        refs("mailer", "email:", order_email(world, confirmed["order"].to_numpy()), confirmed["person"].to_numpy()),
        refs(
            "phone",
            "phone:",
            phone_at(people, calls["person"].to_numpy(), calls["at"].to_numpy()),
            calls["person"].to_numpy(),
        ),
        refs("desk", "account:", user_ids(written.users["person"].to_numpy()), written.users["person"].to_numpy()),
        refs("site", "account:", customer_ids(first_account[logged_in]), logged_in),
        refs("app", "account:", customer_ids(first_account[app]), app),
        refs("trials", "", written.dealt["source_record_id"], written.dealt["person"].to_numpy()),
        refs("survey", "", written.respondents["source_record_id"], written.respondents["person"].to_numpy()),
        refs(
            "boxes",
            "account:",
            customer_ids(written.contracts["account"].to_numpy()),
            written.contracts["person"].to_numpy(),
        ),
    ]
    every = pl.concat(parts).unique(maintain_order=True)
    several = pl.len().over("source", "source_record_id") > 1
    return every.select(
        person_id=person_ids(every["person"]), source="source", source_record_id="source_record_id", is_shared=several
    ).sort("person_id", "source", "source_record_id")


def records_table(written: Written) -> pl.DataFrame:
    """Every record that holds a person's data: its key, the person, the day it speaks of, and what is off."""
    parts = [
        frame.select(
            source=pl.lit(source),
            dataset=pl.lit(dataset),
            record_key="record_key",
            person_id=person_ids(frame["person"]),
            as_of=clock.utc(pl.col("at")),
            **{name: pl.col(name) for name in (*KEPT[2:], "has_phone", "has_email")},
        )
        for source, dataset, frame in (
            ("webshop", "customers", written.shop_customers),
            ("tills", "members", written.members),
            ("list", "members", written.list_members),
            ("desk", "users", written.users),
        )
    ]
    return pl.concat(parts)


def consents_table(written: Written) -> pl.DataFrame:
    """What people said about e-mail and text messages, in the order of person and time."""
    shop, listed = written.shop_customers, written.list_members

    def said(frame: pl.DataFrame, source: str, channel: str, state: pl.Expr, at: pl.Expr) -> pl.DataFrame:
        return frame.select(
            person_id=person_ids(frame["person"]), source=pl.lit(source), channel=pl.lit(channel), status=state,
            occurred_at=clock.utc(at),
        )  # fmt: skip

    email = pl.col("email_state").replace_strict(
        {"subscribed": "granted", "unsubscribed": "denied", "not_subscribed": "not asked"}
    )
    email_at = pl.when(pl.col("email_state") == "unsubscribed").then("at").otherwise("created_at")
    sms = pl.col("sms_state").replace_strict({"subscribed": "granted", "not_subscribed": "not asked"})
    status = pl.col("status").replace_strict(
        {"subscribed": "granted", "unsubscribed": "denied", "cleaned": "suppressed"}
    )
    events = written.mails.events.filter(pl.col("kind").is_in([mailing.UNSUBSCRIBE, mailing.SPAM, mailing.BOUNCE]))
    mailed = written.mails.mails[events["mail"].to_numpy()]
    events = events.with_columns(person=mailed["person"])
    kind = pl.col("kind").replace_strict(
        {mailing.UNSUBSCRIBE: "denied", mailing.SPAM: "suppressed", mailing.BOUNCE: "suppressed"},
        return_dtype=pl.String,
    )
    parts = [
        said(shop, "webshop", "email", email, email_at),
        said(shop, "webshop", "sms", sms, pl.col("created_at")),
        said(listed, "list", "email", status, pl.col("at")),
        said(events, "mailer", "email", kind, pl.col("at")),
    ]
    return (
        pl.concat(parts)
        .unique(maintain_order=True)
        .sort("person_id", "channel", "occurred_at", "source", maintain_order=True)
    )


def _visitors(written: Written) -> pl.DataFrame:
    app = written.app_visitors
    of_app = app.select(
        "visitor_id", person_id=person_ids(app["person"]), kind=pl.lit("person"), bot_kind=pl.lit(None, dtype=pl.String)
    )
    return pl.concat(
        [
            snowplow.visitor_truth(written.visits).with_columns(source=pl.lit("site")),
            of_app.with_columns(source=pl.lit("app")),
        ]
    ).select("source", "visitor_id", "person_id", "kind", "bot_kind")


def summary(desk: Desk, errors: pl.DataFrame, duplicates: pl.DataFrame) -> list[dict[str, Any]]:
    """Counts per source, dataset and entity."""
    keys = ["source", "dataset", "entity"]
    wrong = errors.group_by(keys).agg(
        invalid=(pl.col("severity") == "record").sum(), invalid_fields=(pl.col("severity") == "field").sum()
    )
    again = duplicates.group_by(keys).agg(duplicates=pl.len())
    counts = pl.DataFrame(
        [(*key, count) for key, count in sorted(desk.received.items())], schema=[*keys, "records"], orient="row"
    )
    joined = counts.join(wrong, on=keys, how="left").join(again, on=keys, how="left").fill_null(0).sort(keys)
    return joined.to_dicts()
