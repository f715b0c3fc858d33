"""`regulars sources`: what each source brought, adding one to the company file, and trying one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestration import cli_support as support
from orchestration.cli_options import COMPANY, CompanyOption, HomeOption, examples, guarded
from orchestration.cli_support import BAD_CONFIGURATION, DONE, FAILED

app = typer.Typer(
    name="sources",
    help="The sources: when each was loaded last, what it brought and how it changed. Adds and tries sources, too.",
    epilog=examples(
        "regulars sources",
        "regulars sources --json",
        "regulars sources anomalies",
        "regulars sources add shopify --name webshop",
        "regulars sources test webshop",
    ),
    rich_markup_mode="rich",
)


@app.callback(invoke_without_command=True)
def sources(
    context: typer.Context,
    company: CompanyOption = COMPANY,
    home: HomeOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as JSON.")] = False,
) -> None:
    """List the sources. Never opens the warehouse, so it answers while a run writes."""
    if context.invoked_subcommand is None:
        listing(company, home, as_json=as_json)


@guarded
def listing(company: Path, home: Path | None, *, as_json: bool) -> int:
    """Show every source of the company file with what the last run and the published copy know of it."""
    from orchestration.sources_list import as_text, sources_now
    from orchestration.views.sources import sources_view

    place, settings = support.home_for_reading(company, home)
    now = sources_now(place, settings)
    console = support.console()
    if as_json:
        console.print(as_text(now), markup=False, highlight=False, soft_wrap=True)
    else:
        console.print(sources_view(now, writer=support.writer(place)))
    return DONE


@app.command(epilog=examples("regulars sources anomalies", "regulars sources anomalies webshop --days 90"))
@guarded
def anomalies(
    source: Annotated[str | None, typer.Argument(help="Only this source.")] = None,
    company: CompanyOption = COMPANY,
    home: HomeOption = None,
    days: Annotated[int, typer.Option(min=1, help="Days before the newest finding.")] = 31,
    as_json: Annotated[bool, typer.Option("--json", help="The same as JSON.")] = False,
) -> int:
    """Days that do not look like their source's own past, with what was observed and what is usual."""
    from orchestration.source_anomalies import anomalies_now, as_text
    from orchestration.views.anomalies import anomalies_view

    place, settings = support.home_for_reading(company, home)
    if source is not None and settings is not None and source not in settings.sources:
        raise support.ExpectedError(f"The company file has no source {source}. It has: {', '.join(settings.sources)}.")
    now = anomalies_now(place, source, days)
    console = support.console()
    if as_json:
        console.print(as_text(now.rows), markup=False, highlight=False, soft_wrap=True)
    else:
        console.print(anomalies_view(now, writer=support.writer(place)))
    return DONE


@app.command(
    epilog=examples(
        "regulars sources add",
        "regulars sources add shopify",
        "regulars sources add zendesk --name helpdesk --set subdomain=bakehouse",
        "regulars sources add files --name tills --print",
    )
)
@guarded
def add(
    vendor: Annotated[
        str | None, typer.Argument(help="A vendor's name, or files. Without one they are listed.")
    ] = None,
    company: CompanyOption = COMPANY,
    name: Annotated[str | None, typer.Option(help="What the source is called. Default: the vendor's name.")] = None,
    given: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A setting's value; may be repeated.")
    ] = None,
    only_print: Annotated[bool, typer.Option("--print", help="Show the entry and write nothing.")] = False,
) -> int:
    """Write a source's entry, with comments, into the company file."""
    from orchestration.sources_add import add_source
    from orchestration.sources_entry import entry_of, kind_named
    from orchestration.views.sources import added_view, vendors_view

    console = support.console()
    if vendor is None:
        console.print(vendors_view())
        return DONE
    kind = kind_named(vendor)
    if only_print:
        console.print(entry_of(kind, name, given or ()).text, markup=False, highlight=False, soft_wrap=True)
        return DONE
    console.print(
        added_view(
            add_source(company, kind, name, given or ()), support.program(), support.given_options(company, None)
        )
    )
    return DONE


@app.command(name="list-vendors", epilog=examples("regulars sources list-vendors"))
@guarded
def list_vendors() -> int:
    """The systems that sources can be read from, and what each brings."""
    from orchestration.views.sources import vendors_view

    support.console().print(vendors_view())
    return DONE


@app.command(epilog=examples("regulars sources test webshop", "regulars sources test webshop --object orders"))
@guarded
def test(
    name: Annotated[str, typer.Argument(help="A source of the company file.")],
    company: CompanyOption = COMPANY,
    one: Annotated[str | None, typer.Option("--object", help="Only this object or dataset.")] = None,
) -> int:
    """Fetch one page, or look at the first file of each dataset, and say what is in it. Loads nothing."""
    from orchestration.company import load_company
    from orchestration.sources_test import SourceLookup, look_at
    from orchestration.views.sources import looks_view

    settings = load_company(company)
    lookup = SourceLookup.of(settings, name)
    console = support.console()
    with support.console(stderr=True).status(f"asking {name} …"):
        looks = list(look_at(settings, lookup, one))
    console.print(looks_view(lookup, looks))
    if any(look.problem is not None for look in looks):
        return BAD_CONFIGURATION if all(look.problem is not None for look in looks) else FAILED
    return DONE
