"""Finds one customer in the published copy and gathers what is known."""

from __future__ import annotations

from dataclasses import dataclass, field

from orchestration.published import Published, Row

TOUCHPOINTS_SHOWN = 15
_REPLENISHMENTS_SHOWN = 10
_MOST_MATCHES = 20
_MOST_CHANGES = 50


@dataclass(frozen=True)
class CustomerProfile:
    """What the published copy knows about one customer. Absent tables leave their part empty.

    `asked_id` is set where the customer was found by an id that has since changed; `change_reason` says why.
    `products` are the names of the products that any other part names by id.
    """

    customer_id: str
    customer: Row = field(default_factory=dict)
    value: Row = field(default_factory=dict)
    segments: Row = field(default_factory=dict)
    segment_history: list[Row] = field(default_factory=list)
    offers: list[Row] = field(default_factory=list)
    replenishments: list[Row] = field(default_factory=list)
    satisfaction: Row = field(default_factory=dict)
    subscriptions: list[Row] = field(default_factory=list)
    products: dict[str, str] = field(default_factory=dict)
    contact_points: list[Row] = field(default_factory=list)
    records: list[Row] = field(default_factory=list)
    consents: list[Row] = field(default_factory=list)
    touchpoints: list[Row] = field(default_factory=list)
    asked_id: str | None = None
    change_reason: str | None = None


def find_customers(published: Published, asked: str, country: str | None) -> list[str]:
    """The ids of the customers that fit: by id (old ones too), e-mail, phone, loyalty card or account.

    Args:
        published: the open copy.
        asked: what the user typed.
        country: the region of phone numbers written without country code.
    """
    asked = asked.strip()
    if _exists(published, asked):
        return [asked]
    current = current_id(published, asked)
    if current is not None:
        return [current]
    followed, _ = follow_changes(published, asked)
    if followed:
        return followed
    if "@" in asked:
        return _by_contact(published, "email", asked.lower(), "primary_email")
    number = to_e164(asked, country)
    found = _by_contact(published, "phone", number, "primary_phone") if number else []
    return found or _by_value(published, asked)


def current_id(published: Published, old_id: str) -> str | None:
    """The present id of a customer whose id is not in use any more, or None where no alias is known."""
    if not published.has("customer_id_aliases", "old_customer_id", "customer_id"):
        return None
    found = published.rows("customer_id_aliases", "old_customer_id = ?", [old_id], limit=1)
    return next((row["customer_id"] for row in found if _exists(published, row["customer_id"])), None)


def follow_changes(published: Published, old_id: str) -> tuple[list[str], str | None]:
    """The present ids of a customer whose id has changed (several after a split), and the first change's reason."""
    if not published.has("customer_id_changes", "old_customer_id", "new_customer_id"):
        return [], None
    reason: str | None = None
    present: list[str] = []
    seen: set[str] = set()
    waiting = [old_id]
    while waiting and len(seen) < _MOST_CHANGES:
        here = waiting.pop(0)
        if here in seen:
            continue
        seen.add(here)
        if here != old_id and _exists(published, here):
            present.append(here)
            continue
        condition = "old_customer_id = ? AND new_customer_id IS NOT NULL AND new_customer_id <> old_customer_id"
        for row in published.rows("customer_id_changes", condition, [here]):
            reason = reason or row.get("reason")
            waiting.append(row["new_customer_id"])
    return present, reason


def gather(published: Published, customer_id: str, asked: str | None = None) -> CustomerProfile:
    """Everything about one customer that `regulars customer` shows."""
    by_id = "customer_id = ?"

    def one(table: str) -> Row:
        return next(iter(many(table, limit=1)), {})

    def many(table: str, order: str = "", limit: int | None = None) -> list[Row]:
        if not published.has(table, "customer_id"):
            return []
        known = [by for by in order.split(", ") if by == "ALL" or published.has(table, by.partition(" ")[0])]
        return published.rows(table, by_id, [customer_id], order=", ".join(known), limit=limit)

    old_id = asked.strip() if asked else None
    reason = None
    if old_id:
        followed, reason = follow_changes(published, old_id)
        if customer_id not in (*followed, current_id(published, old_id)) or old_id == customer_id:
            old_id, reason = None, None
    offers = many("next_offers", "rank")
    replenishments = many("replenishments", "is_gone, due_on, product_id", _REPLENISHMENTS_SHOWN)
    subscriptions = many("fct_subscriptions", "started_on DESC, subscription_id")
    return CustomerProfile(
        customer_id=customer_id,
        customer=one("dim_customers"),
        value=one("customer_value"),
        segments=one("customer_segments"),
        segment_history=many("customer_segment_history", "segment_kind, valid_from"),
        offers=offers,
        replenishments=replenishments,
        satisfaction=one("customer_satisfaction"),
        subscriptions=subscriptions,
        products=_product_names(published, [*offers, *replenishments, *subscriptions]),
        contact_points=many("customer_contact_points", "ALL"),
        records=many("customer_records", "ALL"),
        consents=many("customer_consents", "ALL"),
        touchpoints=many("fct_touchpoints", "occurred_at DESC", TOUCHPOINTS_SHOWN),
        asked_id=old_id,
        change_reason=reason,
    )


def _product_names(published: Published, rows: list[Row]) -> dict[str, str]:
    if not published.has("dim_products", "product_id", "product_name"):
        return {}
    ids = [row["product_id"] for row in rows if row.get("product_id")]
    found = published.rows("dim_products", "list_contains(?, product_id) AND product_name IS NOT NULL", [ids])
    return {row["product_id"]: row["product_name"] for row in found}


def example_customer(published: Published) -> str | None:
    """The id of a customer worth looking at: known from most sources, seen last."""
    if not published.has("dim_customers", "customer_id", "source_count", "last_seen_at"):
        return None
    order = "source_count DESC NULLS LAST, last_seen_at DESC NULLS LAST, customer_id"
    rows = published.rows("dim_customers", order=order, limit=1)
    return rows[0]["customer_id"] if rows else None


def describe_matches(published: Published, customer_ids: list[str]) -> list[Row]:
    """A line for each of several customers that fit."""
    found = published.rows("dim_customers", "list_contains(?, customer_id)", [customer_ids])
    return found or [{"customer_id": customer_id} for customer_id in customer_ids]


def to_e164(number: str, country: str | None) -> str | None:
    """A phone number as +<country code><number>, or None where it is none."""
    import phonenumbers

    try:
        parsed = phonenumbers.parse(number, country)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(parsed):
        return None
    return str(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164))


def _exists(published: Published, customer_id: str) -> bool:
    for table in ("dim_customers", "customer_records"):
        if published.has(table, "customer_id") and published.rows(table, "customer_id = ?", [customer_id], limit=1):
            return True
    return False


def _by_contact(published: Published, kind: str, value: str, primary: str) -> list[str]:
    found: dict[str, None] = {}
    if published.has("customer_contact_points", "customer_id", "kind", "value"):
        rows = published.rows(
            "customer_contact_points", "kind = ? AND lower(value) = ?", [kind, value], order="customer_id"
        )
        found.update(dict.fromkeys(row["customer_id"] for row in rows))
    if not found and published.has("dim_customers", "customer_id", primary):
        rows = published.rows("dim_customers", f"lower({primary}) = ?", [value], order="customer_id")
        found.update(dict.fromkeys(row["customer_id"] for row in rows))
    return list(found)[:_MOST_MATCHES]


def _by_value(published: Published, value: str) -> list[str]:
    """By loyalty card or account, as sources write them."""
    if not published.has("customer_contact_points", "customer_id", "kind", "value"):
        return []
    condition = "kind IN ('loyalty_card', 'account') AND (value = ? OR ends_with(value, ?))"
    rows = published.rows("customer_contact_points", condition, [value, f":{value}"], order="customer_id")
    return list(dict.fromkeys(row["customer_id"] for row in rows))[:_MOST_MATCHES]
