"""The tills' exports: receipts and members of the loyalty card, as an older German system writes them.

Semicolons, Latin-1, decimal commas, dates such as 05.07.2024. One file a month of receipts, one line per line of a
receipt; one file a month of new members.
"""

from __future__ import annotations

import numpy as np
import polars as pl

import sources.sample.vocabulary as words
from sources.sample import clock, dirt
from sources.sample.buying import ALL_BACK, TILL
from sources.sample.desk import Desk
from sources.sample.goods import product_column
from sources.sample.records import CLERK, blanked, kept, write_down, written_email, written_phone
from sources.sample.rhythm import DAY
from sources.sample.text import cents
from sources.sample.world import FOREIGN_STORES, World

SOURCE = "tills"
FIRST_ENTRY, FIRST_RECEIPT = 10_000_000, 100_000
LAND = {"DE": "D", "FR": "F", "AT": "A", "CH": "CH"}
#: Placeholders that clerks type where somebody has no address; shared by many.
NO_EMAIL, NO_EMAIL_SHARE = "keine@mail.example", 0.01
LINE_FAULTS = (
    dirt.Fault(
        "quantity_no_number",
        "order_lines_quantity_readable",
        "order_lines",
        "quantity",
        "Menge",
        dirt.instead("zwei", "x", "1 St", "?"),
        2,
    ),
    dirt.Fault("quantity_zero", "order_lines_quantity_not_zero", "order_lines", "quantity", "Menge", pl.lit("0"), 1),
    dirt.Fault("no_receipt", "order_lines_order_id_present", "order_lines", "receipt", "Bon", dirt.MISSING, 2),
    dirt.Fault(
        "no_product",
        "order_lines_product_id_present",
        "order_lines",
        "article",
        "Artikel",
        dirt.MISSING,
        2,
        among=pl.col("kind") == "ART",
    ),
    dirt.Fault(
        "unknown_product",
        "order_lines_product_received",
        "order_lines",
        "article",
        "Artikel",
        pl.lit("45999999999999"),
        1,
        among=pl.col("kind") == "ART",
    ),
    dirt.Fault(
        "price_no_number",
        "order_lines_unit_price_readable",
        "order_lines",
        "price",
        "Preis",
        dirt.instead("gratis", "n/a", "fragen"),
        2,
    ),
    dirt.Fault("price_zero", "order_lines_unit_price_positive", "order_lines", "price", "Preis", pl.lit("0,00"), 1),
    dirt.Fault(
        "price_negative",
        "order_lines_unit_price_positive",
        "order_lines",
        "price",
        "Preis",
        pl.lit("-") + pl.col("price"),
        1,
    ),
)
RECEIPT_FAULTS = (
    dirt.Fault(
        "time_unreadable", "orders_ordered_at_readable", "orders", "time", "Zeit",
        dirt.instead("31.02.2025 07:30:00", "00.00.0000 00:00:00", "??.??.???? --:--"), 2,
    ),
    dirt.Fault(
        "time_in_future", "orders_ordered_at_not_future", "orders", "time", "Zeit",
        pl.col("time").str.slice(0, 6) + "2096" + pl.col("time").str.slice(10), 1,
        among=(pl.col("currency") == "EUR") & ~pl.col("time").str.starts_with("29.02."),  # no rate is known for 2096
    ),
    dirt.Fault(
        "currency_without_rate", "orders_exchange_rate_known", "orders", "currency", "Waehrung",
        dirt.instead("ISK", "XTS", "TRY"), 1,
    ),
)  # fmt: skip
MEMBER_FAULTS = (
    dirt.Fault(
        "country_unknown",
        "customers_country_code_known",
        "customers",
        "land",
        "Land",
        dirt.instead("XX", "ZZ"),
        1,
        "field",
    ),
    dirt.Fault(
        "email_unusable",
        "customers_email_format",
        "customers",
        "email",
        "EMail",
        dirt.broken_email("email"),
        2,
        "field",
        pl.col("email").is_not_null(),
    ),
    dirt.Fault(
        "phone_unusable",
        "customers_phone_format",
        "customers",
        "phone",
        "Telefon",
        dirt.broken_phone(),
        2,
        "field",
        pl.col("phone").is_not_null(),
    ),
    dirt.Fault(
        "birth_date_impossible",
        "customers_birth_date_plausible",
        "customers",
        "born",
        "Geburtsdatum",
        dirt.instead("14.10.1066", "01.01.1799", "05.05.2091"),
        1,
        "field",
    ),
    dirt.Fault("no_id", "customers_account_id_present", "customers", "id", "Mitgliedsnummer", dirt.MISSING, 1.5),
    dirt.Fault(
        "email_throw_away", "customers_email_not_disposable", "customers", "email", "EMail", dirt.throw_away("id"), 1,
        "warning",
    ),
    dirt.Fault(
        "birth_date_placeholder", "customers_birth_date_not_placeholder", "customers", "born", "Geburtsdatum",
        pl.lit("01.01.1970"), 1, "warning",
    ),
    dirt.Fault(
        "postcode_impossible", "customers_postal_code_format", "customers", "postal_code", "PLZ",
        dirt.instead("101", "1234567", "PLZ?", "00000"), 1, "field", pl.col("land").is_in(["D", "F"]),
    ),
    dirt.Fault(
        "name_placeholder", "customers_last_name_format", "customers", "name", "Name",
        dirt.instead("Unbekannt", "asdf", "k/a", "Anonym", "ÄÄÄ") + pl.lit(", ") + pl.col("first_name"), 1, "field",
    ),
    dirt.Fault(
        "name_doubtful", "customers_name_not_doubtful", "customers", "name", "Name",
        dirt.instead("Mustermann", "Test", "Laufkundschaft"), 1, "warning",
    ),
)  # fmt: skip
HEADER = "Buchung;Bon;Zeile;Filiale;Zeit;Vorgang;Karte;Artikel;Text;Art;Menge;Preis;Rabatt;BonSumme;BonRabatt;Waehrung"
MEMBERS = "Mitgliedsnummer;Kartennummer;Name;Geburtsdatum;Strasse;PLZ;Ort;Land;Telefon;EMail;Werbung;Eintritt;Geaendert"


def card_numbers(person: np.ndarray, second: np.ndarray) -> pl.Series:
    """The number on somebody's card; null below 0."""
    row = pl.Series("card", person, dtype=pl.Int64)
    number = 2_760_100_000_000 + row * 7 + pl.Series(second.astype(np.int64) * 3)
    return pl.select(pl.when(row >= 0).then(number.cast(pl.String))).to_series().alias("card")


def member_ids(person: np.ndarray, second: np.ndarray) -> pl.Series:
    """The tills' number of a member."""
    return "M" + (10_000 + pl.Series(person.astype(np.int64)) * 2 + pl.Series(second.astype(np.int64))).cast(pl.String)


def receipt_ids(world: World, rows: np.ndarray) -> pl.Series:
    """The number of each receipt, by row of the orders."""
    store = pl.Series(words.STORES, dtype=pl.String).gather(world.orders["store"].to_numpy()[rows])
    return store + "-" + (FIRST_RECEIPT + pl.Series(rows.astype(np.int64))).cast(pl.String)


def write_receipts(desk: Desk, world: World) -> pl.DataFrame:
    """Write the receipts; return what became of each: the columns of `shopify_orders.write_orders`."""
    rng = desk.rng(30)
    orders = world.orders.filter(pl.col("place") == TILL)
    at = orders["at"].to_numpy()
    arrived = dirt.late(rng, at, world.rhythm.last_second, dirt.LATE / 2)
    by_arrival = np.lexsort((orders["order"].to_numpy(), arrived))
    names, starts = desk.periods(orders.height * 3)
    month = np.searchsorted(starts, arrived[by_arrival], side="right") - 1
    outcome = []
    for place, name in enumerate(names):
        rows = by_arrival[month == place]
        file = f"tills/receipts/receipts-{name}.csv"
        receipts = orders[rows].select("order").with_columns(_at=pl.Series(at[rows]), _arrived=pl.Series(arrived[rows]))
        outcome.append(_write_month(desk, world, rng, file, receipts))
    return pl.concat(outcome)


def _write_month(desk: Desk, world: World, rng: np.random.Generator, file: str, receipts: pl.DataFrame) -> pl.DataFrame:
    order = receipts["order"].to_numpy()
    orders = world.orders[order]
    back = (orders["status"] == ALL_BACK).to_numpy()
    sign = np.where(back, -1, 1)
    shown = np.where(orders["shows_card"].to_numpy(), orders["person"].to_numpy(), -1)
    currency = pl.Series(["EUR", *FOREIGN_STORES.values()], dtype=pl.String)
    foreign = np.isin(orders["store"].to_numpy(), list(FOREIGN_STORES))
    head = pl.DataFrame(
        {
            "receipt": receipt_ids(world, order),
            "receipt_was": receipt_ids(world, order),
            "store": pl.Series(words.STORES, dtype=pl.String).gather(orders["store"].to_numpy()),
            "time": pl.DataFrame({"at": orders["at"]})
            .select(clock.local_text(pl.col("at"), "%d.%m.%Y %H:%M:%S"))
            .to_series(),
            "type": pl.Series(["VK", "RU"], dtype=pl.String).gather(back.astype(np.int64)),
            "card": card_numbers(shown, orders["second"].to_numpy()).fill_null(""),
            "currency": currency.gather(foreign.astype(np.int64)),
            "total": orders["gross"].to_numpy() * sign,
            "off": orders["discount"].to_numpy() * sign,
        }
    )
    head, errors = dirt.spoil(rng, head, RECEIPT_FAULTS, desk.invalid_share, "receipt_was")
    start, count = world.first_line[order], world.first_line[order + 1] - world.first_line[order]
    position = np.repeat(np.arange(len(order)), count)
    before = np.cumsum(count) - count
    row = np.repeat(start - before, count) + np.arange(count.sum())
    lines = world.lines[row]
    product = lines["product"].to_numpy()
    text = head[position].with_columns(
        entry="J" + pl.Series(FIRST_ENTRY + row).cast(pl.String),
        line=lines["line"].cast(pl.String),
        article=product_column("variant_id", product).replace("", words.DEPOSIT[0]),
        text=product_column("title", product),
        kind=pl.Series(["ART", "DEP"], dtype=pl.String).gather((product < 0).astype(np.int64)),
        quantity=pl.Series(lines["quantity"].to_numpy() * sign[position]).cast(pl.String),
        price=pl.DataFrame({"p": lines["price"]}).select(cents("p", comma=True)).to_series(),
        discount=pl.DataFrame({"p": lines["discount"].to_numpy() * sign[position]})
        .select(cents("p", comma=True))
        .to_series(),
    )
    fault = head["_fault"].to_numpy()
    # The first line stands for the receipt; it keeps its receipt's number.
    free = np.flatnonzero((fault[position] < 0) & (lines["line"].to_numpy() > 1))
    # They carry the share of all lines.
    share = min(desk.invalid_share * text.height / max(len(free), 1), 0.5)
    spoiled, line_errors = dirt.spoil(rng, text[free].drop("_fault"), LINE_FAULTS, share, "entry")
    for name in ("receipt", "article", "quantity", "price"):
        text = text.with_columns(text[name].scatter(free, spoiled[name]).alias(name))
    wrong = np.full(text.height, -1, dtype=np.int8)
    wrong[free] = spoiled["_fault"].to_numpy()
    if errors.height:
        errors = errors.with_columns(_row=pl.Series(before[errors["_row"].to_numpy()]))
    if line_errors.height:
        line_errors = line_errors.with_columns(_row=pl.Series(free[line_errors["_row"].to_numpy()]))
    amount = lines["price"].to_numpy().astype(np.int64) * lines["quantity"].to_numpy()
    text = text.with_columns(_fault=pl.Series(np.maximum(wrong, fault[position])), _text=_line_text(text))
    slim = text.select("entry", "receipt_was", "line", "_text", "_fault")
    placed = dirt.place(rng, slim, dirt.Carried(), file, later=False, may_repeat=pl.col("line") != "1")
    number = dirt.note_all(desk, SOURCE, "receipts", file, placed, [errors, line_errors], "order_lines", "entry")
    desk.count(SOURCE, "receipts", "orders", len(order))
    first = number[before] if len(order) else number
    dirt.note_late(desk, SOURCE, "receipts", file, receipts.with_columns(head["receipt_was"]), first, "receipt_was")
    desk.write(file, placed["_text"], header=HEADER, latin=True)
    return receipts.select(
        "order",
        file=pl.lit(file),
        row_number=pl.Series(first, dtype=pl.Int64),
        is_received=pl.lit(value=True),
        is_valid=head["_fault"] < 0,
        wrong_lines=pl.Series(np.bincount(position[wrong >= 0], minlength=len(order)), dtype=pl.UInt32),
        wrong_gross=pl.Series(np.bincount(position[wrong >= 0], amount[wrong >= 0], len(order)).astype(np.int64)),
        wrong_discount=pl.Series(
            np.bincount(position[wrong >= 0], lines["discount"].to_numpy()[wrong >= 0], len(order)).astype(np.int64)
        ),
    )


def _line_text(text: pl.DataFrame) -> pl.Series:
    values: list[pl.Expr] = [
        pl.col(name).fill_null("") if name in ("receipt", "article") else pl.col(name)
        for name in (
            "entry",
            "receipt",
            "line",
            "store",
            "time",
            "type",
            "card",
            "article",
            "text",
            "kind",
            "quantity",
            "price",
            "discount",
        )
    ]
    values += [cents("total", comma=True), cents("off", comma=True), pl.col("currency")]
    return text.select(pl.concat_str(values, separator=";")).to_series()


def write_members(desk: Desk, world: World) -> pl.DataFrame:
    """Write the members; return `records.kept` of each record."""
    rng = desk.rng(31)
    people = world.people
    first, second = np.flatnonzero(people.column("has_card")), np.flatnonzero(people.column("second_card"))
    person = np.concatenate([first, second])
    again = np.concatenate([np.zeros(len(first), dtype=bool), np.ones(len(second), dtype=bool)])
    last = world.rhythm.last_second
    since = people.column("joined_at")[person] - 300
    since = np.where(again, np.minimum(since + (30 + person % 400) * DAY, last), since)
    held = write_down(rng, people, person, since, CLERK)
    count = len(person)
    email = written_email(rng, held["email"], 0.18)
    nothing = rng.random(count) < NO_EMAIL_SHARE
    email = (
        pl.DataFrame({"e": email, "n": nothing}).select(pl.when("n").then(pl.lit(NO_EMAIL)).otherwise("e")).to_series()
    )
    frame = held.with_columns(
        id=member_ids(person, again),
        id_was=member_ids(person, again),
        person=pl.Series(person),
        at=pl.Series(since),
        card=card_numbers(person, again),
        email=blanked(email, rng.random(count) < 0.62),
        phone=blanked(written_phone(rng, held["phone"]), rng.random(count) < 0.7),
        born=blanked(
            held["birth_date"].str.slice(8)
            + "."
            + held["birth_date"].str.slice(5, 2)
            + "."
            + held["birth_date"].str.slice(0, 4),
            rng.random(count) < 0.85,
        ),
        land=held["country"].replace_strict(LAND),
        name=held["last_name"] + ", " + held["first_name"],
        agrees=pl.Series(["J", "N"], dtype=pl.String).gather((rng.random(count) < 0.5).astype(np.int64)),
    ).sort("at", "id_was", maintain_order=True)
    names, starts = desk.periods(frame.height)
    month = np.searchsorted(starts, np.maximum(frame["at"].to_numpy(), starts[0]), side="right") - 1
    carried = dirt.Carried()
    for place, name in enumerate(names):
        file = f"tills/members/members-{name}.csv"
        part, errors = dirt.spoil(
            rng, frame.filter(pl.Series(month == place)), MEMBER_FAULTS, desk.invalid_share, "id_was"
        )
        slim = part.with_columns(_text=_member_text(part)).select("id_was", "_text", "_fault")
        placed = dirt.place(rng, slim, carried, file, later=place < len(names) - 1)
        dirt.note_all(desk, SOURCE, "members", file, placed, [errors], "customers", "id_was")
        desk.write(file, placed["_text"], header=MEMBERS, latin=True)
    return kept(frame, "id_was")


def _member_text(part: pl.DataFrame) -> pl.Series:
    since = clock.local_text(pl.col("at"), "%d.%m.%Y")
    values: list[str | pl.Expr] = [
        "id",
        "card",
        "name",
        "born",
        "street",
        "postal_code",
        "city",
        "land",
        "phone",
        "email",
        "agrees",
        since,
        since,
    ]
    return part.select(
        pl.concat_str([(pl.col(one) if isinstance(one, str) else one).fill_null("") for one in values], separator=";")
    ).to_series()
