"""Hand-made staging tables, and the columns that staging has."""

import ast
import re
from pathlib import Path

import duckdb
import pytest

ROOT = Path(__file__).resolve().parents[3]

# Types of dbt_project/macros/entities.sql as DuckDB knows them.
_TYPES = {
    "text": "VARCHAR",
    "timestamp": "TIMESTAMP",
    "date": "DATE",
    "decimal": "DECIMAL(18, 4)",
    "rate": "DECIMAL(18, 8)",
    "integer": "BIGINT",
    "boolean": "BOOLEAN",
    "email": "VARCHAR",
    "phone": "VARCHAR",
    "country": "VARCHAR",
    "postcode": "VARCHAR",
    "name": "VARCHAR",
}
# What staging says of judged values besides their text (dbt_project/macros/judged.sql).
_FLAGS = {
    "email": ("is_valid", "is_disposable"),
    "phone": ("is_valid",),
    "country": ("is_valid",),
    "postcode": ("is_valid",),
    "name": ("is_valid", "is_doubtful"),
}


@pytest.fixture(scope="session")
def staging_columns() -> dict[str, dict[str, str]]:
    """Per entity the columns that a rule may use, with their types, as the SQL side defines them."""
    macro = (ROOT / "dbt_project" / "macros" / "entities.sql").read_text(encoding="utf-8")
    literal = re.search(r"set entities = (\{.*?\n    \}) -%\}", macro, re.DOTALL)
    assert literal, "the definition of the entities has moved"
    definitions = ast.literal_eval(re.sub(r"\b(true|false|none)\b", lambda word: word[0].title(), literal[1]))
    columns: dict[str, dict[str, str]] = {}
    for entity, definition in definitions.items():
        types = {"reject_reason": "VARCHAR", "loaded_at": "TIMESTAMP"}
        for column, kind in definition["columns"].items():
            types[column] = _TYPES[kind]
            if kind != "text":
                types[f"{column}_text"] = "VARCHAR"
            types |= {f"{column}_{flag}": "BOOLEAN" for flag in _FLAGS.get(kind, ())}
        types |= dict.fromkeys(definition.get("looks_up", {}), "BOOLEAN")
        columns[entity] = types
    return columns


@pytest.fixture
def con():
    connection = duckdb.connect(":memory:")
    connection.execute("SET TimeZone = 'UTC'")
    yield connection
    connection.close()
