"""Lifetime value on Spark, for customers that do not fit one machine: the same fit as `fit` gives.

The workers count the customers by the numbers that matter, and the driver fits the models to the counts; scoring is
work on rows, which `models.spark_arrow.in_chunks` brings to the workers. What has to fit the driver are the counts:
distinct (frequency, recency, tenure), of which there are few, and distinct pairs of repeat orders and average amount,
at most one for each customer that bought again (32 bytes each).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.lifetime_value.score import (
    COUNTS_SCHEMA,
    INPUT_COLUMNS,
    LifetimeValueFit,
    LifetimeValueSettings,
    count_chunk,
    fit,
)
from models.spark_arrow import ddl, from_spark, in_chunks

if TYPE_CHECKING:
    import polars as pl
    from pyspark.sql import DataFrame

_COUNTS = {name: {"part": "string", "customers": "bigint"}.get(name, "double") for name in COUNTS_SCHEMA}


def fit_distributed(
    customers: DataFrame, settings: LifetimeValueSettings | None = None, past: pl.DataFrame | None = None
) -> LifetimeValueFit:
    """Do what `models.lifetime_value.fit` does, on Spark.

    The workers need this package, Polars and SciPy, and must run the Python of the driver (PYSPARK_PYTHON).

    Args:
        customers: as for `score`; it is read twice.
        settings: see `LifetimeValueSettings`.
        past: as for `score`.

    Returns:
        The fit, which can be sent to the workers.

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
    keys = [name for name in _COUNTS if name != "customers"]
    counted = customers.select(*INPUT_COLUMNS).mapInArrow(in_chunks(count_chunk, _COUNTS), ddl(_COUNTS))
    added = counted.groupBy(*keys).agg(fn.sum("customers").alias("customers"))
    return fit(from_spark(added.toArrow()), settings, past)
