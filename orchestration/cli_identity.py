"""`regulars identity`: why records are one customer or not, and what a data steward decides about it.

The commands read the published copy and write to a file of their own, so they never wait for a run.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestration import cli_support as support
from orchestration.cli_identity_preview import EXAMPLES as PREVIEW_EXAMPLES
from orchestration.cli_identity_preview import preview
from orchestration.cli_options import COMPANY, CompanyOption, HomeOption, examples, guarded
from orchestration.cli_support import BAD_CONFIGURATION, DONE

if TYPE_CHECKING:
    from rich.console import RenderableType

    from orchestration.company import Company
    from orchestration.decisions import Decisions
    from orchestration.home import Home
    from orchestration.identity_decide import Plan
    from orchestration.identity_subjects import Subject
    from orchestration.published import Published

app = typer.Typer(
    name="identity",
    help="Who is who: why records are one customer or not, and deciding it by hand.",
    epilog=examples(
        "regulars identity explain anna@example.org tills/card:880011",
        "regulars identity weakest c_378a9d93d287478b",
        "regulars identity split c_378a9d93d287478b tills/card:880011 --reason 'the card of her mother'",
        "regulars identity merge c_378a9d93d287478b c_7d8d7f776a3f5b4b --reason 'she called'",
        "regulars identity undo d_0123456789ab",
        "regulars identity decisions",
    ),
    no_args_is_help=True,
    rich_markup_mode="rich",
)

WHO = "Customer id (old ones too), source/record id, e-mail, phone, card or account."
First = Annotated[str, typer.Argument(metavar="A", help=WHO)]
Second = Annotated[str, typer.Argument(metavar="B", help="The same for the other one.")]
Customer = Annotated[str, typer.Argument(metavar="CUSTOMER", help=WHO)]
ReasonOption = Annotated[str | None, typer.Option("--reason", help="Why; it is kept and shown.")]
ByOption = Annotated[str | None, typer.Option("--by", help="Who decides. Default: who is logged in.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Only say what would come of it; decide nothing.")]
JsonOption = Annotated[bool, typer.Option("--json", help="The same as JSON.")]


app.command(epilog=PREVIEW_EXAMPLES)(preview)


@app.command(
    epilog=examples(
        "regulars identity explain anna@example.org '+49 30 901820'",
        "regulars identity explain c_378a9d93d287478b tills/card:880011 --json",
    )
)
@guarded
def explain(
    a: First, b: Second, company: CompanyOption = COMPANY, home: HomeOption = None, json: JsonOption = False
) -> int:
    """Why two are one customer, link by link; or why they are not, with what they share and what tells them apart."""
    from orchestration.identity_explain import explain as explained
    from orchestration.views.identity import as_json, explanation_view

    with _desk(company, home) as desk:
        left, right = desk.locate(a, "first "), desk.locate(b, "second ")
        found = explained(desk.published, left, right, desk.decisions.kept)
    _show(as_json({"is_same": found.is_same, **vars(found)}) if json else explanation_view(found))
    return DONE


@app.command(
    epilog=examples("regulars identity weakest c_378a9d93d287478b", "regulars identity weakest anna@example.org --json")
)
@guarded
def weakest(
    customer: Customer, company: CompanyOption = COMPANY, home: HomeOption = None, json: JsonOption = False
) -> int:
    """What holds a customer together, which link holds least, and how to split the customer there."""
    from orchestration.identity_explain import weakest as found_weakest
    from orchestration.views.identity import as_json, weakest_view

    with _desk(company, home) as desk:
        found = found_weakest(desk.published, desk.locate(customer).customer_id)
    command = None
    if found.parts is not None:
        named = ["/".join(record) for record in found.parts[0]]
        command = _command(company, home, "identity", "split", found.customer_id, *named, "--reason", "two people")
    if json:
        _show(as_json({**vars(found), "command": command}))
        return DONE
    _show(weakest_view(found))
    if command is not None:
        _show(f"\nIf these are two people:\n  {command}")
    return DONE


@app.command(
    epilog=examples(
        "regulars identity split c_378a9d93d287478b tills/card:880011 --dry-run",
        "regulars identity split c_378a9d93d287478b anna@example.org --reason 'mother and daughter'",
    )
)
@guarded
def split(
    customer: Customer,
    records: Annotated[
        list[str],
        typer.Argument(metavar="RECORD…", help="source/record id, or an e-mail, phone, card or account of records."),
    ],
    company: CompanyOption = COMPANY,
    home: HomeOption = None,
    reason: ReasonOption = None,
    by: ByOption = None,
    dry_run: DryRunOption = False,
) -> int:
    """Decide that some records of a customer are another person's. They stay apart from all its other records."""
    from orchestration.identity_decide import plan_split

    who = _decider(reason, by, dry_run=dry_run)
    if who is None:
        return BAD_CONFIGURATION
    with _desk(company, home) as desk:
        kinds = desk.company.identity.identifiers if desk.company else None
        plan = plan_split(
            desk.published, desk.locate(customer), records, desk.decisions.kept,
            reason=(reason or "").strip(), by=who, country=desk.country, kinds=kinds,
        )  # fmt: skip
    return _decide(plan, desk.home, ("These records", "from these"), (company, home), dry_run=dry_run)


@app.command(
    epilog=examples(
        "regulars identity merge anna@example.org tills/card:880011 --dry-run",
        "regulars identity merge c_378a9d93d287478b c_7d8d7f776a3f5b4b --reason 'she called and said so'",
    )
)
@guarded
def merge(
    a: First,
    b: Second,
    company: CompanyOption = COMPANY,
    home: HomeOption = None,
    reason: ReasonOption = None,
    by: ByOption = None,
    dry_run: DryRunOption = False,
) -> int:
    """Decide that two customers are one person."""
    from orchestration.identity_decide import plan_merge

    who = _decider(reason, by, dry_run=dry_run)
    if who is None:
        return BAD_CONFIGURATION
    with _desk(company, home) as desk:
        left, right = desk.locate(a, "first "), desk.locate(b, "second ")
        plan = plan_merge(desk.published, left, right, desk.decisions.kept, reason=(reason or "").strip(), by=who)
    return _decide(plan, desk.home, ("These records", "and these"), (company, home), dry_run=dry_run)


@app.command(epilog=examples("regulars identity undo d_0123456789ab", "… undo d_0123456789ab --reason 'a mistake'"))
@guarded
def undo(
    decision: Annotated[str, typer.Argument(metavar="DECISION", help="Its id, as `decisions` shows it.")],
    company: CompanyOption = COMPANY,
    home: HomeOption = None,
    reason: ReasonOption = None,
    by: ByOption = None,
) -> int:
    """Take a decision back. It stays in the list and does not count any more; an undo can be undone, too."""
    from orchestration.decisions import read_decisions
    from orchestration.identity_decide import plan_undo

    who = _decider(reason or "undone", by, dry_run=False)
    if who is None:
        return BAD_CONFIGURATION
    place, _ = support.home_for_reading(company, home)
    plan = plan_undo(decision, read_decisions(place).kept, reason=(reason or "").strip(), by=who)
    return _decide(plan, place, (), (company, home), dry_run=False)


@app.command(epilog=examples("regulars identity decisions", "regulars identity decisions --json"))
@guarded
def decisions(company: CompanyOption = COMPANY, home: HomeOption = None, json: JsonOption = False) -> int:
    """Everything that was decided, the newest first, and what became of it."""
    from orchestration.decisions import read_decisions
    from orchestration.identity_decide import statuses
    from orchestration.published import open_published
    from orchestration.views.identity import as_json, decisions_view

    place, _ = support.home_for_reading(company, home)
    there = read_decisions(place)
    if place.published_file.exists():
        with open_published(place.published_file) as published:
            rows = statuses(published, there.kept)
    else:
        rows = statuses(None, there.kept)
    told = [{**vars(one), "status": status, "note": note} for one, status, note in rows]
    _show(as_json(told) if json else decisions_view(rows))
    _tell_problems(there)
    return DONE


@dataclass(frozen=True)
class _Desk:
    """What a command works with."""

    home: Home
    company: Company | None
    published: Published
    decisions: Decisions

    @property
    def country(self) -> str | None:
        return self.company.country if self.company else None

    def locate(self, asked: str, which: str = "") -> Subject:
        from orchestration.identity_subjects import locate

        return locate(self.published, asked, self.country, which)


@contextmanager
def _desk(company: Path, home: Path | None) -> Iterator[_Desk]:
    from orchestration.decisions import read_decisions
    from orchestration.published import open_published

    place, settings = support.home_for_reading(company, home)
    with open_published(place.published_file) as published:
        yield _Desk(place, settings, published, read_decisions(place))


def _decider(reason: str | None, by: str | None, *, dry_run: bool) -> str | None:
    """Who decides; None, with words on the terminal, where that or the reason is missing."""
    from orchestration.views.problems import failure

    if not dry_run and not (reason or "").strip():
        support.console(stderr=True).print(failure("Say why, for whoever asks later: --reason '…'"))
        return None
    name = (by or "").strip() or _user_name()
    if name is None:
        support.console(stderr=True).print(failure("Nobody is logged in here, so say who decides: --by NAME"))
    return name


def _user_name() -> str | None:
    import getpass

    try:
        return getpass.getuser() or None
    except (OSError, KeyError, ImportError):
        return None


def _decide(plan: Plan, place: Home, names: Sequence[str], given: tuple[Path, Path | None], *, dry_run: bool) -> int:
    """Keep what was planned, unless it is a dry run, and say so."""
    from rich.console import Group

    from orchestration.decisions import keep
    from orchestration.views.identity import plan_view, touched

    if dry_run:
        _show(plan_view(plan, names))
        support.console().print("Nothing was decided: this is a dry run.")
        return DONE
    kept = keep(place, *plan.drafts)
    console = support.console()
    for one in kept:
        console.print(f"Kept as {one.decision_id}.", markup=False)
    console.print(Group(*touched(plan)))
    _show(f"It takes effect with the next run: {_command(*given, 'run')}")
    for one in kept:
        _show(f"To take it back: {_command(*given, 'identity', 'undo', one.decision_id)}")
    return DONE


def _command(company: Path, home: Path | None, *words: str) -> str:
    """A command of ours as it can be typed."""
    return shlex.join([support.program(), *words, *support.given_options(company, home)])


def _show(what: RenderableType) -> None:
    """Print a view, or a text as it is: lines of JSON, and commands to copy, are not broken."""
    support.console().print(what, markup=False, highlight=False, soft_wrap=isinstance(what, str))


def _tell_problems(there: Decisions) -> None:
    from orchestration.views.problems import run_problems

    if there.problems:
        support.console(stderr=True).print(run_problems(there.problems))
