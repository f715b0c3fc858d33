"""The predictive models as assets: who is who, and what a customer is worth."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from orchestration import steps
from orchestration.assets import WAREHOUSE_POOL
from orchestration.engines.kept import KEPT_TABLES
from orchestration.run import Run

IDENTITY_KEYS = [dg.AssetKey(table.split(".")) for table in KEPT_TABLES if table.startswith("identity.")]
SCORE_KEYS = [dg.AssetKey(["scores", table]) for table in ("lifetime_value", "lifetime_value_fit")]


def prediction_assets(
    identity_inputs: list[dg.AssetKey], value_input: dg.AssetKey, owner: str
) -> list[dg.AssetsDefinition]:
    """Return identity and lifetime value, each behind the dbt models that feed it."""

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
        name="lifetime_value",
        specs=specs(
            SCORE_KEYS,
            "scores",
            [value_input],
            "BG/NBD and gamma-gamma: expected orders, value, probability alive.",
        ),
        pool=WAREHOUSE_POOL,
    )
    def lifetime_value(run: dg.ResourceParam[Run]) -> Iterator[Any]:
        with run.step("forecast value") as counts:
            counts.update(steps.score_lifetime_value(run))
        yield from (dg.MaterializeResult(asset_key=key, metadata=counts) for key in SCORE_KEYS)

    return [identity, lifetime_value]
