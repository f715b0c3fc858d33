"""Records of made-up people, with typing errors, at scale: a constructed set with a known truth.

Every number is drawn from one seed. Nobody in particular is meant, and nothing of it is measured on real customers: the
rates below are set so that each thing happens often enough to be met, in the order of magnitude that is reported where
a source is named.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from benchmarks.identity_contacts import address, emails, phones
from benchmarks.identity_names import Ints, Names, Tables, plain, tables, written_out
from benchmarks.identity_slips import slipped, slipped_dates

Bools = npt.NDArray[np.bool_]
Dates = npt.NDArray[np.datetime64]

SEED = 20261123
#: Share of people by how many records they have: six in ten have two to four.
RECORDS_OF_A_PERSON = (0.40, 0.35, 0.17, 0.08)
#: Share of households by how many people they have; in four of five all are one family. About as in Germany, where 41 %
#: of the households are one person and 34 % two (Destatis, Mikrozensus 2022).
HOUSEHOLD_SIZES = (0.45, 0.31, 0.13, 0.11)
FAMILY_RATE = 0.80
#: Of a family: who has the same last name; who gives the household's telephone, e-mail; children named as a parent;
#: twins.
FAMILY_NAME_RATE, SHARED_PHONE_RATE, SHARED_EMAIL_RATE = 0.90, 0.25, 0.05
NAMESAKE_RATE, TWIN_RATE = 0.02, 0.02
#: A record after the move: about a tenth of the people move in a year (8.4 % in the United States, Census Bureau 2021).
MOVED_RATE = 0.10
#: Another e-mail, another number, another last name than in the other records.
OTHER_EMAIL_RATE, OTHER_PHONE_RATE, OTHER_LAST_NAME_RATE = 0.15, 0.12, 0.02
#: What friends say instead of the first name, where there is something; another spelling; the script of home.
NICKNAME_RATE, SPELLING_RATE, HOME_SCRIPT_RATE = 0.10, 0.06, 0.20
#: First and last name in each other's field.
NAMES_SWAPPED_RATE = 0.005
#: A street with its word shortened.
SHORT_STREET_RATE = 0.30
#: Slips by field, per value. The studies of typing that K. Kukich surveys (Techniques for automatically correcting
#: words in text, ACM Computing Surveys 24(4), 1992) report from below one to a few per cent of the words; how fields
#: differ is set here: names that are heard and typed are worst, what is used or chosen from a list is best.
SLIP_RATES = {
    "first_name": 0.030,
    "last_name": 0.040,
    "street": 0.040,
    "postal_code": 0.010,
    "city": 0.015,
    "email": 0.010,
    "phone": 0.010,
}
BIRTH_DATE_SLIP_RATE = 0.030
#: A made-up birth date, where the form asks for one.
DUMMY_BIRTH_DATE_RATE, DUMMY_BIRTH_DATES = 0.005, ("1900-01-01", "1970-01-01", "2000-01-01")
ADDRESS = ("street", "postal_code", "city", "country_code")


@dataclass(frozen=True)
class Source:
    """A system that records come from.

    Attributes:
        name: of the source.
        share: of the records.
        missing: per field the rate at which it is missing; `address` is missing as a whole.
        style: how it writes names: `as is`, `plain` (ASCII), `upper` (ASCII, capitals), `written out` (ae for ä).
    """

    name: str
    share: float
    missing: dict[str, float]
    style: str


SOURCES = (
    Source(
        "webshop", 0.35, {"birth_date": 0.50, "phone": 0.40, "email": 0.01, "address": 0.03, "street": 0.01}, "as is"
    ),
    Source(
        "newsletter",
        0.15,
        {"first_name": 0.15, "last_name": 0.25, "birth_date": 0.75, "phone": 0.90, "email": 0.01, "address": 0.85},
        "as is",
    ),
    Source(
        "till",
        0.20,
        {"first_name": 0.02, "birth_date": 0.15, "phone": 0.40, "email": 0.45, "address": 0.10, "street": 0.03},
        "upper",
    ),
    Source(
        "call_centre",
        0.15,
        {"first_name": 0.10, "birth_date": 0.40, "phone": 0.03, "email": 0.55, "address": 0.30, "postal_code": 0.05},
        "written out",
    ),
    Source(
        "branch",
        0.15,
        {"first_name": 0.01, "birth_date": 0.05, "phone": 0.25, "email": 0.35, "address": 0.05, "postal_code": 0.02},
        "plain",
    ),
)
COLUMNS = (
    "source", "source_record_id", "first_name", "last_name", "birth_date", "street", "postal_code", "city",
    "country_code", "email", "phone",
)  # fmt: skip


def people(records: int, seed: int = SEED) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Draw so many records of people.

    Returns:
        Profiles, one row per record, in no order: source, source_record_id, first_name, last_name, birth_date (date),
        street (with the house number), postal_code, city, country_code, email, phone (with the calling code), null
        where missing. Truth: source, source_record_id, person_id.
    """
    if records < 1:
        raise ValueError(f"identity: at least one record can be drawn, not {records}")
    rng = np.random.default_rng(seed)
    known = tables()
    sizes = rng.choice(len(RECORDS_OF_A_PERSON), records, p=RECORDS_OF_A_PERSON) + 1
    person = np.repeat(np.arange(records), sizes)[:records]
    drawn = _persons(rng, known, int(person[-1]) + 1)
    person = rng.permutation(person)
    source = rng.choice(len(SOURCES), records, p=[one.share for one in SOURCES])
    frame = _written(rng, known, drawn, person, source)
    frame = _without(_with_slips(frame, rng), rng, source)
    keys = pl.DataFrame(
        {
            "source": pl.Series([one.name for one in SOURCES])[source],
            "source_record_id": pl.select(
                pl.lit("R") + pl.Series(rng.permutation(records)).cast(pl.String).str.zfill(8)
            ).to_series(),
        }
    )
    return pl.concat([keys, frame], how="horizontal").select(COLUMNS), keys.with_columns(person_id=pl.Series(person))


# --- people ----------------------------------------------------------------------------------------------------------


def _persons(rng: np.random.Generator, known: Tables, count: int) -> dict[str, Any]:
    """Everything about each person by number: names, birth date, and two of what may change."""
    sizes = rng.choice(len(HOUSEHOLD_SIZES), count, p=HOUSEHOLD_SIZES) + 1
    household = np.repeat(np.arange(count), sizes)[:count]
    homes = int(household[-1]) + 1
    head = np.flatnonzero(np.diff(household, prepend=-1))[household]
    member = np.arange(count) - head
    is_family = (rng.random(homes) < FAMILY_RATE)[household] & (sizes[household] > 1)

    culture = rng.choice(known.shares.size, count, p=known.shares)
    culture = np.where(is_family, culture[head], culture)
    # Two grown-ups of a family are a couple, mostly of a man and a woman.
    woman = (rng.random(count) < 0.5).astype(np.int64)
    woman = np.where(is_family & (member == 1) & (rng.random(count) < 0.95), 1 - woman[head], woman)
    first, last_place = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    other_last_place, country = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    for number, one in enumerate(known.cultures):
        who = np.flatnonzero(culture == number)
        for sex in (0, 1):
            mine = who[woman[who] == sex]
            first[mine] = rng.choice(one.first[sex][0], mine.size, p=one.first[sex][1])
        last_place[who], other_last_place[who] = rng.choice(one.last_shares.size, (2, who.size), p=one.last_shares)
        country[who] = rng.choice(one.countries[0], who.size, p=one.countries[1])
    namesake = is_family & (member > 1) & (woman == woman[head]) & (rng.random(count) < NAMESAKE_RATE)
    first = np.where(namesake, first[head], first)
    last_place = np.where(is_family & (rng.random(count) < FAMILY_NAME_RATE), last_place[head], last_place)

    last = _by_sex(known, culture, woman, last_place)
    addresses = (
        address(rng, known, country, household),
        address(rng, known, country, np.arange(count)),
    )
    return {
        "culture": culture,
        "first": first,
        "last": last,
        "other_last": _by_sex(known, culture, woman, other_last_place),
        "birth": _births(rng, head, member, is_family),
        "addresses": addresses,
        "emails": emails(rng, known, first, last, head, is_family & (rng.random(count) < SHARED_EMAIL_RATE)),
        "phones": phones(
            rng, known, addresses[0]["country"], head, is_family & (rng.random(count) < SHARED_PHONE_RATE)
        ),
    }


def _by_sex(known: Tables, culture: Ints, woman: Ints, place: Ints) -> Ints:
    """The number of the last name at a place of the culture's list, in the form of the person's sex."""
    out = np.zeros(place.size, dtype=np.int64)
    for number, one in enumerate(known.cultures):
        for sex in (0, 1):
            who = np.flatnonzero((culture == number) & (woman == sex))
            out[who] = one.last[sex][place[who]]
    return out


def _births(rng: np.random.Generator, head: Ints, member: Ints, is_family: Bools) -> Dates:
    """Birth dates: of a couple within years of each other, of children some thirty years after the first of them."""
    count = head.size
    age = 20 + 65 * rng.beta(1.6, 2.0, count)
    couple = age[head] + rng.normal(0, 4, count)
    child = np.maximum(age[head] - rng.normal(30, 5, count), 14)
    age = np.where(is_family & (member == 1), couple, np.where(is_family & (member > 1), child, age)).clip(14, 100)
    birth = np.datetime64("2026-11-01") - (age * 365.25).astype(np.int64)
    twin = is_family & (member > 2) & (rng.random(count) < TWIN_RATE)
    return np.where(twin, np.roll(birth, 1), birth)


# --- their records ---------------------------------------------------------------------------------------------------


def _written(
    rng: np.random.Generator, known: Tables, drawn: dict[str, Any], person: Ints, source: Ints
) -> pl.DataFrame:
    """What each record says before anybody slips: names as the source writes them, the old address or the new."""
    count = person.size

    def some(rate: float) -> Bools:
        return rng.random(count) < rate

    at_home = some(HOME_SCRIPT_RATE) & (np.array([one.style for one in SOURCES]) == "as is")[source]
    last_of = np.where(some(OTHER_LAST_NAME_RATE), drawn["other_last"][person], drawn["last"][person])
    first = _spelled(rng, known.first, drawn["first"][person], at_home, some(NICKNAME_RATE), some(SPELLING_RATE))
    last = _spelled(rng, known.last, last_of, at_home, np.zeros(count, dtype=np.bool_), some(SPELLING_RATE))
    first, last = (_styled(texts, source) for texts in (first, last))
    swapped = pl.Series(some(NAMES_SWAPPED_RATE))
    moved, short = some(MOVED_RATE), some(SHORT_STREET_RATE)
    one, two = drawn["addresses"]
    number_first = np.array([country.number_first for country in known.countries])
    country = np.where(moved, two["country"][person], one["country"][person])
    parts = ("street", "house", "city", "postal_code")
    street, house, city, postal = (_either((one[name], two[name]), person, moved) for name in parts)
    shortened = street.str.replace_many(list(known.street_short), list(known.street_short.values()))
    told = pl.DataFrame(
        {
            "first_name": pl.select(pl.when(swapped).then(last).otherwise(first)).to_series(),
            "last_name": pl.select(pl.when(swapped).then(first).otherwise(last)).to_series(),
            "birth_date": pl.Series(_told_births(rng, drawn["birth"][person]), dtype=pl.Date),
            "street": pl.select(pl.when(pl.Series(short)).then(shortened).otherwise(street)).to_series(),
            "house": house,
            "number_first": number_first[country],
            "postal_code": postal,
            "city": _styled(city, source),
            "country_code": pl.Series([one.code for one in known.countries])[country],
            "email": _either(drawn["emails"], person, some(OTHER_EMAIL_RATE)),
            "phone": _either(drawn["phones"], person, some(OTHER_PHONE_RATE)),
        }
    )
    styled = _styled(told["street"], source)
    return told.with_columns(
        street=pl.when("number_first")
        .then(pl.concat_str(pl.col("house"), styled, separator=" "))
        .otherwise(pl.concat_str(styled, pl.col("house"), separator=" "))
    ).drop("house", "number_first")


def _either(two: tuple[pl.Series, pl.Series], person: Ints, second: Bools) -> pl.Series:
    return pl.concat(two, rechunk=True)[person + second * two[0].len()]


def _told_births(rng: np.random.Generator, births: Dates) -> Dates:
    told = slipped_dates(births, rng.random(births.size) < BIRTH_DATE_SLIP_RATE, rng)
    dummies = np.array(DUMMY_BIRTH_DATES, dtype="datetime64[D]")[rng.integers(len(DUMMY_BIRTH_DATES), size=births.size)]
    return np.where(rng.random(births.size) < DUMMY_BIRTH_DATE_RATE, dummies, told)


def _spelled(
    rng: np.random.Generator, names: Names, number: Ints, at_home: Bools, friendly: Bools, otherwise: Bools
) -> pl.Series:
    """Each record's spelling of a name: the usual one, that of home, another one, or what friends say."""
    chance = rng.random(number.size)
    usual = names.usual.len()
    forms = pl.concat([names.usual, names.home, names.other, names.short], rechunk=True)
    place = np.where(at_home, number + usual, number)
    other = 2 * usual + names.other_from[number] + (chance * names.others[number]).astype(np.int64)
    place = np.where(otherwise & ~at_home & (names.others[number] > 0), other, place)
    short = 2 * usual + names.other.len() + names.short_from[number] + (chance * names.shorts[number]).astype(np.int64)
    return forms[np.where(friendly & (names.shorts[number] > 0), short, place)]


def _styled(texts: pl.Series, source: Ints) -> pl.Series:
    """Texts as their sources write them."""
    distinct = texts.unique().sort()
    listed = distinct.to_list()
    styles = {
        "as is": listed,
        "plain": [plain(text) for text in listed],
        "upper": [plain(text).upper() for text in listed],
        "written out": [written_out(text) for text in listed],
    }
    place = texts.cast(pl.Enum(distinct)).to_physical().to_numpy().astype(np.int64)
    row = np.array([list(styles).index(one.style) for one in SOURCES])[source]
    styled: pl.Series = pl.Series([text for style in styles.values() for text in style])[row * len(listed) + place]
    return styled


def _with_slips(frame: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    return frame.with_columns(
        slipped(frame[name], rng.random(frame.height) < rate, rng).alias(name) for name, rate in SLIP_RATES.items()
    )


def _without(frame: pl.DataFrame, rng: np.random.Generator, source: Ints) -> pl.DataFrame:
    """Leave out what the sources do not know."""

    def gone(field: str) -> pl.Series:
        rate = np.array([one.missing.get(field, 0.0) for one in SOURCES])
        return pl.Series(rng.random(source.size) < rate[source])

    no_address = gone("address")
    made = []
    for name in frame.columns:
        missing = gone(name) | no_address if name in ADDRESS else gone(name)
        made.append(pl.when(~missing).then(frame[name]).alias(name))
    return frame.select(made)
