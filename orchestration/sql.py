"""The one place that quotes what cannot be a bound parameter: names, and text in statements that take none."""

from __future__ import annotations


def quote(*names: str) -> str:
    """Quote identifiers and join them with dots: `quote("marts", "dim_customers")`."""
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


def text(value: str) -> str:
    """Quote text for the few statements without parameters (ATTACH, COPY, COMMENT)."""
    return "'" + value.replace("'", "''") + "'"
