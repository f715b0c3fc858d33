"""The last run and what is published, for `regulars status`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from rich.console import Group, RenderableType
from rich.text import Text

from orchestration.report import GoalLine, RunReport
from orchestration.views.problems import run_problems
from orchestration.views.run import places, steps_table
from orchestration.views.scorecard import scorecard
from orchestration.views.validity import gate_view, sources_table
from orchestration.views.words import age, duration, heading, moment

_OUTCOMES = {
    "published": ("published", "green"),
    "nothing_new": ("nothing was new", "green"),
    "gate_stopped": ("stopped at the gate", "yellow"),
    "failed": ("failed", "red"),
}


def status_view(
    report: RunReport | None,
    *,
    published_run: str | None,
    published_at: datetime | None,
    published_goals: Sequence[GoalLine] = (),
    published_harm: str | None = None,
    writer: str | None = None,
    now: datetime | None = None,
) -> RenderableType:
    """What the last run did, and what readers see now.

    Args:
        report: the last run, or None before the first.
        published_run: the run whose tables are published; None where nothing is.
        published_at: when that was (UTC).
        published_goals: the scorecard of the published copy.
        published_harm: what is wrong with the published copy, and what to do.
        writer: who is writing at this moment, in words.
        now: the present, for ages; the clock's by default.
    """
    now = now or datetime.now(UTC)
    parts: list[RenderableType] = []
    if writer:
        parts.append(Text.assemble(("Running  ", "bold cyan"), writer))
    parts += _last_run(report, now)
    if published_run is None and published_harm is None:
        parts.append(Text.assemble(("Published", "bold"), "  nothing yet"))
    elif published_run is not None:
        when = "" if published_at is None else f", {moment(published_at)} UTC, {age(published_at, now)}"
        parts.append(Text.assemble(("Published", "bold"), f"  run {published_run}{when}"))
    if published_harm is not None:
        parts.append(Text.assemble(("Harmed   ", "bold red"), f"  {published_harm}"))
    if report is not None:
        parts += places(report)
        if report.problems:
            parts += [Text(), run_problems(report.problems)]
        if report.outcome == "gate_stopped":
            parts += [Text(), gate_view(report.gate)]
        if report.sources:
            parts += [Text(), heading("Validity")]
            parts.append(sources_table(report.sources, report.validity_overall, report.validity_goal))
    goals = list(published_goals) or (report.goals if report is not None else [])
    if goals:
        currency = None if report is None else report.currency
        parts += [Text(), heading("Scorecard as published"), scorecard(goals, currency)]
    if report is not None and report.steps:
        parts += [Text(), heading("Slowest steps"), steps_table(report)]
    return Group(*parts)


def _last_run(report: RunReport | None, now: datetime) -> list[RenderableType]:
    if report is None:
        return [Text.assemble(("Last run ", "bold"), "  none yet")]
    word, style = _OUTCOMES[report.outcome]
    began = f"{moment(report.started_at)} UTC, {age(report.started_at, now)}, {duration(report.seconds)}"
    who = f"{report.company_name}  " if report.company_name else ""
    return [Text.assemble(("Last run ", "bold"), "  ", who, (word, f"bold {style}"), f"  {report.run_id}, {began}")]
