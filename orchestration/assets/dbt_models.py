"""The dbt models as assets, one op per phase, because a gate or a predictive model stands between phases."""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, dbt_assets
from dagster_dbt.asset_utils import get_subset_selection_for_context
from dagster_dbt.core.dbt_cli_event import DbtCoreCliEventMessage

from orchestration.assets import WAREHOUSE_POOL
from orchestration.dbt import PHASES, DbtError
from orchestration.run import Run

GATE_KEY = dg.AssetKey("validity_gate")
_PHASE_WORDS = {
    "phase_staging": "stage and measure",
    "phase_identity": "collect identifiers",
    "phase_profiles": "build profiles",
    "phase_value": "build value and goals",
}


class RegularsTranslator(DagsterDbtTranslator):
    """Groups models by folder, and puts everything behind the gate that is not staging."""

    def __init__(self, owner: str) -> None:
        super().__init__(DagsterDbtTranslatorSettings(enable_asset_checks=True))
        self._owner = owner

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """Return schema and name, whether or not the model has versions; sources keep their two names."""
        if dbt_resource_props["resource_type"] == "source":
            return super().get_asset_key(dbt_resource_props)
        return dg.AssetKey([dbt_resource_props["schema"], dbt_resource_props["name"]])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """Return the model's folder (staging, quality, intermediate, marts) or `reference` for seeds."""
        if dbt_resource_props["resource_type"] == "seed":
            return "reference"
        return str(dbt_resource_props["fqn"][1])

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> list[str]:
        """Return the owner that the model's meta names, else the company's data team."""
        return list(super().get_owners(dbt_resource_props) or [self._owner])

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: Any) -> dg.AssetSpec:
        """Return the spec of a model, with the gate among its dependencies if it is built behind it."""
        spec = super().get_asset_spec(manifest, unique_id, project)
        node = manifest["nodes"].get(unique_id)
        if node is None or "phase_staging" in node["tags"] or any(dep.asset_key == GATE_KEY for dep in spec.deps):
            return spec
        return spec.replace_attributes(deps=[*spec.deps, dg.AssetDep(GATE_KEY)])


def phase_keys(manifest: Mapping[str, Any], phase: str, translator: RegularsTranslator) -> list[dg.AssetKey]:
    """Return the asset keys of a phase's models and seeds."""
    return [
        translator.get_asset_key(node)
        for node in manifest["nodes"].values()
        if node["resource_type"] in ("model", "seed") and phase in node["tags"]
    ]


def phase_assets(manifest: Mapping[str, Any], translator: RegularsTranslator) -> list[dg.AssetsDefinition]:
    """Return the four dbt ops of a run in their order."""
    return [_phase(phase, manifest, translator) for phase in PHASES]


def _phase(phase: str, manifest: Mapping[str, Any], translator: RegularsTranslator) -> dg.AssetsDefinition:
    @dbt_assets(
        manifest=manifest,
        select=f"tag:{phase}",
        name=f"dbt_{phase}",
        dagster_dbt_translator=translator,
        pool=WAREHOUSE_POOL,
    )
    def build(context: dg.AssetExecutionContext, run: dg.ResourceParam[Run]) -> Iterator[Any]:
        select, indirect = get_subset_selection_for_context(
            context=context,
            manifest=manifest,
            select=f"tag:{phase}",
            exclude=None,
            selector=None,
            dagster_dbt_translator=translator,
            current_dbt_indirect_selection_env=None,
        )
        failure = None
        words = _PHASE_WORDS[phase]
        with run.step(words) as counts:
            run.dbt.on_node = lambda node: run.progress(words, "running", node)
            try:
                # A test whose models belong to two phases waits for the later one.
                events = run.dbt.build(
                    [
                        *select, "--indirect-selection", indirect or "buildable",
                        "--exclude-resource-type", "unit_test",
                    ],
                    full_refresh=run.full_refresh,
                )  # fmt: skip
            except DbtError as error:
                events, failure = getattr(error, "events", []), error
            counts["models"] = sum(event["info"]["name"] != "LogTestResult" for event in events)
            counts["tests"] = len(events) - counts["models"]
            if failure:
                raise dg.Failure(description=str(failure), allow_retries=False)
        sizes = run.engine.table_sizes()
        for event in events:
            message = DbtCoreCliEventMessage(raw_event=event, event_history_metadata={})
            for output in message.to_default_asset_events(manifest, translator, context):
                yield _with_rows(output, event, manifest, sizes)

    return build


def _with_rows(output: Any, event: dict[str, Any], manifest: Mapping[str, Any], sizes: dict[str, int]) -> Any:
    """Add the table's rows to what Dagster shows of a model."""
    if not isinstance(output, dg.Output):
        return output
    node = manifest["nodes"][event["data"]["node_info"]["unique_id"]]
    rows = sizes.get(f"{node['schema']}.{node['alias']}")
    if rows is None:
        return output
    return output.with_metadata({**output.metadata, "dagster/row_count": rows})
