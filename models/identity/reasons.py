"""Why each record belongs to its customer, in plain words, without the values themselves."""

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


def match_reasons(records: Records, links: Links, joins: Bools, barred: Bools, kinds: Sequence[str]) -> pl.Series:
    """Why each record is where it is: per kind of identifier, with how many other records it shares a value.

    A record with several values of a kind is told by the value that the most records carry.

    Args:
        records: the numbered records.
        links: values and the records that carry them.
        joins: per value, whether it joins two or more records.
        barred: per value, whether it may not join.
        kinds: kinds in the order in which they are told.

    Returns:
        One text per record.
    """
    # Per record and kind the place of a phrase in `phrases`, 0 for none; then one number per combination.
    size = records.frame.height
    phrases: list[list[str]] = []
    combination = np.zeros(size, dtype=np.int64)
    rows, shares = _shares(records, links, joins)
    for place, kind in enumerate(kinds):
        chosen = links.kind[links.value[rows]] == place
        best = np.zeros(size, dtype=np.int64)
        np.maximum.at(best, links.record[rows[chosen]], shares[chosen])
        told, which = np.unique(best, return_inverse=True)
        texts = [_phrase(kind, int(share), records.sources) for share in told]
        # Numbered anew after each kind, so that the product of all kinds never overflows.
        pairs, combination = np.unique(combination * told.size + which, return_inverse=True)
        earlier = phrases or [[]]
        phrases = [
            earlier[pair // told.size] + ([texts[pair % told.size]] if texts[pair % told.size] else [])
            for pair in pairs.tolist()
        ]
    reasons = pl.Series(["; ".join(parts) for parts in phrases] or [""], dtype=pl.String)[combination]
    return _tell_alone(reasons, links, barred, kinds)


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


def _phrase(kind: str, share: int, sources: Sequence[str]) -> str:
    """The words for one kind; empty where the record shares no value of it."""
    if share == 0:
        return ""
    others, bits = share >> MAX_NAMED_SOURCES, share & (1 << MAX_NAMED_SOURCES) - 1
    return words.same(kind, others, in_set(bits, sources))


def _tell_alone(reasons: pl.Series, links: Links, barred: Bools, kinds: Sequence[str]) -> pl.Series:
    """Fill in the records that share nothing: no identifier, none in common, or only such as may not join."""
    empty = (reasons == "").to_numpy()
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
    told = pl.Series(cases, dtype=pl.String)[case]
    return pl.select(pl.when(pl.Series(empty)).then(told).otherwise(reasons)).to_series()
