"""What `regulars sources` lists, from the status file and the published copy alone: the warehouse stays shut."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from orchestration.report import DriftLine, Problem, SourceState

if TYPE_CHECKING:
    from orchestration.company import Company
    from orchestration.home import Home


@dataclass(frozen=True)
class SourceNow:
    """One source as it stands: what the last run knew of it, and what the published copy holds of it.

    Attributes:
        state: Of the last run; of a source that no run has seen yet, only who it is.
        received: Records as published, over all entities; None where nothing is published of it.
        valid: Of those, the valid ones.
        quarantined: Those set aside.
        duplicates: Those of which there is a better or newer one.
        lag: How far behind the present its newest record is; None where no record has a time.
        problems: What the last run had to say of it.
        is_configured: Whether the company file still names it.
    """

    state: SourceState
    received: int | None = None
    valid: int | None = None
    quarantined: int | None = None
    duplicates: int | None = None
    lag: timedelta | None = None
    problems: list[Problem] = field(default_factory=list)
    is_configured: bool = True

    @property
    def drift(self) -> list[DriftLine]:
        """How the fields of its last loads differ from those before."""
        return self.state.drift


@dataclass(frozen=True)
class SourcesNow:
    """All sources, with the moment they were looked at (UTC) and the run that the states are from."""

    at: datetime
    run_id: str | None
    sources: list[SourceNow]


def sources_now(home: Home, company: Company | None, now: datetime | None = None) -> SourcesNow:
    """Return every source of the company file, then those that only an earlier run knows.

    Args:
        home: Where status and published copy lie.
        company: The company file; without it the last run says which sources there are.
        now: The present (UTC); the clock's by default.
    """
    now = now or datetime.now(UTC)
    report = home.read_status()
    known = {state.source: state for state in (report.source_states if report else [])}
    named = {} if company is None else dict(company.sources)
    counts = _published(home)
    problems = list(report.problems) if report else []
    found = []
    for name in [*named, *(other for other in known if other not in named)]:
        state = known.get(name, SourceState(name))
        source = named.get(name)
        if source is not None:  # the file may say more, or something else, than the last run
            state = dataclasses.replace(state, type=source.type, channel=source.channel, label=source.label)
        numbers = counts.get(name, {})
        found.append(
            SourceNow(
                state,
                **numbers,
                lag=None if state.newest_at is None else max(now - state.newest_at, timedelta(0)),
                problems=[problem for problem in problems if problem.source == name],
                is_configured=company is None or source is not None,
            )
        )
    return SourcesNow(now, report.run_id if report else None, found)


def as_text(now: SourcesNow) -> str:
    """Return the listing as indented JSON: times in ISO 8601, lag in seconds."""
    return json.dumps(
        {
            "at": now.at.isoformat(),
            "run_id": now.run_id,
            "sources": [
                {
                    **_plain(dataclasses.asdict(one.state)),
                    "received": one.received,
                    "valid": one.valid,
                    "quarantined": one.quarantined,
                    "duplicates": one.duplicates,
                    "lag_seconds": None if one.lag is None else round(one.lag.total_seconds()),
                    "problems": [dataclasses.asdict(problem) for problem in one.problems],
                    "is_configured": one.is_configured,
                }
                for one in now.sources
            ],
        },
        indent=2,
        ensure_ascii=False,
    )


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value.isoformat() if isinstance(value, datetime) else value for key, value in values.items()}


def _published(home: Home) -> dict[str, dict[str, int]]:
    """Records by source as readers see them; nothing where nothing is published."""
    from orchestration.published import PublishedError, open_published

    numbers = ("received", "valid", "quarantined", "duplicates")
    if not home.published_file.exists():
        return {}
    found: dict[str, dict[str, int]] = {}
    try:
        with open_published(home.published_file) as published:
            for row in published.rows("source_loads"):
                counts = found.setdefault(row["source"], dict.fromkeys(numbers, 0))
                for name in numbers:
                    counts[name] += int(row[name])
    except PublishedError:
        return {}
    return found
