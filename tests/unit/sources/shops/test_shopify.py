"""How Shopify is asked: pages, children of records, bulk operations, waiting, and what it refuses."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from sources.rest.errors import RestError
from sources.shops import shopify_graphql
from sources.shops.shopify import VENDOR, ShopifyApi
from sources.shops.shopify_graphql import busy_seconds
from tests.rest_server import Answer, Asked, RestServer

Node = dict[str, Any]
SINCE = datetime(2026, 3, 1, tzinfo=UTC)


def _page(nodes: list[Node], asked: Node, first: int) -> Node:
    """One page of a connection; its cursors are positions."""
    begin = int(asked.get("after") or 0)
    end = begin + first
    return {"nodes": nodes[begin:end], "pageInfo": {"hasNextPage": end < len(nodes), "endCursor": str(end)}}


class Shop:
    """A shop with so many orders, each with more lines than a page of them holds, some with refunds."""

    def __init__(self, server: RestServer, orders: int = 7, lines: int = 5) -> None:
        self.server = server
        self.queries: list[Node] = []
        self.before: list[Answer] = []
        self.polls = [{"status": "CREATED"}, {"status": "RUNNING"}]
        self.starts: list[Node] = []
        self.lines = {
            f"gid://shopify/Order/{number}": [
                {"id": f"gid://shopify/LineItem/{number}{place}", "quantity": 1} for place in range(lines)
            ]
            for number in range(1, orders + 1)
        }
        self.refunded = {"gid://shopify/Order/2", "gid://shopify/Order/5"}
        self.refund_lines = [{"id": f"gid://shopify/RefundLineItem/{place}", "quantity": 1} for place in range(4)]
        server.route("/graphql.json", self.answer)
        server.route("/bulk.jsonl", lambda _: Answer(body=self.file(), headers={"Content-Type": "text/plain"}))

    def order(self, identifier: str) -> Node:
        refunds = [{"id": f"gid://shopify/Refund/{identifier[-1]}"}] if identifier in self.refunded else []
        return {"id": identifier, "updatedAt": "2026-03-02T10:00:00Z", "refunds": refunds}

    def file(self) -> bytes:
        rows: list[Node] = []
        for identifier, lines in self.lines.items():
            rows.append(self.order(identifier))
            rows += [{**line, "__parentId": identifier} for line in lines]
            rows.append({"id": "gid://shopify/ShippingLine/1", "__parentId": identifier})
        return "".join(json.dumps(row) + "\n" for row in rows).encode()

    def answer(self, asked: Asked) -> Answer:
        if self.before:
            return self.before.pop(0)
        assert asked.headers["x-shopify-access-token"] == "shpat_secret"
        question = asked.json
        self.queries.append(question)
        name = re.match(r"(?:query|mutation) (\w+)", question["query"])
        assert name, question
        return Answer(json={"data": getattr(self, f"_{name[1].lower()}")(question)})

    def _changed(self, question: Node) -> Node:
        variables = question["variables"]
        nested = int(re.findall(r"lineItems\(first: (\d+)\)", question["query"])[0])
        nodes = [
            {**self.order(identifier), "lineItems": _page(lines, {}, nested), "shippingLines": _page([], {}, nested)}
            for identifier, lines in self.lines.items()
        ]
        return {"orders": _page(nodes, variables, variables["first"])}

    def _more(self, question: Node) -> Node:
        variables = question["variables"]
        if "refundLineItems" in question["query"]:
            return {"node": {"refundLineItems": _page(self.refund_lines, variables, 50)}}
        return {"node": {"lineItems": _page(self.lines[variables["id"]], variables, 50)}}

    def _refunds(self, question: Node) -> Node:
        nested = int(re.findall(r"refundLineItems\(first: (\d+)\)", question["query"])[0])
        return {
            "nodes": [
                {
                    "id": identifier,
                    "refunds": [
                        {
                            **self.order(identifier)["refunds"][0],
                            "refundLineItems": _page(self.refund_lines, {}, nested),
                            "orderAdjustments": _page([], {}, nested),
                        }
                    ],
                }
                for identifier in question["variables"]["ids"]
            ]
        }

    def _start(self, _: Node) -> Node:
        made = self.starts.pop(0) if self.starts else {"bulkOperation": {"id": "gid://shopify/BulkOperation/1"}}
        return {"bulkOperationRunQuery": {"bulkOperation": None, "userErrors": []} | made}

    def _poll(self, _: Node) -> Node:
        found = self.polls.pop(0) if self.polls else {"status": "COMPLETED", "url": f"{self.server.url}/bulk.jsonl"}
        return {"node": found}


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    monkeypatch.setattr(shopify_graphql, "_POLL_SECONDS", (0.01, 0.02))
    with RestServer() as server:
        yield Shop(server)


def settings(shop: Shop, **more: Any) -> ShopifyApi:
    given = {"shop": "bakehouse", "access_token": "shpat_secret", "base_url": shop.server.url, "max_attempts": 3}
    return ShopifyApi(**given | {"page_size": 3, "nested_page_size": 2} | more)


def fetched(shop: Shop, since: datetime | None, name: str = "orders_graphql", **more: Any) -> list[list[Node]]:
    api = settings(shop, **more)
    pages = VENDOR.object_named(name).pages
    assert pages is not None
    client = api.client()
    try:
        return [list(page) for page in pages(client, api, since)]  # type: ignore[misc]
    finally:
        client.close()


def test_pages_bring_every_order_with_all_its_lines(shop: Shop) -> None:
    pages = fetched(shop, SINCE)

    assert [len(page) for page in pages] == [3, 3, 1]
    orders = [order for page in pages for order in page]
    assert [order["id"] for order in orders] == list(shop.lines)
    assert all(order["lineItems"]["nodes"] == shop.lines[order["id"]] for order in orders)
    assert shop.queries[0]["variables"]["query"] == "updated_at:>='2026-03-01T00:00:00Z'"
    assert "sortKey: UPDATED_AT" in shop.queries[0]["query"]


def test_refunds_are_asked_for_where_there_are_some_and_come_whole(shop: Shop) -> None:
    orders = [order for page in fetched(shop, SINCE) for order in page]

    by_id = {order["id"]: order["refunds"] for order in orders if order["refunds"]}
    assert set(by_id) == shop.refunded
    assert all(refund["refundLineItems"]["nodes"] == shop.refund_lines for (refund,) in by_id.values())
    asked = [one["variables"]["ids"] for one in shop.queries if one["query"].startswith("query Refunds")]
    assert sorted(asked) == [["gid://shopify/Order/2"], ["gid://shopify/Order/5"]]


def test_the_first_load_is_one_bulk_operation_in_the_shape_of_pages(shop: Shop) -> None:
    (orders,) = fetched(shop, None, start=date(2024, 1, 1))

    names = [re.match(r"\w+ (\w+)", one["query"])[1] for one in shop.queries]  # type: ignore[index]
    assert names[:4] == ["Start", "Poll", "Poll", "Poll"]
    assert "Changed" not in names
    started = shop.queries[0]
    assert "groupObjects: true" in started["query"]
    assert "orders(query: \"updated_at:>='2024-01-01T00:00:00Z'\")" in started["variables"]["query"]
    assert [order["lineItems"]["nodes"] for order in orders] == list(shop.lines.values())
    assert all(len(order["shippingLines"]["nodes"]) == 1 for order in orders)
    assert {order["id"] for order in orders if "refundLineItems" in str(order["refunds"])} == shop.refunded


def test_a_list_inside_a_bulk_query_holds_no_connection(shop: Shop) -> None:
    """Shopify refuses a bulk query with a connection below a list, which is why refunds are asked for apart."""
    fetched(shop, None)

    query = shop.queries[0]["variables"]["query"]
    assert "refundLineItems" not in query
    assert query.count("edges { node {") == 3
    assert query.count("{") == query.count("}")


def test_without_bulk_the_first_load_takes_pages(shop: Shop) -> None:
    assert [len(page) for page in fetched(shop, None, bulk=False)] == [3, 3, 1]
    assert shop.queries[0]["variables"]["query"] is None


def test_another_bulk_operation_is_waited_for(shop: Shop) -> None:
    shop.starts = [{"userErrors": [{"code": "OPERATION_IN_PROGRESS", "message": "one is running"}]}]

    assert len(fetched(shop, None)[0]) == 7


def test_a_bulk_operation_that_finds_nothing_brings_nothing(shop: Shop) -> None:
    shop.polls = [{"status": "COMPLETED", "url": None}]

    assert fetched(shop, None) == []


def test_a_bulk_operation_that_fails_says_so(shop: Shop) -> None:
    shop.polls = [{"status": "RUNNING"}, {"status": "FAILED", "errorCode": "TIMEOUT"}]

    with pytest.raises(RestError, match=r"ended as FAILED \(TIMEOUT\)"):
        fetched(shop, None)


def test_a_bulk_file_out_of_order_is_refused(shop: Shop) -> None:
    body = b'{"id":"gid://shopify/LineItem/1","__parentId":"gid://shopify/Order/9"}\n'
    shop.server.route("/bulk.jsonl", lambda _: Answer(body=body))

    with pytest.raises(RestError, match="does not stand below its parent"):
        fetched(shop, None)


THROTTLED = {
    "errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}],
    "extensions": {
        "cost": {
            "requestedQueryCost": 300,
            "throttleStatus": {"maximumAvailable": 2000.0, "currentlyAvailable": 100, "restoreRate": 50.0},
        }
    },
}


def test_an_answer_that_only_says_throttled_is_waited_out(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    assert busy_seconds(THROTTLED) == 4
    assert busy_seconds({"data": {}}) is None
    assert busy_seconds([1]) is None
    shop.before = [Answer(json=THROTTLED | {"extensions": {}})]

    assert sum(len(page) for page in fetched(shop, SINCE)) == 7


@pytest.mark.parametrize(
    ("code", "message", "fix"),
    [
        (
            "ACCESS_DENIED",
            "Access denied for orders field. Required access: `read_orders` access scope.",
            "access scope",
        ),
        ("MAX_COST_EXCEEDED", "Query cost is 2000, which exceeds the single query max cost 1000", "page_size"),
        ("undefinedField", "Field 'colour' doesn't exist on type 'Order'", "version"),
    ],
)
def test_errors_in_an_answer_with_status_200_are_told(shop: Shop, code: str, message: str, fix: str) -> None:
    shop.before = [Answer(json={"errors": [{"message": message, "extensions": {"code": code}}]})]

    with pytest.raises(RestError) as caught:
        fetched(shop, SINCE)

    assert message[:30] in str(caught.value)
    assert fix in caught.value.fix


def test_a_wrong_token_is_told_at_once_and_not_shown(shop: Shop) -> None:
    shop.before = [Answer(401, json={"errors": "[API] Invalid API key or access token shpat_secret"})]

    with pytest.raises(RestError) as caught:
        fetched(shop, SINCE)

    assert "shpat_secret" not in str(caught.value)
    assert len(shop.server.asked) == 1


def test_a_page_that_leads_back_to_itself_ends_the_load(shop: Shop) -> None:
    again = {"nodes": [], "pageInfo": {"hasNextPage": True, "endCursor": "x"}}
    shop.before = [Answer(json={"data": {"orders": again}})] * 2

    with pytest.raises(RestError, match="leads back to itself"):
        fetched(shop, SINCE)


def test_the_shop_is_named_with_or_without_its_domain() -> None:
    for name in ("bakehouse", "bakehouse.myshopify.com", "https://bakehouse.myshopify.com/"):
        api = ShopifyApi(shop=name, access_token="t")
        assert api.client().base_url == f"https://bakehouse.myshopify.com/admin/api/{api.version}"


def _records(value: Any, wrappings: tuple[str, ...]) -> Iterator[Node]:
    """The records of a file of examples, wrapped or not."""
    if isinstance(value, list):
        for one in value:
            yield from _records(one, wrappings)
    else:
        inside = [value[name] for name in wrappings if name in value]
        yield from _records(inside[0], wrappings) if inside else [value]


@pytest.mark.parametrize("name", ["orders", "refunds", "customers", "products", "inventory_items"])
def test_official_examples_bring_no_field_that_is_not_declared(shared_data: Path, name: str) -> None:
    one = VENDOR.object_named(name)
    files = [
        file for wrapping in one.records for file in (shared_data / "shop" / "shopify_rest").glob(f"{wrapping}.json")
    ]
    found = [record for file in files for record in _records(json.loads(file.read_text(encoding="utf-8")), one.records)]
    assert found
    assert {field for record in found for field in record} - set(one.fields) == set()


def test_the_token_is_not_in_a_repr() -> None:
    client = ShopifyApi(shop="bakehouse", access_token="shpat_secret").client()
    assert "shpat_secret" not in repr(client)
    assert ShopifyApi.secrets == ("access_token",)
