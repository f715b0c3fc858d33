"""Views over the raw tables of vendors: `received.<vendor>__<object>`, which the vendors' dbt models read.

A view shows one kind of record of one vendor, from all sources that a company has of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sources.entities import TECHNICAL_COLUMNS
from sources.files.dialect import DUCKDB, Dialect
from sources.files.ledger import ensure_ledger
from sources.files.mapping import CompanyDefaults, RawTable, from_raw, raw_tables, technical_columns
from sources.vendor import VendorObject, VendorSource
from sources.vendors import active_vendors

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from sources.files.config import FilesSource


def refresh_received(
    con: DuckDBPyConnection,
    sources: Mapping[str, FilesSource | VendorSource],
    *,
    defaults: CompanyDefaults | None = None,
    dialect: Dialect = DUCKDB,
) -> None:
    """Create or replace all `received` views in one transaction.

    Args:
        con: warehouse, writable, without an open transaction.
        sources: by name.
        defaults: time zone, currency and country of the company.
        dialect: the engine's spelling.
    """
    ensure_ledger(con)
    views = received_queries(con, sources, defaults, dialect)
    con.begin()
    try:
        con.execute("CREATE SCHEMA IF NOT EXISTS received")
        for name, query in views.items():
            con.execute(f"CREATE OR REPLACE VIEW received.{dialect.ident(name)} AS\n{query}")
        con.commit()
    except BaseException:
        con.rollback()
        raise


def received_queries(
    con: DuckDBPyConnection,
    sources: Mapping[str, FilesSource | VendorSource],
    defaults: CompanyDefaults | None = None,
    dialect: Dialect = DUCKDB,
) -> dict[str, str]:
    """Return the SELECT of every `received` view by the view's name, `<vendor>__<object>`.

    Each has the object's documented fields as text (null where never received), their names made safe for SQL, and then
    `TECHNICAL_COLUMNS`; grain: one record as received. A line that could not be read is a row of nulls with a
    `_reject_reason`. A filter on `_load_id` or `_batch_id` reaches the raw tables.

    Args:
        con: holds the raw tables, of which only the columns are read.
        sources: by name; every object of a vendor named there has a view, if only one without rows.
        defaults: time zone, currency and country of the company.
        dialect: the spelling of the engine that will run the queries.
    """
    defaults = defaults or CompanyDefaults()
    raw = [table for table in raw_tables(con, sources) if isinstance(table.source, VendorSource)]
    views = {}
    for vendor in active_vendors(sources):
        for one in vendor.objects:
            tables = [table for table in raw if table.source.type == vendor.name and table.name == one.name]
            parts = [_select(table, one, defaults, dialect) for table in tables]
            views[f"{vendor.name}__{one.name}"] = "\nUNION ALL\n".join(parts) or _empty(one, dialect)
    return views


def _select(table: RawTable, one: VendorObject, defaults: CompanyDefaults, dialect: Dialect) -> str:
    there = {name.lower(): name for name in table.columns}
    shown = []
    for column, field in one.columns.items():
        found = there.get(field.lower())
        value = dialect.null() if found is None else f"r.{dialect.ident(found)}"
        shown.append(f"{value} AS {dialect.ident(column)}")
    reason = f"CASE WHEN r._rejected IS NOT NULL THEN {dialect.text('unreadable line: ')} || r._rejected END"
    technical = technical_columns(table, reason, defaults, dialect)
    listed = ",\n  ".join(shown)
    return f"SELECT\n  {listed},\n  {technical}\n{from_raw(table, dialect)}"


def _empty(one: VendorObject, dialect: Dialect) -> str:
    columns = dict.fromkeys(one.columns, "VARCHAR") | dict(TECHNICAL_COLUMNS)
    shown = ", ".join(f"{dialect.null(kind)} AS {dialect.ident(name)}" for name, kind in columns.items())
    return f"SELECT {shown} WHERE FALSE"
