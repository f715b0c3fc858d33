"""Evidence for a resolution on Spark: what of it every bucket must know, and what goes to the bucket of its records.

Traits and compared pairs are rows beside the identifiers; of pairs only those of records that hang together. Stewards'
decisions are few: whether their records are there, and which later one overrules an earlier one, is settled once, here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import polars as pl

from models.identity import words
from models.identity.keys import number_links, number_records
from models.identity.numbered import numbered
from models.identity.result import DECISIONS_STATUS_SCHEMA
from models.identity.rules import COMPARED_SCHEMA, DECISIONS_SCHEMA, KEY, OTHER_KEY, Evidence
from models.spark_arrow import ddl, to_spark

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

#: The columns in which identifiers and evidence go to their bucket; null where a row has none. `part` says what a row
#: is: identifier; trait: kind is the trait; pair: value is the reason.
DEALT = {
    "part": "string",
    "source": "string",
    "source_record_id": "string",
    "kind": "string",
    "value": "string",
    "barred": "boolean",
    "other_source": "string",
    "other_record_id": "string",
    "weight": "double",
    "probability": "double",
}


@dataclass(frozen=True, slots=True)
class Decided:
    """What became of stewards' decisions before any link was followed.

    Attributes:
        standing: rows of `Evidence.decisions` for the records that are there: of a merge the two that it joins, of a
            split all; without splits that a later merge overrules.
        merges: source, source_record_id, other_source, other_record_id of the records that merges join.
        statuses: as `IdentityResult.decisions`, as far as it is known.
    """

    standing: pl.DataFrame
    merges: pl.DataFrame
    statuses: pl.DataFrame


@dataclass(frozen=True, slots=True)
class SparkEvidence:
    """Evidence on its way to the buckets.

    Attributes:
        rules: evidence as every bucket gets it: decisions that stand and settings, without traits and pairs.
        traits: part, KEY, kind, value, record; None without any.
        pairs: part, KEY, OTHER_KEY, value (the reason), weight, probability, record, other; None without any whose two
            records are there.
        persons: KEY, person: who a record is about; None where no record says so.
        edges: left and right, the records that probable links and stewards join; None without any.
        statuses: see `Decided.statuses`.
    """

    rules: Evidence
    traits: DataFrame | None
    pairs: DataFrame | None
    persons: DataFrame | None
    edges: DataFrame | None
    statuses: pl.DataFrame


def on_spark(evidence: Evidence, rows: DataFrame, keep: Callable[[DataFrame], DataFrame]) -> SparkEvidence:
    """Take evidence to Spark.

    Args:
        evidence: as for `resolve`.
        rows: the identifiers: source, source_record_id and more.
        keep: computes a frame and returns it without its plan.
    """
    from pyspark.sql import functions as fn

    session = rows.sparkSession
    traits = persons = pairs = None
    if evidence.traits.height:
        told = _frame(session, evidence.traits)
        traits = told.select(
            fn.lit("trait").alias("part"), *KEY, fn.col("trait").alias("kind"), "value", record().alias("record")
        )
        known = evidence.traits.filter(pl.col("trait") == "person").drop("trait").unique(KEY, keep="last")
        persons = _frame(session, known.rename({"value": "person"})) if known.height else None
    if evidence.pairs.height:
        pairs = keep(_pairs(_frame(session, evidence.pairs), rows))
        pairs = None if pairs.isEmpty() else pairs
    decided = settle(evidence.decisions, _present(evidence.decisions, rows))
    edges = []
    if pairs is not None:
        is_link = fn.col("probability") >= evidence.join_from_probability
        edges.append(pairs.filter(is_link).select(fn.col("record").alias("left"), fn.col("other").alias("right")))
    if decided.merges.height:
        merges = _frame(session, decided.merges)
        edges.append(merges.select(record().alias("left"), record(*OTHER_KEY).alias("right")))
    return SparkEvidence(
        rules=replace(
            evidence, traits=evidence.traits.clear(), pairs=evidence.pairs.clear(), decisions=decided.standing
        ),
        traits=traits,
        pairs=pairs,
        persons=persons,
        edges=None if not edges else edges[0] if len(edges) == 1 else edges[0].union(edges[1]),
        statuses=decided.statuses,
    )


def record(source: str = "source", source_record_id: str = "source_record_id") -> Column:
    """Return a number for each record. Two records with one number go to one bucket, which does no harm."""
    from pyspark.sql import functions as fn

    return fn.xxhash64(source, source_record_id)


def _frame(session: SparkSession, frame: pl.DataFrame) -> DataFrame:
    """A frame of texts and numbers in Spark."""
    types = {name: "double" if kind == pl.Float64 else "string" for name, kind in frame.schema.items()}
    return session.createDataFrame(to_spark(frame, types), ddl(types))


def _pairs(pairs: DataFrame, rows: DataFrame) -> DataFrame:
    """The pairs of two records that are both there."""
    from pyspark.sql import functions as fn

    here = rows.select(*KEY).distinct()
    others = here.select(*(fn.col(name).alias(other) for name, other in zip(KEY, OTHER_KEY, strict=True)))
    return (
        pairs.filter("source <> other_source or source_record_id <> other_record_id")
        .join(here, list(KEY), "left_semi")
        .join(others, list(OTHER_KEY), "left_semi")
        .select(
            fn.lit("pair").alias("part"),
            *KEY,
            *OTHER_KEY,
            fn.col("reason").alias("value"),
            "weight",
            "probability",
            record().alias("record"),
            record(*OTHER_KEY).alias("other"),
        )
    )


def _present(decisions: pl.DataFrame, rows: DataFrame) -> pl.DataFrame:
    """The keys of the records that decisions name and that are there."""
    from pyspark.sql import functions as fn

    named = decisions.select(KEY).unique()
    if named.is_empty():
        return named
    wanted = fn.broadcast(_frame(rows.sparkSession, named))
    found = rows.join(wanted, list(KEY), "left_semi").select(*KEY).distinct().collect()
    return pl.DataFrame([tuple(row) for row in found], schema=named.schema, orient="row")


def settle(decisions: pl.DataFrame, present: pl.DataFrame) -> Decided:
    """Find out what becomes of decisions by the records that are there, with the code of the single machine.

    Args:
        decisions: as `Evidence.decisions`.
        present: source, source_record_id of the records that decisions name and that are there.
    """
    identifiers = present.with_columns(kind=pl.lit(None, dtype=pl.String), value=pl.lit(None, dtype=pl.String))
    records = number_records(identifiers, present.clear())
    links = number_links(identifiers, records, [])
    known = numbered(Evidence(decisions=decisions), identifiers, records, links, [])
    keys = list(records.frame.iter_rows())
    when = dict(decisions.select("decision_id", "decided_at").iter_rows())
    standing = [
        (one, "merge", when[one], side, *keys[number])
        for one, left, right in known.merges
        for side, number in (("records", left), ("others", right))
    ]
    standing += [
        (split.decision_id, "split", when[split.decision_id], side, *keys[number])
        for split in known.splits
        for side, numbers in zip(("records", "others"), split.sides, strict=True)
        for number in sorted(numbers)
    ]
    statuses: dict[str, tuple[str, str | None]] = dict.fromkeys([row[0] for row in standing], ("applied", None))
    statuses |= dict.fromkeys(known.unknown, ("unknown record", words.UNKNOWN_RECORD))
    statuses |= dict.fromkeys(known.overruled, ("overruled", words.OVERRULED_BY_MERGE))
    return Decided(
        standing=pl.DataFrame(standing, schema=DECISIONS_SCHEMA, orient="row"),
        merges=pl.DataFrame(
            [(*keys[left], *keys[right]) for _, left, right in known.merges],
            schema=dict.fromkeys((*KEY, *OTHER_KEY), pl.String),
            orient="row",
        ),
        statuses=pl.DataFrame(
            [(one, *said) for one, said in statuses.items()], schema=DECISIONS_STATUS_SCHEMA, orient="row"
        ),
    )


def with_overruled(statuses: pl.DataFrame, overruled: pl.DataFrame) -> pl.DataFrame:
    """What became of decisions, with those that the buckets could not follow.

    Args:
        statuses: see `Decided.statuses`.
        overruled: decision_id, status, note.
    """
    return pl.concat([overruled, statuses]).unique("decision_id", keep="first").sort("decision_id")


def of_bucket(dealt: pl.DataFrame, records: pl.DataFrame, rules: Evidence) -> Evidence:
    """The evidence of one bucket.

    Args:
        dealt: the rows of the bucket, with the columns `DEALT`.
        records: source, source_record_id of the records of the bucket.
        rules: see `SparkEvidence.rules`.
    """
    traits = dealt.filter(pl.col("part") == "trait").select(*KEY, trait="kind", value="value")
    pairs = dealt.filter(pl.col("part") == "pair").rename({"value": "reason"}).select(COMPARED_SCHEMA.names())
    return replace(
        rules,
        traits=traits,
        pairs=pairs,
        decisions=rules.decisions.join(records, on=KEY, how="semi"),
    )
