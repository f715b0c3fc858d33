"""The command line: `regulars run`, `check`, `status`, `validity`, `quarantine`, `identity` and the rest.

Nothing heavy is imported before a command needs it, so that `--help` answers at once.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from orchestration import cli_support as support
from orchestration.cli_contract import app as contract_app
from orchestration.cli_experiments import EXAMPLES as EXPERIMENTS_EXAMPLES
from orchestration.cli_experiments import experiments
from orchestration.cli_goals import EXAMPLES as GOALS_EXAMPLES
from orchestration.cli_goals import goals
from orchestration.cli_handover import EXAMPLES as HANDOVER_EXAMPLES
from orchestration.cli_handover import handover
from orchestration.cli_identity import app as identity_app
from orchestration.cli_metrics import METRIC_EXAMPLES, docs_app, metric
from orchestration.cli_options import COMPANY, EXIT_CODES, CompanyOption, HomeOption, examples, guarded, open_company
from orchestration.cli_publish import EXAMPLES as PUBLISH_EXAMPLES
from orchestration.cli_publish import publish
from orchestration.cli_quarantine import app as quarantine_app
from orchestration.cli_sources import app as sources_app
from orchestration.cli_support import BAD_CONFIGURATION, DONE, FAILED, GATE_STOPPED
from orchestration.cli_validity import EXAMPLES as VALIDITY_EXAMPLES
from orchestration.cli_validity import validity

app = typer.Typer(
    name="regulars",
    help="Every customer known like a regular: from shops, e-mail, call centre and web to a published scorecard.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(sources_app)
app.command(epilog=VALIDITY_EXAMPLES)(validity)
app.command(epilog=GOALS_EXAMPLES)(goals)
app.command(epilog=EXPERIMENTS_EXAMPLES)(experiments)
app.command(epilog=HANDOVER_EXAMPLES)(handover)
app.add_typer(quarantine_app)
app.add_typer(identity_app)
app.command(epilog=METRIC_EXAMPLES)(metric)
app.add_typer(docs_app)
app.add_typer(contract_app)


@app.command(epilog=examples("regulars run", "regulars run -c shop.yaml --home /srv/shop", "regulars run --wait 600"))
@guarded
def run(
    company: CompanyOption = COMPANY,
    home: HomeOption = None,
    full_refresh: Annotated[bool, typer.Option("--full-refresh", help="Build every table anew from raw.")] = False,
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait for a run that is still going.")] = 0,
) -> int:
    """Run everything: load what is new, judge it, build the marts and publish them."""
    from orchestration.views.run import RunProgress, run_end

    settings, place = open_company(company, home)
    support.environment_or_stop(settings)
    from orchestration import pipeline

    console = support.console()
    with RunProgress(console) as progress:
        report = pipeline.run(settings, place, full_refresh=full_refresh, wait_seconds=wait, progress=progress)
    console.print(run_end(report, support.next_steps(report, company, home)))
    if report.outcome == "gate_stopped":
        return GATE_STOPPED
    return FAILED if report.has_failures else DONE


@app.command(epilog=examples("regulars check", "regulars check --company examples/real/company.yaml"))
@guarded
def check(company: CompanyOption = COMPANY) -> int:
    """Are company file and rules right, are the sources there, and do they have the mapped columns? Loads nothing."""
    from orchestration.catalogue import catalogue_of
    from orchestration.check import check_sources, engine_problems, goal_remarks
    from orchestration.company import environment_problems, load_company
    from orchestration.views.check import check_view
    from orchestration.views.problems import company_problems, run_problems

    settings = load_company(company)
    problems = environment_problems(settings)
    console = support.console()
    if not problems:
        catalogue_of(settings)
        checks = check_sources(settings)
        console.print(check_view(settings, checks))
        problems = [problem for line in checks for problem in line.problems] + engine_problems(settings)
    if problems:
        support.console(stderr=True).print(company_problems(problems))
        return BAD_CONFIGURATION
    remarks = goal_remarks(settings, datetime.now(ZoneInfo(settings.time_zone)).date())
    if remarks:
        console.print("", run_problems(remarks))
    console.print("\nEverything is in place. Next: regulars run", highlight=False)
    return DONE


app.command(epilog=PUBLISH_EXAMPLES)(publish)


@app.command(epilog=examples("regulars status", "regulars status --json", "regulars status --home /srv/shop"))
@guarded
def status(
    company: CompanyOption = COMPANY,
    home: HomeOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="The last run's report as JSON.")] = False,
) -> int:
    """The last run, validity and goals. Never opens the warehouse, so it answers while a run writes."""
    from orchestration.views.status import status_view

    place, settings = support.home_for_reading(company, home)
    report = place.read_status()
    console = support.console()
    if as_json:
        console.print(report.to_json() if report else "null", markup=False, highlight=False, soft_wrap=True)
        return DONE if report else FAILED
    published_run, published_at, goals, harm = support.published_now(place, settings)
    if report is None and published_run is None and harm is None and not place.is_locked():
        raise support.ExpectedError(f"No run yet in {place.path}. Start one: regulars run")
    console.print(
        status_view(
            report,
            published_run=published_run,
            published_at=published_at,
            published_goals=goals,
            published_harm=harm,
            writer=support.writer(place),
        )
    )
    return DONE


@app.command(
    epilog=examples(
        "regulars customer 4f1c2a9b", "regulars customer anna@example.org", "regulars customer '030 901820'"
    )
)
@guarded
def customer(
    who: Annotated[str, typer.Argument(metavar="ID|E-MAIL|PHONE", help="Also a loyalty card or an account id.")],
    company: CompanyOption = COMPANY,
    home: HomeOption = None,
) -> int:
    """One customer: profile, segments, value, consent, records with their reasons, and the last touchpoints."""
    from orchestration.customer import describe_matches, find_customers, gather
    from orchestration.published import open_published
    from orchestration.views.profile import choices_view, profile_view

    place, settings = support.home_for_reading(company, home)
    with open_published(place.published_file) as published:
        found = find_customers(published, who, settings.country if settings else None)
        if len(found) > 1:
            support.console().print(choices_view(describe_matches(published, found)))
            return DONE
        if not found:
            hint = "" if settings else " Without a company file, write a phone number with its country code (+49 …)."
            raise support.ExpectedError(
                "No customer has this id, e-mail address, phone number or card."
                + hint
                + " Records that were quarantined belong to no customer: regulars quarantine."
            )
        support.console().print(profile_view(gather(published, found[0], who), settings.currency if settings else None))
    return DONE


@app.command(epilog=examples("regulars charts", "regulars charts --company shop.yaml --home /srv/shop"))
@guarded
def charts(company: CompanyOption = COMPANY, home: HomeOption = None) -> int:
    """Draw the page of charts again from what is published; a run draws it by itself."""
    from orchestration.value_report import write_value_report
    from orchestration.views.problems import run_problems

    settings, place = open_company(company, home)
    written = write_value_report(place, settings)
    if written.problems:
        support.console(stderr=True).print(run_problems(written.problems))
    if written.page is not None:
        support.console().print(f"{written.charts} charts in {written.page}", highlight=False, soft_wrap=True)
    return FAILED if written.problems else DONE


@app.command(epilog=examples("regulars sample", "regulars sample --customers 1000000 --seed 7 --out /srv/bakery"))
@guarded
def sample(
    customers: Annotated[int, typer.Option(min=10, help="How many people.")] = 3000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same files.")] = 7,
    out: Annotated[Path, typer.Option(help="The folder for the files.")] = Path("data/bakehouse"),
) -> int:
    """Write what a made-up company of any size would export, with its company file and the truth beside it.

    Shopify, tills, SendGrid, Mailchimp, Twilio, Zendesk, Snowplow and Segment, each in the vendor's own shape.
    """
    from sources.sample.generator import generate

    console = support.console()
    try:
        with support.console(stderr=True).status("writing the demo company's files …") as spinner:
            made = generate(out, customers=customers, seed=seed, progress=lambda words: spinner.update(f"{words} …"))
    except (OSError, ValueError) as error:
        raise support.ExpectedError(str(error)) from error
    console.print(
        f"{made.files} files with {made.records:,} records in {made.out}, of which {made.invalid:,} are invalid "
        f"and {made.duplicates:,} come twice. The truth about them is in {made.out / 'truth'}.\n"
        f"Next: regulars run --company {made.out / 'company.yaml'}",
        soft_wrap=True,
    )
    return DONE


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
    epilog=examples("regulars dbt build --select dim_customers", "regulars dbt test", "regulars dbt docs generate"),
)
@guarded
def dbt(context: typer.Context, company: CompanyOption = COMPANY, home: HomeOption = None) -> int:
    """Any dbt command, with this company's profile, variables and warehouse. What follows `dbt` goes to dbt."""
    from orchestration.dbt_command import run_dbt

    settings, place = open_company(company, home)
    return DONE if run_dbt(settings, place, context.args) else FAILED


@app.command(epilog=examples("regulars dev", "regulars dev --port 3001"))
@guarded
def dev(
    company: CompanyOption = COMPANY,
    home: HomeOption = None,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port of the pages.")] = 3000,
) -> int:
    """Open Dagster's pages on this company: assets, checks, schedules, runs."""
    from orchestration.dev import serve

    _, place = open_company(company, home)
    return DONE if serve(company, place, host=host, port=port) == 0 else FAILED


def main() -> None:
    """Start the command line."""
    app()
