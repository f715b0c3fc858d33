"""`regulars goals`: where each goal stands and is going, and what its gap is made of."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from orchestration import cli_support as support
from orchestration.cli_options import COMPANY, CompanyOption, HomeOption, examples, guarded
from orchestration.cli_support import DONE

EXAMPLES = examples("regulars goals", "regulars goals repeat_rate", "regulars goals --json")


@guarded
def goals(
    goal: Annotated[str | None, typer.Argument(metavar="[GOAL]", help="Only this one, its gap taken apart.")] = None,
    company: CompanyOption = COMPANY,
    home: HomeOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Cards, courses and gaps as JSON.")] = False,
) -> int:
    """Where each goal stands, where it will be at its deadline, and which groups its gap comes from."""
    from orchestration.goals import read_goals
    from orchestration.published import open_published
    from orchestration.views.goals import goal_view, goals_view

    place, settings = support.home_for_reading(company, home)
    console = support.console()
    with open_published(place.published_file) as published:
        try:
            found = read_goals(published, goal)
        except LookupError as error:
            raise support.ExpectedError(str(error.args[0])) from error
    currency = settings.currency if settings else None
    if as_json:
        told = [{**one.card, "days": one.days, "gaps": one.gaps} for one in found]
        console.print(json.dumps(told, default=str), markup=False, highlight=False, soft_wrap=True)
    elif not found:
        raise support.ExpectedError(
            "No goals are published. State some under `goals` in the company file, then: regulars run"
        )
    else:
        console.print(goals_view(found, currency) if goal is None else goal_view(found[0], currency))
    return DONE
