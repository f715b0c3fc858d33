"""Quoting for Spark: names in backticks, text with backslashes doubled."""

from __future__ import annotations


def identifier(*names: str) -> str:
    """Quote identifiers and join them with dots."""
    return ".".join("`" + name.replace("`", "``") + "`" for name in names)


def literal(value: str) -> str:
    """Return a text as a SQL literal."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def quoted_path(path: str) -> str:
    """Quote a path for the `format.path` way of reading files."""
    return identifier(path)
