"""Text keys as whole numbers, so that everything after it works on arrays."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from models.identity.texts import Bools, Ints, grouped, text_order

__all__ = [
    "Bools",
    "Excludes",
    "Ints",
    "Links",
    "Records",
    "counted",
    "distinct",
    "few",
    "gathered",
    "number_links",
    "number_records",
]

Excludes = Callable[[pl.DataFrame], Bools]


@dataclass(frozen=True, slots=True)
class Records:
    """The distinct records of the input, numbered in the order of (source, source_record_id).

    Attributes:
        frame: source, source_record_id; row i is record i.
        sources: names of the sources, sorted.
        source: per record, its place in `sources`.
        of_row: per row of the identifiers, its record.
        of_previous: per row of the previous records, its record, or -1 if it is gone.
    """

    frame: pl.DataFrame
    sources: list[str]
    source: Ints
    of_row: Ints
    of_previous: Ints


@dataclass(frozen=True, slots=True)
class Links:
    """Distinct (identifier value, record) pairs, sorted by value, then record.

    Attributes:
        value: per link, the number of its value; values are numbered from 0 without gaps.
        record: per link, its record.
        starts: per value, the place of its first link.
        counts: per value, how many records carry it.
        kind: per value, the place of its kind in `kinds`.
        excluded: per value, whether it is excluded.
        row: per value, a row of the identifiers that carries it.
    """

    value: Ints
    record: Ints
    starts: Ints
    counts: Ints
    kind: Ints
    excluded: Bools
    row: Ints


def distinct(numbers: Ints) -> Ints:
    """The distinct numbers, sorted; `np.unique` hashes before it sorts, which takes longer here."""
    ordered = np.sort(numbers)
    kept: Ints = ordered[np.diff(ordered, prepend=ordered[:1] - 1) != 0]
    return kept


def counted(numbers: Ints) -> tuple[Ints, Ints]:
    """The distinct numbers, sorted, and how often each is there."""
    ordered = np.sort(numbers)
    starts = np.flatnonzero(np.diff(ordered, prepend=ordered[:1] - 1))
    return ordered[starts], np.diff(starts, append=ordered.size)


def few(numbers: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], Ints]:
    """The distinct numbers, sorted, and per number its place among them; fast where few are distinct."""
    told = pl.Series(numbers).unique().sort().to_numpy()
    return told, np.searchsorted(told, numbers)


def places_of(texts: pl.Series, names: Sequence[str]) -> Ints:
    """Per text its place among the names, all of which differ."""
    if not names:
        return np.zeros(texts.len(), dtype=np.int64)
    return texts.cast(pl.Enum(names)).to_physical().to_numpy().astype(np.int64)


def gathered(series: pl.Series, places: Ints) -> pl.Series:
    """The values at the places, null for a place below 0."""
    absent = np.flatnonzero(places < 0)
    if absent.size == 0:
        return series.gather(places)
    if absent.size == places.size:
        return pl.repeat(None, places.size, dtype=series.dtype, eager=True)
    return series.gather(pl.Series(places, dtype=pl.Int64).scatter(absent, None))


def number_records(identifiers: pl.DataFrame, previous: pl.DataFrame, sources: Sequence[str] | None = None) -> Records:
    """Number the records of the identifiers and find those of the previous run among them.

    Args:
        identifiers: source, source_record_id; repeated rows do no harm.
        previous: the same columns, one row per record.
        sources: all names of sources, sorted, where the frames are a part of the whole; else those of the frames.

    Raises:
        ValueError: the previous records hold one record twice.
    """
    rows = identifiers.height
    both = identifiers.select("source", "source_record_id")
    if previous.height:
        both = pl.concat([both, previous.select("source", "source_record_id")]).rechunk()
    sources = both["source"].unique().sort().to_list() if sources is None else list(sources)
    source = places_of(both["source"], sources)
    groups = grouped(both["source_record_id"], source)
    first, group = groups.first, groups.of_row
    doubled = group.size - rows - distinct(group[rows:]).size
    if doubled:
        raise ValueError(f"identity: previous holds {doubled} records more than once")

    # A group whose first row is one of the previous records is a record that is gone.
    here = np.flatnonzero(first < rows)
    first, ids = first[here], both["source_record_id"].gather(first[here])
    # The number of a record is its place in the sorted list; results then depend on no order of rows.
    order = _order(ids, source[first], len(sources))
    number = np.full(groups.starts.size, -1, dtype=np.int64)
    number[here[order]] = np.arange(order.size)
    of_both, source = number[group], source[first][order]
    return Records(
        frame=pl.DataFrame(
            {
                "source": pl.Series(sources, dtype=pl.String).gather(source),
                "source_record_id": ids.gather(order),
            }
        ),
        sources=sources,
        source=source,
        of_row=of_both[:rows],
        of_previous=of_both[rows:],
    )


def _order(ids: pl.Series, source: Ints, sources: int) -> Ints:
    """The order of (source, id); source by source, because the ids of one often begin alike and sort faster for it."""
    parts = [np.flatnonzero(source == place) for place in range(sources)]
    parts = [rows[text_order(ids.gather(rows))] for rows in parts]
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)


def located(records: Records, frames: Sequence[pl.DataFrame]) -> list[Ints]:
    """The records of frames of (source, source_record_id), -1 for those that are not there.

    Args:
        records: the numbered records.
        frames: two columns each, whatever their names.
    """
    columns = ("source", "source_record_id")
    wanted = pl.concat([frame.rename(dict(zip(frame.columns, columns, strict=True))) for frame in frames])
    ends = np.cumsum([frame.height for frame in frames])
    if wanted.is_empty() or records.frame.is_empty():
        found = np.full(wanted.height, -1, dtype=np.int64)
        return np.split(found, ends[:-1])
    wanted = wanted.rechunk()
    # Numbers are joined faster than texts; what is found is compared as text.
    key = pl.struct(columns).hash().alias("key")
    known = records.frame.select(key, record=pl.int_range(pl.len(), dtype=pl.Int64))
    near = wanted.select(key).join(known, on="key", how="left", maintain_order="left")
    if near.height != wanted.height:  # two records with one hash of 64 bits: the slow way
        known = records.frame.with_columns(record=pl.int_range(pl.len(), dtype=pl.Int64))
        near = wanted.join(known, on=columns, how="left", maintain_order="left")
        return np.split(near["record"].fill_null(-1).to_numpy(), ends[:-1])
    place = near["record"]
    same = wanted.select(
        (pl.col("source") == records.frame["source"].gather(place))
        & (pl.col("source_record_id") == records.frame["source_record_id"].gather(place))
    ).to_series()
    found = np.where(same.fill_null(value=False).to_numpy(), place.fill_null(-1).to_numpy(), -1)
    return np.split(found, ends[:-1])


def number_links(
    identifiers: pl.DataFrame, records: Records, kinds: Sequence[str], excludes: Excludes | None = None
) -> Links:
    """Number the identifier values that are not null or blank, and link them with their records.

    Args:
        identifiers: source, source_record_id, kind, value.
        records: their numbered records.
        kinds: the kinds that join.
        excludes: says of distinct values (kind, value) which never join; None where none is excluded.
    """
    usable = identifiers.select(
        (pl.col("kind").is_in(list(kinds)) & (pl.col("value").str.strip_chars() != "")).fill_null(value=False)
    ).to_series()
    named, record = identifiers.select("kind", "value"), records.of_row
    row = np.arange(record.size)
    if not usable.all():
        row = usable.arg_true().to_numpy().astype(np.int64)
        named, record = named.filter(usable), record[row]
    kind = places_of(named["kind"], kinds)
    groups = grouped(named["value"], kind)
    first = groups.first

    size = max(records.frame.height, 1)
    # One number per (value, record) pair: sorting it sorts by value, then record, and drops repeated rows.
    pair = distinct(groups.of_place * size + record[groups.order])
    value, record = pair // size, pair % size
    starts = np.flatnonzero(np.diff(value, prepend=-1))
    return Links(
        value=value,
        record=record,
        starts=starts,
        counts=np.diff(starts, append=value.size),
        kind=kind[first],
        excluded=np.zeros(first.size, dtype=np.bool_) if excludes is None else excludes(named[first]),
        row=row[first],
    )
