"""E-mail addresses, by email-validator, and the throw-away domains that disposable-email-domains lists."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

import polars as pl

from expectations.contacts.verdicts import (
    NO_VALUE,
    NOT_JUDGED,
    TOO_LONG,
    Verdict,
    Verdicts,
    texts,
    verdict_frame,
)

# RFC 5321, 4.5.3.1.3: a path holds 256 octets, two of which are angle brackets. Counted here in bytes, before any
# library sees the text, so that a judgement costs the same however long the text is.
MAX_EMAIL_BYTES = 254
# RFC 5321, 4.5.3.1.1.
_MAX_LOCAL = 64

EMAIL_VERDICTS: Verdicts = {
    "raw_value": pl.String,
    "normalised": pl.String,
    "is_valid": pl.Boolean,
    "reason": pl.String,
    "domain": pl.String,
    "is_disposable": pl.Boolean,
}

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


# The common case: letters, digits and a few marks of ASCII on both sides. What matches is correct before the @ sign, so
# that only the domain is left to judge, and many addresses share one.
_PLAIN = re.compile(r"([a-z0-9_'+-]+(?:\.[a-z0-9_'+-]+)*)@([a-z0-9.-]+)")
_DOMAINS_REMEMBERED = 100_000


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
        reason (null if valid), domain (as in normalised), is_disposable (whether the domain, or one above it, gives
        addresses that are thrown away after use). The last two are null if the address is invalid.
    """
    raw = texts(frame, "raw_value")
    return verdict_frame({"raw_value": raw}, (email_verdict(value) for value in raw), EMAIL_VERDICTS)


def email_verdict(raw: str | None) -> Verdict:
    """Return the verdict on one address; see `judge_emails`."""
    text = (raw or "").strip()
    if not text:
        return Verdict(None, NO_VALUE)
    # A character has one byte at least, so very long texts are refused without being encoded.
    if len(text) > MAX_EMAIL_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_EMAIL_BYTES:
        return Verdict(None, TOO_LONG)
    # `lower` of some letters outside of ASCII is an ASCII letter: the text itself must be plain, not only its lower
    # case.
    plain = _PLAIN.fullmatch(text.lower()) if text.isascii() else None
    if plain and len(plain[1]) <= _MAX_LOCAL and "xn--" not in plain[2]:
        of_domain = _domain_verdict(plain[2])
        return of_domain if of_domain.value is None else of_domain._replace(value=f"{plain[1]}@{of_domain.value}")
    return _by_library(text)


@lru_cache(maxsize=_DOMAINS_REMEMBERED)
def _domain_verdict(domain: str) -> Verdict:
    """The verdict on any plain address at this domain, with the domain as its value."""
    found = _by_library(f"a@{domain}")
    return found if found.value is None else found._replace(value=found.value[2:])


def _by_library(text: str) -> Verdict:
    from email_validator import EmailNotValidError, validate_email

    try:
        found = validate_email(text, check_deliverability=False, strict=True)
    except EmailNotValidError as error:
        message = str(error)
        return Verdict(None, next((reason for part, reason in _EMAIL_REASONS if part in message), _EMAIL_OTHER))
    except Exception:  # noqa: BLE001 - whatever a library does with one text, the load goes on
        return Verdict(None, NOT_JUDGED)
    normalised = unicodedata.normalize("NFC", found.normalized.lower())
    return Verdict(normalised, None, (normalised.rpartition("@")[2], is_disposable(found.ascii_domain or found.domain)))


def is_disposable(domain: str) -> bool:
    """Whether a domain (in ASCII), or one that it belongs to, is on the list of throw-away domains."""
    from disposable_email_domains import blocklist

    parts = domain.lower().split(".")
    return any(".".join(parts[start:]) in blocklist for start in range(len(parts) - 1))
