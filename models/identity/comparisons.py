"""What is compared of two records, in levels from the same to different, and what is assumed of each level beforehand.

Fellegi and Sunter (1969): a level that pairs of one person reach with probability m, and pairs of two people with u,
weighs log2(m / u) bits for the pair being one person. Here a third kind of pair is told apart: two people of one
household, who share home, last name and often the telephone. For them a level has the probability h; without it, all
that a family has in common would speak for one person, although it only speaks for one family.

The probabilities stated here are assumptions about how often people's records differ, of the same order in any
company: how often a name is misspelt, a number changed, a family at home together. What strangers have in common, u, is
always measured on the data; m is measured too, and drawn towards what is assumed here (see `training`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

_SWAPPED = (
    # The first letters first: most pairs are done with them.
    "left(first_l, 1) = left(last_r, 1) AND left(last_l, 1) = left(first_r, 1) "
    "AND jaro_winkler_similarity(first_l, last_r) >= 0.85 AND jaro_winkler_similarity(last_l, first_r) >= 0.85"
)


@dataclass(frozen=True, slots=True)
class Level:
    """One level of a comparison.

    Attributes:
        name: what it is called, and what people are told.
        sql: whether two records reach it, over columns that end in _l and _r; ELSE for the last one.
        m: assumed share among pairs of one person.
        u: assumed share among pairs of strangers; weighs as much as a few thousand pairs.
        h: assumed share among pairs of two people of one household.
        frequent: column whose frequent values weigh less; None where all values weigh the same.
    """

    name: str
    sql: str
    m: float
    u: float
    h: float
    frequent: str | None = None

    @property
    def is_neutral(self) -> bool:
        """Whether it weighs nothing: what it sees follows from what another comparison has weighed."""
        return self.m == self.u == self.h


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is compared.

    Attributes:
        name: the field, as people call it.
        unknown: whether one of two records does not say, in SQL; it then weighs nothing.
        levels: from the same to different.
        sharers: for what belongs to one person or one home, such as a number: of how many people one shares it
            with another one; None for what strangers have in common by chance, such as a name.
    """

    name: str
    unknown: str
    levels: tuple[Level, ...]
    sharers: float | None = None

    @property
    def column(self) -> str:
        """The name in SQL."""
        return self.name.replace(" ", "_")


def _either_null(column: str) -> str:
    return f"{column}_l IS NULL OR {column}_r IS NULL"


def _similar(column: str, least: float) -> str:
    return f"jaro_winkler_similarity({column}_l, {column}_r) >= {least}"


def _same(column: str) -> str:
    return f"{column}_l = {column}_r"


_DAY_FOR_MONTH = (
    "left(birth_date_l, 4) = left(birth_date_r, 4) AND substr(birth_date_l, 5, 2) = right(birth_date_r, 2) "
    "AND right(birth_date_l, 2) = substr(birth_date_r, 5, 2)"
)
_DIGITS_OFF = "strlen(phone_l) = strlen(phone_r) AND hamming(phone_l, phone_r) <= 2"
_PARTS_OF_DATE = (
    "(left(birth_date_l, 4) = left(birth_date_r, 4))::INTEGER + "
    "(substr(birth_date_l, 5, 2) = substr(birth_date_r, 5, 2))::INTEGER + "
    "(right(birth_date_l, 2) = right(birth_date_r, 2))::INTEGER >= 2"
)

COMPARISONS: Final = (
    Comparison(
        "first name",
        _either_null("first"),
        (
            Level("same", _same("first"), m=0.78, u=0.008, h=0.01, frequent="first"),
            Level(
                "sounds the same, or a familiar form",
                "first_key_l = first_key_r OR list_has_any(first_forms_l, first_forms_r)",
                m=0.08, u=0.001, h=0.005,
            ),
            Level("swapped with the last name", _SWAPPED, m=0.01, u=1e-6, h=1e-5),
            Level(
                "similar",
                f"{_similar('first', 0.88)} OR starts_with(first_l, first_r) OR starts_with(first_r, first_l)",
                m=0.08, u=0.01, h=0.03,
            ),
            Level("somewhat similar", _similar("first", 0.75), m=0.02, u=0.03, h=0.05),
            Level("different", "ELSE", m=0.03, u=0.95, h=0.905),
        ),
    ),
    Comparison(
        "last name",
        _either_null("last"),
        (
            Level("same", _same("last"), m=0.80, u=0.003, h=0.84, frequent="last"),
            Level("sounds the same", _same("last_key"), m=0.05, u=0.0005, h=0.04),
            Level("swapped with the first name", _SWAPPED, m=0.01, u=1e-6, h=1e-5),
            Level("similar", _similar("last", 0.88), m=0.07, u=0.003, h=0.04),
            Level("somewhat similar", _similar("last", 0.75), m=0.02, u=0.03, h=0.01),
            Level("different", "ELSE", m=0.05, u=0.96, h=0.07),
        ),
    ),
    Comparison(
        "birth date",
        _either_null("birth_date"),
        (
            Level("same", _same("birth_date"), m=0.88, u=5e-5, h=0.004, frequent="birth_date"),
            Level(
                "one digit off, or day and month swapped",
                f"damerau_levenshtein(birth_date_l, birth_date_r) <= 1 OR ({_DAY_FOR_MONTH})",
                m=0.08, u=0.001, h=0.01,
            ),
            Level("at most a month apart", "abs(birth_days_l - birth_days_r) <= 31", m=0.01, u=0.002, h=0.004),
            Level("two of year, month and day the same", _PARTS_OF_DATE, m=0.01, u=0.003, h=0.015),
            Level("at most a year apart", "abs(birth_days_l - birth_days_r) <= 366", m=0.005, u=0.03, h=0.06),
            Level("different", "ELSE", m=0.015, u=0.964, h=0.907),
        ),
    ),
    Comparison(
        "email",
        _either_null("email"),
        (
            Level("same", _same("email"), m=0.65, u=1e-5, h=0.08, frequent="email"),
            Level("same before the @, and not made of the name", _same("email_own"), m=0.04, u=2e-5, h=0.01),
            Level(
                "similar, at the same rare domain",
                f"{_same('rare_domain')} AND {_similar('email_local', 0.75)}",
                m=0.05, u=1e-4, h=0.10,
            ),
            Level(
                "similar throughout, at rare domains",
                "rare_domain_l IS NOT NULL AND rare_domain_r IS NOT NULL AND " + _similar("email", 0.9),
                m=0.01, u=1e-4, h=0.002,
            ),
            # Petra Fischer has petra.fischer@ here and p.fischer@ there, and so has the next Petra Fischer.
            Level("similar before the @", _similar("email_local", 0.75), m=0.1, u=0.1, h=0.1),
            Level("different", "ELSE", m=0.15, u=0.997, h=0.708),
        ),
        sharers=0.05,
    ),
    Comparison(
        "phone",
        _either_null("phone"),
        (
            Level("same", _same("phone"), m=0.65, u=1e-5, h=0.30, frequent="phone"),
            Level("one or two digits off", _DIGITS_OFF, m=0.05, u=1e-5, h=0.01),
            Level("different", "ELSE", m=0.30, u=0.999, h=0.69),
        ),
        sharers=0.20,
    ),
    Comparison(
        "address",
        f"({_either_null('street')}) AND ({_either_null('postal_code')}) AND ({_either_null('city')})",
        (
            Level(
                "same house",
                f"{_same('street')} AND {_same('house_number')} AND ({_same('postal_code')} OR {_same('city')})",
                m=0.50, u=5e-5, h=0.90,
            ),
            Level(
                "nearly the same house",
                f"({_same('house_number')} AND {_similar('street', 0.85)}) "
                f"OR ({_same('street')} AND {_same('postal_code')})",
                m=0.12, u=3e-4, h=0.05,
            ),
            Level("same postal code", _same("postal_code"), m=0.10, u=0.005, h=0.02, frequent="postal_code"),
            Level("same city", _same("city"), m=0.08, u=0.03, h=0.01, frequent="city"),
            Level("similar city", _similar("city", 0.88), m=0.04, u=0.005, h=0.005),
            Level("different", "ELSE", m=0.16, u=0.96, h=0.015),
        ),
    ),
)  # fmt: skip


def as_splink(comparison: Comparison, m: Sequence[float], u: Sequence[float]) -> dict[str, Any]:
    """A comparison as Splink's settings say it, with the probabilities of its levels."""
    levels: list[dict[str, Any]] = [
        {"sql_condition": comparison.unknown, "label_for_charts": "unknown", "is_null_level": True}
    ]
    for level, m_probability, u_probability in zip(comparison.levels, m, u, strict=True):
        spelled: dict[str, Any] = {
            "sql_condition": level.sql,
            "label_for_charts": level.name,
            "m_probability": m_probability,
            "u_probability": u_probability,
        }
        if level.frequent is not None:
            spelled["tf_adjustment_column"] = level.frequent
            spelled["tf_adjustment_weight"] = 1.0
        levels.append(spelled)
    return {"output_column_name": comparison.column, "comparison_levels": levels}
