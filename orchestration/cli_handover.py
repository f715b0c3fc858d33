"""`regulars handover`: what an employee's customers need when the employee changes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from orchestration import cli_support as support
from orchestration.cli_options import COMPANY, CompanyOption, HomeOption, examples, guarded
from orchestration.cli_support import DONE

EXAMPLES = examples(
    "regulars handover",
    "regulars handover office:E-04",
    "regulars handover 'Jonas Beck' --limit 50",
    "regulars handover jonas.beck@bakehouse.example --to handover.csv",
    "regulars handover E-04 --json",
)


@guarded
def handover(
    employee: Annotated[
        str | None,
        typer.Argument(metavar="[EMPLOYEE]", help="Number, e-mail address or name; without one: who there is."),
    ] = None,
    company: CompanyOption = COMPANY,
    home: HomeOption = None,
    limit: Annotated[int, typer.Option(min=1, help="How many customers to show.")] = 20,
    to: Annotated[
        Path | None,
        typer.Option("--to", help="All columns of all customers to a CSV file. Personal data: only you may read it."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="With --to: replace a file that is there.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Everything as JSON.")] = False,
) -> int:
    """What the customers of an employee need when the employee changes, and who has nobody left.

    Open tickets, last contact and its reason, what is due and may be offered, risk to leave, the most urgent first.
    """
    from orchestration.handover import as_plain, employees, gather_handover, write_csv
    from orchestration.published import open_published
    from orchestration.views.handover import employees_view, handover_view

    place, _ = support.home_for_reading(company, home)
    console = support.console()
    if employee is None and (to is not None or as_json):
        raise support.ExpectedError("Name the employee whose customers are meant. All of them: regulars handover")
    with open_published(place.published_file) as published:
        if employee is None:
            console.print(employees_view(employees(published)))
            return DONE
        found = gather_handover(published, employee)
    if as_json:
        console.print(
            json.dumps(as_plain(found), ensure_ascii=False, indent=2), markup=False, highlight=False, soft_wrap=True
        )
    if to is not None:
        written = write_csv(found, to, force=force)
        support.console(stderr=True).print(
            f"{written:,} customers in {to}. The file holds personal data.", markup=False, soft_wrap=True
        )
    if not as_json and to is None:
        console.print(handover_view(found, limit))
    return DONE
