"""One bucket of a resolution on Spark: what a worker does with a part of the records that stands by itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from models.identity.result import CHANGES_SCHEMA, LINKS_SCHEMA, RECORDS_SCHEMA
from models.identity.rules import Evidence, Guards
from models.identity.spark_evidence import of_bucket
from models.spark_arrow import ddl, from_spark, to_spark

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

RECORD_COLUMNS = tuple(RECORDS_SCHEMA)
CHANGE_COLUMNS = tuple(CHANGES_SCHEMA)
LINK_COLUMNS = tuple(LINKS_SCHEMA)

# Everything that a bucket tells, in one frame, so that it is computed once. `part` says what a row is:
# record, change, link; decision: one that could not be followed; new: a new customer_id with its smallest record; size:
# `number` customers have `size` records; joining: `number` values join records.
_TOLD = {
    "bucket": "int",
    "part": "string",
    "source": "string",
    "source_record_id": "string",
    "customer_id": "string",
    "match_method": "string",
    "match_probability": "double",
    "match_reason": "string",
    "resolved_at": "timestamp",
    "changed_at": "timestamp",
    "change": "string",
    "old_customer_id": "string",
    "new_customer_id": "string",
    "reason": "string",
    "other_source": "string",
    "other_record_id": "string",
    "method": "string",
    "kind": "string",
    "value": "string",
    "weight": "double",
    "probability": "double",
    "is_holding": "boolean",
    "decision_id": "string",
    "status": "string",
    "note": "string",
    "size": "bigint",
    "number": "bigint",
}


@dataclass(frozen=True)
class Task:
    """What every bucket has to know.

    Attributes:
        guards: kinds of identifier that join, and what they weigh.
        rules: decisions that stand, and what the company says of evidence; see `SparkEvidence.rules`.
        sources: the names of all sources, sorted.
        moment: time of the run, UTC without zone.
        taken: per bucket, ids that it may give to no new customer, besides those it sees.
    """

    guards: Guards
    rules: Evidence
    sources: Sequence[str]
    moment: datetime
    taken: dict[int, list[str]] = field(default_factory=dict)

    def without(self, ids: Iterable[tuple[int, str]]) -> Task:
        """Return the task with further ids that a bucket may not give."""
        taken = {bucket: list(names) for bucket, names in self.taken.items()}
        for bucket, name in ids:
            taken.setdefault(bucket, []).append(name)
        return replace(self, taken=taken)


def resolve_buckets(rows: DataFrame, known: DataFrame, task: Task) -> DataFrame:
    """Resolve each bucket by itself, on the workers.

    Args:
        rows: bucket, and identifiers and evidence as in `spark_evidence.DEALT`; kind and value are null for a record
            without an identifier.
        known: the previous records: bucket, source, source_record_id, customer_id, resolved_at.
        task: what every bucket has to know.

    Returns:
        bucket, part and the columns of all parts, null where a part has none.
    """

    def work(key: tuple[Any, ...], rows: pa.Table, known: pa.Table) -> pa.Table:
        return resolve_bucket(key[0].as_py(), rows, known, task)

    return rows.groupBy("bucket").cogroup(known.groupBy("bucket")).applyInArrow(work, ddl(_TOLD))


def resolve_bucket(bucket: int, rows: pa.Table, known: pa.Table, task: Task) -> pa.Table:
    """Resolve one bucket and return what it tells, as `resolve_buckets` does."""
    from models.identity.engine import outcome
    from models.identity.keys import number_links, number_records
    from models.identity.resolve import checked_previous

    dealt, previous = from_spark(rows), checked_previous(from_spark(known)).rechunk()
    identifiers = dealt.filter(pl.col("part") == "identifier").rechunk()
    records = number_records(identifiers, previous, task.sources)
    links = number_links(identifiers, records, task.guards.kinds)
    barred = identifiers["barred"].to_numpy()[links.row]
    evidence = of_bucket(dealt, records.frame, task.rules)
    taken = task.taken.get(bucket, ())
    found = outcome(identifiers, records, links, barred, previous, task.guards, evidence, task.moment, taken)
    sizes = pl.Series("size", found.sizes, dtype=pl.Int64).value_counts(name="number")
    told = pl.concat(
        [
            found.records.with_columns(part=pl.lit("record")),
            found.changes.with_columns(part=pl.lit("change")),
            found.links.with_columns(part=pl.lit("link")),
            found.decisions.filter(pl.col("status") == "overruled").with_columns(part=pl.lit("decision")),
            found.new_ids.with_columns(part=pl.lit("new")),
            sizes.with_columns(pl.col("number").cast(pl.Int64), part=pl.lit("size")),
            pl.DataFrame({"part": ["joining"], "number": [found.joining_values]}),
        ],
        how="diagonal",
    )
    return to_spark(told.with_columns(bucket=pl.lit(bucket)), _TOLD)
