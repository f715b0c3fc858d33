"""Judging contact values on Spark: each distinct value once, on all workers at a time.

The same values and the same verdicts as `expectations.judge` on DuckDB. Nothing is written here: whoever holds the
tables appends the verdicts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from typing import TYPE_CHECKING, NamedTuple

from expectations.contacts import EMAIL_VERDICTS, PHONE_VERDICTS, TOO_LONG
from expectations.judge import EMAILS, PHONES, Kind

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

    from expectations.contacts import Verdicts

_TYPES = {"is_valid": "boolean"}


class NewVerdicts(NamedTuple):
    """Verdicts on values that had none, each computed when it is written; read each frame once, or keep it.

    Attributes:
        emails: raw_value, normalised, is_valid, reason; one row per value.
        phones: raw_value, region, e164, is_valid, reason; one row per value and region.
    """

    emails: DataFrame
    phones: DataFrame


def judge_new_on_spark(
    session: SparkSession,
    *,
    load_ids: Sequence[str] | None = None,
    vendor_views: Sequence[str] = (),
    again: bool = False,
    partitions: int | None = None,
) -> NewVerdicts:
    """Judge the e-mail addresses and telephone numbers of the mapped views that have no verdict yet.

    Reads the columns `email` and `phone` (the latter with `_country`) of every view of schema `mapped` that has them,
    and the verdicts known in `quality.judged_emails` and `quality.judged_phones`, where those tables exist. The workers
    need this package with Polars, email-validator and phonenumbers, and must run the Python of the driver
    (PYSPARK_PYTHON set to it before the session starts).

    Args:
        session: The Spark session.
        load_ids: Look only at these loads. All by default, because a changed mapping changes values of old loads.
        vendor_views: Views of schema `staging` that map vendors' records.
        again: Judge all values, as after an upgrade of the libraries; the verdicts then replace those known.
        partitions: How many tasks judge; one a core by default.

    Returns:
        The new verdicts; frames without rows where all values are known or there are none.
    """

    def judged(kind: Kind, columns: Verdicts) -> DataFrame:
        found = _found(session, kind, load_ids, vendor_views)
        return _judged(session, kind, columns, found, again=again, partitions=partitions)

    return NewVerdicts(emails=judged(EMAILS, EMAIL_VERDICTS), phones=judged(PHONES, PHONE_VERDICTS))


def _judged(
    session: SparkSession,
    kind: Kind,
    columns: Verdicts,
    found: DataFrame | None,
    *,
    again: bool,
    partitions: int | None,
) -> DataFrame:
    from pyspark.sql import functions as fn

    schema = ", ".join(f"{name} {_TYPES.get(name, 'string')}" for name in columns)
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
            fn.col(name) if name in kind.keys else verdict.get(name, fn.lit(None).cast("string")).alias(name)
            for name in columns
        )
    )
    judge = kind.judge

    def work(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import polars as pl
        import pyarrow as pa

        # Spark takes its own Arrow types only, and Polars has others for text.
        types = pa.schema([(name, pa.bool_() if name in _TYPES else pa.string()) for name in columns])
        for batch in batches:
            values = pl.from_arrow(pa.Table.from_batches([batch]))
            yield from judge(values).to_arrow().cast(types).to_batches()  # type: ignore[arg-type] # a frame

    return short.mapInArrow(work, schema).unionByName(refused)


def _found(
    session: SparkSession, kind: Kind, load_ids: Sequence[str] | None, vendor_views: Sequence[str]
) -> DataFrame | None:
    """The distinct values of all mapped views and vendors' views, or None if no view has such a column."""
    from pyspark.sql import functions as fn

    if not session.catalog.databaseExists("mapped"):
        return None
    columns = [fn.col(kind.column).alias("raw_value")]
    if "region" in kind.keys:
        columns.append(fn.col("_country").alias("region"))
    names = sorted(row["tableName"] for row in session.sql("SHOW TABLES IN mapped").collect() if row["namespace"])
    views = [session.table(f"mapped.`{name}`") for name in names]
    views += [session.table(f"staging.`{name}`") for name in vendor_views]
    parts = [view for view in views if kind.column in view.columns]
    if load_ids is not None:
        parts = [view.filter(fn.col("_load_id").isin(list(load_ids))) for view in parts]
    if not parts:
        return None
    values = reduce(lambda one, two: one.unionByName(two), (view.select(*columns) for view in parts))
    return values.filter("raw_value is not null").distinct()


def _cores(session: SparkSession) -> int:
    """How many tasks run at a time; over Spark Connect, which does not say, as many as a shuffle has parts."""
    try:
        return int(session.sparkContext.defaultParallelism)
    except Exception:  # noqa: BLE001 - a session of Connect has an error of its own for this
        return int(session.conf.get("spark.sql.shuffle.partitions"))
