"""`regulars publish`: bring PostgreSQL to what is published, without a run."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestration import cli_support as support
from orchestration.cli_options import COMPANY, CompanyOption, HomeOption, examples, guarded, open_company
from orchestration.cli_support import DONE, FAILED

EXAMPLES = examples("regulars publish", "regulars publish --wait 600")


@guarded
def publish(
    company: CompanyOption = COMPANY,
    home: HomeOption = None,
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait for a run that is going on.")] = 0,
) -> int:
    """Copy the published marts to PostgreSQL again: what changed, or what is missing there. Builds nothing."""
    from orchestration.views.run import RunProgress

    settings, place = open_company(company, home)
    if settings.postgres is None:
        raise support.ExpectedError(
            f"{settings.path} names no PostgreSQL, so there is nothing to do: the files are published by each run. "
            "To publish there, add `postgres:` to it (docs/company-file.md)."
        )
    support.environment_or_stop(settings)
    from orchestration.postgres.step import try_to_publish
    from orchestration.run import Run
    from orchestration.views.problems import run_problems

    console = support.console()
    with RunProgress(console) as progress, place.create().lock(wait_seconds=wait):
        this = Run(settings, place, progress=progress)
        error = try_to_publish(this)
    if error is not None:
        support.console(stderr=True).print(run_problems(this.problems))
        return FAILED
    console.print(f"{settings.postgres.shown}, schema {settings.postgres.schema_name}: up to date.", highlight=False)
    return DONE
