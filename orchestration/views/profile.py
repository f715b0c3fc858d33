"""One customer as `regulars customer` shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from orchestration.customer import CustomerProfile
from orchestration.views.profile_value import behaviour_part, value_part
from orchestration.views.words import block, counted, facts_grid, moment, plain, rows_table, yes_no


def profile_view(profile: CustomerProfile, currency: str | None) -> RenderableType:
    """Profile, consent, value, segments, offers, contact points, records with their reasons, the last touchpoints."""
    customer = profile.customer
    name = customer.get("display_name") or "Customer without a name"
    parts: list[RenderableType] = [Text.assemble((str(name), "bold"), f"  {profile.customer_id}")]
    if profile.asked_id:
        parts.append(Text(f"{profile.asked_id} is now {profile.customer_id}: {profile.change_reason or 'changed'}"))
    if customer.get("is_erased"):
        parts.append(Text("This customer was erased.", style="red"))
    facts = facts_grid(_profile_facts(customer))
    if facts is not None:
        parts.append(facts)
    parts += block(
        "Consent", facts_grid([(kind, yes_no(customer.get(key))) for kind, key in _CONSENTS if key in customer])
    )
    parts += _rows(
        "What was said about it, by purpose",
        profile.consents,
        ("channel", "purpose", "status", "since", "source", "origin", "is_contactable"),
    )
    parts += value_part(profile, currency)
    parts += behaviour_part(profile, currency)
    parts += _rows(
        "Contact points",
        profile.contact_points,
        ("kind", "value", "source", "is_primary", "is_valid", "first_seen_at", "last_seen_at"),
    )
    parts += _rows(
        "Records, and why they are this customer",
        profile.records,
        ("source", "source_record_id", "match_method", "match_probability", "match_reason"),
    )
    parts += _rows(
        f"Last {len(profile.touchpoints)} touchpoints",
        profile.touchpoints,
        ("occurred_at", "channel", "kind", "direction", "campaign_id", "order_id", "detail"),
    )
    return Group(*parts)


def choices_view(matches: Sequence[Mapping[str, Any]]) -> RenderableType:
    """Several customers fit: which ones, to ask again with an id."""
    words = f"{len(matches)} customers fit. Ask again with one customer_id."
    return Group(
        Text(words, style="bold"), rows_table(matches, ("customer_id", "display_name", "city", "last_seen_at"))
    )


_CONSENTS = (("e-mail", "email_consent"), ("SMS", "sms_consent"), ("phone", "phone_consent"))


def _profile_facts(customer: Mapping[str, Any]) -> list[tuple[str, str]]:
    place = " ".join(str(customer[key]) for key in ("postal_code", "city", "country_code") if customer.get(key))
    facts = [
        ("e-mail", customer.get("primary_email")),
        ("phone", customer.get("primary_phone")),
        ("place", place or None),
        ("birth date", customer.get("birth_date")),
        ("gender", customer.get("gender")),
        ("language", customer.get("language")),
    ]
    shown = [(name, plain(value)) for name, value in facts if value is not None]
    if customer.get("first_seen_at") is not None:
        shown.append(("seen", f"{moment(customer['first_seen_at'])} to {moment(customer.get('last_seen_at'))} UTC"))
    if customer.get("record_count") is not None:
        records, sources = customer["record_count"], customer.get("source_count")
        words = f"{counted(records, 'record')} of {counted(sources, 'source')}"
        shown.append(("known from", words))
    return shown


def _rows(words: str, rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> list[RenderableType]:
    return block(words, rows_table(rows, columns)) if rows else []
