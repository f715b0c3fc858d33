"""Judging contact values on Spark: each distinct value once, on all workers at a time.

The same values and the same verdicts as `expectations.judge` on DuckDB. Nothing is written here: whoever holds the
tables appends the verdicts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from typing import TYPE_CHECKING, NamedTuple

from expectations.contacts import NO_COUNTRY, TOO_LONG
from expectations.kinds import COUNTRIES, COUNTRY_COLUMN, KINDS, PHONES, SOURCE_COUNTRY, Kind

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession


class NewVerdicts(NamedTuple):
    """Verdicts on values that had none, each computed when it is written; read each frame once, or keep it.

    Each has the columns of its kind's `verdicts`, one row per value, or per value and region.
    """

    emails: DataFrame
    countries: DataFrame
    phones: DataFrame
    postcodes: DataFrame
    names: DataFrame


def judge_new_on_spark(
    session: SparkSession,
    *,
    load_ids: Sequence[str] | None = None,
    vendor_views: Sequence[str] = (),
    again: bool = False,
    partitions: int | None = None,
) -> NewVerdicts:
    """Judge the contact values of the mapped views that have no verdict yet.

    Reads the columns of `expectations.kinds` of every view of schema `mapped` that has them, and the verdicts known in
    the tables of the kinds, where those exist. The workers need this package with Polars and the libraries that judge,
    and must run the Python of the driver (PYSPARK_PYTHON set to it before the session starts).

    Args:
        session: The Spark session.
        load_ids: Look only at these loads. All by default, because a changed mapping changes values of old loads.
        vendor_views: Views of schema `staging` that map vendors' records.
        again: Judge all values, as after an upgrade of the libraries; the verdicts then replace those known.
        partitions: How many tasks judge; one a core by default.

    Returns:
        The new verdicts; frames without rows where all values are known or there are none.
    """
    views = _views(session, load_ids, vendor_views)
    new: dict[str, DataFrame] = {}
    countries: DataFrame | None = None
    for name, kind in KINDS.items():
        found = _found(kind, views, countries)
        new[name] = _judged(session, kind, found, again=again, partitions=partitions)
        if kind.table == COUNTRIES.table:
            countries = new[name]
            if not again and session.catalog.tableExists(kind.table):
                countries = countries.unionByName(session.table(kind.table))
    return NewVerdicts(**new)


def _judged(
    session: SparkSession, kind: Kind, found: DataFrame | None, *, again: bool, partitions: int | None
) -> DataFrame:
    from pyspark.sql import functions as fn

    columns = kind.sql_types
    schema = ", ".join(f"{name} {sql_type.lower()}" for name, sql_type in columns.items())
    if found is None:
        return session.createDataFrame([], schema)
    if not again and session.catalog.tableExists(kind.table):
        known = session.table(kind.table).select(*(fn.col(key).alias(f"known_{key}") for key in kind.keys))
        same = reduce(lambda one, two: one & two, (fn.col(key).eqNullSafe(fn.col(f"known_{key}")) for key in kind.keys))
        found = found.join(known, same, "left_anti")
    too_long = fn.length("raw_value") > kind.too_long_above
    # One hash-dealt part a task: Spark would put all values into one, since they are few bytes and do not show how
    # long each takes.
    short = found.filter(~too_long).repartition(partitions or _cores(session), *kind.keys)
    verdict = {"is_valid": fn.lit(False), "reason": fn.lit(TOO_LONG)}  # noqa: FBT003 - a value
    refused = found.filter(too_long).select(
        *(
            fn.col(name) if name in kind.keys else verdict.get(name, fn.lit(None).cast(sql_type.lower())).alias(name)
            for name, sql_type in columns.items()
        )
    )
    judge = kind.judge

    def work(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import polars as pl
        import pyarrow as pa

        # Spark takes its own Arrow types only, and Polars has others for text.
        types = pa.schema([(name, pa.bool_() if kind == "BOOLEAN" else pa.string()) for name, kind in columns.items()])
        for batch in batches:
            values = pl.from_arrow(pa.Table.from_batches([batch]))
            yield from judge(values).to_arrow().cast(types).to_batches()  # type: ignore[arg-type] # a frame

    return short.mapInArrow(work, schema).unionByName(refused)


def _views(session: SparkSession, load_ids: Sequence[str] | None, vendor_views: Sequence[str]) -> list[DataFrame]:
    """The mapped views and the vendors' views that have a column to judge, only the rows of the loads.

    Others may lack the load's column, as the view of raw records does.
    """
    from pyspark.sql import functions as fn

    if not session.catalog.databaseExists("mapped"):
        return []
    names = sorted(row["tableName"] for row in session.sql("SHOW TABLES IN mapped").collect() if row["namespace"])
    views = [session.table(f"mapped.`{name}`") for name in names]
    views += [session.table(f"staging.`{name}`") for name in vendor_views]
    judged = {column for kind in KINDS.values() for column in kind.columns}
    views = [view for view in views if not judged.isdisjoint(view.columns)]
    if load_ids is not None:
        views = [view.filter(fn.col("_load_id").isin(list(load_ids))) for view in views]
    return views


def _found(kind: Kind, views: Sequence[DataFrame], countries: DataFrame | None) -> DataFrame | None:
    """The distinct values of all views, each with what its verdict belongs to; None if no view has such a column."""
    parts = [
        part for view in views for column in kind.columns if column in view.columns
        for part in _parts(kind, column, view, countries)
    ]  # fmt: skip
    if not parts:
        return None
    return reduce(lambda one, two: one.unionByName(two), parts).filter("raw_value is not null").distinct()


def _parts(kind: Kind, column: str, view: DataFrame, countries: DataFrame | None) -> list[DataFrame]:
    """The values of one column of one view; the same regions as `expectations.judge` on DuckDB."""
    from pyspark.sql import functions as fn

    value = fn.col(column).alias("raw_value")
    if "region" not in kind.keys:
        return [view.select(value)]
    of_source = fn.col(SOURCE_COUNTRY).alias("region")
    if COUNTRY_COLUMN not in view.columns or countries is None:
        return [view.select(value, of_source)]
    known = countries.filter("is_valid").select(
        fn.col("raw_value").alias("country_as_written"), fn.col("normalised").alias("own_country")
    )
    joined = view.join(known, fn.col(COUNTRY_COLUMN) == fn.col("country_as_written"), "left")
    of_record = joined.filter("own_country is not null").select(value, fn.col("own_country").alias("region"))
    if kind.table == PHONES.table:
        return [view.select(value, of_source), of_record]
    unread = joined.filter("own_country is null")
    return [
        of_record,
        unread.select(value, of_source),
        unread.filter(fn.col(COUNTRY_COLUMN).isNotNull()).select(value, fn.lit(NO_COUNTRY).alias("region")),
    ]


def _cores(session: SparkSession) -> int:
    """How many tasks run at a time; over Spark Connect, which does not say, as many as a shuffle has parts."""
    try:
        return int(session.sparkContext.defaultParallelism)
    except Exception:  # noqa: BLE001 - a session of Connect has an error of its own for this
        return int(session.conf.get("spark.sql.shuffle.partitions"))
