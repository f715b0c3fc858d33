"""The company file of the shuffled company: five sources of files mapped one to one, and three vendors' systems."""

from __future__ import annotations

from typing import Any

import yaml

from benchmarks.shuffle_vendors import VENDOR_SOURCES
from sources.entities import ENTITIES

MAX_RECORDS_PER_VALUE = 8
"""Records that may share a value; small, so that a small company has values on either side of it."""

_SOURCES: dict[str, dict[str, Any]] = {
    "shop": {
        "channel": "shop",
        "datasets": ("customers", "products", "orders", "order_lines", "consents", "exchange_rates"),
    },
    "tills": {"channel": "shop", "datasets": ("receipts", "customers"), "products_of": "shop"},
    "newsletter": {"channel": "email", "datasets": ("customers", "campaigns", "email_events", "consents")},
    "phone": {"channel": "call_centre", "datasets": ("calls", "tickets"), "accounts_of": "shop"},
    "site": {"channel": "web", "datasets": ("web_events",), "accounts_of": "shop"},
}
_RECEIPTS = [
    {
        "entity": "order_lines",
        "columns": {
            "order_line_id": "line", "order_id": "receipt", "product_id": "article", "quantity": "quantity",
            "unit_price": "unit_price", "is_return": "is_return",
        },
    },
    {
        "entity": "orders",
        "one_per": ["receipt", "delivery"],  # else two copies in one file would count as one record
        "columns": {
            "order_id": "receipt", "loyalty_card": "card", "ordered_at": "time", "channel": {"constant": "store"},
            "store_id": "store",
        },
    },
]  # fmt: skip


def company(name: str = "shuffled") -> str:
    """Return the company file, as YAML; its data stands in `data/<source>/<dataset>/*.jsonl` beside it."""
    sources: dict[str, Any] = {}
    for source, about in _SOURCES.items():
        datasets = {}
        for dataset in about["datasets"]:
            entities = _RECEIPTS if dataset == "receipts" else [{"entity": dataset, "columns": _columns(dataset)}]
            datasets[dataset] = {"path": f"data/{source}/{dataset}/*.jsonl", "entities": entities}
        settings = {key: value for key, value in about.items() if key != "datasets"}
        sources[source] = {"type": "files", "owner": "team:data", **settings, "datasets": datasets}
    for source, about in VENDOR_SOURCES.items():
        files = {name: f"data/{source}/{name}/*.jsonl" for name in about["objects"]}
        settings = {key: value for key, value in about.items() if key != "objects"}
        sources[source] = {"owner": "team:data", **settings, "files": files}
    file = {
        "company": {"id": name, "name": "The shuffled company"},
        "time_zone": "Europe/Berlin",
        "currency": "EUR",
        "country": "DE",
        "as_of": "2026-01-01",
        "validity": {"goal": 0.5, "judge_new_loads_from_records": 100000},
        "identity": {"max_records_per_value": MAX_RECORDS_PER_VALUE},
        "sources": sources,
    }
    return yaml.safe_dump(file, sort_keys=False)


def _columns(entity: str) -> dict[str, str]:
    return {column: column for column in ENTITIES[entity].columns}
