"""Telephone numbers, by the numbering plans that phonenumbers brings."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import polars as pl

from expectations.contacts.verdicts import (
    DECIMAL,
    NO_VALUE,
    NOT_JUDGED,
    TOO_LONG,
    Verdict,
    Verdicts,
    texts,
    verdict_frame,
)

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber

# What phonenumbers itself reads at most. A number has 15 digits; the rest is punctuation and an extension.
MAX_PHONE_CHARACTERS = 250

PHONE_VERDICTS: Verdicts = {
    "raw_value": pl.String,
    "region": pl.String,
    "e164": pl.String,
    "is_valid": pl.Boolean,
    "reason": pl.String,
}

_NO_COUNTRY = "it is written without a country code, and no country is known for it"
_BAD_COUNTRY = "its country code is not in use"
_NO_NUMBER = "it is no telephone number"
_TOO_SHORT = "it has too few digits"
_TOO_LONG = "it has too many digits"
_NOT_IN_PLAN = "its digits are not in use in the numbering plan"
_LETTERS = "it has letters among the digits"

_LETTER = re.compile(r"[^\W\d_]")
_EXTENSION = re.compile(r"[\s,;]*(?:ext(?:ensi[oó]n)?|extn|xtn?|x|int|anexo|доб)[\s.:=]*\d{1,9}\s*$", re.IGNORECASE)
# `4930123456.0`: read as a number, its last zero would make it another person's.
_DECIMAL_NUMBER = re.compile(r"[+-]?\d{6,}[.,]\d{1,2}")


def judge_phones(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a verdict on each telephone number.

    A number is valid if its digits are in use in the numbering plan of its country; whether anyone answers is not
    asked. Numbers written without a country code are read as numbers of `region`. Digits of any script count. An
    extension is read and left out of the result. Letters are refused except those of an extension: a note with a
    number in it is no number.

    Args:
        frame: `raw_value` and `region` (two-letter country code, or null when none is known), one row per number.

    Returns:
        One row per row of `frame`, in its order: raw_value and region (as received), e164 (null if invalid), is_valid,
        reason (null if valid).
    """
    raw, regions = texts(frame, "raw_value"), texts(frame, "region")
    verdicts = (phone_verdict(value, region) for value, region in zip(raw, regions, strict=True))
    return verdict_frame({"raw_value": raw, "region": regions}, verdicts, PHONE_VERDICTS)


def phone_verdict(raw: str | None, region: str | None) -> Verdict:
    """Return the verdict on one number; see `judge_phones`."""
    import phonenumbers

    text = (raw or "").strip()
    if not text:
        return Verdict(None, NO_VALUE)
    if len(text) > MAX_PHONE_CHARACTERS:
        return Verdict(None, TOO_LONG)
    country = (region or "").strip().upper()
    known = country if country in phonenumbers.SUPPORTED_REGIONS else None
    try:
        if _has_letters(text):
            return Verdict(None, _LETTERS)
        if _DECIMAL_NUMBER.fullmatch(text):
            return Verdict(None, DECIMAL)
        number = phonenumbers.parse(text, known)
        if phonenumbers.is_valid_number(number):
            return Verdict(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164), None)
        return Verdict(None, _why_not(number))
    except phonenumbers.NumberParseException as error:
        return Verdict(None, _why_unread(error.error_type, known))
    except Exception:  # noqa: BLE001 - whatever a library does with one text, the load goes on
        return Verdict(None, NOT_JUDGED)


def _has_letters(text: str) -> bool:
    """Whether letters stand in the text apart from an extension (`ext. 12`, `x12`) and the `tel:` of a link."""
    if not _LETTER.search(text):
        return False
    rest = text[4:] if text[:4].lower() == "tel:" else text
    return _LETTER.search(_EXTENSION.sub("", rest)) is not None


def _why_unread(kind: int, region: str | None) -> str:
    from phonenumbers import NumberParseException as Unread

    if kind == Unread.INVALID_COUNTRY_CODE:
        return _BAD_COUNTRY if region else _NO_COUNTRY
    if kind in (Unread.TOO_SHORT_AFTER_IDD, Unread.TOO_SHORT_NSN):
        return _TOO_SHORT
    return _TOO_LONG if kind == Unread.TOO_LONG else _NO_NUMBER


def _why_not(number: PhoneNumber) -> str:
    import phonenumbers
    from phonenumbers import ValidationResult as Found

    found = phonenumbers.is_possible_number_with_reason(number)
    if found == Found.INVALID_COUNTRY_CODE:
        return _BAD_COUNTRY
    if found in (Found.TOO_SHORT, Found.IS_POSSIBLE_LOCAL_ONLY):
        return _TOO_SHORT
    return _TOO_LONG if found == Found.TOO_LONG else _NOT_IN_PLAN
