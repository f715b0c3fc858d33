"""Daily profiles as arrays: one series per source and entity, on one axis of days without gaps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import polars as pl

# The first record of a series may bear a wrong date. A series begins where this many days of the next four weeks have
# records, so that a slip of years does not become a past without any.
_ACTIVE_DAYS, _WITHIN = 4, 28

OTHER = "(other)"


@dataclass(frozen=True)
class Values:
    """Counts of one column's values or sizes: one row per bucket, one column per day."""

    kind: str
    field: str
    buckets: list[str]
    counts: np.ndarray


@dataclass(frozen=True)
class Series:
    """One entity of one source.

    Attributes:
        source: Its name.
        entity: Its name.
        first: The day that index 0 stands for.
        records: Records by day; days without any have 0.
        start: Index of the day from which on days count.
        nulls: Nulls by day, per column.
        values: Watched columns.
    """

    source: str
    entity: str
    first: date
    records: np.ndarray
    start: int
    nulls: dict[str, np.ndarray] = field(default_factory=dict)
    values: list[Values] = field(default_factory=list)

    @property
    def known(self) -> np.ndarray:
        """Which days count as past."""
        return np.arange(len(self.records)) >= self.start

    def is_judged(self, weeks: int) -> np.ndarray:
        """Which days have so many weeks before them."""
        return np.arange(len(self.records)) >= self.start + 7 * weeks


def series_of(profiles: pl.DataFrame, first: date, last: date) -> Iterator[Series]:
    """Return every series of the profiles from the first to the last day, by source and entity."""
    length = (last - first).days + 1
    if length <= 0:
        return
    inside = profiles.filter(pl.col("day").is_between(first, last)).with_columns(
        index=(pl.col("day") - first).dt.total_days()
    )
    for (source, entity), rows in sorted(inside.partition_by("source", "entity", as_dict=True).items()):
        parts = rows.partition_by("kind", "field", as_dict=True)
        records = np.zeros(length)
        nulls: dict[str, np.ndarray] = {}
        values: list[Values] = []
        for (kind, name), part in sorted(parts.items()):
            if kind == "records":
                np.add.at(records, part["index"].to_numpy(), part["records"].to_numpy())
            elif kind == "nulls":
                counts = nulls.setdefault(str(name), np.zeros(length))
                np.add.at(counts, part["index"].to_numpy(), part["records"].to_numpy())
            else:
                values.append(_values(str(kind), str(name), part, length))
        yield Series(str(source), str(entity), first, records, _start(records), nulls, values)


def _values(kind: str, name: str, part: pl.DataFrame, length: int) -> Values:
    buckets = sorted(part["bucket"].unique())
    places = {bucket: place for place, bucket in enumerate(buckets)}
    counts = np.zeros((len(buckets), length))
    rows = np.array([places[bucket] for bucket in part["bucket"]], dtype=np.int64)
    np.add.at(counts, (rows, part["index"].to_numpy()), part["records"].to_numpy())
    return Values(kind, name, buckets, counts)


def _start(records: np.ndarray) -> int:
    active = np.concatenate([[0], np.cumsum(records > 0)])
    length = len(records)
    ahead = active[np.minimum(np.arange(length) + _WITHIN, length)] - active[:length]
    begun = np.flatnonzero((records > 0) & (ahead >= _ACTIVE_DAYS))
    return int(begun[0]) if len(begun) else length
