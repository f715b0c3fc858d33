"""A company with a Shopify shop (files, webhooks), a WooCommerce shop (its API) and tills: from payloads to marts."""

from __future__ import annotations

import gzip
import json
import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import shopify_payloads as shopify
import woo_payloads as woo
from helpers import ROOT, without_event_log
from published_tables import Row, balance, records, rows

from orchestration import pipeline
from orchestration.company import load_company
from orchestration.home import Home
from tests.rest_server import Answer, Asked, RestServer

COMPANY = """\
company: {{id: corner, name: Corner Bakery}}
time_zone: Europe/Berlin
identity: {{separates: [], probable: {{enabled: false}}}}
charts: {{enabled: false}}
currency: EUR
country: DE
as_of: latest
sources:
  webshop:
    type: shopify
    owner: shop@corner.example
    files:
      orders: [landing/orders/*.jsonl, landing/orders/*.json, landing/webhooks/orders/*.jsonl.gz]
      refunds: landing/webhooks/refunds/*.jsonl
      customers: landing/customers.json
      customers_marketing_consent: landing/webhooks/consents/*.jsonl
      products: landing/products.json
      inventory_items: landing/inventory_items.jsonl
      orders_graphql: landing/graphql/*.jsonl
      orders_bulk: landing/bulk/*.jsonl
  rolls:
    type: woocommerce
    owner: rolls@corner.example
    api:
      store: https://rolls.example
      consumer_key: "${{ENV:ROLLS_KEY}}"
      consumer_secret: "${{ENV:ROLLS_SECRET}}"
      base_url: {url}
      page_size: 2
    files:
      order_refunds: landing/rolls/refunds.jsonl
"""

# The how-to page of tills is tried out as it stands there: the journal, the members, the source.
TILLS = (ROOT / "docs" / "sources" / "tills.md").read_text(encoding="utf-8")
JOURNAL, MEMBERS = re.findall(r"^```\n(.*?)^```", TILLS, re.S | re.M)
TILLS_SOURCE = re.findall(r"^```yaml\nsources:\n(.*?)^```", TILLS, re.S | re.M)[0]

CONSENT = {
    "customer_id": 502,
    "email_address": "guest2@corner-guests.example",
    "email_marketing_consent": {
        "state": "subscribed", "opt_in_level": "confirmed_opt_in", "consent_updated_at": "2026-03-14T10:00:00+01:00",
    },
}  # fmt: skip


def _write(file: Path, lines: Iterable[Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    text = "".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in lines)
    packed = gzip.compress(text.encode(), mtime=0) if file.suffix == ".gz" else text.encode()
    file.write_bytes(packed)


def _deliver(landing: Path) -> None:
    """What Shopify delivers: exports, webhooks delivered five times, the same orders in other shapes, a broken line."""
    first, rest = shopify.ORDERS[:4], shopify.ORDERS[4:]
    _write(landing / "orders" / "export.json", [{"orders": first}])
    _write(landing / "orders" / "more.jsonl", [*rest, '{"id": 1012, "line_items": [{"id": 1'])
    _write(landing / "webhooks" / "orders" / "2026-03-06.jsonl.gz", [shopify.GOODWILL] * 5)
    _write(landing / "webhooks" / "refunds" / "2026-03-13.jsonl", shopify.LATE_REFUNDS * 5)
    _write(landing / "webhooks" / "consents" / "2026-03-14.jsonl", [CONSENT] * 5)
    _write(landing / "customers.json", [{"customers": shopify.CUSTOMERS}])
    _write(landing / "products.json", [{"products": shopify.PRODUCTS}])
    _write(landing / "inventory_items.jsonl", shopify.COSTS)
    _write(
        landing / "graphql" / "pages.jsonl",
        [shopify.order_node(shopify.PLAIN), shopify.order_node(shopify.TAXED_LATER, edges=True)],
    )
    _write(landing / "bulk" / "history.jsonl", shopify.all_rows([shopify.PLAIN, shopify.TAXED, shopify.REFUNDED]))
    _write(landing / "rolls" / "refunds.jsonl", woo.REFUNDS)
    _write(landing / "tills" / "receipts-2026-03.csv", JOURNAL.splitlines())
    _write(landing / "tills" / "members.csv", MEMBERS.splitlines())


def _serve(server: RestServer) -> None:
    """What WooCommerce answers: pages of two, and refunds apart."""
    orders = [{key: value for key, value in one.items() if key != "refund_details"} for one in woo.ORDERS]
    products = [{key: value for key, value in one.items() if key != "variation_details"} for one in woo.PRODUCTS]

    def listed(found: list[woo.Json]) -> Any:
        def answer(asked: Asked) -> Answer:
            new = [one for one in found if one.get("date_modified_gmt", "") > asked.one("modified_after")]
            begin = asked.number("per_page") * (asked.number("page") - 1)
            return Answer(json=new[begin : begin + asked.number("per_page")])

        return answer

    server.route("/orders", listed(orders))
    server.route("/products", listed(products))
    server.route("/customers", listed(woo.CUSTOMERS))
    for order in woo.ORDERS:
        server.route(f"/orders/{order['id']}/refunds", listed(order.get("refund_details", [])))
    for product in woo.PRODUCTS:
        server.route(f"/products/{product['id']}/variations", listed(product.get("variation_details", [])))


@dataclass
class Result:
    """The company after its run."""

    home: Home

    def marts(self, query: str) -> list[Row]:
        return records(self.home.published_file, query)

    def staged(self, query: str) -> list[tuple[Any, ...]]:
        return rows(self.home.warehouse, query)


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Result]:
    folder = tmp_path_factory.mktemp("shops")
    _deliver(folder / "landing")
    home = Home(folder / "home")
    with RestServer() as server, without_event_log(), pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROLLS_KEY", "ck_rolls")
        patch.setenv("ROLLS_SECRET", "cs_rolls")
        _serve(server)
        (folder / "company.yaml").write_text(COMPANY.format(url=server.url) + TILLS_SOURCE, encoding="utf-8")
        report = pipeline.run(load_company(folder / "company.yaml"), home)
    assert report.outcome == "published", report.problems or report.gate
    yield Result(home)
    shutil.rmtree(folder)


def figures(company: Result, source: str) -> dict[str, tuple[float, float, float, float, str]]:
    """Order -> gross, discount, refund, net, kind."""
    return {
        one["order_number"]: (
            float(one["gross_amount"]), float(one["discount_amount"]), float(one["refund_amount"]),
            float(one["net_amount"]), one["order_kind"],
        )
        for one in company.marts(f"SELECT * FROM marts.fct_orders WHERE source = '{source}'")
    }  # fmt: skip


def test_shopify_orders_come_to_what_was_worked_out_by_hand(company: Result) -> None:
    assert figures(company, "webshop") == shopify.FIGURES


def test_woocommerce_orders_come_to_what_was_worked_out_by_hand(company: Result) -> None:
    """Here refund 81 is known in full and 82 only by its money; both come to the goods without tax."""
    expected = woo.FIGURES
    assert figures(company, "rolls") == expected


def test_receipts_come_to_what_their_page_says(company: Result) -> None:
    said = {
        row[0]: (float(row[1]), float(row[2]), float(row[3]), float(row[4].replace("\u2212", "-")), row[5].split()[-1])
        for row in (line.strip("| ").split(" | ") for line in TILLS.splitlines() if line.startswith("| B1-"))
    }
    kinds = {"B1-0001": "sale", "B1-0002": "sale", "B1-0003": "return", "B1-0004": "void"}
    assert figures(company, "tills") == {number: (*row[:4], kinds[number]) for number, row in said.items()}
    found = company.marts(
        "SELECT order_number, customer_id, channel, store_id FROM marts.fct_orders WHERE source = 'tills'"
    )
    by_number = {one["order_number"]: one for one in found}
    assert {(one["channel"], one["store_id"]) for one in found} == {("store", "B1")}
    assert by_number["B1-0001"]["customer_id"] is None
    # The card's member is WooCommerce's customer 7, by her e-mail.
    [(customer,)] = rows(
        company.home.published_file, "SELECT customer_id FROM marts.fct_orders WHERE order_id = 'rolls:2001'"
    )
    assert by_number["B1-0002"]["customer_id"] == by_number["B1-0003"]["customer_id"] == customer


def test_shipping_tax_channel_and_store_are_the_orders(company: Result) -> None:
    found = {
        one["order_number"]: (one["channel"], one["store_id"], float(one["shipping_amount"]), float(one["tax_amount"]))
        for one in company.marts("SELECT * FROM marts.fct_orders WHERE source <> 'tills'")
    }
    assert found["1001"] == ("web", None, 2.90, 3.33)
    assert found["1002"] == ("web", None, 5.00, 6.08)
    assert found["1008"] == ("store", "88", 0.00, 0.00)
    assert found["2001"] == ("web", None, 4.00, 0.63)


def test_costs_come_from_inventory_items_and_what_came_back_costs_nothing(company: Result) -> None:
    found = {
        one["order_number"]: (float(one["cost_amount"]), float(one["margin_amount"]))
        for one in company.marts("SELECT * FROM marts.fct_orders WHERE order_number IN ('1001', '1002', '1011')")
    }
    assert found == {"1001": (20.0, 28.0), "1002": (8.0, 10.0), "1011": (12.0, 18.0)}
    products = {one["product_id"]: one for one in company.marts("SELECT * FROM marts.dim_products")}
    assert {key: float(one["unit_cost"]) for key, one in products.items() if one["unit_cost"] is not None} == {
        "webshop:11": 4.0, "webshop:12": 12.0, "rolls:31": 0.5,
    }  # fmt: skip
    assert products["webshop:11"]["product_name"] == "Rye loaf, Small"
    assert products["webshop:12"]["product_name"] == "Rye loaf"
    assert products["rolls:32"]["product_name"] == "Cake, Whole"
    assert "webshop:sku:LOAF-11" not in products
    assert products["webshop:custom:Day-old rolls"]["is_in_catalogue"] is False


def test_an_order_is_one_record_in_whatever_shape_it_came(company: Result) -> None:
    """1001 as an export, as a page and in a bulk operation; 1006 five times more by webhook."""
    found = dict(
        company.staged(
            "SELECT order_id, string_agg(record_status || ' ' || dataset, ', ' ORDER BY record_status, dataset) "
            "FROM staging.stg_all__orders WHERE order_id IN ('1001', '1002', '1006') GROUP BY order_id"
        )
    )
    assert found["1001"].count("duplicate") == 2
    assert found["1002"] == "duplicate orders, duplicate orders_bulk, valid orders_graphql"
    assert found["1006"] == "duplicate orders, " * 5 + "valid orders"
    lines = company.marts("SELECT order_line_id, quantity FROM marts.fct_order_lines WHERE order_id = 'webshop:1002'")
    assert sorted((one["order_line_id"], float(one["quantity"])) for one in lines) == [
        ("webshop:3", 3.0), ("webshop:3:returned", -1.0), ("webshop:shipping:10020", 1.0),
    ]  # fmt: skip


def test_what_cannot_be_right_is_in_quarantine_with_its_reason(company: Result) -> None:
    found = {
        (one["source"], one["entity"], one["record_id"]): one["reject_reason"]
        for one in company.marts("SELECT * FROM marts.quarantined_records")
    }
    assert "14.0000 is not the sum of its parts, 10.0000" in found["webshop", "orders", "1010"]
    assert "7.0000 is not the sum of its parts, 2.0000" in found["rolls", "orders", "2009"]
    unreadable = [reason for (source, entity, _), reason in found.items() if reason and "unreadable" in reason]
    assert len(unreadable) == 1


def test_every_record_is_valid_quarantined_or_a_duplicate(company: Result) -> None:
    found = balance(company.home.published_file)

    # 11 orders exported, a broken line, five webhooks, two pages, three orders of the bulk operation.
    assert found["webshop", "orders"] == (22, 10, 2, 10)
    # Per customer what is known by e-mail, once by text message; five times the same change.
    assert found["webshop", "consents"] == (9, 5, 0, 4)
    assert found["webshop", "customers"] == (4, 4, 0, 0)
    assert found["rolls", "orders"] == (9, 8, 1, 0)
    assert found["rolls", "customers"] == (1, 1, 0, 0)
    assert found["rolls", "products"] == (3, 3, 0, 0)


def test_consents_are_events_with_a_time(company: Result) -> None:
    found = company.staged(
        "SELECT account_id, channel, status, occurred_at::VARCHAR FROM staging.stg_all__consents "
        "WHERE record_status = 'valid' ORDER BY ALL"
    )
    assert found == [
        ("500", "email", "granted", "2026-01-02 09:00:00"),
        ("500", "sms", "denied", "2026-01-01 09:00:00"),
        ("501", "email", "denied", "2026-01-03 09:00:00"),
        ("502", "email", "denied", "2026-01-01 09:00:00"),
        ("502", "email", "granted", "2026-03-14 09:00:00"),
    ]


def test_who_buys_in_both_shops_is_one_customer(company: Result) -> None:
    """Customer 501 of the one and 7 of the other have one telephone; a stranger at the till is nobody."""
    found = {
        one["order_number"]: one["customer_id"]
        for one in company.marts("SELECT order_number, customer_id FROM marts.fct_orders")
    }
    assert found["1001"] == found["1005"] == found["2001"] == found["2002"]
    assert found["1002"] != found["1001"]
    assert sorted(number for number, customer in found.items() if customer is None) == ["1008", "B1-0001", "B1-0004"]
    assert {
        one["primary_email"]: one["email_consent"] for one in company.marts("SELECT * FROM marts.dim_customers")
    } == {
        "guest0@corner-guests.example": True,
        "guest1@corner-guests.example": False,
        "guest2@corner-guests.example": True,
        "guest3@corner-guests.example": None,
    }
