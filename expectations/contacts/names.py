"""Names of people: what is surely none, and what may be a placeholder or a name."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import yaml

from expectations.contacts.verdicts import (
    NO_VALUE,
    NOT_JUDGED,
    TOO_LONG,
    Verdict,
    Verdicts,
    texts,
    tidy,
    verdict_frame,
)

# The longest surname known from a register has 666 letters.
MAX_NAME_CHARACTERS = 1_000

NAME_VERDICTS: Verdicts = {
    "raw_value": pl.String,
    "normalised": pl.String,
    "is_valid": pl.Boolean,
    "reason": pl.String,
    "is_doubtful": pl.Boolean,
}

_CONTROL = "it has control characters"
_EMAIL = "it is an e-mail address"
_WEB = "it has a web address"
_NO_LETTER = "it has no letter"
_PLACEHOLDER = "it is a placeholder"
_REPEATED = "it is one character repeated"
_KEYBOARD = "it is a run of neighbouring keys"
_DOUBTFUL = "it may be a placeholder, though people are called so"

_LISTS = Path(__file__).with_name("names.yaml")
_ADDRESS = re.compile(r"\S+@\S+\.\S+")
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_ASCII_WORD = re.compile("[a-z]+")
_LINK = re.compile(r"https?://|www\.\w", re.IGNORECASE)
# Names of two equal letters exist (Oo, Aa, Ii); of three, where a letter is a sound, they do not.
_SAME_LETTERS = 3
# A sign of these scripts is a syllable or a word: three equal ones can be a name.
_SYLLABLES = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL")
_RUN, _SHORT_RUN, _RUNS = 4, 3, 6
_LONGEST_ROW = 14


class _Lists(NamedTuple):
    exact: frozenset[str]
    never: frozenset[str]
    phrases: frozenset[str]
    doubtful: frozenset[str]
    examples: frozenset[str]
    runs: frozenset[str]
    not_keyboard: frozenset[str]


def judge_names(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a verdict on each name, be it a first name, a last name or a whole one.

    A name is whatever has a letter and is not surely something else: a placeholder, a run of keys, one letter again and
    again, an e-mail or web address. The lists are in `names.yaml`. A word that is somebody's name and also a common
    placeholder (`Null`, `Test`) is valid and doubtful: only who sees the other part of the name can tell.

    The normal form has one blank between words, no marks of writing direction, and Unicode in its composed form;
    capital and small letters stay.

    Args:
        frame: `raw_value`, one row per name.

    Returns:
        One row per row of `frame`, in its order: raw_value (as received), normalised (null if invalid), is_valid,
        reason (null if there is nothing to say; a doubtful name has one, too), is_doubtful (null if invalid).
    """
    raw = texts(frame, "raw_value")
    return verdict_frame({"raw_value": raw}, (name_verdict(value) for value in raw), NAME_VERDICTS)


def name_verdict(raw: str | None) -> Verdict:
    """Return the verdict on one name; see `judge_names`."""
    if raw is None:
        return Verdict(None, NO_VALUE)
    if len(raw) > MAX_NAME_CHARACTERS and len(raw.strip()) > MAX_NAME_CHARACTERS:
        return Verdict(None, TOO_LONG)
    try:
        text = tidy(raw)
        words = _words(text)
        reason = _why_not(text, words)
        if reason:
            return Verdict(None, reason)
        doubtful = _is_doubtful(words)
        return Verdict(text, _DOUBTFUL if doubtful else None, (doubtful,))
    except Exception:  # noqa: BLE001 - one strange text must not stop a load
        return Verdict(None, NOT_JUDGED)


def _why_not(text: str, words: list[str]) -> str | None:
    """Why a text is surely no name; None where it may be one."""
    if not text:
        return NO_VALUE
    if _CONTROLS.search(text):
        return _CONTROL
    if _ADDRESS.search(text):
        return _EMAIL
    if _LINK.search(text):
        return _WEB
    if not any(char.isalpha() for char in text):
        return _NO_LETTER
    if not words or {text, text.casefold()} & _lists().exact or " ".join(words) in _lists().phrases:
        return _PLACEHOLDER
    if all(_is_repeated(word) for word in words) and not any(char.isdigit() for char in text):
        return _REPEATED
    if any(_is_run(word) for word in words) and all(_is_run(word) or _is_short_run(word) for word in words):
        return _KEYBOARD
    no_name = [word in _lists().never or _is_run(word) for word in words]
    if all(no_name) or (len(words) > 1 and all(_is_no_or_doubtful(word) for word in words)):
        return _PLACEHOLDER
    return None


def _is_doubtful(words: list[str]) -> bool:
    return " ".join(words) in _lists().examples or (len(words) == 1 and words[0] in _lists().doubtful)


def _is_no_or_doubtful(word: str) -> bool:
    return word in _lists().never or word in _lists().doubtful or _is_run(word) or _is_repeated(word)


def _plain(text: str) -> str:
    """Small letters without accents; marks of scripts that spell vowels with them stay."""
    marked = unicodedata.normalize("NFKD", text.casefold())
    return unicodedata.normalize("NFC", "".join(char for char in marked if not "\u0300" <= char <= "\u036f"))


def _words(text: str) -> list[str]:
    """The words of a text as `_plain` has them."""
    if text.isascii():
        return _ASCII_WORD.findall(text.lower())
    # A combining mark is no letter to Python's `\w`, but part of a word in the scripts of India.
    spaced = "".join(char if unicodedata.category(char)[0] in "LM" else " " for char in text)
    return _plain(spaced).split()


def _is_repeated(word: str) -> bool:
    if len(word) < _SAME_LETTERS or len(set(word)) > 1:
        return False
    return len(word) > _SAME_LETTERS or not unicodedata.name(word[0], "").startswith(_SYLLABLES)


def _is_run(word: str) -> bool:
    """Whether the word is a run of keys, or several short ones one after the other."""
    if len(word) < _RUN or word in _lists().not_keyboard:
        return False
    if _on_one_row(word):
        return True
    return len(word) >= _RUNS and _is_cut_into_runs(word)


def _is_short_run(word: str) -> bool:
    return len(word) == _SHORT_RUN and _on_one_row(word)


def _is_cut_into_runs(word: str) -> bool:
    """Whether the word can be cut into runs of three keys or more."""
    if word[:_SHORT_RUN] not in _lists().runs:
        return False
    reached = {0}
    for end in range(_SHORT_RUN, len(word) + 1):
        starts = range(max(0, end - _LONGEST_ROW), end - _SHORT_RUN + 1)
        if any(start in reached and _on_one_row(word[start:end]) for start in starts):
            reached.add(end)
    return len(word) in reached


def _on_one_row(word: str) -> bool:
    return word in _lists().runs


def _runs_of(row: str) -> Iterator[str]:
    """All runs of three keys or more."""
    for start in range(len(row)):
        for end in range(start + _SHORT_RUN, len(row) + 1):
            yield row[start:end]


@cache
def _lists() -> _Lists:
    settings: dict[str, Any] = yaml.safe_load(_LISTS.read_text(encoding="utf-8"))
    rows = [_plain(row) for layout in settings["keyboards"] for row in layout]
    return _Lists(
        exact=frozenset(settings["exact"]),
        never=frozenset(_plain(word) for words in settings["never"] for word in words),
        phrases=frozenset(_plain(text) for text in settings["phrases"]),
        doubtful=frozenset(_plain(word) for word in settings["doubtful"]),
        examples=frozenset(_plain(name) for name in settings["examples"]),
        runs=frozenset(run for row in rows for one in (row, row[::-1]) for run in _runs_of(one)),
        not_keyboard=frozenset(_plain(word) for word in settings["not_keyboard"]),
    )
