"""The tills' exports: receipts as packed JSON lines, one per line of a receipt, and the members of the loyalty card.

An older German system: dates such as 05.07.2024, decimal commas, Latin-1, semicolons, names without the letters that
Latin-1 lacks.
"""

from __future__ import annotations

import numpy as np
import polars as pl

import sources.sample.vocabulary as words
from sources.sample.rhythm import DAY, Rhythm, local_text
from tests.plain_bakehouse.dataset import Breakage, Dataset, blank, far_future, instead, money
from tests.plain_bakehouse.people import email_as_written, phone_as_written, plain
from tests.plain_bakehouse.purchases import Buying
from tests.plain_bakehouse.shop import CUSTOMER_RULES, line_rules

_LAND = {"DE": "D", "FR": "F", "AT": "A", "CH": "CH"}


def till_datasets(rng: np.random.Generator, people: pl.DataFrame, buying: Buying, rhythm: Rhythm) -> list[Dataset]:
    """The datasets of the tills; their keys are entry (a line of a receipt), receipt and Mitgliedsnummer."""
    return [_receipts(people, buying), _members(rng, people, rhythm)]


def _receipts(people: pl.DataFrame, buying: Buying) -> Dataset:
    orders = buying.orders.filter(pl.col("place") == "till")
    person = orders["person"].to_numpy()
    # A walk-in's row index is -1; the card is looked up only where it was shown.
    cards = people["loyalty_card"].to_numpy()
    shown = orders["shows_card"].to_numpy()
    card = [cards[row] if has else None for row, has in zip(person, shown, strict=True)]
    sign = pl.when(pl.col("status") == "returned").then(-1).otherwise(1)
    orders = orders.with_columns(card=pl.Series(card, dtype=pl.String), number=pl.int_range(pl.len())).with_columns(
        receipt=pl.col("store") + "-" + (100_000 + pl.col("number")).cast(pl.String), sign=sign
    )
    lines = orders.join(buying.lines, on="order", how="inner", maintain_order="left_right").with_columns(
        quantity=pl.col("quantity") * pl.col("sign"), discount=pl.col("discount") * pl.col("sign")
    )
    lines = lines.with_columns(
        total=(pl.col("quantity") * pl.col("price")).sum().over("order"),
        total_discount=pl.col("discount").sum().over("order"),
    )
    product = lines["product"].to_numpy()
    deposit = product < 0
    articles = np.array([*(item[0] for item in words.PRODUCTS), words.DEPOSIT[0]])
    names = np.array([*(item[1] for item in words.PRODUCTS), words.DEPOSIT[1]])
    frame = pl.DataFrame(
        {
            "entry": [f"J{10_000_000 + number}" for number in range(lines.height)],
            "receipt": lines["receipt"],
            "line": lines["line"].cast(pl.String),
            "store": lines["store"],
            "time": local_text(lines["at"], "%d.%m.%Y %H:%M:%S"),
            "type": np.where(lines["status"].to_numpy() == "returned", "REFUND", "SALE"),
            "card": lines["card"],
            "article": articles[product],
            "text": names[product],
            "kind": np.where(deposit, "DEP", "ART"),
            "qty": lines["quantity"].cast(pl.String),
            "price": money(lines["price"], comma=True),
            "discount": money(lines["discount"], comma=True),
            "receipt_total": money(lines["total"], comma=True),
            "receipt_discount": money(lines["total_discount"], comma=True),
            "_file": "tills/receipts/" + local_text(lines["at"], "%Y-%m") + ".jsonl.gz",
            "_at": lines["at"],
            "_ref": "card:" + lines["card"],
            "_person": pl.Series(np.where(lines["card"].is_not_null().to_numpy(), lines["person"].to_numpy(), -1)),
            "_group": lines["receipt"],
        }
    )
    rules = (
        Breakage(
            "orders_ordered_at_readable",
            "orders",
            "time",
            instead("31.02.2025 07:30:00", "00.00.0000 00:00:00", "??.??.???? --:--"),
            "time made unreadable",
            2,
            whole_group=True,
        ),
        Breakage(
            "orders_ordered_at_not_future",
            "orders",
            "time",
            far_future(6),
            "year set to 2096",
            whole_group=True,
        ),
        *line_rules("receipt", "price", comma=True),
    )
    key = {"order_lines": "entry", "orders": "receipt"}
    return Dataset("tills", "receipts", ("order_lines", "orders"), key, frame, rules, "jsonl", can_repeat_later=False)


def _members(rng: np.random.Generator, people: pl.DataFrame, rhythm: Rhythm) -> Dataset:
    members = people.with_row_index("_person").filter(pl.col("has_card")).sort("member_id")
    count = members.height
    style = rng.random(count)
    names = [
        _till_name(last, first, float(how))
        for last, first, how in zip(members["last_name"], members["first_name"], style, strict=True)
    ]
    emails = email_as_written(rng, members["email"].to_list(), 0.18)
    phones = phone_as_written(rng, members["phone"].to_list())
    joined = (
        rhythm.first_second
        + members["joined_day"].to_numpy() * DAY
        - np.where(members["is_known_at_start"].to_numpy(), rng.integers(1, 2_000, count) * DAY, 0)
    )
    frame = pl.DataFrame(
        {
            "Mitgliedsnummer": members["member_id"],
            "Kartennummer": members["loyalty_card"],
            "Name": names,
            "Geburtsdatum": members["birth_date"].dt.strftime("%d.%m.%Y"),
            "Strasse": [_latin(street) for street in members["street"]],
            "PLZ": members["postal_code"],
            "Ort": members["city"],
            "Land": members["country"].replace_strict(_LAND),
            "Telefon": [value if has else None for value, has in zip(phones, rng.random(count) < 0.75, strict=True)],
            "EMail": [value if has else None for value, has in zip(emails, rng.random(count) < 0.7, strict=True)],
            "Werbung": np.where(rng.random(count) < 0.5, "J", "N"),
            "Eintritt": local_text(joined, "%d.%m.%Y"),
            "_file": ["tills/members.csv"] * count,
            "_at": np.arange(count),
            "_ref": "account:" + members["member_id"],
            "_person": members["_person"].cast(pl.Int64),
        },
        schema_overrides={"Telefon": pl.String, "EMail": pl.String},
    )
    columns = {"email": "EMail", "phone": "Telefon"}
    rules = (
        Breakage("customers_account_id_present", "customers", "Mitgliedsnummer", blank, "member number removed", 2),
        *(
            Breakage(rule.rule, rule.entity, columns[rule.column], rule.spoil, rule.done, rule.weight, "field")
            for rule in CUSTOMER_RULES
        ),
        Breakage(
            "customers_birth_date_plausible",
            "customers",
            "Geburtsdatum",
            instead("14.10.1066", "01.01.1799", "05.05.2091"),
            "impossible date",
            1,
            "field",
        ),
        Breakage("customers_country_code_known", "customers", "Land", instead("XX", "ZZ"), "no country", 1, "field"),
    )
    return Dataset(
        "tills",
        "members",
        ("customers",),
        {"customers": "Mitgliedsnummer"},
        frame,
        rules,
        separator=";",
        encoding="latin-1",
    )


def _till_name(last: str, first: str, style: float) -> str:
    """Last name, first name; some in capitals, some without umlauts."""
    name = f"{_latin(last)}, {_latin(first)}"
    if style < 0.12:
        return plain(name).upper()
    return plain(name) if style < 0.25 else name


def _latin(text: str) -> str:
    """The text with only the letters that Latin-1 has."""
    return "".join(char if ord(char) < 256 else plain(char) for char in text)
