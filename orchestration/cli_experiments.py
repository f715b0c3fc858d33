"""`regulars experiments`: what the random arms of campaigns showed, and what they did not."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestration import cli_support as support
from orchestration.cli_options import COMPANY, CompanyOption, HomeOption, examples, guarded
from orchestration.cli_support import DONE

EXAMPLES = examples(
    "regulars experiments",
    "regulars experiments trials:nl20260521",
    "regulars experiments nl20260521 --json",
)


@guarded
def experiments(
    experiment: Annotated[str | None, typer.Argument(metavar="[ID]", help="One experiment, by its id or name.")] = None,
    company: CompanyOption = COMPANY,
    home: HomeOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Everything that is published of them, as JSON.")] = False,
) -> int:
    """What the random arms of campaigns show, with intervals, and what they do not. Reads what is published."""
    from orchestration.company_errors import did_you_mean
    from orchestration.experiments import matching, read_experiments, to_json, unknown_to_data
    from orchestration.published import open_published
    from orchestration.views.experiments import experiment_view, experiments_view

    place, settings = support.home_for_reading(company, home)
    with open_published(place.published_file) as published:
        reports = read_experiments(published)
    console = support.console()
    wanted = reports if experiment is None else matching(reports, experiment)
    if experiment is not None and not wanted:
        known = [name for report in reports for name in (report.id, report.id.partition(":")[2], report.name)]
        raise support.ExpectedError(
            f"There is no experiment `{experiment}` among those published{did_you_mean(experiment, known)}. "
            "All of them: regulars experiments"
        )
    if as_json:
        console.print(to_json(wanted), markup=False, highlight=False, soft_wrap=True)
        return DONE
    if not reports:
        raise support.ExpectedError(
            "No experiment is published. Map who was put into which arm to the entity experiment_assignments "
            "(docs/experiments.md), then run: regulars run"
        )
    if experiment is None:
        console.print(experiments_view(wanted))
    else:
        for report in wanted:
            console.print(experiment_view(report))
    for identity in unknown_to_data(settings, reports):
        console.print(f"`{identity}` of the company file has no assignments yet: is its id right?", markup=False)
    return DONE
