"""The predictive models as assets: who is who, what a customer is worth and whether he stays."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from orchestration import predictions, steps
from orchestration.assets import WAREHOUSE_POOL
from orchestration.engines.kept import KEPT_TABLES
from orchestration.run import Run

IDENTITY_KEYS = [dg.AssetKey(table.split(".")) for table in KEPT_TABLES if table.startswith("identity.")]
FORECAST_INPUTS = [
    dg.AssetKey(["intermediate", model])
    for model in (
        *(f"int_lifetime_value__{part}" for part in ("input", "past", "rhythms")),
        "int_churn__snapshots",
        "int_subscriptions__input",
        "int_experiments__arms",
        "int_experiments__outcomes",
    )
]
SCORE_KEYS = [dg.AssetKey(table.split(".")) for table in KEPT_TABLES if table.startswith("scores.")]


def prediction_assets(identity_inputs: list[dg.AssetKey], owner: str) -> list[dg.AssetsDefinition]:
    """Return identity and the forecasts, each behind the dbt models that feed it."""

    def specs(keys: list[dg.AssetKey], group: str, upstream: list[dg.AssetKey], words: str) -> list[dg.AssetSpec]:
        return [
            dg.AssetSpec(key, deps=upstream, group_name=group, owners=[owner], kinds={"python"}, description=words)
            for key in keys
        ]

    @dg.multi_asset(
        name="identity",
        specs=specs(
            IDENTITY_KEYS,
            "identity",
            identity_inputs,
            "Records joined to customers by identifiers, likeness and stewards' decisions; stable ids, explained.",
        ),
        pool=WAREHOUSE_POOL,
    )
    def identity(run: dg.ResourceParam[Run]) -> Iterator[Any]:
        with run.step("join records to customers") as counts:
            counts.update(steps.resolve_identity(run))
        yield from (dg.MaterializeResult(asset_key=key, metadata=counts) for key in IDENTITY_KEYS)

    @dg.multi_asset(
        name="forecasts",
        specs=specs(
            SCORE_KEYS,
            "scores",
            FORECAST_INPUTS,
            "Expected orders and value with bounds, the risk to leave with reasons, subscriptions, experiments.",
        ),
        pool=WAREHOUSE_POOL,
    )
    def forecasts(run: dg.ResourceParam[Run]) -> Iterator[Any]:
        with run.step("forecast value") as counts:
            counts.update(predictions.forecast(run))
        yield from (dg.MaterializeResult(asset_key=key, metadata=counts) for key in SCORE_KEYS)

    return [identity, forecasts]
