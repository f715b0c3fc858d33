"""The part of the shuffled company that speaks as vendors do: a Shopify shop, SendGrid's events, Segment's calls."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

Record = dict[str, Any]
Made = tuple[str, datetime, Record]
"""Dataset, when it happened, and the payload."""

VENDOR_SOURCES: dict[str, dict[str, Any]] = {
    "webshop": {"type": "shopify", "objects": ("customers", "orders")},
    "mailer": {"type": "sendgrid", "objects": ("events",)},
    "tracker": {"type": "segment", "objects": ("calls",), "accounts_of": "webshop"},
}


class Person(Protocol):
    """What is known of a person."""

    number: int
    first: str
    last: str
    email: str
    phone: str


def payloads(draw: random.Random, people: Sequence[Person], moment: Any) -> Iterator[Made]:
    """Yield every payload once; `moment` draws a time."""
    for person in people:
        if draw.random() < 0.5:
            yield from _customer(draw, person, moment())
            for number in range(draw.randint(0, 3)):
                yield from _order(draw, person, number, moment())
        yield from _mails(draw, person, moment())
        yield from _calls(draw, person, moment())


def _customer(draw: random.Random, person: Person, at: datetime) -> Iterator[Made]:
    state = draw.choice(("subscribed", "not_subscribed", "unsubscribed"))
    record = {
        "id": 7000 + person.number, "email": person.email, "phone": person.phone, "first_name": person.first,
        "last_name": person.last, "created_at": at.isoformat(), "updated_at": at.isoformat(),
        "email_marketing_consent": {"state": state, "consent_updated_at": at.isoformat()},
    }  # fmt: skip
    yield "webshop.customers", at, record
    if draw.random() < 0.3:
        later = at + timedelta(days=draw.randint(1, 60), seconds=draw.randrange(86400))
        yield (
            "webshop.customers",
            later,
            {**record, "first_name": "New " + person.first, "updated_at": later.isoformat()},
        )


def _order(draw: random.Random, person: Person, number: int, at: datetime) -> Iterator[Made]:
    order = 100_000 + 10 * person.number + number
    lines = [
        {
            "id": 10 * order + place, "product_id": draw.randint(1, 30), "sku": "S", "title": "Loaf",
            "quantity": draw.randint(1, 3), "price": f"{draw.randint(2, 30)}.50", "total_discount": "0.00",
        }
        for place in range(draw.randint(1, 3))
    ]  # fmt: skip
    goods = sum(line["quantity"] * float(line["price"]) for line in lines)
    currency = draw.choice(("EUR", "EUR", "EUR", "GBP"))
    record = {
        "id": order, "email": person.email, "created_at": at.isoformat(), "processed_at": at.isoformat(),
        "updated_at": at.isoformat(), "currency": currency, "financial_status": "paid", "source_name": "web",
        "total_line_items_price": f"{goods:.2f}", "subtotal_price": f"{goods:.2f}", "total_discounts": "0.00",
        "total_tax": "0.00", "total_price": f"{goods:.2f}", "taxes_included": True, "line_items": lines,
        "customer": {"id": 7000 + person.number if draw.random() < 0.95 else 1, "email": person.email},
    }  # fmt: skip
    yield "webshop.orders", at, record
    if draw.random() < 0.3:
        later = at + timedelta(days=draw.randint(1, 30), seconds=draw.randrange(86400))
        refund = {
            "id": 5 * order, "order_id": order, "created_at": later.isoformat(),
            "refund_line_items": [
                {"id": 7 * order, "line_item_id": lines[0]["id"], "quantity": 1, "subtotal": lines[0]["price"],
                 "total_tax": "0.00", "line_item": lines[0]},
            ],
            "transactions": [],
        }  # fmt: skip
        changed = {"financial_status": "partially_refunded", "refunds": [refund], "updated_at": later.isoformat()}
        yield "webshop.orders", later, {**record, **changed}


def _mails(draw: random.Random, person: Person, at: datetime) -> Iterator[Made]:
    for number in range(draw.randint(0, 2)):
        message = f"sg{person.number}.{number}"
        for place, event in enumerate(("processed", "delivered", *draw.choice(((), ("open",), ("open", "click"))))):
            at += timedelta(seconds=draw.randint(1, 90000))
            record = {
                "email": person.email, "event": event, "timestamp": int(at.timestamp()), "sg_message_id": message,
                "sg_event_id": f"{message}-{place}", "marketing_campaign_id": number, "useragent": "Mozilla/5.0",
            }  # fmt: skip
            yield "mailer.events", at, record


def _calls(draw: random.Random, person: Person, at: datetime) -> Iterator[Made]:
    cookie, account = f"seg{person.number}", str(7000 + person.number)
    if draw.random() < 0.3:
        traits = {"email": person.email, "firstName": person.first}
        yield "tracker.calls", at, _call("identify", at, cookie, f"{cookie}-i", userId=account, traits=traits)
    for place in range(draw.randint(0, 5)):
        at += timedelta(seconds=draw.randint(5, 2500))
        properties = {"url": f"https://shop.example/{place}", "title": "Bread"}
        who = {"userId": account} if draw.random() < 0.3 else {}
        yield "tracker.calls", at, _call("page", at, cookie, f"{cookie}-{place}", properties=properties, **who)


def _call(kind: str, at: datetime, cookie: str, message: str, **more: Any) -> Record:
    return {
        "type": kind, "messageId": message, "anonymousId": cookie, "timestamp": at.isoformat(),
        "receivedAt": at.isoformat(), "context": {"userAgent": "Mozilla/5.0"}, **more,
    }  # fmt: skip
