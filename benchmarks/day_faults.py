"""Faults put into single days of a company, and whether the search for anomalies finds them.

The faults change the profile of a day, not the files: half of its records taken out at random, three in ten values made
null, one in ten records given a new value, sizes moved as a price a hundred times (or twice) as high would move them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl

from expectations.anomalies import AnomalySettings, Span, judge

SETTINGS = AnomalySettings()
#: The last day of the sample company.
LAST = date(2026, 6, 30)
#: The faults are put into days of the last year: there is enough past, and every season.
FAULTY_FROM = date(2025, 7, 1)

Change = Callable[[pl.DataFrame, np.random.Generator], pl.DataFrame]


@dataclass(frozen=True)
class Fault:
    """What is done to a day, the kinds that should say so, and the columns it is done to."""

    name: str
    kinds: tuple[str, ...]
    change: Callable[[pl.DataFrame, np.random.Generator, str], pl.DataFrame]
    of: str = "records"  # kind of profile rows whose fields it is done to


@dataclass
class Power:
    """How many faults of a kind were found, by expected records of the day."""

    name: str
    found: dict[str, list[int]] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """As it goes into the results: size of the day -> [found, put in]."""
        return {"fault": self.name, "found": self.found}


SIZES = ((0, "under 10"), (10, "10 to 29"), (30, "30 to 99"), (100, "100 to 299"), (300, "300 and more"))


def _half(day: pl.DataFrame, rng: np.random.Generator, _: str) -> pl.DataFrame:
    return day.with_columns(records=pl.Series(rng.binomial(day["records"].to_numpy(), 0.5), dtype=pl.Int64)).filter(
        pl.col("records") > 0
    )


def _missing(day: pl.DataFrame, _: np.random.Generator, __: str) -> pl.DataFrame:
    return day.clear()


def _nulls(day: pl.DataFrame, rng: np.random.Generator, name: str) -> pl.DataFrame:
    records = int(day.filter(kind="records")["records"].sum())
    is_field = (pl.col("kind") == "nulls") & (pl.col("field") == name)
    before = int(day.filter(is_field)["records"].sum())
    row = day.filter(kind="records").with_columns(
        kind=pl.lit("nulls"), field=pl.lit(name),
        records=pl.lit(before + int(rng.binomial(records - before, 0.3)), dtype=pl.Int64),
    )  # fmt: skip
    return pl.concat([day.filter(~is_field), row])


def _new_value(day: pl.DataFrame, rng: np.random.Generator, name: str) -> pl.DataFrame:
    is_field = (pl.col("kind") == "category") & (pl.col("field") == name)
    rows = day.filter(is_field)
    taken = rng.binomial(rows["records"].to_numpy(), 0.1)
    rest = rows.with_columns(records=pl.Series(rows["records"].to_numpy() - taken, dtype=pl.Int64))
    new = rows.head(1).with_columns(bucket=pl.lit("brand_new"), records=pl.lit(int(taken.sum()), dtype=pl.Int64))
    return pl.concat([day.filter(~is_field), rest, new]).filter(pl.col("records") > 0)


def _sizes_times(factor: float) -> Callable[[pl.DataFrame, np.random.Generator, str], pl.DataFrame]:
    def change(day: pl.DataFrame, _: np.random.Generator, name: str) -> pl.DataFrame:
        steps = round(2 * float(np.log2(factor)))
        is_field = (pl.col("kind") == "number") & (pl.col("field") == name)
        rows = day.filter(is_field).with_columns(
            bucket=pl.when(pl.col("bucket") == "0").then(pl.lit("0")).otherwise(
                pl.col("bucket").str.slice(0, 1)
                + (pl.col("bucket").str.slice(1).cast(pl.Int64, strict=False) + steps).cast(pl.String)
            )
        )  # fmt: skip
        return pl.concat([day.filter(~is_field), rows])

    return change


FAULTS = (
    Fault("half of the records missing", ("volume",), _half),
    Fault("a day missing", ("volume",), _missing),
    Fault("a column 30 % null", ("null_share",), _nulls, of="category"),
    Fault("a new category of 10 %", ("new_category",), _new_value, of="category"),
    Fault("numbers 100 times as high", ("distribution",), _sizes_times(100.0), of="number"),
    Fault("numbers twice as high", ("distribution",), _sizes_times(2.0), of="number"),
)


def power(companies: list[pl.DataFrame], days: int) -> list[Power]:
    """Put every fault into days of every entity with records, and count what is found."""
    rng = np.random.default_rng(36)
    found = [Power(fault.name) for fault in FAULTS] + [Power("the source stops (found within 7 days)")]
    for profiles in companies:
        for (source, entity), rows in sorted(profiles.partition_by("source", "entity", as_dict=True).items()):
            of_source = profiles.filter((pl.col("source") == source) & (pl.col("day") <= LAST))
            counts = rows.filter((pl.col("kind") == "records") & pl.col("day").is_between(FAULTY_FROM, LAST))
            # A month before the end, so that a source that stops has time to be missed.
            usable = counts.filter(pl.col("day") <= LAST - timedelta(days=31))["day"].to_list()
            if len(usable) < days:
                continue
            for day in sorted(rng.choice(np.array(usable, dtype=object), size=days, replace=False)):
                past = of_source.filter(
                    pl.col("day").is_between(day - timedelta(days=SETTINGS.days_needed), day + timedelta(days=1))
                )
                usual = _usual(counts, day)
                for fault, told in zip(FAULTS, found, strict=False):
                    hit = _is_found(past, str(source), str(entity), day, fault, rng)
                    if hit is not None:
                        _count(told, usual if fault.of == "records" else hit[1], hit[0])
                _count(found[-1], usual, _stop_is_found(of_source, str(source), str(entity), day))
    return found


def _usual(counts: pl.DataFrame, day: date) -> float:
    """Records of the same weekdays within eight weeks around the day, on average."""
    near = counts.filter((pl.col("day") - day).dt.total_days().abs() <= 28).filter(
        pl.col("day").dt.weekday() == day.isoweekday()
    )
    return float(near["records"].sum()) / 9


def _is_found(
    past: pl.DataFrame, source: str, entity: str, day: date, fault: Fault, rng: np.random.Generator
) -> tuple[bool, float] | None:
    """Whether a fault is found, and how many records of the day have the column; None where it cannot be put in."""
    is_day = (pl.col("entity") == entity) & (pl.col("day") == day)
    today = past.filter(is_day)
    sizes = dict(today.filter(kind=fault.of).group_by("field").agg(pl.col("records").sum()).iter_rows())
    if fault.kinds == ("null_share",):  # of a column that is mostly empty, three in ten values are not much
        records = int(today.filter(kind="records")["records"].sum())
        sizes = {name: size for name, size in sizes.items() if 2 * size >= records}
    if not sizes:
        return None
    name = sorted(sizes)[int(rng.integers(len(sizes)))]
    changed = pl.concat([past.filter(~is_day), fault.change(today, rng, name)])
    found = judge(changed, _spans(past, source, day), SETTINGS).filter(pl.col("day") == day, entity=entity)
    if fault.of != "records":
        found = found.filter(field=name)
    return bool(found.filter(pl.col("kind").is_in(fault.kinds)).height), float(sizes[name])


def _spans(past: pl.DataFrame, source: str, day: date) -> list[Span]:
    """All entities of the source are judged, so that the level is that of a real run."""
    return [Span(source, entity, day, day) for name, entity in series(past) if name == source]


def _stop_is_found(of_source: pl.DataFrame, source: str, entity: str, day: date) -> bool:
    stopped = of_source.filter((pl.col("entity") != entity) | (pl.col("day") < day))
    week = [day + timedelta(days=number) for number in range(7)]
    since = day - timedelta(days=SETTINGS.days_needed)
    found = judge(stopped.filter(pl.col("day") >= since), [], SETTINGS, silent_at=week)
    return bool(found.filter(kind="freshness", entity=entity).height)


def _count(told: Power, usual: float, hit: bool) -> None:
    size = next(name for least, name in reversed(SIZES) if usual >= least)
    cell = told.found.setdefault(size, [0, 0])
    cell[0] += hit
    cell[1] += 1


def series(profiles: pl.DataFrame) -> list[tuple[str, str]]:
    """Return the sources and entities of profiles, in order."""
    return sorted(profiles.select("source", "entity").unique().iter_rows())
