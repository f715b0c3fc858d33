"""The published copy: what readers see, replaced as a whole."""

from collections.abc import Sequence

import dagster as dg

from orchestration import outcome, steps
from orchestration.assets import WAREHOUSE_POOL
from orchestration.run import Run

PUBLISHED_KEY = dg.AssetKey("published_marts")


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
