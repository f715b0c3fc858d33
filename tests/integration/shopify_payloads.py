"""Payloads of a small Shopify shop, in the vendor's shapes; figures worked out by hand."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

Json = dict[str, Any]


def money_set(amount: str) -> Json:
    """An amount in the shop's currency, and in dollars as the buyer saw it (twice as much)."""
    return {
        "shop_money": {"amount": amount, "currency_code": "EUR"},
        "presentment_money": {"amount": f"{2 * float(amount):.2f}", "currency_code": "USD"},
    }


def line(
    number: int,
    variant: int | None,
    quantity: int,
    price: str,
    *,
    discount: str = "0.00",
    left: int | None = None,
    **more: Any,
) -> Json:
    """A line of an order; `left` are the pieces that neither came back nor were taken off."""
    return {
        "id": number,
        "admin_graphql_api_id": f"gid://shopify/LineItem/{number}",
        "variant_id": variant,
        "product_id": None if variant is None else variant // 10,
        "title": f"Loaf {variant}",
        "name": f"Loaf {variant}",
        "sku": None if variant is None else f"LOAF-{variant}",
        "quantity": quantity,
        "current_quantity": quantity if left is None else left,
        "price": price,
        "price_set": money_set(price),
        "total_discount": "0.00",
        "discount_allocations": (
            [] if float(discount) == 0
            else [{"amount": discount, "amount_set": money_set(discount), "discount_application_index": 0}]
        ),
        "gift_card": False,
        "taxable": True,
        "tax_lines": [],
        "properties": [],
    } | more  # fmt: skip


def refund(number: int, order: int, at: str, lines: Iterable[tuple[Json, int, str]] = (), **more: Any) -> Json:
    """A refund: of each line so many pieces, which cost so much."""
    return {
        "id": number,
        "admin_graphql_api_id": f"gid://shopify/Refund/{number}",
        "order_id": order,
        "created_at": at,
        "processed_at": at,
        "note": None,
        "user_id": 1,
        "refund_line_items": [
            {
                "id": number * 10 + place,
                "line_item_id": one["id"],
                "quantity": quantity,
                "subtotal": float(subtotal),
                "subtotal_set": money_set(subtotal),
                "total_tax": 0.0,
                "restock_type": "return",
                "line_item": one,
            }
            for place, (one, quantity, subtotal) in enumerate(lines)
        ],
        "refund_shipping_lines": [],
        "order_adjustments": [],
        "transactions": [],
    } | more


def adjustment(number: int, amount: str) -> Json:
    """What a refund pays beyond its lines (below zero) or keeps of them."""
    return {
        "id": number,
        "amount": amount,
        "amount_set": money_set(amount),
        "tax_amount": "0.00",
        "kind": "refund_discrepancy",
        "reason": "Refund discrepancy",
    }


def order(
    number: int, at: str, lines: list[Json], *, subtotal: str, total: str, tax: str = "0.00", shipping: str = "0.00",
    refunds: Iterable[Json] = (), **more: Any,
) -> Json:  # fmt: skip
    """An order in the REST shape, with prices that include tax."""
    return {
        "id": number,
        "admin_graphql_api_id": f"gid://shopify/Order/{number}",
        "name": f"#{number}",
        "order_number": number,
        "created_at": at,
        "processed_at": at,
        "updated_at": at,
        "cancelled_at": None,
        "test": False,
        "currency": "EUR",
        "presentment_currency": "USD",
        "financial_status": "paid",
        "source_name": "web",
        "location_id": None,
        "taxes_included": True,
        "email": f"guest{number % 4}@corner-guests.example",
        "phone": None,
        "customer": {"id": 500 + number % 4, "email": f"guest{number % 4}@corner-guests.example", "phone": None},
        "billing_address": None,
        "subtotal_price": subtotal,
        "total_line_items_price": f"{sum(one['quantity'] * float(one['price']) for one in lines):.2f}",
        "total_discounts": "0.00",
        "total_tax": tax,
        "total_price": total,
        "total_tip_received": "0.00",
        "total_shipping_price_set": money_set(shipping),
        "shipping_lines": [
            {"id": number * 10, "title": "Parcel", "price": shipping, "discounted_price": shipping,
             "discounted_price_set": money_set(shipping), "price_set": money_set(shipping), "is_removed": False}
        ],
        "line_items": lines,
        "refunds": list(refunds),
    } | more  # fmt: skip


def _camel(value: Any) -> Json:
    return {
        "shopMoney": {"amount": value["shop_money"]["amount"], "currencyCode": "EUR"},
        "presentmentMoney": {"amount": value["presentment_money"]["amount"], "currencyCode": "USD"},
    }


def _line_node(one: Json) -> Json:
    variant, product = one["variant_id"], one["product_id"]
    return {
        "id": f"gid://shopify/LineItem/{one['id']}",
        "title": one["title"],
        "sku": one["sku"],
        "quantity": one["quantity"],
        "currentQuantity": one["current_quantity"],
        "isGiftCard": one["gift_card"],
        "variant": None if variant is None else {"id": f"gid://shopify/ProductVariant/{variant}"},
        "product": None if product is None else {"id": f"gid://shopify/Product/{product}"},
        "originalUnitPriceSet": _camel(one["price_set"]),
        "discountAllocations": [
            {"allocatedAmountSet": _camel(part["amount_set"])} for part in one["discount_allocations"]
        ],
    }


def order_node(one: Json, *, edges: bool = False) -> Json:
    """The same order as the GraphQL Admin API gives it: camelCase, ids with their type, connections, UTC."""

    def connection(nodes: Iterable[Json]) -> Json:
        listed = list(nodes)
        found: Json = {"edges": [{"node": node} for node in listed]} if edges else {"nodes": listed}
        return found | {"pageInfo": {"hasNextPage": False, "endCursor": None}}

    customer = one["customer"]
    return {
        "id": f"gid://shopify/Order/{one['id']}",
        "name": one["name"],
        "createdAt": one["created_at"],
        "processedAt": one["processed_at"],
        "updatedAt": one["updated_at"],
        "cancelledAt": one["cancelled_at"],
        "test": one["test"],
        "currencyCode": one["currency"],
        "presentmentCurrencyCode": one["presentment_currency"],
        "displayFinancialStatus": one["financial_status"].upper(),
        "sourceName": one["source_name"],
        "taxesIncluded": one["taxes_included"],
        "email": one["email"],
        "phone": one["phone"],
        "customer": None if customer is None else {"id": f"gid://shopify/Customer/{customer['id']}"},
        "billingAddress": one["billing_address"],
        "retailLocation": None,
        "subtotalPriceSet": _camel(money_set(one["subtotal_price"])),
        "totalPriceSet": _camel(money_set(one["total_price"])),
        "totalTaxSet": _camel(money_set(one["total_tax"])),
        "totalTipReceivedSet": _camel(money_set(one["total_tip_received"])),
        "lineItems": connection(_line_node(item) for item in one["line_items"]),
        "shippingLines": connection(
            {"id": f"gid://shopify/ShippingLine/{item['id']}", "title": item["title"],
             "discountedPriceSet": _camel(item["discounted_price_set"])}
            for item in one["shipping_lines"]
        ),
        "refunds": [
            {
                "id": f"gid://shopify/Refund/{item['id']}",
                "createdAt": item["created_at"],
                "refundLineItems": connection(
                    {"id": f"gid://shopify/RefundLineItem/{part['id']}", "quantity": part["quantity"],
                     "subtotalSet": _camel(part["subtotal_set"]),
                     "lineItem": {"id": f"gid://shopify/LineItem/{part['line_item_id']}"}}
                    for part in item["refund_line_items"]
                ),
                "orderAdjustments": connection(
                    {"id": f"gid://shopify/OrderAdjustment/{part['id']}", "reason": None,
                     "amountSet": _camel(part["amount_set"])}
                    for part in item["order_adjustments"]
                ),
            }
            for item in one["refunds"]
        ],
    }  # fmt: skip


def bulk_rows(one: Json) -> list[Json]:
    """The same order as rows of a bulk operation: the order without its connections, and its children below it."""
    node = order_node(one)
    node["totalShippingPriceSet"] = _camel(one["total_shipping_price_set"])
    children = [*node.pop("lineItems")["nodes"], *node.pop("shippingLines")["nodes"]]
    node["refunds"] = [{"id": item["id"], "createdAt": item["createdAt"]} for item in node["refunds"]]
    return [node, *({**child, "__parentId": node["id"]} for child in children)]


# --- the shop -----------------------------------------------------------------------------------------------------

# Two pieces at 10.00 less 2.00, one at 30.00: 48.00, and 2.90 shipping.
PLAIN = order(
    1001, "2026-03-01T10:00:00+01:00", [line(1, 11, 2, "10.00", discount="2.00"), line(2, 12, 1, "30.00")],
    subtotal="48.00", tax="3.33", shipping="2.90", total="50.90",
)  # fmt: skip

# Tax comes on top: three at 10.00 less 3.00 are 27.00, tax 6.08, shipping 5.00. Later one piece comes back: 9.00.
TAXED_LINE = line(3, 11, 3, "10.00", discount="3.00")
TAXED = order(
    1002, "2026-03-02T10:00:00+01:00", [TAXED_LINE], subtotal="27.00", tax="6.08", shipping="5.00", total="38.08",
    taxes_included=False,
)  # fmt: skip
TAXED_LINE_LATER = line(3, 11, 3, "10.00", discount="3.00", left=2)
TAXED_LATER = TAXED | {
    "updated_at": "2026-03-05T09:00:00+01:00",
    "financial_status": "partially_refunded",
    "line_items": [TAXED_LINE_LATER],
    "refunds": [refund(71, 1002, "2026-03-05T09:00:00+01:00", [(TAXED_LINE_LATER, 1, "9.00")])],
}

# All of 2 x 7.50 and the shipping came back.
_BACK = line(4, 12, 2, "7.50", left=0)
REFUNDED = order(
    1003, "2026-03-03T10:00:00+01:00", [_BACK], subtotal="15.00", shipping="4.90", total="19.90",
    financial_status="refunded",
    refunds=[refund(72, 1003, "2026-03-04T10:00:00+01:00", [(_BACK, 2, "15.00")], refund_shipping_lines=[
        {"id": 1, "subtotal_amount_set": money_set("4.90")}
    ])],
)  # fmt: skip

CANCELLED = order(
    1004, "2026-03-04T10:00:00+01:00", [line(5, 11, 1, "10.00", left=0)], subtotal="10.00", total="10.00",
    cancelled_at="2026-03-04T11:00:00+01:00", financial_status="voided",
)  # fmt: skip

# One line was taken off the order again before it was paid: a refund without money. The other stays: 30.00.
_TAKEN_OFF = line(6, 11, 1, "10.00", left=0)
EDITED = order(
    1005, "2026-03-05T10:00:00+01:00", [_TAKEN_OFF, line(7, 12, 1, "30.00")], subtotal="40.00", total="40.00",
    refunds=[refund(73, 1005, "2026-03-05T12:00:00+01:00", [(_TAKEN_OFF, 1, "10.00")])],
)  # fmt: skip

# 40.00, of which 5.00 were given back though nothing was.
GOODWILL = order(
    1006, "2026-03-06T10:00:00+01:00", [line(8, 11, 4, "10.00")], subtotal="40.00", total="40.00",
    financial_status="partially_refunded",
    refunds=[refund(74, 1006, "2026-03-07T10:00:00+01:00", order_adjustments=[adjustment(741, "-5.00")])],
)  # fmt: skip

# A gift card is no revenue before it is spent: 20.00.
GIFT_CARD = order(
    1007, "2026-03-07T10:00:00+01:00",
    [line(9, 11, 2, "10.00"), line(10, 19, 1, "50.00", gift_card=True, sku=None)],
    subtotal="70.00", total="70.00",
)  # fmt: skip

# A stranger at the till of a store, with an article that is in no catalogue.
AT_THE_TILL = order(
    1008, "2026-03-08T10:00:00+01:00", [line(12, None, 1, "3.50", title="Day-old rolls")], subtotal="3.50",
    total="3.50", source_name="pos", location_id=88, customer=None, email="",
)  # fmt: skip

TRIAL = order(1009, "2026-03-09T10:00:00+01:00", [line(13, 11, 1, "10.00")], subtotal="10.00", total="10.00", test=True)

WRONG_TOTAL = order(1010, "2026-03-10T10:00:00+01:00", [line(14, 11, 1, "10.00")], subtotal="10.00", total="14.00")

# The order was exported before its refund: two of three pieces came back, in two refunds, the second counts both.
_BEFORE = line(15, 12, 3, "30.00")
_FIRST, _SECOND = line(15, 12, 3, "30.00", left=2), line(15, 12, 3, "30.00", left=1)
REFUNDED_LATER = order(1011, "2026-03-11T10:00:00+01:00", [_BEFORE], subtotal="90.00", total="90.00")
LATE_REFUNDS = [
    refund(75, 1011, "2026-03-12T10:00:00+01:00", [(_FIRST, 1, "30.00")]),
    refund(76, 1011, "2026-03-13T10:00:00+01:00", [(_SECOND, 1, "30.00")]),
]

ORDERS = [
    PLAIN, TAXED, REFUNDED, CANCELLED, EDITED, GOODWILL, GIFT_CARD, AT_THE_TILL, TRIAL, WRONG_TOTAL, REFUNDED_LATER,
]  # fmt: skip

# order -> gross, discount, refund, net, kind; all amounts in euros.
FIGURES = {
    "1001": (50.00, 2.00, 0.00, 48.00, "sale"),
    "1002": (30.00, 3.00, 9.00, 18.00, "sale"),
    "1003": (15.00, 0.00, 15.00, 0.00, "return"),
    "1004": (10.00, 0.00, 10.00, 0.00, "void"),
    "1005": (40.00, 0.00, 10.00, 30.00, "sale"),
    "1006": (40.00, 0.00, 5.00, 35.00, "sale"),
    "1007": (20.00, 0.00, 0.00, 20.00, "sale"),
    "1008": (3.50, 0.00, 0.00, 3.50, "sale"),
    "1009": (10.00, 0.00, 0.00, 0.00, "void"),
    "1011": (90.00, 0.00, 60.00, 30.00, "sale"),
}


def customer(number: int, state: str | None, at: str | None, sms: str | None = None) -> Json:
    """A customer in the REST shape, with what was said about marketing."""
    consent = {"state": state, "opt_in_level": "single_opt_in", "consent_updated_at": at}
    return {
        "id": 500 + number,
        "email": f"guest{number}@corner-guests.example",
        "phone": f"+4930231251{number:02d}",
        "first_name": f"Guest{number}",
        "last_name": "Quitte",
        "created_at": "2026-01-01T10:00:00+01:00",
        "updated_at": "2026-02-01T10:00:00+01:00",
        "email_marketing_consent": consent if state else None,
        "sms_marketing_consent": {"state": sms, "consent_updated_at": None} if sms else None,
        "default_address": {"address1": "Hauptstr. 1", "city": "Berlin", "zip": "10115", "country_code": "DE"},
    }


CUSTOMERS = [
    customer(0, "subscribed", "2026-01-02T10:00:00+01:00", "not_subscribed"),
    customer(1, "unsubscribed", "2026-01-03T10:00:00+01:00"),
    customer(2, "not_subscribed", None),
    customer(3, None, None),
]

PRODUCTS = [
    {
        "id": 1, "title": "Rye loaf", "product_type": "Bread", "updated_at": "2026-01-01T10:00:00+01:00",
        "variants": [
            {"id": 11, "title": "Small", "sku": "LOAF-11", "price": "10.00", "inventory_item_id": 911},
            {"id": 12, "title": "Default Title", "sku": "LOAF-12", "price": "30.00", "inventory_item_id": 912},
        ],
    }
]  # fmt: skip

COSTS = [
    {"id": 911, "sku": "LOAF-11", "cost": "4.00", "tracked": True, "updated_at": "2026-01-01T10:00:00+01:00"},
    {"id": 912, "sku": "LOAF-12", "cost": "12.00", "tracked": True, "updated_at": "2026-01-01T10:00:00+01:00"},
]


def all_rows(orders: Iterable[Json]) -> list[Json]:
    """Orders as rows of one bulk operation."""
    return list(itertools.chain.from_iterable(bulk_rows(one) for one in orders))
