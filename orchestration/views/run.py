"""A run while it goes, and its end."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.status import Status
from rich.text import Text

from orchestration.report import RunReport
from orchestration.views.problems import run_problems
from orchestration.views.scorecard import scorecard
from orchestration.views.validity import gate_view, sources_table, worst_rules
from orchestration.views.words import MISSING, duration, heading, moment, table, whole

_SLOWEST_SHOWN = 5


class RunProgress:
    """Told of each step, it shows a spinner on a terminal and plain lines elsewhere. Use it as a context."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._begun: dict[str, float] = {}
        self._status: Status | None = None

    def __enter__(self) -> RunProgress:
        if self.console.is_terminal:
            self._status = self.console.status("starting …")
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status is not None:
            self._status.stop()

    def __call__(self, name: str, state: str, words: str = "") -> None:
        """Show that a step has started, runs, is done or failed; `words` say what it counted."""
        if state == "started":
            self._begun[name] = time.monotonic()
            self._show(name)
        elif state == "running":
            self._show(f"{name}: {words}" if words else name)
        else:
            begun = self._begun.pop(name, None)
            took = "" if begun is None else duration(time.monotonic() - begun)
            self._line(name, state, took, words)

    def _show(self, words: str) -> None:
        if self._status is not None:
            self._status.update(Text(f"{words} …"))

    def _line(self, name: str, state: str, took: str, words: str) -> None:
        mark = Text("✓ ", style="green") if state == "done" else Text("✗ ", style="bold red")
        self.console.print(Text.assemble(mark, f"{name:<28}", (f"{took:>10}", "dim"), f"  {words}".rstrip()))


def run_end(report: RunReport, next_steps: Sequence[tuple[str, str]]) -> RenderableType:
    """The end of a run: what came in, validity, the scorecard, where the copy is, and what to try next.

    Args:
        report: the run.
        next_steps: commands with what each of them does.
    """
    parts: list[RenderableType] = [Text(), _outcome(report)]
    if report.problems:
        parts += [Text(), run_problems(report.problems)]
    if report.outcome == "gate_stopped":
        parts += [Text(), gate_view(report.gate)]
    if report.sources:
        parts += [Text(), heading("Sources: received = valid + quarantined + duplicates")]
        parts.append(sources_table(report.sources, report.validity_overall, report.validity_goal))
    if report.outcome == "published" and report.gate.worst_rules:
        parts += [Text(), heading("What costs most validity"), worst_rules(report.gate.worst_rules)]
    if report.goals and report.outcome in ("published", "nothing_new"):
        words = "Scorecard" if report.as_of is None else f"Scorecard, measured at {moment(report.as_of)} UTC"
        parts += [Text(), heading(words), scorecard(report.goals, report.currency)]
    parts += [Text(), *places(report)]
    parts += [Text(), heading("Next"), _commands(next_steps)]
    return Group(*parts)


def places(report: RunReport) -> list[RenderableType]:
    """Where the published copy, the Parquet files, the Data Docs and the page of charts are."""
    known = (
        ("published", report.published_path),
        ("Parquet", report.parquet_path),
        ("Data Docs", report.data_docs),
        ("charts", report.charts),
    )
    return [Text.assemble((f"{name:<10}", "dim"), path, overflow="fold") for name, path in known if path]


def steps_table(report: RunReport) -> RenderableType:
    """The slowest steps of a run."""
    made = table("step", "took", "rows in", "rows out", right=("took", "rows in", "rows out"))
    for step in sorted(report.steps, key=lambda each: -each.seconds)[:_SLOWEST_SHOWN]:
        made.add_row(
            Text(step.name),
            duration(step.seconds),
            MISSING if step.rows_in is None else whole(step.rows_in),
            MISSING if step.rows_out is None else whole(step.rows_out),
        )
    return made


def _outcome(report: RunReport) -> Text:
    who = report.company_name or report.company_id or "The company"
    took = "" if report.seconds is None else f" in {duration(report.seconds)}"
    if report.outcome == "published":
        return Text.assemble(("Published", "bold green"), f": {who}, run {report.run_id}{took}.")
    if report.outcome == "nothing_new":
        words = f": {who} has no new files and no changed settings, so the published copy stays as it is{took}."
        return Text.assemble(("Nothing was new", "bold green"), words)
    if report.outcome == "gate_stopped":
        return Text.assemble(
            ("Stopped at the gate", "bold yellow"),
            f": validity is below the goal, so nothing was built from these records{took}."
            + (" What was published before stays in place." if report.published_path else ""),
        )
    stays = " What was published before stays in place." if report.published_path else ""
    return Text.assemble(("Failed", "bold red"), f": run {report.run_id} did not reach its end{took}.{stays}")


def _commands(commands: Sequence[tuple[str, str]]) -> RenderableType:
    width = max((len(command) for command, _ in commands), default=0)
    if width > 60:  # long paths: the explanation goes on a line of its own
        lines = [Text.assemble((f"  {command}", "cyan"), "\n      ", (what, "dim")) for command, what in commands]
    else:
        lines = [Text.assemble((f"  {command:<{width}}", "cyan"), "   ", (what, "dim")) for command, what in commands]
    return Group(*lines)
