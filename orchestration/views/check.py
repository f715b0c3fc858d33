"""What `regulars check` found: the company, its goals, and each dataset with its files and columns."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from orchestration.check import DatasetCheck
from orchestration.company import Company
from orchestration.views.words import heading, share, table, whole

_UNITS = ("B", "kB", "MB", "GB", "TB")


def size(count: int) -> str:
    """Bytes in the unit that fits, by thousands."""
    number = float(count)
    for unit in _UNITS[:-1]:
        if number < 1000:
            return f"{number:,.0f} {unit}" if unit == "B" else f"{number:,.1f} {unit}"
        number /= 1000
    return f"{number:,.1f} {_UNITS[-1]}"


def check_view(company: Company, checks: Sequence[DatasetCheck]) -> RenderableType:
    """The settings in a line and the datasets in a table; the problems themselves are shown apart."""
    numbers = ("files", "size", "columns", "mapped")
    made = table("source", "dataset", "channel", *numbers, "becomes", "", right=numbers)
    for check in checks:
        verdict = (
            Text("ok", style="green") if check.is_right else Text(f"{len(check.problems)} wrong", style="bold red")
        )
        made.add_row(
            Text(check.source),
            Text(check.dataset),
            check.channel.replace("_", " "),
            whole(check.files),
            size(check.size_bytes),
            whole(len(check.columns)) if check.columns else "?",
            whole(len(check.mapped)),
            Text(", ".join(check.entities)),
            verdict,
        )
    settings = (
        f"{company.path}\n{company.name}: {company.time_zone}, {company.currency}, {company.country}, "
        f"as of {company.as_of}, validity goal {share(company.validity.goal, 0)}, {len(company.goals)} goals"
    )
    return Group(Text(settings), Text(), heading("Sources"), made)
