"""Who the demo company's customers are: names, addresses, ways to reach them, and which channels know them."""

from __future__ import annotations

import unicodedata
from typing import Final

import numpy as np
import polars as pl

import sources.sample.vocabulary as words
from sources.sample.rhythm import Rhythm

#: Shares of people by channel; one person may be in several, and everyone is in at least one.
HAS_ACCOUNT: Final = 0.50
HAS_CARD: Final = 0.48
IS_BUSINESS: Final = 0.05
SECOND_ACCOUNT: Final = 0.03
SHARES_LANDLINE: Final = 0.05
_IDS: Final = ("account_id", "account_id_2", "member_id", "loyalty_card", "subscriber_id")
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss"})
_WITHOUT_MARK = str.maketrans({"Ł": "L", "ł": "l", "Ş": "S", "ş": "s", "ą": "a"})


def plain(text: str) -> str:
    """The text in ASCII, umlauts written as two letters."""
    text = unicodedata.normalize("NFKD", text.translate(_UMLAUTS).translate(_WITHOUT_MARK))
    return text.encode("ascii", "ignore").decode()


def draw_people(rng: np.random.Generator, count: int, rhythm: Rhythm) -> pl.DataFrame:
    """One row per person, in the order of person_id.

    Columns: person_id, first_name, last_name, gender (f, m), birth_date, street, city, postal_code, country,
    email, email_2 (used where the person does not use the first), phone (E.164, null where none), is_business,
    has_account, has_card, has_newsletter, is_guest, calls, account_id, account_id_2, member_id, loyalty_card,
    subscriber_id, joined_day (0 = first day), is_known_at_start, home_store.
    """
    town = _pick(rng, [place[3] for place in words.TOWNS], count)
    woman = rng.random(count) < 0.56
    first = np.where(woman, _any(rng, words.WOMEN, count), _any(rng, words.MEN, count))
    last = _any(rng, words.LAST_NAMES, count)
    street = [
        f"{name} {number}"
        for name, number in zip(_any(rng, words.STREETS, count), rng.integers(1, 120, count), strict=True)
    ]
    country = [words.TOWNS[index][0] for index in town]
    phone = _phones(rng, country)
    # Families: the second of a pair has the name, the address and the landline of the first.
    second = np.flatnonzero((np.arange(count) % 2 == 1) & (rng.random(count) < 2 * SHARES_LANDLINE))
    for index in second:
        last[index], street[index], town[index] = last[index - 1], street[index - 1], town[index - 1]
        country[index], phone[index] = country[index - 1], phone[index - 1]

    business = rng.random(count) < IS_BUSINESS
    account = (rng.random(count) < HAS_ACCOUNT) | business
    card = (rng.random(count) < HAS_CARD) & ~business
    guest = ~account & (rng.random(count) < 0.20)
    newsletter = rng.random(count) < 0.24 + 0.28 * account + 0.14 * card
    calls = rng.random(count) < np.where(business, 0.75, 0.20)
    newsletter |= ~(account | card | guest | newsletter | calls)
    known_at_start = rng.random(count) < 0.42
    joined = np.where(known_at_start, 0, rng.integers(0, rhythm.days, count))
    email, email_2 = _emails(rng, first, last)
    twice = account & (rng.random(count) < SECOND_ACCOUNT)
    number = (rng.permutation(count * 5) + 1).reshape(5, count)
    return pl.DataFrame(
        {
            "person_id": [f"P{index:06d}" for index in range(1, count + 1)],
            "first_name": first,
            "last_name": last,
            "gender": np.where(woman, "f", "m"),
            "birth_date": _birth_dates(rng, count),
            "street": street,
            "city": [words.TOWNS[index][2] for index in town],
            "postal_code": [words.TOWNS[index][1] for index in town],
            "country": country,
            "email": email,
            "email_2": email_2,
            "phone": phone,
            "shares_phone": np.isin(np.arange(count), second),
            "is_business": business,
            "has_account": account,
            "has_card": card,
            "has_newsletter": newsletter,
            "is_guest": guest,
            "calls": calls,
            "account_id": _ids("C", 100_000 + number[0], account),
            "account_id_2": _ids("C", 100_000 + number[1], twice),
            "member_id": _ids("M", 10_000 + number[2], card),
            "loyalty_card": _ids("2760", 10_000_000 + 37 * number[3], card),
            "subscriber_id": _ids("s-", 500_000 + number[4], newsletter),
            "joined_day": joined,
            "is_known_at_start": known_at_start,
            "home_store": _any(rng, words.STORES, count),
        },
        schema_overrides=dict.fromkeys(
            ("account_id", "account_id_2", "member_id", "loyalty_card", "subscriber_id", "phone"), pl.String
        ),
    )


def phone_as_written(rng: np.random.Generator, numbers: list[str | None]) -> list[str | None]:
    """The E.164 numbers the way people and systems write them: +49, 0049, national, with blanks, slashes, brackets."""
    written: list[str | None] = []
    for number, style in zip(numbers, rng.integers(0, 6, len(numbers)), strict=True):
        written.append(None if number is None else _written(number, int(style)))
    return written


def email_as_written(rng: np.random.Generator, emails: list[str], changed: float) -> list[str]:
    """The addresses with capitals as people type them, in the given share of cases."""
    change, style = rng.random(len(emails)) < changed, rng.random(len(emails))
    return [
        email if not change[index] else email.upper() if style[index] < 0.2 else email.title()
        for index, email in enumerate(emails)
    ]


def _written(number: str, style: int) -> str:
    if number.startswith("+33"):
        local = number[3:]
        pairs = " ".join([local[0], *(local[at : at + 2] for at in range(1, 9, 2))])
        return (
            f"+33{local}",
            f"+33 {pairs}",
            f"0033{local}",
            f"0033 {pairs}",
            f"+33 (0){pairs}",
            f"+33 {pairs}",
        )[style]
    local = number[3:]
    area = next(prefix for prefix, _, _ in (*words.GERMAN_LANDLINES, *words.GERMAN_MOBILES) if local.startswith(prefix))
    rest = local[len(area) :]
    return (
        f"+49 {area} {rest}",
        f"0{area}/{rest}",
        f"0049{area}{rest}",
        f"(0{area}) {rest}",
        f"+49{area}{rest}",
        f"0{area} {rest[:3]} {rest[3:]}",
    )[style]


def _phones(rng: np.random.Generator, country: list[str]) -> list[str | None]:
    """A number of one's own from the ranges for fiction; null where those are used up or a country has none."""
    pools = {
        "DE": _pool("+49", (*words.GERMAN_LANDLINES, *words.GERMAN_MOBILES)),
        "FR": _pool("+33", words.FRENCH_LANDLINES),
    }
    shuffled = {name: list(rng.permutation(np.array(numbers))) for name, numbers in pools.items()}
    has_phone = rng.random(len(country)) < 0.86
    return [
        str(shuffled[name].pop()) if has and shuffled.get(name) else None
        for name, has in zip(country, has_phone, strict=True)
    ]


def _pool(code: str, ranges: tuple[tuple[str, str, int], ...]) -> list[str]:
    return [f"{code}{area}{start}{number:0{digits}d}" for area, start, digits in ranges for number in range(10**digits)]


def _emails(rng: np.random.Generator, first: np.ndarray, last: np.ndarray) -> tuple[list[str], list[str]]:
    """Two addresses per person, each of them used by nobody else."""
    count = len(first)
    domains = [domain for domain, _ in words.MAIL_DOMAINS]
    shares = [share for _, share in words.MAIL_DOMAINS]
    taken: set[str] = set()
    lists: list[list[str]] = []
    for _ in range(2):
        domain, style = _pick(rng, shares, count), rng.integers(0, 4, count)
        year, emails = rng.integers(50, 100, count), []
        for index in range(count):
            given, family = plain(first[index]).lower(), plain(last[index]).lower()
            local = (
                f"{given}.{family}",
                f"{given[0]}.{family}",
                f"{given}{year[index]}",
                f"{family}.{given}",
            )[style[index]]
            email, more = f"{local}@{domains[domain[index]]}", 1
            while email in taken:
                more += 1
                email = f"{local}{more}@{domains[domain[index]]}"
            taken.add(email)
            emails.append(email)
        lists.append(emails)
    return lists[0], lists[1]


def _birth_dates(rng: np.random.Generator, count: int) -> np.ndarray:
    days = np.clip(rng.normal(-800, 5_600, count), -12_000, 13_000).astype(np.int64)  # about 1937 to 2005
    return np.datetime64("1970-01-01") + days


def _ids(prefix: str, numbers: np.ndarray, given: np.ndarray) -> list[str | None]:
    return [f"{prefix}{number}" if has else None for number, has in zip(numbers, given, strict=True)]


def _any(rng: np.random.Generator, names: list[str] | tuple[str, ...], count: int) -> np.ndarray:
    return np.array(names, dtype=object)[rng.integers(0, len(names), count)]


def _pick(rng: np.random.Generator, shares: list[int], count: int) -> np.ndarray:
    return rng.choice(len(shares), count, p=np.array(shares) / sum(shares))
