"""The web shop's orders in Shopify's REST shape: with lines, discounts, taxes, shipping and refunds, as JSON lines.

Shape: shopify.dev, REST Admin API: Order. One file a month with the orders that are new or changed in it. An order that
was cancelled or sent back comes a second time, with the change.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from sources.sample import clock, dirt
from sources.sample.buying import CANCELLED, PHONE
from sources.sample.desk import Desk
from sources.sample.goods import product_column
from sources.sample.records import FORM, blanked, phone_at, write_down, written_email
from sources.sample.shopify import SOURCE, customer_ids
from sources.sample.shopify_json import line_json, order_json, refunds_json
from sources.sample.text import cents
from sources.sample.world import VAT, World, order_email

FIRST_ORDER, FIRST_LINE = 5_600_000_000_000, 14_000_000_000_000
#: Share of changed orders that were exported before the change, too.
SEEN_BEFORE = 0.6
GIVES_PHONE = 0.3
NOBODY = "7999999999999"
NO_PRODUCT = "45999999999999"
ORDER_FAULTS = (
    dirt.Fault("no_id", "orders_order_id_present", "orders", "id", "id", dirt.MISSING, 2),
    dirt.Fault(
        "time_unreadable", "orders_ordered_at_readable", "orders", "created", "created_at",
        dirt.instead("2025-02-31T10:15:00+01:00", "yesterday", "0000-00-00T00:00:00Z"), 2,
    ),
    dirt.Fault(
        "time_in_future", "orders_ordered_at_not_future", "orders", "created", "created_at",
        pl.lit("2096") + pl.col("created").str.slice(4), 1.5, among=~pl.col("created").str.contains("-02-29"),
    ),
    dirt.Fault(
        "total_does_not_add_up", "orders_readable", "orders", "total", "total_price",
        ((pl.col("total").cast(pl.Float64) * 100).round().cast(pl.Int64) + 1_700).pipe(cents), 2,
    ),
    dirt.Fault(
        "currency_without_rate", "orders_exchange_rate_known", "orders", "currency", "currency",
        dirt.instead("ISK", "XTS", "TRY"), 1.5,
    ),
    dirt.Fault(
        "unknown_customer", "orders_account_received", "orders", "customer", "customer.id",
        pl.lit(NOBODY), 1.5, among=pl.col("customer").is_not_null(),
    ),
    dirt.Fault(
        "email_unusable", "orders_email_format", "orders", "email", "email", dirt.broken_email("email"), 1.5, "field"
    ),
    dirt.line_fault("orders_readable", "orders", 0.6),
)  # fmt: skip
LINE_FAULTS = (
    dirt.Fault(
        "quantity_no_number",
        "order_lines_quantity_readable",
        "order_lines",
        "quantity",
        "line_items.quantity",
        dirt.instead('"two"', '"x"', "null"),
        2,
    ),
    dirt.Fault(
        "quantity_zero",
        "order_lines_quantity_not_zero",
        "order_lines",
        "quantity",
        "line_items.quantity",
        pl.lit("0"),
        1,
    ),
    dirt.Fault(
        "price_no_number",
        "order_lines_unit_price_readable",
        "order_lines",
        "price",
        "line_items.price",
        dirt.instead("free", "n/a", "ask"),
        2,
    ),
    dirt.Fault(
        "price_zero", "order_lines_unit_price_positive", "order_lines", "price", "line_items.price", pl.lit("0.00"), 1
    ),
    dirt.Fault(
        "price_negative",
        "order_lines_unit_price_positive",
        "order_lines",
        "price",
        "line_items.price",
        pl.lit("-") + pl.col("price"),
        1,
    ),
    dirt.Fault(
        "unknown_product",
        "order_lines_product_received",
        "order_lines",
        "variant",
        "line_items.variant_id",
        pl.lit(NO_PRODUCT),
        2,
    ),
    dirt.Fault(
        "quantity_negative",
        "order_lines_quantity_sign",
        "order_lines",
        "quantity",
        "line_items.quantity",
        pl.lit("-") + pl.col("quantity"),
        1,
    ),
)


def order_ids(order: np.ndarray) -> pl.Series:
    """The shop's number of each order."""
    return pl.Series("order_id", FIRST_ORDER + order.astype(np.int64) * 37).cast(pl.String)


def write_orders(desk: Desk, world: World) -> pl.DataFrame:
    """Write the orders and return what became of each.

    Returns:
        order, changed, file, row_number, is_received, is_valid, wrong_lines, wrong_gross and wrong_discount (cents of
        its lines that are wrong).
    """
    rng = desk.rng(21)
    versions = _versions(rng, world)
    names, starts = desk.periods(versions.height * 2)
    month = np.searchsorted(starts, versions["arrived"].to_numpy(), side="right") - 1
    carried, outcome = dirt.Carried(), []
    for place, name in enumerate(names):
        part = versions.filter(pl.Series(month == place))
        file = f"shopify/orders/orders-{name}.jsonl.gz"
        frame, errors = dirt.spoil(rng, _order_columns(rng, world, part), ORDER_FAULTS, desk.invalid_share, "id_was")
        lines, line_errors = _lines(rng, desk, world, frame)
        frame = frame.with_columns(lines=lines["lines"], refunds=lines["refunds"])
        frame = dirt.cut_off(frame.with_columns(_text=order_json(frame)), ORDER_FAULTS)
        faults, keys = frame["_fault"], frame.select("order", "id_was", "arrived", "at", "changed", "again")
        slim = frame.select("id_was", "_text", "_fault", _lines=lines["count"])
        placed = dirt.place(rng, slim, carried, file, later=place < len(names) - 1)
        row = dirt.note_all(desk, SOURCE, "orders", file, placed, [errors, *line_errors], "orders", "id_was")
        desk.count(SOURCE, "orders", "order_lines", int(placed["_lines"].sum()))
        late = keys.select("id_was", _at=pl.when("changed").then("arrived").otherwise("at"), _arrived="arrived")
        dirt.note_late(desk, SOURCE, "orders", file, late, row, "id_was")
        outcome.append(
            keys.select(
                "order",
                "changed",
                file=pl.lit(file),
                row_number=pl.Series(row),
                is_received=faults != len(ORDER_FAULTS) - 1,
                is_valid=~faults.is_in([n for n, fault in enumerate(ORDER_FAULTS) if fault.severity == "record"]),
                wrong_lines=lines["wrong_lines"],
                wrong_gross=lines["wrong_gross"],
                wrong_discount=lines["wrong_discount"],
            )
        )
        desk.write(file, placed["_text"])
    return _last_word(desk, pl.concat(outcome))


def _last_word(desk: Desk, outcome: pl.DataFrame) -> pl.DataFrame:
    """Of each order the record that counts; an order's earlier version is noted as a duplicate, if both are right."""
    first = outcome.filter(~pl.col("changed")).select(
        "order", first_file="file", first_row_number="row_number", first_valid="is_valid"
    )
    both = outcome.filter("changed").join(first, on="order", how="inner", maintain_order="left")
    note = both.filter(pl.col("is_received"))
    desk.note(
        "duplicates",
        note.select(
            source=pl.lit(SOURCE),
            dataset=pl.lit("orders"),
            file="first_file",
            row_number="first_row_number",
            entity=pl.lit("orders"),
            record_key=order_ids(note["order"].to_numpy()),
            kind=pl.lit("older_version"),
            first_file="file",
            first_row_number="row_number",
        ),
    )
    # The newest record that is right counts, or the newest.
    return outcome.sort("order", "is_valid", "is_received", "changed", descending=[False, True, True, True]).unique(
        "order", keep="first", maintain_order=True
    )


def _versions(rng: np.random.Generator, world: World) -> pl.DataFrame:
    """One row per order and export: order, at, updated, changed (with what happened later), arrived; by arrival."""
    orders = world.orders.filter(pl.col("place") != 0)
    at, changed_at = orders["at"].to_numpy(), orders["changed_at"].to_numpy()
    last = world.rhythm.last_second
    changes = changed_at <= last
    seen = ~changes | (rng.random(len(at)) < SEEN_BEFORE)
    arrived = dirt.late(rng, at, last)
    order = orders["order"].to_numpy()
    rows = np.concatenate([np.flatnonzero(seen), np.flatnonzero(changes)])
    changed = np.concatenate([np.zeros(seen.sum(), dtype=bool), np.ones(changes.sum(), dtype=bool)])
    frame = pl.DataFrame(
        {
            "order": order[rows],
            "at": at[rows],
            "updated": np.where(changed, changed_at[rows], at[rows] + 40),
            "changed": changed,
            "again": changed & seen[rows],
            "several": (seen & changes)[rows],
            "arrived": np.where(changed, np.maximum(changed_at[rows], arrived[rows]), arrived[rows]),
        }
    )
    return frame.sort("arrived", "order", "changed", maintain_order=True)


def _order_columns(rng: np.random.Generator, world: World, part: pl.DataFrame) -> pl.DataFrame:
    """The values of the orders of one month, those that can be spoiled as text."""
    rows = part["order"].to_numpy()
    orders, people = world.orders[rows], world.people
    person, at = orders["person"].to_numpy(), part["at"].to_numpy()
    held = write_down(rng, people, person, at, FORM)
    goods = orders["gross"] - orders["discount"]
    campaign = orders["campaign"].to_numpy()
    code = world.campaigns["campaign_id"].gather(np.maximum(campaign, 0))
    status = orders["status"].to_numpy()
    changed = part["changed"].to_numpy()
    phone = phone_at(people, person, at)
    ids = order_ids(rows)
    return part.with_columns(
        held["first_name"], held["last_name"], held["street"], held["city"], held["postal_code"], held["country"],
        id=ids,
        id_was=ids,
        created=clock_text(at),
        updated_text=clock_text(part["updated"].to_numpy()),
        number=pl.Series(rows + 1001).cast(pl.String),
        email=written_email(rng, order_email(world, rows), 0.05),
        phone=blanked(phone, rng.random(len(rows)) < GIVES_PHONE),
        customer=customer_ids(orders["account"].to_numpy()),
        currency=pl.lit("EUR"),
        gross=cents_of(orders["gross"]),
        discount=cents_of(orders["discount"]),
        goods=cents_of(goods),
        shipping=cents_of(orders["shipping"]),
        tax=cents_of(((goods + orders["shipping"]) * (VAT / (1 + VAT))).round().cast(pl.Int64)),
        total=cents_of(goods + orders["shipping"]),
        back=orders["back"],
        discounted=orders["discount"] > 0,
        code=blanked(code, campaign >= 0).fill_null("BREAD10"),
        by_mail=pl.Series(campaign >= 0),
        by_phone=orders["place"] == PHONE,
        cancelled=pl.Series(changed & (status == CANCELLED)),
        returned=pl.Series(changed & (status > CANCELLED)),
        whole=orders["back"] >= goods,
        consents=people.frame["has_newsletter"].gather(person),
    )  # fmt: skip


def clock_text(local: np.ndarray) -> pl.Series:
    """Times with the offset of the day."""
    return pl.DataFrame({"at": local}).select(clock.offset_text(pl.col("at"))).to_series()


def cents_of(amount: pl.Series) -> pl.Series:
    """Amounts in cents as text."""
    return pl.DataFrame({"a": amount}).select(cents("a")).to_series()


def _lines(
    rng: np.random.Generator, desk: Desk, world: World, frame: pl.DataFrame
) -> tuple[pl.DataFrame, list[pl.DataFrame]]:
    """The lines of the orders of the frame.

    Returns:
        Per order lines and refunds (JSON), count (how many lines they bring), and what the wrong ones are worth
        (wrong_lines, wrong_gross, wrong_discount, cents); and the lines' errors.
    """
    order = frame["order"].to_numpy()
    start, count = world.first_line[order], world.first_line[order + 1] - world.first_line[order]
    position = np.repeat(np.arange(len(order)), count)
    row = np.repeat(start - (np.cumsum(count) - count), count) + np.arange(count.sum())
    lines, fault = world.lines[row], frame["_fault"].to_numpy()
    product = lines["product"].to_numpy()
    text = pl.DataFrame(
        {
            "position": position,
            "line_id": pl.Series(FIRST_LINE + row * 3).cast(pl.String),
            "product": product_column("product_id", product),
            "variant": product_column("variant_id", product),
            "sku": product_column("sku", product),
            "title": product_column("title", product),
            "grams": product_column("grams", product).cast(pl.String),
            "price": cents_of(lines["price"]),
            "quantity": lines["quantity"].cast(pl.String),
            "off": cents_of(lines["discount"]),
            "discount": lines["discount"],
            "back": lines["back"],
            "gross": lines["price"].cast(pl.Int64) * lines["quantity"],
            "worth": lines["price"].cast(pl.Int64) * lines["quantity"] - lines["discount"],
            "pieces": lines["quantity"],
            "returned": frame["returned"].gather(position),
        }
    )
    # A line of an order that is wrong itself, or with returned pieces, stays right: each record breaks one rule. So
    # does one of an order that comes twice: its other version would be right.
    several = frame["several"].to_numpy()
    free = np.flatnonzero((fault[position] < 0) & ~several[position] & (lines["back"].to_numpy() == 0))
    share = min(desk.invalid_share * text.height / max(len(free), 1), 0.5)
    spoiled, errors = dirt.spoil(rng, text[free], LINE_FAULTS, share, "line_id")
    for name in ("price", "quantity", "variant"):
        text = text.with_columns(text[name].scatter(free, spoiled[name]).alias(name))
    if errors.height:
        errors = errors.with_columns(_row=pl.Series(position[free[errors["_row"].to_numpy()]]))
    caused = _caused(frame, text, fault, position)
    wrong = spoiled.filter(pl.col("_fault").is_in([n for n, one in enumerate(LINE_FAULTS) if one.severity == "record"]))
    sums = (
        frame.select(position=pl.int_range(pl.len()))
        .join(
            wrong.group_by("position")
            .agg(wrong_lines=pl.len(), wrong_gross="gross", wrong_discount=pl.col("discount"))
            .with_columns(pl.col("wrong_gross").list.sum(), pl.col("wrong_discount").list.sum()),
            on="position",
            how="left",
            maintain_order="left",
        )
        .fill_null(0)
    )
    grouped = text.select("position", line=line_json(text)).group_by("position", maintain_order=True)
    joined = grouped.agg(pl.col("line").str.join(","))["line"]
    back = np.bincount(position[(text["returned"] & (text["back"] > 0)).to_numpy()], minlength=len(order))
    # What shipping costs is a line of its own.
    shipped = (frame["shipping"] != "0.00").to_numpy().astype(np.int64)
    lost = fault == len(ORDER_FAULTS) - 1
    made = sums.select(
        "wrong_lines",
        "wrong_gross",
        "wrong_discount",
        lines=joined,
        refunds=refunds_json(frame, text),
        count=pl.Series(np.where(lost, 0, count + back + shipped), dtype=pl.Int64),
    )
    return made, [errors, caused]


def _caused(frame: pl.DataFrame, text: pl.DataFrame, fault: np.ndarray, position: np.ndarray) -> pl.DataFrame:
    """What a missing order number does to lines, to what came back, and to shipping: they belong to no order."""
    fault_number = [one.kind for one in ORDER_FAULTS].index("no_id")
    rows = np.flatnonzero(fault[position] == fault_number)
    lines = text[rows].with_columns(_row=pl.Series(position[rows]))
    back = lines.filter(pl.col("returned") & (pl.col("back") > 0)).with_columns(line_id=pl.col("line_id") + ":returned")
    orders = frame.select("_fault", "shipping", line_id=pl.lit("4") + pl.col("id_was"), _row=pl.int_range(pl.len()))
    shipped = orders.filter((pl.col("_fault") == fault_number) & (pl.col("shipping") != "0.00"))
    return pl.concat([one.select(pl.col("_row").cast(pl.Int64), "line_id") for one in (lines, back, shipped)]).select(
        "_row",
        entity=pl.lit("order_lines"),
        record_key="line_id",
        field=pl.lit("id"),
        rule=pl.lit("order_lines_order_id_present"),
        kind=pl.lit("no_id"),
        severity=pl.lit("record"),
        caused_by=pl.lit("orders_order_id_present"),
    )
