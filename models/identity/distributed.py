"""Identity on Spark, for records that do not fit one machine: the same customers as `resolve` finds.

What becomes of a record depends on nothing but the records that a chain of joining values, probable links, stewards'
merges and earlier customer ids ties it to. Spark counts who carries each value, which says what may not join; finds
those groups; and deals whole groups with their evidence out to buckets, each of which one worker resolves with the code
of the single machine. Two things reach across buckets: the promise that an id of the previous run is given to nobody
else, kept by a look at all new ids, and stewards' decisions, settled before (see `spark_evidence`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from models.identity import spark_bucket as bucket_work
from models.identity.guards import EXCLUDED, OVER_PEOPLE, OVER_RECORDS
from models.identity.resolve import IDENTIFIER_COLUMNS, PREVIOUS_SCHEMA, checked_guards, require, utc_moment
from models.identity.result import BLOCKED_SCHEMA, CUSTOMER_SIZES_SCHEMA, DECISIONS_STATUS_SCHEMA, IdentityReport
from models.identity.rules import Evidence, Guards
from models.identity.spark_components import EDGES_ON_DRIVER, components
from models.identity.spark_evidence import DEALT, SparkEvidence, on_spark, record, with_overruled

if TYPE_CHECKING:
    import polars as pl
    from pyspark.sql import Column, DataFrame

Keep = Callable[["DataFrame"], "DataFrame"]

# Rows of identifiers, evidence and previous records that one worker holds; about 1 GB at the peak.
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
        links: as `IdentityResult.links`, in no order.
        decisions: as on one machine.
        report: as on one machine.
        rows_in: rows of `identifiers` received.
        buckets: parts that the work was split into.
    """

    records: DataFrame
    changes: DataFrame
    links: DataFrame
    decisions: pl.DataFrame
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
    max_people_per_value: Mapping[str, int] | None = None,
    weights: Mapping[str, float] | None = None,
    evidence: Evidence | None = None,
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
        max_people_per_value: as for `resolve`.
        weights: as for `resolve`.
        evidence: as for `resolve`, in the memory of the driver.
        partitions: the least number of buckets; as many as there are cores, or more, use them all.
        rows_per_bucket: the most rows that one worker takes at a time.
        edges_on_driver: see `spark_components.components`.
        keep: computes a frame and returns it without its plan. Spark's `localCheckpoint` by default, which lives on the
            executors: if one is lost, the run fails. With a checkpoint folder in the session, pass
            `lambda frame: frame.checkpoint()`.

    Returns:
        The records, changes, links, decisions and report, computed and kept: what is written over `previous`
        afterwards does not change them.

    Raises:
        ValueError: as `resolve`, and for `partitions` or `rows_per_bucket` below 1.
        GiantGroupError: one group alone has more than `rows_per_bucket` rows.
    """
    guards = checked_guards(kinds, max_records_per_value, max_people_per_value, excluded_values, weights)
    if partitions < 1 or rows_per_bucket < 1:
        raise ValueError("identity: partitions and rows_per_bucket must be at least 1")
    keep = keep or _kept_locally
    rows_in, known = _checked(identifiers, previous)
    rows = keep(_usable(identifiers, guards.kinds))
    beside = on_spark(evidence or Evidence(), rows, keep)
    values = keep(_told_values(rows, guards, beside.persons))
    rows = keep(_marked(rows, values))
    known = keep(known)

    named = components(_edges(rows, known, beside.edges), keep=keep, edges_on_driver=edges_on_driver)
    task = bucket_work.Task(guards, beside.rules, _sources(rows, known), utc_moment(resolved_at))
    parts = [_dealt(rows, beside, named), _with_group(known, named)]
    buckets = _buckets(parts, partitions, rows_per_bucket, keep)
    rows, known = (frame.withColumn("bucket", _bucket_of(buckets)).drop("component", "record") for frame in parts)
    told = _resolved(rows, known, task, keep)
    return DistributedIdentityResult(
        records=told.filter("part = 'record'").select(*bucket_work.RECORD_COLUMNS),
        changes=told.filter("part = 'change'").select(*bucket_work.CHANGE_COLUMNS),
        links=told.filter("part = 'link'").select(*bucket_work.LINK_COLUMNS),
        decisions=with_overruled(beside.statuses, _overruled(told)),
        report=_report(told, values),
        rows_in=rows_in,
        buckets=buckets,
    )


def _kept_locally(frame: DataFrame) -> DataFrame:
    return frame.localCheckpoint()


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
    known = previous.select(*texts, "resolved_at").withColumn("record", record())
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
    return texts.select("source", "source_record_id", *kept).distinct().withColumn("record", record())


def _told_values(rows: DataFrame, guards: Guards, persons: DataFrame | None) -> DataFrame:
    """The values that several records carry or that are excluded.

    Columns: kind, value, records, people, max_records, max_people, is_excluded, barred.
    """
    from pyspark.sql import functions as fn

    carried = rows.filter("value is not null")
    people: Column = fn.lit(0)
    if persons is not None:
        carried = carried.join(persons, ["source", "source_record_id"], "left")
        people = fn.count_distinct("person")
    counted = carried.groupBy("kind", "value").agg(fn.count("*").alias("records"), people.alias("people"))
    listed = rows.sparkSession.createDataFrame(
        list(zip(guards.kinds, guards.max_records, guards.max_people, strict=True)),
        "kind string, max_records bigint, max_people bigint",
    )
    over = fn.expr("records > max_records or people > coalesce(max_people, people)")
    return (
        _excluding(counted, guards.excluded)
        .filter("records > 1 or is_excluded")
        .join(fn.broadcast(listed), "kind")
        .withColumn("people", fn.expr("case when records > 1 then people else 0 end"))
        .withColumn("barred", fn.col("is_excluded") | over)
    )


def _excluding(counted: DataFrame, excluded: Mapping[str, Collection[str]]) -> DataFrame:
    """The values with `is_excluded`: they are named, or have one of the shell patterns, of their kind."""
    from pyspark.sql import functions as fn

    plain = [(kind, text) for kind, texts in excluded.items() for text in texts if not _is_pattern(text)]
    is_excluded: Column = fn.lit(False)  # noqa: FBT003 - a value
    if plain:
        flags = counted.sparkSession.createDataFrame(plain, "kind string, value string").distinct()
        counted = counted.join(fn.broadcast(flags.withColumn("is_named", fn.lit(True))), ["kind", "value"], "left")  # noqa: FBT003 - a value
        is_excluded = fn.coalesce("is_named", fn.lit(False))  # noqa: FBT003 - a value
    for kind, texts in excluded.items():
        patterns = sorted(text for text in texts if _is_pattern(text))
        if patterns:
            is_excluded |= (fn.col("kind") == kind) & fn.col("value").rlike(_java_expression(patterns))
    return counted.withColumn("is_excluded", is_excluded).drop("is_named")


def _is_pattern(text: str) -> bool:
    return "*" in text or "?" in text


def _java_expression(patterns: Iterable[str]) -> str:
    r"""Shell patterns as one expression for Java that matches what `guards.excluded_values` does.

    There `.` is all but a line feed and `$` the very end; in Java both leave out more.
    """
    signs = {"*": r"[^\n]*", "?": r"[^\n]"}
    texts = ("".join(signs.get(sign) or re.escape(sign) for sign in pattern) for pattern in patterns)
    return rf"\A(?:{'|'.join(texts)})\z"


def _marked(rows: DataFrame, values: DataFrame) -> DataFrame:
    """The rows with `joins` (the value joins records) and `barred` (it may not)."""
    from pyspark.sql import functions as fn

    flags = values.select("kind", "value", "barred")
    return rows.join(flags, ["kind", "value"], "left").select(
        *IDENTIFIER_COLUMNS,
        "record",
        fn.coalesce(~fn.col("barred"), fn.lit(False)).alias("joins"),  # noqa: FBT003 - a value
        fn.coalesce("barred", fn.lit(False)).alias("barred"),  # noqa: FBT003 - a value
    )


def _edges(rows: DataFrame, known: DataFrame, more: DataFrame | None) -> DataFrame:
    """Records tied to the joining values they carry, to earlier customers they share with others, and by evidence."""
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
    every = by_value.union(by_customer)
    return every if more is None else every.union(more)


def _with_group(frame: DataFrame, named: DataFrame) -> DataFrame:
    """The frame with the group of each record; a record that nothing ties to others is a group of its own."""
    from pyspark.sql import functions as fn

    groups = named.withColumnRenamed("node", "record")
    return frame.join(groups, "record", "left").withColumn("component", fn.coalesce("component", "record"))


def _dealt(rows: DataFrame, beside: SparkEvidence, named: DataFrame) -> DataFrame:
    """Identifiers and evidence with the group they go with; of pairs those of two records of one group."""
    from pyspark.sql import functions as fn

    parts = [_with_group(rows.withColumn("part", fn.lit("identifier")), named)]
    if beside.traits is not None:
        parts.append(_with_group(beside.traits, named))
    if beside.pairs is not None:
        others = named.select(fn.col("node").alias("other"), fn.col("component").alias("other_component"))
        joined = _with_group(beside.pairs, named).join(others, "other", "left")
        parts.append(joined.filter("component = coalesce(other_component, other)"))
    columns = [*DEALT, "component"]
    nulls = {name: fn.lit(None).cast(kind) for name, kind in DEALT.items()}
    told, *more = (
        part.select(*(name if name in part.columns else nulls[name].alias(name) for name in columns)) for part in parts
    )
    for part in more:
        told = told.union(part)
    return told


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
            f"identity: one group of records holds {largest:,} rows of identifiers, evidence and earlier customers; a "
            f"worker takes {rows_per_bucket:,}. Lower identity.max_records_per_value or the limits in identity.guards, "
            "so that widely shared values join nobody, or raise identity.probable.join_from_probability; if the group "
            "comes from earlier customers, give the workers more memory and raise the rows that one takes."
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


def _overruled(told: DataFrame) -> pl.DataFrame:
    """decision_id, status, note of the decisions that the buckets could not follow."""
    import polars as pl

    rows = told.filter("part = 'decision'").select(*DECISIONS_STATUS_SCHEMA).collect()
    return pl.DataFrame([tuple(row) for row in rows], schema=DECISIONS_STATUS_SCHEMA, orient="row")


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
    reason = fn.when(fn.col("is_excluded"), EXCLUDED).when(fn.expr("records > max_records"), OVER_RECORDS)
    barred = values.filter("barred").withColumn("reason", reason.otherwise(OVER_PEOPLE)).select(*BLOCKED_SCHEMA)
    blocked = pl.DataFrame([tuple(row) for row in barred.collect()], schema=BLOCKED_SCHEMA, orient="row")
    return IdentityReport.of(
        changes={row.change: row.rows for row in counted if row.part == "change"},
        joining_values=sum(row.number for row in counted if row.part == "joining"),
        blocked_values=blocked.sort("records", "kind", "value", descending=[True, False, False]),
        customer_sizes=pl.DataFrame({"records": size, "customers": customers}, schema=CUSTOMER_SIZES_SCHEMA),
    )
