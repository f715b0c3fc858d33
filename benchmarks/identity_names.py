"""The names and addresses of `identity_names.yaml`, as tables to draw from; used by `benchmarks.identity_people`."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import yaml

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

#: Ranks are drawn with weight 1 / (rank + OFFSET): common names are common, most people have others.
OFFSET = 6.0
_FILE = Path(__file__).parent / "identity_names.yaml"
_NO_MARK = str.maketrans({"ß": "ss", "ł": "l", "Ł": "L", "\u0131": "i", "ø": "o", "Ø": "O"})
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})


@dataclass(frozen=True)
class Names:
    """Names by number.

    Attributes:
        usual: the usual spelling in Latin letters.
        home: in the script of home; the usual spelling where that is the script.
        other: further spellings of all names in one row; those of a name stand from `other_from` on.
        other_from, others: per name, where its further spellings begin, and how many there are.
        short: what friends say, likewise.
        short_from, shorts: per name.
    """

    usual: pl.Series
    home: pl.Series
    other: pl.Series
    other_from: Ints
    others: Ints
    short: pl.Series
    short_from: Ints
    shorts: Ints


@dataclass(frozen=True)
class Culture:
    """Names and places that go together, as numbers.

    Attributes:
        first: man (0) or woman (1) to the numbers of first names and their shares.
        last: man or woman to the numbers of last names, in one order for both; and their shares.
        countries: places in `Tables.countries`, and their shares.
    """

    first: tuple[tuple[Ints, Floats], tuple[Ints, Floats]]
    last: tuple[Ints, Ints]
    last_shares: Floats
    countries: tuple[Ints, Floats]


@dataclass(frozen=True)
class Country:
    """Addresses of a country; see the file."""

    code: str
    calling_code: str
    postal_digits: int
    number_first: bool
    cities: tuple[str, ...]
    postal_starts: tuple[str, ...]
    streets: tuple[str, ...]


@dataclass(frozen=True)
class Tables:
    """Everything of the file; `first` and `last` are told apart, and so are the numbers in `cultures`."""

    first: Names
    last: Names
    cultures: tuple[Culture, ...]
    shares: Floats
    countries: tuple[Country, ...]
    street_short: dict[str, str]


def plain(text: str) -> str:
    """The text in ASCII: marks dropped, `ß` as `ss`; letters of other scripts stay."""
    text = text.translate(_NO_MARK)
    return "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))


def written_out(text: str) -> str:
    """The text in ASCII as German offices write it: `ä` as `ae`."""
    return plain(text.translate(_UMLAUTS))


def shares(count: int) -> Floats:
    """The shares of so many names, the most common first."""
    weights = 1 / (np.arange(count) + OFFSET)
    return np.asarray(weights / weights.sum())


@cache
def tables() -> Tables:
    """Read the file."""
    read: dict[str, Any] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    countries = tuple(_country(code, one) for code, one in read["countries"].items())
    places = {one.code: place for place, one in enumerate(countries)}
    first: list[str] = []
    last: list[str] = []
    cultures = []
    for one in read["cultures"].values():
        sexes = [_numbered(first, one[sex].split()) for sex in ("men", "women")]
        pairs = _last_names(one)
        cultures.append(
            Culture(
                first=((sexes[0], shares(sexes[0].size)), (sexes[1], shares(sexes[1].size))),
                last=(_numbered(last, [man for man, _ in pairs]), _numbered(last, [woman for _, woman in pairs])),
                last_shares=shares(len(pairs)),
                countries=(
                    np.array([places[code] for code in one["countries"]]),
                    np.array(list(one["countries"].values())),
                ),
            )
        )
    part = np.array([one["share"] for one in read["cultures"].values()])
    return Tables(_names(first), _names(last), tuple(cultures), part / part.sum(), countries, read["street_short"])


def _numbered(known: list[str], entries: list[str]) -> Ints:
    known.extend(entries)
    return np.arange(len(known) - len(entries), len(known))


def _last_names(one: dict[str, Any]) -> list[tuple[str, str]]:
    """The last names of a culture as (man's, woman's) entries: the listed ones, then those put together from parts."""
    pairs = [_pair(entry) for entry in one["last"].split()]
    listed = {man.partition("=")[0].split("/")[0] for man, _ in pairs}
    for ending in one.get("endings", "").split():
        man, woman = _pair(ending)
        pairs += [(stem + man, stem + woman) for stem in one["stems"].split() if stem + man not in listed]
    return pairs


def _pair(entry: str) -> tuple[str, str]:
    man, _, woman = entry.partition(">")
    return man, woman or man


def _names(entries: list[str]) -> Names:
    usual, home, other, short = [], [], [], []
    for entry in entries:
        form, _, friends = entry.partition(":")
        latin, _, at_home = form.partition("=")
        spellings = [one.replace("_", " ") for one in latin.split("/")]
        usual.append(spellings[0])
        home.append(at_home or spellings[0])
        other.append(spellings[1:])
        short.append(friends.split(",") if friends else [])
    others, shorts = (np.array([len(one) for one in many]) for many in (other, short))
    return Names(
        usual=pl.Series(usual),
        home=pl.Series(home),
        other=pl.Series([text for many in other for text in many]),
        other_from=np.cumsum(others) - others,
        others=others,
        short=pl.Series([text for many in short for text in many]),
        short_from=np.cumsum(shorts) - shorts,
        shorts=shorts,
    )


def _country(code: str, one: dict[str, Any]) -> Country:
    cities = [city.strip().rpartition(" ") for city in one["cities"].split("|")]
    forms = [form.strip() for form in one["streets"].split("|")]
    names = [name.strip() for name in one["street_names"].split("|")]
    return Country(
        code=code,
        calling_code=one["calling_code"],
        postal_digits=one["postal_digits"],
        number_first=one["number_first"],
        cities=tuple(city for city, _, _ in cities),
        postal_starts=tuple(start for *_, start in cities),
        streets=tuple(form.replace("NAME", name) for name in names for form in forms),
    )
