"""Texts by the million: equal ones found and all of them ordered, without Python objects.

Polars sorts texts ten times slower than whole numbers. So equal texts are found by their hashes, and order by their
bytes taken eight at a time as numbers. Both are exact: what has one hash is compared as text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Words = npt.NDArray[np.uint64]

_WORD, _BITS = 8, 64  # bytes and bits of a number
_LONGEST = 512  # bytes
#: An odd number with bits all over, so that equal texts of two groups have two hashes.
_SPREAD = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True)
class Groups:
    """Rows sorted so that equal ones lie together.

    Attributes:
        order: the rows.
        starts: per group, the place in `order` of its first row.
    """

    order: Ints
    starts: Ints

    @property
    def first(self) -> Ints:
        """Per group, its smallest row."""
        if self.order.size == 0:
            return self.order
        first: Ints = np.minimum.reduceat(self.order, self.starts)
        return first

    @property
    def of_place(self) -> Ints:
        """Per place in `order`, its group."""
        begins = np.zeros(self.order.size, dtype=np.int64)
        begins[self.starts[1:]] = 1
        groups: Ints = np.cumsum(begins)
        return groups

    @property
    def of_row(self) -> Ints:
        """Per row, its group."""
        group = np.empty(self.order.size, dtype=np.int64)
        group[self.order] = self.of_place
        return group


def grouped(texts: pl.Series, within: Ints | None = None) -> Groups:
    """Find equal texts; groups come in no particular order. Nulls are not allowed.

    Args:
        texts: the texts; in one chunk, or gathering from them is slow.
        within: per text, a small number from 0; only texts of one number can be equal.
    """
    hashes = texts.hash()
    if within is not None:
        hashes ^= pl.Series(within.astype(np.uint64) * _SPREAD)
    groups = _by_key(hashes)
    if _are_equal(groups, texts, within):
        return groups
    # Two texts with one hash of 64 bits: rare enough to take the slow way, which numbers texts one after another.
    key = _codes(texts)
    if within is not None:
        key = key * (int(within.max(initial=0)) + 1) + within
    return _by_key(pl.Series(key))


def _by_key(key: pl.Series) -> Groups:
    order = key.arg_sort().to_numpy().astype(np.int64)
    keys = key.to_numpy()[order]
    begins = np.ones(order.size, dtype=np.bool_)
    np.not_equal(keys[1:], keys[:-1], out=begins[1:])
    return Groups(order=order, starts=np.flatnonzero(begins))


def _are_equal(groups: Groups, texts: pl.Series, within: Ints | None) -> bool:
    """Whether every row is equal to the one before it in its group."""
    repeated = np.ones(groups.order.size, dtype=np.bool_)
    repeated[groups.starts] = False
    later = np.flatnonzero(repeated)
    one, other = groups.order[later], groups.order[later - 1]
    if within is not None and (within[one] != within[other]).any():
        return False
    return bool((texts.gather(one) == texts.gather(other)).all())


def _codes(texts: pl.Series) -> Ints:
    """A number per distinct text, in no particular order."""
    # A name space of its own: the codes are dropped with the series, and other categoricals do not meet them.
    categorical = texts.cast(pl.Categorical(pl.Categories.random()))
    return categorical.to_physical().to_numpy().astype(np.int64)


def codes(texts: pl.Series) -> Ints:
    """A number per distinct text, from 0 without gaps, equal for equal texts, in no particular order."""
    return grouped(texts.rechunk()).of_row


def text_order(texts: pl.Series, within: Ints | None = None) -> Ints:
    """The rows in the order of their texts, byte by byte as Polars orders them; equal rows in no particular order.

    Args:
        texts: the texts, without nulls.
        within: per text, a number from 0; rows are sorted by it first.
    """
    if texts.len() < 2:
        return np.arange(texts.len(), dtype=np.int64)
    if int(texts.str.len_bytes().max()) > _LONGEST:  # type: ignore[arg-type]
        # One long text would make a number per eight bytes of it for every row.
        first = np.zeros(texts.len(), dtype=np.int64) if within is None else within
        frame = pl.DataFrame({"within": first, "text": texts})
        return frame.select(pl.arg_sort_by("within", "text")).to_series().to_numpy().astype(np.int64)
    keys = _packed([*([] if within is None else [within.astype(np.uint64)]), *_words(texts)])
    if len(keys) < 2:
        # Polars sorts one number in all threads, NumPy several in one.
        return pl.Series(keys[0]).arg_sort().to_numpy().astype(np.int64) if keys else np.arange(texts.len())
    return np.lexsort(tuple(reversed(keys))).astype(np.int64)


def _packed(keys: Sequence[Words]) -> list[Words]:
    """The same order by fewer numbers: bits that are the same in all rows are left out, the others moved together.

    The digits of a text, for one, differ in four bits of eight, so sixteen of them fit one number.
    """
    packed: list[Words] = []
    room = 0
    for key in keys:
        differ = int(np.bitwise_or.reduce(key) ^ np.bitwise_and.reduce(key))
        high = differ.bit_length()
        while high:
            # The next run of bits that differ, from the highest on.
            low = high - 1
            while low and differ >> (low - 1) & 1:
                low -= 1
            width = high - low
            bits = key >> np.uint64(low) & np.uint64((1 << width) - 1)
            if width > room:
                packed.append(bits)
                room = _BITS - width
            else:
                packed[-1] = packed[-1] << np.uint64(width) | bits
                room -= width
            high = (differ & ((1 << low) - 1)).bit_length()
    return packed


def _words(texts: pl.Series) -> list[Words]:
    """The bytes of the texts as big-endian words, then their lengths, which tell "a" from "a" and a zero byte."""
    array = texts.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    size = len(array)
    _, offsets, content = array.buffers()
    places = np.frombuffer(offsets, dtype=np.int64)[array.offset : array.offset + size + 1]
    start, length = places[:-1], np.diff(places)
    # A word may reach beyond the end of the last text.
    data = np.zeros(int(places[-1]) + _WORD, dtype=np.uint8)
    if content is not None:
        data[: places[-1]] = np.frombuffer(content, dtype=np.uint8)[: places[-1]]
    every = np.ndarray((data.size - _WORD + 1,), dtype=">u8", buffer=data, strides=(1,))
    found: list[Words] = []
    for begin in range(0, int(length.max()), _WORD):
        word = every[np.minimum(start + begin, every.size - 1)].astype(np.uint64)
        rest = length - begin
        short = np.flatnonzero(rest < _WORD)
        if short.size:
            # What follows the end of a text belongs to the next one: it is shifted out.
            bits = (8 * (_WORD - np.maximum(rest[short], 0))).astype(np.uint64)
            kept = word[short] >> np.minimum(bits, 63) << np.minimum(bits, 63)
            word[short] = np.where(bits == 8 * _WORD, np.uint64(0), kept)
        found.append(word)
    return [*found, length.astype(np.uint64)]
