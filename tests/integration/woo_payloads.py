"""Payloads of a small WooCommerce shop, in the vendor's shapes; figures worked out by hand."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Json = dict[str, Any]


def article(
    number: int, product: int, quantity: int, subtotal: str, total: str, *, tax: str = "0.00", **more: Any
) -> Json:
    """A line of an order; amounts without tax, as WooCommerce gives them."""
    return {
        "id": number, "name": f"Roll {product}", "product_id": product, "variation_id": 0, "quantity": quantity,
        "tax_class": "", "subtotal": subtotal, "subtotal_tax": tax, "total": total, "total_tax": tax, "taxes": [],
        "meta_data": [], "sku": f"ROLL-{product}", "price": float(total) / quantity if quantity else 0,
    } | more  # fmt: skip


def order(number: int, at: str, lines: list[Json], *, total: str, **more: Any) -> Json:
    """An order of WooCommerce; `at` in UTC without an offset, as it writes it."""
    return {
        "id": number, "parent_id": 0, "number": str(number), "created_via": "checkout", "status": "completed",
        "currency": "EUR", "date_created": at, "date_created_gmt": at, "date_modified": at, "date_modified_gmt": at,
        "discount_total": "0.00", "shipping_total": "0.00", "shipping_tax": "0.00", "total": total,
        "total_tax": "0.00", "prices_include_tax": False, "customer_id": 7,
        "billing": {"first_name": "Anna", "last_name": "Quitte", "email": "anna@corner-guests.example",
                    "phone": "030 23125101", "country": "DE"},
        "line_items": lines, "tax_lines": [], "shipping_lines": [], "fee_lines": [], "coupon_lines": [],
        "refunds": [], "meta_data": [],
    } | more  # fmt: skip


def refund(number: int, amount: str, lines: Iterable[Json] = (), **more: Any) -> Json:
    """A refund of WooCommerce: amounts of its lines are below zero."""
    at = "2026-03-20T10:00:00"
    return {
        "id": number, "date_created": at, "date_created_gmt": at, "amount": amount, "reason": "", "refunded_by": 1,
        "meta_data": [], "line_items": list(lines), "shipping_lines": [], "fee_lines": [],
    } | more  # fmt: skip


ORDERS = [
    # Tax on top: 3 x 2.00 less 1.00 by coupon, tax 0.35, shipping 4.00 with 0.28.
    order(
        2001, "2026-03-01T08:00:00", [article(21, 31, 3, "6.00", "5.00", tax="0.35")], total="9.63",
        shipping_total="4.00", shipping_tax="0.28", total_tax="0.63", discount_total="1.00",
    ),
    # Prices include 7 % tax: 2 x 5.35 are 10.70, without tax 10.00.
    order(
        2002, "2026-03-02T08:00:00", [article(22, 32, 2, "10.00", "10.00", tax="0.70")], total="10.70",
        total_tax="0.70", prices_include_tax=True, customer_id=0,
    ),
    # Tax on top (10 %), shipping 5.00: one of two pieces came back with its tax, 11.00 of money, 10.00 of goods.
    order(
        2003, "2026-03-03T08:00:00", [article(23, 31, 2, "20.00", "20.00", tax="2.00")], total="27.00",
        shipping_total="5.00", total_tax="2.00", refunds=[{"id": 81, "reason": "", "total": "-11.00"}],
        refund_details=[refund(81, "11.00", [article(231, 31, -1, "-10.00", "-10.00", tax="-1.00")])],
    ),
    # The same refund, in an order that only says how much money it was.
    order(
        2004, "2026-03-04T08:00:00", [article(24, 31, 2, "20.00", "20.00", tax="2.00")], total="27.00",
        shipping_total="5.00", total_tax="2.00", refunds=[{"id": 82, "reason": "", "total": "-11.00"}],
    ),
    # A price that four decimals cannot hold: 3 pieces for 10.00. All came back.
    order(
        2005, "2026-03-05T08:00:00", [article(25, 32, 3, "10.00", "10.00")], total="10.00", status="refunded",
        refunds=[{"id": 83, "reason": "", "total": "-10.00"}],
    ),
    # 2.00 back without naming goods, as the refund by itself tells.
    order(2006, "2026-03-06T08:00:00", [article(26, 31, 4, "8.00", "8.00")], total="8.00"),
    # A fee for gift wrapping (3.00) and one that takes 1.00 off.
    order(
        2007, "2026-03-07T08:00:00", [article(27, 31, 1, "12.00", "12.00")], total="14.00",
        fee_lines=[{"id": 271, "name": "Wrapping", "total": "3.00", "total_tax": "0.00"},
                   {"id": 272, "name": "Regulars' thanks", "total": "-1.00", "total_tax": "0.00"}],
    ),
    order(2008, "2026-03-08T08:00:00", [article(28, 31, 1, "2.00", "2.00")], total="2.00", status="cancelled"),
    order(2009, "2026-03-09T08:00:00", [article(29, 31, 1, "2.00", "2.00")], total="7.00"),
]  # fmt: skip

REFUNDS = [
    refund(84, "2.00", _links={"up": [{"href": "https://rolls.example/wp-json/wc/v3/orders/2006"}]}),
]

CUSTOMERS = [
    {
        "id": 7, "email": "anna@corner-guests.example", "first_name": "Anna", "last_name": "Quitte", "role": "customer",
        "date_created_gmt": "2026-01-01T08:00:00", "date_modified_gmt": "2026-01-02T08:00:00",
        "billing": {"phone": "030 23125101", "address_1": "Nebenstr. 2", "city": "Berlin", "postcode": "10117",
                    "country": "DE"},
    }
]  # fmt: skip

PRODUCTS = [
    {
        "id": 31, "name": "Poppy roll", "type": "simple", "sku": "ROLL-31", "price": "2.00", "regular_price": "2.20",
        "date_modified_gmt": "2026-01-01T08:00:00", "categories": [{"id": 1, "name": "Rolls", "slug": "rolls"}],
        "cost_of_goods_sold": {"total_value": 0.5}, "variations": [],
    },
    {
        "id": 40, "name": "Cake", "type": "variable", "sku": "", "price": "20.00", "regular_price": "",
        "date_modified_gmt": "2026-01-01T08:00:00", "categories": [], "variations": [32],
        "variation_details": [
            {"id": 32, "sku": "ROLL-32", "price": "5.00", "regular_price": "5.35",
             "date_modified_gmt": "2026-01-01T08:00:00", "attributes": [{"id": 1, "name": "Size", "option": "Whole"}]}
        ],
    },
]  # fmt: skip

# order -> gross, discount, refund, net, kind.
FIGURES = {
    "2001": (6.00, 1.00, 0.00, 5.00, "sale"),
    "2002": (10.70, 0.00, 0.00, 10.70, "sale"),
    "2003": (20.00, 0.00, 10.00, 10.00, "sale"),
    "2004": (20.00, 0.00, 10.00, 10.00, "sale"),
    "2005": (10.00, 0.00, 10.00, 0.00, "return"),
    "2006": (8.00, 0.00, 2.00, 6.00, "sale"),
    "2007": (12.00, 1.00, 0.00, 11.00, "sale"),
    "2008": (2.00, 0.00, 0.00, 0.00, "void"),
}
