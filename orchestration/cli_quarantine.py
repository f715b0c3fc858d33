"""`regulars quarantine`: what is set aside and why, for the people who own the source, and the way back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestration import cli_support as support
from orchestration.cli_options import COMPANY, CompanyOption, HomeOption, examples, guarded, open_company
from orchestration.cli_support import DONE, FAILED, GATE_STOPPED

if TYPE_CHECKING:
    from orchestration.quarantine import Filters

app = typer.Typer(
    name="quarantine",
    help="Records that are set aside: what they are, why, and releasing what has become valid.",
    epilog=examples(
        "regulars quarantine",
        "regulars quarantine list --source shop --reason orders_ordered_at_readable",
        "regulars quarantine count",
        "regulars quarantine export shop.csv --source shop",
        "regulars quarantine replay --dry-run",
    ),
    rich_markup_mode="rich",
)

SourceOption = Annotated[str | None, typer.Option("--source", help="Only this source.")]
EntityOption = Annotated[str | None, typer.Option("--entity", help="Only this entity, such as orders.")]
ReasonOption = Annotated[str | None, typer.Option("--reason", metavar="RULE", help="Only those that fail this rule.")]
LoadOption = Annotated[str | None, typer.Option("--load", metavar="ID", help="Only those that this load brought.")]
SinceOption = Annotated[datetime | None, typer.Option("--since", help="Only those set aside (released) since, in UTC.")]
ReleasedOption = Annotated[bool, typer.Option("--released", help="Those that were released, not those held now.")]
LimitOption = Annotated[int, typer.Option("--limit", min=0, help="How many at most; 0 is all.")]
RawOption = Annotated[bool, typer.Option("--raw", help="Show each record as received, too: it is personal data.")]
JsonOption = Annotated[bool, typer.Option("--json", help="The same as JSON.")]


@dataclass(frozen=True)
class _Asked:
    company: Path
    home: Path | None
    filters: Filters


@app.callback(invoke_without_command=True)
def quarantine(
    context: typer.Context,
    company: CompanyOption = COMPANY,
    home: HomeOption = None,
    source: SourceOption = None,
    entity: EntityOption = None,
    reason: ReasonOption = None,
    load: LoadOption = None,
    since: SinceOption = None,
    released: ReleasedOption = False,
    count: Annotated[bool, typer.Option("--count", help="Count them by source and reason.")] = False,
    limit: LimitOption = 20,
    raw: RawOption = False,
    json: JsonOption = False,
) -> None:
    """List what is in quarantine. Reads the published copy, so it answers while a run writes."""
    if context.invoked_subcommand is not None:
        return
    asked = _asked(company, home, source, entity, reason, load, since, released)
    if count:
        counting(asked, json=json)
    else:
        listing(asked, limit=limit, raw=raw, json=json)


@app.command(
    name="list",
    epilog=examples(
        "regulars quarantine list --source shop --since 2026-01-31",
        "regulars quarantine list --reason orders_account_received --limit 0",
        "regulars quarantine list --released --json",
        "regulars quarantine list --load 20260131T093000Z-1a2b3c4d --raw",
    ),
)
def list_records(
    company: CompanyOption = COMPANY,
    home: HomeOption = None,
    source: SourceOption = None,
    entity: EntityOption = None,
    reason: ReasonOption = None,
    load: LoadOption = None,
    since: SinceOption = None,
    released: ReleasedOption = False,
    limit: LimitOption = 20,
    raw: RawOption = False,
    json: JsonOption = False,
) -> None:
    """The records with their reasons in words, the newest first."""
    listing(_asked(company, home, source, entity, reason, load, since, released), limit=limit, raw=raw, json=json)


@app.command(
    name="count",
    epilog=examples("regulars quarantine count", "regulars quarantine count --source shop", "… count --released"),
)
def count_records(
    company: CompanyOption = COMPANY,
    home: HomeOption = None,
    source: SourceOption = None,
    entity: EntityOption = None,
    reason: ReasonOption = None,
    load: LoadOption = None,
    since: SinceOption = None,
    released: ReleasedOption = False,
    json: JsonOption = False,
) -> None:
    """How many, by source and reason, and what share of the source's records."""
    counting(_asked(company, home, source, entity, reason, load, since, released), json=json)


@app.command(
    epilog=examples(
        "regulars quarantine export shop.csv --source shop",
        "regulars quarantine export shop.csv --source shop --excel --separator ';'",
        "regulars quarantine export shop.csv --reason orders_ordered_at_readable --force",
    )
)
@guarded
def export(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="Holds personal data: only you may read it.")],
    company: CompanyOption = COMPANY,
    home: HomeOption = None,
    source: SourceOption = None,
    entity: EntityOption = None,
    reason: ReasonOption = None,
    load: LoadOption = None,
    since: SinceOption = None,
    released: ReleasedOption = False,
    excel: Annotated[bool, typer.Option("--excel", help="Begin with the mark by which Excel knows UTF-8.")] = False,
    separator: Annotated[str, typer.Option(help="Between cells; ';' where Excel writes decimals with a comma.")] = ",",
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
) -> int:
    """Write the records with reasons and raw record to a CSV file, for those who own the source.

    A text that a spreadsheet would take for a formula has an apostrophe in front.
    """
    from orchestration.quarantine import open_quarantine
    from orchestration.views.words import counted

    if separator not in (",", ";", "|", "\t"):
        raise support.ExpectedError("The separator is one of , ; | and tab.")
    asked = _asked(company, home, source, entity, reason, load, since, released)
    place, settings = support.home_for_reading(asked.company, asked.home)
    with open_quarantine(place, settings) as held:
        rows = held.export(asked.filters, file, force=force, separator=separator, bom=excel)
        words = held.words
    support.console().print(f"{counted(rows, 'record')} in {file}. {words}", markup=False, soft_wrap=True)
    return DONE


@app.command(
    epilog=examples(
        "regulars quarantine replay --dry-run", "regulars quarantine replay", "regulars quarantine replay --wait 600"
    )
)
@guarded
def replay(
    company: CompanyOption = COMPANY,
    home: HomeOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be released; write nothing.")] = False,
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait for a run that is still going.")] = 0,
) -> int:
    """Judge again what is held, under today's rules, mappings and data, and release what is valid now.

    It is a run like any other: what is new is loaded, and gate and publication hold.
    """
    from orchestration import quarantine_replay
    from orchestration.views.quarantine import replay_view, trial_view
    from orchestration.views.run import RunProgress, run_end

    settings, place = open_company(company, home)
    console = support.console()
    if dry_run:
        with support.console(stderr=True).status("judging again …"):
            found = quarantine_replay.trial(settings, place, wait_seconds=wait)
        console.print(trial_view(found))
        return DONE
    support.environment_or_stop(settings)
    with RunProgress(console) as progress:
        done = quarantine_replay.replay(settings, place, wait_seconds=wait, progress=progress)
    if done.report.outcome in ("gate_stopped", "failed") or done.report.has_failures:
        console.print(run_end(done.report, support.next_steps(done.report, company, home)))
    console.print(replay_view(done))
    if done.report.outcome == "gate_stopped":
        return GATE_STOPPED
    return FAILED if done.report.has_failures else DONE


@guarded
def listing(asked: _Asked, *, limit: int, raw: bool, json: bool) -> int:
    """Show records."""
    from orchestration.quarantine import open_quarantine
    from orchestration.views.quarantine import as_json, records_view

    place, settings = support.home_for_reading(asked.company, asked.home)
    console = support.console()
    with open_quarantine(place, settings) as held:
        rows = held.records(asked.filters, limit or None, raw=raw)
        total = len(rows) if not limit or len(rows) < limit else held.total(asked.filters)
        words = held.words
    if json:
        console.print(as_json(rows, words, total), markup=False, highlight=False, soft_wrap=True)
    else:
        console.print(records_view(rows, total, words, released=asked.filters.released))
    return DONE


@guarded
def counting(asked: _Asked, *, json: bool) -> int:
    """Show counts."""
    from orchestration.quarantine import open_quarantine
    from orchestration.views.quarantine import as_json, counts_view

    place, settings = support.home_for_reading(asked.company, asked.home)
    console = support.console()
    with open_quarantine(place, settings) as held:
        rows, total, words = held.counts(asked.filters), held.total(asked.filters), held.words
    if json:
        console.print(as_json(rows, words, total), markup=False, highlight=False, soft_wrap=True)
    else:
        console.print(counts_view(rows, total, words, released=asked.filters.released))
    return DONE


def _asked(
    company: Path,
    home: Path | None,
    source: str | None,
    entity: str | None,
    reason: str | None,
    load: str | None,
    since: datetime | None,
    released: bool,
) -> _Asked:
    from orchestration.quarantine import Filters

    return _Asked(company, home, Filters(source, entity, reason, load, since, released))
