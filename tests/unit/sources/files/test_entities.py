from __future__ import annotations

from sources.entities import ENTITIES, TECHNICAL_COLUMNS


def test_entities_with_their_keys() -> None:
    assert {name: entity.key for name, entity in ENTITIES.items()} == {
        "customers": "account_id",
        "products": "product_id",
        "orders": "order_id",
        "order_lines": "order_line_id",
        "email_events": "event_id",
        "campaigns": "campaign_id",
        "exchange_rates": "rate_id",
        "calls": "call_id",
        "tickets": "ticket_id",
        "consents": "consent_id",
        "surveys": "response_id",
        "experiment_assignments": "assignment_id",
        "subscriptions": "subscription_id",
        "web_events": "event_id",
        "partners": "partner_id",
        "partner_links": "link_id",
        "partner_contacts": "contact_id",
    }


def test_key_is_first_and_columns_are_unique_and_no_technical_ones() -> None:
    for entity in ENTITIES.values():
        assert entity.columns[0] == entity.key
        assert len(set(entity.columns)) == len(entity.columns)
        assert not set(entity.columns) & set(TECHNICAL_COLUMNS)
