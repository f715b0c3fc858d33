"""A dataset on its way into files, and the small tools that write numbers and choices as text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import polars as pl

#: Turns the old values of a column into wrong ones.
Spoil = Callable[[np.random.Generator, list[str]], list[str | None]]
Format = Literal["csv", "jsonl", "parquet"]
#: Technical columns of a dataset's frame, which are not written.
TECHNICAL = ("_file", "_at", "_ref", "_person", "_group")


@dataclass(frozen=True)
class Breakage:
    """One way of making records invalid, by exactly one rule.

    Attributes:
        rule: The rule that the record breaks.
        entity: The entity whose rule it is.
        column: The column that is changed; only records that have a value there can be chosen.
        spoil: What becomes of the value.
        done: What was done, for the truth file.
        weight: How often, against the other breakages of the same entity.
        severity: `record`: the record is invalid; `field`: only the value is.
        whole_group: Change all rows of the group (a receipt), the first of which is the entity's record.
        among: Which records can be chosen, where it is not all that have a value.
        clears_ref: References with this prefix are lost with the value; empty: none.
    """

    rule: str
    entity: str
    column: str
    spoil: Spoil
    done: str
    weight: float = 1.0
    severity: Literal["record", "field"] = "record"
    whole_group: bool = False
    among: pl.Expr | None = None
    clears_ref: str = ""


@dataclass(frozen=True)
class Dataset:
    """The records of one dataset as text, before errors and duplicates.

    Attributes:
        source: Name of the source.
        name: Name of the dataset in the company file.
        entities: The entities it feeds; the first one has a record per row.
        key: The key column of each entity.
        frame: Columns to write (text) and `_file` (path below the folder), `_at` (order within the file), `_ref` (the
            record's reference, null = anonymous), `_person` (row of the people, -1 = nobody), `_group`.
        breakages: How its records can be made invalid.
        format: File format; a path that ends in .gz is packed.
        separator: Of CSV files.
        encoding: Of CSV files.
        junk: Records that were invalid from the start, with the breakages that say why; they follow the frame.
    """

    source: str
    name: str
    entities: tuple[str, ...]
    key: dict[str, str]
    frame: pl.DataFrame
    breakages: tuple[Breakage, ...]
    format: Format = "csv"
    separator: str = ","
    encoding: str = "utf-8"
    can_repeat_later: bool = True
    junk: tuple[tuple[Breakage, dict[str, str | None]], ...] = field(default=())

    @property
    def columns(self) -> list[str]:
        """The columns that are written."""
        return [name for name in self.frame.columns if name not in TECHNICAL]


def blank(_: np.random.Generator, old: list[str]) -> list[str | None]:
    """Spoil: the value is gone."""
    return [None] * len(old)


def instead(*values: str) -> Spoil:
    """Spoil: one of the given values instead."""

    def spoil(rng: np.random.Generator, old: list[str]) -> list[str | None]:
        return [values[index] for index in rng.integers(0, len(values), len(old))]

    return spoil


def far_future(position: int = 0) -> Spoil:
    """Spoil: the year, which starts at the given position, becomes 2096 (a leap year, so every day exists)."""

    def spoil(_: np.random.Generator, old: list[str]) -> list[str | None]:
        return [f"{value[:position]}2096{value[position + 4 :]}" for value in old]

    return spoil


def negative(_: np.random.Generator, old: list[str]) -> list[str | None]:
    """Spoil: a minus before the value, which is never zero afterwards."""
    return ["-1" if value.strip("0.,") == "" else f"-{value}" for value in old]


def broken_email(rng: np.random.Generator, old: list[str]) -> list[str | None]:
    """Spoil: no address any more: no @, two of them, a blank, a domain without end."""
    spoiled: list[str | None] = []
    for value, style in zip(old, rng.integers(0, 4, len(old)), strict=True):
        local, _, domain = value.partition("@")
        spoiled.append((f"{local}(at){domain}", f"{local}@@{domain}", f"{local} @ {domain}", f"{local}@nowhere")[style])
    return spoiled


def broken_phone(rng: np.random.Generator, old: list[str]) -> list[str | None]:
    """Spoil: no telephone number any more."""
    values = ("12", "000000000000", "see notes", "n/a", "030/ABC")
    return [values[index] for index in rng.integers(0, len(values), len(old))]


def money(values: Sequence[float] | np.ndarray | pl.Series, *, comma: bool = False) -> pl.Series:
    """Amounts as text with two decimals, with a point or a comma."""
    # Cents first: the text must not depend on how a float prints.
    cents = pl.Series("money", np.round(np.asarray(values, dtype=float) * 100).astype(np.int64))
    sign = pl.select(pl.when(cents < 0).then(pl.lit("-")).otherwise(pl.lit(""))).to_series()
    size = cents.abs()
    rest = (size % 100).cast(pl.String).str.zfill(2)
    return (sign + (size // 100).cast(pl.String) + ("," if comma else ".") + rest).alias("money")


def hex_ids(rng: np.random.Generator, count: int, prefix: str = "") -> list[str]:
    """Identifiers that look like those of a vendor: the prefix and 16 hexadecimal digits, all different."""
    numbers = rng.integers(0, 2**39, count, dtype=np.int64) * 2**23 + np.arange(count)
    return [f"{prefix}{number:016x}" for number in numbers]
