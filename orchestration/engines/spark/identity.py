"""Who is who on Spark: on the driver while everything fits there, else the records on the cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orchestration.engines.spark.catalog import typed_frame
from orchestration.identity import IDENTIFIERS, PREVIOUS, PROFILES, Resolved, identify
from orchestration.report import Problem

if TYPE_CHECKING:
    import polars as pl

    from orchestration.engines.spark.engine import SparkEngine
    from orchestration.identity import Identified, Tell
    from orchestration.run import Run


def identify_on_spark(engine: SparkEngine, run: Run, tell: Tell) -> Identified:
    """Join records to customers: here while the identifiers fit one machine, else on the cluster.

    What records say of people is always looked at here. Where that does not fit, the run goes on without and says so.
    """
    most = engine.max_frame_rows
    profiles = engine.session.sql(PROFILES).count()
    if profiles > most:
        run.problems.append(
            Problem(
                source="identity",
                what=f"{profiles:,} records say who somebody is, and warehouse.spark.max_frame_rows allows {most:,} on "
                "one machine: records were joined by identifiers and stewards' decisions only, without probable links, "
                "without names and birth dates that keep people apart, and without households and companies.",
                todo="Raise warehouse.spark.max_frame_rows if this machine has the memory.",
            )
        )
    fits = engine.session.sql(IDENTIFIERS).count() <= most
    options: dict[str, Any] = {} if fits else {"resolve": resolve_on_cluster}
    return identify(engine, run, tell, with_profiles=profiles <= most, **options)


def resolve_on_cluster(engine: SparkEngine, tell: Tell, **rules: Any) -> Resolved:
    """Join records on the cluster; see `orchestration.identity.resolve_here`."""
    from models.identity.distributed import resolve_distributed

    session = engine.session
    tell("joining identifiers on the cluster")
    result = resolve_distributed(session.sql(IDENTIFIERS), session.sql(PREVIOUS), partitions=engine.workers(), **rules)
    records = result.records.select("source", "source_record_id", "customer_id")

    def among(some: pl.DataFrame) -> pl.DataFrame:
        wanted = typed_frame(session, some.to_arrow(), dict.fromkeys(some.columns, "STRING"))
        return engine.collected(records.join(wanted, some.columns, "left_semi"))

    return Resolved(result.rows_in, result, engine.collected(result.changes.filter("change = 'merged'")), among)
