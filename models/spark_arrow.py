"""Between Polars and Spark: both speak Arrow, but Spark takes fewer of its types."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    import pyarrow as pa

# Rows that a worker holds at a time.
CHUNK = 200_000

_POLARS: dict[str, pl.DataType] = {
    "int": pl.Int32(),
    "bigint": pl.Int64(),
    "double": pl.Float64(),
    "boolean": pl.Boolean(),
    "string": pl.String(),
    "timestamp": pl.Datetime("us", "UTC"),
}


def ddl(types: Mapping[str, str]) -> str:
    """Return columns and their Spark types as Spark reads a schema."""
    return ", ".join(f"{name} {kind}" for name, kind in types.items())


def to_spark(frame: pl.DataFrame, types: Mapping[str, str]) -> pa.Table:
    """Return a frame as the Arrow table that a worker hands back to Spark.

    Args:
        frame: any of the columns; times without zone are UTC.
        types: the columns to return with their Spark types; those that the frame lacks are null.
    """
    import pyarrow as pa

    arrow = {
        "int": pa.int32(),
        "bigint": pa.int64(),
        "double": pa.float64(),
        "boolean": pa.bool_(),
        "string": pa.string(),
        "timestamp": pa.timestamp("us", "UTC"),
    }
    columns = [_column(frame, name, kind) for name, kind in types.items()]
    return frame.select(columns).to_arrow().cast(pa.schema([(name, arrow[kind]) for name, kind in types.items()]))


def from_spark(table: pa.Table) -> pl.DataFrame:
    """Return what Spark hands to a worker as a frame."""
    frame = pl.from_arrow(table)
    if not isinstance(frame, pl.DataFrame):
        raise TypeError("a table did not become a frame")
    return frame


def _column(frame: pl.DataFrame, name: str, kind: str) -> pl.Expr:
    if name not in frame.columns:
        return pl.lit(None, dtype=_POLARS[kind]).alias(name)
    return pl.col(name).dt.replace_time_zone("UTC") if kind == "timestamp" else pl.col(name).cast(_POLARS[kind])


def in_chunks(
    work: Callable[[pl.DataFrame], pl.DataFrame], types: Mapping[str, str]
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Return what `mapInArrow` takes to do work on chunks of rows in the place of Spark's batches, which are small.

    Args:
        work: makes rows from rows; a row's result must not depend on who else is in the chunk.
        types: the columns that it returns, with their Spark types.
    """

    def by_chunk(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        held: list[pa.RecordBatch] = []
        for batch in batches:
            held.append(batch)
            if sum(part.num_rows for part in held) >= CHUNK:
                yield from to_spark(work(from_spark(pa.Table.from_batches(held))), types).to_batches()
                held = []
        if held:
            yield from to_spark(work(from_spark(pa.Table.from_batches(held))), types).to_batches()

    return by_chunk
