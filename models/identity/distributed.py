"""Identity on Spark, for records that do not fit one machine: the same customers as `resolve` finds.

What becomes of a record depends on nothing but the records that a chain of joining values and earlier customer ids ties
it to. Spark counts who carries each value, which says what may not join; finds those groups; and deals whole groups
out to buckets, each of which one worker resolves with the code of the single machine. Only the promise that an id of
the previous run is given to nobody else reaches across buckets; it is kept by a look at all new ids.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from models.identity import spark_bucket as bucket_work
from models.identity.resolve import IDENTIFIER_COLUMNS, PREVIOUS_SCHEMA, checked_limits, require, utc_moment
from models.identity.result import BLOCKED_SCHEMA, CUSTOMER_SIZES_SCHEMA, IdentityReport
from models.identity.spark_components import EDGES_ON_DRIVER, components

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

Keep = Callable[["DataFrame"], "DataFrame"]

# Rows of identifiers and previous records that one worker holds; about 1 GB at the peak.
ROWS_PER_BUCKET = 1_000_000
_MAX_BUCKETS = 1 << 20


class GiantGroupError(RuntimeError):
    """Records hang together in a group that is larger than what one worker takes; the message says what to do."""


@dataclass(frozen=True, slots=True)
class DistributedIdentityResult:
    """The outcome of a resolution on Spark.

    Attributes:
        records: as `IdentityResult.records`, in no order; resolved_at is a Spark timestamp.
        changes: as `IdentityResult.changes`, in no order; changed_at is a Spark timestamp.
        report: as on one machine.
        rows_in: rows of `identifiers` received.
        buckets: parts that the work was split into.
    """

    records: DataFrame
    changes: DataFrame
    report: IdentityReport
    rows_in: int
    buckets: int


def resolve_distributed(
    identifiers: DataFrame,
    previous: DataFrame | None = None,
    *,
    kinds: Sequence[str],
    max_records_per_value: int | Mapping[str, int],
    resolved_at: datetime,
    excluded_values: Mapping[str, Collection[str]] | None = None,
    partitions: int = 1,
    rows_per_bucket: int = ROWS_PER_BUCKET,
    edges_on_driver: int = EDGES_ON_DRIVER,
    keep: Keep | None = None,
) -> DistributedIdentityResult:
    """Do what `models.identity.resolve` does, on Spark; see there for the rules, which are the same to the letter.

    Groups of records that hang together go to buckets by a hash of the group, so a bucket holds about all rows by the
    number of buckets. There are `partitions` buckets, or more until none holds over `rows_per_bucket` rows.

    The workers need this package, Polars and SciPy, and must run the Python of the driver (PYSPARK_PYTHON).

    Args:
        identifiers: as for `resolve`: source, source_record_id, kind, value.
        previous: as for `resolve`; resolved_at a timestamp of either kind, one without zone being UTC.
        kinds: as for `resolve`.
        max_records_per_value: as for `resolve`.
        resolved_at: as for `resolve`.
        excluded_values: as for `resolve`.
        partitions: the least number of buckets; as many as there are cores, or more, use them all.
        rows_per_bucket: the most rows that one worker takes at a time.
        edges_on_driver: see `spark_components.components`.
        keep: computes a frame and returns it without its plan. Spark's `localCheckpoint` by default, which lives on the
            executors: if one is lost, the run fails. With a checkpoint folder in the session, pass
            `lambda frame: frame.checkpoint()`.

    Returns:
        The records, the changes and the report, computed and kept: what is written over `previous` afterwards does
        not change them.

    Raises:
        ValueError: as `resolve`, and for `partitions` or `rows_per_bucket` below 1.
        GiantGroupError: one group alone has more than `rows_per_bucket` rows.
    """
    limits = checked_limits(kinds, max_records_per_value)
    if partitions < 1 or rows_per_bucket < 1:
        raise ValueError("identity: partitions and rows_per_bucket must be at least 1")
    keep = keep or _kept_locally
    rows_in, known = _checked(identifiers, previous)
    rows = keep(_usable(identifiers, kinds))
    values = keep(_told_values(rows, dict(zip(kinds, limits, strict=True)), excluded_values or {}))
    rows = keep(_marked(rows, values))
    known = keep(known)

    named = components(_edges(rows, known), keep=keep, edges_on_driver=edges_on_driver)
    parts = [_with_group(frame, named) for frame in (rows, known)]
    buckets = _buckets(parts, partitions, rows_per_bucket, keep)
    task = bucket_work.Task(list(kinds), _sources(rows, known), utc_moment(resolved_at))
    rows, known = (frame.withColumn("bucket", _bucket_of(buckets)).drop("component", "record") for frame in parts)
    told = _resolved(rows, known, task, keep)
    return DistributedIdentityResult(
        records=told.filter("part = 'record'").select(*bucket_work.RECORD_COLUMNS),
        changes=told.filter("part = 'change'").select(*bucket_work.CHANGE_COLUMNS),
        report=_report(told, values),
        rows_in=rows_in,
        buckets=buckets,
    )


def _kept_locally(frame: DataFrame) -> DataFrame:
    return frame.localCheckpoint()


def _record() -> Column:
    """A number for each record. Two records with one number go to one bucket, which does no harm."""
    from pyspark.sql import functions as fn

    return fn.xxhash64("source", "source_record_id")


def _checked(identifiers: DataFrame, previous: DataFrame | None) -> tuple[int, DataFrame]:
    """The number of rows, and the previous records; errors are those of `resolve`."""
    from pyspark.sql import functions as fn

    require(identifiers.columns, IDENTIFIER_COLUMNS, "identifiers")
    keyless = "count_if(source is null or source_record_id is null)"
    rows, lost = identifiers.agg(fn.count("*"), fn.expr(keyless)).collect()[0]
    _refuse_keyless(lost, "identifiers")
    if previous is None or not previous.columns:
        empty = "source string, source_record_id string, customer_id string, resolved_at timestamp, record bigint"
        return rows, identifiers.sparkSession.createDataFrame([], empty)
    require(previous.columns, tuple(PREVIOUS_SCHEMA), "previous")
    texts = [fn.col(name).cast("string").alias(name) for name in ("source", "source_record_id", "customer_id")]
    known = previous.select(*texts, "resolved_at").withColumn("record", _record())
    lost, nameless = known.agg(fn.expr(keyless), fn.expr("count_if(customer_id is null)")).collect()[0]
    _refuse_keyless(lost, "previous")
    if nameless:
        raise ValueError(f"identity: previous has {nameless} records without customer_id")
    doubled = known.groupBy("source", "source_record_id").count().agg(fn.sum(fn.col("count") - 1)).collect()[0][0]
    if doubled:
        raise ValueError(f"identity: previous holds {doubled} records more than once")
    return rows, known


def _refuse_keyless(rows: int, name: str) -> None:
    if rows:
        raise ValueError(f"identity: {name} has {rows} rows without source or source_record_id")


def _usable(identifiers: DataFrame, kinds: Sequence[str]) -> DataFrame:
    """Distinct rows; kind and value are null where the value is null or blank, or its kind does not join."""
    from pyspark.sql import functions as fn

    texts = identifiers.select(*(fn.col(name).cast("string").alias(name) for name in IDENTIFIER_COLUMNS))
    # What Polars strips as blank is what Unicode calls white space.
    usable = fn.col("kind").isin(list(kinds)) & fn.col("value").rlike(r"\P{IsWhite_Space}")
    kept = [fn.when(usable, fn.col(name)).alias(name) for name in ("kind", "value")]
    return texts.select("source", "source_record_id", *kept).distinct().withColumn("record", _record())


def _told_values(rows: DataFrame, limits: Mapping[str, int], excluded: Mapping[str, Collection[str]]) -> DataFrame:
    """The values that several records carry or that are excluded: kind, value, records, max_records, is_excluded."""
    from pyspark.sql import functions as fn

    session = rows.sparkSession
    counted = rows.filter("value is not null").groupBy("kind", "value").agg(fn.count("*").alias("records"))
    listed = session.createDataFrame(list(limits.items()), "kind string, max_records bigint")
    banned = [(kind, value) for kind, values in excluded.items() for value in set(values)]
    flags = session.createDataFrame(banned, "kind string, value string").withColumn("is_excluded", fn.lit(True))  # noqa: FBT003 - a value
    return (
        counted.join(fn.broadcast(listed), "kind")
        .join(flags, ["kind", "value"], "left")
        .withColumn("is_excluded", fn.coalesce("is_excluded", fn.lit(False)))  # noqa: FBT003 - a value
        .filter("records > 1 or is_excluded")
    )


def _marked(rows: DataFrame, values: DataFrame) -> DataFrame:
    """The rows with `joins` (the value joins records) and `barred` (it may not)."""
    from pyspark.sql import functions as fn

    barred = fn.col("is_excluded") | (fn.col("records") > fn.col("max_records"))
    flags = values.select("kind", "value", barred.alias("barred"))
    return rows.join(flags, ["kind", "value"], "left").select(
        *IDENTIFIER_COLUMNS,
        "record",
        fn.coalesce(~fn.col("barred"), fn.lit(False)).alias("joins"),  # noqa: FBT003 - a value
        fn.coalesce("barred", fn.lit(False)).alias("barred"),  # noqa: FBT003 - a value
    )


def _edges(rows: DataFrame, known: DataFrame) -> DataFrame:
    """Records tied to the joining values they carry, and to the earlier customers they share with others."""
    from pyspark.sql import Window
    from pyspark.sql import functions as fn

    by_value = rows.filter("joins").select(
        fn.col("record").alias("left"), fn.xxhash64(fn.lit("value"), "kind", "value").alias("right")
    )
    size = fn.count("*").over(Window.partitionBy("customer_id"))
    shared = known.select("record", "customer_id", size.alias("size")).filter("size > 1")
    by_customer = shared.select(
        fn.col("record").alias("left"), fn.xxhash64(fn.lit("customer"), "customer_id").alias("right")
    )
    return by_value.union(by_customer)


def _with_group(frame: DataFrame, named: DataFrame) -> DataFrame:
    """The frame with the group of each record; a record that nothing ties to others is a group of its own."""
    from pyspark.sql import functions as fn

    groups = named.withColumnRenamed("node", "record")
    return frame.join(groups, "record", "left").withColumn("component", fn.coalesce("component", "record"))


def _bucket_of(buckets: int) -> Column:
    from pyspark.sql import functions as fn

    return fn.pmod(fn.xxhash64("component"), fn.lit(buckets)).cast("int")


def _buckets(parts: Sequence[DataFrame], least: int, rows_per_bucket: int, keep: Keep) -> int:
    """The number of buckets with which none holds too many rows."""
    from pyspark.sql import functions as fn

    both = parts[0].select("component").union(parts[1].select("component"))
    sizes = keep(both.groupBy("component").agg(fn.count("*").alias("rows")))
    total, largest = sizes.agg(fn.sum("rows"), fn.max("rows")).collect()[0]
    if (largest or 0) > rows_per_bucket:
        raise GiantGroupError(
            f"identity: one group of records holds {largest:,} rows of identifiers and earlier customers; a worker "
            f"takes {rows_per_bucket:,}. Lower identity.max_records_per_value, so that widely shared values join "
            "nobody; if the group comes from earlier customers, give the workers more memory and raise the rows that "
            "one takes."
        )
    # Twice the room that the rows need: the hash does not deal out evenly.
    buckets = max(least, -(-2 * (total or 0) // rows_per_bucket))
    while buckets < _MAX_BUCKETS:
        fullest = sizes.groupBy(_bucket_of(buckets)).agg(fn.sum("rows").alias("rows")).agg(fn.max("rows"))
        if (fullest.collect()[0][0] or 0) <= rows_per_bucket:
            break
        buckets *= 2
    return buckets


def _sources(rows: DataFrame, known: DataFrame) -> list[str]:
    """The names of all sources, sorted as Polars does."""
    found = rows.select("source").union(known.select("source")).distinct().collect()
    return sorted((source for (source,) in found), key=lambda source: source.encode())


def _resolved(rows: DataFrame, known: DataFrame, task: bucket_work.Task, keep: Keep) -> DataFrame:
    """What the buckets tell. A bucket that gave an id that is another one's is resolved again without it."""
    from pyspark.sql import functions as fn

    told = keep(bucket_work.resolve_buckets(rows, known, task))
    while clashes := _clashes(told, known):
        task = task.without(clashes)
        again = list({bucket for bucket, _ in clashes})
        redone = fn.col("bucket").isin(again)
        anew = bucket_work.resolve_buckets(rows.filter(redone), known.filter(redone), task)
        told = keep(told.filter(~redone).unionByName(anew))
    return told


def _clashes(told: DataFrame, known: DataFrame) -> list[tuple[int, str]]:
    """New ids that the previous run knows or a smaller record got too, each with the bucket that must not give it.

    Within a bucket neither happens, because a bucket sees its own ids.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as fn

    new = told.filter("part = 'new'").select("bucket", "customer_id", "source", "source_record_id")
    order = Window.partitionBy("customer_id").orderBy("source", "source_record_id")
    ranked = new.withColumn("place", fn.row_number().over(order))
    taken = known.select("customer_id", fn.lit(True).alias("taken")).distinct()  # noqa: FBT003 - a value
    clashing = ranked.join(taken, "customer_id", "left").filter("taken or place > 1")
    return [(bucket, name) for bucket, name in clashing.select("bucket", "customer_id").collect()]


def _report(told: DataFrame, values: DataFrame) -> IdentityReport:
    """The report of the single machine, from what the buckets counted."""
    import polars as pl
    from pyspark.sql import functions as fn

    counted = (
        told.filter("part in ('change', 'size', 'joining')")
        .groupBy("part", "change", "size")
        .agg(fn.count("*").alias("rows"), fn.sum("number").alias("number"))
        .collect()
    )
    sizes = sorted((row.size, row.number) for row in counted if row.part == "size")
    size, customers = [list(column) for column in zip(*sizes, strict=True)] or ([], [])
    barred = values.filter("is_excluded or records > max_records").select(
        "kind",
        fn.substring(fn.sha2("value", 256), 1, 16).alias("value_hash"),
        "records",
        "max_records",
        fn.when(fn.col("is_excluded"), "excluded").otherwise("over limit").alias("reason"),
    )
    blocked = pl.DataFrame([tuple(row) for row in barred.collect()], schema=BLOCKED_SCHEMA, orient="row")
    return IdentityReport.of(
        changes={row.change: row.rows for row in counted if row.part == "change"},
        joining_values=sum(row.number for row in counted if row.part == "joining"),
        blocked_values=blocked.sort("records", "kind", "value_hash", descending=[True, False, False]),
        customer_sizes=pl.DataFrame({"records": size, "customers": customers}, schema=CUSTOMER_SIZES_SCHEMA),
    )
