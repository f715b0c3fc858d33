"""Ways to reach made-up people: telephone numbers and e-mail addresses that belong to nobody, one's own for everybody.

Telephone numbers: the Bundesnetzagentur has given no operator the blocks (0)1580 to (0)1587, so the 80 million numbers
0158 0000 0000 to 0158 7999 9999 are nobody's, though they look like mobile numbers and libphonenumber calls them valid.
People in France have numbers that Arcep keeps for audiovisual works as long as there are any (50,000).
E-mail: domains reserved by RFC 2606 and RFC 6761.
"""

from __future__ import annotations

import numpy as np
import polars as pl

NUMBERS = 79_999_991  # the last ones are the company's own
_STEP = 48_271_013  # coprime to NUMBERS: steps through all of them, in no visible order
_FRENCH = ("19900", "26191", "35301", "46571", "53649")
FRENCH_NUMBERS = len(_FRENCH) * 10_000
DOMAINS = (
    ("mail.example", 28),
    ("freemail.example", 20),
    ("webpost.example", 18),
    ("mail.example.org", 12),
    ("example.com", 10),
    ("example.net", 6),
    ("briefkasten.example", 6),
)


def phone_numbers(place: np.ndarray, seed: int) -> pl.Series:
    """The E.164 number of each place in the list of numbers; different places, different numbers."""
    number = (place.astype(np.int64) * _STEP + seed * 7919) % NUMBERS
    return ("+49158" + pl.Series(number).cast(pl.String).str.zfill(8)).alias("phone")


def french_numbers(place: np.ndarray) -> pl.Series:
    """The same for France, places below `FRENCH_NUMBERS`."""
    scattered = (place.astype(np.int64) * 7_919) % FRENCH_NUMBERS
    area = pl.Series(_FRENCH, dtype=pl.String).gather(scattered // 10_000)
    return "+33" + area + pl.Series(scattered % 10_000).cast(pl.String).str.zfill(4)


def as_written(phone: pl.Series, style: np.ndarray) -> pl.Series:
    """E.164 numbers the way people type them, by style 0 to 5: plain, blanks, 00, national, brackets, spaced."""
    frame = pl.DataFrame({"phone": phone, "style": style})
    number, german = pl.col("phone"), pl.col("phone").str.starts_with("+49")
    code, area = number.str.slice(1, 2), pl.when(german).then(number.str.slice(3, 3)).otherwise(number.str.slice(3, 1))
    rest = pl.when(german).then(number.str.slice(6)).otherwise(number.str.slice(4))
    forms = (
        number,
        pl.concat_str(pl.lit("+"), code, pl.lit(" "), area, pl.lit(" "), rest),
        pl.concat_str(pl.lit("00"), code, area, rest),
        pl.concat_str(pl.lit("0"), area, pl.lit("/"), rest),
        pl.concat_str(pl.lit("(0"), area, pl.lit(") "), rest),
        pl.concat_str(pl.lit("0"), area, pl.lit(" "), rest.str.slice(0, 4), pl.lit(" "), rest.str.slice(4)),
    )
    # A national number says nothing to a reader in another country: there people write the code.
    style_of = pl.when(~german & (pl.col("style") > 2)).then(1).otherwise(pl.col("style"))
    chosen = number
    for number_of, form in enumerate(forms[1:], start=1):
        chosen = pl.when(style_of == number_of).then(form).otherwise(chosen)
    return frame.select(chosen.alias("phone")).to_series()


def addresses(first: pl.Series, last: pl.Series, style: np.ndarray, year: np.ndarray, domain: np.ndarray) -> pl.Series:
    """One address per name (in small ASCII letters), no two of them equal.

    Args:
        first: First names.
        last: Last names.
        style: 0 to 4: anna.mueller, a.mueller, anna82, mueller.anna, anna_mueller.
        year: Two digits for the third style.
        domain: Row of `DOMAINS`.
    """
    frame = pl.DataFrame({"first": first, "last": last, "style": style, "year": year, "domain": domain})
    first_, last_, dated = pl.col("first"), pl.col("last"), pl.col("style") == 2
    local = (
        pl.when(pl.col("style") == 0).then(first_ + "." + last_)
        .when(pl.col("style") == 1).then(first_.str.slice(0, 1) + "." + last_)
        .when(dated).then(first_ + pl.col("year").cast(pl.String).str.zfill(2))
        .when(pl.col("style") == 3).then(last_ + "." + first_)
        .otherwise(first_ + "_" + last_)
    )  # fmt: skip
    domains = pl.Series([name for name, _ in DOMAINS], dtype=pl.String)
    frame = frame.select(local.alias("local"), dated.alias("dated"), domains.gather(domain).alias("domain"))
    # The second one of a name gets a number, as at every provider; names never end in a digit, so no two can meet.
    again = pl.int_range(pl.len()).over("local", "domain")
    number = (again + 1).cast(pl.String)
    more = pl.when(again == 0).then(pl.lit("")).when(pl.col("dated")).then("." + number).otherwise(number)
    return frame.select((pl.col("local") + more + "@" + pl.col("domain")).alias("email")).to_series()


def draw_domains(rng: np.random.Generator, count: int) -> np.ndarray:
    """Rows of `DOMAINS`, by their shares."""
    share = np.cumsum([share for _, share in DOMAINS], dtype=float)
    return np.searchsorted(share / share[-1], rng.random(count), side="right").astype(np.int8)
