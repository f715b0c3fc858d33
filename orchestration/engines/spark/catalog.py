"""What the catalogue must hold before dbt runs: our schemas, raw tables, ledger copies and mapped views."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from orchestration.engines.base import EngineError
from orchestration.engines.spark.connection import table_names
from orchestration.engines.spark.sql import identifier, literal

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

    from orchestration.engines.spark.location import Location

# Schemas that dbt fills; the others hold views and small copies.
BUILT = ("staging", "quality", "intermediate", "marts", "reference")
SCHEMAS = (*BUILT, "ledger", "meta", "mapped", "received", "identity", "scores", "anomalies")

# Every table of ours carries it, so that one that someone else wrote is never taken for ours.
OWNER_PROPERTY = "regulars.owner"
OWNED = f"TBLPROPERTIES ({literal(OWNER_PROPERTY)} = {literal('regulars')})"

# What dbt's models read of ledger and meta.
_COPIES = ("ledger.batches", "ledger.loads", "meta.run_context", "meta.gate_passes")

_TYPES = {"VARCHAR": "STRING", "TIMESTAMP": "TIMESTAMP", "BIGINT": "BIGINT", "BOOLEAN": "BOOLEAN", "DOUBLE": "DOUBLE"}


def make_schemas(session: SparkSession, location: Location, sources: Iterable[str]) -> None:
    """Make our schemas where they are missing, with their tables below the location."""
    there = {row[0] for row in session.sql("SHOW SCHEMAS").collect()}
    for schema in {*SCHEMAS, *(f"raw_{source}" for source in sources)} - there:
        folder = location.url(posixpath.join("warehouse", f"{schema}.db"))
        session.sql(f"CREATE SCHEMA IF NOT EXISTS {identifier(schema)} LOCATION {literal(folder)}")


def refuse_foreign_tables(session: SparkSession, known: set[str]) -> set[str]:
    """Make sure that every table in the schemas dbt fills is ours, and return their names.

    Args:
        session: The session.
        known: Tables that an earlier run has found to be ours; they are not asked again.

    Raises:
        EngineError: Someone else's table stands where ours would be replaced.
    """
    found: set[str] = set()
    foreign: list[str] = []
    for schema in BUILT:
        # Views are made anew from our own settings; only a table can hold what nobody could bring back.
        views = {row["viewName"] for row in session.sql(f"SHOW VIEWS IN {identifier(schema)}").collect()}
        tables = {f"{schema}.{table}": table for table in table_names(session, schema) - views}
        found |= tables.keys()
        foreign += [
            name for name, table in tables.items() if name not in known and not _is_ours(session, schema, table)
        ]
    if foreign:
        raise EngineError(
            f"{', '.join(sorted(foreign)[:5])}: the catalogue has {'a table' if len(foreign) == 1 else 'tables'} that "
            "Regulars did not write. Move it to another schema, or give this company another catalogue "
            "(warehouse.spark.catalog); nothing was changed."
        )
    return found


def refuse_lost_catalog(location: Location, known: set[str], found: set[str]) -> None:
    """Make sure that the catalogue is the one of the run before, because what it does not know is swept.

    Args:
        location: Of the company.
        known: Tables that the run before has found.
        found: Tables that the catalogue has now.

    Raises:
        EngineError: None of them is there any more, but their files are.
    """
    folders = [folder for schema in BUILT for folder in location.folders(posixpath.join("warehouse", f"{schema}.db"))]
    if known and folders and not known & found:
        raise EngineError(
            f"The catalogue knows none of the {len(known)} tables of the run before, though their files are in "
            f"{location.path('warehouse')}: it is lost, or another one. Put it back (spark/catalog in the home, where "
            "the master is local) or correct warehouse.spark.catalog. To build all tables anew, move that folder away; "
            "the kept days of kpi_daily then begin anew."
        )


def _is_ours(session: SparkSession, schema: str, name: str) -> bool:
    rows = session.sql(f"SHOW TBLPROPERTIES {identifier(schema, name)}").collect()
    return any(row[0] == OWNER_PROPERTY for row in rows)


def sweep_folders(session: SparkSession, location: Location) -> list[str]:
    """Remove what a killed build left: folders of tables that the catalogue does not know, half-written partitions.

    Spark names a table in the catalogue only when all its files are there, and then refuses a folder that is in its
    place.
    """
    swept: list[str] = []
    for schema in BUILT:
        tables = {name.lower() for name in table_names(session, schema)}
        for folder in location.folders(posixpath.join("warehouse", f"{schema}.db")):
            if posixpath.basename(folder).lower() not in tables:
                location.remove(folder)
                swept.append(folder)
                continue
            for inside in location.folders(folder):
                if posixpath.basename(inside).startswith((".spark-staging", "_temporary")):
                    location.remove(inside)
                    swept.append(inside)
    return swept


def register_raw(session: SparkSession, location: Location, table: tuple[str, str], columns: Iterable[str]) -> None:
    """Make the table of a dataset over its Parquet files, anew where its columns have changed.

    Args:
        session: The session.
        location: Of the company.
        table: Source and dataset.
        columns: The columns received so far, in their order.
    """
    source, dataset = table
    name = identifier(f"raw_{source}", dataset)
    folder = posixpath.join("raw", source, dataset)
    location.make(folder)
    wanted = [*columns, "_batch_id", "_load_id", "_row", "_rejected", "_raw_line"]
    if session.catalog.tableExists(name):
        if session.table(name).columns == wanted:
            session.sql(f"REFRESH TABLE {name}")
            return
        if not _is_ours(session, f"raw_{source}", dataset):
            raise EngineError(
                f"raw_{source}.{dataset}: the catalogue has a table that Regulars did not write. Move it away, or give "
                "this company another catalogue (warehouse.spark.catalog); nothing was changed."
            )
        session.sql(f"DROP TABLE {name}")
    spelled = ", ".join(f"{identifier(column)} {'BIGINT' if column == '_row' else 'STRING'}" for column in wanted)
    session.sql(f"CREATE TABLE {name} ({spelled}) USING parquet LOCATION {literal(location.url(folder))} {OWNED}")


def copy_control(session: SparkSession, con: duckdb.DuckDBPyConnection) -> None:
    """Write what dbt reads of ledger and meta as small tables of the catalogue."""
    for table in _COPIES:
        rows = con.sql(f"SELECT * FROM {table}")  # noqa: S608 - our own names
        types = {name: _TYPES[str(kind)] for name, kind in zip(rows.columns, rows.types, strict=True)}
        spelled = ", ".join(f"{identifier(name)} {kind}" for name, kind in types.items())
        session.sql(f"DROP TABLE IF EXISTS {table}")
        session.sql(f"CREATE TABLE {table} ({spelled}) USING parquet {OWNED}")
        data = rows.to_arrow_table()
        if data.num_rows:
            typed_frame(session, data, types).write.insertInto(table)


def typed_frame(session: SparkSession, data: pa.Table, types: Mapping[str, str]) -> DataFrame:
    """Return Arrow rows as a Spark frame of these columns and types; without rows Spark could not tell them."""
    if data.num_rows == 0:
        columns = ", ".join(f"CAST(NULL AS {kind}) AS {identifier(name)}" for name, kind in types.items())
        return session.sql(f"SELECT {columns} WHERE FALSE")
    columns_of = [f"CAST({identifier(name)} AS {kind}) AS {identifier(name)}" for name, kind in types.items()]
    return session.createDataFrame(data).selectExpr(*columns_of)


def make_views(session: SparkSession, schema: str, queries: Mapping[str, str]) -> None:
    """Create or replace the views of a schema."""
    for name, query in queries.items():
        session.sql(f"CREATE OR REPLACE VIEW {identifier(schema, name)} AS {query}")
