"""The texts of Shopify's orders, lines and refunds, from columns of `sources.sample.shopify_orders`."""

from __future__ import annotations

import polars as pl

from sources.sample.goods import VARIANT
from sources.sample.text import cents, join, number, plain, record, string, token
from sources.sample.world import VAT


def line_json(text: pl.DataFrame) -> pl.Series:
    """Each line as JSON."""
    allocations = (
        pl.when(pl.col("discount") > 0)
        .then(join('[{"amount":"', pl.col("off"), '","discount_application_index":0}]'))
        .otherwise(pl.lit("[]"))
    )
    return text.select(
        record(
            ("id", pl.col("line_id")), ("variant_id", token("variant")), ("title", string("title")),
            ("quantity", token("quantity")), ("sku", plain("sku")), ("variant_title", f'"{VARIANT}"'),
            ("vendor", '"Bakehouse"'), ("fulfillment_service", '"manual"'), ("product_id", token("product")),
            ("requires_shipping", "true"), ("taxable", "true"), ("gift_card", "false"), ("name", string("title")),
            ("properties", "[]"), ("product_exists", "true"), ("grams", pl.col("grams")), ("price", plain("price")),
            ("total_discount", '"0.00"'), ("discount_allocations", allocations),
        )
    ).to_series()  # fmt: skip


def refunds_json(frame: pl.DataFrame, text: pl.DataFrame) -> pl.Series:
    """The list of refunds of each order."""
    back = text.filter(pl.col("returned") & (pl.col("back") > 0))
    sums = (pl.col("worth") * pl.col("back") / pl.col("pieces")).round().cast(pl.Int64)
    items = back.select(
        "position",
        item=record(
            ("id", join(pl.lit("6"), pl.col("line_id"))), ("line_item_id", pl.col("line_id")),
            ("quantity", number("back")), ("subtotal", cents(sums)),
            ("total_tax", cents((sums * (VAT / (1 + VAT))).round().cast(pl.Int64))), ("restock_type", '"return"'),
        ),
    )  # fmt: skip
    grouped = items.group_by("position", maintain_order=True).agg(pl.col("item").str.join(","))
    per_order = frame.with_row_index("position").select(
        pl.col("position").cast(pl.Int64), "id_was", "updated_text", "back", "returned"
    )
    joined = per_order.join(grouped, on="position", how="left", maintain_order="left")
    money = cents("back")
    refund = join(
        "[",
        record(
            ("id", join(pl.lit("9"), pl.col("id_was"))), ("order_id", pl.col("id_was")),
            ("created_at", plain("updated_text")), ("processed_at", plain("updated_text")), ("note", "null"),
            ("user_id", "null"), ("restock", "true"), ("refund_line_items", join("[", pl.col("item"), "]")),
            ("transactions", join("[", record(
                ("id", join(pl.lit("8"), pl.col("id_was"))), ("order_id", pl.col("id_was")), ("kind", '"refund"'),
                ("gateway", '"bogus"'), ("status", '"success"'), ("amount", plain(money)), ("currency", '"EUR"'),
                ("created_at", plain("updated_text")),
            ), "]")), ("order_adjustments", "[]"),
        ),
        "]",
    )  # fmt: skip
    return joined.select(
        pl.when(pl.col("returned") & pl.col("item").is_not_null()).then(refund).otherwise(pl.lit("[]"))
    ).to_series()


def order_json(frame: pl.DataFrame) -> pl.Series:
    """Each order as JSON."""
    address = record(
        ("first_name", string("first_name")), ("last_name", string("last_name")), ("address1", string("street")),
        ("address2", "null"), ("zip", plain("postal_code")), ("city", string("city")), ("province", "null"),
        ("country_code", plain("country")), ("phone", plain("phone")),
    )  # fmt: skip
    money = (
        pl.when("cancelled")
        .then(pl.lit("voided"))
        .when(pl.col("returned") & pl.col("whole"))
        .then(pl.lit("refunded"))
        .when("returned")
        .then(pl.lit("partially_refunded"))
        .otherwise(pl.lit("paid"))
    )
    landing = (
        pl.when("by_mail")
        .then(join('"/?utm_source=newsletter&utm_medium=email&utm_campaign=', pl.col("code"), '"'))
        .otherwise(pl.lit("null"))
    )
    code = (
        pl.when("discounted")
        .then(
            join(
                '[{"code":"',
                pl.col("code").str.to_uppercase(),
                '","amount":"',
                pl.col("discount"),
                '","type":"percentage"}]',
            )
        )
        .otherwise(pl.lit("[]"))
    )
    application = (
        pl.when("discounted")
        .then(
            join(
                '[{"type":"discount_code","target_type":"line_item","value":"10.0","value_type":"percentage","allocation_method":"across",'
                '"target_selection":"all","code":"',
                pl.col("code").str.to_uppercase(),
                '"}]',
            )
        )
        .otherwise(pl.lit("[]"))
    )
    customer = (
        pl.when(pl.col("customer").is_null())
        .then(pl.lit("null"))
        .otherwise(
            record(
                ("id", token("customer")),
                ("email", string("email")),
                ("first_name", string("first_name")),
                ("last_name", string("last_name")),
                ("state", '"enabled"'),
            )
        )
    )
    tax = join('[{"price":"', pl.col("tax"), '","rate":0.07,"title":"VAT"}]')
    shipping = record(
        ("id", join(pl.lit("4"), pl.col("id_was"))), ("title", '"Standard"'), ("code", '"standard"'),
        ("price", plain("shipping")), ("discounted_price", plain("shipping")), ("source", '"shopify"'),
    )  # fmt: skip
    frame = frame.with_columns(_address=address)
    return frame.select(
        record(
            ("id", token("id")), ("name", join('"#', pl.col("number"), '"')), ("number", pl.col("number")),
            ("order_number", pl.col("number")), ("created_at", plain("created")), ("processed_at", plain("created")),
            ("updated_at", plain("updated_text")), ("closed_at", "null"),
            ("cancelled_at", pl.when("cancelled").then(plain("updated_text")).otherwise(pl.lit("null"))),
            ("cancel_reason", pl.when("cancelled").then(pl.lit('"customer"')).otherwise(pl.lit("null"))),
            ("currency", plain("currency")), ("presentment_currency", plain("currency")), ("email", string("email")),
            ("phone", plain("phone")), ("financial_status", plain(money)),
            ("fulfillment_status", pl.when("cancelled").then(pl.lit("null")).otherwise(pl.lit('"fulfilled"'))),
            ("source_name", pl.when("by_phone").then(pl.lit('"shopify_draft_order"')).otherwise(pl.lit('"web"'))),
            ("landing_site", landing), ("referring_site", "null"), ("test", "false"), ("confirmed", "true"),
            ("buyer_accepts_marketing", pl.col("consents").cast(pl.String)), ("taxes_included", "true"),
            ("total_line_items_price", plain("gross")), ("total_discounts", plain("discount")),
            ("subtotal_price", plain("goods")), ("total_tax", plain("tax")), ("total_price", plain("total")),
            ("discount_codes", code), ("discount_applications", application), ("tax_lines", tax),
            ("shipping_lines", join("[", shipping, "]")), ("billing_address", pl.col("_address")),
            ("shipping_address", pl.col("_address")), ("customer", customer), ("note", "null"), ("tags", '""'),
            ("line_items", join("[", pl.col("lines"), "]")), ("refunds", pl.col("refunds")),
        )
    ).to_series()  # fmt: skip
