"""The published copy: what readers see, replaced as a whole."""

from collections.abc import Sequence

import dagster as dg

from orchestration import outcome, steps
from orchestration.assets import WAREHOUSE_POOL
from orchestration.postgres import step as postgres
from orchestration.run import Run

PUBLISHED_KEY = dg.AssetKey("published_marts")
POSTGRES_KEY = dg.AssetKey("published_postgres")


def published_asset(marts: Sequence[dg.AssetKey], owner: str) -> dg.AssetsDefinition:
    """Return the last asset of a run: contract checked, copy written beside the old one, swapped atomically."""

    @dg.asset(
        key=PUBLISHED_KEY,
        deps=list(marts),
        group_name="published",
        owners=[owner],
        description="The read-only copy of all marts of one run: a DuckDB file and Parquet.",
        kinds={"duckdb", "parquet"},
        pool=WAREHOUSE_POOL,
    )
    def published_marts(run: dg.ResourceParam[Run]) -> dg.MaterializeResult:
        with run.step("publish") as counts:
            counts.update(steps.publish(run))
        if run.company.charts.enabled:
            with run.step("draw charts") as drawn:
                drawn.update(steps.draw_charts(run))
        report = outcome.record(run, "published")
        return dg.MaterializeResult(
            metadata={
                **counts,
                "file": dg.MetadataValue.path(str(run.home.published_file)),
                "validity": report.validity_overall,
                "scorecard": dg.MetadataValue.md(outcome.scorecard_markdown(report)),
            }
        )

    return published_marts


def postgres_asset(owner: str) -> dg.AssetsDefinition:
    """Return the asset that brings PostgreSQL to the published copy, which stands even if this fails."""

    @dg.asset(
        key=POSTGRES_KEY,
        deps=[PUBLISHED_KEY],
        group_name="published",
        owners=[owner],
        description="The same tables in PostgreSQL: what changed is copied, and one run is visible at a time.",
        kinds={"postgres"},
        pool=WAREHOUSE_POOL,
    )
    def published_postgres(run: dg.ResourceParam[Run]) -> dg.MaterializeResult:
        error = postgres.try_to_publish(run)
        outcome.record(run, "published")
        if error is not None:
            raise error
        return dg.MaterializeResult(metadata={line.name: line.seconds for line in run.steps[-1:]})

    return published_postgres
