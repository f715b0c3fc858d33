"""Text keys as whole numbers, so that everything after it works on arrays."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
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


def codes(series: pl.Series) -> Ints:
    """A number per distinct text, equal for equal texts, in no particular order. Nulls are not allowed."""
    # A name space of its own: the codes are dropped with the series, and other categoricals do not meet them.
    categorical = series.cast(pl.Categorical(pl.Categories.random()))
    return categorical.to_physical().to_numpy().astype(np.int64)


def distinct(numbers: Ints) -> Ints:
    """The distinct numbers, sorted; `np.unique` hashes before it sorts, which takes longer here."""
    ordered = np.sort(numbers)
    kept: Ints = ordered[np.diff(ordered, prepend=ordered[:1] - 1) != 0]
    return kept


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
    both = pl.concat([frame.select("source", "source_record_id") for frame in (identifiers, previous)])
    sources = both["source"].unique().sort().to_list() if sources is None else list(sources)
    source = both["source"].replace_strict(sources, range(len(sources)), return_dtype=pl.Int64).to_numpy()
    key = codes(both["source_record_id"]) * max(len(sources), 1) + source
    old = key[rows:]
    doubled = old.size - distinct(old).size
    if doubled:
        raise ValueError(f"identity: previous holds {doubled} records more than once")

    keys, first, inverse = np.unique(key[:rows], return_index=True, return_inverse=True)
    frame = identifiers.select("source", "source_record_id")[first]
    # The number of a record is its place in the sorted list; results then depend on no order of rows.
    order = frame.select(pl.arg_sort_by("source", "source_record_id")).to_series().to_numpy().astype(np.int64)
    number = np.empty(keys.size, dtype=np.int64)
    number[order] = np.arange(keys.size)
    return Records(
        frame=frame[order],
        sources=sources,
        source=source[:rows][first][order],
        of_row=number[inverse],
        of_previous=_find(keys, old, number),
    )


def _find(keys: Ints, wanted: Ints, number: Ints) -> Ints:
    """The number of each wanted key, -1 where it is not among the sorted keys."""
    if keys.size == 0:
        return np.full(wanted.size, -1, dtype=np.int64)
    place = np.minimum(np.searchsorted(keys, wanted), keys.size - 1)
    return np.where(keys[place] == wanted, number[place], -1)


def number_links(identifiers: pl.DataFrame, records: Records, kinds: Sequence[str], excludes: Excludes) -> Links:
    """Number the identifier values that are not null or blank, and link them with their records.

    Args:
        identifiers: source, source_record_id, kind, value.
        records: their numbered records.
        kinds: the kinds that join.
        excludes: says of distinct values (kind, value) which never join.
    """
    usable = identifiers.select(
        (pl.col("kind").is_in(list(kinds)) & (pl.col("value").str.strip_chars() != "")).fill_null(value=False)
    ).to_series()
    row = usable.arg_true().to_numpy().astype(np.int64)
    named = identifiers.select("kind", "value").filter(usable)
    place = dict(zip(kinds, range(len(kinds)), strict=True))
    kind = named["kind"].replace_strict(place, return_dtype=pl.Int64).to_numpy().astype(np.int64)
    key = codes(named["value"]) * max(len(kinds), 1) + kind
    _, first, value = np.unique(key, return_index=True, return_inverse=True)

    size = max(records.frame.height, 1)
    # One number per (value, record) pair: sorting it sorts by value, then record, and drops repeated rows.
    pair = distinct(value.astype(np.int64) * size + records.of_row[row])
    value, record = pair // size, pair % size
    starts = np.flatnonzero(np.diff(value, prepend=-1))
    return Links(
        value=value,
        record=record,
        starts=starts,
        counts=np.diff(starts, append=value.size),
        kind=kind[first],
        excluded=excludes(named[first]),
        row=row[first],
    )
