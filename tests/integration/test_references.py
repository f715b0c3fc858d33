"""Records that need another record: they wait in quarantine with the reason, and are let go when it arrives."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from test_staging import RULES, Warehouse, new_warehouse, rule

from expectations.catalogue import load_rules, to_dbt_vars

__all__ = ["new_warehouse"]

LOOKING = [one for one in to_dbt_vars(load_rules()) if one["dimension"] == "reference"]
Row = dict[str, str | None]


@pytest.fixture
def warehouse(new_warehouse: Callable[[], Warehouse]) -> Warehouse:
    """A company in euros whose shop delivers its customers and products."""
    made = new_warehouse()
    made.vars = {"rules": [*RULES, *LOOKING], "namespaces": {"customers": ["shop"], "products": ["shop"]}}
    return made


def order(number: int, **more: str | None) -> Row:
    return {"order_id": f"o{number}", "ordered_at": "2026-01-10T10:00:00Z", "gross_amount": "10", **more}


def rate(currency: str, day: str, value: str) -> Row:
    return {"from_currency": "EUR", "to_currency": currency, "day": day, "rate": value}


def stated(warehouse: Warehouse, entity: str, key: str = "order_id") -> dict[str, tuple[str, str | None]]:
    """Key to status and reasons of every record that is no duplicate."""
    rows = warehouse.rows(
        f"SELECT {key}, record_status, invalid_reasons FROM staging.stg_all__{entity} "
        "WHERE record_status <> 'duplicate' ORDER BY 1"
    )
    return {key: (status, reasons) for key, status, reasons in rows}


def balanced(warehouse: Warehouse) -> bool:
    return warehouse.rows(
        "SELECT count(*) FROM marts.source_loads WHERE received <> valid + quarantined + duplicates"
    ) == [(0,)]


WAITS = ("quarantined", "orders_exchange_rate_known")
FREE = ("valid", None)


def test_a_foreign_order_waits_for_the_rate_of_its_day(warehouse: Warehouse) -> None:
    foreign = [
        order(1, currency="EUR"),
        order(2, currency="USD"),
        order(3, currency="usd", ordered_at="2026-01-16T23:00:00Z"),
        order(4, currency="USD", ordered_at="2026-01-17T01:00:00Z"),
        order(5, currency="CHF"),
    ]
    warehouse.load("orders", "first", foreign)
    warehouse.stage()
    assert stated(warehouse, "orders") == {"o1": FREE, "o2": WAITS, "o3": WAITS, "o4": WAITS, "o5": WAITS}
    assert balanced(warehouse)
    warehouse.load("exchange_rates", "second", [rate("USD", "2026-01-10", "1.25")], day=2)
    warehouse.stage()
    # Seven days: from the 10th to the 16th.
    assert stated(warehouse, "orders") == {"o1": FREE, "o2": FREE, "o3": FREE, "o4": WAITS, "o5": WAITS}
    assert balanced(warehouse)
    assert warehouse.rows("SELECT DISTINCT rate FROM intermediate.int_exchange_rates") == [(Decimal("0.8"),)]
    warehouse.load("exchange_rates", "third", [rate("USD", "2026-01-17", "1.5")], day=3)
    warehouse.stage()
    assert stated(warehouse, "orders")["o4"] == FREE
    assert stated(warehouse, "orders")["o5"] == WAITS


def test_a_foreign_subscription_waits_for_the_rate_of_its_first_day(warehouse: Warehouse) -> None:
    """One without a price needs no rate. Received is what is valid, held and repeated, of answers too."""
    begun = {"started_at": "2026-01-10T10:00:00Z", "currency": "USD"}
    contracts = [
        {"subscription_id": "s1", **begun, "price_amount": "10"},
        {"subscription_id": "s2", **begun},
        {"subscription_id": "s3", "started_at": "2026-01-10", "price_amount": "10"},
        {"subscription_id": "s3", "started_at": "2026-01-10", "price_amount": "10"},
    ]
    answers = [
        {"response_id": "r1", "kind": "nps", "score": "9", "responded_at": "2025-12-20", "email": "who@example.com"},
        {"response_id": "r1", "kind": "nps", "score": "9", "responded_at": "2025-12-20", "email": "who@example.com"},
        {"response_id": "r2", "kind": "nps", "score": "11", "responded_at": "2025-12-20"},
    ]
    warehouse.vars["rules"] = to_dbt_vars(load_rules())
    warehouse.load("subscriptions", "first", contracts)
    warehouse.load("surveys", "second", answers)
    warehouse.stage()
    held = ("quarantined", "subscriptions_exchange_rate_known")
    assert stated(warehouse, "subscriptions", "subscription_id") == {"s1": held, "s2": FREE, "s3": FREE}
    assert stated(warehouse, "surveys", "response_id") == {
        "r1": FREE, "r2": ("quarantined", "surveys_score_within_scale"),
    }  # fmt: skip
    counts = (
        "SELECT entity, received, valid, quarantined, duplicates FROM marts.source_loads WHERE received > 0 ORDER BY 1"
    )
    assert warehouse.rows(counts) == [("subscriptions", 4, 2, 1, 1), ("surveys", 3, 1, 1, 1)]
    warehouse.load("exchange_rates", "third", [rate("USD", "2026-01-10", "1.25")], day=2)
    warehouse.stage()
    assert stated(warehouse, "subscriptions", "subscription_id")["s1"] == FREE
    assert balanced(warehouse)


def test_a_record_is_ranked_again_when_it_is_let_go(warehouse: Warehouse) -> None:
    """The newer version waited and the older one was the record; now the newer one is."""
    older = order(1, currency="EUR", gross_amount="10", updated_at="2026-01-10T11:00:00Z")
    newer = order(1, currency="USD", gross_amount="99", updated_at="2026-01-11T11:00:00Z")
    warehouse.load("orders", "first", [older, newer])
    warehouse.stage()
    amount = "SELECT gross_amount FROM staging.stg_all__orders WHERE record_status = 'valid'"
    assert [str(row[0]) for row in warehouse.rows(amount)] == ["10.0000"]
    warehouse.load("exchange_rates", "second", [rate("USD", "2026-01-10", "1.25")], day=2)
    warehouse.stage()
    assert [str(row[0]) for row in warehouse.rows(amount)] == ["99.0000"]
    assert balanced(warehouse)


def test_an_order_waits_for_its_customer_and_a_line_for_its_product(warehouse: Warehouse) -> None:
    warehouse.load("orders", "first", [order(1, account_id="a1"), order(2, account_id="a2"), order(3)])
    lines = [
        {"order_line_id": "l1", "order_id": "o1", "product_id": "p1", "quantity": "1", "unit_price": "2"},
        {"order_line_id": "l2", "order_id": "o1", "product_id": "p2", "quantity": "1", "unit_price": "2",
         "line_kind": "shipping"},
    ]  # fmt: skip
    warehouse.load("order_lines", "second", lines)
    warehouse.load("customers", "third", [{"account_id": "a2", "email": "a2@example.com"}])
    warehouse.stage()
    waits = ("quarantined", "orders_account_received")
    assert stated(warehouse, "orders") == {"o1": waits, "o2": FREE, "o3": FREE}
    assert stated(warehouse, "order_lines", "order_line_id") == {
        "l1": ("quarantined", "order_lines_product_received"), "l2": FREE,
    }  # fmt: skip
    # Also a customer who is himself in quarantine has been received.
    warehouse.load("customers", "fourth", [{"account_id": "a1"}], day=2)
    warehouse.load("products", "fifth", [{"product_id": "p1", "product_name": "Loaf"}], day=2)
    warehouse.stage()
    assert stated(warehouse, "orders")["o1"] == FREE
    assert stated(warehouse, "order_lines", "order_line_id")["l1"] == FREE
    assert balanced(warehouse)


def test_ids_of_others_ask_for_nothing(warehouse: Warehouse) -> None:
    """Where nobody delivers the customers of these accounts, an order cannot wait for one."""
    warehouse.load("orders", "first", [order(1, account_id="a1", _accounts_of="tills")])
    warehouse.stage()
    assert stated(warehouse, "orders") == {"o1": FREE}


def test_what_is_looked_up_cannot_set_a_value_aside(warehouse: Warehouse) -> None:
    wrong = rule("account_known", "orders", "account_id", "account_is_known", severity="field")
    warehouse.vars = {**warehouse.vars, "rules": [*RULES, wrong]}
    with pytest.raises(AssertionError, match="asks something of other records"):
        warehouse.stage()
