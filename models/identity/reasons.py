"""Why each record belongs to its customer, in plain words."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from models.identity import words
from models.identity.keys import Bools, Ints, Links, Records

# With more sources than this, their names are left out: a set of sources is held as bits of one number.
MAX_NAMED_SOURCES = 32


def in_set(bits: int, names: Sequence[str]) -> list[str]:
    """The names in a set that is held as bits, in their order."""
    return [name for place, name in enumerate(names) if bits >> place & 1]


def source_bits(records: Records) -> Ints:
    """Per record, its source as one bit; 0 where there are too many sources to name."""
    if len(records.sources) > MAX_NAMED_SOURCES:
        return np.zeros(records.source.size, dtype=np.int64)
    return np.left_shift(np.int64(1), records.source)


def within_customers(links: Links, joins: Bools, root: Ints) -> tuple[Links, Bools]:
    """Links whose values are told apart by customer, so that who shares one counts only those of the same customer.

    Returns:
        Links between (value, customer) and records, and which of these values join records.
    """
    pair = links.value * max(root.size, 1) + root[links.record]
    distinct, value = np.unique(pair, return_inverse=True)
    order = np.lexsort((links.record, value))
    value = value[order].astype(np.int64)
    starts = np.flatnonzero(np.diff(value, prepend=-1))
    origin = distinct // max(root.size, 1)
    counts = np.diff(starts, append=value.size)
    told = Links(
        value=value,
        record=links.record[order],
        starts=starts,
        counts=counts,
        kind=links.kind[origin],
        excluded=links.excluded[origin],
        row=links.row[origin],
    )
    return told, (counts > 1) & joins[origin]


def shared_values(
    records: Records,
    links: Links,
    joins: Bools,
    kinds: Sequence[str],
    values: pl.Series,
    weights: Sequence[float],
) -> pl.Series:
    """What each record shares: per kind a value, with how many other records, and its weight.

    A record with several values of a kind is told by the value that the most records carry.

    Args:
        records: the numbered records.
        links: values and the records that carry them.
        joins: per value, whether it joins two or more records of one customer.
        kinds: kinds in the order in which they are told.
        values: the text of each value, by its number.
        weights: per kind, the bits that an equal value weighs.

    Returns:
        One text per record, null for a record that shares nothing.
    """
    size = records.frame.height
    rows, shares = _shares(records, links, joins)
    phrases = []
    for place, kind in enumerate(kinds):
        of_kind = links.kind[links.value[rows]] == place
        record, value, share = _widest(links.record[rows[of_kind]], links.value[rows[of_kind]], shares[of_kind], values)
        told, which = np.unique(share, return_inverse=True)
        texts = [_shared_with(int(one), records.sources, weights[place]) for one in told]
        said = pl.DataFrame(
            {"value": values[value], "shared": pl.Series(texts, dtype=pl.String)[which]},
            schema={"value": pl.String, "shared": pl.String},
        ).select(pl.concat_str(pl.lit(words.same(kind)), "value", "shared"))
        where = np.full(size, -1, dtype=np.int64)
        where[record] = np.arange(record.size)
        phrases.append(said.to_series().gather(pl.Series(where).replace(-1, None)).alias(kind))
    joined = pl.DataFrame(phrases).select(pl.concat_str(pl.all(), separator="; ", ignore_nulls=True).alias("reason"))
    return joined.select(pl.when(pl.col("reason") != "").then("reason")).to_series()


def _widest(record: Ints, value: Ints, share: Ints, values: pl.Series) -> tuple[Ints, Ints, Ints]:
    """Per record the value that the most records carry; of equal ones the first by its text."""
    most = np.zeros(int(record.max()) + 1 if record.size else 0, dtype=np.int64)
    np.maximum.at(most, record, share)
    best = np.flatnonzero(share == most[record])
    record, value, share = record[best], value[best], share[best]
    several = np.bincount(record, minlength=most.size)[record] > 1
    if several.any():
        tied = pl.DataFrame(
            {"place": np.flatnonzero(several), "record": record[several], "text": values[value[several]]}
        )
        first = tied.sort("record", "text").unique("record", keep="first", maintain_order=True)["place"].to_numpy()
        kept = np.sort(np.concatenate([np.flatnonzero(~several), first]))
        record, value, share = record[kept], value[kept], share[kept]
    return record, value, share


def _shares(records: Records, links: Links, joins: Bools) -> tuple[Ints, Ints]:
    """The joining links and, per such link, the other records times 2^32 plus their sources as bits."""
    rows = np.flatnonzero(joins[links.value])
    if rows.size == 0:
        return rows, rows
    value, record = links.value[rows], links.record[rows]
    source, bit = records.source[record], source_bits(records)[record]
    # Links are sorted by value and record, records by source: a value's records of one source lie together.
    new_value = np.diff(value, prepend=-1) != 0
    of_value = np.cumsum(new_value) - 1
    all_bits = np.bitwise_or.reduceat(bit, np.flatnonzero(new_value))[of_value]
    run_starts = np.flatnonzero(new_value | (np.diff(source, prepend=-1) != 0))
    run_length = np.diff(run_starts, append=rows.size)
    alone_in_source = np.repeat(run_length, run_length) == 1
    other_bits = np.where(alone_in_source, all_bits & ~bit, all_bits)
    return rows, (links.counts[value] - 1) << MAX_NAMED_SOURCES | other_bits


def _shared_with(share: int, sources: Sequence[str], weight: float) -> str:
    """The words for how many records share a value."""
    others, bits = share >> MAX_NAMED_SOURCES, share & (1 << MAX_NAMED_SOURCES) - 1
    return words.shared_with(others, in_set(bits, sources), weight)


def tell_alone(reasons: pl.Series, links: Links, barred: Bools, kinds: Sequence[str]) -> pl.Series:
    """Fill in the records without a reason: no identifier, none in common, or only such as may not join."""
    empty = reasons.is_null().to_numpy()
    if not empty.any():
        return reasons
    named = np.zeros(empty.size, dtype=np.bool_)
    named[links.record] = True
    stopped = np.zeros(empty.size, dtype=np.int64)
    for place in range(len(kinds)):
        hit = np.zeros(empty.size, dtype=np.bool_)
        hit[links.record[(barred & (links.kind == place))[links.value]]] = True
        stopped |= hit.astype(np.int64) << place
    # Per record one of the cases: 0 no identifier, 1 none in common, from 2 on the sets of barred kinds.
    sets, which = np.unique(stopped, return_inverse=True)
    cases = [words.NAMELESS, words.ALONE]
    cases += [words.stopped(in_set(int(bits), kinds)) for bits in sets]
    case = np.where(stopped > 0, which + 2, named.astype(np.int64))
    return reasons.fill_null(pl.Series(cases, dtype=pl.String)[case])
