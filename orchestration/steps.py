"""The steps between source and published copy, as plain functions over a `Run`.

Each opens the warehouse, does one thing, and returns what it counted. Dagster's assets and the tests call the same
functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, timedelta
from typing import TYPE_CHECKING

from expectations.verdict import percent
from orchestration.anomalies import UNSEEN
from orchestration.report import Problem
from orchestration.source_states import drift_lines, drift_notices, drift_of_load
from orchestration.warehouse import (
    BY_HAND,
    ledger_mark,
    read_state,
    record_gate_pass,
    write_run_context,
    write_state,
)

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from expectations.verdict import GateResult
    from orchestration.run import Counts, Run
    from sources.files.config import FilesSource
    from sources.files.errors import SourceError
    from sources.vendor import VendorSource


def load_source(run: Run, name: str) -> Counts:
    """Bring what is new at one source into its raw tables; files that cannot be read become problems of the run."""
    from sources.files.load import load_source as load
    from sources.files.load import pending

    source = run.company.source_for_use(name)
    with run.engine.control() as con:
        if any(file.why == "options" for file in pending(con, name, source, run.company.base).files):
            # Rows that tables were built from may be replaced: whoever comes after a kill must know.
            write_state(con, {"fingerprint": None})
        report = load(
            con,
            name,
            source,
            base=run.company.base,
            landing=run.home.landing,
            load_id=run.run_id,
            store=run.engine.store,
            progress=lambda dataset, done, files, rows: run.progress(
                f"load {name}", "running", f"{dataset}: {done:,} of {files:,} files, {rows:,} records"
            ),
        )
        asked = _ask_api(run, con, name, source)
        rows = con.execute("SELECT DISTINCT dataset FROM ledger.batches WHERE source = ?", [name]).fetchall()
        drift = drift_of_load(con, name, run.run_id)
    run.drift[name] = drift_lines(drift)
    run.problems.extend(drift_notices(name, drift))
    if report.reread:
        run.full_refresh = True  # rows that tables were built from have been replaced
    of_files = [file.error for file in report.files if file.error is not None]
    of_paths = [problem for problem in report.problems if problem not in of_files]
    loaded_before = {dataset for (dataset,) in rows}
    run.problems.extend(_problem(name, problem) for problem in of_files)
    run.problems.extend(_problem(name, problem) for problem in of_paths if problem.dataset not in loaded_before)
    run.problems.extend(path_notices(name, [problem for problem in of_paths if problem.dataset in loaded_before]))
    return {
        "files": report.files_loaded,
        "pages": asked["pages"],
        "received": report.rows_received + asked["received"],
        "unreadable": report.rows_rejected + asked["unreadable"],
    }


def _ask_api(run: Run, con: DuckDBPyConnection, name: str, source: FilesSource | VendorSource) -> dict[str, int]:
    """Fetch what is new from a source's API; what went wrong becomes a problem of the run."""
    from sources.vendor import VendorSource

    counts = {"pages": 0, "received": 0, "unreadable": 0}
    if not isinstance(source, VendorSource) or not source.asked:
        return counts
    from sources.files.load import begun_sink
    from sources.rest.fetch import load_api

    report = load_api(
        con,
        name,
        source,
        landing=run.home.landing,
        load_id=run.run_id,
        sink=begun_sink(con, name, run.run_id, run.engine.store),
        progress=lambda dataset, pages, records: run.progress(
            f"load {name}", "running", f"{dataset}: {pages:,} pages, {records:,} records"
        ),
    )
    run.problems.extend(_problem(name, problem) for problem in report.problems)
    run.problems.extend(
        Problem(source=name, file=dataset, what=notice, todo="", is_failure=False) for dataset, notice in report.notices
    )
    if any(outcome.status == "reread" for _, outcome in report.outcomes):
        run.full_refresh = True  # rows that tables were built from have been replaced
    counts["pages"] = sum(one.pages for one in report.objects)
    counts["received"] = sum(outcome.received for _, outcome in report.outcomes)
    counts["unreadable"] = sum(outcome.rejected for _, outcome in report.outcomes)
    return counts


def path_notices(source: str, problems: Sequence[SourceError]) -> list[Problem]:
    """Return what to say of paths that match nothing where files were loaded before: worth knowing, nothing is lost.

    Files may have been archived after the load, which is no failure; a share that is away looks the same.
    """
    return [replace(_problem(source, problem), is_failure=False) for problem in problems]


def _problem(source: str, problem: SourceError) -> Problem:
    return Problem(source=source, file=problem.path, what=problem.problem, todo=problem.fix)


def prepare(run: Run) -> Counts:
    """Map raw columns to entities, say what this run is, and judge contact values not seen before."""
    from sources.files.load import ensure_ledger

    with run.engine.control() as con:
        ensure_ledger(con)
        write_run_context(con, run.company, run.run_id, run.started_at)
        run.engine.map_sources(run, con)
        if run.full_refresh or read_state(con).get("fingerprint") != run.fingerprint:
            # What shapes the tables has changed, or a run that changed them did not end: incremental tables
            # must forget what they hold, and whoever comes after a kill must know that they did not yet.
            run.full_refresh = True
            write_state(con, {"fingerprint": None})
    if run.vendor_views:
        run.dbt.build(["--select", "tag:phase_received", "--exclude-resource-type", "unit_test"])
    with run.engine.control() as con:
        judged = run.engine.judge(run, con)
    return {f"{kind}_judged": count for kind, count in judged._asdict().items()}


def gate(run: Run) -> GateResult:
    """Judge what staging holds against the goals, write Data Docs and history; on a pass, remember the loads judged."""
    from expectations.gate import evaluate
    from expectations.verdict import OwnGoal
    from orchestration.validity import HISTORY, history_rows, keep_report, read_validity

    settings = run.company.validity
    with run.engine.reading() as con:
        verdict = evaluate(
            con,
            run.rules,
            goal=settings.goal,
            own_goals={name: OwnGoal(own.goal, own.below_goal) for name, own in settings.sources.items()},
            judge_new_loads_from_records=settings.judge_new_loads_from_records,
            docs_dir=run.home.data_docs,
        )
        found = None
        if verdict.validity is not None:
            found = read_validity(con, run, verdict), history_rows(con, run, passed=verdict.passed)
    if found is not None:
        report, rows = found
        keep_report(run.home, report)
        run.engine.keep(replace={}, append={HISTORY: rows})
    run.problems.extend(_held_back(verdict))
    if verdict.passed:
        with run.engine.control() as con:
            record_gate_pass(con, run.started_at, held_back=verdict.held_back)
    run.verdict = verdict
    return verdict


def _held_back(verdict: GateResult) -> list[Problem]:
    """What to say of sources whose new loads do not go on; nothing of them is lost."""
    return [
        Problem(
            source=line.source,
            what=(
                f"It is held back: its validity is below its own goal of {percent(line.goal)}. The others went on, and "
                "it stands as it did before its new loads."
            ),
            todo=f"See what to mend: regulars validity --source {line.source}",
            is_failure=False,
        )
        for line in verdict.sources
        if line.is_held_back
    ]


def resolve_identity(run: Run) -> Counts:
    """Join records to customers; keep them with the links that hold them, what changed, and what the next run needs."""
    from orchestration.identity_report import notices, write_charts

    step = "join records to customers"
    found = run.engine.resolve_identity(run, lambda words: run.progress(step, "running", words))
    run.engine.keep(replace=found.tables, append=found.added)
    write_charts(run.home, run.company, found)
    run.problems.extend(run.decisions.problems)
    run.problems.extend(notices(found))
    compared = {} if found.probable is None else {"pairs_compared": found.probable.compared}
    return {"rows_in": found.rows_in, **found.result.report.counts(), **compared}


def draw_charts(run: Run) -> Counts:
    """Write the page of charts from what was just published; what could not be drawn becomes a notice of the run."""
    from orchestration.value_report import write_value_report

    written = write_value_report(run.home, run.company)
    run.problems.extend(written.problems)
    return {"charts": written.charts}


def publish(run: Run, run_id: str | None = None) -> Counts:
    """Check the contract, put the marts beside the old copy and swap; then remember what was published.

    Args:
        run: The run.
        run_id: Whose marts they are, where not this run's: a copy that was harmed is published again.
    """
    from orchestration.contract import contract_tables
    from orchestration.publish import publish as publish_marts
    from orchestration.published_files import note_files

    run_id = run_id or run.run_id
    contract = contract_tables(run.dbt.manifest())
    with run.engine.reading() as con:
        as_of = con.execute("SELECT as_of FROM intermediate.int_as_of").fetchall()[0][0]
    keep = timedelta(minutes=run.company.parquet.keep_minutes)
    with run.engine.writer() as writer:
        report = publish_marts(
            writer, run.home, None, run_id, contract, as_of=as_of.replace(tzinfo=UTC), keep_parquet=keep
        )
    with run.engine.control() as con:
        published = {
            "run_id": run_id,
            "fingerprint": run.fingerprint,
            "day": run.today(),
            "loads": ledger_mark(con),
            "decisions": run.decisions.digest,
            "files": note_files(run.home),
        }
        write_state(con, {"fingerprint": run.fingerprint, "published": published, BY_HAND: False, UNSEEN: []})
    run.problems.extend(
        Problem(
            what=f"A folder stood in the place of the published copy and was moved to {folder}.",
            todo="Look whether anybody needs what is in it, and delete it.",
            is_failure=False,
        )
        for folder in report.set_aside
    )
    return {"tables": report.tables, "rows_out": report.rows}


def can_publish_again(run: Run) -> bool:
    """Whether the marts in the warehouse are those that were published, so that they can be published again.

    No run has prepared others since, nothing that shapes them has changed, and nobody has built one by hand.
    """
    with run.engine.control(read_only=True) as con:
        state = read_state(con)
        rows = con.execute("SELECT run_id FROM meta.run_context").fetchall()
    published = state.get("published") or {}
    return (
        rows == [(published.get("run_id"),)]
        and state.get("fingerprint") == run.fingerprint == published.get("fingerprint")
        and not state.get(BY_HAND)
        and run.dbt.manifest_path.exists()
    )
