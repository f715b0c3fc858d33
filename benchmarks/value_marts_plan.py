"""Which tables `benchmarks.value_marts` draws, takes over and measures, from dbt's manifest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

# What is measured, and the part it is told under: models of these folders, and single ones of others.
FOLDERS = {
    "intermediate/costs": "value",
    "intermediate/forecasts": "value",
    "marts/value": "value",
    "intermediate/campaigns": "campaigns",
    "marts/campaigns": "campaigns",
    "intermediate/journeys": "journeys",
    "marts/journeys": "journeys",
    "intermediate/portfolio": "portfolio",
    "marts/portfolio": "portfolio",
    "intermediate/churn": "churn",
    "intermediate/segments": "segments",
    "segments": "segments",
    "marts/segments": "segments",
    "intermediate/products": "offers",
    "marts/offers": "offers",
    "intermediate/satisfaction": "satisfaction",
    "marts/satisfaction": "satisfaction",
}
ALSO = {
    "int_customer_days": "value",
    "int_customer_order_days": "value",
    "int_customer_orders": "value",
    "int_lifetime_value__input": "value",
    "int_lifetime_value__past": "value",
    "int_lifetime_value__rhythms": "value",
    "int_subscriptions__input": "value",
    "int_service_contacts": "satisfaction",
    "int_key_customers": "segments",
    "int_regular_months": "segments",
    "customer_segments": "segments",
    "customer_segment_history": "segments",
    "segment_transitions": "segments",
    "segment_counts": "segments",
    "segment_movements": "segments",
    "tactical_uplift": "segments",
    "dim_customers": "segments",
}
# These are drawn; what else the models read is taken over from the warehouse, or made from these.
DRAWN = frozenset(
    {
        "customer_consents",
        "customer_groups",
        "dim_products",
        "fct_calls",
        "fct_email_events",
        "fct_order_lines",
        "fct_orders",
        "fct_subscriptions",
        "fct_surveys",
        "fct_tickets",
        "fct_web_sessions",
        "int_consent_statements",
        "int_customer_golden",
        "int_email_deliveries",
        "int_used__campaigns",
        "churn",
        "expected_orders",
        "lifetime_value",
        "subscriptions",
    }
)


def planned(manifest: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """What to draw, to take over, and to build: measured, or (part is None) without a clock; in the order of building.

    Args:
        manifest: dbt's, with compiled models.

    Returns:
        Lists of nodes with name, schema, part, sql, is_view.
    """
    nodes = {**manifest["nodes"], **manifest["sources"]}
    plan: dict[str, list[dict[str, Any]]] = {"draw": [], "take": [], "build": []}
    seen: set[str] = set()

    def visit(key: str) -> None:
        if key in seen:
            return
        seen.add(key)
        node = nodes[key]
        part = _part_of(node)
        kind = _kind_of(node, part)
        if kind == "build":
            for parent in node["depends_on"]["nodes"]:
                visit(parent)
        found = {"name": node["name"], "schema": node["schema"], "part": part, "sql": node.get("compiled_code")}
        plan[kind].append({**found, "is_view": node["config"].get("materialized") == "view"})

    for key, node in manifest["nodes"].items():
        if node["resource_type"] == "model" and _part_of(node):
            visit(key)
    return plan


def _part_of(node: dict[str, Any]) -> str | None:
    if node["name"] in ALSO:
        return ALSO[node["name"]]
    return FOLDERS.get(str(Path(node["path"]).parent)) if node["resource_type"] == "model" else None


def _kind_of(node: dict[str, Any], part: str | None) -> str:
    if node["name"] in DRAWN:
        return "draw"
    is_given = node["resource_type"] in ("seed", "source") or node["path"].startswith("intermediate/context")
    return "take" if is_given and not part else "build"
