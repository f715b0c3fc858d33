"""A Spark session with the few methods of a DB-API connection that gate, report and publication use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from orchestration.engines.spark.sql import identifier

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

Row = tuple[Any, ...]


class SparkConnection:
    """A session behind `execute(query, parameters).fetchall()`, as DuckDB's own connections have it.

    Timestamps come back as UTC without a zone, the way they are stored, whatever the zone of this machine.

    Attributes:
        session: The Spark session, in UTC.
    """

    def __init__(self, session: SparkSession) -> None:
        self.session = session

    def execute(self, query: str, parameters: Sequence[object] | None = None) -> SparkResult:
        """Run one statement; each `?` stands for one parameter."""
        return SparkResult(self.session.sql(query, args=list(parameters)) if parameters else self.session.sql(query))

    def frame(self, query: str) -> pl.DataFrame:
        """Return the rows of a query as a Polars frame; the caller knows that they fit."""
        return polars_of(self.session.sql(query))

    def tables(self, schema: str) -> dict[str, list[str]]:
        """Return the columns of every table and view of a schema, by name; a schema that is absent has none."""
        names = sorted(table_names(self.session, schema))
        return {name: self.session.table(identifier(schema, name)).columns for name in names}


def table_names(session: SparkSession, schema: str) -> set[str]:
    """Return the names of tables and views of a schema; none where it is absent.

    Spark's own `listTables` asks the catalogue for everything about each table, one by one.
    """
    if not session.catalog.databaseExists(schema):
        return set()
    rows = session.sql(f"SHOW TABLES IN {identifier(schema)}").collect()
    return {row["tableName"] for row in rows if not row["isTemporary"]}


class SparkResult:
    """The result of one statement."""

    def __init__(self, data: DataFrame) -> None:
        self.data = data

    @property
    def description(self) -> list[tuple[str, str]]:
        """Name and type of each column."""
        return [(field.name, field.dataType.simpleString()) for field in self.data.schema.fields]

    def fetchall(self) -> list[Row]:
        """All rows."""
        table = arrow_of(self.data)
        return list(zip(*(column.to_pylist() for column in table.columns), strict=True)) if table.num_columns else []


def arrow_of(data: DataFrame) -> pa.Table:
    """Collect a frame as Arrow, timestamps as UTC without a zone."""
    import pyarrow as pa

    table = data.toArrow()
    fields = [
        pa.field(field.name, pa.timestamp("us")) if pa.types.is_timestamp(field.type) else field
        for field in table.schema
    ]
    return table.cast(pa.schema(fields))


def polars_of(data: DataFrame) -> pl.DataFrame:
    """Collect a frame as a Polars frame; the caller knows that it fits."""
    import polars as pl

    frame = pl.from_arrow(arrow_of(data))
    if not isinstance(frame, pl.DataFrame):
        raise TypeError("a query has more than one column or none")
    return frame
