"""What records say about a person, made comparable: the columns that the model of probable links compares."""

from __future__ import annotations

from typing import Final

import polars as pl

from models.identity.names import Familiar, latin, mapped, sound, split_full_name
from models.identity.streets import house_number, street_name

PROFILE_COLUMNS: Final = (
    "source", "source_record_id", "first_name", "last_name", "full_name", "birth_date", "street", "postal_code",
    "city", "country_code", "email", "phone", "company_name",
)  # fmt: skip

PREPARED_SCHEMA: Final = pl.Schema(
    {
        "source": pl.String(),
        "source_record_id": pl.String(),
        "first": pl.String(),
        "first_key": pl.String(),
        "first_forms": pl.String(),
        "last": pl.String(),
        "last_key": pl.String(),
        "birth_date": pl.String(),
        "street": pl.String(),
        "house_number": pl.String(),
        "postal_code": pl.String(),
        "city": pl.String(),
        "country_code": pl.String(),
        "email": pl.String(),
        "email_local": pl.String(),
        "email_domain": pl.String(),
        "email_own": pl.String(),
        "phone": pl.String(),
        "company_name": pl.String(),
    }
)

FORM_SIGN: Final = "|"
_OWN_SIGNS: Final = 3
#: A longer text is no name, street or address, and comparing it would cost the square of its length.
_LONGEST: Final = 300


def prepare(profiles: pl.DataFrame, familiar: Familiar) -> pl.DataFrame:
    """Make records comparable.

    Args:
        profiles: one row per record, texts as the sources write them: source, source_record_id, and of first_name,
            last_name, full_name, birth_date (date or ISO text), street (with house number), postal_code, city,
            country_code, email, phone (E.164), company_name those that there are.
        familiar: familiar forms of first names.

    Returns:
        The columns of `PREPARED_SCHEMA`, sorted by source and source_record_id; null where a record says nothing, or
        more than can be compared.
        Names, streets and cities are in Latin letters; `_key` is their sound; birth_date is YYYYMMDD; first_forms
        holds the sounds of all names that a first name may stand for, with `FORM_SIGN` between them.
    """
    missing = [pl.lit(None, dtype=pl.String).alias(name) for name in PROFILE_COLUMNS if name not in profiles.columns]
    texts = profiles.with_columns(missing).select(
        _text("source", keep=True),
        _text("source_record_id", keep=True),
        *[_text(name) for name in PROFILE_COLUMNS[2:]],
    )
    first, last = _names(texts)
    street = texts["street"]
    return (
        pl.DataFrame(
            {
                "source": texts["source"],
                "source_record_id": texts["source_record_id"],
                "first": mapped(first, latin, pl.String()),
                "last": mapped(last, latin, pl.String()),
                "birth_date": texts["birth_date"].str.replace_all(r"[^0-9]", "").str.slice(0, 8),
                "street": mapped(street, street_name, pl.String()),
                "house_number": mapped(street, house_number, pl.String()),
                "postal_code": texts["postal_code"].str.replace_all(r"[^0-9A-Za-z]", "").str.to_uppercase(),
                "city": mapped(texts["city"], latin, pl.String()),
                "country_code": texts["country_code"].str.to_uppercase(),
                "email": texts["email"].str.to_lowercase(),
                "phone": texts["phone"],
                "company_name": texts["company_name"],
            }
        )
        .with_columns(
            email_local=pl.col("email").str.extract(r"^([^@+]{3,})", 1),
            email_domain=pl.col("email").str.extract(r"@(.+)$", 1),
            birth_date=pl.when(pl.col("birth_date").str.len_chars() == 8).then("birth_date"),
        )
        .pipe(_with_sounds, familiar)
        .pipe(_with_own_address)
        .select(_none_if_empty())
        .match_to_schema(PREPARED_SCHEMA)
        .sort("source", "source_record_id")
    )


def _text(name: str, *, keep: bool = False) -> pl.Expr:
    column = pl.col(name).cast(pl.String)
    if keep:
        return column
    column = column.str.strip_chars()
    return pl.when(column.str.len_chars().is_between(1, _LONGEST)).then(column).alias(name)


def _names(texts: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
    """First and last name of each record; a name in one piece is taken apart where the parts are not given."""
    whole = texts["full_name"]
    parts = mapped(whole, lambda name: list(split_full_name(name)), pl.List(pl.String()))
    apart = texts.select("first_name", "last_name", parts=parts)
    none = pl.col("first_name").is_null() & pl.col("last_name").is_null()
    names = apart.select(
        first=pl.when(none).then(pl.col("parts").list.get(0, null_on_oob=True)).otherwise("first_name"),
        last=pl.when(none).then(pl.col("parts").list.get(1, null_on_oob=True)).otherwise("last_name"),
    )
    return names["first"], names["last"]


def _with_sounds(frame: pl.DataFrame, familiar: Familiar) -> pl.DataFrame:
    return frame.with_columns(
        first_key=mapped(frame["first"], sound, pl.String()),
        last_key=mapped(frame["last"], sound, pl.String()),
        first_forms=mapped(frame["first"], lambda first: FORM_SIGN.join(familiar.forms(first)), pl.String()),
    )


def _with_own_address(frame: pl.DataFrame) -> pl.DataFrame:
    """Add the part before the @ where it has three signs or more that are not those of the name; null where it has not.

    Petra Müller is p.mueller57 here and petra.muller there, and so is the next one; what she made up is her own. So
    sounds are compared.
    """
    local = frame["email_local"]
    sounds = mapped(local, lambda text: sound(latin(text)), pl.String())
    rows = zip(local, sounds, frame["first_key"], frame["last_key"], strict=True)
    own = [
        None if text is None or _left_over(heard, first, last) < _OWN_SIGNS else text
        for text, heard, first, last in rows
    ]
    return frame.with_columns(email_own=pl.Series(own, dtype=pl.String))


def _left_over(heard: str, first: str | None, last: str | None) -> int:
    """How many sounds are left without those of the name, or its first one."""
    initials = []
    for name in sorted(filter(None, (first, last)), key=len, reverse=True):
        if name in heard:
            heard = heard.replace(name, "", 1)
        else:
            initials.append(name[0])
    for initial in initials:
        heard = heard.removeprefix(initial) if heard.startswith(initial) else heard.removesuffix(initial)
    return len(heard)


def _none_if_empty() -> list[pl.Expr]:
    """Every column, with null for a text that nothing was left of."""
    return [
        pl.when(pl.col(name) != "").then(name).alias(name) if dtype == pl.String() else pl.col(name)
        for name, dtype in PREPARED_SCHEMA.items()
    ]
