"""`regulars identity preview`: what a change of rules would merge and split, before it happens."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestration import cli_support as support
from orchestration.cli_options import COMPANY, CompanyOption, HomeOption, examples, guarded, open_company
from orchestration.cli_support import DONE

EXAMPLES = examples(
    "regulars identity preview -c changed-company.yaml",
    "regulars identity preview --limit 50",
    "regulars identity preview --json",
)


@guarded
def preview(
    company: CompanyOption = COMPANY,
    home: HomeOption = None,
    limit: Annotated[int, typer.Option("--limit", min=0, help="How many merges and splits to show.")] = 20,
    json: Annotated[bool, typer.Option("--json", help="The same as JSON.")] = False,
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait for a run that is still going.")] = 0,
) -> int:
    """What the rules of a company file would merge and split, on the data of the last run. Writes nothing.

    Change `identity` in a copy of the company file and name the copy with -c; decisions that no run has taken up yet
    count as well.
    """
    from orchestration.identity_preview import PreviewError
    from orchestration.identity_preview import preview as find
    from orchestration.views.identity_preview import as_json, preview_view

    settings, place = open_company(company, home)
    console = support.console()
    try:
        with support.console(stderr=True).status("looking …") as spinner:
            found = find(settings, place, wait_seconds=wait, tell=lambda words: spinner.update(f"{words} …"))
    except PreviewError as error:
        raise support.ExpectedError(str(error)) from error
    if json:
        console.print(as_json(found), markup=False, highlight=False, soft_wrap=True)
    else:
        console.print(preview_view(found, limit))
    return DONE
