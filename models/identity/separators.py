"""What keeps two people apart although an identifier joins them: which values of a trait contradict each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final

import polars as pl

from models.identity.profiles import FORM_SIGN, PREPARED_SCHEMA
from models.identity.rules import KEY, TRAITS_SCHEMA

#: Between the parts of a trait's value.
_PART = "\x1f"
#: Slips (letters put in, left out, changed or swapped) that a first name may have: one, and one more for so many
#: letters.
_LETTERS_PER_SLIP: Final = 4


def traits_of(prepared: pl.DataFrame) -> pl.DataFrame:
    """What records say that may separate people, or count them.

    Args:
        prepared: as `profiles.prepare` gives it.

    Returns:
        source, source_record_id, trait (first_name, birth_date, person), value; `person` is who a record is about, by
        the sound of the whole name, and counts how many people share an identifier.
    """
    frame = prepared.match_to_schema(PREPARED_SCHEMA)
    values = {
        "first_name": pl.concat_str(
            "first", pl.col("last").fill_null(""), pl.col("first_forms").fill_null(""), separator=_PART
        ),
        "birth_date": pl.col("birth_date"),
        "person": pl.concat_str("first_key", "last_key", separator=_PART),
    }
    parts = [
        frame.select(*KEY, trait=pl.lit(trait), value=value).filter(pl.col("value").is_not_null())
        for trait, value in values.items()
    ]
    return pl.concat(parts).match_to_schema(TRAITS_SCHEMA)


@lru_cache(maxsize=1 << 18)
def first_names_contradict(one: str, other: str) -> bool:
    """Whether two first names are those of two people.

    They are not where one is an initial, a familiar form, another spelling or a slip of the other, or where first and
    last name are in each other's place.
    """
    from rapidfuzz.distance import OSA

    first, last, forms = one.split(_PART)
    other_first, other_last, other_forms = other.split(_PART)
    if first.startswith(other_first) or other_first.startswith(first):
        return False
    if first == other_last and last == other_first:
        return False
    if set(forms.split(FORM_SIGN)) & set(other_forms.split(FORM_SIGN)):
        return False
    # A slip leaves something of a name: two initials are two names.
    shorter, longer = sorted((len(first), len(other_first)))
    slips = min(max(1, longer // _LETTERS_PER_SLIP), shorter - 1)
    return OSA.distance(first, other_first, score_cutoff=slips) > slips


@lru_cache(maxsize=1 << 18)
def birth_dates_contradict(one: str, other: str) -> bool:
    """Whether two birth dates (YYYYMMDD) are those of two people.

    They are where more than one digit is off, and day and month are not swapped.
    """
    from rapidfuzz.distance import OSA

    swapped = one[:4] == other[:4] and one[4:6] == other[6:] and one[6:] == other[4:6]
    return not swapped and OSA.distance(one, other, score_cutoff=1) > 1


def values_differ(one: str, other: str) -> bool:
    """Whether two values are not the same: enough for numbers that a person has one of."""
    return one != other


CONTRADICTS: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "first_name": first_names_contradict,
    "birth_date": birth_dates_contradict,
}


def contradicts(trait: str) -> Callable[[str, str], bool]:
    """The rule of a trait; traits that are identifiers, such as loyalty_card, differ or do not."""
    return CONTRADICTS.get(trait, values_differ)
