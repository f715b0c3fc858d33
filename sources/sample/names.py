"""The name tables: every first and last name in every spelling in which a system may hold it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import polars as pl

from sources.sample import scripts
from sources.sample.name_lists import CULTURES, Names

#: Ranks are drawn with weight 1 / (rank + OFFSET): common names are common, most people have others.
OFFSET = 6.0
#: Share of last names put together from a stem and an ending.
MADE_UP = 0.35


@dataclass(frozen=True)
class NameTable:
    """Names by number, in every spelling.

    Attributes:
        home: As at home, in its own script.
        latin: In Latin letters with their marks, as in a passport.
        other: A second spelling that officials use: German transcription, the other Uzbek script, two words of pinyin,
            or Latin letters without marks.
        plain: In ASCII and small letters, for addresses.
        short: What friends say, in the script of home; the name itself where there is nothing shorter.
        short_latin: The same in Latin letters.
        where: (culture, 0 man or 1 woman) to the numbers and their cumulated shares.
    """

    home: pl.Series
    latin: pl.Series
    other: pl.Series
    plain: pl.Series
    short: pl.Series
    short_latin: pl.Series
    where: dict[tuple[int, int], tuple[np.ndarray, np.ndarray]]

    def draw(self, chance: np.ndarray, culture: np.ndarray, woman: np.ndarray) -> np.ndarray:
        """Numbers of names for people of these cultures, from evenly spread chances in [0, 1)."""
        out = np.zeros(len(chance), dtype=np.int32)
        for (one, is_woman), (numbers, shares) in self.where.items():
            who = np.flatnonzero((culture == one) & (woman == is_woman))
            out[who] = numbers[np.searchsorted(shares, chance[who], side="right").clip(0, len(numbers) - 1)]
        return out


@cache
def first_names() -> NameTable:
    """The first names of all languages."""
    rows: list[tuple[Names, str]] = []
    where = {}
    for number, (_, names, _) in enumerate(CULTURES):
        for woman, given in ((0, names.men), (1, names.women)):
            forms = [*given, *(one + two for one in given for two in given if one != two)] if names.glued else given
            shares = _shares(len(given))
            if names.glued:
                shares = np.concatenate(
                    [0.4 * shares, np.full(len(forms) - len(given), 0.6 / (len(forms) - len(given)))]
                )
            where[number, woman] = (len(rows) + np.arange(len(forms)), np.cumsum(shares))
            rows += [(names, form) for form in forms]
    return _table(rows, where)


@cache
def last_names() -> NameTable:
    """The last names of all languages; a man's form and a woman's form follow each other."""
    rows: list[tuple[Names, str]] = []
    where = {}
    for number, (_, names, _) in enumerate(CULTURES):
        made = [
            "/".join(_joined(stem, form) for form in ending.split("/"))
            for stem in names.stems
            for ending in names.endings
        ]
        forms = [*names.last, *made]
        shares = _shares(len(names.last))
        if made:
            shares = np.concatenate([(1 - MADE_UP) * shares, np.full(len(made), MADE_UP / len(made))])
        start = len(rows)
        for form in forms:
            man, _, woman = form.partition("/")
            rows += [(names, man), (names, woman or man)]
        for is_woman in (0, 1):
            where[number, is_woman] = (start + is_woman + 2 * np.arange(len(forms)), np.cumsum(shares))
    return _table(rows, where)


def _joined(stem: str, ending: str) -> str:
    return stem + (ending[1:] if stem[-1:].lower() == ending[:1] else ending)


def _shares(count: int) -> np.ndarray:
    weight = 1.0 / (np.arange(count) + OFFSET)
    return np.asarray(weight / weight.sum())


def _table(rows: list[tuple[Names, str]], where: dict[tuple[int, int], tuple[np.ndarray, np.ndarray]]) -> NameTable:
    spelled = [_spellings(names, name) for names, name in rows]
    short = [names.nicknames.get(name, name) for names, name in rows]
    short_latin = [_spellings(names, one)[1] for (names, _), one in zip(rows, short, strict=True)]
    home, latin, other = ([one[place] for one in spelled] for place in range(3))
    plain = [scripts.without_marks(name).lower().replace("'", "").replace(" ", "") for name in latin]
    series = [pl.Series(column, dtype=pl.String) for column in (home, latin, other, plain, short, short_latin)]
    return NameTable(series[0], series[1], series[2], series[3], series[4], series[5], where)


def _spellings(names: Names, name: str) -> tuple[str, str, str]:
    """At home, in Latin letters, and the second spelling."""
    if names.script == "cyrillic":
        return name, scripts.from_cyrillic(name), scripts.from_cyrillic(name, german=True)
    if names.script == "ukrainian":
        return name, scripts.from_cyrillic(name, ukrainian=True), scripts.from_cyrillic(name, german=True)
    if names.script == "hanzi":
        apart = " ".join(scripts.from_hanzi(char) for char in name)
        return name, scripts.from_hanzi(name), apart
    if names.script == "uzbek":
        return name, name, scripts.uzbek_to_cyrillic(name)
    return name, name, scripts.without_marks(name)
