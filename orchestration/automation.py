"""What starts the main job around the clock: a timetable, and a sensor that sees new files land."""

from typing import Any

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from orchestration.company import Company
from orchestration.decisions import read_decisions
from orchestration.engines import engine_of
from orchestration.home import Home
from orchestration.pending import pending_files
from orchestration.warehouse import read_state

# Runs that are waiting or working; the sensor does not pile more on top of them.
_UNFINISHED = [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]


# Marks runs that the command line made; its value is our own run id.
COMMAND_LINE_TAG = "regulars/run_id"


def end_dead_runs(instance: dg.DagsterInstance) -> int:
    """Mark runs of the command line as failed that still count as going on; call it while no such run can be alive.

    Whoever runs from the command line holds the home's lock from before Dagster knows of the run until after its end. A
    killed process cannot tell Dagster that it is dead, and its run would keep every later one waiting.

    Returns:
        How many were marked.
    """
    alive = dg.RunsFilter(statuses=_UNFINISHED)
    dead = [run for run in instance.get_runs(alive) if COMMAND_LINE_TAG in run.tags]
    for run in dead:
        instance.report_run_failed(run, "The process that ran it has ended without saying so.")
    return len(dead)


def timetable(job: UnresolvedAssetJobDefinition, company: Company) -> dg.ScheduleDefinition:
    """Return the schedule that runs the main job at the company's hours, in its time zone."""
    return dg.ScheduleDefinition(
        name="timetable",
        job=job,
        cron_schedule=company.automation.schedule,
        execution_timezone=company.time_zone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Runs even when no file is new, so that ages, windows and goals move with the day.",
    )


def _published_decisions(company: Company, home: Home) -> str | None:
    """The digest of the decisions that the published copy shows."""
    with engine_of(company, home).control(read_only=True) as con:
        published: dict[str, Any] = read_state(con).get("published") or {}
    return published.get("decisions")


def new_files_sensor(job: UnresolvedAssetJobDefinition, company: Company, home: Home) -> dg.SensorDefinition:
    """Return the sensor that starts the main job when a source has new files, or a steward decided something."""

    @dg.sensor(
        name="new_files",
        job=job,
        minimum_interval_seconds=company.automation.look_for_new_files_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Starts a run when a file of a source is new or has changed, or a steward decided something.",
    )
    def new_files(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        if home.is_locked():
            return dg.SkipReason("Another process is writing to the home; looking again later.")
        end_dead_runs(context.instance)
        if context.instance.get_runs_count(dg.RunsFilter(job_name=job.name, statuses=_UNFINISHED)):
            return dg.SkipReason("A run is already waiting or working; it will load what is there.")
        # A file that could not be loaded starts no run until it changes: it would fail again, every minute.
        waiting = {name: files.certain for name, files in pending_files(company, home).items() if files.certain}
        decided = read_decisions(home).digest
        # The cursor holds the decisions that a run was asked for: one that fails is not asked for again, every minute.
        is_decided = (decided or "") != (context.cursor or "") and decided != _published_decisions(company, home)
        context.update_cursor(decided or "")
        if waiting:
            words = ", ".join(f"{source}: {files}" for source, files in sorted(waiting.items()))
            return dg.RunRequest(tags={"regulars/new_files": words})
        if is_decided:
            return dg.RunRequest(tags={"regulars/new_decisions": "yes"})
        return dg.SkipReason("No new files and no new decisions.")

    return new_files
