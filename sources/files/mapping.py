"""Views over raw tables: `mapped.<entity>`, one per canonical entity, `mapped.raw_json`, `received.<vendor>__<object>`.

A mapped view holds every record of every dataset that the company file maps to the entity, as text; a received view
every record of one kind from all sources of one vendor, which the vendor's dbt models map. Nothing is decided here
about right or wrong: typing, rules and duplicates belong to staging. Lines that could not be read appear in the
dataset's first entity, or in the received view, with nulls and a `_reject_reason`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from sources.entities import ENTITIES, TECHNICAL_COLUMNS, Entity
from sources.files.compile import Compiler
from sources.files.config import Dataset, EntityMap, FilesSource, format_of
from sources.files.dialect import DUCKDB, Dialect
from sources.files.errors import SourceError
from sources.files.ledger import ensure_ledger
from sources.files.tables import received_columns

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from sources.vendor import VendorSource

    Source = FilesSource | VendorSource


@dataclass(frozen=True)
class CompanyDefaults:
    """What holds for sources that do not say otherwise; None gives null in the views."""

    time_zone: str | None = None
    currency: str | None = None
    country: str | None = None


@dataclass(frozen=True)
class RawTable:
    """A dataset whose raw table exists."""

    source_name: str
    source: Source
    name: str
    dataset: Dataset
    columns: tuple[str, ...]

    @property
    def lenient(self) -> bool:
        """Whether a mapped column may be absent: JSON leaves out what is missing."""
        known: set[str | None]
        known = {self.dataset.format} if self.dataset.format else {format_of(path) for path in self.dataset.path}
        return "jsonl" in known

    def compiler(self, dialect: Dialect) -> Compiler:
        """Return a compiler for this table, whose alias is r."""
        there = {name.lower(): name for name in self.columns}

        def resolve(name: str) -> str:
            found = there.get(name.lower())
            if found is not None:
                return f"r.{dialect.ident(found)}"
            if self.lenient:
                return dialect.null()
            raise SourceError(
                self.source_name,
                self.name,
                f"column '{name}'",
                f"is mapped, but no file brought it; columns there: {', '.join(self.columns)}",
                "Correct the mapping in the company file",
            )

        return Compiler(dialect, resolve, self.columns)


def refresh_views(
    con: DuckDBPyConnection,
    sources: Mapping[str, Source],
    *,
    defaults: CompanyDefaults | None = None,
    dialect: Dialect = DUCKDB,
) -> None:
    """Create or replace all `mapped` views in one transaction.

    Args:
        con: warehouse, writable, without an open transaction.
        sources: by name; an entity without source becomes an empty view.
        defaults: time zone, currency and country of the company.
        dialect: the engine's spelling.

    Raises:
        SourceError: a mapped column was never received, or the engine cannot do what an expression asks.
    """
    ensure_ledger(con)
    views = view_queries(con, sources, defaults, dialect)
    con.begin()
    try:
        con.execute("CREATE SCHEMA IF NOT EXISTS mapped")
        for name, query in views.items():
            con.execute(f"CREATE OR REPLACE VIEW mapped.{dialect.ident(name)} AS\n{query}")
        con.commit()
    except BaseException:
        con.rollback()
        raise


def view_queries(
    con: DuckDBPyConnection,
    sources: Mapping[str, Source],
    defaults: CompanyDefaults | None = None,
    dialect: Dialect = DUCKDB,
) -> dict[str, str]:
    """Return the SELECT of every `mapped` view by the view's name: the entities in order, then `raw_json`.

    Each entity has its columns as text and then `TECHNICAL_COLUMNS`; grain: one record as received. A filter on
    `_load_id` or `_batch_id` reaches the raw tables. `raw_json` has source, dataset, batch_id, row_number and raw (the
    record as JSON text); grain: one raw record; join it on all four.

    Args:
        con: holds the raw tables, of which only the columns are read.
        sources: by name; an entity without source gets a query without rows.
        defaults: time zone, currency and country of the company.
        dialect: the spelling of the engine that will run the queries.

    Raises:
        SourceError: a mapped column was never received, or the engine cannot do what an expression asks.
    """
    defaults = defaults or CompanyDefaults()
    raw = raw_tables(con, sources)
    selects: dict[str, list[str]] = {name: [] for name in ENTITIES}
    for table in raw:
        if not table.dataset.entities:
            continue  # a vendor's: its dbt models map it
        first = table.dataset.entities[0].entity
        selects[first].append(_unreadable(table, ENTITIES[first], defaults, dialect))
        for mapped in table.dataset.entities:
            selects[mapped.entity].append(select_entity(table, mapped, defaults, dialect))
    views = {name: _union(parts) or _empty(ENTITIES[name], dialect) for name, parts in selects.items()}
    return views | {"raw_json": _raw_json(raw, dialect)}


def mapping_problems(sources: Mapping[str, Source], dialect: Dialect) -> list[SourceError]:
    """Return what the mapping asks that the engine cannot do, before any file is read; one error per column or rule."""
    found = []
    for source_name, source in sources.items():
        for name, dataset in source.datasets.items():
            columns = tuple(sorted({column for one in dataset.entities for column in one.columns_used()}))
            table = RawTable(source_name, source, name, dataset, columns or ("_",))
            for mapped in dataset.entities:
                found += _problems(table, mapped, dialect)
    return found


def _union(parts: list[str]) -> str:
    return "\nUNION ALL\n".join(parts)


def raw_tables(con: DuckDBPyConnection, sources: Mapping[str, Source]) -> list[RawTable]:
    """Return the datasets of which something was received, in the order of the company file."""
    found = []
    for source_name, source in sources.items():
        for name, dataset in source.datasets.items():
            columns = received_columns(con, source_name, name)
            if columns is not None:
                found.append(RawTable(source_name, source, name, dataset, columns))
    return found


def _empty(entity: Entity, dialect: Dialect) -> str:
    columns = dict.fromkeys(entity.columns, "VARCHAR") | dict(TECHNICAL_COLUMNS)
    shown = ", ".join(f"{dialect.null(kind)} AS {dialect.ident(name)}" for name, kind in columns.items())
    return f"SELECT {shown} WHERE FALSE"


def technical_columns(table: RawTable, reason: str, defaults: CompanyDefaults, dialect: Dialect) -> str:
    """Return the part of a select list that makes `TECHNICAL_COLUMNS`; `reason` is SQL for why a row is refused."""
    source, text = table.source, dialect.text

    def constant(value: str | None) -> str:
        return dialect.null() if value is None else text(value)

    values = {
        "_source": text(table.source_name),
        "_channel": text(source.channel),
        "_dataset": text(table.name),
        "_batch_id": "r._batch_id",
        "_load_id": "r._load_id",
        "_row": "r._row",
        "_loaded_at": "b.loaded_at",
        "_time_zone": constant(source.time_zone or defaults.time_zone),
        "_currency": constant(source.currency or defaults.currency),
        "_country": constant(source.country or defaults.country),
        "_accounts_of": text(source.accounts_of or table.source_name),
        "_products_of": text(source.products_of or table.source_name),
        "_reject_reason": reason,
    }
    return ",\n  ".join(f"{values[name]} AS {dialect.ident(name)}" for name in TECHNICAL_COLUMNS)


def _raw_table(table: RawTable, dialect: Dialect) -> str:
    return f"{dialect.ident('raw_' + table.source_name)}.{dialect.ident(table.name)}"


def from_raw(table: RawTable, dialect: Dialect) -> str:
    """Return FROM for the rows of a raw table that count (alias r) with their batch's ledger row (alias b)."""
    return f"FROM {_raw_table(table, dialect)} AS r\n{dialect.ledger_join}"


def _unreadable(table: RawTable, entity: Entity, defaults: CompanyDefaults, dialect: Dialect) -> str:
    shown = ",\n  ".join(f"{dialect.null()} AS {dialect.ident(name)}" for name in entity.columns)
    technical = technical_columns(table, "'unreadable line: ' || r._rejected", defaults, dialect)
    return f"SELECT\n  {shown},\n  {technical}\n{from_raw(table, dialect)}\nWHERE r._rejected IS NOT NULL"


def select_entity(table: RawTable, mapped: EntityMap, defaults: CompanyDefaults, dialect: Dialect = DUCKDB) -> str:
    """Return the SELECT that makes records of one entity from one raw table.

    Raises:
        SourceError: a mapped column was never received, or the engine cannot do what an expression asks.
    """
    problems = _problems(table, mapped, dialect)
    if problems:
        raise problems[0]
    compiler = table.compiler(dialect)
    values = {name: compiler.value(expression) for name, expression in mapped.columns.items()}
    shown = ",\n  ".join(
        f"{values.get(name, dialect.null())} AS {dialect.ident(name)}" for name in ENTITIES[mapped.entity].columns
    )
    rules = " ".join(f"WHEN {compiler.all_of(rule.when)} THEN {dialect.text(rule.reason)}" for rule in mapped.reject)
    technical = technical_columns(table, f"CASE {rules} END" if rules else dialect.null(), defaults, dialect)
    where = f"r._rejected IS NULL AND {compiler.all_of(mapped.where)}"
    select = f"SELECT\n  {shown},\n  {technical}\n{from_raw(table, dialect)}\nWHERE {where}"
    if mapped.one_per:
        keys = [compiler.column(name) for name in mapped.one_per]
        # The load is part of the partition only so that a filter on it can pass below the window.
        # Rows without any key cannot be told apart: each stays a record of its own.
        select += (
            f"\nQUALIFY row_number() OVER (PARTITION BY r._load_id, r._batch_id, {', '.join(keys)} "
            f"ORDER BY r._row{dialect.nulls_last}) = 1 OR coalesce({', '.join(keys)}) IS NULL"
        )
    return select


def _problems(table: RawTable, mapped: EntityMap, dialect: Dialect) -> list[SourceError]:
    """Return one error for each column or rule of an entity that the engine cannot do."""
    compiler = table.compiler(dialect)
    asked: list[tuple[str, Callable[[], str]]] = [
        (f"column '{name}' of {mapped.entity}", partial(compiler.value, expression))
        for name, expression in mapped.columns.items()
    ]
    asked += [(f"'where' of {mapped.entity}", partial(compiler.all_of, mapped.where))]
    asked += [(f"'reject' of {mapped.entity}", partial(compiler.all_of, rule.when)) for rule in mapped.reject]
    found = []
    for where, compiled in asked:
        try:
            compiled()
        except ValueError as error:
            fix = "Change it in the company file, or set `warehouse: {engine: duckdb}`"
            found.append(SourceError(table.source_name, table.name, where, str(error), fix))
    return found


def _raw_json(raw: list[RawTable], dialect: Dialect) -> str:
    parts = [
        f"SELECT {dialect.text(table.source_name)} AS source, {dialect.text(table.name)} AS dataset, "  # noqa: S608
        "r._batch_id AS batch_id, r._row AS row_number, "
        f"CASE WHEN r._rejected IS NULL THEN {dialect.json_object(table.columns)} "
        f"ELSE {dialect.json_object(['_raw_line'])} END AS raw "
        f"FROM {_raw_table(table, dialect)} AS r{dialect.ledger_filter}"
        for table in raw
    ]
    return _union(parts) or (
        f"SELECT {dialect.null()} AS source, {dialect.null()} AS dataset, {dialect.null()} AS batch_id, "
        f"{dialect.null('BIGINT')} AS row_number, {dialect.null()} AS raw WHERE FALSE"
    )
