"""What the semantic layer names, so that it can be held against the models: columns in expressions, tables in code."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import duckdb


def columns_in(expressions: Iterable[str]) -> set[str]:
    """The columns that SQL expressions name, as DuckDB's parser reads them."""
    found: set[str] = set()
    with duckdb.connect() as con:
        for expression in expressions:
            tree = json.loads(con.execute("SELECT json_serialize_sql(?)", [f"SELECT {expression}"]).fetchall()[0][0])
            assert not tree["error"], f"{expression}: {tree}"
            found |= set(_column_references(tree))
    return found


def _column_references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if part.get("class") == "COLUMN_REF":
            yield part["column_names"][-1]
        for inside in part.values():
            yield from _column_references(inside)
    elif isinstance(part, list):
        for inside in part:
            yield from _column_references(inside)


def words_in_code(paths: Iterable[Path]) -> set[str]:
    """The words that stand in string literals of Python files."""
    return {
        word
        for path in paths
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        for word in re.findall(r"\w+", node.value)
    }
