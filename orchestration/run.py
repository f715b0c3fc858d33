"""One run: who it is for, where it writes, and the steps it takes between source and published copy.

Every step is a plain function over a `Run`; Dagster's assets are thin wrappers around them. A step opens the
warehouse for itself and lets go of it, because dbt opens it in between.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from orchestration.dbt import PROJECT_DIR, Dbt
from orchestration.engines import engine_of
from orchestration.report import DriftLine, Problem, StepLine

if TYPE_CHECKING:
    from expectations.catalogue import Rule
    from expectations.verdict import GateResult
    from orchestration.company import Company
    from orchestration.decisions import Decisions
    from orchestration.engines.base import Engine
    from orchestration.home import Home

# Told of each step as it starts and ends: name, state ("started", "done", "failed"), words for people.
Progress = Callable[[str, str, str], None]
Counts = dict[str, Any]


def new_run_id(now: datetime | None = None) -> str:
    """Return an id that sorts by time and is unique: `20260131T093000Z-1a2b3c4d`."""
    return f"{now or datetime.now(UTC):%Y%m%dT%H%M%SZ}-{uuid4().hex[:8]}"


@dataclass
class Run:
    """What every step of one run needs to know.

    Attributes:
        company: The company file, validated.
        home: Where the warehouse and everything made from it lie.
        run_id: Names this run in the ledger, the marts and the status.
        started_at: Start of the run (UTC).
        full_refresh: Build incremental tables anew from raw.
        verdict: What the gate said, once it has been asked.
        steps: Seconds and rows of the steps taken so far.
        problems: What could not be read or done, without stopping the rest.
        drift: By source, the fields that this run's load brought differently.
        anomalies: By source, the days that this run found out of line with the source's past.
    """

    company: Company
    home: Home
    run_id: str = field(default_factory=new_run_id)
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    full_refresh: bool = False
    progress: Progress = field(default=lambda *_: None, repr=False)
    verdict: GateResult | None = None
    steps: list[StepLine] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    drift: dict[str, list[DriftLine]] = field(default_factory=dict)
    anomalies: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    @cached_property
    def engine(self) -> Engine:
        """Where tables are built."""
        return engine_of(self.company, self.home)

    @cached_property
    def rules(self) -> list[Rule]:
        """The rule catalogue, with the company's own rules."""
        from orchestration.catalogue import catalogue_of

        return catalogue_of(self.company)

    @cached_property
    def dbt(self) -> Dbt:
        """The dbt project on this run's warehouse."""
        from expectations.catalogue import to_dbt_vars

        return Dbt.of(self.company, self.home, self.engine, to_dbt_vars(self.rules))

    @cached_property
    def decisions(self) -> Decisions:
        """The steward's decisions that this run takes up, read once: what is decided later is for the next run."""
        from orchestration.decisions import read_decisions

        return read_decisions(self.home)

    @property
    def vendor_views(self) -> list[str]:
        """The vendors' dbt models that map records to entities, views in schema staging."""
        return [f"stg_{vendor.name}__{entity}" for vendor in self.company.vendors for entity in vendor.entities]

    @cached_property
    def fingerprint(self) -> str:
        """A hash of everything but data that shapes the tables: company file, rules, SQL, seeds, version.

        When it differs from the one the tables were built with, incremental tables are built anew.
        """
        digest = hashlib.sha256(package_version().encode())
        files = [Path(self.company.path), *self.company.rules_files, *_project_files()]
        for file in files:
            digest.update(file.name.encode())
            digest.update(file.read_bytes())
        return digest.hexdigest()

    @contextmanager
    def step(self, name: str) -> Iterator[Counts]:
        """Time a step, tell of it as it starts and ends, and keep its line for the report.

        Yields:
            A dictionary for what the step counted; `rows_in` and `rows_out` have places of their own.
        """
        counts: Counts = {}
        self.progress(name, "started", "")
        begun = perf_counter()
        try:
            yield counts
        except BaseException:
            self.progress(name, "failed", "")
            raise
        seconds = perf_counter() - begun
        self.steps.append(StepLine(name, round(seconds, 3), counts.get("rows_in"), counts.get("rows_out")))
        self.progress(name, "done", describe(counts))

    def today(self) -> str:
        """The company's own day at the start of the run, as an ISO date."""
        return self.started_at.astimezone(ZoneInfo(self.company.time_zone)).date().isoformat()


def package_version() -> str:
    """Return the version of Regulars, or `0` when it is not installed."""
    try:
        return version("regulars")
    except PackageNotFoundError:
        return "0"


def _project_files() -> list[Path]:
    rules = PROJECT_DIR.parent / "expectations" / "rules"
    found = [file for folder in ("models", "macros", "seeds") for file in (PROJECT_DIR / folder).rglob("*")]
    found += [PROJECT_DIR / "dbt_project.yml", *rules.rglob("*.yaml")]
    return sorted(file for file in found if file.suffix in {".sql", ".yml", ".yaml", ".csv"} and file.is_file())


def describe(counts: Counts) -> str:
    """Return a step's numbers in words for the progress line, such as `541,909 received, 305 files`."""
    return ", ".join(
        f"{value:,} {_noun(key, value)}"
        for key, value in counts.items()
        if isinstance(value, int) and value and key != "rows_in"
    )


def _noun(key: str, number: int) -> str:
    words = key.replace("_", " ")
    return words.removesuffix("s") if number == 1 else words
