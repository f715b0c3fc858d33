"""The canonical entities that every source is mapped to.

An entity is a table of text columns. Sources deliver text; typing happens in staging. Names, order and keys
live here once: the mapping of files, the views in schema `mapped` and the messages of the company file read them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

CHANNELS: tuple[str, ...] = ("shop", "email", "call_centre", "web")
"""The channels a source may belong to."""

TECHNICAL_COLUMNS: Mapping[str, str] = MappingProxyType(
    {
        "_source": "VARCHAR",
        "_channel": "VARCHAR",
        "_dataset": "VARCHAR",
        "_batch_id": "VARCHAR",
        "_load_id": "VARCHAR",
        "_row": "BIGINT",
        "_loaded_at": "TIMESTAMP",
        "_time_zone": "VARCHAR",
        "_currency": "VARCHAR",
        "_country": "VARCHAR",
        "_accounts_of": "VARCHAR",
        "_products_of": "VARCHAR",
        "_reject_reason": "VARCHAR",
    }
)
"""Technical columns (name to SQL type) that every `mapped.<entity>` view carries after the entity's own."""


@dataclass(frozen=True)
class Entity:
    """One canonical entity.

    Attributes:
        name: table name, plural.
        key: the column that identifies a record within its source.
        columns: all columns in order, the key first.
        says: one sentence for people who map a file.
    """

    name: str
    key: str
    columns: tuple[str, ...]
    says: str


def _entity(name: str, says: str, columns: str) -> Entity:
    names = tuple(columns.split())
    return Entity(name=name, key=names[0], columns=names, says=says)


_ALL = (
    _entity(
        "customers",
        "One row per account or person as the source knows it.",
        "account_id email phone loyalty_card first_name last_name full_name company_name birth_date gender street city "
        "postal_code region country_code language email_consent sms_consent phone_consent created_at updated_at",
    ),
    _entity(
        "products",
        "One row per article of the catalogue.",
        "product_id sku product_name category unit_cost unit_price currency updated_at",
    ),
    _entity(
        "orders",
        "One row per order, receipt or return.",
        "order_id account_id email phone loyalty_card buyer_first_name buyer_last_name buyer_company_name buyer_street "
        "buyer_city buyer_postal_code buyer_country_code ordered_at status channel store_id currency gross_amount "
        "discount_amount shipping_amount tax_amount total_amount refund_amount campaign_id updated_at",
    ),
    _entity(
        "order_lines",
        "One row per line of an order.",
        "order_line_id order_id product_id sku line_kind quantity unit_price discount_amount is_return currency "
        "ordered_at updated_at",
    ),
    _entity(
        "email_events",
        "One row per thing that happened to one e-mail: sent, delivered, open, click, bounce, unsubscribe.",
        "event_id message_id campaign_id email account_id event occurred_at url user_agent ip_address is_machine",
    ),
    _entity(
        "campaigns",
        "One row per campaign.",
        "campaign_id campaign_name channel subject started_at cost_amount currency updated_at",
    ),
    _entity(
        "exchange_rates",
        "One row per pair of currencies and day: what one unit of the first is worth in the second.",
        "rate_id from_currency to_currency day rate updated_at",
    ),
    _entity(
        "calls",
        "One row per telephone call, or per part of one: a leg, a recording, a wait in a queue.",
        "call_id phone account_id direction started_at wait_seconds talk_seconds outcome reason agent_id satisfaction "
        "queue recording_url recording_seconds part_of updated_at",
    ),
    _entity(
        "tickets",
        "One row per request to the service desk, or per part of one, such as its rating.",
        "ticket_id account_id email phone channel subject status priority created_at solved_at first_reply_at "
        "satisfaction agent_id part_of updated_at",
    ),
    _entity(
        "consents",
        "One row per consent given, refused or withdrawn, and per suppression: a person's word with its time.",
        "consent_id account_id email phone channel purpose status occurred_at origin",
    ),
    _entity(
        "surveys",
        "One row per answer to one question: how likely to recommend, how satisfied, how many stars.",
        "response_id account_id email phone kind score scale_min scale_max asked_at responded_at order_id call_id "
        "ticket_id product_id agent_id channel updated_at",
    ),
    _entity(
        "experiment_assignments",
        "One row per person who was put into an arm of an experiment, at random.",
        "assignment_id experiment_id arm role planned_share account_id email phone campaign_id assigned_at updated_at",
    ),
    _entity(
        "subscriptions",
        "One row per contract that is renewed from period to period until it is cancelled.",
        "subscription_id account_id email phone plan product_id started_at ended_at period_months price_amount "
        "currency status updated_at",
    ),
    _entity(
        "web_events",
        "One row per event on the web site or in the app.",
        "event_id visitor_id account_id email session_id page_view_id event occurred_at received_at page_url "
        "page_title referrer source medium campaign user_agent is_bot order_id",
    ),
    _entity(
        "partners",
        "One row per supplier, partner, investor or employee.",
        "partner_id partner_name kind email phone country_code owner agent_id started_at ended_at updated_at",
    ),
    _entity(
        "partner_links",
        "One row per customer or product that hangs on a partner: whose account, whose product, by whom referred.",
        "link_id partner_id role account_id email phone product_id valid_from valid_to updated_at",
    ),
    _entity(
        "partner_contacts",
        "One row per contact with a partner: a visit, a call, a letter.",
        "contact_id partner_id contacted_at channel direction employee reason next_step_on updated_at",
    ),
)

ENTITIES: Mapping[str, Entity] = MappingProxyType({entity.name: entity for entity in _ALL})
"""All entities by name, in a fixed order."""
