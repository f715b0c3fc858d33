"""The reporting contract as dbt states it, and whether the warehouse keeps it.

A contract table is a dbt model with an enforced contract and public access in the schema `marts`. dbt checks a table
when it builds it; here all of them are checked together, at the moment they become visible to readers.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb

CONTRACT_SCHEMA = "marts"


class ContractError(RuntimeError):
    """The warehouse breaks the reporting contract; `violations` are sentences, one for each difference."""

    def __init__(self, violations: list[str]) -> None:
        self.violations = violations
        super().__init__(
            "The reporting contract is broken, so nothing was published:\n"
            + "\n".join(f"  {violation}" for violation in violations)
            + "\nBuild the marts again (regulars run --full-refresh), or change the contract with a new version."
        )


@dataclass(frozen=True)
class ContractColumn:
    """A column readers may rely on; `type` is as dbt's contract spells it."""

    name: str
    type: str
    description: str = ""


@dataclass(frozen=True)
class ContractTable:
    """A table readers may rely on. `version` is its version in dbt, None where it has none."""

    name: str
    columns: tuple[ContractColumn, ...]
    description: str = ""
    version: str | None = None
    unique_id: str = ""


def read_manifest(path: Path) -> dict[str, ContractTable]:
    """The contract tables of a manifest.json, by table name.

    Raises:
        ContractError: the manifest is missing or cannot be read.
    """
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ContractError([f"dbt's manifest {path} cannot be read ({type(error).__name__})"]) from error
    return contract_tables(manifest)


def contract_tables(manifest: Mapping[str, Any]) -> dict[str, ContractTable]:
    """The contract tables of dbt's manifest, by the name of the table in the warehouse.

    Of a model with several versions the latest one is published under the plain name; the others keep the names of
    their own relations.
    """
    tables: dict[str, ContractTable] = {}
    for unique_id, node in manifest.get("nodes", {}).items():
        config = node.get("config", {})
        enforced = (config.get("contract") or node.get("contract") or {}).get("enforced")
        access = config.get("access") or node.get("access")
        if node.get("resource_type") != "model" or not enforced or access != "public":
            continue
        if node.get("schema") != CONTRACT_SCHEMA or config.get("enabled") is False:
            continue
        name = node.get("alias") or node["name"]
        version = node.get("version")
        tables[name] = ContractTable(
            name=name,
            columns=tuple(
                ContractColumn(column["name"], column.get("data_type") or "", column.get("description") or "")
                for column in node.get("columns", {}).values()
            ),
            description=node.get("description") or "",
            version=None if version is None else str(version),
            unique_id=unique_id,
        )
    return dict(sorted(tables.items()))


def find_violations(
    con: duckdb.DuckDBPyConnection, tables: Iterable[str], contract: Mapping[str, ContractTable]
) -> list[str]:
    """How the warehouse's tables differ from the contract; empty where they keep it.

    Checked for each table: that the contract names it, that it exists, and that names and types of its columns are
    those of the contract, none missing and none besides.
    """
    there: dict[str, dict[str, str]] = {}
    for table, column, kind in con.execute(
        "SELECT table_name, column_name, data_type FROM duckdb_columns() "
        "WHERE database_name = current_database() AND schema_name = ? ORDER BY table_name, column_index",
        [CONTRACT_SCHEMA],
    ).fetchall():
        there.setdefault(table, {})[column] = kind
    violations: list[str] = []
    for name in tables:
        if name not in contract:
            violations.append(f"{CONTRACT_SCHEMA}.{name}: no public dbt model with an enforced contract has this name")
        elif name not in there:
            violations.append(f"{CONTRACT_SCHEMA}.{name}: the table is missing from the warehouse")
        else:
            violations += _column_violations(con, contract[name], there[name])
    return violations


def _column_violations(con: duckdb.DuckDBPyConnection, table: ContractTable, there: Mapping[str, str]) -> list[str]:
    where = f"{CONTRACT_SCHEMA}.{table.name}"
    violations: list[str] = []
    promised = {column.name: column for column in table.columns}
    for name, column in promised.items():
        if name not in there:
            violations.append(f"{where}.{name}: the column is missing")
            continue
        wanted = _type_in_duckdb(con, column.type)
        if wanted is None:
            violations.append(f"{where}.{name}: the contract's type `{column.type}` is no DuckDB type")
        elif wanted != there[name]:
            violations.append(f"{where}.{name}: the type is {there[name]}, the contract says {wanted}")
    violations += [f"{where}.{name}: the contract does not name this column" for name in there if name not in promised]
    return violations


def _type_in_duckdb(con: duckdb.DuckDBPyConnection, name: str) -> str | None:
    """DuckDB's own spelling of a type (`text` is VARCHAR), or None where it knows no such type."""
    import duckdb

    try:
        return str(con.sqltype(name)) if name.strip() else None
    except duckdb.Error:
        return None
