"""From staging to the scorecard on a temporary warehouse: every number below is worked out by hand."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pytest
import yaml
from attribution_by_hand import MODELS as ATTRIBUTION_MODELS
from attribution_by_hand import attributed

from expectations.judge import judge_new
from orchestration.engines.kept import KEPT_TABLES
from orchestration.own_segments import segment_models
from sources.entities import ENTITIES, TECHNICAL_COLUMNS

PROJECT = Path(__file__).resolve().parents[2] / "dbt_project"
ANALYSTS = PROJECT.parent / "docs" / "analysts.md"

GOALS = [
    {"id": "validity", "name": "Valid records", "metric": "validity", "target": 0.9},
    {"id": "repeat_rate", "name": "Customers who come back", "metric": "repeat_rate", "target": 0.52},
    {"id": "key_customers_regular", "name": "Regulars", "metric": "key_customers_regular", "target": 0.25},
    {"id": "open_rate", "name": "Opens", "metric": "open_rate", "target": 0.2},
    {"id": "click_rate", "name": "Bob's clicks", "metric": "click_rate", "target": 0.05, "owner": "Bob"},
    {
        "id": "lifetime_value", "name": "Worth", "metric": "lifetime_value", "target": 1200, "deadline": "2026-12-31",
    },
]  # fmt: skip

OUTSIDE_TABLES = """
CREATE TABLE ledger.batches (batch_id VARCHAR);
CREATE TABLE ledger.loads (load_id VARCHAR, source VARCHAR, started_at TIMESTAMP, finished_at TIMESTAMP);
CREATE TABLE meta.gate_passes (load_id VARCHAR, source VARCHAR, passed_at TIMESTAMP);
CREATE TABLE meta.run_context (
    run_id VARCHAR, started_at TIMESTAMP, as_of_setting VARCHAR, time_zone VARCHAR, currency VARCHAR, country VARCHAR,
    company_id VARCHAR, company_name VARCHAR
);
"""

Rows = list[tuple[Any, ...]]


def at(text: str) -> datetime:
    """A UTC timestamp as the warehouse gives it: without a zone."""
    return datetime.fromisoformat(text)


class Warehouse:
    """A warehouse file in which the entities are mapped from tables of the same columns, and dbt on it."""

    def __init__(self, folder: Path, name: str, like: Warehouse | None = None) -> None:
        self.path = folder / f"{name}.duckdb"
        self._folder = folder
        if like is not None:
            shutil.copy(like.path, self.path)
            return
        with self.connect() as con:
            for schema in ("mapped", "ledger", "meta", "quality", "identity", "scores", "anomalies"):
                con.execute(f"CREATE SCHEMA {schema}")
            con.execute(OUTSIDE_TABLES)
            for table, columns in KEPT_TABLES.items():
                con.execute(f"CREATE TABLE {table} ({', '.join(f'{name} {kind}' for name, kind in columns.items())})")
            for entity in ENTITIES.values():
                columns = [f"{name} VARCHAR" for name in entity.columns]
                columns += [f"{name} {kind}" for name, kind in TECHNICAL_COLUMNS.items()]
                con.execute(f"CREATE TABLE mapped.{entity.name} ({', '.join(columns)})")
            con.execute(
                "CREATE VIEW mapped.raw_json AS SELECT '' AS source, '' AS dataset, '' AS batch_id, "
                "0::BIGINT AS row_number, '' AS raw WHERE false"
            )
            judge_new(con)
        self.measure_at("2026-01-31")

    def connect(self) -> duckdb.DuckDBPyConnection:
        con = duckdb.connect(str(self.path))
        con.execute("SET TimeZone='UTC'")
        return con

    def rows(self, sql: str) -> Rows:
        with self.connect() as con:
            return con.execute(sql).fetchall()

    def insert(self, table: str, rows: Sequence[dict[str, Any]]) -> None:
        with self.connect() as con:
            for row in rows:
                marks = ", ".join("?" for _ in row)
                con.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", list(row.values()))

    def load(self, source: str, entity: str, rows: Sequence[dict[str, Any]], batch: str = "b1") -> None:
        technical = {
            "_source": source, "_channel": {"news": "email", "line": "call_centre", "site": "web"}.get(source, "shop"),
            "_dataset": "export", "_batch_id": f"{source}-{entity}-{batch}", "_load_id": batch,
            "_loaded_at": at("2026-02-01 00:00"), "_time_zone": "UTC" if source == "site" else "Europe/Berlin",
            "_currency": "EUR", "_country": "DE", "_accounts_of": "shop", "_products_of": "shop",
        }  # fmt: skip
        numbered = [{**technical, "_row": number, **row} for number, row in enumerate(rows, start=1)]
        self.insert(f"mapped.{entity}", numbered)
        with self.connect() as con:
            judge_new(con)

    def measure_at(self, setting: str) -> None:
        with self.connect() as con:
            con.execute("DELETE FROM meta.run_context")
            con.execute(
                "INSERT INTO meta.run_context VALUES "
                "('run', '2026-02-20 06:00', ?, 'Europe/Berlin', 'EUR', 'DE', 'bakehouse', 'Bakehouse')",
                [setting],
            )

    def dbt(self, *args: str, project: Path = PROJECT, **more: Any) -> None:
        from dbt.cli.main import dbtRunner

        variables = json.dumps({"rules": [], "goals": GOALS, **more})
        # Another project is parsed into a folder of its own.
        place = self._folder if project == PROJECT else project.parent
        # Every warehouse is built under one name: another one would make dbt parse the whole project anew.
        workplace = self.path.rename(self._folder / "warehouse.duckdb")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("REGULARS_WAREHOUSE", str(workplace))
            outcome = dbtRunner().invoke(
                [*args, "--project-dir", str(project), "--profiles-dir", str(project), "--vars", variables,
                 "--target-path", str(place / "target"), "--log-path", str(place / "logs"), "--quiet"]
            )  # fmt: skip
        workplace.rename(self.path)
        results = getattr(outcome.result, "results", None) or []
        failed = [f"{r.node.name}: {r.message}" for r in results if r.status in ("error", "fail", "runtime error")]
        assert outcome.success, "\n".join(failed) or outcome.exception


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the warehouses of this module lie."""
    return tmp_path_factory.mktemp("marts")


# Who is who, as identity resolution would find it.
CUSTOMERS = {
    ("shop", "account:A1"): "anna",
    ("news", "email:anna@example.com"): "anna",
    ("line", "phone:+4930123456"): "anna",
    ("site", "account:A1"): "anna",
    ("shop", "account:A2"): "bert",
    ("news", "email:bert@example.com"): "bert",
    ("shop", "email:carl@example.com"): "carl",
    ("shop", "account:A4"): "dora",
    ("news", "email:dora@example.com"): "dora",
}


def fill(warehouse: Warehouse) -> None:
    """A small shop with a newsletter, a telephone line and a site; times of the shop are Berlin's."""
    warehouse.load(
        "shop",
        "customers",
        [
            {"account_id": "A1", "email": "Anna@example.com", "first_name": "Anna", "last_name": "Alt", "city": "Bonn",
             "postal_code": "53111", "country_code": "de", "email_consent": "true", "created_at": "2025-11-01"},
            {"account_id": "A2", "email": "bert@example.com", "full_name": "Bert", "created_at": "2025-05-01"},
            {"account_id": "A4", "email": "no address", "full_name": "Dora", "created_at": "2025-05-02"},
        ],
    )  # fmt: skip
    warehouse.load(
        "shop",
        "products",
        [
            {"product_id": "P1", "product_name": "Roll", "unit_cost": "4"},
            {"product_id": "P2", "product_name": "Loaf", "unit_cost": "12"},
        ],
    )
    warehouse.load(
        "shop",
        "orders",
        [
            {"order_id": "o1", "account_id": "A1", "ordered_at": "2025-11-10 10:00", "channel": "web"},
            {"order_id": "o2", "account_id": "A1", "ordered_at": "2025-12-15 10:00", "gross_amount": "40",
             "discount_amount": "5", "shipping_amount": "3"},
            {"order_id": "o3", "account_id": "A1", "ordered_at": "2026-01-20 09:35"},
            {"order_id": "r1", "account_id": "A1", "ordered_at": "2026-01-25 10:00"},
            {"order_id": "o4", "account_id": "A2", "ordered_at": "2025-06-01 10:00"},
            {"order_id": "o5", "email": "carl@example.com", "ordered_at": "2024-12-01 10:00"},
            {"order_id": "o6", "ordered_at": "2026-01-31 23:30"},
            {"order_id": "o7", "account_id": "A2", "ordered_at": "2026-01-05 10:00", "status": "cancelled",
             "gross_amount": "500"},
            {"order_id": "o8", "account_id": "A2", "ordered_at": "2026-02-10 10:00", "gross_amount": "900"},
            {"order_id": "o9", "ordered_at": "2026-01-05 10:00", "gross_amount": "100", "currency": "CHF"},
        ],
    )  # fmt: skip
    warehouse.load(
        "shop",
        "order_lines",
        [
            {"order_line_id": "1", "order_id": "o1", "product_id": "P1", "quantity": "2", "unit_price": "10"},
            {"order_line_id": "2", "order_id": "o1", "product_id": "P2", "quantity": "1", "unit_price": "30"},
            {"order_line_id": "3", "order_id": "o1", "line_kind": "shipping", "product_id": "POST", "quantity": "1",
             "unit_price": "4.9"},
            {"order_line_id": "4", "order_id": "o2", "product_id": "P1", "quantity": "1", "unit_price": "40"},
            {"order_line_id": "5", "order_id": "o3", "product_id": "P1", "quantity": "1", "unit_price": "10"},
            {"order_line_id": "6", "order_id": "r1", "product_id": "P1", "quantity": "1", "unit_price": "10",
             "is_return": "true"},
            {"order_line_id": "7", "order_id": "o4", "product_id": "P3", "quantity": "1", "unit_price": "60"},
            {"order_line_id": "8", "order_id": "o5", "product_id": "P1", "quantity": "1", "unit_price": "10"},
            {"order_line_id": "9", "order_id": "o6", "product_id": "P1", "quantity": "1", "unit_price": "10"},
        ],
    )  # fmt: skip
    warehouse.load("news", "campaigns", [{"campaign_id": "jan", "campaign_name": "January", "channel": "email"}])
    person = "Mozilla/5.0 (Windows NT 10.0) Firefox/127.0"
    sent = [
        {"event_id": f"{event}-{name}", "campaign_id": "jan", "email": f"{name}@example.com", "event": event,
         "occurred_at": "2026-01-18 08:00"}
        for name in ("anna", "bert", "dora", "gone")
        for event in ("sent", "bounce" if name == "gone" else "delivered")
    ]  # fmt: skip
    reactions = [
        {"event_id": "e1", "campaign_id": "jan", "email": "anna@example.com", "event": "open", "user_agent": person,
         "occurred_at": "2026-01-19 08:00"},
        {"event_id": "e2", "campaign_id": "jan", "email": "anna@example.com", "event": "open", "user_agent": person,
         "occurred_at": "2026-01-19 09:00"},
        {"event_id": "e3", "campaign_id": "jan", "email": "anna@example.com", "event": "click", "user_agent": person,
         "occurred_at": "2026-01-19 09:01", "url": "https://bakehouse.example/rolls?who=anna"},
        {"event_id": "e4", "campaign_id": "jan", "email": "bert@example.com", "event": "open",
         "user_agent": "Mozilla/5.0", "occurred_at": "2026-01-18 08:01"},
        {"event_id": "e5", "campaign_id": "jan", "email": "bert@example.com", "event": "click", "is_machine": "yes",
         "user_agent": person, "occurred_at": "2026-01-18 08:01"},
        {"event_id": "e6", "campaign_id": "jan", "email": "dora@example.com", "event": "open", "user_agent": person,
         "occurred_at": "2026-01-31 20:00"},
        {"event_id": "e7", "campaign_id": "jan", "email": "anna@example.com", "event": "unsubscribe",
         "occurred_at": "2026-01-31 20:00"},
    ]  # fmt: skip
    warehouse.load("news", "email_events", [*sent, *reactions])
    warehouse.load(
        "line",
        "calls",
        [
            {"call_id": "k1", "phone": "+4930123456", "direction": "in", "started_at": "2026-01-22 10:00",
             "talk_seconds": "120", "reason": "complaint"},
            {"call_id": "k2", "started_at": "2026-01-22 11:00", "talk_seconds": "60"},
        ],
    )  # fmt: skip
    page = {"event": "page_view", "visitor_id": "v1", "page_url": "https://bakehouse.example/?id=7"}
    warehouse.load(
        "site",
        "web_events",
        [
            {**page, "event_id": "w1", "occurred_at": "2026-01-15 10:00", "source": "search", "medium": "organic"},
            {**page, "event_id": "w2", "occurred_at": "2026-01-20 08:20", "source": "jan", "medium": "email"},
            {**page, "event_id": "w3", "occurred_at": "2026-01-20 08:30", "source": "direct", "account_id": "A1",
             "page_view_id": "p3"},
            {**page, "event_id": "w4", "occurred_at": "2026-01-20 08:31", "event": "page_ping", "page_view_id": "p3"},
            {**page, "event_id": "w5", "occurred_at": "2026-01-21 08:00", "visitor_id": "v2",
             "user_agent": "Examplebot/1.0"},
            {**page, "event_id": "w6", "occurred_at": "2026-01-22 08:00", "visitor_id": "v3", "event": "link_click"},
        ],
    )  # fmt: skip
    warehouse.insert(
        "identity.customer_records",
        [
            {"source": source, "source_record_id": record, "customer_id": customer, "match_method": "exact",
             "resolved_at": at("2026-02-01 00:00")}
            for (source, record), customer in CUSTOMERS.items()
        ],
    )  # fmt: skip
    warehouse.insert(
        "scores.lifetime_value",
        [
            {"customer_id": "anna", "probability_alive": 0.9, "residual_amount": 100, "status": "modelled"},
            {"customer_id": "bert", "probability_alive": 0.5, "residual_amount": 50, "status": "modelled"},
            {"customer_id": "carl", "probability_alive": 0.1, "residual_amount": 5, "status": "modelled"},
        ],
    )


@pytest.fixture(scope="module")
def shop(folder: Path) -> Warehouse:
    """The small shop, built once. The tests of this module read it and leave it as it is."""
    warehouse = Warehouse(folder, "shop")
    fill(warehouse)
    warehouse.dbt("build", "--exclude-resource-type", "unit_test")
    return warehouse


def test_orders_and_returns(shop: Warehouse) -> None:
    # o1 = 2 x 10 + 30, cost 2 x 4 + 12. o2: the header's 40 - 5, cost 4. r1 brings a roll back. The cost of P3 is not
    # known. o7 was cancelled. o9 is in a currency without a rate: it stays an order, its worth is unknown.
    assert shop.rows(
        "SELECT order_number, customer_id, order_kind, gross_amount, refund_amount, shipping_amount, net_amount, "
        "cost_amount, margin_amount, is_first_order FROM marts.fct_orders ORDER BY 1"
    ) == [
        ("o1", "anna", "sale", 50, 0, Decimal("4.9"), 50, 20, 30, True),
        ("o2", "anna", "sale", 40, 0, 3, 35, 4, 31, False),
        ("o3", "anna", "sale", 10, 0, None, 10, 4, 6, False),
        ("o4", "bert", "sale", 60, 0, None, 60, None, None, True),
        ("o5", "carl", "sale", 10, 0, None, 10, 4, 6, True),
        ("o6", None, "sale", 10, 0, None, 10, 4, 6, None),
        ("o7", "bert", "void", 500, 0, None, 0, None, None, False),
        ("o8", "bert", "sale", 900, 0, None, 900, None, None, False),
        ("o9", None, "sale", None, None, None, None, None, None, None),
        ("r1", "anna", "return", 0, 10, None, -10, -4, -6, False),
    ]
    # Half past eleven at night in Berlin is the same day there.
    assert shop.rows("SELECT ordered_at, ordered_on FROM marts.fct_orders WHERE order_number = 'o6'") == [
        (at("2026-01-31 22:30"), date(2026, 1, 31))
    ]
    assert shop.rows(
        "SELECT original_net_amount, original_currency, currency FROM marts.fct_orders WHERE order_number = 'o9'"
    ) == [(100, "CHF", "EUR")]
    assert shop.rows(
        "SELECT order_line_id, product_id, quantity, net_amount, is_return FROM marts.fct_order_lines "
        "WHERE order_line_id IN ('shop:3', 'shop:6') ORDER BY 1"
    ) == [("shop:3", None, 1, Decimal("4.9"), False), ("shop:6", "shop:P1", -1, -10, True)]
    # P3 was sold and is in no catalogue; the postage is no product.
    assert shop.rows("SELECT product_id, unit_cost, is_in_catalogue FROM marts.dim_products ORDER BY 1") == [
        ("shop:P1", 4, True),
        ("shop:P2", 12, True),
        ("shop:P3", None, False),
    ]


def test_input_of_the_lifetime_value_model(shop: Warehouse) -> None:
    # anna: 10 November, 15 December and 20 January are 71 days, and 82 to the 31st; (35 + 10 - 10) / 2. The order of
    # bert's in February is yet to come.
    assert shop.rows("SELECT * FROM intermediate.int_lifetime_value__input ORDER BY 1") == [
        ("anna", 2, 71, 82, 17.5, 85.0),
        ("bert", 0, 0, 244, None, 60.0),
        ("carl", 0, 0, 426, None, 10.0),
    ]


def test_emails_calls_and_sessions(shop: Warehouse) -> None:
    # Four sent, one bounced. Opened by anna (twice), by dora and by a machine for bert, which clicked, too.
    assert shop.rows(
        "SELECT campaign_id, campaign_name, sent, delivered, unique_opens, unique_opens_human, unique_clicks, "
        "unique_clicks_human, unsubscribes, attributed_orders, attributed_revenue_amount, cost_amount "
        "FROM marts.campaign_performance"
    ) == [("news:jan", "January", 4, 3, 3, 2, 2, 1, 1, 1, 10, Decimal("0.004"))]
    # The order's own margin is 6, as every roll earns 6 of 10.
    assert shop.rows(
        "SELECT bounces, unique_opens_machine, unique_clicks_machine, complaints, attributed_customers, "
        "attributed_order_shares, attributed_margin_amount, profit_amount, return_on_cost "
        "FROM marts.campaign_performance"
    ) == [(1, 1, 1, 0, 1, 1, 6, Decimal("5.996"), 1499.0)]
    # 50 + 35 + 60 + 10 of customers and 10 of nobody known, of which 10 follow a click; o9 is worth nobody knows what.
    assert (
        shop.rows(
            "SELECT row_kind, sum(orders), sum(revenue_amount) FROM marts.attributed_revenue GROUP BY model, row_kind "
            "ORDER BY row_kind, model"
        )
        == [("anonymous", 2, 10)] * 5 + [("attributed", 1, 10)] * 5 + [("untouched", 4, 155)] * 5
    )
    [(open_rate, click_rate)] = shop.rows("SELECT open_rate, click_rate FROM marts.campaign_performance")
    assert (open_rate, click_rate) == pytest.approx((2 / 3, 1 / 3))
    assert shop.rows(
        "SELECT open_rate_high, click_rate_high, unsubscribe_rate, complaint_rate, bounce_rate, delivery_rate "
        "FROM marts.campaign_performance"
    ) == [(1, pytest.approx(2 / 3), pytest.approx(1 / 3), 0, 0.25, 0.75)]
    # Two minutes at 0.80.
    assert shop.rows("SELECT call_id, customer_id, handling_cost_amount FROM marts.fct_calls ORDER BY 1") == [
        ("line:k1", "anna", Decimal("1.6")),
        ("line:k2", None, Decimal("0.8")),
    ]
    # w1 has no login, but v1 is only ever anna. The order of 9:35 in Berlin is placed five minutes after the last page.
    # The visit that consists of one click has no page and is no session.
    assert shop.rows(
        "SELECT session_id, customer_id, page_views, source, medium, is_converted, is_bot, ended_at "
        "FROM marts.fct_web_sessions ORDER BY 1"
    ) == [
        ("site:w1:made", "anna", 1, "search", "organic", False, False, at("2026-01-15 10:00")),
        ("site:w2:made", "anna", 2, "jan", "email", True, False, at("2026-01-20 08:31")),
        ("site:w5:made", None, 1, None, None, False, True, at("2026-01-21 08:00")),
    ]
    assert shop.rows("SELECT page_view_id, pings FROM intermediate.int_web_page_views ORDER BY 1") == [
        ("site:p3", 1),
        ("site:w1", 0),
        ("site:w2", 0),
        ("site:w5", 0),
    ]
    assert shop.rows(
        "SELECT kind, direction, count(*), min(detail) FROM marts.fct_touchpoints WHERE customer_id = 'anna' "
        "GROUP BY kind, direction ORDER BY kind"
    ) == [
        ("call", "in", 1, "complaint"),
        ("email_click", "in", 1, "https://bakehouse.example/rolls"),
        ("email_delivered", "out", 1, None),
        ("email_open", "in", 2, None),
        ("email_unsubscribe", "in", 1, None),
        ("order", "in", 3, None),
        ("return", "in", 1, None),
        ("web_session", "in", 2, "https://bakehouse.example/"),
    ]


def test_profiles(shop: Warehouse) -> None:
    # anna consented when she signed up and unsubscribed later. The newsletter sees an address of dora's that her
    # account does not have.
    assert shop.rows(
        "SELECT customer_id, display_name, primary_email, primary_phone, country_code, city, source_count, "
        "record_count, email_consent, is_erased FROM marts.dim_customers ORDER BY 1"
    ) == [
        ("anna", "Anna Alt", "anna@example.com", "+4930123456", "DE", "Bonn", 4, 4, False, False),
        ("bert", "Bert", "bert@example.com", None, None, None, 2, 2, None, False),
        ("carl", "carl@example.com", "carl@example.com", None, None, None, 1, 1, None, False),
        ("dora", "Dora", "dora@example.com", None, None, None, 2, 2, None, False),
    ]
    assert shop.rows("SELECT * FROM marts.customer_consents") == [
        ("anna", "email", "marketing", "denied", at("2026-01-31 19:00"), "news", "email event: unsubscribe", False)
    ]
    assert shop.rows(
        "SELECT kind, value, source, is_primary, is_valid FROM marts.customer_contact_points "
        "WHERE customer_id IN ('anna', 'dora') ORDER BY customer_id, kind, value"
    ) == [
        ("account", "shop:A1", "shop", True, True),
        ("address", "53111 Bonn, DE", "shop", True, True),
        ("cookie", "v1", "site", True, True),
        ("email", "anna@example.com", "shop", True, True),
        ("phone", "+4930123456", "line", True, True),
        ("account", "shop:A4", "shop", True, True),
        ("email", "dora@example.com", "news", True, True),
        ("email", "no address", "shop", False, False),
    ]


def test_value_and_segments(shop: Warehouse) -> None:
    # anna: revenue 50 + 35 + 10 - 10, margin 30 + 31 + 6 - 6, one e-mail and one call; 4 of 4 orders have a cost.
    # bert's cost is unknown, so is his profit; for the ranking his 60 earn what the others earn on the average: margins
    # of 30 + 31 + 6 - 6 + 6 + 6 = 73 on 50 + 35 + 10 - 10 + 10 + 10 = 105.
    rows = shop.rows(
        "SELECT customer_id, orders, frequency, recency_days, tenure_days, revenue_amount, margin_amount, "
        "contact_cost_amount, service_cost_amount, profit_amount, cost_coverage_rate, average_order_amount, "
        "lifetime_value_amount FROM marts.customer_value ORDER BY 1"
    )
    assert rows == [
        ("anna", 3, 2, 11, 82, 85, 61, Decimal("0.001"), Decimal("1.6"), Decimal("59.399"), 1.0,
         Decimal("31.6667"), 185),
        ("bert", 1, 0, 244, 244, 60, None, Decimal("0.001"), 0, None, 0.0, 60, 110),
        ("carl", 1, 0, 426, 426, 10, 6, 0, 0, 6, 1.0, 10, 15),
        ("dora", 0, 0, None, None, 0, 0, Decimal("0.001"), 0, Decimal("-0.001"), None, None, None),
    ]  # fmt: skip
    [(bert,)] = shop.rows("SELECT estimated_profit_12m_amount FROM marts.customer_value WHERE customer_id = 'bert'")
    assert float(bert) == pytest.approx(60 * 73 / 105 - 0.001, abs=0.0001)
    # Of the two buyers of twelve months one is the top 5 % (rounded up), one among the last half.
    assert shop.rows(
        "SELECT customer_id, value_segment, behaviour_segment, lifecycle_stage, rfm_score, loyalty_tier, "
        "is_key_customer, is_regular, assigned_at FROM marts.customer_segments ORDER BY 1"
    ) == [
        ("anna", "top", "champion", "growing", "555", "basic", True, True, at("2026-01-31 22:59:59")),
        ("bert", "low", "needs_attention", "lapsing", "313", "basic", False, False, at("2026-01-31 22:59:59")),
        ("carl", "none", "lost", "lost", "111", "basic", False, False, at("2026-01-31 22:59:59")),
        ("dora", "none", "no_purchase", "prospect", "000", "basic", False, False, at("2026-01-31 22:59:59")),
    ]


def test_portfolio(shop: Warehouse) -> None:
    # Revenue: anna 85, bert 60, carl 10, and the anonymous o6 of 10. Nobody knows what bert's goods cost, nor what o9
    # is worth. The margins are 61, 6 and 6. Four e-mails were sent, one of them to somebody unknown; there were calls
    # of two minutes and of one, the second from somebody unknown.
    assert shop.rows(
        "SELECT dimension, row_kind, group_id, customers, buyers, orders, revenue_amount, uncosted_revenue_amount, "
        "margin_amount, contact_cost_amount, service_cost_amount, profit_amount FROM marts.portfolio_profit "
        "WHERE dimension IN ('all', 'cohort', 'channel') ORDER BY 1, 2, 3"
    ) == [
        ("all", "all", None, 4, 3, 7, 165, 60, 73, Decimal("0.004"), Decimal("2.4"), Decimal("70.596")),
        ("channel", "contact_and_service", None, None, None, None, None, None, None, Decimal("0.004"), Decimal("2.4"),
         Decimal("-2.404")),
        ("channel", "group", "shop", 3, None, 6, 115, 60, 43, None, None, 43),
        ("channel", "group", "web", 1, None, 1, 50, 0, 30, None, None, 30),
        ("cohort", "anonymous_orders", None, 0, None, 2, 10, 0, 6, None, None, 6),
        ("cohort", "group", "2024-12", 1, 1, 1, 10, 0, 6, 0, 0, 6),
        ("cohort", "group", "2025-06", 1, 1, 1, 60, 60, None, Decimal("0.001"), 0, Decimal("-0.001")),
        ("cohort", "group", "2025-11", 1, 1, 3, 85, 0, 61, Decimal("0.001"), Decimal("1.6"), Decimal("59.399")),
        ("cohort", "none", None, 1, 0, 0, 0, 0, 0, Decimal("0.001"), 0, Decimal("-0.001")),
        ("cohort", "unallocated_costs", None, None, None, None, None, None, None, Decimal("0.001"), Decimal("0.8"),
         Decimal("-0.801")),
    ]  # fmt: skip
    # Of three buyers one is the top third, rounded up to a customer; the profit of bert is unknown.
    assert shop.rows(
        "SELECT measure, top_percent, customers, amount, unknown_customers FROM marts.portfolio_concentration "
        "WHERE top_percent IN (0, 33, 34, 100) ORDER BY 1, 2"
    ) == [
        ("profit", 0, 0, 0, 1), ("profit", 33, 1, Decimal("59.399"), 1), ("profit", 34, 1, Decimal("59.399"), 1),
        ("profit", 100, 2, Decimal("65.399"), 1),
        ("revenue", 0, 0, 0, 0), ("revenue", 33, 1, 85, 0), ("revenue", 34, 2, 145, 0), ("revenue", 100, 3, 155, 0),
    ]  # fmt: skip
    # dora cost an e-mail and never bought.
    assert shop.rows("SELECT customer_id, unprofitable_reason FROM marts.customer_value WHERE profit_amount < 0") == [
        ("dora", "no_purchase")
    ]


def test_tactical_segments(shop: Warehouse) -> None:
    # Nobody fitted a model here, so the strategic segment goes by profit alone. The products have no category. anna
    # spent 50 in the channel web and 35 + 10 - 10 in the shop's own: 59 % is not three quarters. Discounts were 5 of
    # 100. She clicked, a machine did for bert, dora opened, and nobody wrote to carl, whose order is older than twelve
    # months.
    assert shop.rows(
        "SELECT customer_id, strategic_segment, category_segment, channel_segment, price_segment, engagement_segment, "
        "own_segments FROM marts.customer_segments ORDER BY 1"
    ) == [
        ("anna", "core", "unknown", "several", "discount_taker", "active", None),
        ("bert", "standard", "unknown", "shop", "full_price", "silent", None),
        ("carl", "none", None, None, None, "unreachable", None),
        ("dora", "none", None, None, None, "occasional", None),
    ]


def test_segments_of_the_past(shop: Warehouse) -> None:
    # carl bought in December 2024 and was alone until bert came in June, who brings more. In November anna stands
    # between them: of three buyers one is the best 5 %, two are the half. In December carl's order is a year old, and
    # anna has overtaken bert.
    day = date.fromisoformat
    assert shop.rows(
        "SELECT customer_id, segment, valid_from, valid_to, previous_segment FROM marts.customer_segment_history "
        "WHERE segment_kind = 'value' ORDER BY 1, 3"
    ) == [
        ("anna", "middle", day("2025-11-30"), day("2025-12-31"), None),
        ("anna", "top", day("2025-12-31"), None, "middle"),
        ("bert", "none", day("2025-05-31"), day("2025-06-30"), None),
        ("bert", "top", day("2025-06-30"), day("2025-12-31"), "none"),
        ("bert", "low", day("2025-12-31"), None, "top"),
        ("carl", "top", day("2025-01-31"), day("2025-06-30"), None),
        ("carl", "low", day("2025-06-30"), day("2025-12-31"), "top"),
        ("carl", "none", day("2025-12-31"), None, "low"),
        ("dora", "none", day("2025-05-31"), None, None),
    ]
    # What was carl on 3 March?
    assert shop.rows(
        "SELECT segment FROM marts.customer_segment_history WHERE customer_id = 'carl' AND segment_kind = 'value' "
        "AND valid_from <= DATE '2025-03-03' AND coalesce(valid_to > DATE '2025-03-03', true)"
    ) == [("top",)]
    # What is measured today is the present span.
    assert shop.rows(
        "SELECT count(*) FROM marts.customer_segments AS s "
        "JOIN marts.customer_segment_history AS h USING (customer_id) "
        "WHERE h.valid_to IS NULL AND h.segment_kind = 'lifecycle' AND h.segment = s.lifecycle_stage"
    ) == [(4,)]
    assert shop.rows(
        "SELECT from_segment, to_segment, customers, share, movement FROM marts.segment_transitions "
        "WHERE segment_kind = 'value' AND month = '2025-12-01' ORDER BY 1"
    ) == [
        ("low", "none", 1, 1.0, "left"),
        ("middle", "top", 1, 1.0, "up"),
        ("none", "none", 1, 1.0, "outside"),
        ("top", "low", 1, 1.0, "down"),
    ]
    assert shop.rows(
        "SELECT customers_at_start, up_customers, down_customers, left_customers, customers_at_end, up_share "
        "FROM marts.segment_movements WHERE segment_kind = 'value' AND month = '2025-12-01'"
    ) == [(3, 1, 1, 1, 2, pytest.approx(1 / 3))]
    assert shop.rows(
        "SELECT day, segment, customers FROM marts.segment_counts WHERE segment_kind = 'value' AND day < '2025-07-01' "
        "AND day >= '2025-04-30' ORDER BY 1, 2"
    ) == [
        (day("2025-04-30"), "top", 1),
        (day("2025-05-31"), "none", 2),
        (day("2025-05-31"), "top", 1),
        (day("2025-06-30"), "low", 1),
        (day("2025-06-30"), "none", 1),
        (day("2025-06-30"), "top", 1),
    ]


@pytest.fixture(scope="module")
def own_project(folder: Path) -> Path:
    """The dbt project with the own segments that docs/analysts.md shows."""
    project = folder / "own" / "dbt_project"
    shutil.copytree(PROJECT, project, ignore=shutil.ignore_patterns("target", "logs"))
    text = ANALYSTS.read_text("utf-8")
    [(file, sql)] = re.findall(r"```sql\n-- dbt_project/(models/segments/segment__\w+\.sql)\n(.*?)```", text, re.S)
    (project / file).write_text(sql, "utf-8")
    [rows] = re.findall(r"```csv\n(segment_kind,.*?)```", text, re.S)
    (project / "seeds" / "custom_segments.csv").write_text(rows, "utf-8")
    return project


def test_a_file_and_a_few_rows_make_segments_with_a_past(folder: Path, shop: Warehouse, own_project: Path) -> None:
    warehouse = Warehouse(folder, "own_segments", like=shop)
    names = segment_models(own_project)
    assert names == ["readers"]
    warehouse.dbt(
        "build", "--select", "custom_segments", "segment__readers", "int_own_segments+", "--exclude-resource-type",
        "unit_test", project=own_project, segment_models=names,
    )  # fmt: skip
    day = date.fromisoformat
    # anna clicked on 19 January. bert, whose 60 are worth it, was away for 91 days on 31 August. carl brought 10; he
    # was away for 120 days on 31 March, and for more than a year on 31 December.
    assert warehouse.rows(
        "SELECT customer_id, segment_kind, segment, valid_from, valid_to FROM marts.customer_segment_history "
        "WHERE segment_kind IN ('readers', 'win_back') ORDER BY 1, 2, 4"
    ) == [
        ("anna", "readers", "reads_and_buys", day("2026-01-31"), None),
        ("bert", "win_back", "worth_a_call", day("2025-08-31"), None),
        ("carl", "win_back", "worth_a_mail", day("2025-03-31"), day("2025-12-31")),
    ]
    assert warehouse.rows(
        "SELECT month, from_segment, to_segment, customers, movement FROM marts.segment_transitions "
        "WHERE segment_kind = 'win_back' AND movement IN ('came', 'left') ORDER BY 1"
    ) == [
        (day("2025-03-01"), "(none)", "worth_a_mail", 1, "came"),
        (day("2025-08-01"), "(none)", "worth_a_call", 1, "came"),
        (day("2025-12-01"), "worth_a_mail", "(none)", 1, "left"),
    ]
    assert warehouse.rows(
        "SELECT segment, customers FROM marts.segment_counts WHERE segment_kind = 'win_back' AND day = '2026-01-31' "
        "ORDER BY 1"
    ) == [("(none)", 3), ("worth_a_call", 1)]
    assert warehouse.rows(
        "SELECT customer_id, own_segments FROM marts.customer_segments WHERE own_segments IS NOT NULL ORDER BY 1"
    ) == [("anna", "readers: reads_and_buys"), ("bert", "win_back: worth_a_call")]
    # Own kinds are tactical: bert and carl stood on the ladder and did not climb it.
    assert warehouse.rows(
        "SELECT segment, moved_up, finding FROM marts.tactical_uplift "
        "WHERE segment_kind = 'win_back' AND ladder = 'value' ORDER BY 1"
    ) == [("worth_a_call", 0, "too_few"), ("worth_a_mail", 0, "too_few")]


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("select customer_id, 'x' as segment from {rows}", "gives no column day but customer_id, segment"),
        (
            "select customer_id, current_day as day, 'x' as segment from {rows}",
            "gives 1 rows on days that are not measured",
        ),
        (
            "select customer_id, day, 'x' as segment from {rows} union all select customer_id, day, 'y' from {rows}",
            "gives 4 times more than one segment for the same customer and day",
        ),
    ],
)
def test_a_wrong_file_says_what_it_lacks(folder: Path, shop: Warehouse, own_project: Path, sql: str, says: str) -> None:
    file = own_project / "models" / "segments" / "segment__wrong.sql"
    rows = (
        "(select customer_id, day, cast('2026-01-15' as date) as current_day from {{ ref('int_customer_measures') }} "
        "where is_as_of) as rows_of_today"
    )
    if "current_day" in sql:
        rows = rows.replace("where is_as_of", "where is_as_of and customer_id = 'anna'")
    file.write_text(sql.format(rows=rows), "utf-8")
    warehouse = Warehouse(folder, "wrong_file", like=shop)
    try:
        with pytest.raises(AssertionError, match=f"models/segments/segment__wrong.sql {says}"):
            warehouse.dbt(
                "run", "--select", "segment__wrong", "int_own_segments", project=own_project, segment_models=["wrong"]
            )
    finally:
        file.unlink()


WRONG_ROWS = {
    ("Vip", "1", "gold", "orders", "3", None, None): "segment_kind must be small letters",
    ("value", "1", "gold", "orders", "3", None, None): "segment_kind is taken; these are: value, strategic",
    ("p", "one", "gold", "orders", "3", None, None): "priority must be a whole number",
    ("n", "1", None, "orders", "3", None, None): "segment must have a name",
    ("m", "1", "gold", "order", "3", None, None): "measure is unknown. Numbers: orders, order_days",
    ("t", "1", "gold", "country_code", "3", None, "AT"): "this measure is a text: fill equals",
    ("u", "1", "gold", "orders", "3", None, "3"): "this measure is a number: fill at_least",
    ("e", "1", "gold", "orders", None, " ", None): "no limit is set",
    ("w", "1", "gold", "orders", "three", None, None): "at_least and below must be numbers",
    ("l", "1", "gold", "orders", "5", "5", None): "at_least must be smaller than below",
    ("s", "1", "gold", "orders", "5", None, None): "the rows of one priority must name one segment",
    ("s", "1", "silver", "recency_days", "5", None, None): "the rows of one priority must name one segment",
}


def test_wrong_rows_say_what_is_allowed(folder: Path, shop: Warehouse, own_project: Path) -> None:
    warehouse = Warehouse(folder, "wrong_rows", like=shop)
    columns = ("segment_kind", "priority", "segment", "measure", "at_least", "below", "equals")
    right = ("vip", "1", "gold", "orders", "3", "10.5", None)
    warehouse.insert(
        "reference.custom_segments", [dict(zip(columns, row, strict=True)) for row in (right, *WRONG_ROWS)]
    )
    file = own_project / "models" / "segments" / "int_problems.sql"
    file.write_text("{{ custom_segment_problems(ref('custom_segments')) }}", "utf-8")
    warehouse.dbt("run", "--select", "int_problems", project=own_project)
    file.unlink()
    found = {row[:3]: row[3] for row in warehouse.rows(
        "SELECT segment_kind, segment, measure, problem FROM intermediate.int_problems"
    )}  # fmt: skip
    expected = {(row[0], row[2] or "(no segment)", row[3]): says for row, says in WRONG_ROWS.items()}
    assert found.keys() == expected.keys()
    assert {key: found[key][: len(says)] for key, says in expected.items()} == expected


def test_a_wrong_row_stops_the_run_when_the_seed_is_loaded(folder: Path, shop: Warehouse, own_project: Path) -> None:
    seed = own_project / "seeds" / "custom_segments.csv"
    before = seed.read_text("utf-8")
    seed.write_text(before + "vip,1,gold,order,3,,,\n", "utf-8")
    warehouse = Warehouse(folder, "wrong_row", like=shop)
    with pytest.raises(
        AssertionError, match=r"custom_segments.csv is wrong: row vip, priority 1, gold, order: measure"
    ):
        warehouse.dbt("seed", "--select", "custom_segments", project=own_project)
    seed.write_text(before, "utf-8")


def test_scorecard(shop: Warehouse) -> None:
    # anna bought three times, bert once: 1 of 2, which is 96 % of a target of 0.52; on 1 January it was 1 of 2 as well.
    # anna is the one key customer and a regular since January is complete. No rules are judged here, so validity is
    # not measured.
    actual = dict(shop.rows("SELECT goal_id, actual FROM marts.kpi_scorecard"))
    assert actual == pytest.approx(
        {
            "validity": None,
            "repeat_rate": 0.5,
            "key_customers_regular": 1.0,
            "open_rate": 2 / 3,
            "click_rate": 1 / 3,
            "lifetime_value": (185 + 110 + 15) / 3,
        }
    )
    assert shop.rows(
        "SELECT goal_id, goal_name, status, trend_30d, deadline, owner FROM marts.kpi_scorecard ORDER BY goal_id"
    ) == [
        ("click_rate", "Bob's clicks", "met", None, None, "Bob"),
        ("key_customers_regular", "Regulars", "met", 1.0, None, None),
        ("lifetime_value", "Worth", "missed", None, date(2026, 12, 31), None),
        ("open_rate", "Opens", "met", None, None, None),
        ("repeat_rate", "Customers who come back", "near", 0.0, None, None),
        ("validity", "Valid records", "unmeasured", None, None, None),
    ]
    # The newsletter of the 18th, opened by anna on the 19th and by dora on the 31st.
    daily = dict(shop.rows("SELECT day, actual FROM marts.kpi_daily WHERE goal_id = 'open_rate'"))
    assert len(daily) == 31
    assert daily[date(2026, 1, 17)] is None
    assert daily[date(2026, 1, 18)] == 0
    assert daily[date(2026, 1, 19)] == pytest.approx(1 / 3)
    assert daily[date(2026, 1, 31)] == pytest.approx(2 / 3)
    assert shop.rows("SELECT day FROM marts.kpi_daily WHERE goal_id = 'lifetime_value'") == [(date(2026, 1, 31),)]
    [(definition,)] = shop.rows("SELECT definition FROM marts.kpi_scorecard WHERE goal_id = 'key_customers_regular'")
    assert "top 20 % of buyers" in definition
    assert "last 3 complete calendar months" in definition
    assert "12 months" in definition


def test_key_customers_are_the_top_tiers(shop: Warehouse) -> None:
    # Two ways to the same ranking: the tiers end where the key customers end, as long as a tier ends at their share.
    assert shop.rows(
        "SELECT count(*) FROM marts.customer_segments WHERE is_key_customer <> (value_segment IN ('top', 'high'))"
    ) == [(0,)]


def test_every_score_has_a_segment_and_every_history_a_stage(shop: Warehouse) -> None:
    assert (
        shop.rows(
            """
        WITH score AS (SELECT unnest([1, 2, 3, 4, 5]) AS s)
        SELECT r.s, f.s, m.s FROM score AS r, score AS f, score AS m
        ANTI JOIN reference.behaviour_segments AS b ON
            r.s BETWEEN b.recency_from AND b.recency_upto AND f.s BETWEEN b.frequency_from AND b.frequency_upto
            AND m.s BETWEEN b.monetary_from AND b.monetary_upto
        """
        )
        == []
    )
    assert (
        shop.rows(
            """
        SELECT orders, recency FROM unnest(range(1, 30)) AS o(orders), unnest(range(0, 1500, 5)) AS r(recency)
        ANTI JOIN reference.lifecycle_stages AS l ON
            orders BETWEEN coalesce(l.orders_from, orders) AND coalesce(l.orders_upto, orders)
            AND recency BETWEEN coalesce(l.recency_days_from, recency) AND coalesce(l.recency_days_upto, recency)
            AND l.tenure_days_from IS NULL AND l.tenure_days_upto IS NULL
        """
        )
        == []
    )


def test_late_records_and_rates_change_the_past_and_what_cannot_be_measured_again_stays(
    folder: Path, shop: Warehouse
) -> None:
    warehouse = Warehouse(folder, "late", like=shop)
    before = warehouse.rows("SELECT actual FROM marts.kpi_daily WHERE goal_id = 'lifetime_value'")
    assert len(before) == 1

    # A day later: an order of bert's from before as_of comes in, and a rate for francs.
    warehouse.load(
        "shop",
        "orders",
        [{"order_id": "o10", "account_id": "A2", "ordered_at": "2026-01-30 10:00", "gross_amount": "20"}],
        batch="b2",
    )
    warehouse.insert(
        "reference.exchange_rates",
        [
            {"from_currency": "CHF", "to_currency": "EUR", "valid_from": date(2025, 1, 1), "rate": 0.5},
            {"from_currency": "CHF", "to_currency": "EUR", "valid_from": date(2026, 1, 5), "rate": 1.1},
            {"from_currency": "CHF", "to_currency": "EUR", "valid_from": date(2026, 1, 6), "rate": 9},
        ],
    )
    warehouse.measure_at("2026-02-01")
    # Built anew from the ground, as after a change of the company file.
    warehouse.dbt("run", "--full-refresh")

    assert warehouse.rows("SELECT net_amount FROM marts.fct_orders WHERE order_number = 'o9'") == [(Decimal(110),)]
    repeat_rate = dict(warehouse.rows("SELECT day, actual FROM marts.kpi_daily WHERE goal_id = 'repeat_rate'"))
    # bert's order of the 30th makes him the second of two who came back; on the 29th he is not.
    assert (repeat_rate[date(2026, 1, 29)], repeat_rate[date(2026, 1, 30)]) == (0.5, 1.0)
    assert len(repeat_rate) == 32
    # The lifetime value of the 31st was measured with what was known then.
    lifetime_value = warehouse.rows(
        "SELECT day, actual FROM marts.kpi_daily WHERE goal_id = 'lifetime_value' ORDER BY day"
    )
    assert lifetime_value == [
        (date(2026, 1, 31), before[0][0]),
        (date(2026, 2, 1), pytest.approx((185 + 130 + 15) / 3)),
    ]


def test_cohorts_of_real_customers(folder: Path, shop: Warehouse, shared_data: Path) -> None:
    """CDNOW: who first bought in the first quarter of 1997, followed to June 1998; counted in plain Python."""
    lines = (shared_data / "clv" / "cdnow" / "CDNOW_sample.txt").read_text(encoding="ascii").splitlines()
    bought = [(who, date.fromisoformat(day), Decimal(amount)) for _, who, day, _, amount in map(str.split, lines)]
    warehouse = Warehouse(folder, "cdnow", like=shop)
    warehouse.measure_at("1998-06-30")
    with warehouse.connect() as con:
        con.execute("CREATE TABLE bought (who VARCHAR, day DATE, amount DECIMAL(18, 4))")
        con.executemany("INSERT INTO bought VALUES (?, ?, ?)", bought)
        con.execute("DELETE FROM marts.fct_orders")
        con.execute("DELETE FROM intermediate.int_customer_days")
        con.execute(
            "INSERT INTO marts.fct_orders BY NAME SELECT who AS customer_id, day AS ordered_on, 'web' AS channel, "
            "'shop' AS source, row_number() OVER (PARTITION BY who ORDER BY day) = 1 AS is_first_order, "
            "who || '-' || row_number() OVER (PARTITION BY who ORDER BY day) AS order_id FROM bought"
        )
        con.execute(
            "INSERT INTO intermediate.int_customer_days BY NAME SELECT who AS customer_id, day, count(*) AS orders, "
            "0 AS returns, sum(amount) AS sales_amount, sum(amount) AS revenue_amount, 0 AS uncosted_amount "
            "FROM bought GROUP BY who, day"
        )
    warehouse.dbt("run", "--select", "int_as_of", "int_cohort_months", "int_cohort_retention", "cohort_retention")
    born: dict[str, date] = {}
    for who, when, _ in bought:
        born[who] = min(born.get(who, when), when).replace(day=1)
    months = [date(year, month, 1) for year in (1997, 1998) for month in range(1, 13) if (year, month) < (1998, 7)]
    expected = []
    for cohort in sorted(set(born.values())):
        size = sum(month == cohort for month in born.values())
        for number, month in enumerate(months[months.index(cohort) :]):
            then = [(who, paid) for who, when, paid in bought if born[who] == cohort and when.replace(day=1) == month]
            active = len({who for who, _ in then})
            expected.append((cohort, number, size, active, len(then), sum((paid for _, paid in then), Decimal(0))))
    found = warehouse.rows(
        "SELECT cohort_month, month_number, customers, active_customers, orders, revenue_amount "
        "FROM marts.cohort_retention ORDER BY 1, 2"
    )
    assert found == expected
    # The sample is of 2,357 customers of the first quarter (Fader, Hardie and Lee 2005).
    assert sum(size for _, number, size, *_ in found if number == 0) == 2357
    assert len(found) == 18 + 17 + 16


@pytest.mark.parametrize(
    ("setting", "as_of", "day"),
    [
        ("now", at("2026-02-20 06:00"), date(2026, 2, 20)),
        ("latest", at("2026-02-10 09:00"), date(2026, 2, 10)),
        ("2025-07-31", at("2025-07-31 21:59:59"), date(2025, 7, 31)),
        ("2026-01-31T12:00:00", at("2026-01-31 11:00"), date(2026, 1, 31)),
        ("2026-01-31 23:30:00Z", at("2026-01-31 23:30"), date(2026, 2, 1)),
        ("2026-01-31T12:00:00+05:00", at("2026-01-31 07:00"), date(2026, 1, 31)),
    ],
)
def test_as_of(folder: Path, shop: Warehouse, setting: str, as_of: datetime, day: date) -> None:
    # bert's order of 10 February, 10:00 in Berlin, is the last event before the run of the 20th.
    warehouse = Warehouse(folder, "as_of", like=shop)
    warehouse.measure_at(setting)
    warehouse.dbt("run", "--select", "int_as_of")
    assert warehouse.rows("SELECT as_of, as_of_on FROM intermediate.int_as_of") == [(as_of, day)]


def test_attribution_against_a_computation_by_hand(folder: Path, shop: Warehouse) -> None:
    """Random orders and clicks on a grid of ten minutes, so that ties, edges of the window and repeats are many."""
    warehouse = Warehouse(folder, "attribution", like=shop)
    random = Random(8)
    start = at("2026-01-01 00:00")

    def moment() -> datetime:
        return start + timedelta(minutes=10 * random.randrange(20 * 24 * 6))

    amounts = [Decimal(text) for text in ("0", "0.0001", "0.05", "9.99", "10", "-7.5", "1234.5678", "-0.0002")]
    orders = [
        {"order_id": f"o{n}", "customer_id": f"c{random.randrange(40)}" if n % 9 else None, "order_kind": "sale",
         "ordered_at": moment(), "ordered_on": date(2026, 1, 1), "net_amount": random.choice(amounts)}
        for n in range(400)
    ]  # fmt: skip
    clicks = [
        {"event_id": f"{random.randrange(10**9)}", "customer_id": f"c{random.randrange(40)}", "occurred_at": moment(),
         "campaign_id": f"news:{random.randrange(3)}"}
        for _ in range(800)
    ]  # fmt: skip
    with warehouse.connect() as con:
        con.execute("DELETE FROM marts.fct_orders")
        con.execute("DELETE FROM marts.fct_touchpoints")
    warehouse.insert("marts.fct_orders", orders)
    warehouse.insert(
        "marts.fct_touchpoints",
        [
            {"touchpoint_id": f"email_event:{click['event_id']}", "kind": "email_click", "channel": "email",
             "direction": "in", **{name: click[name] for name in ("customer_id", "occurred_at", "campaign_id")}}
            for click in clicks
        ],
    )  # fmt: skip
    warehouse.dbt("run", "--select", "int_attribution_touches", "attributed_orders", "attributed_revenue")
    expected = attributed([order for order in orders if order["customer_id"]], clicks)
    amount = ", ".join(f"{model}_revenue_amount" for model in ATTRIBUTION_MODELS)
    found = {
        (order, touch): {"campaign_id": campaign, **dict(zip(ATTRIBUTION_MODELS, shares, strict=True))}
        for order, touch, campaign, *shares in warehouse.rows(
            f"SELECT order_id, touch_number, campaign_id, {amount} FROM marts.attributed_orders"
        )
    }
    assert max(touch for _, touch in expected) > 8
    assert found == expected
    total = sum(order["net_amount"] for order in orders)
    assert warehouse.rows(
        "SELECT model, sum(orders), sum(revenue_amount) FROM marts.attributed_revenue GROUP BY model ORDER BY model"
    ) == [(model, len(orders), total) for model in sorted(ATTRIBUTION_MODELS)]


def test_an_unknown_model_of_attribution_is_refused(folder: Path, shop: Warehouse) -> None:
    warehouse = Warehouse(folder, "wrong_model", like=shop)
    defaults = yaml.safe_load((PROJECT / "dbt_project.yml").read_text(encoding="utf-8"))["vars"]["thresholds"]
    with pytest.raises(AssertionError, match=r"Unknown attribution_model 'u_shaped'\. Known: first, last, linear"):
        warehouse.dbt(
            "compile", "--select", "campaign_performance", thresholds={**defaults, "attribution_model": "u_shaped"}
        )


def test_nothing_configured_leaves_empty_tables(folder: Path) -> None:
    """No source brought anything: every table stands, empty; every test and every dbt unit test passes."""
    warehouse = Warehouse(folder, "empty")
    warehouse.measure_at("latest")
    warehouse.dbt("build")
    tables = [
        "dim_customers", "customer_records", "customer_id_changes", "customer_contact_points", "dim_products",
        "fct_orders", "fct_order_lines", "fct_email_events", "fct_calls", "fct_web_sessions", "fct_touchpoints",
        "fct_tickets", "customer_consents", "customer_value", "customer_segments", "campaign_performance",
        "customer_value_origins", "fct_surveys", "fct_subscriptions",
        "customer_value_origins", "customer_segment_history", "segment_transitions", "segment_movements",
        "segment_counts", "tactical_uplift", "attributed_orders", "attributed_revenue", "channel_effectiveness",
        "contact_pressure",
        "experiment_arms", "experiment_results",
        "customer_journeys", "journey_paths", "leaving_reasons",
        "cohort_retention", "cohort_retention_by",
        "partner_network", "partner_customers", "fct_partner_contacts",
        "account_handover",
    ]  # fmt: skip
    counts = {table: warehouse.rows(f"SELECT count(*) FROM marts.{table}")[0][0] for table in tables}
    assert counts == dict.fromkeys(tables, 0)
    assert warehouse.rows("SELECT DISTINCT status, actual FROM marts.kpi_scorecard") == [("unmeasured", None)]
    assert warehouse.rows("SELECT count(*) FROM marts.kpi_scorecard") == [(len(GOALS),)]
