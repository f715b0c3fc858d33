"""Who the company's customers are: names, households, homes, ways to reach them, and which systems know them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from sources.sample import contact
from sources.sample.clock import NEVER, seconds_of
from sources.sample.name_lists import CULTURES
from sources.sample.names import NameTable, first_names, last_names
from sources.sample.places import draw_streets, draw_towns, town_table
from sources.sample.rhythm import DAY, YEAR, Rhythm

#: How many customers live in one home: alone among the customers, two of them, three, four.
HOUSEHOLDS: Final = (0.80, 0.14, 0.04, 0.02)
SHARES_NAME: Final = 0.82
SHARES_PHONE: Final = 0.25
SHARES_EMAIL: Final = 0.06
SAME_FIRST_NAME: Final = 0.02
IS_BUSINESS: Final = 0.04
#: Yearly shares: moves house (Germany: about one in eleven a year), changes number, changes address; and once: marries.
MOVES, CHANGES_PHONE, CHANGES_EMAIL, MARRIES = 0.09, 0.05, 0.05, 0.03
#: Shares of people by system; everybody is in at least one.
HAS_ACCOUNT, HAS_CARD, IS_GUEST, CALLS, HAS_APP = 0.52, 0.46, 0.45, 0.14, 0.10
SECOND_ACCOUNT, SECOND_CARD = 0.03, 0.02
KNOWN_BEFORE: Final = 0.30
#: A share of people by what a mail does to them (see `campaigns`).
KINDS: Final = (("persuadable", 0.25), ("sure thing", 0.20), ("lost cause", 0.50), ("sleeping dog", 0.05))


@dataclass(frozen=True)
class People:
    """All people; arrays and series with one entry each, in the order of person_id.

    Attributes:
        frame: culture, woman, first, last (number at birth), married (number afterwards), married_at, birth (days since
            1970), household, head (row of the household's first person), town, street, house, town_2, street_2,
            house_2, moved_at, phone_changed_at, email_changed_at, is_business, has_account, has_card, is_guest,
            has_newsletter, has_app, calls, second_account, second_card, shares_phone, shares_email, joined (in mean
            years of business since the first day, below 0: before it), joined_at, home_store, kind. Times are local
            seconds.
        phone: E.164, what the person uses first.
        phone_2: The number after `phone_changed_at`.
        email: First address.
        email_2: Second address: for a second account, and after `email_changed_at`.
        family_phone: The household's landline.
        family_email: The household's address.
        first: The names' spellings.
        last: The same.
    """

    frame: pl.DataFrame
    phone: pl.Series
    phone_2: pl.Series
    email: pl.Series
    email_2: pl.Series
    family_phone: pl.Series
    family_email: pl.Series
    first: NameTable
    last: NameTable

    def __len__(self) -> int:
        return self.frame.height

    def column(self, name: str) -> np.ndarray:
        """A column of the frame as an array."""
        return self.frame[name].to_numpy()


def person_ids(rows: np.ndarray | pl.Series) -> pl.Series:
    """P0000001 for row 0; null for rows below 0."""
    row = pl.Series("person_id", rows, dtype=pl.Int64)
    text = "P" + (row + 1).cast(pl.String).str.zfill(7)
    return pl.select(pl.when(row >= 0).then(text)).to_series().alias("person_id")


def draw_people(rng: np.random.Generator, count: int, rhythm: Rhythm, seed: int, stores: int) -> People:
    """Draw everybody. Random numbers are drawn for all, used or not, so that parts do not disturb each other."""
    first, last = first_names(), last_names()
    household, head = _households(rng, count)
    member = head != np.arange(count)
    culture = _pick(rng, [share for _, _, share in CULTURES], count)[head].astype(np.int8)
    woman = rng.random(count) < 0.54
    chance = rng.random((8, count))
    first_name = first.draw(chance[0], culture, woman)
    shares_name = member & (rng.random(count) < SHARES_NAME)
    last_name = last.draw(np.where(shares_name, chance[1][head], chance[1]), culture, woman)
    # A father and a son of one name: the same house, the same name, another birth date.
    namesake = shares_name & (woman == woman[head]) & (rng.random(count) < SAME_FIRST_NAME)
    first_name = np.where(namesake, first_name[head], first_name)
    married = last.draw(chance[2], culture, woman)
    birth = _birth(rng, count, head, member, namesake)
    marries = (rng.random(count) < MARRIES) & ~member & (birth > -11_000)
    town = draw_towns(chance[3])[head]
    street, house = draw_streets(chance[4], draw_towns(chance[3]))[head], _houses(rng, count)[head]
    town_2 = np.where(chance[5] < 0.6, town, draw_towns(chance[6]))
    street_2, house_2 = draw_streets(chance[7], town_2), _houses(rng, count)
    business = ~member & (rng.random(count) < IS_BUSINESS)
    known = _systems(rng, count, business)
    joined = np.where(rng.random(count) < KNOWN_BEFORE, -2.0 * rng.random(count), rng.random(count) * rhythm.busy[-1])
    in_window = seconds_of(rhythm, np.interp(np.maximum(joined, 0), rhythm.busy, np.arange(rhythm.days + 1)))
    before = rhythm.first_second + (joined * YEAR * DAY).astype(np.int64)
    plain_first, plain_last = first.plain.gather(first_name), last.plain.gather(last_name)
    email, email_2, family_email = _emails(rng, plain_first, plain_last, birth, head)
    place = np.arange(count)
    frame = pl.DataFrame(
        {
            "culture": culture,
            "woman": woman,
            "first": first_name.astype(np.int32),
            "last": last_name,
            "married": np.where(marries, married, last_name),
            "married_at": np.where(marries, _some_day(rng, rhythm, count), NEVER),
            "birth": birth,
            "household": household,
            "head": head,
            "town": town,
            "street": street,
            "house": house,
            "town_2": town_2,
            "street_2": street_2,
            "house_2": house_2,
            "moved_at": np.where(rng.random(count) < 2 * MOVES, _some_day(rng, rhythm, count), NEVER),
            "phone_changed_at": np.where(rng.random(count) < 2 * CHANGES_PHONE, _some_day(rng, rhythm, count), NEVER),
            # The second address is free for that only where no second account has it.
            "email_changed_at": np.where(
                (rng.random(count) < 2 * CHANGES_EMAIL) & ~known["second_account"], _some_day(rng, rhythm, count), NEVER
            ),
            "is_business": business,
            **known,
            "shares_phone": _together(member & (rng.random(count) < SHARES_PHONE), head),
            "shares_email": _together(member & (rng.random(count) < SHARES_EMAIL), head),
            "joined": joined,
            "joined_at": np.where(joined < 0, before, in_window),
            "home_store": rng.integers(0, stores, count).astype(np.int8),
            "kind": _pick(rng, [share for _, share in KINDS], count).astype(np.int8),
        }
    )
    return People(
        frame=frame,
        phone=_own_phones(town, seed),
        phone_2=contact.phone_numbers(count + place, seed).alias("phone_2"),
        email=email,
        email_2=email_2,
        family_phone=contact.phone_numbers(2 * count + head, seed).alias("family_phone"),
        family_email=family_email,
        first=first,
        last=last,
    )


def _households(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The household of each person, and the row of its first person; neighbours in the list live together."""
    size = 1 + _pick(rng, HOUSEHOLDS, count)
    start = np.cumsum(size) - size
    start = start[start < count]
    household = np.zeros(count, dtype=np.int64)
    household[start[1:]] = 1
    household = np.cumsum(household).astype(np.int32)
    return household, start[household].astype(np.int32)


def _birth(
    rng: np.random.Generator, count: int, head: np.ndarray, member: np.ndarray, namesake: np.ndarray
) -> np.ndarray:
    """Birth days: adults of all ages; in a household partners of about one age, and children who are grown up."""
    own = np.clip(rng.normal(-800, 5_600, count), -13_500, 12_800)
    child = member & (namesake | (rng.random(count) < 0.35))
    partner = own[head] + rng.normal(0, 1_500, count)
    younger = np.minimum(own[head] + rng.normal(10_800, 1_600, count), 13_500)
    days = np.where(child, younger, np.where(member, partner, own)).clip(-14_600, 13_500).astype(np.int32)
    # 1970-01-01 stands in for unknown dates; nobody here is born on it, so that each of them is one.
    return np.where(days == 0, 1, days).astype(np.int32)


def _systems(rng: np.random.Generator, count: int, business: np.ndarray) -> dict[str, np.ndarray]:
    account = (rng.random(count) < HAS_ACCOUNT) | business
    card = (rng.random(count) < HAS_CARD) & ~business
    guest = ~account & ((rng.random(count) < IS_GUEST) | (~card & (rng.random(count) < 0.6)))
    newsletter = rng.random(count) < 0.10 + 0.22 * account + 0.16 * card
    calls = rng.random(count) < np.where(business, 0.60, CALLS)
    newsletter |= ~(account | card | guest | newsletter | calls)
    app = account & (rng.random(count) < HAS_APP)
    # However small the company, somebody is in each system.
    for column, person in ((account, 0), (app, 0), (newsletter, 0), (card, 1), (newsletter, 1), (calls, 2)):
        column[person] = True
    guest &= ~account
    return {
        "has_account": account,
        "has_card": card,
        "is_guest": guest,
        "has_newsletter": newsletter,
        "has_app": app,
        "calls": calls,
        "second_account": account & (rng.random(count) < SECOND_ACCOUNT),
        "second_card": card & (rng.random(count) < SECOND_CARD),
    }


def _together(shares: np.ndarray, head: np.ndarray) -> np.ndarray:
    """What a household's members share they share with its first person."""
    out = shares.copy()
    out[head[shares]] = True
    return out


def _own_phones(town: np.ndarray, seed: int) -> pl.Series:
    """Everybody's own number; people in France have French ones while there are any."""
    place = np.arange(len(town))
    numbers = contact.phone_numbers(place, seed)
    french = np.flatnonzero((town_table()[0]["country"] == "FR").to_numpy()[town])[: contact.FRENCH_NUMBERS]
    return numbers.scatter(french, contact.french_numbers(np.arange(len(french)))) if len(french) else numbers


def _emails(
    rng: np.random.Generator, first: pl.Series, last: pl.Series, birth: np.ndarray, head: np.ndarray
) -> tuple[pl.Series, pl.Series, pl.Series]:
    """Two addresses of one's own and one of the household, all different."""
    count = len(first)
    year = (1970 + birth // 365.25).astype(np.int64) % 100
    family = pl.Series(["familie"], dtype=pl.String).gather(np.zeros(count, dtype=np.int64))
    style = np.concatenate([_pick(rng, (40, 20, 18, 12, 10), 2 * count), np.zeros(count, dtype=np.int64)])
    every = contact.addresses(
        pl.concat([first.rename("n"), first.rename("n"), family.rename("n")]),
        pl.concat([last, last, last]),
        style.astype(np.int8),
        np.concatenate([year, year, year]).astype(np.int8),
        contact.draw_domains(rng, 3 * count),
    )
    return every[:count], every[count : 2 * count], every[2 * count :].gather(head)


def _houses(rng: np.random.Generator, count: int) -> np.ndarray:
    return (1 + 149 * rng.random(count) ** 1.6).astype(np.int16)


def _some_day(rng: np.random.Generator, rhythm: Rhythm, count: int) -> np.ndarray:
    return rhythm.first_second + rng.integers(0, rhythm.days * DAY, count)


def _pick(rng: np.random.Generator, shares: list[float] | tuple[float, ...], count: int) -> np.ndarray:
    edges = np.cumsum(np.asarray(shares, dtype=float))
    return np.searchsorted(edges / edges[-1], rng.random(count), side="right").clip(0, len(edges) - 1)
