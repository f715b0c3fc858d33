"""The search for anomalies as an asset, and one check per source that warns and blocks nothing."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from orchestration.anomalies import find_anomalies
from orchestration.assets import WAREHOUSE_POOL
from orchestration.assets.dbt_models import GATE_KEY
from orchestration.assets.sources import raw_key
from orchestration.company import Company
from orchestration.run import Run

ANOMALY_CHECK = "anomalies"
PROFILES_KEY = dg.AssetKey(["quality", "daily_profiles"])
ANOMALY_KEYS = [dg.AssetKey(["anomalies", table]) for table in ("findings", "judged")]
_SHOWN = ("day", "entity", "kind", "field", "observed", "expected", "usual_from", "usual_to", "p_value", "says")
_COLUMNS = dg.TableSchema(
    columns=[dg.TableColumn(name, "float" if name in _SHOWN[4:9] else "string") for name in _SHOWN]
)


def anomaly_asset(owner: str) -> dg.AssetsDefinition:
    """Return the step behind the gate that judges days not judged before and keeps what it finds.

    It stands behind the gate because a delivery that is stopped there will come again, corrected.
    """
    specs = [
        dg.AssetSpec(
            key,
            deps=[PROFILES_KEY, GATE_KEY],
            group_name="quality",
            owners=[owner],
            kinds={"python"},
            description="Days out of line with their source's own past, and the days that were judged.",
        )
        for key in ANOMALY_KEYS
    ]

    @dg.multi_asset(name="anomalies", specs=specs, pool=WAREHOUSE_POOL)
    def anomalies(run: dg.ResourceParam[Run]) -> Iterator[Any]:
        with run.step("compare with the past") as counts:
            counts.update(find_anomalies(run))
        yield from (dg.MaterializeResult(asset_key=key, metadata=counts) for key in ANOMALY_KEYS)

    return anomalies


def anomaly_checks(company: Company) -> dg.AssetChecksDefinition:
    """Return the checks of the sources, which show what this run found of each."""

    @dg.multi_asset_check(
        name="anomalies_of_sources",
        specs=[
            dg.AssetCheckSpec(
                ANOMALY_CHECK,
                asset=raw_key(name),
                additional_deps=ANOMALY_KEYS,
                description="The days judged last look like the source's own past. Blocks nothing.",
            )
            for name in company.sources
        ],
        pool=WAREHOUSE_POOL,
    )
    def anomalies_of_sources(run: dg.ResourceParam[Run]) -> Iterator[Any]:
        for name in company.sources:
            yield check_result(name, run.anomalies.get(name, ()))

    return anomalies_of_sources


def check_result(source: str, found: Sequence[Mapping[str, Any]]) -> dg.AssetCheckResult:
    """Return a source's check: passed where nothing is out of line, else a warning with every number."""
    rows = [
        dg.TableRecord({name: row[name] if isinstance(row[name], float) else str(row[name]) for name in _SHOWN})
        for row in found
    ]
    return dg.AssetCheckResult(
        asset_key=raw_key(source),
        check_name=ANOMALY_CHECK,
        passed=not found,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{len(found)} findings." if found else "Nothing is out of line with the past.",
        metadata={"findings": dg.MetadataValue.table(rows, schema=_COLUMNS)} if found else {},
    )
