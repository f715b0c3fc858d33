"""From daily profiles to findings: every test of every day, and which of them are told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl

from expectations.anomalies.days import Span
from expectations.anomalies.mixes import Mix, NewValues, mix, new_values
from expectations.anomalies.series import Series, Values, series_of
from expectations.anomalies.settings import KINDS, AnomalySettings, Kind
from expectations.anomalies.shares import Shares, null_shares
from expectations.anomalies.volume import Freshness, Volume, freshness, volume
from expectations.anomalies.words import distribution as distribution_words
from expectations.anomalies.words import freshness as freshness_words
from expectations.anomalies.words import new_category as new_category_words
from expectations.anomalies.words import null_share as null_share_words
from expectations.anomalies.words import volume as volume_words

_PROFILES: dict[str, pl.DataType | type[pl.DataType]] = {
    "source": pl.String,
    "entity": pl.String,
    "day": pl.Date,
    "kind": pl.String,
    "field": pl.String,
    "bucket": pl.String,
    "records": pl.Int64,
    "newest_at": pl.Datetime("us"),
}
PROFILES = pl.Schema(_PROFILES)
"""Columns of the dbt model `daily_profiles`."""

FINDINGS = pl.Schema(
    {
        "source": pl.String,
        "entity": pl.String,
        "kind": pl.String,
        "field": pl.String,
        "day": pl.Date,
        "since": pl.Date,
        "is_new": pl.Boolean,
        "observed": pl.Float64,
        "expected": pl.Float64,
        "usual_from": pl.Float64,
        "usual_to": pl.Float64,
        "p_value": pl.Float64,
        "level": pl.Float64,
        "records": pl.Int64,
        "says": pl.String,
    }
)
"""One row per source, entity, kind, field and day. `field` is empty for volume and freshness. `observed`, `expected`,
`usual_from` and `usual_to` are records (volume), days without a record (freshness), shares from 0 to 1 (null_share,
new_category) or the population stability index (distribution). `since` is the first day of the alarm that the day
belongs to, and `is_new` says that it is that day. A finding has a p_value below its level."""

_CONTINUES = 7
"""Days within which the same finding is the same alarm."""


def judge(
    profiles: pl.DataFrame,
    spans: Sequence[Span],
    settings: AnomalySettings,
    *,
    silent_at: Sequence[date] = (),
    kept: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Return what is out of line on the days to judge, each day compared with the days before it only.

    Args:
        profiles: Daily profiles (`PROFILES`) of the days to judge and of `settings.days_needed` days before them.
        spans: The days to judge.
        settings: How strictly.
        silent_at: Days at whose end sources should not have been silent for too long; usually one, yesterday.
        kept: Findings of earlier runs; a finding that goes on from one of them is not new.

    Returns:
        Findings (`FINDINGS`) by source, day, kind, entity and field.
    """
    if not spans and not silent_at:
        return pl.DataFrame(schema=FINDINGS)
    days = [*(span.first for span in spans), *silent_at]
    first = min(days) - timedelta(days=settings.days_needed)
    last = max([*(span.last for span in spans), *silent_at])
    to_judge = {(span.source, span.entity): span for span in spans}
    rows: list[dict[str, Any]] = []
    by_source: dict[str, list[_Tests]] = {}
    for series in series_of(profiles, first, last):
        span = to_judge.get((series.source, series.entity))
        by_source.setdefault(series.source, []).append(_Tests.of(series, span, silent_at, settings))
    for source in sorted(by_source):
        rows += _findings(source, by_source[source], settings)
    found = pl.DataFrame(rows, schema=FINDINGS)
    found = found.sort("source", "day", "kind", "entity", "field")
    return _alarms(found, kept)


@dataclass(frozen=True)
class _Tests:
    """All tests of one series, and which of its days are to be judged."""

    series: Series
    is_asked: np.ndarray
    is_silent_asked: np.ndarray
    volume: Volume
    freshness: Freshness
    shares: Shares
    mixes: list[tuple[Values, Mix]]
    new: list[tuple[Values, NewValues]]

    @classmethod
    def of(cls, series: Series, span: Span | None, silent_at: Sequence[date], settings: AnomalySettings) -> _Tests:
        length = len(series.records)
        asked, silent = np.zeros(length, dtype=bool), np.zeros(length, dtype=bool)
        if span is not None:
            asked[max((span.first - series.first).days, 0) : max((span.last - series.first).days + 1, 0)] = True
        for day in silent_at:
            if 0 <= (day - series.first).days < length:
                silent[(day - series.first).days] = True
        counted = volume(series, settings)
        return cls(
            series,
            asked,
            silent,
            counted,
            freshness(series, counted, settings),
            null_shares(series, settings),
            [(values, mix(series, values, settings)) for values in series.values],
            [(values, new_values(series, values, settings)) for values in series.values if values.kind == "category"],
        )

    def masks(self, kind: Kind) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, int]]:
        """The tests of a kind: p-values, tested days, days that stand out, and the test's number."""
        if kind == "volume":
            yield self.volume.p_value, self.volume.is_tested & self.is_asked, self.volume.stands_out, 0
        elif kind == "freshness":
            yield self.freshness.p_value, self.freshness.is_tested & self.is_silent_asked, self.freshness.stands_out, 0
        elif kind == "null_share":
            for row in range(len(self.shares.fields)):
                tested = self.shares.is_tested[row] & self.is_asked
                yield self.shares.p_value[row], tested, self.shares.stands_out[row], row
        elif kind == "new_category":
            for number, (_, new) in enumerate(self.new):
                yield new.p_value, new.is_tested & self.is_asked, new.stands_out, number
        else:
            for number, (_, shift) in enumerate(self.mixes):
                yield shift.p_value, shift.is_tested & self.is_asked, shift.stands_out, number


def _findings(source: str, tests: list[_Tests], settings: AnomalySettings) -> Iterator[dict[str, Any]]:
    """The findings of one source. The tests of a kind on one day share the kind's level (Bonferroni)."""
    for kind in KINDS:
        if not settings.looks_for(source, kind):
            continue
        number_of_tests = sum(
            (tested.astype(int) for one in tests for _, tested, _, _ in one.masks(kind)), np.zeros(1, int)
        )
        if not np.any(number_of_tests):
            continue
        levels = np.array([settings.level(int(number)) for number in number_of_tests])
        for one in tests:
            for p_value, tested, stands_out, number in one.masks(kind):
                for day in np.flatnonzero(tested & stands_out & (p_value < levels)):
                    yield _finding(one, kind, number, int(day), float(levels[day]), float(p_value[day]), settings)


def _finding(
    one: _Tests, kind: Kind, number: int, day: int, level: float, p_value: float, settings: AnomalySettings
) -> dict[str, Any]:
    series = one.series
    date_of_day = series.first + timedelta(days=day)
    field, since = "", date_of_day
    if kind == "volume":
        observed, expected = series.records[day], one.volume.expected[day]
        lower, upper = one.volume.bounds(day, level)
        says = volume_words(series.entity, date_of_day, observed, expected, lower, upper)
    elif kind == "freshness":
        fresh = one.freshness
        observed, expected, lower, upper = fresh.silent[day], fresh.usual[day], 0.0, fresh.usual[day]
        since = date_of_day - timedelta(days=int(observed))
        says = freshness_words(series.entity, since, int(observed), int(expected), fresh.missing[day])
    elif kind == "null_share":
        shares = one.shares
        field = shares.fields[number]
        observed, expected = shares.observed[number, day], shares.expected[number, day]
        lower, upper = shares.bounds(number, day, level)
        says = null_share_words(series.entity, field, date_of_day, observed, expected, lower, upper)
    elif kind == "new_category":
        values, new = one.new[number]
        field = values.field
        observed, expected, lower, upper = new.share[day], new.usual[day], 0.0, new.upper(day, level)
        value = values.buckets[int(new.first_of[day])]
        says = new_category_words(series.entity, field, date_of_day, value, observed, int(values.counts[:, day].sum()))
    else:
        values, shift = one.mixes[number]
        field = values.field
        observed, expected, lower = shift.shift[day], min(shift.usual[day], shift.shift[day]), 0.0
        upper = max(shift.usual[day], settings.shift)
        gap = np.abs(shift.observed[:, day] - shift.expected[:, day])
        bucket = int(np.argmax(gap))
        says = distribution_words(
            series.entity, field, date_of_day, observed, upper, values.kind, values.buckets[bucket],
            shift.observed[bucket, day], shift.expected[bucket, day],
        )  # fmt: skip
    return {
        "source": series.source, "entity": series.entity, "kind": kind, "field": field, "day": date_of_day,
        "since": since, "is_new": True, "observed": float(observed), "expected": float(expected),
        "usual_from": float(lower), "usual_to": float(upper), "p_value": p_value, "level": level,
        "records": int(series.records[day]), "says": says,
    }  # fmt: skip


def _alarms(found: pl.DataFrame, kept: pl.DataFrame | None) -> pl.DataFrame:
    """Join findings of neighbouring days into alarms: only the first is new."""
    key = ("source", "entity", "kind", "field")
    open_alarms: dict[tuple[Any, ...], tuple[date, date]] = {}
    if kept is not None:
        for row in kept.sort("day").iter_rows(named=True):
            open_alarms[tuple(row[name] for name in key)] = (row["since"], row["day"])
    since, is_new = [], []
    for row in found.iter_rows(named=True):
        name = tuple(row[part] for part in key)
        before = open_alarms.get(name)
        if row["kind"] == "freshness":
            # A silence is one alarm however often it is looked at.
            begun, goes_on = row["since"], before is not None and before[0] == row["since"]
        else:
            goes_on = before is not None and 0 <= (row["day"] - before[1]).days <= _CONTINUES
            begun = before[0] if before is not None and goes_on else row["day"]
        open_alarms[name] = (begun, row["day"])
        since.append(begun)
        is_new.append(not goes_on)
    return found.with_columns(pl.Series("since", since, dtype=pl.Date), pl.Series("is_new", is_new, dtype=pl.Boolean))
