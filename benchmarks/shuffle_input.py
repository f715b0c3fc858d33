"""A small, rich company whose records come in any order: what `benchmarks.shuffles` delivers.

Some 150 people are known to a shop, tills, a newsletter, a telephone line and a site, with all entities, and to three
vendors' systems (`benchmarks.shuffle_vendors`). Among their records are exact copies (a fifth of all), versions told
apart by their time of change, broken records, orders in foreign currencies, references to customers and products that
nobody knows, shared family telephones, and a switchboard that too many records carry. The input is the same on every
machine; only the order of its delivery is drawn.

Two things are left out on purpose, because there the order of arrival is what decides, by definition: versions of one
record with the same time of change, or without one, and two files with the same content. Each delivered record has a
number of its own (`delivery`), as webhooks have, which nothing maps.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from benchmarks.shuffle_company import MAX_RECORDS_PER_VALUE
from benchmarks.shuffle_vendors import payloads

PEOPLE = 150
COPIES = 0.20
"""Share of delivered records that are copies of others."""

FIRST_DAY, LAST_DAY = date(2025, 1, 1), date(2025, 12, 31)
_CURRENCIES = ("EUR", "EUR", "EUR", "EUR", "EUR", "EUR", "USD", "GBP", "CHF")

Record = dict[str, Any]


@dataclass(frozen=True)
class Delivery:
    """Records that are delivered together, in their order: one, or the lines of one receipt.

    Attributes:
        dataset: `source.dataset`.
        at: when it happened (UTC); it is delivered at that time or later.
        records: as they stand in the file.
    """

    dataset: str
    at: datetime
    records: tuple[Record, ...]


def deliveries(seed: int = 7, people: int = PEOPLE) -> list[Delivery]:
    """Return the whole input with its copies, in the order in which it happened.

    Args:
        seed: draws the company, not the order of its delivery.
        people: how many people there are.
    """
    made = _Maker(random.Random(seed), people)
    originals = sorted(made.everything(), key=lambda one: (one.at, one.dataset, repr(one.records)))
    chooser = random.Random(seed + 1)
    share = COPIES / (1 - COPIES)
    copies = chooser.choices(originals, k=int(share * len(originals)) - 4)
    copies += [copies[0]] * 4  # a webhook delivered five times, and more
    numbered = []
    for number, one in enumerate(sorted([*originals, *copies], key=lambda one: (one.at, one.dataset))):
        records = tuple({**record, "delivery": f"d{number}"} for record in one.records)
        numbered.append(Delivery(one.dataset, one.at, records))
    return numbered


@dataclass
class _Person:
    number: int
    first: str
    last: str
    email: str
    phone: str
    card: str
    born: date
    account: str | None
    member: str | None
    subscriber: str | None


_FIRST = ("Ada", "Bruno", "Çiğdem", "Dörte", "Émile", "Фатима", "Gül", "Hanna", "Ивана", "Jürgen", "Lola", "明")
_LAST = ("Adler", "Bäcker", "Çelik", "Dvořák", "Esser", "Фомин", "Gruber", "Härtel", "Ibsen", "Kaya", "Łoś", "王")


class _Maker:
    """Makes every record once; copies are made of them later."""

    def __init__(self, draw: random.Random, people: int) -> None:
        self.draw = draw
        self.people = [self._person(number) for number in range(people)]
        for number in range(0, people - 3, 10):  # families with one telephone
            for other in self.people[number + 1 : number + 3]:
                other.phone = self.people[number].phone
        for person in self.people[: MAX_RECORDS_PER_VALUE + 6]:  # a switchboard: too many records for it to join anyone
            person.phone = "+493012345000"

    def _person(self, number: int) -> _Person:
        draw = self.draw
        first, last = draw.choice(_FIRST), draw.choice(_LAST)
        return _Person(
            number,
            first,
            last,
            f"guest{number}@shuffled.example",
            f"+4930231{25000 + number}",
            f"C{number:05d}",
            date(1950, 1, 1) + timedelta(days=draw.randrange(19000)),
            f"A{number}" if draw.random() < 0.7 else None,
            f"M{number}" if draw.random() < 0.5 else None,
            f"S{number}" if draw.random() < 0.6 else None,
        )

    def everything(self) -> Iterator[Delivery]:
        yield from self._products()
        yield from self._rates()
        yield from self._campaigns()
        for person in self.people:
            yield from self._accounts(person)
            yield from self._orders(person)
            yield from self._receipts(person)
            yield from self._mails(person)
            yield from self._consents(person)
            yield from self._service(person)
            yield from self._visits(person)
        yield from self._broken()
        for dataset, at, record in payloads(self.draw, self.people, self._moment):
            yield self._one(dataset, at, record)

    def _moment(self, first: date = FIRST_DAY, last: date = LAST_DAY) -> datetime:
        days = self.draw.randrange((last - first).days)
        seconds = self.draw.randrange(86400)
        return datetime.combine(first + timedelta(days=days), time(), UTC) + timedelta(seconds=seconds)

    def _one(self, dataset: str, at: datetime, record: Record) -> Delivery:
        return Delivery(dataset, at, (record,))

    def _versions(self, dataset: str, at: datetime, record: Record, *changes: Record) -> Iterator[Delivery]:
        """A record and what became of it: each version a day to a month younger than the one before."""
        yield self._one(dataset, at, {**record, "updated_at": at.isoformat()})
        for change in changes:
            at += timedelta(days=self.draw.randint(1, 30), seconds=self.draw.randrange(86400))
            record = {**record, **change, "updated_at": at.isoformat()}
            yield self._one(dataset, at, record)

    def _products(self) -> Iterator[Delivery]:
        for number in range(20):
            cost = round(1 + number * 0.35, 2)
            record = {
                "product_id": f"P{number}", "sku": f"SKU-{number}", "product_name": f"Loaf {number}",
                "category": ("bread", "cake")[number % 2], "unit_cost": str(cost),
                "unit_price": str(round(cost * 3, 2)),
                "currency": "USD" if number % 7 == 3 else "EUR",
            }  # fmt: skip
            change = {"unit_cost": str(round(cost + 0.25, 2)), "product_name": f"Loaf {number}, large"}
            yield from self._versions("shop.products", self._moment(), record, *([change] if number % 3 == 0 else []))

    def _rates(self) -> Iterator[Delivery]:
        day = FIRST_DAY
        while day <= LAST_DAY:
            # Working days only; no rates at all in August, and never one of the franc.
            if day.weekday() < 5 and day.month != 8:
                at = datetime.combine(day, time(15), UTC)
                for currency, rate in (("USD", 1.05), ("GBP", 0.84)):
                    drawn = round(rate + self.draw.uniform(-0.03, 0.03), 4)
                    record = {
                        "from_currency": "EUR",
                        "to_currency": currency,
                        "day": day.isoformat(),
                        "rate": str(drawn),
                    }
                    yield self._one("shop.exchange_rates", at, record)
            day += timedelta(days=1)

    def _campaigns(self) -> Iterator[Delivery]:
        for number in range(6):
            at = datetime(2025, 1 + 2 * number, 3, 9, tzinfo=UTC)
            record = {
                "campaign_id": f"N{number}", "campaign_name": f"Letter {number}", "channel": "email",
                "subject": "Fresh bread", "started_at": at.isoformat(), "cost_amount": str(20 + number),
                "currency": "USD" if number == 2 else "EUR",
            }  # fmt: skip
            change = {"campaign_name": f"Letter {number}, sent", "cost_amount": str(22 + number)}
            yield from self._versions("newsletter.campaigns", at, record, *([change] if number % 2 else []))

    def _accounts(self, person: _Person) -> Iterator[Delivery]:
        draw = self.draw
        names = {"first_name": person.first, "last_name": person.last}
        if person.account:
            at = self._moment()
            record = {
                "account_id": person.account, "email": person.email, **names, "birth_date": person.born.isoformat(),
                "gender": draw.choice(("female", "male", "")), "street": f"Weg {person.number}", "city": "Berlin",
                "postal_code": f"10{person.number:03d}", "country_code": "DE", "language": "de",
                "email_consent": draw.choice(("true", "false")), "created_at": at.isoformat(),
            }  # fmt: skip
            if draw.random() < 0.6:
                record["phone"] = person.phone
            if draw.random() < 0.4:
                record["loyalty_card"] = person.card
            changes = [
                {"city": "Potsdam", "street": f"Allee {person.number}", "email_consent": "false"},
                {"email": f"new{person.number}@shuffled.example"},
                {"phone": "not a number"},
            ]
            yield from self._versions("shop.customers", at, record, *draw.sample(changes, k=draw.choice((0, 0, 1, 2))))
        if person.member:
            at = self._moment()
            record = {
                "account_id": person.member, "loyalty_card": person.card, "full_name": f"{person.first} {person.last}",
                "phone": person.phone, "created_at": at.isoformat(),
            }  # fmt: skip
            yield from self._versions("tills.customers", at, record)
        if person.subscriber:
            at = self._moment()
            record = {"account_id": person.subscriber, "email": person.email, **names, "created_at": at.isoformat()}
            yield from self._versions("newsletter.customers", at, record)

    def _orders(self, person: _Person) -> Iterator[Delivery]:
        draw = self.draw
        for number in range(draw.randint(0, 7)):
            at, order = self._moment(), f"O{person.number}-{number}"
            currency = draw.choice(_CURRENCIES)
            lines = [
                (f"P{draw.randrange(20)}", draw.randint(1, 4), round(draw.uniform(2, 30), 2))
                for _ in range(draw.randint(1, 3))
            ]
            gross = round(sum(pieces * price for _, pieces, price in lines), 2)
            record: Record = {
                "order_id": order, "ordered_at": at.isoformat(), "status": "completed", "channel": "web",
                "currency": currency, "gross_amount": str(gross), "tax_amount": str(round(gross * 0.07, 2)),
            }  # fmt: skip
            if person.account and draw.random() < 0.8:
                record["account_id"] = person.account
            else:
                record["email"] = person.email
            if draw.random() < 0.03:
                record["account_id"] = f"X{person.number}"  # nobody's
            change = draw.choice(
                (
                    {"status": "refunded"},
                    {"status": "partially_refunded", "refund_amount": "1.50"},
                    {"gross_amount": "?"},
                )
            )
            yield from self._versions("shop.orders", at, record, *([change] if draw.random() < 0.2 else []))
            for place, (product, pieces, price) in enumerate(lines, start=1):
                line = {
                    "order_line_id": f"{order}-{place}", "order_id": order, "currency": currency,
                    "product_id": "P-unknown" if draw.random() < 0.03 else product,
                    "quantity": "0" if draw.random() < 0.02 else str(pieces), "unit_price": str(price),
                    "ordered_at": at.isoformat(),
                }  # fmt: skip
                yield from self._versions("shop.order_lines", at, line)

    def _receipts(self, person: _Person) -> Iterator[Delivery]:
        draw = self.draw
        for number in range(draw.randint(0, 3)):
            at, receipt = self._moment(), f"R{person.number}-{number}"
            card = person.card if person.member and draw.random() < 0.8 else None
            lines = []
            for place in range(1, draw.randint(2, 4)):
                lines.append(
                    {
                        "line": f"{receipt}-{place}", "receipt": receipt, "time": at.isoformat(), "card": card,
                        "store": "S1", "article": f"P{draw.randrange(20)}", "quantity": str(draw.randint(1, 3)),
                        "unit_price": str(round(draw.uniform(1, 9), 2)), "is_return": "false",
                    }
                )  # fmt: skip
            yield Delivery("tills.receipts", at, tuple(lines))

    def _mails(self, person: _Person) -> Iterator[Delivery]:
        draw = self.draw
        if person.subscriber is None:
            return
        for campaign in range(6):
            at = datetime(2025, 1 + 2 * campaign, 3, 9, tzinfo=UTC) + timedelta(seconds=person.number)
            message = f"m{campaign}-{person.number}"
            happened = ["sent", draw.choice(("delivered", "delivered", "delivered", "bounce"))]
            if happened[-1] == "delivered" and draw.random() < 0.5:
                happened += ["open"] + (["click"] if draw.random() < 0.4 else [])
            if draw.random() < 0.03:
                happened.append("unsubscribe")
            for place, event in enumerate(happened):
                at += timedelta(seconds=draw.randint(2, 90000))
                record = {
                    "event_id": f"{message}-{place}", "message_id": message, "campaign_id": f"N{campaign}",
                    "email": person.email, "event": event, "occurred_at": at.isoformat(),
                    "is_machine": "true" if event == "open" and draw.random() < 0.3 else "false",
                }  # fmt: skip
                yield self._one("newsletter.email_events", at, record)

    def _consents(self, person: _Person) -> Iterator[Delivery]:
        draw = self.draw
        for source, account in (("shop", person.account), ("newsletter", person.subscriber)):
            for number in range(draw.randint(0, 3) if account else 0):
                at = self._moment()
                record = {
                    "consent_id": f"{source}-{person.number}-{number}", "account_id": account, "email": person.email,
                    "channel": draw.choice(("email", "sms", "phone")), "purpose": "marketing", "origin": "form",
                    "status": draw.choice(("granted", "denied", "suppressed")), "occurred_at": at.isoformat(),
                }  # fmt: skip
                yield self._one(f"{source}.consents", at, record)

    def _service(self, person: _Person) -> Iterator[Delivery]:
        draw = self.draw
        for number in range(draw.choice((0, 0, 1, 2))):
            at = self._moment()
            record = {
                "call_id": f"T{person.number}-{number}", "phone": person.phone, "direction": "inbound",
                "account_id": person.account if draw.random() < 0.5 else None, "started_at": at.isoformat(),
                "wait_seconds": str(draw.randrange(90)), "talk_seconds": str(draw.randint(-5, 900)),
                "outcome": draw.choice(("answered", "missed")), "agent_id": f"G{draw.randrange(4)}",
            }  # fmt: skip
            yield self._one("phone.calls", at, record)
        if draw.random() < 0.2:
            at = self._moment()
            record = {
                "ticket_id": f"K{person.number}", "account_id": person.account, "email": person.email,
                "channel": "email", "subject": "Late bread", "status": "open", "created_at": at.isoformat(),
            }  # fmt: skip
            solved = {"status": "solved", "solved_at": (at + timedelta(days=2)).isoformat(), "satisfaction": "4"}
            yield from self._versions("phone.tickets", at, record, solved)

    def _visits(self, person: _Person) -> Iterator[Delivery]:
        draw = self.draw
        for number in range(draw.randint(0, 3)):
            at = self._moment()
            logs_in = bool(person.account) and draw.random() < 0.5
            has_session = draw.random() < 0.5
            for place in range(draw.randint(1, 5)):
                at += timedelta(seconds=draw.randint(5, 2400))  # now and then more than half an hour
                record = {
                    "event_id": f"W{person.number}-{number}-{place}", "visitor_id": f"V{person.number % 140}",
                    "account_id": person.account if logs_in and place else None,
                    "session_id": f"Z{person.number}-{number}" if has_session else None,
                    "event": "page_view", "occurred_at": at.isoformat(), "page_url": f"https://shop.example/{place}",
                    "source": draw.choice((None, "newsletter", "search")), "medium": "link",
                    "user_agent": "Mozilla/5.0", "is_bot": "false",
                }  # fmt: skip
                yield self._one("site.web_events", at, record)

    def _broken(self) -> Iterator[Delivery]:
        """Records that no rule lets pass."""
        at = datetime(2025, 6, 1, 12, tzinfo=UTC)
        broken: Sequence[tuple[str, Record]] = (
            ("shop.orders", {"order_id": "BAD-1", "ordered_at": "2099-01-01T00:00:00Z", "gross_amount": "5"}),
            ("shop.orders", {"order_id": "BAD-2", "ordered_at": "yesterday", "gross_amount": "5"}),
            ("shop.orders", {"ordered_at": "2025-06-01T00:00:00Z", "gross_amount": "5"}),
            ("newsletter.email_events", {"event_id": "BAD-3", "event": "teleported", "occurred_at": at.isoformat()}),
            ("newsletter.email_events", {"event_id": "BAD-4", "event": "open", "occurred_at": "1970-01-01T00:00:00Z"}),
            ("phone.calls", {"call_id": "BAD-5", "started_at": None}),
            ("site.web_events", {"event_id": None, "visitor_id": "V1", "occurred_at": at.isoformat()}),
        )
        for dataset, record in broken:
            yield self._one(dataset, at, record)
