"""The kinds of contact values that are judged: where they stand, what a verdict belongs to, and who gives it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from expectations import contacts

if TYPE_CHECKING:
    import polars as pl

    from expectations.contacts import Verdicts

# Blanks around a value do not count towards its length; anything this far above the limit is too long whatever it is,
# and never leaves the database.
_MARGIN = 1_000

# The column of mapped views that says where a record's person lives, in the words of the source.
COUNTRY_COLUMN = "country_code"
# The column of mapped views with the country of the source, for records that name none.
SOURCE_COUNTRY = "_country"


class Kind(NamedTuple):
    """One sort of contact value.

    Attributes:
        table: Where its verdicts are kept.
        columns: The columns of mapped views that hold it.
        keys: What a verdict belongs to: the value, or the value and its region.
        too_long_above: Characters above which a value is too long whatever it is.
        verdicts: The columns of the table, the keys first, and their types.
        judge: Gives the verdicts; see `expectations.contacts`.
    """

    table: str
    columns: tuple[str, ...]
    keys: tuple[str, ...]
    too_long_above: int
    verdicts: Verdicts
    judge: Callable[[pl.DataFrame], pl.DataFrame]

    @property
    def sql_types(self) -> dict[str, str]:
        """The columns of the table with types that both engines know."""
        return {name: "BOOLEAN" if name.startswith("is_") else "STRING" for name in self.verdicts}


EMAILS = Kind(
    "quality.judged_emails",
    ("email",),
    ("raw_value",),
    contacts.MAX_EMAIL_BYTES + _MARGIN,
    contacts.EMAIL_VERDICTS,
    contacts.judge_emails,
)
COUNTRIES = Kind(
    "quality.judged_countries",
    (COUNTRY_COLUMN,),
    ("raw_value",),
    contacts.MAX_COUNTRY_CHARACTERS + _MARGIN,
    contacts.COUNTRY_VERDICTS,
    contacts.judge_countries,
)
# A number without a country code is read with the record's own country and with the source's: who lives abroad, or
# whose country is wrong, may still have a number of the source's country.
PHONES = Kind(
    "quality.judged_phones",
    ("phone",),
    ("raw_value", "region"),
    contacts.MAX_PHONE_CHARACTERS + _MARGIN,
    contacts.PHONE_VERDICTS,
    contacts.judge_phones,
)
# A postcode is read with the record's own country; with the source's only where the record names none.
POSTCODES = Kind(
    "quality.judged_postcodes",
    ("postal_code",),
    ("raw_value", "region"),
    contacts.MAX_POSTCODE_CHARACTERS + _MARGIN,
    contacts.POSTCODE_VERDICTS,
    contacts.judge_postcodes,
)
NAMES = Kind(
    "quality.judged_names",
    ("first_name", "last_name", "full_name"),
    ("raw_value",),
    contacts.MAX_NAME_CHARACTERS + _MARGIN,
    contacts.NAME_VERDICTS,
    contacts.judge_names,
)

# In the order in which they are judged: what needs a country comes after the countries.
KINDS: dict[str, Kind] = {
    "emails": EMAILS,
    "countries": COUNTRIES,
    "phones": PHONES,
    "postcodes": POSTCODES,
    "names": NAMES,
}


class Judged(NamedTuple):
    """How many distinct values of each kind were judged; 0 where all were known."""

    emails: int = 0
    phones: int = 0
    postcodes: int = 0
    countries: int = 0
    names: int = 0
