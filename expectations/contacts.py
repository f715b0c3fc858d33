"""Verdicts on e-mail addresses and telephone numbers: frames in, frames out.

Every text gets a verdict, whatever it is: ten megabytes, NUL bytes, right-to-left text, digits of any script. The
rules are those of the libraries email-validator (RFC 5321, 5322, 6531, without asking the DNS) and phonenumbers
(the numbering plans that libphonenumber keeps). Reasons are fixed sentences that hold nothing of the value, so
that they can be counted and shown.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber

# RFC 5321, 4.5.3.1.3: a path holds 256 octets, two of which are angle brackets. Counted here in bytes, before any
# library sees the text, so that a judgement costs the same however long the text is.
MAX_EMAIL_BYTES = 254
# What phonenumbers itself reads at most. A number has 15 digits; the rest is punctuation and an extension.
MAX_PHONE_CHARACTERS = 250

Verdicts = dict[str, type[pl.DataType]]

EMAIL_VERDICTS: Verdicts = {
    "raw_value": pl.String,
    "normalised": pl.String,
    "is_valid": pl.Boolean,
    "reason": pl.String,
}
PHONE_VERDICTS: Verdicts = {
    "raw_value": pl.String,
    "region": pl.String,
    "e164": pl.String,
    "is_valid": pl.Boolean,
    "reason": pl.String,
}

NO_VALUE = "there is no value"
TOO_LONG = "it is too long"
# A library that stumbles over one strange text must not stop a load: the text is set aside and the reason says so.
NOT_JUDGED = "it could not be judged"

# What email-validator's message says -> our reason. Its own messages quote characters of the address.
_EMAIL_REASONS: tuple[tuple[str, str], ...] = (
    ("must have an @-sign", "it has no @ sign"),
    ("instead of a regular at-sign", "it has a look-alike of the @ sign"),
    ("must be something before", "nothing stands before the @ sign"),
    ("must be something after", "nothing stands after the @ sign"),
    ("should have a period", "the domain has no dot"),
    ("top-level domain", "the domain does not end in a top-level domain"),
    ("special-use or reserved", "the domain is reserved and receives no mail"),
    ("too long", TOO_LONG),
    ("so many characters", TOO_LONG),
    ("brackets around the email", "it is a name with an address in angle brackets"),
    ("display name", "it is a name with an address in angle brackets"),
    ("anything after the email", "it is a name with an address in angle brackets"),
    ("angle bracket", "it is a name with an address in angle brackets"),
    ("bracket", "an IP address stands in place of the domain"),
    ("IPv", "an IP address stands in place of the domain"),
    ("uoting", "the part before the @ sign is in quotes"),
    ("after close quote", "the part before the @ sign is in quotes"),
    ("in quotes", "the part before the @ sign is in quotes"),
    ("unsafe characters", "it has invisible or control characters"),
    ("period", "a dot or hyphen stands where none may stand"),
    ("hyphen", "a dot or hyphen stands where none may stand"),
    ("before the @-sign", "a character may not stand before the @ sign"),
    ("after the @-sign", "a character may not stand in the domain"),
)
_EMAIL_OTHER = "it is not written as an address"

_PHONE_NO_COUNTRY = "it is written without a country code, and no country is known for it"
_PHONE_BAD_COUNTRY = "its country code is not in use"
_PHONE_NO_NUMBER = "it is no telephone number"
_PHONE_TOO_SHORT = "it has too few digits"
_PHONE_TOO_LONG = "it has too many digits"
_PHONE_NOT_IN_PLAN = "its digits are not in use in the numbering plan"
_PHONE_LETTERS = "it has letters among the digits"
_PHONE_DECIMAL = "it is a decimal number, as spreadsheets write long digits"

_LETTER = re.compile(r"[^\W\d_]")
_EXTENSION = re.compile(r"[\s,;]*(?:ext(?:ensi[oó]n)?|extn|xtn?|x|int|anexo|доб)[\s.:=]*\d{1,9}\s*$", re.IGNORECASE)
# `4930123456.0`: read as a number, its last zero would make it another person's.
_DECIMAL = re.compile(r"[+-]?\d{6,}[.,]\d{1,2}")


class _Verdict(NamedTuple):
    value: str | None
    reason: str | None


def judge_emails(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a verdict on each address.

    Addresses are judged by syntax; whether a domain exists is not asked. `example.com` and the like, reserved for
    examples, are valid; `.test`, `.invalid` and `.local` are not, because no mail arrives there. Quoted local
    parts, IP addresses in place of a domain and names in angle brackets are refused: they are correct in a
    message, but no customer has one, and systems that send mail do not take them.

    The normalised form is what identity joins on: blanks around it removed, lower case throughout (the standard
    allows a mailbox that tells `Anna` from `anna`, but no larger provider has any), Unicode in normal form, the
    domain in its readable form. Plus-tags and dots stay: whether `anna+shop` reaches `anna` is the provider's
    business, and mail must go to the address that was given.

    Args:
        frame: `raw_value`, one row per address.

    Returns:
        One row per row of `frame`, in its order: raw_value (as received), normalised (null if invalid), is_valid,
        reason (null if valid).
    """
    raw = frame["raw_value"].cast(pl.String).to_list()
    return _frame(raw, (_judge_email(value) for value in raw), EMAIL_VERDICTS, "normalised")


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
    raw = frame["raw_value"].cast(pl.String).to_list()
    regions = frame["region"].cast(pl.String).to_list()
    verdicts = (_judge_phone(value, region) for value, region in zip(raw, regions, strict=True))
    return _frame(raw, verdicts, PHONE_VERDICTS, "e164", region=regions)


def _frame(
    raw: list[str | None],
    verdicts: Iterable[_Verdict],
    schema: Verdicts,
    value_column: str,
    **more: list[str | None],
) -> pl.DataFrame:
    judged = list(verdicts)
    columns = {
        "raw_value": raw,
        value_column: [verdict.value for verdict in judged],
        "is_valid": [verdict.reason is None for verdict in judged],
        "reason": [verdict.reason for verdict in judged],
        **more,
    }
    return pl.DataFrame({name: columns[name] for name in schema}, schema=schema)


def _judge_email(raw: str | None) -> _Verdict:
    from email_validator import EmailNotValidError, validate_email

    text = (raw or "").strip()
    if not text:
        return _Verdict(None, NO_VALUE)
    # A character has one byte at least, so very long texts are refused without being encoded.
    if len(text) > MAX_EMAIL_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_EMAIL_BYTES:
        return _Verdict(None, TOO_LONG)
    try:
        found = validate_email(text, check_deliverability=False, strict=True)
    except EmailNotValidError as error:
        message = str(error)
        return _Verdict(None, next((reason for part, reason in _EMAIL_REASONS if part in message), _EMAIL_OTHER))
    except Exception:  # noqa: BLE001 - whatever a library does with one text, the load goes on
        return _Verdict(None, NOT_JUDGED)
    return _Verdict(unicodedata.normalize("NFC", found.normalized.lower()), None)


def _judge_phone(raw: str | None, region: str | None) -> _Verdict:
    import phonenumbers

    text = (raw or "").strip()
    if not text:
        return _Verdict(None, NO_VALUE)
    if len(text) > MAX_PHONE_CHARACTERS:
        return _Verdict(None, TOO_LONG)
    country = (region or "").strip().upper()
    known = country if country in phonenumbers.SUPPORTED_REGIONS else None
    try:
        if _has_letters(text):
            return _Verdict(None, _PHONE_LETTERS)
        if _DECIMAL.fullmatch(text):
            return _Verdict(None, _PHONE_DECIMAL)
        number = phonenumbers.parse(text, known)
        if phonenumbers.is_valid_number(number):
            return _Verdict(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164), None)
        return _Verdict(None, _why_not(number))
    except phonenumbers.NumberParseException as error:
        return _Verdict(None, _why_unread(error.error_type, known))
    except Exception:  # noqa: BLE001 - whatever a library does with one text, the load goes on
        return _Verdict(None, NOT_JUDGED)


def _has_letters(text: str) -> bool:
    """Whether letters stand in the text apart from an extension (`ext. 12`, `x12`) and the `tel:` of a link."""
    if not _LETTER.search(text):
        return False
    rest = text[4:] if text[:4].lower() == "tel:" else text
    return _LETTER.search(_EXTENSION.sub("", rest)) is not None


def _why_unread(kind: int, region: str | None) -> str:
    from phonenumbers import NumberParseException as Unread

    if kind == Unread.INVALID_COUNTRY_CODE:
        return _PHONE_BAD_COUNTRY if region else _PHONE_NO_COUNTRY
    if kind in (Unread.TOO_SHORT_AFTER_IDD, Unread.TOO_SHORT_NSN):
        return _PHONE_TOO_SHORT
    return _PHONE_TOO_LONG if kind == Unread.TOO_LONG else _PHONE_NO_NUMBER


def _why_not(number: PhoneNumber) -> str:
    import phonenumbers
    from phonenumbers import ValidationResult as Found

    found = phonenumbers.is_possible_number_with_reason(number)
    if found == Found.INVALID_COUNTRY_CODE:
        return _PHONE_BAD_COUNTRY
    if found in (Found.TOO_SHORT, Found.IS_POSSIBLE_LOCAL_ONLY):
        return _PHONE_TOO_SHORT
    return _PHONE_TOO_LONG if found == Found.TOO_LONG else _PHONE_NOT_IN_PLAN
