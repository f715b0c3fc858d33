"""The value part of a profile, of hand-made rows; and what is left out where a table is not there."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime
from decimal import Decimal

import marts_by_hand as by_hand
import pytest
from rich.console import Console

from orchestration.customer import CustomerProfile, gather
from orchestration.views.profile import profile_view

VALUE = {
    "customer_id": "c-1",
    "orders": 3,
    "returns": 1,
    "first_ordered_on": date(2025, 8, 22),
    "last_ordered_on": date(2026, 2, 28),
    "recency_days": 122,
    "gross_amount": Decimal(160),
    "discount_amount": Decimal(10),
    "returns_amount": Decimal(50),
    "revenue_amount": Decimal(100),
    "uncosted_revenue_amount": Decimal(30),
    "cost_of_goods_amount": Decimal(25),
    "contact_cost_amount": Decimal(0),
    "service_cost_amount": Decimal("1.6"),
    "profit_amount": Decimal("43.4"),
    "profit_coverage_rate": 0.7,
    "unprofitable_reason": None,
    "messages": 9,
    "calls": 1,
    "tickets": 0,
    "average_order_amount": Decimal(50),
    "orders_12m": 1,
    "revenue_12m_amount": Decimal(40),
    "estimated_profit_12m_amount": Decimal(20),
    "expected_orders_12m": 2.51,
    "expected_orders_12m_lower": 0,
    "expected_orders_12m_upper": 4,
    "expected_revenue_12m": Decimal("87.5209"),
    "expected_revenue_12m_lower": Decimal(0),
    "expected_revenue_12m_upper": Decimal("303.2645"),
    "lifetime_value_amount": Decimal("1413.7274"),
    "probability_alive": 0.373,
    "lifetime_value_status": "simple_orders_adjusted",
    "churn_risk": 0.378,
    "churn_reasons": "silent for 2.6 times the usual time between orders; 0 orders in the last year",
    "churn_status": "modelled",
    "active_subscriptions": 1,
    "subscription_residual_amount": Decimal("620.7655"),
    "measured_at": datetime(2026, 6, 30, 21, 16, tzinfo=UTC),
}


def facts(profile: CustomerProfile, currency: str | None = "EUR") -> dict[str, str]:
    """The facts shown, by block and name."""
    console = Console(file=io.StringIO(), width=200, color_system=None)
    console.print(profile_view(profile, currency))
    found: dict[str, str] = {}
    block = ""
    for line in console.file.getvalue().splitlines():  # type: ignore[attr-defined]
        name, _, value = line.rstrip().partition("  ")
        if value.strip():
            found[f"{block}/{name}"] = value.strip()
        elif name:
            block = name
    return found


def test_value_in_words():
    shown = facts(CustomerProfile("c-1", value=VALUE))
    assert shown["Value/orders"] == "3, from 2025-08-22 to 2026-02-28; 122 days since the last; 1 return"
    assert shown["Value/revenue"] == "100.00 EUR = 160.00 gross − 10.00 discounts − 50.00 returns"  # noqa: RUF001
    # 100 − 30 − 25 − 1.6 = 43.4; a contact that cost nothing is left out.  # noqa: RUF003
    assert shown["Value/profit"] == (
        "43.40 EUR = 100.00 revenue − 30.00 of unknown cost − 25.00 cost of goods − 1.60 service; "  # noqa: RUF001
        "70.0 % of the costs are known"
    )
    assert shown["Value/last 12 months"] == "1 order, 40.00 EUR revenue, 20.00 EUR estimated profit"
    assert shown["Value/contacts"] == "9 messages, 1 call"
    assert "Value/at a loss because of" not in shown


def test_forecast_with_its_bounds():
    shown = facts(CustomerProfile("c-1", value=VALUE))
    assert shown["Forecast of 12 months/orders"] == "2.5 (0 to 4)"
    assert shown["Forecast of 12 months/revenue"] == "87.52 EUR (0.00 to 303.26)"
    assert shown["Forecast of 12 months/lifetime value"] == "1,413.73 EUR"
    assert shown["Forecast of 12 months/probability alive"] == "37.3 %"
    assert shown["Forecast of 12 months/subscriptions"] == "1 running, 620.77 EUR to come"
    assert shown["Forecast of 12 months/how"] == (
        "orders by a simple rate, because no model fits or none beats it; an input was out of range and was adjusted"
    )


def test_risk_with_its_reasons():
    shown = facts(CustomerProfile("c-1", value=VALUE))
    assert shown["Risk to leave/risk"] == "37.8 %"
    assert shown["Risk to leave/because"] == "silent for 2.6 times the usual time between orders"
    assert shown["Risk to leave/"] == "0 orders in the last year"
    simple = facts(CustomerProfile("c-1", value={**VALUE, "churn_status": "simple", "churn_reasons": None}))
    assert simple["Risk to leave/risk"].startswith("37.8 %, from the forecast of orders")
    assert "Risk to leave/because" not in simple


def test_who_never_bought():
    value = {"customer_id": "c-1", "orders": 0, "revenue_amount": Decimal(0), "gross_amount": Decimal(0),
             "profit_amount": Decimal("-0.36"), "service_cost_amount": Decimal("0.36"), "churn_risk": None,
             "expected_orders_12m": None, "unprofitable_reason": "no_purchase"}  # fmt: skip
    shown = facts(CustomerProfile("c-1", value=value))
    assert shown["Value/orders"] == "0"
    assert shown["Value/at a loss because of"] == "no purchase"
    assert not [name for name in shown if name.startswith(("Forecast", "Risk"))]


def test_unknown_profit_says_why():
    shown = facts(CustomerProfile("c-1", value={**VALUE, "profit_amount": None}))
    assert shown["Value/profit"] == "unknown, because of one kind of cost nothing is known"


def test_segments_over_time():
    spans = [
        {"segment_kind": "value", "segment": f"tier_{n}", "valid_from": date(2025, n, 28),
         "valid_to": date(2025, n + 1, 28)}
        for n in range(1, 9)
    ] + [{"segment_kind": "value", "segment": "top", "valid_from": date(2025, 9, 28), "valid_to": None}]  # fmt: skip
    shown = facts(CustomerProfile("c-1", segment_history=spans, segments={"rfm_score": "455", "recency_score": 4}))
    words = shown["Segments over time/value"]
    assert words.startswith("… → tier 4 since 2025-04-28 → ")
    assert words.endswith("tier 8 since 2025-08-28 → top since 2025-09-28")
    assert shown["Segments/rfm score"] == "455"
    assert "Segments/recency score" not in shown
    ended = facts(CustomerProfile("c-1", segment_history=spans[:1]))
    assert ended["Segments over time/value"] == "tier 1 since 2025-01-28 → none since 2025-02-28"


def test_satisfaction_against_expectation():
    row = {"experience_share": 0.5, "expectation_share": 0.64, "answers_365d": 2,
           "last_answer_at": datetime(2026, 6, 12, 13, 25, tzinfo=UTC),
           "mean_share_365d": 0.45, "gap_share_365d": -0.26, "satisfaction_band": "unhappy",
           "nps_group": "detractor", "contacts_365d": 3, "complaints_365d": 1, "unanswered_calls_365d": 0,
           "open_tickets": None}  # fmt: skip
    shown = facts(CustomerProfile("c-1", satisfaction=row))
    assert shown["Satisfaction/last answer"] == "50 of 100, 64 expected, on 2026-06-12 13:25 UTC"
    assert shown["Satisfaction/last 365 days"] == ("2 answers, 45 of 100 on average, 26 below what was to be expected")
    assert shown["Satisfaction/contacts"] == "3 contacts, 1 complaint"


TABLES = """
CREATE TABLE marts.dim_customers AS SELECT 'c-1' AS customer_id;
CREATE TABLE marts.dim_products AS SELECT * FROM (VALUES ('p1', 'Rye roll'), ('p2', NULL), ('p3', 'Box for 10'))
    AS rows (product_id, product_name);
CREATE TABLE marts.next_offers AS SELECT * FROM (VALUES
    ('c-1', 2, 'p2', 0.15, 'bought most of all'),
    ('c-1', 1, 'p1', 0.244, 'customers who bought Pretzel bought it next'),
    ('c-2', 1, 'p3', 0.9, 'bought most of all')
) AS rows (customer_id, rank, product_id, score, reason);
CREATE TABLE marts.replenishments AS SELECT *, 'c-1' AS customer_id, 2.0 AS median_interval_days FROM (VALUES
    ('p3', DATE '2025-01-01', DATE '2025-01-08', 0.5, 7.0, true, true, true),
    ('p1', DATE '2026-06-14', DATE '2026-06-22', 0.0996, 7.88, true, false, false),
    ('p2', DATE '2026-06-14', DATE '2026-08-01', 0.2, 48.0, false, false, false)
) AS rows (product_id, last_bought_on, due_on, confidence, expected_interval_days, is_due, is_overdue, is_gone);
CREATE TABLE marts.fct_subscriptions AS SELECT 'c-1' AS customer_id, 's1' AS subscription_id, 'breakfast' AS plan,
    'p3' AS product_id, DATE '2026-04-25' AS started_on, NULL::DATE AS ended_on, true AS is_active, 3 AS period_months,
    0 AS renewals, 240.0::DECIMAL(18, 4) AS price_amount;
"""


def lines(profile: CustomerProfile) -> list[str]:
    console = Console(file=io.StringIO(), width=200, color_system=None)
    console.print(profile_view(profile, "EUR"))
    return [" ".join(line.split()) for line in console.file.getvalue().splitlines()]  # type: ignore[attr-defined]


def test_offers_dues_and_subscriptions_by_their_names():
    shown = lines(gather(by_hand.published(TABLES), "c-1"))
    offers = shown.index("Next offers")
    assert shown[offers + 3 : offers + 5] == [
        "1 Rye roll customers who bought Pretzel bought it next 0.24", "2 p2 bought most of all 0.15",
    ]  # fmt: skip
    due = shown.index("Due again")
    assert shown[due + 3 : due + 6] == [
        "Rye roll 2026-06-22 due 2026-06-14 8 days 10 %", "p2 2026-08-01 not due yet 2026-06-14 48 days 20 %",
        "Box for 10 2025-01-08 gone 2025-01-01 7 days 50 %",
    ]  # fmt: skip
    assert "breakfast Box for 10 yes 2026-04-25 – 240.00 EUR every 3 months 0" in shown  # noqa: RUF001


@pytest.mark.parametrize("absent", ["dim_products", "next_offers", "replenishments", "fct_subscriptions"])
def test_a_table_that_is_absent_leaves_its_part_out(absent):
    shown = lines(gather(by_hand.published(TABLES, f"DROP TABLE marts.{absent}"), "c-1"))
    headings = {"next_offers": "Next offers", "replenishments": "Due again", "fct_subscriptions": "Subscriptions"}
    for table, heading in headings.items():
        assert (heading in shown) == (table != absent), heading
    assert ("Rye roll" in " ".join(shown)) == (absent != "dim_products")


def test_columns_that_are_absent_are_no_error():
    bare = """CREATE TABLE marts.dim_customers AS SELECT 'c-1' AS customer_id;
        CREATE TABLE marts.next_offers AS SELECT 'c-1' AS customer_id, 'p1' AS product_id;
        CREATE TABLE marts.replenishments AS SELECT 'c-1' AS customer_id, 'p1' AS product_id;
        CREATE TABLE marts.fct_subscriptions AS SELECT 'c-1' AS customer_id;
        CREATE TABLE marts.customer_satisfaction AS SELECT 'c-1' AS customer_id;
        CREATE TABLE marts.customer_value AS SELECT 'c-1' AS customer_id;"""
    shown = lines(gather(by_hand.published(bare), "c-1"))
    assert "Next offers" in shown
    assert "Satisfaction" not in shown
    assert "Value" not in shown
