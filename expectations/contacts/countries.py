"""Countries as people and systems write them, as two-letter codes of ISO 3166, by pycountry."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from expectations.contacts.verdicts import NO_VALUE, NOT_JUDGED, TOO_LONG, Verdict, Verdicts, texts, verdict_frame

# The longest official name has 54 characters in English, and about 100 in other languages.
MAX_COUNTRY_CHARACTERS = 200

COUNTRY_VERDICTS: Verdicts = {
    "raw_value": pl.String,
    "normalised": pl.String,
    "is_valid": pl.Boolean,
    "reason": pl.String,
}

_UNKNOWN = "it is no country of ISO 3166"
_GONE = "the country is no more"

_ALIASES = Path(__file__).with_name("countries.yaml")


def judge_countries(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a verdict on each country.

    Read are the codes of ISO 3166-1 with two and with three letters, the names there (English, and those of the
    languages in `countries.yaml`), and the further names and codes of that file. Capital or small letters, accents,
    dots and blanks make no difference.

    Args:
        frame: `raw_value`, one row per text.

    Returns:
        One row per row of `frame`, in its order: raw_value (as received), normalised (two-letter code; null if
        invalid), is_valid, reason (null if valid).
    """
    raw = texts(frame, "raw_value")
    return verdict_frame({"raw_value": raw}, (country_verdict(value) for value in raw), COUNTRY_VERDICTS)


def country_verdict(raw: str | None) -> Verdict:
    """Return the verdict on one text; see `judge_countries`."""
    text = (raw or "").strip()
    if not text:
        return Verdict(None, NO_VALUE)
    if len(text) > MAX_COUNTRY_CHARACTERS:
        return Verdict(None, TOO_LONG)
    try:
        written = _written(text)
        code = _known().get(written) or _known().get(written.removeprefix("the"))
        if code:
            return Verdict(code, None)
        return Verdict(None, _GONE if written in _gone() else _UNKNOWN)
    except Exception:  # noqa: BLE001 - whatever a library does with one text, the load goes on
        return Verdict(None, NOT_JUDGED)


def _written(text: str) -> str:
    """What counts of a text: its letters and digits, small, without accents."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in plain if char.isalnum())


@cache
def _known() -> dict[str, str]:
    """What a country is written like -> its two-letter code. Codes go before names, English before other languages."""
    import pycountry

    settings: dict[str, Any] = yaml.safe_load(_ALIASES.read_text(encoding="utf-8"))
    known = {_written(country.alpha_2): country.alpha_2 for country in pycountry.countries}
    for country in pycountry.countries:
        known.setdefault(_written(country.alpha_3), country.alpha_2)
    for code, names in settings["aliases"].items():
        for name in names:
            known.setdefault(_written(name), code)
    for country in pycountry.countries:
        for name in _names(country):
            known.setdefault(_written(name), country.alpha_2)
    other: dict[str, set[str]] = {}
    for code, name in _translated(settings["languages"]):
        other.setdefault(_written(name), set()).add(code)
    for name, codes in other.items():
        if len(codes) == 1:
            known.setdefault(name, *codes)
    known.pop("", None)
    return known


def _names(country: Any) -> Iterator[str]:
    """The names of one country of pycountry; `Korea, Republic of` also as `Republic of Korea`."""
    for kind in ("name", "official_name", "common_name"):
        name = getattr(country, kind, None)
        if name:
            yield name
            first, comma, rest = name.partition(", ")
            if comma:
                yield f"{rest} {first}"


def _translated(languages: list[str]) -> Iterator[tuple[str, str]]:
    """Codes and names of all countries in other languages."""
    import gettext

    import pycountry

    for language in languages:
        words = gettext.translation("iso3166-1", pycountry.LOCALES_DIR, languages=[language])
        for country in pycountry.countries:
            for name in _names(country):
                if words.gettext(name) != name:
                    yield country.alpha_2, words.gettext(name)


@cache
def _gone() -> frozenset[str]:
    """Codes and names of countries that ISO 3166 has withdrawn and given to nobody else."""
    import pycountry

    found = set()
    for country in pycountry.historic_countries:
        codes = [country.alpha_2, country.alpha_3, country.alpha_4, country.name]
        found |= {_written(code) for code in codes}
    return frozenset(found)
