"""Typing errors, for many texts and dates at once; used by `benchmarks.identity_people`.

The four slips of letters are those that F. J. Damerau counted (A technique for computer detection and correction of
spelling errors, Communications of the ACM 7(3), 1964): one letter wrong, missing, too many, or two swapped; together
they made over 80 per cent of the errors that he found.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

#: Shares of the slips: one letter wrong, missing, too many, two swapped. A wrong letter is the most common one.
KINDS = (0.40, 0.25, 0.20, 0.15)
#: Who slips once slips again at this rate.
AGAIN_RATE = 0.10
#: Slips in a date: day and month swapped (where that is a date), another day, another month, another year.
DATE_KINDS = (0.35, 0.30, 0.15, 0.20)

_ROWS = ("1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm")


def slipped(texts: pl.Series, who: Bools, rng: np.random.Generator) -> pl.Series:
    """Put a slip into the chosen texts; those that are missing or shorter than two letters stay as they are.

    A letter goes wrong to one beside it on the keyboard, a digit to a digit; a letter of another script goes wrong to
    the one after it in Unicode.
    """
    long_enough = (texts.str.len_chars().fill_null(0) > 1).to_numpy()
    places = np.flatnonzero(who & long_enough)
    while places.size:
        texts = texts.scatter(places, _one_slip(texts[places], rng))
        again = rng.random(places.size) < AGAIN_RATE
        places = places[again & (texts[places].str.len_chars() > 1).to_numpy()]
    return texts


def _one_slip(texts: pl.Series, rng: np.random.Generator) -> pl.Series:
    length = texts.str.len_chars().to_numpy()
    kind = rng.choice(4, texts.len(), p=KINDS)
    # Two letters are swapped with the one behind, so the last is never the first of them.
    at = (rng.random(texts.len()) * (length - (kind == 3))).astype(np.int64)
    frame = pl.DataFrame({"text": texts, "kind": kind, "at": at, "chance": rng.random(texts.len())})
    at_, text = pl.col("at"), pl.col("text")
    frame = frame.with_columns(
        before=text.str.slice(0, at_),
        letter=text.str.slice(at_, 1),
        after=text.str.slice(at_ + 1),
    )
    beside = _beside(frame["letter"].unique().to_list())
    near = pl.col("letter").replace_strict(list(beside), list(beside.values()), return_dtype=pl.String)
    frame = frame.with_columns(wrong=near.str.slice((pl.col("chance") * near.str.len_chars()).cast(pl.Int64), 1))
    before, letter, wrong, after = (pl.col(name) for name in ("before", "letter", "wrong", "after"))
    return frame.select(
        pl.when(kind=0)
        .then(pl.concat_str(before, wrong, after))
        .when(kind=1)
        .then(pl.concat_str(before, after))
        .when(kind=2)
        .then(pl.concat_str(before, letter, wrong, after))
        .otherwise(pl.concat_str(before, after.str.slice(0, 1), letter, after.str.slice(1)))
    ).to_series()


def _beside(letters: list[str]) -> dict[str, str]:
    """For each letter those that it may be taken for."""
    beside: dict[str, str] = {}
    for number, row in enumerate(_ROWS):
        for place, letter in enumerate(row):
            near = row[max(place - 1, 0) : place] + row[place + 1 : place + 2]
            if number > 1:  # letters only: a digit is taken for a digit
                near += _ROWS[number - 1][place : place + 1]
            beside[letter] = near
            beside[letter.upper()] = near.upper()
    return {letter: beside.get(letter, chr(ord(letter) + 1) if letter.isalpha() else letter) for letter in letters}


def slipped_dates(days: npt.NDArray[np.datetime64], who: Bools, rng: np.random.Generator) -> npt.NDArray[np.datetime64]:
    """Put a slip into the chosen dates (`datetime64[D]`); what comes out is always a date, and hardly ever the same."""
    places = np.flatnonzero(who)
    months = days[places].astype("datetime64[M]")
    year = months.astype("datetime64[Y]").astype(np.int64) + 1970
    month = months.astype(np.int64) % 12 + 1
    day = (days[places] - months).astype(np.int64) + 1
    kind = rng.choice(4, places.size, p=DATE_KINDS)
    step = rng.choice([-10, -1, 1, 10], places.size)

    # A day over 12 cannot be a month: its digits are mistyped instead.
    swap = (kind == 0) & (day <= 12) & (day != month)
    other_day = (kind == 1) | ((kind == 0) & ~swap)
    year = np.where(kind == 3, year + step, year)
    new_month = np.where(swap, day, np.where(kind == 2, _within(month, np.sign(step), 12), month))
    new_day = np.where(swap, month, np.where(other_day, _within(day, step, 28), day))
    first = ((year - 1970) * 12 + new_month - 1).astype("datetime64[M]")
    last = ((first + 1).astype("datetime64[D]") - first.astype("datetime64[D]")).astype(np.int64)
    out = days.copy()
    out[places] = first.astype("datetime64[D]") + (np.minimum(new_day, last) - 1)
    return out


def _within(number: Ints, step: Ints, most: int) -> Ints:
    """The number with the step, the other way where it would leave 1 to `most`."""
    ahead = number + step
    ahead = np.where((ahead < 1) | (ahead > most), number - step, ahead)
    return np.asarray(np.clip(ahead, 1, most))
