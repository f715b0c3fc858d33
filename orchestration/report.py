"""What one run did, as plain data.

The pipeline fills a `RunReport`; the command line renders it, and `<home>/status.json` keeps the last one, so that
`regulars status` never has to open the warehouse. All times are UTC. Nothing in here holds personal data.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pydantic import TypeAdapter

Outcome = Literal["published", "nothing_new", "gate_stopped", "failed"]


@dataclass(frozen=True)
class SourceLine:
    """What a source holds, or one entity of it: received = valid + quarantined + duplicates.

    One file can bring several entities, so a source has a line for each. What belongs to the source as a whole
    (channel, new files, validity and goal, shares from 0 to 1) stands on its first line; on the others it is None,
    or 0 for new files. `validity` is None, too, where nothing was judged.
    """

    source: str
    channel: str | None = None
    files_new: int = 0
    received: int = 0
    valid: int = 0
    quarantined: int = 0
    duplicates: int = 0
    validity: float | None = None
    goal: float | None = None
    entity: str | None = None

    @property
    def is_balanced(self) -> bool:
        """Whether every received record is accounted for exactly once."""
        return self.received == self.valid + self.quarantined + self.duplicates

    @property
    def is_met(self) -> bool | None:
        """Whether the source reaches its validity goal; None where either number is missing."""
        if self.validity is None or self.goal is None:
            return None
        return self.validity >= self.goal


@dataclass(frozen=True)
class DriftLine:
    """One field that a source's last load of a dataset brought differently; `words` is a sentence without values.

    `kind` is new_field, removed_field or changed_type.
    """

    dataset: str
    kind: str
    field: str
    words: str


@dataclass(frozen=True)
class SourceState:
    """What the ledger knows of a source at the end of a run.

    Attributes:
        source: Its name.
        type: files, or the vendor's name.
        channel: Where it belongs.
        label: Its name for people.
        last_load_at: When the last load that brought something was committed (UTC); None before the first.
        last_load_id: That load.
        files: Files known by now.
        records: Records received so far, as counted by the loader: lines of files, records of pages.
        newest_at: The newest time that a valid record speaks of (UTC).
        cursors: Object of an API to the time up to which it has been fetched, ISO 8601.
        drift: What the last load of each dataset brought differently from those before it.
    """

    source: str
    type: str = "files"
    channel: str | None = None
    label: str | None = None
    last_load_at: datetime | None = None
    last_load_id: str | None = None
    files: int = 0
    records: int = 0
    newest_at: datetime | None = None
    cursors: dict[str, str] = field(default_factory=dict)
    drift: list[DriftLine] = field(default_factory=list)


@dataclass(frozen=True)
class GoalLine:
    """One goal of the scorecard. `unit` is 'share' (0 to 1), 'money' (company currency) or 'count'.

    `attainment` is actual ÷ target (1.0 = reached); `status` is the word of `marts.kpi_scorecard`.
    """

    id: str
    name: str
    target: float
    actual: float | None = None
    attainment: float | None = None
    status: str | None = None
    unit: str = "share"


@dataclass(frozen=True)
class RuleLine:
    """A rule that costs validity: `points_lost` are percentage points of the index it was judged for."""

    source: str
    rule: str
    points_lost: float
    entity: str | None = None
    field: str | None = None
    says: str | None = None
    records: int | None = None
    failed: int | None = None


@dataclass(frozen=True)
class GateResult:
    """The gate's verdict. `judged` is False where nothing new came, so nothing had to be judged."""

    passed: bool = True
    judged: bool = True
    messages: list[str] = field(default_factory=list)
    worst_rules: list[RuleLine] = field(default_factory=list)


@dataclass(frozen=True)
class StepLine:
    """One step of a run with its duration and, where they make sense, its records in and out."""

    name: str
    seconds: float
    rows_in: int | None = None
    rows_out: int | None = None


@dataclass(frozen=True)
class Problem:
    """Something that went wrong without stopping the run, or that stopped it: what it was and what to do.

    `is_failure` is False for what someone should know but that lost nothing, such as a value that stopped joining.
    """

    what: str
    todo: str
    source: str | None = None
    file: str | None = None
    is_failure: bool = True


@dataclass
class RunReport:
    """One run from its start to its end; the pipeline fills it step by step.

    `currency` is the company's; money goals are in it. The paths are text, so that the report stays plain JSON.
    `publication_run_id` names the run whose marts are published: this one, or an older one that stays in place.
    """

    run_id: str
    started_at: datetime
    finished_at: datetime | None = None
    outcome: Outcome = "failed"
    company_id: str | None = None
    company_name: str | None = None
    company_file: str | None = None
    currency: str | None = None
    as_of: datetime | None = None
    sources: list[SourceLine] = field(default_factory=list)
    validity_overall: float | None = None
    validity_goal: float | None = None
    goals: list[GoalLine] = field(default_factory=list)
    gate: GateResult = field(default_factory=GateResult)
    published_path: str | None = None
    parquet_path: str | None = None
    publication_run_id: str | None = None
    data_docs: str | None = None
    charts: str | None = None
    steps: list[StepLine] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    source_states: list[SourceState] = field(default_factory=list)

    @property
    def seconds(self) -> float | None:
        """Wall-clock seconds of the run, or None while it runs."""
        return None if self.finished_at is None else (self.finished_at - self.started_at).total_seconds()

    @property
    def has_failures(self) -> bool:
        """Whether anything could not be done, even if the rest was published."""
        return self.outcome == "failed" or any(problem.is_failure for problem in self.problems)

    @property
    def files_new(self) -> int:
        """Files that brought content no earlier run had seen."""
        return sum(line.files_new for line in self.sources)

    def to_json(self) -> str:
        """The report as indented JSON; `from_json` reads it back without loss."""
        return _adapter().dump_json(self, indent=2).decode()

    @staticmethod
    def from_json(text: str | bytes) -> RunReport:
        """Read a report written by `to_json`.

        Keys of a newer version are passed over, so that an older command line still shows what it knows.

        Raises:
            ValueError: the text is no JSON or no report.
        """
        return _adapter().validate_json(text)

    def replace(self, **changes: object) -> RunReport:
        """A copy with some fields changed."""
        return dataclasses.replace(self, **changes)  # type: ignore[arg-type]


@cache
def _adapter() -> TypeAdapter[RunReport]:
    """Pydantic's reader and writer of a report; built on first use because importing it takes time."""
    from pydantic import TypeAdapter

    return TypeAdapter(RunReport)
