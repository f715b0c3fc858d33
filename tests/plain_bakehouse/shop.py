"""The web shop's exports: orders, order lines, customers, products. Comma-separated, UTF-8, local ISO times."""

from __future__ import annotations

import numpy as np
import polars as pl

import sources.sample.vocabulary as words
from sources.sample.rhythm import DAY, Rhythm, local_text
from tests.plain_bakehouse.dataset import (
    Breakage,
    Dataset,
    blank,
    broken_email,
    broken_phone,
    far_future,
    instead,
    money,
    negative,
)
from tests.plain_bakehouse.people import email_as_written, phone_as_written
from tests.plain_bakehouse.purchases import Buying

FREE_SHIPPING_FROM = 39.0
SHIPPING = 4.90
VAT = 0.07
CUSTOMER_RULES = (
    Breakage("customers_email_format", "customers", "email", broken_email, "address made unusable", 2, "field"),
    Breakage("customers_phone_format", "customers", "phone", broken_phone, "number made unusable", 2, "field"),
)


def shop_datasets(
    rng: np.random.Generator, people: pl.DataFrame, buying: Buying, rhythm: Rhythm, campaigns: pl.DataFrame
) -> tuple[list[Dataset], pl.DataFrame]:
    """All datasets of the web shop, and the number it gave to each order.

    Returns:
        The datasets (keys order_id, line_id, customer_id, product_id), and a frame order, order_id.
    """
    orders = _orders(rng, people, buying, campaigns)
    datasets = [
        _orders_dataset(orders),
        _lines_dataset(buying, orders),
        _customers_dataset(rng, people, rhythm),
        _products_dataset(rhythm),
    ]
    return datasets, orders.select("order", "order_id")


def _orders(rng: np.random.Generator, people: pl.DataFrame, buying: Buying, campaigns: pl.DataFrame) -> pl.DataFrame:
    """The orders of web and telephone, as text, with technical columns and `order`."""
    orders = buying.orders.filter(pl.col("place") != "till")
    amount = pl.col("quantity") * pl.col("price")
    sums = buying.lines.group_by("order").agg(
        gross=amount.filter(~pl.col("is_return")).sum(),
        discount=pl.col("discount").filter(~pl.col("is_return")).sum(),
        back=(amount - pl.col("discount")).filter(pl.col("is_return")).sum(),
    )
    orders = orders.join(sums, on="order", how="left", maintain_order="left")
    person = orders["person"].to_numpy()
    known = people[person]
    guest = orders["as_guest"].to_numpy()
    second = orders["second_account"].to_numpy() & known["account_id_2"].is_not_null().to_numpy()
    emails = np.where(second, known["email_2"].to_numpy(), known["email"].to_numpy())
    account = known["account_id"].zip_with(pl.Series(~second), known["account_id_2"])
    account = account.zip_with(pl.Series(~guest), pl.Series([None] * len(guest), dtype=pl.String))
    # Sums of cents: rounded, so that no order of adding them up can show.
    gross, discount, back = (np.round(orders[name].to_numpy(), 2) for name in ("gross", "discount", "back"))
    goods = np.round(gross - discount, 2)
    whole = np.round(goods + back, 2) <= 0
    cancelled = (orders["status"] == "cancelled").to_numpy()
    status = np.select([cancelled, (back < 0) & whole, back < 0], ["void", "returned", "part_returned"], "paid")
    shipping = np.where(goods >= FREE_SHIPPING_FROM, 0.0, SHIPPING)
    refund = np.where(cancelled, goods + shipping, -back)
    campaign = orders["campaign"].to_numpy()
    codes = np.array([*campaigns["campaign_id"], None], dtype=object)
    written = email_as_written(rng, list(emails), 0.06)
    ref = pl.select(
        pl.coalesce(pl.lit("account:") + account, pl.lit("email:") + pl.Series(emails, dtype=pl.String))
    ).to_series()
    return pl.DataFrame(
        {
            "order": orders["order"],
            "order_id": [f"W{100_000 + number}" for number in range(orders.height)],
            "customer_id": account,
            "email": written,
            "ordered_at": local_text(orders["at"]),
            "status": status,
            "channel": orders["place"],
            "currency": ["EUR"] * orders.height,
            "gross_total": money(gross),
            "discount_total": money(discount),
            "shipping_total": money(shipping),
            "tax_total": money(goods * VAT / (1 + VAT)),
            "refund_total": money(refund),
            "coupon_campaign": list(codes[campaign]),
            "_file": pl.Series(local_text(orders["at"], "%Y-%m")),
            "_at": orders["at"],
            "_ref": ref,
            "_person": person,
        },
        schema_overrides={"coupon_campaign": pl.String},
    )


def _orders_dataset(orders: pl.DataFrame) -> Dataset:
    rules = (
        Breakage("orders_order_id_present", "orders", "order_id", blank, "order number removed", 2),
        Breakage(
            "orders_ordered_at_readable",
            "orders",
            "ordered_at",
            instead("2025-02-31 10:15:00", "yesterday", "0000-00-00 00:00:00"),
            "time made unreadable",
            2,
        ),
        Breakage("orders_ordered_at_not_future", "orders", "ordered_at", far_future(), "year set to 2096"),
    )
    frame = orders.drop("order").with_columns(_file="shop/orders/orders-" + pl.col("_file") + ".csv")
    return Dataset("shop", "orders", ("orders",), {"orders": "order_id"}, frame, rules)


def _lines_dataset(buying: Buying, orders: pl.DataFrame) -> Dataset:
    lines = orders.select("order", "order_id", "_file", "_at").join(
        buying.lines, on="order", how="inner", maintain_order="left_right"
    )
    product = lines["product"].to_numpy()
    frame = pl.DataFrame(
        {
            "line_id": lines["order_id"] + "-" + lines["line"].cast(pl.String),
            "order_id": lines["order_id"],
            "product_id": np.array([item[0] for item in words.PRODUCTS])[product],
            "type": np.where(lines["is_return"].to_numpy(), "return", "sale"),
            "quantity": lines["quantity"].cast(pl.String),
            "unit_price": money(lines["price"]),
            "discount": money(lines["discount"]),
            "_file": "shop/order_lines/order-lines-" + lines["_file"] + ".csv",
            "_at": lines["_at"],
            "_ref": pl.Series([None] * lines.height, dtype=pl.String),
            "_person": np.full(lines.height, -1),
        }
    )
    return Dataset(
        "shop",
        "order_lines",
        ("order_lines",),
        {"order_lines": "line_id"},
        frame,
        line_rules("order_id", "unit_price"),
    )


def line_rules(order: str = "order_id", price: str = "unit_price", *, comma: bool = False) -> tuple[Breakage, ...]:
    """How lines of shop and tills are made invalid, given their column names.

    Args:
        order: The column of the order's number.
        price: The column of the unit price.
        comma: Whether amounts are written with a comma.
    """
    zero = "0,00" if comma else "0.00"
    product, quantity = ("article", "qty") if comma else ("product_id", "quantity")
    entity = "order_lines"
    return (
        Breakage("order_lines_order_id_present", entity, order, blank, "order number removed", 2),
        Breakage(
            "order_lines_product_id_present",
            entity,
            product,
            blank,
            "product removed",
            2,
            among=pl.col(product) != words.DEPOSIT[0],  # only products need a product
        ),
        Breakage(
            "order_lines_quantity_readable",
            entity,
            quantity,
            instead("two", "x", "1 pc", "?"),
            "no number",
            2,
        ),
        Breakage("order_lines_quantity_not_zero", entity, quantity, instead("0"), "set to 0"),
        Breakage("order_lines_unit_price_readable", entity, price, instead("free", "n/a", "ask"), "no number", 2),
        Breakage("order_lines_unit_price_positive", entity, price, instead(zero), "set to 0"),
        Breakage("order_lines_unit_price_positive", entity, price, negative, "made negative"),
    )


def _customers_dataset(rng: np.random.Generator, people: pl.DataFrame, rhythm: Rhythm) -> Dataset:
    people = people.with_row_index("_person")
    first = people.filter(pl.col("has_account")).with_columns(account=pl.col("account_id"), mail=pl.col("email"))
    second = people.filter(pl.col("account_id_2").is_not_null()).with_columns(
        account=pl.col("account_id_2"), mail=pl.col("email_2")
    )
    known = pl.concat([first, second]).sort("account")
    count = known.height
    joined = (
        rhythm.first_second
        + known["joined_day"].to_numpy() * DAY
        - np.where(known["is_known_at_start"].to_numpy(), rng.integers(1, 900, count) * DAY, 0)
    )
    phones = phone_as_written(rng, known["phone"].to_list())
    linked = (rng.random(count) < 0.35) & known["loyalty_card"].is_not_null().to_numpy()
    frame = pl.DataFrame(
        {
            "customer_id": known["account"],
            "email": email_as_written(rng, known["mail"].to_list(), 0.10),
            "phone": [number if has else None for number, has in zip(phones, rng.random(count) < 0.8, strict=True)],
            "first_name": known["first_name"],
            "last_name": known["last_name"],
            "birth_date": known["birth_date"]
            .dt.strftime("%Y-%m-%d")
            .zip_with(pl.Series(rng.random(count) < 0.6), pl.Series([None] * count, dtype=pl.String)),
            "gender": known["gender"],
            "street": known["street"],
            "city": known["city"],
            "postal_code": known["postal_code"],
            "country_code": known["country"],
            "language": known["country"].replace_strict({"FR": "fr"}, default="de"),
            "loyalty_card": known["loyalty_card"].zip_with(
                pl.Series(linked), pl.Series([None] * count, dtype=pl.String)
            ),
            "marketing_email": np.where(rng.random(count) < 0.62, "yes", "no"),
            "marketing_sms": np.where(rng.random(count) < 0.18, "yes", "no"),
            "created_at": local_text(joined + rng.integers(0, DAY, count)),
            "_file": ["shop/customers.csv"] * count,
            "_at": np.arange(count),
            "_ref": "account:" + known["account"],
            "_person": known["_person"].cast(pl.Int64),
        },
        schema_overrides={"phone": pl.String},
    )
    rules = (
        *CUSTOMER_RULES,
        Breakage(
            "customers_birth_date_plausible",
            "customers",
            "birth_date",
            instead("1066-10-14", "1799-01-01", "2091-05-05"),
            "impossible date",
            1,
            "field",
        ),
        Breakage(
            "customers_country_code_known",
            "customers",
            "country_code",
            instead("XX", "ZZ"),
            "no country",
            1,
            "field",
        ),
    )
    return Dataset("shop", "customers", ("customers",), {"customers": "customer_id"}, frame, rules)


def _products_dataset(rhythm: Rhythm) -> Dataset:
    count = len(words.PRODUCTS)
    price = np.round(np.array([item[3] for item in words.PRODUCTS]) * 1.04, 2)
    cost = np.round(price * np.array([item[4] for item in words.PRODUCTS]), 2)
    frame = pl.DataFrame(
        {
            "product_id": [item[0] for item in words.PRODUCTS],
            "sku": [f"400{item[0][3:]}{index:03d}" for index, item in enumerate(words.PRODUCTS)],
            "name": [item[1] for item in words.PRODUCTS],
            "category": [item[2] for item in words.PRODUCTS],
            "unit_cost": money(cost),
            "unit_price": money(price),
            "updated_at": [f"{rhythm.end.isoformat()} 04:00:00"] * count,
            "_file": ["shop/products.csv"] * count,
            "_at": np.arange(count),
            "_ref": pl.Series([None] * count, dtype=pl.String),
            "_person": np.full(count, -1),
        }
    )
    no_id = Breakage("products_product_id_present", "products", "product_id", blank, "article without number")
    no_cost = Breakage("products_unit_cost_not_negative", "products", "unit_cost", negative, "cost below zero")
    row = dict.fromkeys(("sku", "category", "unit_price", "updated_at")) | {
        "category": "test",
        "unit_price": "1.00",
    }
    # Articles that are sold stay right: a catalogue's errors sit in what somebody only tried out.
    junk = (
        (no_id, row | {"product_id": None, "name": "Test article, do not sell", "unit_cost": "0.10"}),
        (no_cost, row | {"product_id": "BH-9901", "name": "Test cake", "unit_cost": "-4.00"}),
        (no_id, row | {"product_id": None, "name": "New bread, number follows", "unit_cost": "1.80"}),
        (no_cost, row | {"product_id": "BH-9902", "name": "Cost correction", "unit_cost": "-0.35"}),
    )
    return Dataset("shop", "products", ("products",), {"products": "product_id"}, frame, (), junk=junk)
