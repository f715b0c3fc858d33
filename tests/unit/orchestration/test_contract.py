"""The contract as dbt's manifest states it, and what the warehouse must be like to keep it."""

from __future__ import annotations

import json

import duckdb
import pytest

from orchestration.contract import ContractError, contract_tables, read_manifest
from orchestration.engines.duckdb_publication import DuckDBWriter


def node(name: str, columns: dict[str, str], **changes):
    """A model as dbt 1.11 writes it into manifest.json."""
    base = {
        "resource_type": "model",
        "name": name,
        "alias": name,
        "schema": "marts",
        "access": "public",
        "version": 1,
        "description": f"All of {name}",
        "config": {"contract": {"enforced": True}, "access": "public", "enabled": True},
        "columns": {column: {"name": column, "data_type": kind, "description": ""} for column, kind in columns.items()},
    }
    return {**base, **changes}


MANIFEST = {
    "nodes": {
        "model.regulars.dim_customers.v1": node("dim_customers", {"customer_id": "text", "seen_at": "timestamp"}),
        "model.regulars.secret": node(
            "secret", {"a": "int"}, access="protected", config={"contract": {"enforced": True}}
        ),
        "model.regulars.loose": node(
            "loose", {"a": "int"}, config={"contract": {"enforced": False}, "access": "public"}
        ),
        "model.regulars.elsewhere": node("elsewhere", {"a": "int"}, schema="staging"),
        "test.regulars.unique": {"resource_type": "test", "name": "unique", "config": {}},
    }
}


def test_only_public_contracts_in_marts_are_published():
    tables = contract_tables(MANIFEST)
    assert list(tables) == ["dim_customers"]
    table = tables["dim_customers"]
    assert [(column.name, column.type) for column in table.columns] == [
        ("customer_id", "text"),
        ("seen_at", "timestamp"),
    ]
    assert (table.version, table.description) == ("1", "All of dim_customers")


def test_the_table_has_the_name_of_its_relation():
    renamed = {"nodes": {"model.regulars.x": node("dim_people", {"a": "int"}, alias="people")}}
    assert list(contract_tables(renamed)) == ["people"]


def test_a_manifest_that_is_not_there(tmp_path):
    with pytest.raises(ContractError, match="cannot be read"):
        read_manifest(tmp_path / "manifest.json")
    (tmp_path / "manifest.json").write_text(json.dumps(MANIFEST))
    assert list(read_manifest(tmp_path / "manifest.json")) == ["dim_customers"]


@pytest.fixture
def con():
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA marts")
        yield connection


def _violations(con, columns: str, promised: dict[str, str], tables=("t",)) -> list[str]:
    if columns:
        con.execute(f"CREATE TABLE marts.t ({columns})")
    contract = contract_tables({"nodes": {"model.regulars.t": node("t", promised)}})
    return DuckDBWriter(con).violations(tables, contract)


def test_types_may_be_spelt_in_any_way_duckdb_knows(con):
    promised = {
        "a": "text",
        "b": "decimal(18,4)",
        "c": "timestamp",
        "d": "bigint",
        "e": "double",
        "f": "bool",
        "g": "int8",
    }
    columns = "a VARCHAR, b NUMERIC(18, 4), c DATETIME, d INT8, e FLOAT8, f BOOLEAN, g BIGINT"
    assert _violations(con, columns, promised) == []


@pytest.mark.parametrize(
    ("columns", "promised", "says"),
    [
        ("", {"a": "int"}, "marts.t: the table is missing"),
        ("a INT", {"a": "int", "b": "int"}, "marts.t.b: the column is missing"),
        ("a INT, b INT", {"a": "int"}, "marts.t.b: the contract does not name this column"),
        ("a BIGINT", {"a": "int"}, "marts.t.a: the type is BIGINT, the contract says INTEGER"),
        ("a DECIMAL(18, 2)", {"a": "decimal(18,4)"}, "the type is DECIMAL(18,2), the contract says DECIMAL(18,4)"),
        ("a INT", {"a": "money"}, "`money` is no type of the engine"),
        ("a INT", {"a": ""}, "`` is no type of the engine"),
    ],
)
def test_each_difference_is_said(con, columns, promised, says):
    violations = _violations(con, columns, promised)
    assert len(violations) == 1
    assert says in violations[0]


def test_a_table_without_contract_is_not_published(con):
    assert "no public dbt model" in _violations(con, "a INT", {"a": "int"}, tables=("t", "u"))[0]
