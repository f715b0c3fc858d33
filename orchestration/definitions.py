"""Everything Dagster knows of Regulars: assets, checks, the main job, and what starts it around the clock.

`REGULARS_COMPANY` names the company file and `REGULARS_HOME` its home; without them the company file at the root of
the project is taken, so that `dagster dev` works from a clone.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import dagster as dg

from orchestration import outcome
from orchestration.assets.anomalies import anomaly_asset, anomaly_checks
from orchestration.assets.dbt_models import RegularsTranslator, phase_assets, phase_keys
from orchestration.assets.gate import gate_asset
from orchestration.assets.goals import goal_checks
from orchestration.assets.predictions import prediction_assets
from orchestration.assets.publication import postgres_asset, published_asset
from orchestration.assets.sources import source_assets
from orchestration.automation import new_files_sensor, timetable
from orchestration.company import COMPANY_VARIABLE, Company, load_company
from orchestration.dbt import PHASES, PROJECT_DIR
from orchestration.home import Home
from orchestration.postgres.errors import PostgresError
from orchestration.privacy import OUR_PACKAGES, redact
from orchestration.report import Problem
from orchestration.run import Run

MAIN_JOB = "sources_to_scorecard"
_WAIT_FOR_OTHER_RUN = 3600.0  # seconds; runs queue up behind one writer


def build_definitions(run: Run) -> dg.Definitions:
    """Return the definitions for one company and home.

    Args:
        run: Used by jobs that execute in this process. A job that Dagster launches makes a run of its own.
    """
    manifest = run.dbt.manifest()
    owner = run.company.company.owner
    translator = RegularsTranslator(owner)
    marts = [key for phase in PHASES for key in phase_keys(manifest, phase, translator)]
    assets = [
        *source_assets(run.company),
        *phase_assets(manifest, translator),
        gate_asset(run.rules, phase_keys(manifest, "phase_staging", translator), owner, run.company.warehouse.engine),
        anomaly_asset(owner),
        *prediction_assets(
            [dg.AssetKey(["intermediate", f"int_identity__{model}"]) for model in ("identifiers", "profiles")],
            owner,
        ),
        published_asset(marts, owner),
        *([] if run.company.postgres is None else [postgres_asset(owner)]),
    ]
    job = dg.define_asset_job(
        MAIN_JOB,
        selection=dg.AssetSelection.all(),
        description="Sources, raw, staging, gate, identity, marts, published copy.",
        hooks={tell_of_failure},
    )
    return dg.Definitions(
        assets=assets,
        asset_checks=[anomaly_checks(run.company), *goal_checks(run.company)],
        jobs=[job],
        schedules=[timetable(job, run.company)],
        sensors=[new_files_sensor(job, run.company, run.home)],
        resources={"run": _run_resource(run.company, run.home)},
        executor=dg.in_process_executor,  # a step in a process of its own costs seconds and would need the lock anew
    )


def _run_resource(company: Company, home: Home) -> dg.ResourceDefinition:
    """A run of its own for each job that Dagster launches, holding the home's lock from first to last step."""

    @dg.resource(description="One run of Regulars: company, home, lock, dbt.")
    def run(_: dg.InitResourceContext) -> Iterator[Run]:
        with home.create().lock(wait_seconds=_WAIT_FOR_OTHER_RUN):
            yield Run(company, home)

    return run


@dg.failure_hook(name="tell_of_failure", required_resource_keys={"run"})
def tell_of_failure(context: dg.HookContext) -> None:
    """Write what failed to the home's status, whoever started the run; a stop at the gate has been told already."""
    run: Run = context.resources.run
    told = run.home.read_status()
    if told is not None and told.run_id == run.run_id and told.outcome == "gate_stopped":
        return
    error = context.op_exception
    if isinstance(error, PostgresError):
        return  # told with the publication of the file, which stands
    # Our own errors and Dagster's failures are written for people; any other may quote someone's data.
    ours = type(error).__module__.split(".")[0] in OUR_PACKAGES
    words = getattr(error, "description", None) or (str(error) if ours else redact(f"{type(error).__name__}: {error}"))
    step = context.op.name.replace("__", "/")
    words = run.engine.lost() or words
    log = f"Dagster's pages show the trace (regulars dev), run {context.run_id}."
    run.problems.append(Problem(what=f"Step {step} failed: {words.strip()}", todo=log))
    outcome.record(run, "failed")


@dg.definitions
def defs() -> dg.Definitions:
    """What `dagster dev` and Dagster's daemon load."""
    company = load_company(Path(os.environ.get(COMPANY_VARIABLE) or PROJECT_DIR.parent / "company.yaml"))
    run = Run(company, Home.locate(company.company.id))
    run.home.create()
    run.dbt.parse()
    return build_definitions(run)
