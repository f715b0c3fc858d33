"""Why each record belongs to its customer, in plain words."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from models.identity import words
from models.identity.keys import Bools, Ints, Links, Records, few, gathered
from models.identity.texts import text_order

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
        Links between (value, customer) and records, and which of these values join records. They are the links
        themselves where every joining value is carried by one customer only.
    """
    of_link = root[links.record]
    # A value of several customers; what joins nothing is told of nobody and may stay as it is.
    elsewhere = of_link != of_link[links.starts][links.value]
    spread = np.zeros(joins.size, dtype=np.bool_)
    spread[links.value[elsewhere]] = True
    spread &= joins
    if not spread.any():
        return links, joins
    rows = np.flatnonzero(spread[links.value])
    order = np.arange(links.value.size)
    order[rows] = rows[np.lexsort((links.record[rows], of_link[rows], links.value[rows]))]
    customer = np.where(spread[links.value], of_link[order], -1)
    starts = np.flatnonzero((np.diff(links.value, prepend=-1) != 0) | (np.diff(customer, prepend=-1) != 0))
    origin = links.value[starts]
    counts = np.diff(starts, append=links.value.size)
    told = Links(
        value=np.repeat(np.arange(starts.size), counts),
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
    record, value = links.record[rows], links.value[rows]
    kind_of_row = links.kind[value]
    phrases = []
    for place, kind in enumerate(kinds):
        of_kind = np.flatnonzero(kind_of_row == place)
        if of_kind.size == 0:
            continue
        chosen = of_kind[_widest(record[of_kind], value[of_kind], shares[of_kind], values, size)]
        told, which = few(shares[chosen])
        texts = [_shared_with(int(one), records.sources, weights[place]) for one in told]
        said = pl.select(
            pl.concat_str(
                pl.lit(words.same(kind)), values.gather(value[chosen]), pl.Series(texts, dtype=pl.String).gather(which)
            )
        ).to_series()
        phrases.append((record[chosen], said))
    return _together(phrases, size)


def _together(phrases: Sequence[tuple[Ints, pl.Series]], size: int) -> pl.Series:
    """Per record its phrases in a row; null for a record without any.

    Most records have one at most, so only those with several are put together.
    """
    several = np.zeros(size, dtype=np.int8)
    for record, _ in phrases:
        several[record] += 1
    many = np.flatnonzero(several > 1)
    place = np.full(size, -1, dtype=np.int64)
    before = 0
    for record, said in phrases:
        place[record] = np.arange(before, before + said.len())
        before += said.len()
    if many.size:
        of_many = np.full(size, -1, dtype=np.int64)
        of_many[many] = np.arange(many.size)
        columns = []
        for record, said in phrases:
            rows = np.flatnonzero(several[record] > 1)
            where = np.full(many.size, -1, dtype=np.int64)
            where[of_many[record[rows]]] = rows
            columns.append(gathered(said, where))
        place[many] = np.arange(before, before + many.size)
        joined = pl.select(pl.concat_str(columns, separator="; ", ignore_nulls=True)).to_series()
        phrases = [*phrases, (many, joined)]
    if not phrases:
        return pl.repeat(None, size, dtype=pl.String, eager=True)
    return gathered(pl.concat([said for _, said in phrases]).rechunk(), place)


def _widest(record: Ints, value: Ints, share: Ints, values: pl.Series, size: int) -> Ints:
    """The places of each record's value that the most records carry; of equal ones the first by its text."""
    # Few records have several values of a kind.
    several = np.bincount(record, minlength=size)[record] > 1
    if not several.any():
        return np.arange(record.size)
    most = np.zeros(size, dtype=np.int64)
    np.maximum.at(most, record[several], share[several])
    several &= share == most[record]
    rows = np.flatnonzero(several)
    rows = rows[text_order(values.gather(value[rows]), record[rows])]
    first = rows[np.diff(record[rows], prepend=-1) != 0]
    single = np.bincount(record, minlength=size)[record] == 1
    return np.sort(np.concatenate([np.flatnonzero(single), first]))


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
    empty = np.flatnonzero(reasons.is_null().to_numpy())
    if empty.size == 0:
        return reasons
    named = np.zeros(reasons.len(), dtype=np.bool_)
    named[links.record] = True
    stopped = np.zeros(reasons.len(), dtype=np.int64)
    hit = np.flatnonzero(barred[links.value])
    np.bitwise_or.at(stopped, links.record[hit], np.int64(1) << links.kind[links.value[hit]])
    # Per record one of the cases: 0 no identifier, 1 none in common, from 2 on the sets of barred kinds.
    sets, which = few(stopped[empty])
    cases = [words.NAMELESS, words.ALONE]
    cases += [words.stopped(in_set(int(bits), kinds)) for bits in sets]
    case = np.where(stopped[empty] > 0, which + 2, named[empty].astype(np.int64))
    place = np.arange(len(cases), len(cases) + reasons.len())
    place[empty] = case
    return pl.concat([pl.Series(cases, dtype=pl.String), reasons]).rechunk().gather(place)
