"""What is wrong, where, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from orchestration.company_errors import CompanyProblem
from orchestration.report import Problem


def company_problems(problems: Sequence[CompanyProblem]) -> RenderableType:
    """Each problem of a company file: file and line, key, what was found, what is allowed."""
    count = len(problems)
    parts: list[RenderableType] = [
        Text(f"{count} problem{'' if count == 1 else 's'} in the company's settings", style="bold red")
    ]
    for problem in problems:
        where = problem.file if problem.line is None else f"{problem.file}:{problem.line}"
        parts.append(Text.assemble("\n", (where, "bold"), "  ", (problem.key, "cyan")))
        parts.append(Text.assemble(("  found    ", "dim"), problem.found))
        parts.append(Text.assemble(("  allowed  ", "dim"), problem.allowed))
    return Group(*parts)


def run_problems(problems: Sequence[Problem]) -> RenderableType:
    """What went wrong in a run, with the way out."""
    parts: list[RenderableType] = []
    for problem in problems:
        where = " ".join(part for part in (problem.source, problem.file) if part)
        parts.append(Text.assemble(("! ", "bold yellow"), (f"{where}: " if where else ""), problem.what))
        if problem.todo:
            parts.append(Text(f"  → {problem.todo}"))
    return Group(*parts)


def failure(what: str) -> RenderableType:
    """An expected error: its own words, which say what to do."""
    return Text.assemble(("Failed: ", "bold red"), what)
