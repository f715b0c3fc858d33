"""How WooCommerce is asked: by time of change, without losing a record that changes meanwhile."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from sources.rest.errors import RestError
from sources.shops.woocommerce import VENDOR, WooCommerceApi
from tests.rest_server import Answer, Asked, RestServer

Record = dict[str, Any]
BEGIN = datetime(2026, 3, 1, 8, tzinfo=UTC)


class Shop:
    """A shop that sorts, filters and pages as WooCommerce does."""

    def __init__(self, server: RestServer) -> None:
        self.server = server
        self.orders: dict[int, Record] = {}
        self.meanwhile: Callable[[int], None] = lambda _: None
        self.knows_modified_after = True
        server.route("/orders", self.answer)
        server.route("/products", lambda _: Answer(json=[]))

    def order(self, number: int, minute: float, **more: Any) -> None:
        at = f"{BEGIN + timedelta(minutes=minute):%Y-%m-%dT%H:%M:%S}"
        self.orders[number] = {"id": number, "date_modified_gmt": at, "refunds": []} | more

    def answer(self, asked: Asked) -> Answer:
        self.meanwhile(len(self.server.asked))
        after = asked.one("modified_after") if self.knows_modified_after else ""
        found = [one for one in self.orders.values() if one["date_modified_gmt"] > after]
        found.sort(key=lambda one: (one["date_modified_gmt"], one["id"]))
        size = asked.number("per_page")
        begin = (asked.number("page") - 1) * size
        return Answer(json=found[begin : begin + size], headers={"X-WP-TotalPages": str(-(-len(found) // size))})


@pytest.fixture
def shop() -> Iterator[Shop]:
    with RestServer() as server:
        yield Shop(server)


def fetched(shop: Shop, since: datetime | None = None, name: str = "orders", **more: Any) -> list[Record]:
    given = {"store": "https://rolls.example", "consumer_key": "ck_1", "consumer_secret": "cs_secret"}
    api = WooCommerceApi(**given | {"base_url": shop.server.url, "page_size": 3, "max_attempts": 2} | more)
    pages = VENDOR.object_named(name).pages
    assert pages is not None
    client = api.client()
    try:
        return [record for page in pages(client, api, since) for record in page]
    finally:
        client.close()


def test_all_orders_come_once_oldest_change_first(shop: Shop) -> None:
    for number in range(10):
        shop.order(number, 10 - number)

    assert [one["id"] for one in fetched(shop)] == list(range(9, -1, -1))
    asked = shop.server.asked[0]
    assert (asked.one("orderby"), asked.one("order"), asked.one("modified_after")) == ("modified", "asc", "")
    assert asked.headers["authorization"] == "Basic " + base64.b64encode(b"ck_1:cs_secret").decode()


def test_what_changed_since_is_asked_for_in_utc_the_time_itself_included(shop: Shop) -> None:
    for number in range(6):
        shop.order(number, number)

    found = fetched(shop, BEGIN + timedelta(minutes=4))

    assert [one["id"] for one in found] == [4, 5]
    assert shop.server.asked[0].one("modified_after") == "2026-03-01T08:03:59"
    assert shop.server.asked[0].one("dates_are_gmt") == "true"


def test_a_first_load_begins_at_the_day_of_the_settings(shop: Shop) -> None:
    shop.order(1, -60 * 24)
    shop.order(2, 0)

    assert [one["id"] for one in fetched(shop, start=date(2026, 3, 1))] == [2]


def test_more_orders_of_one_time_than_a_page_holds(shop: Shop) -> None:
    """Whoever imports orders gives them all one time of change."""
    for number in range(11):
        shop.order(number, 0)
    shop.order(99, 5)

    assert [one["id"] for one in fetched(shop)] == [*range(11), 99]


def test_an_order_that_changes_meanwhile_pushes_none_over_the_edge_of_a_page(shop: Shop) -> None:
    for number in range(9):
        shop.order(number, number)

    def change(asked: int) -> None:
        if asked == 2:  # the first page was there: an order of it moves to the end, the fourth to the third place
            shop.order(0, 60)

    shop.meanwhile = change
    found = [one["id"] for one in fetched(shop)]

    assert sorted(set(found)) == list(range(9))
    assert found[-1] == 0, "and the one that changed comes again"


def test_refunds_stand_in_their_order(shop: Shop) -> None:
    shop.order(1, 0)
    shop.order(2, 1, refunds=[{"id": 81, "total": "-10.00"}])
    shop.server.route("/orders/2/refunds", lambda _: Answer(json=[{"id": 81, "amount": "10.00"}]))

    first, second = fetched(shop)

    assert "refund_details" not in first
    assert second["refund_details"] == [{"id": 81, "amount": "10.00"}]


def test_variations_stand_in_their_product(shop: Shop) -> None:
    product = {"id": 40, "date_modified_gmt": "2026-03-01T08:00:00", "variations": [41, 42, 43, 44]}
    shop.server.route("/products", lambda _: Answer(json=[product]))
    variations = [{"id": number} for number in product["variations"]]  # type: ignore[attr-defined]

    def paged(asked: Asked) -> Answer:
        begin = 3 * (asked.number("page") - 1)
        return Answer(json=variations[begin : begin + 3])

    shop.server.route("/products/40/variations", paged)

    (found,) = fetched(shop, name="products")

    assert found["variation_details"] == variations


def test_customers_come_all_each_time(shop: Shop) -> None:
    people = [{"id": number} for number in range(7)]

    def paged(asked: Asked) -> Answer:
        assert (asked.one("orderby"), asked.one("role")) == ("id", "all")
        begin = 3 * (asked.number("page") - 1)
        return Answer(json=people[begin : begin + 3])

    shop.server.route("/customers", paged)

    assert fetched(shop, datetime(2026, 1, 1, tzinfo=UTC), name="customers") == people


def test_a_shop_that_is_too_old_is_told(shop: Shop) -> None:
    shop.knows_modified_after = False
    for number in range(9):
        shop.order(number, number)

    with pytest.raises(RestError, match=r"5\.8"):
        fetched(shop)


def test_a_page_that_repeats_ends_the_load(shop: Shop) -> None:
    page = [{"id": number, "date_modified_gmt": "2026-03-01T08:00:00"} for number in range(3)]
    shop.server.route("/orders", lambda _: Answer(json=page))

    with pytest.raises(RestError, match="there already"):
        fetched(shop)


def test_a_wrong_key_is_told_at_once_and_not_shown(shop: Shop) -> None:
    said = {"code": "woocommerce_rest_cannot_view", "message": "cs_secret cannot list resources."}
    shop.server.route("/orders", lambda _: Answer(401, json=said))

    with pytest.raises(RestError) as caught:
        fetched(shop)

    assert "cs_secret" not in str(caught.value)
    assert len(shop.server.asked) == 1


def test_a_key_does_not_go_over_plain_http() -> None:
    with pytest.raises(ValidationError, match="https"):
        WooCommerceApi(store="http://rolls.example", consumer_key="k", consumer_secret="s")


def _records(value: Any) -> Iterator[Record]:
    """The records of a file of examples: alone, in lists, and in answers to batch requests."""
    if isinstance(value, list):
        for one in value:
            yield from _records(one)
    elif "id" in value:
        yield value
    elif not value.keys().isdisjoint({"create", "update", "delete"}):
        for one in value.values():
            yield from _records(one)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("orders", "orders"), ("order_refunds", "order-refunds"), ("customers", "customers"), ("products", "products"),
        ("product_variations", "product-variations"),
    ],
)  # fmt: skip
def test_official_examples_bring_no_field_that_is_not_declared(shared_data: Path, name: str, file: str) -> None:
    examples = shared_data / "shop" / "woocommerce_rest" / f"{file}_examples.json"
    found = list(_records(json.loads(examples.read_text(encoding="utf-8"))))
    assert len(found) >= 4
    assert {field for record in found for field in record} - set(VENDOR.object_named(name).fields) == set()
