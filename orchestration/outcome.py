"""What a run came to, read from the warehouse's own marts, so that people and `status.json` see the same numbers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from expectations.connection import tables_of
from orchestration.report import GateResult as GateLine
from orchestration.report import GoalLine, Outcome, RuleLine, RunReport, SourceLine
from orchestration.source_states import states_of, with_newest
from orchestration.warehouse import read_state
from sources.files.ledger import has_ledger

if TYPE_CHECKING:
    import duckdb

    from expectations.connection import Connection
    from expectations.verdict import GateResult
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
        charts=_if_there(run.home.value_charts) if run.company.charts.enabled else None,
        steps=list(run.steps),
        problems=list(dict.fromkeys(run.problems)),
    )
    with run.engine.control(read_only=True) as control:
        new_files = _new_files(control, run)
        report.source_states = states_of(control, run.company)
        report.publication_run_id = (read_state(control).get("published") or {}).get("run_id")
    with run.engine.report_reading() as con:
        if con is not None:
            _read_tables(con, run, report, new_files)
            report.source_states = with_newest(con, report.source_states)
    return report


def _read_tables(con: Connection, run: Run, report: RunReport, new_files: dict[str, int]) -> None:
    marts = tables_of(con, "marts")
    if {"source_loads", "data_validity_index"} <= marts.keys():
        report.sources = _sources(con, run, new_files)
        report.validity_overall = _validity(con).get(STANDING)
    # The scorecard is this run's only when the run got past the gate; otherwise it is yesterday's.
    if "kpi_scorecard" in marts:
        report.goals = _goals(con, run)
    if "int_as_of" in tables_of(con, "intermediate"):
        report.as_of = _as_of(con, "intermediate.int_as_of")
    elif "publication" in marts:
        report.as_of = _as_of(con, "marts.publication")


def _new_files(control: duckdb.DuckDBPyConnection, run: Run) -> dict[str, int]:
    """Files that this run loaded, by source; there is no ledger before the first load."""
    if not has_ledger(control):
        return {}
    return dict(
        control.execute(
            "SELECT source, count(*) FROM ledger.batches WHERE load_id = ? GROUP BY source", [run.run_id]
        ).fetchall()
    )


def scorecard_markdown(report: RunReport) -> str:
    """Return the goals as a Markdown table for Dagster's pages."""
    lines = ["| goal | target | actual | status |", "| --- | ---: | ---: | --- |"]
    for goal in report.goals:
        actual = "not measured" if goal.actual is None else f"{goal.actual:,.3f}"
        lines.append(f"| {goal.name} | {goal.target:,.3f} | {actual} | {goal.status} |")
    return "\n".join(lines)


def _validity(con: Connection) -> dict[str, float]:
    rows = con.execute(
        "SELECT source, validity FROM marts.data_validity_index WHERE load_id = ?", [STANDING]
    ).fetchall()
    return {source: validity for source, validity in rows if validity is not None}


def _sources(con: Connection, run: Run, new_files: dict[str, int]) -> list[SourceLine]:
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


def _goals(con: Connection, run: Run) -> list[GoalLine]:
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


def _as_of(con: Connection, table: str) -> datetime | None:
    rows = con.execute(f"SELECT as_of FROM {table}").fetchall()  # noqa: S608 - our own names
    return rows[0][0].replace(tzinfo=UTC) if rows and rows[0][0] is not None else None


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
