"""The reporting contract as dbt states it, and whether the warehouse keeps it.

A contract table is a dbt model with an enforced contract and public access in the schema `marts`. dbt checks a table
when it builds it; here all of them are checked together, at the moment they become visible to readers.

Of a model with several versions all are published: the latest under the plain name, every one as `<name>_v<version>`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

CONTRACT_SCHEMA = "marts"
# One row in the published copy beside the contract tables: run_id, published_at, as_of, version.
PUBLICATION_TABLE = "publication"
# And one row for each contract table, which says how long it is served: see `version_rows`.
VERSIONS_TABLE = "contract_versions"
# Its columns and their types.
VERSIONS_COLUMNS = {
    "table_name": "VARCHAR",
    "model": "VARCHAR",
    "version": "VARCHAR",
    "latest_version": "VARCHAR",
    "status": "VARCHAR",
    "ends_on": "DATE",
}
# What a model has before anybody thought of a second version.
_FIRST_VERSION = "1"


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
    """A table readers may rely on.

    Attributes:
        name: What readers call it.
        columns: What it has, in their order.
        description: What it holds.
        version: Its version in dbt, None where it has none.
        unique_id: dbt's name for it.
        model: The name that all versions share.
        latest_version: Which version has the plain name.
        ends_on: The last day on which this version is served; None where none is set.
        grain: The columns that tell two rows apart; None where no test states them.
        relation: The table in the warehouse, where it is called otherwise.
        same_as: The table that this is another name of, if it is.
    """

    name: str
    columns: tuple[ContractColumn, ...]
    description: str = ""
    version: str | None = None
    unique_id: str = ""
    model: str = ""
    latest_version: str | None = None
    ends_on: date | None = None
    grain: tuple[str, ...] | None = None
    relation: str = ""
    same_as: str | None = None

    @property
    def warehouse_name(self) -> str:
        """The table in the warehouse."""
        return self.relation or self.name

    @property
    def is_latest(self) -> bool:
        """Whether this is the version that the plain name stands for."""
        return self.version == self.latest_version

    def status(self, day: date) -> str:
        """How this version stands on a day: current, preview (younger), superseded (older), ending or ended.

        A version with a last day is `ending` until then and `ended` afterwards, whatever else it is.
        """
        if self.ends_on is not None:
            return "ending" if day <= self.ends_on else "ended"
        if self.is_latest:
            return "current"
        return "preview" if version_key(self.version) > version_key(self.latest_version) else "superseded"


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
    """The contract tables of dbt's manifest, by the name under which readers find them.

    Of a model with several versions the latest one (dbt's `latest_version`) has the plain name, and every one is there
    as `<name>_v<version>`, so that readers can move before the plain name does, and do not have to move back. A model
    that is past its first version keeps the name with the version, too.
    """
    grains = _grains(manifest)
    versions: dict[str, list[ContractTable]] = {}
    for unique_id, node in manifest.get("nodes", {}).items():
        if _is_public_contract(node):
            table = _table(unique_id, node, grains.get(unique_id))
            versions.setdefault(table.model, []).append(table)
    tables = [table for group in versions.values() for table in _named(group)]
    return {table.name: table for table in sorted(tables, key=lambda table: table.name)}


def _is_public_contract(node: Mapping[str, Any]) -> bool:
    config = node.get("config", {})
    enforced = (config.get("contract") or node.get("contract") or {}).get("enforced")
    access = config.get("access") or node.get("access")
    if node.get("resource_type") != "model" or not enforced or access != "public":
        return False
    return node.get("schema") == CONTRACT_SCHEMA and config.get("enabled") is not False


def _table(unique_id: str, node: Mapping[str, Any], grain: tuple[str, ...] | None) -> ContractTable:
    relation = node.get("alias") or node["name"]
    version, latest = node.get("version"), node.get("latest_version")
    ends = node.get("deprecation_date")
    return ContractTable(
        name=relation,
        columns=tuple(
            ContractColumn(column["name"], column.get("data_type") or "", column.get("description") or "")
            for column in node.get("columns", {}).values()
        ),
        description=node.get("description") or "",
        version=None if version is None else str(version),
        unique_id=unique_id,
        model=node["name"],
        latest_version=str(latest) if latest is not None else None if version is None else str(version),
        # dbt keeps a moment; a version is served for the whole of its last day.
        ends_on=None if not ends else date.fromisoformat(str(ends)[:10]),
        grain=grain,
        relation=relation,
    )


def _named(group: Sequence[ContractTable]) -> list[ContractTable]:
    """The versions of one model under the names that readers see."""
    latest = next((table for table in group if table.is_latest), None)
    plain = group[0].model
    if latest is not None and latest.relation != f"{latest.model}_v{latest.version}":
        plain = latest.relation
    named = [replace(table, name=plain if table is latest else f"{plain}_v{table.version}") for table in group]
    if latest is not None and latest.version is not None and (len(group) > 1 or latest.version != _FIRST_VERSION):
        named.append(replace(latest, name=f"{plain}_v{latest.version}", same_as=plain))
    return [_with_notice(table, plain) for table in named]


def _with_notice(table: ContractTable, plain: str) -> ContractTable:
    """A version that ends says so where BI tools show what a table is."""
    if table.ends_on is None:
        return table
    instead = "" if table.is_latest else f" Use {plain}_v{table.latest_version} instead."
    notice = f"Version {table.version}, served until {table.ends_on.isoformat()}.{instead}"
    return replace(table, description=f"{notice} {table.description}".strip())


def _grains(manifest: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """The columns that tell rows apart, by model, as the tests of the grain state them."""
    found: dict[str, tuple[str, ...]] = {}
    for node in manifest.get("nodes", {}).values():
        given = node.get("test_metadata") or {}
        about = node.get("attached_node")
        if about is None or (node.get("config") or {}).get("where"):
            continue
        arguments = given.get("kwargs", {})
        columns: Sequence[str] = ()
        if given.get("name") in ("is_key", "unique"):
            columns = [node.get("column_name") or arguments.get("column_name")]
        elif given.get("name") == "unique_combination":
            columns = arguments["columns"]
        elif given.get("name") == "no_overlapping_spans":
            columns = [*arguments["keys"], arguments["begins"]]
        # The narrowest that is stated holds; of equals, the first by name, whatever order dbt writes them in.
        if columns and (about not in found or (len(columns), *columns) < (len(found[about]), *found[about])):
            found[about] = tuple(columns)
    return found


def version_key(version: str | None) -> tuple[int, int, str]:
    """What versions are sorted by: 2 comes before 10, and both before texts."""
    said = version or "0"
    return (0, int(said), "") if said.isdigit() else (1, 0, said)


def version_rows(names: Iterable[str], contract: Mapping[str, ContractTable], day: date) -> list[tuple[object, ...]]:
    """The rows of marts.contract_versions, in the order of VERSIONS_COLUMNS: one for each published table.

    Args:
        names: The tables that are published.
        contract: What they are.
        day: The day of the publication.
    """
    return [
        (name, table.model or name, table.version, table.latest_version, table.status(day), table.ends_on)
        for name in sorted(names)
        for table in (contract[name],)
    ]


def find_violations(
    names: Sequence[str],
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
        elif contract[name].same_as in names:
            continue  # another name of a table that is checked under its own
        elif contract[name].warehouse_name not in there:
            violations.append(
                f"{CONTRACT_SCHEMA}.{contract[name].warehouse_name}: the table is missing from the warehouse"
            )
        else:
            violations += _column_violations(contract[name], there[contract[name].warehouse_name], engine_type)
    return violations


def _column_violations(
    table: ContractTable, there: Mapping[str, str], engine_type: Callable[[str], str | None]
) -> list[str]:
    where = f"{CONTRACT_SCHEMA}.{table.warehouse_name}"
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
