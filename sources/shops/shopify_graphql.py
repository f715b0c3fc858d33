"""How Shopify's GraphQL Admin API is asked: one bulk operation for the history, pages for what changed since.

Queries: https://shopify.dev/docs/api/admin-graphql
Pages and rate limits: https://shopify.dev/docs/api/usage/pagination-graphql, https://shopify.dev/docs/api/usage/limits
Bulk operations: https://shopify.dev/docs/api/usage/bulk-operations/queries
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Protocol

from sources.rest.errors import RestError
from sources.rest.exact import parse

if TYPE_CHECKING:
    from datetime import date

    from sources.rest.client import RestClient

Node = dict[str, Any]

_PATH: Final = "/graphql.json"
_BULK_PAGE: Final = 250  # records of a bulk operation's file that are handed on at once
_MORE: Final = 50  # children of a record asked for at once, where its first page did not hold all
_REFUNDED_ORDERS: Final = 5  # orders whose refunds are asked for at once
_POLL_SECONDS: Final = (1.0, 30.0)
_MOST_SHOWN: Final = 300

_MONEY: Final = "{ shopMoney { amount currencyCode } }"
_ADDRESS: Final = "{ firstName lastName company address1 city zip countryCodeV2 phone }"


class Settings(Protocol):
    """What is needed of the `api` section."""

    start: date | None
    page_size: int
    nested_page_size: int
    bulk: bool


@dataclass(frozen=True)
class Question:
    """What is asked of one kind of record.

    Attributes:
        root: the connection of the shop that holds the records.
        kind: GraphQL type of a record.
        fields: what is wanted of a record, without connections.
        connections: the connections of a record: GraphQL type of a child, and what is wanted of it.
        refunds: whether a record has refunds, whose lines a bulk operation cannot give.
    """

    root: str
    kind: str
    fields: str
    connections: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    refunds: bool = False


ORDERS: Final = Question(
    root="orders",
    kind="Order",
    fields=f"""
        id name createdAt processedAt updatedAt cancelledAt test currencyCode presentmentCurrencyCode
        displayFinancialStatus displayFulfillmentStatus sourceName taxesIncluded email phone customerLocale
        discountCodes retailLocation {{ id }} billingAddress {_ADDRESS} shippingAddress {_ADDRESS}
        customer {{
            id firstName lastName defaultEmailAddress {{ emailAddress }} defaultPhoneNumber {{ phoneNumber }}
        }}
        subtotalPriceSet {_MONEY} totalPriceSet {_MONEY} totalTaxSet {_MONEY} totalDiscountsSet {_MONEY}
        totalShippingPriceSet {_MONEY} totalTipReceivedSet {_MONEY} originalTotalDutiesSet {_MONEY}
        originalTotalAdditionalFeesSet {_MONEY} currentSubtotalPriceSet {_MONEY} totalRefundedSet {_MONEY}
        refunds {{ id createdAt totalRefundedSet {_MONEY} }}
    """,
    connections={
        "lineItems": (
            "LineItem",
            f"id title variantTitle sku quantity currentQuantity isGiftCard variant {{ id }} product {{ id }} "
            f"originalUnitPriceSet {_MONEY} discountAllocations {{ allocatedAmountSet {_MONEY} }}",
        ),
        "shippingLines": ("ShippingLine", f"id title discountedPriceSet {_MONEY}"),
    },
    refunds=True,
)

CUSTOMERS: Final = Question(
    root="customers",
    kind="Customer",
    fields="""
        id firstName lastName locale state tags createdAt updatedAt
        defaultEmailAddress { emailAddress marketingState marketingOptInLevel marketingUpdatedAt }
        defaultPhoneNumber { phoneNumber marketingState marketingOptInLevel marketingUpdatedAt marketingCollectedFrom }
        defaultAddress { company address1 address2 city zip province provinceCode country countryCodeV2 phone }
    """,
)

PRODUCTS: Final = Question(
    root="products",
    kind="Product",
    fields="id title handle productType vendor status tags createdAt updatedAt category { id name fullName }",
    connections={
        "variants": (
            "ProductVariant",
            "id title displayName sku barcode price updatedAt inventoryItem { id unitCost { amount currencyCode } }",
        )
    },
)

_REFUND_LINE: Final = f"id quantity restockType subtotalSet {_MONEY} totalTaxSet {_MONEY} lineItem {{ id isGiftCard }}"
_REFUND_CONNECTIONS: Final = {
    "refundLineItems": ("RefundLineItem", _REFUND_LINE),
    "orderAdjustments": ("OrderAdjustment", f"id reason amountSet {_MONEY} taxAmountSet {_MONEY}"),
}


def pages_of(
    question: Question, client: RestClient, settings: Settings, since: datetime | None
) -> Iterator[list[Node]]:
    """Yield records, each complete with all its children, however many pages of them there are.

    Without `since` a bulk operation brings everything; its rows are put together again, so that a record has the same
    shape either way.

    Raises:
        RestError: Shopify refuses, or a bulk operation fails.
    """
    if since is None and settings.bulk:
        found = _bulk(question, client, _changed_since(settings, None))
    else:
        found = _paged(question, client, settings, _changed_since(settings, since))
    for page in found:
        if question.refunds:
            _complete_refunds(client, settings, page)
        yield page


def busy_seconds(answer: Any) -> float | None:
    """Return how long to wait after an answer that only says THROTTLED, None where it says anything else.

    A query costs points of a bucket that fills up at a steady rate; the answer says how many it has.
    """
    if not isinstance(answer, Mapping) or "THROTTLED" not in _codes(answer.get("errors")):
        return None
    cost = answer.get("extensions", {}).get("cost", {})
    bucket = cost.get("throttleStatus", {})
    lacking = float(cost.get("requestedQueryCost") or 0) - float(bucket.get("currentlyAvailable") or 0)
    return max(1.0, lacking / max(float(bucket.get("restoreRate") or 0), 1.0))


def ask(client: RestClient, query: str, variables: Mapping[str, Any]) -> Node:
    """Return the data that a query or mutation answers.

    Raises:
        RestError: the answer holds errors, which Shopify sends with status 200.
    """
    answer = client.post(_PATH, json={"query": " ".join(query.split()), "variables": dict(variables)})
    errors = answer.get("errors") if isinstance(answer, Mapping) else "no GraphQL answer"
    if errors:
        raise _refusal(errors)
    data = answer.get("data")
    if not isinstance(data, dict):
        raise _refusal("no data")
    return data


def _codes(errors: Any) -> list[str]:
    listed = errors if isinstance(errors, list) else []
    return [str(one.get("extensions", {}).get("code", "")) for one in listed if isinstance(one, Mapping)]


def _refusal(errors: Any) -> RestError:
    listed = errors if isinstance(errors, list) else [errors]
    said = "; ".join(str(one.get("message") if isinstance(one, Mapping) else one) for one in listed)
    codes = _codes(errors)
    fix = "Check `version` in the api section, and tell us if it is a current one"
    if "MAX_COST_EXCEEDED" in codes:
        fix = "Make page_size or nested_page_size in the api section smaller"
    elif "ACCESS_DENIED" in codes:
        fix = "Give the app the access scope that it names, install it again, and use its new token"
    return RestError(f"POST {_PATH}", f"Shopify refuses the query: {' '.join(said.split())[:_MOST_SHOWN]}", fix)


def _changed_since(settings: Settings, since: datetime | None) -> str | None:
    """Return the search term for what changed since a time, or since the day to start with; None for everything."""
    if since is not None:
        return f"updated_at:>='{since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}'"
    return None if settings.start is None else f"updated_at:>='{settings.start.isoformat()}T00:00:00Z'"


def _page_of(name: str, selection: str, arguments: str) -> str:
    return f"{name}({arguments}) {{ nodes {{ {selection} }} pageInfo {{ hasNextPage endCursor }} }}"


def _paged(question: Question, client: RestClient, settings: Settings, term: str | None) -> Iterator[list[Node]]:
    """Yield pages, oldest change first; a record that changes meanwhile comes again behind the others."""
    children = " ".join(
        _page_of(name, selection, f"first: {settings.nested_page_size}")
        for name, (_, selection) in question.connections.items()
    )
    records = _page_of(
        question.root,
        f"{question.fields} {children}",
        "first: $first, after: $after, query: $query, sortKey: UPDATED_AT",
    )
    query = f"query Changed($first: Int!, $after: String, $query: String) {{ {records} }}"
    after: str | None = None
    while True:
        variables = {"first": settings.page_size, "after": after, "query": term}
        page = ask(client, query, variables)[question.root]
        nodes: list[Node] = page["nodes"]
        for node in nodes:
            _complete(client, question.kind, node, question.connections)
        yield nodes
        if not page["pageInfo"]["hasNextPage"]:
            return
        after = _next(page["pageInfo"]["endCursor"], after)


def _complete(client: RestClient, kind: str, node: Node, connections: Mapping[str, tuple[str, str]]) -> None:
    """Fetch the children of a record that its first page of them did not hold."""
    for name, (_, selection) in connections.items():
        found = node.get(name)
        while isinstance(found, dict) and (found.get("pageInfo") or {}).get("hasNextPage"):
            more = _page_of(name, selection, f"first: {_MORE}, after: $after")
            query = f"query More($id: ID!, $after: String) {{ node(id: $id) {{ ... on {kind} {{ {more} }} }} }}"
            after = found["pageInfo"]["endCursor"]
            data = ask(client, query, {"id": node["id"], "after": after})
            if not data.get("node"):
                break  # deleted meanwhile
            found["nodes"] += data["node"][name]["nodes"]
            found["pageInfo"] = data["node"][name]["pageInfo"]
            if found["pageInfo"]["hasNextPage"]:
                _next(found["pageInfo"]["endCursor"], after)


def _next(cursor: str, before: str | None) -> str:
    if cursor == before:
        raise RestError(f"POST {_PATH}", "a page leads back to itself", "It is asked again by the next load")
    return cursor


def _complete_refunds(client: RestClient, settings: Settings, orders: Sequence[Node]) -> None:
    """Fetch what refunds took back, for the few orders that have some."""
    refunded = {order["id"]: order for order in orders if order.get("refunds")}
    children = " ".join(
        _page_of(name, selection, f"first: {settings.nested_page_size}")
        for name, (_, selection) in _REFUND_CONNECTIONS.items()
    )
    query = (
        "query Refunds($ids: [ID!]!) { nodes(ids: $ids) { ... on Order { id "
        f"refunds {{ id createdAt note totalRefundedSet {_MONEY} {children} }} }} }} }}"
    )
    ids = list(refunded)
    for first in range(0, len(ids), _REFUNDED_ORDERS):
        for found in ask(client, query, {"ids": ids[first : first + _REFUNDED_ORDERS]})["nodes"]:
            if not found:
                continue  # deleted meanwhile
            for refund in found["refunds"]:
                _complete(client, "Refund", refund, _REFUND_CONNECTIONS)
            refunded[found["id"]]["refunds"] = found["refunds"]


# --- bulk operations ---------------------------------------------------------------------------------------------


def _bulk(question: Question, client: RestClient, term: str | None) -> Iterator[list[Node]]:
    """Yield the records of a bulk operation, its rows (parents, each followed by its children) put together."""
    url = _finished(client, _started(client, _bulk_query(question, term)))
    if url is None:
        return
    names = {kind: name for name, (kind, _) in question.connections.items()}
    page: list[Node] = []
    for line in client.download_lines(url):
        row = parse(line)
        parent = row.pop("__parentId", None)
        if parent is None:
            if len(page) >= _BULK_PAGE:
                yield page
                page = []
            for name in names.values():
                row[name] = {"nodes": []}
            page.append(row)
            continue
        children = names.get(_kind_of(row.get("id")))
        if not page or page[-1]["id"] != parent or children is None:
            raise RestError("bulk operation", "a row of its file does not stand below its parent", "It is asked again")
        page[-1][children]["nodes"].append(row)
    if page:
        yield page


def _kind_of(identifier: Any) -> str:
    parts = str(identifier).split("/")
    return parts[3] if len(parts) > 3 else ""


def _bulk_query(question: Question, term: str | None) -> str:
    children = " ".join(
        f"{name} {{ edges {{ node {{ {selection} }} }} }}" for name, (_, selection) in question.connections.items()
    )
    filtered = f'(query: "{term}")' if term else ""
    text = f"{{ {question.root}{filtered} {{ edges {{ node {{ {question.fields} {children} }} }} }} }}"
    return " ".join(text.split())


def _started(client: RestClient, query: str) -> str:
    """Start a bulk operation and return its id; while another one goes on, wait for it."""
    mutation = (
        "mutation Start($query: String!) { bulkOperationRunQuery(query: $query, groupObjects: true) "
        "{ bulkOperation { id } userErrors { code message } } }"
    )
    seconds = _POLL_SECONDS[0]
    while True:
        made = ask(client, mutation, {"query": query})["bulkOperationRunQuery"]
        if made.get("bulkOperation"):
            return str(made["bulkOperation"]["id"])
        errors = made.get("userErrors") or [{"message": "no reason given"}]
        if not any(error.get("code") == "OPERATION_IN_PROGRESS" for error in errors):
            raise _refusal(errors)
        client.wait(seconds)
        seconds = min(seconds * 2, _POLL_SECONDS[1])


def _finished(client: RestClient, operation: str) -> str | None:
    """Wait for a bulk operation; return the address of its file, None where it found nothing."""
    query = "query Poll($id: ID!) { node(id: $id) { ... on BulkOperation { status errorCode url } } }"
    seconds = _POLL_SECONDS[0]
    while True:
        found = ask(client, query, {"id": operation})["node"] or {}
        status = found.get("status")
        if status == "COMPLETED":
            url = found.get("url")
            return None if url is None else str(url)
        if status not in ("CREATED", "RUNNING"):
            raise RestError(
                "bulk operation",
                f"it ended as {status} ({found.get('errorCode') or 'no reason given'})",
                "It is asked again by the next load; `bulk: false` in the api section does without",
            )
        client.wait(seconds)
        seconds = min(seconds * 2, _POLL_SECONDS[1])
