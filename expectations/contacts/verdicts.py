"""What all judges of contact values have in common: a verdict, its frame, and the reasons that any value can have."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Any, NamedTuple

import polars as pl

Verdicts = dict[str, type[pl.DataType]]

NO_VALUE = "there is no value"
TOO_LONG = "it is too long"
# A library that stumbles over one strange text must not stop a load: the text is set aside and the reason says so.
NOT_JUDGED = "it could not be judged"
DECIMAL = "it is a decimal number, as spreadsheets write long digits"

# Marks of writing direction and other characters without width, which copying from a page brings along. The two
# joiners (U+200C, U+200D) stay: Persian and Indian scripts spell with them.
_INVISIBLE = re.compile("[\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
_BLANKS = re.compile(r"\s+")


class Verdict(NamedTuple):
    """One value's verdict.

    Attributes:
        value: The normal form; None where the value is refused.
        reason: Why it is refused, or why it is doubtful; None where there is nothing to say.
        more: The verdict's other columns, in the order of the kind's schema.
    """

    value: str | None
    reason: str | None
    more: tuple[str | bool | None, ...] = ()


def verdict_frame(keys: dict[str, list[str | None]], verdicts: Iterable[Verdict], schema: Verdicts) -> pl.DataFrame:
    """Put verdicts into a frame of a kind's schema.

    Args:
        keys: The columns that were judged, as received; they come first in the schema.
        verdicts: One per row. Those without `more` have null in those columns.
        schema: The keys, the normal form, is_valid, reason, then `more`.

    Returns:
        One row per verdict, in their order.
    """
    judged = list(verdicts)
    value, is_valid, reason, *more = list(schema)[len(keys) :]
    columns: dict[str, list[Any]] = {
        **keys,
        value: [one.value for one in judged],
        is_valid: [one.value is not None for one in judged],
        reason: [one.reason for one in judged],
    }
    for place, name in enumerate(more):
        columns[name] = [one.more[place] if one.more else None for one in judged]
    return pl.DataFrame({name: columns[name] for name in schema}, schema=schema)


def texts(frame: pl.DataFrame, column: str) -> list[str | None]:
    """Return a column as Python texts."""
    found: list[str | None] = frame[column].cast(pl.String).to_list()
    return found


def tidy(text: str) -> str:
    """Return a text in Unicode's composed form, without invisible marks, each run of blanks one space, none around."""
    return _BLANKS.sub(" ", unicodedata.normalize("NFC", _INVISIBLE.sub("", text))).strip()
