"""`regulars validity`: how valid the data is, how that moves, and what to mend first."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from orchestration import cli_support as support
from orchestration.cli_options import COMPANY, CompanyOption, HomeOption, examples, guarded
from orchestration.cli_support import DONE, FAILED

EXAMPLES = examples(
    "regulars validity",
    "regulars validity --source webshop",
    "regulars validity --entity customers --limit 30",
    "regulars validity --loads",
    "regulars validity --rules",
    "regulars validity --rules --markdown > docs/rules.md",
    "regulars validity --json",
)


@guarded
def validity(
    company: CompanyOption = COMPANY,
    home: HomeOption = None,
    source: Annotated[str | None, typer.Option(help="Only this source, with its entities and fields.")] = None,
    entity: Annotated[str | None, typer.Option(help="Only this entity, with its fields.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many rules to rank.")] = 10,
    loads: Annotated[bool, typer.Option("--loads", help="Also the index of the last loads.")] = False,
    rules: Annotated[bool, typer.Option("--rules", help="The rule catalogue instead.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="With --rules: as a page of Markdown.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Everything the gate found, as JSON.")] = False,
) -> int:
    """How valid the data is, how that moves, and what to mend first. Never opens the warehouse."""
    from orchestration.validity import last_report
    from orchestration.views.validity_report import validity_view

    place, settings = support.home_for_reading(company, home)
    console = support.console()
    if rules:
        from expectations.rules_page import rules_markdown
        from orchestration.catalogue import catalogue_of
        from orchestration.views.rules import rules_view

        if settings is None:
            raise support.ExpectedError("The rules belong to a company file. Name it: --company company.yaml")
        wanted_rules = [rule for rule in catalogue_of(settings) if entity in (None, rule.entity)]
        if markdown:
            sys.stdout.write(rules_markdown(wanted_rules))
        else:
            console.print(rules_view(wanted_rules))
        return DONE
    report = last_report(place)
    if as_json:
        console.print(report.to_json() if report else "null", markup=False, highlight=False, soft_wrap=True)
        return DONE if report else FAILED
    if report is None:
        raise support.ExpectedError(f"Nothing in {place.path} has been judged yet. Start a run: regulars run")
    for word, wanted, known in (
        ("source", source, {line.source for line in report.sources}),
        ("entity", entity, {line.entity for line in report.fields}),
    ):
        if wanted is not None and wanted not in known:
            raise support.ExpectedError(
                f"There is no {word} `{wanted}` in the last judgement: {', '.join(sorted(known))}."
            )
    console.print(validity_view(report, source=source, entity=entity, limit=limit, show_loads=loads))
    return DONE
