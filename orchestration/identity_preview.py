"""A dry run of identity: what changed rules, or decisions not taken up yet, would do. Nothing is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestration.run import Run

if TYPE_CHECKING:
    import polars as pl

    from orchestration.company import Company
    from orchestration.home import Home


class PreviewError(RuntimeError):
    """There is nothing to compare with; the message says what to do."""


@dataclass(frozen=True)
class Preview:
    """What would become of the customers.

    Attributes:
        customers: Customers there are now.
        customers_then: Customers there would be.
        merged: old_customer_id, new_customer_id, reason: customers that would go up in another one.
        split: old_customer_id, new_customer_id, reason: parts that would leave their customer.
        records_moved: Records that would belong to another customer.
        blocked: Identifier values that would join nobody, and those that do not now: kind, before, then.
    """

    customers: int
    customers_then: int
    merged: pl.DataFrame
    split: pl.DataFrame
    records_moved: int
    blocked: pl.DataFrame


def preview(
    company: Company, home: Home, *, wait_seconds: float = 0.0, tell: Callable[[str], None] = lambda _: None
) -> Preview:
    """Resolve what staging holds by the rules of a company file, beside what the last run made of it.

    Args:
        company: The company file with the rules to try.
        home: The home of the company as it runs.
        wait_seconds: How long to wait for a run that holds the home.
        tell: Told what is being done.

    Raises:
        PreviewError: No run has joined records yet.
        HomeBusyError: Another run holds the home.
    """
    import polars as pl

    run = Run(company, home)
    with home.lock(wait_seconds=wait_seconds):
        if not home.warehouse.exists() and company.warehouse.engine == "duckdb":
            raise PreviewError(
                f"No run yet in {home.path}, so there is nothing to compare with. Start one: regulars run"
            )
        now = run.engine.frame("SELECT source, source_record_id, customer_id FROM identity.customer_records")
        if now.height == 0:
            raise PreviewError("No run has joined records yet, so there is nothing to compare with: regulars run")
        blocked = run.engine.frame("SELECT kind, value FROM identity.blocked_values")
        found = run.engine.resolve_identity(run, tell)
    key = ["source", "source_record_id"]
    moved = now.join(found.result.records.select(*key, then="customer_id"), on=key).filter(
        pl.col("customer_id") != pl.col("then")
    )
    changes = found.result.changes.drop("changed_at")
    return Preview(
        customers=now["customer_id"].n_unique(),
        customers_then=found.result.report.customers,
        merged=changes.filter(pl.col("change") == "merged").drop("change"),
        split=changes.filter(pl.col("change") == "split").drop("change"),
        records_moved=moved.height,
        blocked=_blocked(blocked, found.result.report.blocked_values),
    )


def _blocked(before: pl.DataFrame, then: pl.DataFrame) -> pl.DataFrame:
    """How many values of each kind join nobody, before and then."""
    import polars as pl

    counts = [frame.group_by("kind").agg(pl.len().alias(name)) for frame, name in ((before, "before"), (then, "then"))]
    return counts[0].join(counts[1], on="kind", how="full", coalesce=True).fill_null(0).sort("kind")
