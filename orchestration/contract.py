"""The reporting contract as dbt states it, and whether the warehouse keeps it.

A contract table is a dbt model with an enforced contract and public access in the schema `marts`. dbt checks a table
when it builds it; here all of them are checked together, at the moment they become visible to readers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CONTRACT_SCHEMA = "marts"
# One row in the published copy beside the contract tables: run_id, published_at, as_of, version.
PUBLICATION_TABLE = "publication"


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
    names: Iterable[str],
    contract: Mapping[str, ContractTable],
    there: Mapping[str, Mapping[str, str]],
    engine_type: Callable[[str], str | None],
) -> list[str]:
    """How the warehouse's tables differ from the contract; empty where they keep it.

    Checked for each table: that the contract names it, that it exists, and that names and types of its columns are
    those of the contract, none missing and none besides.

    Args:
        names: The tables to check.
        contract: What is promised.
        there: What the schema marts has: table, column, the engine's own spelling of its type.
        engine_type: Gives the engine's spelling of a type of the contract, None where it knows no such type.
    """
    violations: list[str] = []
    for name in names:
        if name not in contract:
            violations.append(f"{CONTRACT_SCHEMA}.{name}: no public dbt model with an enforced contract has this name")
        elif name not in there:
            violations.append(f"{CONTRACT_SCHEMA}.{name}: the table is missing from the warehouse")
        else:
            violations += _column_violations(contract[name], there[name], engine_type)
    return violations


def _column_violations(
    table: ContractTable, there: Mapping[str, str], engine_type: Callable[[str], str | None]
) -> list[str]:
    where = f"{CONTRACT_SCHEMA}.{table.name}"
    violations: list[str] = []
    promised = {column.name: column for column in table.columns}
    for name, column in promised.items():
        if name not in there:
            violations.append(f"{where}.{name}: the column is missing")
            continue
        wanted = engine_type(column.type) if column.type.strip() else None
        if wanted is None:
            violations.append(f"{where}.{name}: the contract's type `{column.type}` is no type of the engine")
        elif wanted != there[name]:
            violations.append(f"{where}.{name}: the type is {there[name]}, the contract says {wanted}")
    violations += [f"{where}.{name}: the contract does not name this column" for name in there if name not in promised]
    return violations
