"""One check per goal: a missed one warns, with what its gap is made of, and blocks nothing."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from orchestration.assets import WAREHOUSE_POOL
from orchestration.assets.publication import PUBLISHED_KEY
from orchestration.company import Company
from orchestration.goals import GoalCard, explanation, read_goals
from orchestration.published import open_published
from orchestration.run import Run

SCORECARD_KEY = dg.AssetKey(["marts", "kpi_scorecard"])
_SHOWN = ("dimension", "group_name", "actual", "share_of_base", "gap_contribution", "trend_30d_contribution")
_COLUMNS = dg.TableSchema(
    columns=[dg.TableColumn(name, "string" if name in _SHOWN[:2] else "float") for name in _SHOWN]
)


def goal_checks(company: Company) -> list[dg.AssetChecksDefinition]:
    """Return the checks of the goals, which show what is published; none where the company has no goals."""
    if not company.goals:
        return []

    @dg.multi_asset_check(
        name="goals",
        specs=[
            dg.AssetCheckSpec(
                f"goal_{goal.id}",
                asset=SCORECARD_KEY,
                additional_deps=[PUBLISHED_KEY],
                description=f"{goal.name}: the goal is not missed. Blocks nothing.",
            )
            for goal in company.goals
        ],
        pool=WAREHOUSE_POOL,
    )
    def goals(run: dg.ResourceParam[Run]) -> Iterator[Any]:
        with open_published(run.home.published_file) as published:
            known = {goal.id: goal for goal in read_goals(published)}
        for goal in company.goals:
            yield check_result(known[goal.id], company.currency)

    return [goals]


def check_result(goal: GoalCard, currency: str) -> dg.AssetCheckResult:
    """Return a goal's check: passed unless it is missed, else a warning with the gap by group."""
    rows = [dg.TableRecord({name: row[name] for name in _SHOWN}) for row in goal.gaps]
    numbers = {name: goal.card.get(name) for name in ("target", "actual", "attainment", "trend_30d")}
    return dg.AssetCheckResult(
        asset_key=SCORECARD_KEY,
        check_name=f"goal_{goal.id}",
        passed=not goal.is_red,
        severity=dg.AssetCheckSeverity.WARN,
        description=explanation(goal, currency),
        metadata={
            **{name: value for name, value in numbers.items() if value is not None},
            **({"gap": dg.MetadataValue.table(rows, schema=_COLUMNS)} if goal.is_red and rows else {}),
        },
    )
