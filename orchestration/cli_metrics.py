"""`regulars metric` and `regulars docs`: numbers of the semantic layer, the KPI dictionary and dbt's pages."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from orchestration import cli_support as support
from orchestration.cli_options import COMPANY, CompanyOption, HomeOption, examples, guarded, open_company
from orchestration.cli_support import DONE, FAILED

METRIC_EXAMPLES = examples(
    "regulars metric",
    "regulars metric repeat_rate",
    "regulars metric revenue --by month --by channel",
    "regulars metric orders --by customer__value_segment --where channel=web",
    "regulars metric open_rate --by campaign_name --sql",
)

docs_app = typer.Typer(
    name="docs",
    help="Pages about the tables: dbt's own, and the KPI dictionary.",
    epilog=examples("regulars docs build", "regulars docs kpis", "regulars docs kpis --check"),
    no_args_is_help=True,
    rich_markup_mode="rich",
)


@guarded
def metric(
    name: Annotated[str | None, typer.Argument(help="Without it, all metrics are listed.")] = None,
    company: CompanyOption = COMPANY,
    home: HomeOption = None,
    by: Annotated[list[str] | None, typer.Option(help="A dimension, or day, week, month, quarter, year.")] = None,
    where: Annotated[list[str] | None, typer.Option(metavar="DIMENSION=VALUE", help="Only where it is so.")] = None,
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Last day of trailing windows. Default: as published.")
    ] = None,
    show_sql: Annotated[bool, typer.Option("--sql", help="Also the SQL.")] = False,
) -> int:
    """One number of the company, or of any part of it: as docs/kpis.md defines it, from the published copy."""
    from orchestration.semantics.answer import answer, manifest_of
    from orchestration.semantics.layer import SemanticLayer
    from orchestration.views.metrics import answer_view, metrics_view

    place, settings = support.home_for_reading(company, home)
    layer = SemanticLayer.of(manifest_of(place, settings))
    console = support.console()
    if name is None:
        console.print(metrics_view(layer))
        return DONE
    found = answer(
        place,
        settings,
        layer,
        name,
        by=by or [],
        where=_pairs(where or []),
        as_of=None if as_of is None else as_of.date(),
    )
    console.print(answer_view(layer.metric(name), found, settings.currency if settings else None))
    if show_sql:
        console.print(f"\n{found.query.sql}", markup=False, highlight=False, soft_wrap=True)
        for value in found.query.values:
            console.print(f"? = {value}", markup=False, highlight=False, soft_wrap=True)
    return DONE


def _pairs(conditions: list[str]) -> dict[str, str]:
    pairs = [condition.partition("=") for condition in conditions]
    for dimension, sign, _ in pairs:
        if not sign or not dimension.strip():
            raise support.ExpectedError("Write a condition as dimension=value, such as --where channel=web.")
    return {dimension.strip(): value for dimension, _, value in pairs}


@docs_app.command(epilog=examples("regulars docs build", "regulars docs build --company shop.yaml --home /srv/shop"))
@guarded
def build(company: CompanyOption = COMPANY, home: HomeOption = None) -> int:
    """Build dbt's pages of a home: all tables with columns, words, tests and SQL, in a file that needs no network."""
    from orchestration.dbt_docs import build_docs

    settings, place = open_company(company, home)
    console = support.console()
    with support.console(stderr=True).status("dbt describes the warehouse …"):
        page = build_docs(settings, place)
    console.print(f"{page}", highlight=False, soft_wrap=True)
    return DONE


@docs_app.command(
    epilog=examples("regulars docs kpis", "regulars docs kpis --check", "regulars docs kpis --out /tmp/kpis.md")
)
@guarded
def kpis(
    company: CompanyOption = COMPANY,
    home: HomeOption = None,
    out: Annotated[Path | None, typer.Option(help="The file to write. Default: docs/kpis.md of the project.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail if the file is another.")] = False,
) -> int:
    """Write the KPI dictionary: what each number means, from dbt's metrics and the descriptions of the contract."""
    from orchestration.dbt import PROJECT_DIR
    from orchestration.dbt_docs import parsed_manifest
    from orchestration.semantics.dictionary import PAGE, kpi_page

    path = out or PROJECT_DIR.parent / PAGE
    if not path.parent.is_dir():
        raise support.ExpectedError(f"There is no folder {path.parent}. Name a file: --out kpis.md")
    settings, place = open_company(company, home)
    with support.console(stderr=True).status("dbt reads the project …"):
        page = kpi_page(parsed_manifest(settings, place))
    there = path.read_text(encoding="utf-8") if path.exists() else None
    console = support.console()
    if there == page:
        console.print(f"{path} is as it should be.", highlight=False, soft_wrap=True)
        return DONE
    if check:
        console.print(f"{path} is not what the models say. Run: regulars docs kpis", highlight=False, soft_wrap=True)
        return FAILED
    path.write_text(page, encoding="utf-8")
    console.print(f"wrote {path}", highlight=False, soft_wrap=True)
    return DONE
