"""What a run came to, read from the warehouse's own marts, so that people and `status.json` see the same numbers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from orchestration.report import GateResult as GateLine
from orchestration.report import GoalLine, Outcome, RuleLine, RunReport, SourceLine
from orchestration.warehouse import open_warehouse

if TYPE_CHECKING:
    from expectations.gate import GateResult
    from orchestration.run import Run

# Rows of the validity index that stand for everything held now, over all sources (see marts.data_validity_index).
STANDING = "all"


def record(run: Run, outcome: Outcome) -> RunReport:
    """Read the marts, write the report to the home's status file, and return it.

    Args:
        run: The run that ends here.
        outcome: How it ended.
    """
    report = read_report(run, outcome)
    if run.verdict is not None:
        report = report.replace(gate=_gate_line(run.verdict))
    run.home.write_status(report)
    return report


def read_report(run: Run, outcome: Outcome) -> RunReport:
    """Return the report of a run from what stands in the warehouse; tables not built yet leave their part empty."""
    report = RunReport(
        run_id=run.run_id,
        started_at=run.started_at,
        finished_at=datetime.now(UTC),
        outcome=outcome,
        company_id=run.company.id,
        company_name=run.company.name,
        company_file=str(run.company.path),
        currency=run.company.currency,
        validity_goal=run.company.validity.goal,
        published_path=_if_there(run.home.published_file),
        parquet_path=_if_there(run.home.parquet),
        data_docs=_if_there(run.home.data_docs / "index.html"),
        steps=list(run.steps),
        problems=list(dict.fromkeys(run.problems)),
    )
    with open_warehouse(run.home.warehouse) as con:
        tables = {f"{schema}.{name}" for schema, name in _tables(con)}
        if {"marts.source_loads", "marts.data_validity_index"} <= tables:
            report.sources = _sources(con, run)
            report.validity_overall = _validity(con).get(STANDING)
        # The scorecard is this run's only when the run got past the gate; otherwise it is yesterday's.
        if "marts.kpi_scorecard" in tables:
            report.goals = _goals(con, run)
        if "intermediate.int_as_of" in tables:
            report.as_of = _as_of(con)
        report.publication_run_id = _published_run(con)
    return report


def scorecard_markdown(report: RunReport) -> str:
    """Return the goals as a Markdown table for Dagster's pages."""
    lines = ["| goal | target | actual | status |", "| --- | ---: | ---: | --- |"]
    for goal in report.goals:
        actual = "not measured" if goal.actual is None else f"{goal.actual:,.3f}"
        lines.append(f"| {goal.name} | {goal.target:,.3f} | {actual} | {goal.status} |")
    return "\n".join(lines)


def _tables(con: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    rows = con.execute("SELECT schema_name, table_name FROM duckdb_tables()").fetchall()
    return [(str(schema), str(name)) for schema, name in rows]


def _validity(con: duckdb.DuckDBPyConnection) -> dict[str, float]:
    rows = con.execute(
        "SELECT source, validity FROM marts.data_validity_index WHERE load_id = ?", [STANDING]
    ).fetchall()
    return {source: validity for source, validity in rows if validity is not None}


def _sources(con: duckdb.DuckDBPyConnection, run: Run) -> list[SourceLine]:
    validity = _validity(con)
    counted = con.execute(
        """
        SELECT source, entity, sum(received), sum(valid), sum(quarantined), sum(duplicates)
        FROM marts.source_loads GROUP BY source, entity ORDER BY source, sum(received) DESC, entity
        """
    ).fetchall()
    counts: dict[str, list[SourceLine]] = {}
    for source, entity, *numbers in counted:
        received, valid, quarantined, duplicates = (int(number) for number in numbers)
        line = SourceLine(source, None, 0, received, valid, quarantined, duplicates, entity=entity)
        counts.setdefault(source, []).append(line)
    new_files = dict(
        con.execute(
            "SELECT source, count(*) FROM ledger.batches WHERE load_id = ? GROUP BY source", [run.run_id]
        ).fetchall()
    )
    lines = []
    for name, source in run.company.sources.items():
        first, *others = counts.get(name, [SourceLine(name)])
        whole = replace(
            first,
            channel=source.channel,
            files_new=int(new_files.get(name, 0)),
            validity=validity.get(name),
            goal=run.company.validity.goal,
        )
        lines += [whole, *others]
    return lines


def _goals(con: duckdb.DuckDBPyConnection, run: Run) -> list[GoalLine]:
    measured = {
        goal_id: (actual, attainment, status)
        for goal_id, actual, attainment, status in con.execute(
            "SELECT goal_id, actual, attainment, status FROM marts.kpi_scorecard"
        ).fetchall()
    }
    return [
        GoalLine(goal.id, goal.name, goal.target or 0.0, *measured.get(goal.id, (None, None, None)), unit=goal.unit)
        for goal in run.company.goals
    ]


def _as_of(con: duckdb.DuckDBPyConnection) -> datetime | None:
    rows = con.execute("SELECT as_of FROM intermediate.int_as_of").fetchall()
    return rows[0][0].replace(tzinfo=UTC) if rows and rows[0][0] is not None else None


def _published_run(con: duckdb.DuckDBPyConnection) -> str | None:
    rows = con.execute("SELECT value->>'run_id' FROM meta.state WHERE key = 'published'").fetchall()
    return str(rows[0][0]) if rows else None


def _gate_line(verdict: GateResult) -> GateLine:
    return GateLine(
        passed=verdict.passed,
        messages=verdict.message.splitlines(),
        worst_rules=[
            RuleLine(
                source=rule.source,
                rule=rule.rule,
                points_lost=rule.points_lost,
                entity=rule.entity,
                says=rule.says,
                records=rule.records,
                failed=rule.failed_records,
            )
            for rule in verdict.worst_rules
        ],
    )


def _if_there(path: Path) -> str | None:
    return str(path) if path.exists() else None
