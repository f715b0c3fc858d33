"""Lifetime value on Spark, for customers that do not fit one machine: the same scores as `score` gives.

The workers count the customers by the numbers that matter, the driver fits both models to the counts, and the workers
score. What has to fit the driver are the counts: distinct (frequency, recency, tenure), of which there are few, and
distinct pairs of repeat orders and average amount, at most one for each customer that bought again (32 bytes each).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from models.lifetime_value.score import (
    COUNTS_SCHEMA,
    INPUT_COLUMNS,
    SCORES_SCHEMA,
    LifetimeValueFit,
    LifetimeValueSettings,
    count_chunk,
    fit,
    score_chunk,
)
from models.spark_arrow import ddl, from_spark, to_spark

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa
    from pyspark.sql import DataFrame

# Customers that a worker holds at a time.
CHUNK = 200_000

_COUNTS = {name: {"part": "string", "customers": "bigint"}.get(name, "double") for name in COUNTS_SCHEMA}
_SCORES = {name: {"customer_id": "string", "status": "string"}.get(name, "double") for name in SCORES_SCHEMA}


def score_distributed(
    customers: DataFrame, settings: LifetimeValueSettings | None = None
) -> tuple[DataFrame, pl.DataFrame]:
    """Do what `models.lifetime_value.score` does, on Spark.

    The workers need this package, Polars and SciPy, and must run the Python of the driver (PYSPARK_PYTHON).

    Args:
        customers: as for `score`; it is read three times.
        settings: see `LifetimeValueSettings`.

    Returns:
        The scores, in no order, computed when they are read; and the fit, as from `score`.

    Raises:
        ValueError: as `score`.
    """
    from pyspark.sql import functions as fn

    missing = [column for column in INPUT_COLUMNS if column not in customers.columns]
    if missing:
        raise ValueError(f"lifetime value: the input lacks the columns {', '.join(missing)}")
    rows, named, different = customers.agg(
        fn.count("*"), fn.count("customer_id"), fn.count_distinct("customer_id")
    ).collect()[0]
    if rows > named:
        raise ValueError(f"lifetime value: {rows - named} rows have no customer_id")
    if named > different:
        raise ValueError(f"lifetime value: {named - different} rows repeat a customer_id")
    model = _fitted(customers, settings)

    def scores(chunk: pl.DataFrame) -> pl.DataFrame:
        return score_chunk(chunk, model)

    scored = customers.select(*INPUT_COLUMNS).mapInArrow(_by_chunk(scores, _SCORES), ddl(_SCORES))
    return scored, model.parameters


def _fitted(customers: DataFrame, settings: LifetimeValueSettings | None) -> LifetimeValueFit:
    from pyspark.sql import functions as fn

    keys = [name for name in _COUNTS if name != "customers"]
    counted = customers.select(*INPUT_COLUMNS).mapInArrow(_by_chunk(count_chunk, _COUNTS), ddl(_COUNTS))
    added = counted.groupBy(*keys).agg(fn.sum("customers").alias("customers"))
    return fit(from_spark(added.toArrow()), settings)


def _by_chunk(
    work: Callable[[pl.DataFrame], pl.DataFrame], types: dict[str, str]
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Work on chunks instead of Spark's batches, which are small."""

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
