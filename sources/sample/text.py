"""Lines of JSON, TSV and CSV from columns: everything is put together column-wise, never row by row."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import polars as pl
import pyarrow as pa

Part = str | pl.Expr
_HEX = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)


def words_of(text: str) -> tuple[str, ...]:
    """The words of a text."""
    return tuple(text.split())


def join(*parts: Part) -> pl.Expr:
    """The parts one after the other; null where one of them is."""
    return pl.concat_str([pl.lit(part) if isinstance(part, str) else part for part in parts])


def string(value: pl.Expr | str) -> pl.Expr:
    """A JSON string, or null; for text that may hold quotes, backslashes or tabs."""
    column = pl.col(value) if isinstance(value, str) else value
    safe = column.str.replace_all("\\", "\\\\", literal=True).str.replace_all('"', '\\"', literal=True)
    return join('"', safe.str.replace_all("\t", "\\t", literal=True), '"').fill_null("null")


def plain(value: pl.Expr | str) -> pl.Expr:
    """A JSON string, or null; for text without characters that JSON minds."""
    column = pl.col(value) if isinstance(value, str) else value
    return join('"', column, '"').fill_null("null")


def token(value: pl.Expr | str) -> pl.Expr:
    """Text that is JSON already (a number, a list), or null."""
    return (pl.col(value) if isinstance(value, str) else value).fill_null("null")


def fields(*pairs: tuple[str, Part]) -> list[Part]:
    """The inside of a JSON object, `"name":value,…`, as parts for `join`."""
    parts: list[Part] = []
    for place, (name, value) in enumerate(pairs):
        parts += [f'{"," if place else ""}"{name}":', value]
    return parts


def record(*pairs: tuple[str, Part]) -> pl.Expr:
    """A JSON object."""
    return join(*merged(["{", *fields(*pairs), "}"]))


def merged(parts: Iterable[Part]) -> list[Part]:
    """The parts with neighbouring constants put together."""
    out: list[Part] = []
    for part in parts:
        if isinstance(part, str) and out and isinstance(out[-1], str):
            out[-1] = out[-1] + part
        else:
            out.append(part)
    return out


def cents(value: pl.Expr | str, comma: bool = False) -> pl.Expr:
    """Cents as an amount with two decimals."""
    column = (pl.col(value) if isinstance(value, str) else value).cast(pl.Int64)
    size = column.abs()
    sign = pl.when(column < 0).then(pl.lit("-")).otherwise(pl.lit(""))
    rest = (size % 100).cast(pl.String).str.zfill(2)
    return pl.concat_str([sign, (size // 100).cast(pl.String), pl.lit("," if comma else "."), rest])


def number(value: pl.Expr | str) -> pl.Expr:
    """A number as text."""
    return (pl.col(value) if isinstance(value, str) else value).cast(pl.String)


def one_of(values: Iterable[str], place: pl.Expr) -> pl.Expr:
    """The text at a place of a list."""
    return pl.lit(pl.Series(list(values), dtype=pl.String)).gather(place)


def hex_ids(numbers: np.ndarray, salt: int) -> pl.Series:
    """16 hexadecimal digits for each number; different numbers give different digits."""
    return _fixed_width(_HEX[_digits(numbers, salt)])


def uuids(numbers: np.ndarray, salt: int) -> pl.Series:
    """A random-looking UUID for each number; different numbers give different ones."""
    letters = np.empty((len(numbers), 36), dtype=np.uint8)
    one, two = _HEX[_digits(numbers, salt)], _HEX[_digits(numbers, salt + 1)]
    letters[:, 0:8], letters[:, 9:13], letters[:, 15:18] = one[:, 0:8], one[:, 8:12], one[:, 12:15]
    letters[:, 20:23], letters[:, 24:36] = two[:, 0:3], np.concatenate([one[:, 15:16], two[:, 3:14]], axis=1)
    letters[:, [8, 13, 18, 23]], letters[:, 14], letters[:, 19] = ord("-"), ord("4"), ord("a")
    return _fixed_width(letters)


def _digits(numbers: np.ndarray, salt: int) -> np.ndarray:
    """16 hexadecimal digits per number, by splitmix64, which gives different numbers different ones."""
    with np.errstate(over="ignore"):
        mixed = numbers.astype(np.int64).astype(np.uint64) + np.uint64(salt * 0x9E3779B97F4A7C15 % 2**64)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed ^= mixed >> np.uint64(31)
    pairs = mixed.byteswap().view(np.uint8).reshape(-1, 8)
    digits = np.empty((len(numbers), 16), dtype=np.uint8)
    digits[:, 0::2], digits[:, 1::2] = pairs >> 4, pairs & 15
    return digits


def _fixed_width(letters: np.ndarray) -> pl.Series:
    """ASCII letters in a matrix (rows x width) as strings."""
    rows, width = letters.shape
    offsets = np.arange(rows + 1, dtype=np.int64) * width
    array = pa.LargeStringArray.from_buffers(
        rows, pa.py_buffer(offsets.tobytes()), pa.py_buffer(np.ascontiguousarray(letters).tobytes())
    )
    return pl.Series(array)
