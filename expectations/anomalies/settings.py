"""What a company may set, and the numbers that were settled from statistics before any data was looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

Kind = Literal["volume", "freshness", "null_share", "new_category", "distribution"]
KINDS: tuple[Kind, ...] = get_args(Kind)

DAYS_PER_MONTH = 30.4375


@dataclass(frozen=True)
class AnomalySettings:
    """How strictly days are compared with their past.

    Attributes:
        false_alarms_per_month: False alarms that a source whose days vary as they always did may raise in a month, all
            kinds, entities and columns together. A test's level follows from it: divided by the days of a month, by
            the five kinds, and (Bonferroni) by the tests of the kind on that day. So more columns make no more alarms.
        look_back_weeks: Weeks before a day that it is compared with.
        minimum_weeks: Weeks that a source must have come before any of its days is judged.
        off: Kinds that are not looked for, by source.
        memory_weeks: How far back a burst or an odd mix of values is remembered as something that happens.
        volume_change: Least difference of a day's records from what was expected, as a share of that. 25 % is more
            than a holiday next door and less than half a delivery.
        volume_records: Least difference in records.
        null_change: Least difference between shares of nulls.
        new_share: Least share of the day's records that a new value has.
        new_records: Least number of them.
        shift: Least population stability index. Practice reads 0.1 as some and 0.25 as much change (Siddiqi 2006,
            Credit Risk Scorecards); the sampling error is taken off first.
        mix_records: Records that a day needs before its mix of values says anything.
    """

    false_alarms_per_month: float = 0.1
    look_back_weeks: int = 8
    minimum_weeks: int = 4
    off: Mapping[str, frozenset[Kind]] = field(default_factory=dict)
    memory_weeks: int = 26
    volume_change: float = 0.25
    volume_records: float = 5.0
    null_change: float = 0.05
    new_share: float = 0.02
    new_records: int = 5
    shift: float = 0.2
    mix_records: int = 30

    def level(self, tests: int) -> float:
        """Return the level of one of so many tests of a kind on one day of a source."""
        return self.false_alarms_per_month / DAYS_PER_MONTH / len(KINDS) / max(tests, 1)

    def looks_for(self, source: str, kind: Kind) -> bool:
        """Whether a kind is looked for in a source."""
        return kind not in self.off.get(source, ())

    @property
    def days_needed(self) -> int:
        """Days before a judged day that its profile is asked for."""
        return 7 * (self.look_back_weeks + self.memory_weeks)
