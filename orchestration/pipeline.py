"""One run from the command line: is there anything to do, and if so Dagster's main job in this process."""

from __future__ import annotations

import io
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration import outcome
from orchestration.check import check_sources, engine_problems
from orchestration.company_errors import CompanyError
from orchestration.home import is_out_of_room, out_of_room
from orchestration.pending import pending_files
from orchestration.postgres.step import is_behind, try_to_publish
from orchestration.report import Problem, RunReport
from orchestration.run import Progress, Run
from orchestration.steps import can_publish_again, load_source, path_notices, publish
from orchestration.warehouse import ledger_mark, read_state
from sources.files.ledger import ensure_ledger

if TYPE_CHECKING:
    import dagster as dg
    import duckdb

    from orchestration.company import Company
    from orchestration.home import Home

# One writer on the warehouse, one run at a time, no word to anyone outside.
_DAGSTER_SETTINGS = """\
nux:
  enabled: false
telemetry:
  enabled: false
concurrency:
  pools:
    default_limit: 1
    granularity: run
  runs:
    max_concurrent_runs: 1
run_monitoring:
  enabled: true
event_log_storage:
  module: orchestration.event_log
  class: EventLog
  config:
    home: {env: DAGSTER_HOME}
"""


def run(
    company: Company,
    home: Home,
    *,
    full_refresh: bool = False,
    wait_seconds: float = 0.0,
    progress: Progress | None = None,
) -> RunReport:
    """Run the company from its sources to the published scorecard.

    When no file is new and nothing that shapes the tables has changed since the last publication, nothing is built
    and neither Dagster, dbt nor Great Expectations is imported.

    Args:
        company: The validated company file.
        home: Where the warehouse lies; made when missing.
        full_refresh: Build every table anew from raw, whatever is known to be unchanged.
        wait_seconds: How long to wait for another run that holds the home.
        progress: Told of each step.

    Returns:
        The report, also written to the home's status file.

    Raises:
        CompanyError: A source that was never loaded has no files, or not the columns that are mapped.
        HomeBusyError: Another run holds the home.
        HomeError: The home cannot be written, or its disk is full.
        WarehouseError: The warehouse cannot be opened.
    """
    this = Run(company, home.create(), full_refresh=full_refresh, progress=progress or (lambda *_: None))
    with home.lock(wait_seconds=wait_seconds):
        if not full_refresh and _stands(this):
            harm = _harm(this)
            if not harm:
                if is_behind(this):
                    try_to_publish(this)  # the last run could not, or somebody dropped something there
                return outcome.record(this, "nothing_new")
            if can_publish_again(this):
                return _mend(this, harm)
        _refuse_unusable_sources(this)
        try:
            with _libraries_hold_their_tongue():
                report = _execute(this)
        except Exception as error:
            if is_out_of_room(error, home.path):
                raise out_of_room(home) from error
            raise
        if report.outcome == "failed" and any(is_out_of_room(problem.what, home.path) for problem in report.problems):
            raise out_of_room(home)
        return report


@contextmanager
def _libraries_hold_their_tongue() -> Iterator[None]:
    """Keep off the terminal what libraries write there when their own logs fail: on a full disk, pages of traces."""
    before = logging.raiseExceptions
    logging.raiseExceptions = False
    try:
        with redirect_stderr(io.StringIO()):
            yield
    finally:
        logging.raiseExceptions = before


def _stands(this: Run) -> bool:
    """Whether what was published last has all there is: every file, load and decision."""
    if not this.home.status_file.exists() and not this.home.published_file.exists():
        return False
    with this.step("look for new files") as counts:
        waiting = pending_files(this.company, this.home)
        counts["new files"] = sum(files.certain for files in waiting.values())
    if counts["new files"]:
        return False
    with this.engine.control(read_only=True) as con:
        ensure_ledger(con)
        published = _published(con)
        # A run that was killed, that failed or that the gate stopped has loaded what readers do not see yet.
        is_shown = published.get("loads") == ledger_mark(con)
    if not is_shown or published.get("run_id") is None:
        return False
    moves_with_the_day = this.company.as_of == "now" and published.get("day") != this.today()
    if published.get("fingerprint") != this.fingerprint or moves_with_the_day:
        return False
    if published.get("decisions") != this.decisions.digest:
        return False
    for name, files in waiting.items():
        this.problems.extend(path_notices(name, files.problems))
    this.problems.extend(this.decisions.problems)
    return not any(_brings_something(this, name) for name, files in waiting.items() if files.doubtful)


def _published(con: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    return read_state(con).get("published") or {}


def _harm(this: Run) -> list[str]:
    """What has happened to the published copy since it was published, in words."""
    from orchestration.published_files import harm_done

    with this.engine.control(read_only=True) as con:
        published = _published(con)
    return harm_done(this.home, str(published["run_id"]), published.get("files"))


def _mend(this: Run, harm: list[str]) -> RunReport:
    """Publish the marts again, as they stand in the warehouse: they are those that readers had."""
    with this.engine.control(read_only=True) as con:
        run_id = str(_published(con)["run_id"])
    with this.step("publish again") as counts:
        counts.update(publish(this, run_id))
    more = f" (and {len(harm) - 1} more)" if len(harm) > 1 else ""
    what = f"The published copy in {this.home.published} was harmed: {harm[0]}{more}. It has been published again."
    this.problems.append(
        Problem(
            what=what,
            todo="Readers connect again. Open it read-only, and let nobody else write there.",
            is_failure=False,
        )
    )
    return outcome.record(this, "published")


def _brings_something(this: Run, source: str) -> bool:
    """Load a source whose files are doubtful and say whether anything came of it."""
    with this.step(f"look again at {source}") as counts:
        counts.update(load_source(this, source))
    return bool(counts["files"] or counts["received"])


def _refuse_unusable_sources(this: Run) -> None:
    """Stop before the first load of a dataset whose path or columns are wrong: that is a mistake in the company file.

    Once a dataset has been loaded, a missing or changed file is a problem of that file, and the rest goes on.

    Raises:
        CompanyError: Names file, line, key, what was found and what is allowed.
    """
    problems = engine_problems(this.company)
    if problems:
        raise CompanyError(problems)
    with this.engine.control(read_only=True) as con:
        ensure_ledger(con)
        rows = con.execute("SELECT DISTINCT source, dataset FROM ledger.batches").fetchall()
    known = {(str(source), str(dataset)) for source, dataset in rows}
    wanted = {
        (name, dataset)
        for name, source in this.company.sources.items()
        for dataset, settings in source.datasets.items()
        if settings.path
    }
    if wanted <= known:
        return
    unusable = [
        line for line in check_sources(this.company) if (line.source, line.dataset) not in known and line.is_unusable
    ]
    if unusable:
        raise CompanyError([problem for line in unusable for problem in line.problems])


def _execute(this: Run) -> RunReport:
    with this.step("start dagster and dbt"):
        from orchestration.automation import COMMAND_LINE_TAG, end_dead_runs
        from orchestration.definitions import MAIN_JOB, build_definitions

        this.dbt.parse()
        job = build_definitions(this).resolve_job_def(MAIN_JOB)
        instance = open_instance(this.home)
    with instance:
        end_dead_runs(instance)
        result = job.execute_in_process(
            instance=instance,
            raise_on_error=False,
            resources={"run": this},
            tags={COMMAND_LINE_TAG: this.run_id},
            # Its steps are shown by our own progress; the event log in the home keeps everything.
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
    # The gate, the publishing step and the failure hook write the report, so that runs from Dagster's pages have one.
    report = this.home.read_status()
    if report is not None and report.run_id == this.run_id:
        return report
    words = "The run ended before its first step" if not result.success else "The run wrote no report"
    this.problems.append(Problem(what=words, todo="See the run in Dagster's pages: regulars dev."))
    return outcome.record(this, "failed")


def open_instance(home: Home) -> dg.DagsterInstance:
    """Return Dagster's instance in the home, where its pages later find this run too."""
    import dagster as dg

    write_instance_settings(home.dagster)
    os.environ["DAGSTER_HOME"] = str(home.dagster)
    return dg.DagsterInstance.from_config(str(home.dagster))


def write_instance_settings(folder: Path) -> None:
    """Write Dagster's settings unless the folder has its own, such as storage on PostgreSQL."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = folder / "dagster.yaml"
    if not settings.exists():
        settings.write_text(_DAGSTER_SETTINGS, encoding="utf-8")
