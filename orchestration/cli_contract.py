"""`regulars contract`: what of the reporting contract has changed since its last release, and releasing it."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestration import cli_support as support
from orchestration.cli_options import COMPANY, CompanyOption, HomeOption, examples, guarded, open_company
from orchestration.cli_support import DONE, FAILED

if TYPE_CHECKING:
    from orchestration.contract_release import Release

app = typer.Typer(
    name="contract",
    help="The reporting contract: what has changed since it was last released, and releasing it.",
    epilog=examples(
        "regulars contract diff",
        "regulars contract diff --against dbt_project/contract/1.yml",
        "regulars contract diff --json",
        'regulars contract release --note "Cohorts and journeys"',
    ),
    no_args_is_help=True,
    rich_markup_mode="rich",
)

ManifestOption = Annotated[
    Path | None, typer.Option(help="A manifest.json that dbt has written; without it, the project is parsed.")
]


@app.command(
    epilog=examples(
        "regulars contract diff",
        "regulars contract diff --against dbt_project/contract/1.yml",
        "regulars contract diff --manifest home/bakehouse/dbt/target/manifest.json",
        "regulars contract diff --json",
    )
)
@guarded
def diff(
    company: CompanyOption = COMPANY,
    home: HomeOption = None,
    against: Annotated[Path | None, typer.Option(help="The file of an earlier release; without it, the last.")] = None,
    manifest: ManifestOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as JSON.")] = False,
) -> int:
    """Compare the models' contract with a release. Ends with 1 where a promise is broken."""
    from orchestration.contract_diff import breaking, changes_since, next_number
    from orchestration.contract_release import RELEASES, last_release, read_release
    from orchestration.views.contract import diff_view

    released = read_release(against) if against is not None else last_release()
    if released is None:
        raise support.ExpectedError(f"No contract has been released yet in {RELEASES}. Run: regulars contract release")
    changes = changes_since(released, _present(company, home, manifest), _today())
    broken = breaking(changes)
    console = support.console()
    if as_json:
        answer = {
            "against": released.number,
            "released_on": None if released.released_on is None else released.released_on.isoformat(),
            "next": next_number(released, changes),
            "breaking": len(broken),
            "changes": [dataclasses.asdict(change) for change in changes],
        }
        console.print(json.dumps(answer, ensure_ascii=False, indent=2), markup=False, highlight=False, soft_wrap=True)
    else:
        console.print(diff_view(released, changes))
    return FAILED if broken else DONE


@app.command(
    epilog=examples(
        'regulars contract release --note "Cohorts and journeys"',
        'regulars contract release --accept-breaking --note "The phone number had to go at once"',
    )
)
@guarded
def release(
    company: CompanyOption = COMPANY,
    home: HomeOption = None,
    note: Annotated[str, typer.Option(help="What readers should know, in a sentence.")] = "",
    accept_breaking: Annotated[
        bool, typer.Option("--accept-breaking", help="Release although a promise is broken; the note says why.")
    ] = False,
    manifest: ManifestOption = None,
) -> int:
    """Write the models' contract as the next release, into dbt_project/contract."""
    from orchestration.contract_diff import breaking, changes_since, next_number
    from orchestration.contract_release import last_release, write_release
    from orchestration.views.contract import changes_table, released_view

    present, before = _present(company, home, manifest), last_release()
    changes = [] if before is None else changes_since(before, present, _today())
    broken = breaking(changes)
    console = support.console()
    if broken and not (accept_breaking and note.strip()):
        support.console(stderr=True).print(changes_table(broken))
        raise support.ExpectedError(
            "These break what was promised, so nothing was released. Make new versions of these models, or release "
            "with --accept-breaking and a --note that says why."
        )
    if before is not None and not changes:
        console.print(f"Nothing has changed since release {before.number}.", highlight=False)
        return DONE
    made = dataclasses.replace(
        present,
        number=next_number(before, changes),
        released_on=_today(),
        note=note.strip(),
        changes=[str(change) for change in changes],
    )
    console.print(released_view(made, write_release(made)))
    return DONE


def _present(company_file: Path, home: Path | None, manifest: Path | None) -> Release:
    """What the models promise now: as a manifest says it, or as the project does, freshly parsed."""
    from orchestration.contract import contract_tables, read_manifest
    from orchestration.contract_release import present_release

    if manifest is not None:
        return present_release(read_manifest(manifest))
    from expectations.catalogue import to_dbt_vars
    from orchestration.catalogue import catalogue_of
    from orchestration.dbt import Dbt
    from orchestration.engines import engine_of

    company, place = open_company(company_file, home)
    place.create()
    dbt = Dbt.of(company, place, engine_of(company, place), to_dbt_vars(catalogue_of(company)))
    # A folder of its own, so that it may be done while a run goes on; what did not change is not read again.
    dbt.target = place.dbt / "contract"
    dbt.parse()
    return present_release(contract_tables(dbt.manifest()))


def _today() -> date:
    return datetime.now(UTC).date()
