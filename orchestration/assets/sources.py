"""Raw data: one asset per configured source, and the mapped entities that staging reads."""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg

from orchestration import steps
from orchestration.assets import WAREHOUSE_POOL
from orchestration.company import Company
from orchestration.report import DriftLine
from orchestration.run import Run
from sources.entities import ENTITIES

# A share that is away for a moment or a file that is still being written often mends itself.
_RETRIES = dg.RetryPolicy(max_retries=2, delay=5, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS)

DRIFT_CHECK = "drift"
_DRIFT_COLUMNS = dg.TableSchema(columns=[dg.TableColumn(name) for name in ("dataset", "change", "field", "says")])

# What the preparing step writes for dbt to read, as the keys under which dbt's sources appear in Dagster.
PREPARED = {
    "mapped": (*ENTITIES, "raw_json"),
    "ledger": ("batches", "loads"),
    "meta": ("run_context", "gate_passes"),
    "quality": ("judged_emails", "judged_countries", "judged_phones", "judged_postcodes", "judged_names"),
}


def raw_key(source: str) -> dg.AssetKey:
    """Return the asset key of a source's raw tables."""
    return dg.AssetKey(["raw", source])


def source_assets(company: Company) -> list[dg.AssetsDefinition]:
    """Return one loading asset per source of the company file, and the preparing step behind them."""
    loads = [_source_asset(name, company) for name in company.sources]
    return [*loads, _prepared_entities(company)]


def _source_asset(name: str, company: Company) -> dg.AssetsDefinition:
    source = company.sources[name]

    @dg.asset(
        key=raw_key(name),
        check_specs=[
            dg.AssetCheckSpec(
                DRIFT_CHECK,
                asset=raw_key(name),
                description="Every dataset has the fields it had before. Blocks nothing: no value is lost.",
            )
        ],
        group_name="sources",
        owners=[source.owner] if source.owner else None,
        description=f"Everything that {name} ({source.channel.replace('_', ' ')}) has sent, as received, append-only.",
        kinds={"python", company.warehouse.engine},
        pool=WAREHOUSE_POOL,
        retry_policy=_RETRIES,
        tags={"channel": source.channel},
    )
    def load(context: dg.AssetExecutionContext, run: dg.ResourceParam[Run]) -> dg.MaterializeResult:
        with run.step(f"load {name}") as counts:
            counts.update(steps.load_source(run, name))
        for problem in run.problems:
            if problem.source == name:
                context.log.warning(f"{problem.file}: {problem.what} {problem.todo}")
        return dg.MaterializeResult(
            metadata={**counts, "load_id": run.run_id}, check_results=[_drift_result(run.drift.get(name, []))]
        )

    return load


def _drift_result(drift: Sequence[DriftLine]) -> dg.AssetCheckResult:
    fields = [
        dg.TableRecord(
            {"dataset": one.dataset, "change": one.kind.replace("_", " "), "field": one.field, "says": one.words}
        )
        for one in drift
    ]
    return dg.AssetCheckResult(
        check_name=DRIFT_CHECK,
        passed=not drift,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{len(drift)} fields changed." if drift else "No field changed.",
        metadata={"fields": dg.MetadataValue.table(fields, schema=_DRIFT_COLUMNS)} if drift else {},
    )


def _prepared_entities(company: Company) -> dg.AssetsDefinition:
    raw = [raw_key(name) for name in company.sources]
    specs = [
        dg.AssetSpec(
            [schema, table],
            deps=raw,
            group_name="sources",
            kinds={"python", company.warehouse.engine},
            description=f"{schema}.{table}: read by dbt's staging models.",
        )
        for schema, tables in PREPARED.items()
        for table in tables
    ]
    specs += [
        dg.AssetSpec(
            ["staging", f"stg_{vendor.name}__{entity}"],
            deps=[raw_key(name) for name, source in company.sources.items() if source.type == vendor.name],
            group_name="sources",
            kinds={"dbt", company.warehouse.engine},
            description=f"{entity} of {vendor.label}, from its records as received.",
        )
        for vendor in company.vendors
        for entity in vendor.entities
    ]

    @dg.multi_asset(name="prepared_entities", specs=specs, pool=WAREHOUSE_POOL)
    def prepared_entities(run: dg.ResourceParam[Run]) -> Iterator[Any]:
        with run.step("map and judge") as counts:
            counts.update(steps.prepare(run))
        yield from (dg.MaterializeResult(asset_key=spec.key, metadata=counts) for spec in specs)

    return prepared_entities
