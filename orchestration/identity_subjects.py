"""Whom a command about identity means: a customer, or single records of one, found in the published copy."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestration.customer import find_customers, to_e164
from orchestration.decisions import Record

if TYPE_CHECKING:
    from orchestration.published import Published, Row

ANY_NAME = "a customer id (old ones too), source/record id, e-mail address, phone number, loyalty card or account"
_LINK_COLUMNS = ("source", "source_record_id", "other_source", "other_record_id", "customer_id", "is_holding")


class IdentityError(RuntimeError):
    """What was asked cannot be answered or decided; the text says why and holds no value of a record."""


@dataclass(frozen=True)
class Subject:
    """A customer, and which of its records are meant.

    Attributes:
        customer_id: The customer, by its present id.
        records: The records that were named, or that carry the value that was named; all where the customer was.
        members: All records of the customer, sorted.
    """

    customer_id: str
    records: tuple[Record, ...]
    members: tuple[Record, ...]

    @property
    def is_whole(self) -> bool:
        """Whether the customer is meant with all its records."""
        return len(self.records) == len(self.members)


@dataclass(frozen=True)
class Link:
    """Why two records are, or might be, one customer.

    Attributes:
        left: One record.
        right: The other one.
        method: exact, probabilistic or steward.
        kind: The kind of identifier, profile where what they say was compared, decision where a steward joined them.
        value: The identifier, or the decision; None for a profile.
        weight: Bits: how strongly it speaks for one person.
        probability: From 0 to 1.
        is_holding: Whether it holds the customer together; otherwise it was stopped.
        reason: In plain words.
    """

    left: Record
    right: Record
    method: str
    kind: str
    value: str | None = None
    weight: float | None = None
    probability: float | None = None
    is_holding: bool = True
    reason: str | None = None

    @property
    def strength(self) -> float:
        """For putting links in order; one without a weight counts as strong, because nobody doubted it."""
        return float("inf") if self.weight is None else self.weight


def locate(published: Published, asked: str, country: str | None, which: str = "") -> Subject:
    """Find whom a word means.

    Args:
        published: the open copy.
        asked: what the user typed.
        country: the region of phone numbers written without country code.
        which: which of several words it is, such as "first ", for the message.

    Raises:
        IdentityError: nobody or several customers have this.
    """
    asked = asked.strip()
    record = record_named(asked)
    if record is not None:
        customer = customer_of(published, record)
        if customer is not None:
            return Subject(customer, (record,), members_of(published, customer))
    found = find_customers(published, asked, country)
    if not found:
        hint = "" if country else " Without a company file, write a phone number with its country code (+49 …)."
        raise IdentityError(f"Nobody is known by the {which}name that was given. Give {ANY_NAME}.{hint}")
    if len(found) > 1:
        raise IdentityError(
            f"{len(found)} customers have what was given as the {which}name. Name one by its id: {', '.join(found)}."
        )
    members = members_of(published, found[0])
    carriers = records_with(published, members, asked, country)
    return Subject(found[0], tuple(carriers) or members, members)


def record_named(word: str) -> Record | None:
    """The record that `source/source_record_id` names, or None where the word is none."""
    source, slash, record_id = word.partition("/")
    return (source, record_id) if slash and source and record_id else None


def customer_of(published: Published, record: Record) -> str | None:
    """The customer of a record; None where the record is not known."""
    rows = published.rows("customer_records", "source = ? AND source_record_id = ?", list(record), limit=1)
    return rows[0]["customer_id"] if rows else None


def members_of(published: Published, customer_id: str) -> tuple[Record, ...]:
    """All records of a customer, sorted."""
    return tuple(sorted(map(_record, published.rows("customer_records", "customer_id = ?", [customer_id]))))


def records_with(
    published: Published, members: Collection[Record], asked: str, country: str | None
) -> tuple[Record, ...]:
    """Those of some records that carry an e-mail address, phone number, card or account, sorted."""
    if not published.has("customer_record_identifiers", "source", "source_record_id", "kind", "value"):
        return ()
    number = to_e164(asked, country) if "@" not in asked else None
    rows = published.rows(
        "customer_record_identifiers",
        "(kind = 'email' AND lower(value) = ?) OR (kind = 'phone' AND value = ?) "
        "OR (kind NOT IN ('email', 'phone') AND (value = ? OR ends_with(value, ?)))",
        [asked.lower(), number or asked, asked, f":{asked}"],
    )
    return tuple(sorted({_record(row) for row in rows} & set(members)))


def named_records(
    published: Published, customer_id: str, members: Collection[Record], words: Sequence[str], country: str | None
) -> tuple[Record, ...]:
    """The records of a customer that words name: `source/source_record_id`, or a value that they carry; sorted.

    Raises:
        IdentityError: one of the words names no record of this customer; the text says which, not what it is.
    """
    found: set[Record] = set()
    for number, word in enumerate((word.strip() for word in words), start=1):
        record = record_named(word)
        if record is not None and record in members:
            found.add(record)
            continue
        carriers = records_with(published, members, word, country)
        if not carriers:
            owner = customer_of(published, record) if record is not None else None
            what = f"is of another customer, {owner}" if owner else f"names no record of {customer_id}"
            raise IdentityError(
                f"Record {number} of {len(words)} {what}. See its records: regulars identity weakest {customer_id}"
            )
        found.update(carriers)
    return tuple(sorted(found))


def links_of(published: Published, customer_id: str) -> list[Link]:
    """The links between records of a customer, the strongest first.

    Raises:
        IdentityError: the published copy has no links yet.
    """
    _require_links(published)
    return _links(published.rows("customer_record_links", "customer_id = ?", [customer_id]))


def stopped_between(published: Published, left: str, right: str) -> list[Link]:
    """The links that were stopped between records of two customers, the strongest first.

    Raises:
        IdentityError: the published copy has no links yet.
    """
    _require_links(published)
    mine = "SELECT source, source_record_id FROM marts.customer_records WHERE customer_id = ?"
    one, other = "(source, source_record_id)", "(other_source, other_record_id)"
    where = (
        f"NOT is_holding AND (({one} IN ({mine}) AND {other} IN ({mine})) "
        f"OR ({one} IN ({mine}) AND {other} IN ({mine})))"
    )
    return _links(published.rows("customer_record_links", where, [left, right, right, left]))


def identifiers_of(published: Published, customer_id: str) -> dict[tuple[str, str], list[Record]]:
    """Kind and value of each identifier that records of a customer carry, with the records, sorted."""
    found: dict[tuple[str, str], list[Record]] = defaultdict(list)
    if published.has("customer_record_identifiers", "source", "source_record_id", "kind", "value"):
        where = (
            "(source, source_record_id) IN "
            "(SELECT source, source_record_id FROM marts.customer_records WHERE customer_id = ?)"
        )
        for row in published.rows("customer_record_identifiers", where, [customer_id], order="ALL"):
            found[row["kind"], row["value"]].append(_record(row))
    return {key: sorted(set(records)) for key, records in sorted(found.items())}


def blocked(published: Published, values: Collection[tuple[str, str]]) -> dict[tuple[str, str], Row]:
    """Those of some identifiers that may not join, with what the published copy says of them."""
    if not values or not published.has("identity_blocked_values", "kind", "value"):
        return {}
    rows = published.rows("identity_blocked_values", "list_contains(?, value)", [[value for _, value in values]])
    wanted = set(values)
    return {key: row for row in rows if (key := (row["kind"], row["value"])) in wanted}


def _require_links(published: Published) -> None:
    if not published.has("customer_record_links", *_LINK_COLUMNS):
        raise IdentityError("The published copy does not say yet what links records. Run: regulars run")


def _links(rows: Sequence[Row]) -> list[Link]:
    links = [
        Link(
            left=_record(row),
            right=(row["other_source"], row["other_record_id"]),
            method=row.get("method") or "exact",
            kind=row.get("kind") or "profile",
            value=row.get("value"),
            weight=_number(row.get("weight")),
            probability=_number(row.get("probability")),
            is_holding=bool(row["is_holding"]),
            reason=row.get("reason"),
        )
        for row in rows
    ]
    return sorted(links, key=lambda link: (-link.strength, link.left, link.right, link.kind, link.value or ""))


def _number(value: object) -> float | None:
    return None if value is None else float(value)  # type: ignore[arg-type] # a number of the mart


def _record(row: Row) -> Record:
    return row["source"], row["source_record_id"]
