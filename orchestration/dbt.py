"""dbt in this process: one parsed manifest, builds by phase, and dbt's own events for whoever wants them.

A dbt command in a new process pays for imports and parsing each time; the runner kept here pays once.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration.own_segments import segment_models
from orchestration.privacy import redact

if TYPE_CHECKING:
    from dbt.cli.main import dbtRunner

    from orchestration.company import Company
    from orchestration.engines.base import Engine
    from orchestration.home import Home

PROJECT_DIR = Path(__file__).resolve().parent.parent / "dbt_project"

# The steps between which a gate or a predictive model stands; each is one `dbt build`.
PHASES = ("phase_staging", "phase_identity", "phase_profiles", "phase_value")

Event = dict[str, Any]


class DbtError(Exception):
    """A dbt command failed; the message names the models or tests and what dbt said of them."""


@dataclass
class Dbt:
    """A dbt project bound to one warehouse file and one company's settings.

    Attributes:
        target: Folder for dbt's artifacts (manifest, compiled SQL).
        logs: Folder for dbt's log.
        variables: The dbt vars: rules, goals, thresholds, validity, own segments.
        environment: What the profile reads to find the engine.
        threads: How many models dbt builds at once.
        opened: Holds open what a command that needs the engine finds in this process, such as a session.
    """

    target: Path
    logs: Path
    variables: dict[str, Any]
    environment: dict[str, str] = field(default_factory=dict)
    threads: int = 2
    opened: Callable[[], AbstractContextManager[None]] = field(default=nullcontext, repr=False)
    project: Path = PROJECT_DIR
    on_node: Callable[[str], None] | None = None
    _runner: dbtRunner | None = field(default=None, repr=False)

    @classmethod
    def of(cls, company: Company, home: Home, engine: Engine, rules: Sequence[dict[str, Any]]) -> Dbt:
        """Bind the project to a company, its home and its engine; `rules` come from the rule catalogue.

        Raises:
            SegmentError: A file of own segments has a name that it cannot have.
        """
        return cls(
            # What dbt keeps of its last parsing belongs to one engine.
            target=home.dbt / ("target" if engine.name == "duckdb" else f"target-{engine.name}"),
            logs=home.dbt / "logs",
            variables={
                **company.dbt_vars(),
                **engine.dbt_vars(),
                "rules": list(rules),
                "segment_models": segment_models(PROJECT_DIR),
            },
            environment=engine.dbt_environment(),
            threads=company.warehouse.threads,
            opened=engine.open_for_dbt,
        )

    @property
    def manifest_path(self) -> Path:
        """Where dbt writes its manifest."""
        return self.target / "manifest.json"

    def manifest(self) -> dict[str, Any]:
        """Return dbt's manifest, parsing the project when there is none yet."""
        if not self.manifest_path.exists():
            self.parse()
        return dict(json.loads(self.manifest_path.read_text(encoding="utf-8")))

    def parse(self) -> None:
        """Parse the project and write its manifest; what did not change since the last parse is taken over."""
        self.invoke(["parse"])

    def build(self, select: Sequence[str], *, full_refresh: bool = False) -> list[Event]:
        """Build and test the selected nodes and return dbt's result events in their order.

        Args:
            select: dbt selection arguments, such as `["--select", "tag:phase_value"]`.
            full_refresh: Build incremental models anew.

        Raises:
            DbtError: A node failed. Its message names each; `events` on it holds what did succeed.
        """
        return self.invoke(["build", *select, *(["--full-refresh"] if full_refresh else [])])

    def invoke(self, args: Sequence[str]) -> list[Event]:
        """Run any dbt command with this project, profile and vars; returns the result events.

        Raises:
            DbtError: dbt refused the command or a node failed.
        """
        from dbt.cli.main import dbtRunner
        from dbt_common.events.functions import msg_to_dict

        events: list[Event] = []

        def listen(message: Any) -> None:
            if message.info.name in _RESULT_EVENTS:
                events.append(msg_to_dict(message))
            elif message.info.name == "LogStartLine" and self.on_node:
                self.on_node(message.data.description)

        with self._environment(), self.opened() if needs_engine(args) else nullcontext():
            if self._runner is None:
                self._runner = dbtRunner()
            self._runner.callbacks = [listen]
            # A build would write the manifest that parsing has just written, and results that come as events.
            outcome = self._runner.invoke(
                [*args, *(["--no-write-json"] if args[0] == "build" else []), *self._options()]
            )
            if args[0] == "parse" and outcome.success:
                self._runner.manifest = outcome.result  # type: ignore[assignment]
        if not outcome.success:
            error = DbtError(_what_failed(outcome, self.logs))
            error.events = events  # type: ignore[attr-defined]
            raise error
        return events

    def _options(self) -> list[str]:
        return [
            "--project-dir", str(self.project),
            "--profiles-dir", str(self.project),
            "--target-path", str(self.target),
            "--log-path", str(self.logs),
            "--vars", vars_text(self.variables),
            "--quiet",
            # Its errors come back as a DbtError; on the terminal dbt would add a traceback of its own.
            "--log-level", "none",
            # Debugging lines would take a sixth of a small run; compiled SQL lies in the target folder anyway.
            "--log-level-file", "info",
            "--no-use-colors",
        ]  # fmt: skip

    @contextmanager
    def _environment(self) -> Iterator[None]:
        wanted = {
            **self.environment,
            "REGULARS_DBT_THREADS": str(self.threads),
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        }
        before = {key: os.environ.get(key) for key in wanted}
        os.environ.update(wanted)
        try:
            yield
        finally:
            for key, value in before.items():
                if value is None:
                    os.environ.pop(key, None)
                else:
                    os.environ[key] = value


def vars_text(variables: Mapping[str, Any]) -> str:
    """Return variables as dbt takes them; letters stay letters, because dbt refuses half an emoji as no YAML."""
    return json.dumps(variables, sort_keys=True, default=str, ensure_ascii=False)


# dbt's commands that read or write files only.
_WITHOUT_ENGINE = frozenset({"parse", "ls", "list", "clean", "deps", "--version", "--help", "-h"})


def needs_engine(args: Sequence[str]) -> bool:
    """Whether a dbt command opens the warehouse."""
    return bool(args) and args[0] not in _WITHOUT_ENGINE


_ERRORS_ABOUT_DATA = ("Conversion Error", "Invalid Input Error", "Constraint Error", "Out of Range Error")
_RESULT_EVENTS = frozenset({"LogSeedResult", "LogModelResult", "LogSnapshotResult", "LogTestResult"})


def _without_values(message: str) -> str:
    """Take the values out of an engine's message about data; messages about SQL keep the names that analysts need."""
    return redact(message) if any(kind in message for kind in _ERRORS_ABOUT_DATA) else message


def _what_failed(outcome: Any, logs: Path) -> str:
    lines = []
    for node in getattr(outcome.result, "results", None) or []:
        if node.status in ("error", "fail", "runtime error"):
            said = (node.message or "").strip().splitlines()
            words = " ".join(part.strip() for part in said)
            lines.append(f"{node.node.unique_id}: {_without_values(words)[:600]}")
    if outcome.exception is not None:
        lines.append(_without_values(str(outcome.exception).strip())[:1200])
    lines.append(f"dbt's log: {logs / 'dbt.log'}")
    return "\n".join(lines)
