"""How a system holds a person: spelled its own way, as of its own day, with what was mistyped, swapped or left out.

What goes wrong and where follows the duplicate sets FEBRL 1-3 and RLdata500 (see docs/sample-company.md); how often is
set per system.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from sources.sample import contact, scripts
from sources.sample.people import People
from sources.sample.places import street_table, town_table

#: Given that something was mistyped: the share of records in which it is this field (FEBRL 1-3, divided by their sum).
FIELDS: Final = (
    ("first_name", 0.24),
    ("last_name", 0.26),
    ("street", 0.30),
    ("postal_code", 0.13),
    ("birth_date", 0.07),
)
#: A letter of another script than Latin.
NOT_LATIN: Final = r"[\p{L}--\p{Latin}]"
#: A letter substituted, left out, put in, swapped with the next one: the single slips of FEBRL 1-3.
SLIPS: Final = (0.26, 0.24, 0.32, 0.18)


@dataclass(frozen=True)
class Hand:
    """How carefully, and in which script, a system is filled.

    Attributes:
        mistyped: Share of records with a slip in one field.
        home: Share of people with another script than Latin whose name is written in it.
        other: Share written in the second official spelling, of those not written as at home.
        nickname: Share written with what friends say.
        initial: Share with only the initial of the first name.
        swapped: Share with first and last name in each other's place.
        capitals: Share in capital letters.
        garbled: Share damaged by a wrong encoding.
        latin1: Whether the system only knows Latin-1.
    """

    mistyped: float
    home: float
    other: float
    nickname: float
    initial: float = 0.0
    swapped: float = 0.0
    capitals: float = 0.0
    garbled: float = 0.0
    latin1: bool = False


#: People fill in forms themselves; clerks at the till and agents on the telephone write what they hear.
FORM: Final = Hand(0.05, 0.45, 0.25, 0.05, swapped=0.006, capitals=0.02)
CLERK: Final = Hand(0.14, 0.0, 0.45, 0.04, initial=0.03, swapped=0.01, capitals=0.10, garbled=0.006, latin1=True)
AGENT: Final = Hand(0.10, 0.0, 0.50, 0.12, initial=0.02, swapped=0.01)
LIST: Final = Hand(0.03, 0.50, 0.20, 0.15)


def write_down(
    rng: np.random.Generator, people: People, person: np.ndarray, at: np.ndarray, hand: Hand
) -> pl.DataFrame:
    """What a system holds about people (rows of `people`), as of the times `at` (local seconds).

    Returns:
        first_name, last_name, birth_date, street, postal_code, city, region, country, phone (E.164), email, and what
        differs from the person: spelling (home, latin, other), nickname, maiden_name, old_address, shared_phone,
        shared_email, slip (the mistyped field, or swapped, initial, garbled; null: none).
    """
    count = len(person)
    one = people.frame[person]
    chance = rng.random((4, count))
    foreign = one["culture"].to_numpy() >= 5
    home = foreign & (chance[0] < hand.home)
    other = ~home & (chance[1] < np.where(foreign, hand.other, hand.other * 0.35))
    nickname = chance[2] < hand.nickname
    first, last = one["first"].to_numpy(), _last(one, at)
    first_other, last_other = people.first.other.gather(first), people.last.other.gather(last)
    if hand.latin1:
        # Who cannot type a script asks for the passport: another script would leave nothing of the name.
        other &= ~(first_other.str.contains(NOT_LATIN) | last_other.str.contains(NOT_LATIN)).to_numpy()
    names = pl.DataFrame(
        {
            "home": home,
            "other": other,
            "nick": nickname,
            "first_home": people.first.home.gather(first),
            "first_latin": people.first.latin.gather(first),
            "first_other": first_other,
            "short": people.first.short.gather(first),
            "short_latin": people.first.short_latin.gather(first),
            "last_home": people.last.home.gather(last),
            "last_latin": people.last.latin.gather(last),
            "last_other": last_other,
        }
    )
    spelled = names.select(
        first_name=pl.when(pl.col("home") & pl.col("nick")).then("short").when("home").then("first_home")
        .when("nick").then("short_latin").when("other").then("first_other").otherwise("first_latin"),
        last_name=pl.when("home").then("last_home").when("other").then("last_other").otherwise("last_latin"),
    )  # fmt: skip
    frame = pl.concat([spelled, _home(one, at), _reach(people, one, person, at)], how="horizontal").with_columns(
        birth_date=one["birth"].cast(pl.Date).dt.strftime("%Y-%m-%d"),
        spelling=pl.Series(np.select([home, other], ["home", "other"], "latin")),
        nickname=pl.Series(nickname) & (names["short_latin"] != names["first_latin"]),
        maiden_name=one["married_at"] > pl.Series(at),
    )
    frame = frame.with_columns(maiden_name=pl.col("maiden_name") & (one["married"] != one["last"]))
    return _slips(rng, frame, hand)


def _last(one: pl.DataFrame, at: np.ndarray) -> np.ndarray:
    return np.where(at >= one["married_at"].to_numpy(), one["married"].to_numpy(), one["last"].to_numpy())


def _home(one: pl.DataFrame, at: np.ndarray) -> pl.DataFrame:
    """Where people live at the time."""
    moved = at >= one["moved_at"].to_numpy()
    town, street, house = (
        np.where(moved, one[f"{name}_2"].to_numpy(), one[name].to_numpy()) for name in ("town", "street", "house")
    )
    streets = street_table()[0].gather(street)
    french = street >= street_table()[1]
    numbers = pl.Series(house).cast(pl.String)
    line = pl.DataFrame({"s": streets, "n": numbers, "f": french}).select(
        street=pl.when("f").then(pl.col("n") + " " + pl.col("s")).otherwise(pl.col("s") + " " + pl.col("n"))
    )
    towns = town_table()[0][town].select("postal_code", "city", "region", "country")
    gone = (one["moved_at"] <= 2**51).to_numpy() & ~moved
    return pl.concat([line, towns], how="horizontal").with_columns(old_address=pl.Series(gone))


def _reach(people: People, one: pl.DataFrame, person: np.ndarray, at: np.ndarray) -> pl.DataFrame:
    """Number and address people give at the time; some give those of the family."""
    new_phone = pl.Series(at >= one["phone_changed_at"].to_numpy())
    return pl.DataFrame(
        {
            "phone": people.phone.gather(person),
            "phone_2": people.phone_2.gather(person),
            "family_phone": people.family_phone.gather(person),
            "new": new_phone,
            "shared_phone": one["shares_phone"],
            "shared_email": one["shares_email"],
            "email": email_at(people, person, at),
        }
    ).select(
        phone=pl.when("shared_phone").then("family_phone").when("new").then("phone_2").otherwise("phone"),
        email="email",
        shared_phone="shared_phone",
        shared_email="shared_email",
    )


def email_at(people: People, person: np.ndarray, at: np.ndarray) -> pl.Series:
    """The address people use at the time."""
    one = people.frame.select("shares_email", "email_changed_at")[person]
    frame = pl.DataFrame(
        {
            "own": people.email.gather(person),
            "next": people.email_2.gather(person),
            "family": people.family_email.gather(person),
            "shares": one["shares_email"],
            "changed": at >= one["email_changed_at"].to_numpy(),
        }
    )
    return frame.select(
        email=pl.when("shares").then("family").when("changed").then("next").otherwise("own")
    ).to_series()


def phone_at(people: People, person: np.ndarray, at: np.ndarray) -> pl.Series:
    """The number people call from at the time."""
    one = people.frame.select("shares_phone", "phone_changed_at")[person]
    return _reach(people, people.frame[person], person, at)["phone"] if len(one) else pl.Series([], dtype=pl.String)


def _slips(rng: np.random.Generator, frame: pl.DataFrame, hand: Hand) -> pl.DataFrame:
    """Mistyped fields, swapped names, initials, capitals, damaged letters."""
    count = frame.height
    which = rng.random((5, count))
    slip: list[str | None] = [None]
    said = np.zeros(count, dtype=np.int8)
    edges = np.cumsum([share for _, share in FIELDS])
    field = np.where(which[0] < hand.mistyped, np.searchsorted(edges, rng.random(count) * edges[-1], side="right"), -1)
    columns = {name: frame[name] for name, _ in FIELDS}
    for number, (name, _) in enumerate(FIELDS):
        rows = np.flatnonzero(field == number)
        slip.append(name)
        if len(rows):
            old = columns[name].gather(rows)
            new = mistyped_date(rng, old) if name == "birth_date" else mistyped(rng, old, digits=name == "postal_code")
            columns[name] = columns[name].scatter(rows, new)
            said[rows[(new != old).to_numpy()]] = len(slip) - 1
    first, last = columns["first_name"], columns["last_name"]
    for name, share, chance in (("swapped", hand.swapped, which[1]), ("initial", hand.initial, which[2])):
        rows = np.flatnonzero((chance < share) & (said == 0))
        slip.append(name)
        said[rows] = len(slip) - 1
        if name == "swapped":
            first, last = first.scatter(rows, last.gather(rows)), last.scatter(rows, first.gather(rows))
        else:
            first = first.scatter(rows, first.gather(rows).str.slice(0, 1) + ".")
    rows = np.flatnonzero(which[3] < hand.capitals)
    first, last = (
        first.scatter(rows, first.gather(rows).str.to_uppercase()),
        last.scatter(rows, last.gather(rows).str.to_uppercase()),
    )
    slip.append("garbled")
    if hand.garbled:
        rows = np.flatnonzero((which[4] < hand.garbled) & (said == 0))
        garbled = pl.Series([scripts.garbled(scripts.in_latin1(name)) for name in last.gather(rows)], dtype=pl.String)
        said[rows[(garbled != last.gather(rows)).to_numpy()]] = len(slip) - 1
        last = last.scatter(rows, garbled)
    columns |= {"first_name": first, "last_name": last}
    words = pl.Series(slip, dtype=pl.String).gather(said)
    frame = frame.with_columns(**columns, slip=words)
    if not hand.latin1:
        return frame
    return frame.with_columns(
        first_name=in_latin1(frame["first_name"]),
        last_name=in_latin1(frame["last_name"]),
        street=in_latin1(frame["street"]),
    )


def in_latin1(values: pl.Series) -> pl.Series:
    """Texts with only the letters of Latin-1; each different text is looked at once."""
    odd = values.unique(maintain_order=True)
    new = pl.Series([None if one is None else scripts.in_latin1(one) for one in odd], dtype=pl.String)
    return values.replace_strict(odd, new, return_dtype=pl.String) if len(odd) else values


def mistyped(rng: np.random.Generator, values: pl.Series, *, digits: bool = False) -> pl.Series:
    """One slip of the hand in each text of three or more characters, not in its first one.

    Digits keep their number: forms and tills take postcodes of the right length only.
    """
    length = values.str.len_chars().to_numpy().astype(np.int64)
    kind = np.searchsorted(np.cumsum(SLIPS), rng.random(len(values)), side="right").clip(0, 3)
    if digits:
        kind = np.where((kind == 1) | (kind == 2), 0, kind)
    place = 1 + (rng.random(len(values)) * np.maximum(length - 2, 1)).astype(np.int64)
    letters = pl.Series(list("0123456789" if digits else "aeinrstlodumhkgbcfpvwzj"), dtype=pl.String)
    frame = pl.DataFrame(
        {
            "text": values,
            "kind": kind,
            "place": place,
            "letter": letters.gather(rng.integers(0, len(letters), len(values))),
            "length": length,
        }
    )
    text, at = pl.col("text"), pl.col("place")
    head, char, after = text.str.slice(0, at), text.str.slice(at, 1), text.str.slice(at + 1)
    return frame.select(
        pl.when(pl.col("length") < 3).then(text)
        .when(pl.col("kind") == 0).then(head + pl.col("letter") + after)
        .when(pl.col("kind") == 1).then(head + after)
        .when(pl.col("kind") == 2).then(head + pl.when(at % 2 == 0).then(char).otherwise("letter") + char + after)
        .otherwise(head + text.str.slice(at + 1, 1) + char + text.str.slice(at + 2))
    ).to_series()  # fmt: skip


def mistyped_date(rng: np.random.Generator, values: pl.Series) -> pl.Series:
    """Day and month swapped where that is a date, or the year one or ten off."""
    kind = rng.integers(0, 3, len(values))
    frame = pl.DataFrame({"text": values, "kind": kind})
    year, month, day = (pl.col("text").str.slice(*span) for span in ((0, 4), (5, 2), (8, 2)))
    off = pl.when(pl.col("kind") == 1).then(1).otherwise(10)
    # The first of a month exists in every year, so moving the year there is safe.
    moved = (
        (year.cast(pl.Int32) + off).cast(pl.String)
        + "-"
        + month
        + "-"
        + pl.when(day == "29").then(pl.lit("28")).otherwise(day)
    )
    can = (pl.col("kind") == 0) & (day.cast(pl.Int32) <= 12) & (day != month)
    return frame.select(pl.when(can).then(year + "-" + day + "-" + month).otherwise(moved)).to_series()


def written_phone(rng: np.random.Generator, phone: pl.Series) -> pl.Series:
    """Numbers as people type them."""
    return contact.as_written(phone, rng.integers(0, 6, len(phone)).astype(np.int8))


def written_email(rng: np.random.Generator, email: pl.Series, changed: float) -> pl.Series:
    """Addresses with capitals as people type them, in a share of cases."""
    style = rng.random(len(email))
    frame = pl.DataFrame({"email": email, "style": style})
    return frame.select(
        pl.when(pl.col("style") < changed * 0.2)
        .then(pl.col("email").str.to_uppercase())
        .when(pl.col("style") < changed)
        .then(pl.col("email").str.slice(0, 1).str.to_uppercase() + pl.col("email").str.slice(1))
        .otherwise("email")
    ).to_series()


def blanked(values: pl.Series, keep: np.ndarray) -> pl.Series:
    """The values where kept, null elsewhere."""
    return pl.DataFrame({"v": values, "k": keep}).select(pl.when("k").then("v")).to_series()


#: What the truth keeps of a record.
KEPT = ("person", "at", "spelling", "nickname", "maiden_name", "old_address", "shared_phone", "shared_email", "slip")


def kept(frame: pl.DataFrame, key: str, *more: str, phone: bool = True) -> pl.DataFrame:
    """What the truth keeps of records: key, person and time, how they differ from the person, what they know."""
    has_phone = pl.col("phone").is_not_null() if phone else pl.lit(value=False)
    return frame.select(
        *KEPT, *more, record_key=pl.col(key), has_phone=has_phone, has_email=pl.col("email").is_not_null()
    )
