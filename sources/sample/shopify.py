"""The web shop's customers and products in Shopify's REST shape, as JSON lines.

Shapes: shopify.dev, REST Admin API: Customer, Product, InventoryItem.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from sources.sample import clock, dirt
from sources.sample.desk import Desk
from sources.sample.goods import VARIANT, product_table
from sources.sample.places import COUNTRIES
from sources.sample.records import FORM, blanked, kept, write_down, written_email, written_phone
from sources.sample.rhythm import DAY
from sources.sample.text import cents, join, plain, record, string, token
from sources.sample.world import World

SOURCE = "webshop"
FIRST_CUSTOMER = 7_100_000_000_000
#: Share of people who tell the shop about a move, a marriage or a new number.
KEEPS_UP = 0.6
SMS = 0.16
#: The first fits every record. A record that is lost altogether has a later version, so that its account stays known.
FAULTS = (
    dirt.Fault(
        "email_unusable",
        "customers_email_format",
        "customers",
        "email",
        "email",
        dirt.broken_email("email"),
        2,
        "field",
    ),
    dirt.Fault(
        "phone_unusable",
        "customers_phone_format",
        "customers",
        "phone",
        "phone",
        dirt.broken_phone(),
        2,
        "field",
        pl.col("phone").is_not_null(),
    ),
    dirt.Fault(
        "country_unknown",
        "customers_country_code_known",
        "customers",
        "country",
        "default_address.country_code",
        dirt.instead("XX", "ZZ", "QQ"),
        1,
        "field",
    ),
    dirt.Fault(
        "no_id", "customers_account_id_present", "customers", "id", "id", dirt.MISSING, 4, among=pl.col("is_replaced")
    ),
    dirt.line_fault("customers_readable", "customers", 3, pl.col("is_replaced")),
    dirt.Fault(
        "email_throw_away", "customers_email_not_disposable", "customers", "email", "email", dirt.throw_away("id"), 1,
        "warning",
    ),
    dirt.Fault(
        "postcode_impossible", "customers_postal_code_format", "customers", "postal_code", "default_address.zip",
        dirt.instead("1", "000000", "n/a", "10115 Berlin"), 1, "field",
    ),
    dirt.Fault(
        "name_keys", "customers_first_name_format", "customers", "first_name", "first_name",
        dirt.instead("asdf", "qwertz", "xxx", "12345", "anna@mail.example"), 1, "field",
    ),
    dirt.Fault(
        "name_placeholder", "customers_last_name_format", "customers", "last_name", "last_name",
        dirt.instead("n/a", "Unknown", "-", "yxcvbn", "anonym"), 1, "field",
    ),
    dirt.Fault(
        "name_doubtful", "customers_name_not_doubtful", "customers", "first_name", "first_name",
        dirt.instead("Test", "Kunde", "Null"), 0.5, "warning",
    ),
)  # fmt: skip


def customer_ids(account: np.ndarray) -> pl.Series:
    """The shop's number of each account; null below 0."""
    row = pl.Series("id", account, dtype=pl.Int64)
    return pl.select(pl.when(row >= 0).then((FIRST_CUSTOMER + row * 131).cast(pl.String))).to_series().alias("id")


def write_customers(desk: Desk, world: World) -> pl.DataFrame:
    """Write the customers, one file a month with those that are new or changed, and return what each record holds.

    Returns:
        `records.kept` of each record, and email_state, sms_state, created_at.
    """
    rng = desk.rng(20)
    versions = _versions(rng, world)
    names, starts = desk.periods(versions.height)
    month = np.searchsorted(starts, np.maximum(versions["at"].to_numpy(), starts[0]), side="right") - 1
    held = []
    carried = dirt.Carried()
    for number, name in enumerate(names):
        frame = versions.filter(pl.Series(month == number))
        file = f"shopify/customers/customers-{name}.jsonl.gz"
        held.append(kept(frame, "id", "email_state", "sms_state", "created_at"))
        text, errors = dirt.spoil(rng, frame, FAULTS, desk.invalid_share, "id")
        text = dirt.cut_off(text.with_columns(_text=_customer_json(text)), FAULTS)
        text = text.select("id", "_text", "_fault")
        placed = dirt.place(rng, text, carried, file, later=number < len(names) - 1)
        dirt.note_all(desk, SOURCE, "customers", file, placed, [errors], "customers", "id")
        desk.write(file, placed["_text"])
    return pl.concat(held)


def _versions(rng: np.random.Generator, world: World) -> pl.DataFrame:
    """Each account as it was opened, and again after a change its owner told the shop about; ordered by time."""
    people, accounts = world.people, world.accounts.frame
    person, created = accounts["person"].to_numpy(), accounts["created_at"].to_numpy()
    opened = write_down(rng, people, person, created, FORM)
    second = accounts["slot"].to_numpy() == 1
    opened = opened.with_columns(
        email=pl.when(pl.Series(second)).then(people.email_2.gather(person)).otherwise("email"),
        shared_email=pl.col("shared_email") & ~pl.Series(second),
    )
    subscribed = people.column("has_newsletter")[person] & (rng.random(len(person)) < 0.8)
    opened = opened.with_columns(
        person=accounts["person"],
        slot=accounts["slot"],
        account=pl.int_range(pl.len()),
        created_at=accounts["created_at"],
        at=accounts["created_at"],
        phone=blanked(written_phone(rng, opened["phone"]), rng.random(len(person)) < 0.72),
        email=written_email(rng, opened["email"], 0.08),
        is_business=people.frame["is_business"].gather(person),
        card_number=pl.Series(
            np.where(people.column("has_card")[person] & (rng.random(len(person)) < 0.3), person, -1)
        ),
        email_state=pl.Series(np.where(subscribed, "subscribed", "not_subscribed")),
        sms_state=pl.Series(np.where(rng.random(len(person)) < SMS, "subscribed", "not_subscribed")),
    )
    changed = _changed(rng, world, opened)
    replaced = pl.col("account").is_in(changed["account"].implode())
    every = pl.concat(
        [opened.with_columns(is_replaced=replaced), changed.with_columns(is_replaced=pl.lit(value=False))]
    )
    every = every.sort("at", "account", maintain_order=True)
    return every.with_columns(id=(FIRST_CUSTOMER + pl.col("account") * 131).cast(pl.String))


def _changed(rng: np.random.Generator, world: World, opened: pl.DataFrame) -> pl.DataFrame:
    """A second version of accounts whose owners moved, married, have a new number or address, or left the mailing."""
    people, person = world.people, opened["person"].to_numpy()
    events = np.stack(
        [people.column(name)[person] for name in ("moved_at", "married_at", "phone_changed_at", "email_changed_at")]
    ).min(axis=0)
    leaves = (opened["email_state"] == "subscribed").to_numpy() & (rng.random(len(person)) < 0.08)
    last = world.rhythm.last_second
    leaves_at = world.rhythm.first_second + rng.integers(0, world.rhythm.days * DAY, len(person))
    at = np.where(leaves, leaves_at, events + rng.integers(1, 30 * DAY, len(person)))
    tells = leaves | (rng.random(len(person)) < KEEPS_UP)
    rows = np.flatnonzero(tells & (at > opened["created_at"].to_numpy()) & (at <= last))
    before, at, leaves = opened[rows], at[rows], leaves[rows]
    now = write_down(rng, people, person[rows], at, FORM)
    married = (at >= people.column("married_at")[person[rows]]) & (
        people.column("married")[person[rows]] != people.column("last")[person[rows]]
    )
    moved = at >= people.column("moved_at")[person[rows]]
    mixed = before.with_columns(
        at=pl.Series(at),
        last_name=pl.when(pl.Series(married)).then(now["last_name"]).otherwise("last_name"),
        maiden_name=pl.lit(value=False),
        email_state=pl.when(pl.Series(leaves)).then(pl.lit("unsubscribed")).otherwise("email_state"),
        old_address=now["old_address"],
        **{
            name: pl.when(pl.Series(moved)).then(now[name]).otherwise(name)
            for name in ("street", "postal_code", "city", "region", "country")
        },
    )
    fresh = (mixed["slot"] == 0).to_numpy()
    return mixed.with_columns(
        email=pl.when(pl.Series(fresh)).then(now["email"]).otherwise("email"),
        phone=pl.when(pl.col("phone").is_not_null()).then(now["phone"]),
    )


def _customer_json(frame: pl.DataFrame) -> pl.Series:
    address = record(
        ("id", (pl.col("account") * 7 + 9_000_000_000_000).cast(pl.String)),
        ("customer_id", token("id")),
        ("first_name", string("first_name")),
        ("last_name", string("last_name")),
        (
            "company",
            pl.when("is_business")
            .then(join('"Office ', pl.col("account").cast(pl.String), '"'))
            .otherwise(pl.lit("null")),
        ),
        ("address1", string("street")),
        ("address2", "null"),
        ("city", string("city")),
        ("province", "null"),
        ("zip", plain("postal_code")),
        ("country", plain(pl.col("country").replace_strict(COUNTRIES, default=pl.col("country")))),
        ("country_code", plain("country")),
        ("phone", string("phone")),
        ("default", "true"),
    )
    frame = frame.with_columns(
        _address=address,
        _created=clock.offset_text(pl.col("created_at")),
        _updated=clock.offset_text(pl.col("at")),
    )
    tags = pl.when(pl.col("card_number") >= 0).then(pl.lit("loyalty")).otherwise(pl.lit(""))
    email_since = (
        pl.when(pl.col("email_state") == "not_subscribed")
        .then(pl.lit("null"))
        .otherwise(plain(pl.when(pl.col("email_state") == "subscribed").then("_created").otherwise("_updated")))
    )
    return frame.select(
        record(
            ("id", token("id")),
            ("email", string("email")),
            ("created_at", plain("_created")),
            ("updated_at", plain("_updated")),
            ("first_name", string("first_name")),
            ("last_name", string("last_name")),
            ("state", '"enabled"'),
            ("note", "null"),
            ("verified_email", "true"),
            ("multipass_identifier", "null"),
            ("tax_exempt", "false"),
            ("phone", string("phone")),
            ("currency", '"EUR"'),
            ("tags", plain(tags)),
            ("addresses", join("[", pl.col("_address"), "]")),
            ("default_address", pl.col("_address")),
            (
                "email_marketing_consent",
                record(
                    ("state", plain("email_state")),
                    ("opt_in_level", '"single_opt_in"'),
                    ("consent_updated_at", email_since),
                ),
            ),
            (
                "sms_marketing_consent",
                pl.when(pl.col("phone").is_null())
                .then(pl.lit("null"))
                .otherwise(
                    record(
                        ("state", plain("sms_state")),
                        ("opt_in_level", '"single_opt_in"'),
                        (
                            "consent_updated_at",
                            pl.when(pl.col("sms_state") == "subscribed")
                            .then(plain("_created"))
                            .otherwise(pl.lit("null")),
                        ),
                        ("consent_collected_from", '"SHOPIFY"'),
                    )
                ),
            ),
            ("admin_graphql_api_id", join('"gid://shopify/Customer/', pl.col("id").fill_null(""), '"')),
        )
    ).to_series()


def write_products(desk: Desk, world: World) -> None:
    """Write products with their variants, and inventory items with what they cost; some were only tried out."""
    table = product_table().head(-1)
    changed = f"{world.rhythm.end.isoformat()}T04:00:00+02:00"
    made = f"{world.rhythm.start.isoformat()}T04:00:00+02:00"
    times = (("created_at", f'"{made}"'), ("updated_at", f'"{changed}"'))
    variant = record(
        ("id", token("variant_id")),
        ("product_id", token("product_id")),
        ("title", f'"{VARIANT}"'),
        ("price", plain(cents("price"))),
        ("compare_at_price", "null"),
        ("position", "1"),
        ("sku", plain("sku")),
        ("barcode", "null"),
        ("grams", pl.col("grams").cast(pl.String)),
        ("taxable", "true"),
        ("requires_shipping", "true"),
        ("inventory_item_id", pl.col("item_id")),
        ("inventory_quantity", "100"),
        *times,
    )
    shape = record(
        ("id", token("product_id")),
        ("title", string("title")),
        ("body_html", "null"),
        ("vendor", '"Bakehouse"'),
        ("product_type", plain("category")),
        ("handle", plain(pl.col("sku").str.to_lowercase())),
        ("status", '"active"'),
        ("tags", '""'),
        ("published_at", f'"{made}"'),
        *times,
        ("variants", join("[", variant, "]")),
        ("images", "[]"),
        ("image", "null"),
    )
    tried = pl.DataFrame(
        {
            "product_id": ["8399999999999"],
            "title": ["Test article, do not sell"],
            "sku": ["TEST-1"],
            "price": [100],
            "cost": [10],
        }
    )
    rows = pl.concat([table, tried], how="diagonal_relaxed").with_columns(
        item_id=pl.col("item_id").fill_null("47299999999999"),
        category=pl.col("category").fill_null("test"), grams=pl.col("grams").fill_null(1),
    )  # fmt: skip
    if desk.invalid_share == 0:
        rows = rows.head(-1)
    file = "shopify/products/products.jsonl"
    desk.write(file, rows.select(shape).to_series())
    desk.count(SOURCE, "products", "products", rows.height)
    item = record(
        ("id", token("item_id")), ("sku", plain("sku")), ("cost", plain(cents("cost"))), ("tracked", "true"),
        ("requires_shipping", "true"), ("country_code_of_origin", '"DE"'), *times,
    )  # fmt: skip
    cost = rows.with_columns(cost=pl.when(pl.col("sku") == "TEST-1").then(-400).otherwise("cost"))
    items = "shopify/inventory_items/inventory_items.jsonl"
    desk.write(items, cost.select(item).to_series())
    desk.count(SOURCE, "inventory_items", "products", cost.height)
    if desk.invalid_share > 0:
        noted = {
            "source": SOURCE,
            "entity": "products",
            "row_number": rows.height,
            "severity": "record",
            "value_before": None,
        }
        first = noted | {"dataset": "products", "file": file, "rule": "products_product_id_present", "kind": "no_id"}
        other = noted | {"dataset": "inventory_items", "file": items, "record_key": "47299999999999", "field": "cost"}
        other |= {"rule": "products_unit_cost_not_negative", "kind": "below_zero", "value_after": "-4.00"}
        desk.note("errors", pl.DataFrame([first | {"field": "variants.id"}]))
        desk.note("errors", pl.DataFrame([other]))
