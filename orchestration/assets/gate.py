"""The gate: Great Expectations over staging, blocking below the validity goal."""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg

from expectations.catalogue import Rule
from expectations.verdict import GateResult, percent
from orchestration import outcome, steps
from orchestration.assets import WAREHOUSE_POOL
from orchestration.assets.dbt_models import GATE_KEY
from orchestration.run import Run
from orchestration.views.validity_report import sparkline
from orchestration.views.words import bar

GOAL_CHECK = "validity_goal"


def gate_asset(rules: Sequence[Rule], upstream: Sequence[dg.AssetKey], owner: str, engine: str) -> dg.AssetsDefinition:
    """Return the gate behind the staging phase.

    Its check `validity_goal` blocks what comes after; one check per entity shows Great Expectations' verdicts on
    the rules and does not block, because the goal weighs all rules together.
    """
    entities = sorted({rule.entity for rule in rules})
    checks = [
        dg.AssetCheckSpec(
            GOAL_CHECK,
            asset=GATE_KEY,
            blocking=True,
            description="Weighted validity over all rules reaches the goal of the company file.",
        ),
        *(
            dg.AssetCheckSpec(
                f"{entity}_rules",
                asset=GATE_KEY,
                description=f"Each rule on {entity} holds for its share of records.",
            )
            for entity in entities
        ),
    ]

    @dg.asset(
        key=GATE_KEY,
        deps=list(upstream),
        group_name="quality",
        owners=[owner],
        description="Great Expectations over staging. Below the goal nothing behind it runs; the published copy stays.",
        kinds={"greatexpectations", engine},
        check_specs=checks,
        pool=WAREHOUSE_POOL,
    )
    def validity_gate(context: dg.AssetExecutionContext, run: dg.ResourceParam[Run]) -> Iterator[Any]:
        with run.step("gate") as counts:
            verdict = steps.gate(run)
            counts["expectations"] = len(verdict.expectations)
        if not verdict.passed:
            outcome.record(run, "gate_stopped")
            context.log.error(verdict.message)
        yield dg.MaterializeResult(
            metadata={
                "validity": dg.MetadataValue.float(verdict.validity or 0.0),
                "goal": verdict.goal,
                "expectations": len(verdict.expectations),
                "data_docs": dg.MetadataValue.path(str(verdict.docs_path or "")),
                "sources": dg.MetadataValue.md(_sources(verdict)),
                "mend_first": dg.MetadataValue.md(_ranking(verdict)),
            },
            check_results=[_goal_result(verdict), *(_entity_result(entity, verdict) for entity in entities)],
        )

    return validity_gate


def _goal_result(verdict: GateResult) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=GOAL_CHECK,
        passed=verdict.passed,
        severity=dg.AssetCheckSeverity.ERROR,
        description=verdict.message,
        metadata={"validity": verdict.validity or 0.0, "goal": verdict.goal},
    )


def _entity_result(entity: str, verdict: GateResult) -> dg.AssetCheckResult:
    results = [result for result in verdict.expectations if result.entity == entity]
    missed = [result.rule for result in results if not result.success]
    return dg.AssetCheckResult(
        check_name=f"{entity}_rules",
        passed=not missed,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"Below their floor: {', '.join(missed)}." if missed else "All rules hold.",
        metadata={"rules": len(results), "below_their_floor": len(missed)},
    )


def _ranking(verdict: GateResult) -> str:
    lines = ["| gain | source | rule | passes | what it says |", "| ---: | --- | --- | ---: | --- |"]
    lines += [
        f"| {rule.points_lost:+.2f} | {rule.source} | {rule.rule} | {percent(rule.validity)} | {rule.says} |"
        for rule in verdict.worst_rules
    ]
    return "\n".join(lines)


def _sources(verdict: GateResult) -> str:
    lines = ["| source | validity | | goal | trend | |", "| --- | ---: | --- | ---: | --- | --- |"]
    lines += [
        f"| {line.source} | {percent(line.validity)} | {bar(line.validity, '').plain} | {percent(line.goal)} "
        f"| {sparkline(line.trend)} | {'held back' if line.is_held_back else ''} |"
        for line in verdict.sources
    ]
    return "\n".join(lines)
