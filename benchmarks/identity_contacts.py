"""Where made-up people live and how they are reached; used by `benchmarks.identity_people`."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from benchmarks.identity_names import Country, Ints, Names, Tables, written_out

Bools = npt.NDArray[np.bool_]

_DOMAINS = ("mail", "post", "inbox", "web", "my-mail", "home", "fastmail", "net-post", "office", "family")


def address(rng: np.random.Generator, known: Tables, country: Ints, home: Ints) -> dict[str, Any]:
    """Country, city, postal code, street and house number of each person; those of one home have the same."""
    homes = int(home.max()) + 1
    number = np.zeros(homes, dtype=np.int64)
    number[home[::-1]] = country[::-1]
    chances = rng.random((4, homes))
    street, city, postal = (np.full(homes, "", dtype=object) for _ in range(3))
    for place, one in enumerate(known.countries):
        who = np.flatnonzero(number == place)
        # The first cities are the largest, the first streets the most common; small house numbers too.
        at = _skewed(chances[0][who], len(one.cities))
        city[who] = np.array(one.cities, dtype=object)[at]
        postal[who] = _postal_codes(one, at, chances[1][who])
        street[who] = np.array(one.streets, dtype=object)[_skewed(chances[2][who], len(one.streets))]
    house = (1 + 120 * chances[3] ** 2).astype(np.int64).astype(str).astype(object)
    letter = np.array(["", "a", "b", "c"], dtype=object)[rng.choice(4, homes, p=(0.9, 0.06, 0.03, 0.01))]
    return {
        "country": number[home],
        "street": pl.Series(street[home], dtype=pl.String),
        "house": pl.Series((house + letter)[home], dtype=pl.String),
        "city": pl.Series(city[home], dtype=pl.String),
        "postal_code": pl.Series(postal[home], dtype=pl.String),
    }


def _skewed(chance: npt.NDArray[np.float64], count: int) -> Ints:
    return np.asarray((chance**1.5 * count).astype(np.int64))


def _postal_codes(country: Country, city: Ints, chance: npt.NDArray[np.float64]) -> npt.NDArray[Any]:
    """Twenty codes a city, which begin as the city's do."""
    codes = np.array(
        [
            [start + str(number * 7 + 1).zfill(country.postal_digits)[len(start) :] for number in range(20)]
            for start in country.postal_starts
        ],
        dtype=object,
    )
    return np.asarray(codes[city, (chance * 20).astype(np.int64)])


def emails(
    rng: np.random.Generator, known: Tables, first: Ints, last: Ints, head: Ints, shares: Bools
) -> tuple[pl.Series, pl.Series]:
    """Two addresses per person. Nobody has that of another, but for those who share the first one of `head`."""
    count = first.size
    made = []
    for _ in range(2):
        frame = pl.DataFrame(
            {
                "first": _letters(known.first)[first],
                "last": _letters(known.last)[last],
                "year": rng.integers(1, 100, count),
                "domain": pl.Series(_DOMAINS)[_skewed(rng.random(count), len(_DOMAINS))],
                "form": rng.choice(5, count, p=(0.35, 0.20, 0.20, 0.15, 0.10)),
            }
        )
        one, two, year = pl.col("first"), pl.col("last"), pl.col("year").cast(pl.String)
        local = (
            pl.when(form=0)
            .then(pl.concat_str(one, pl.lit("."), two))
            .when(form=1)
            .then(pl.concat_str(one.str.slice(0, 1), pl.lit("."), two))
            .when(form=2)
            .then(pl.concat_str(one, two, year))
            .when(form=3)
            .then(pl.concat_str(one, year))
            .otherwise(pl.concat_str(two, pl.lit("."), one))
        )
        made.append(frame.select(local=local, domain="domain"))
    both = pl.concat(made)
    # Whoever comes later to a taken address puts a number behind it.
    nth = pl.int_range(pl.len()).over("local", "domain")
    told = both.select(
        pl.concat_str(
            "local",
            pl.when(nth > 0).then(pl.lit("_") + nth.cast(pl.String)).otherwise(pl.lit("")),
            pl.lit("@"),
            "domain",
            pl.lit(".example"),
        )
    ).to_series()
    own, other = told[:count], told[count:]
    return own[np.where(shares, head, np.arange(count))], other


def _letters(names: Names) -> pl.Series:
    """Names as they stand in an e-mail address."""
    return pl.Series(
        ["".join(char for char in written_out(text).lower() if "a" <= char <= "z") or "x" for text in names.usual]
    )


def phones(
    rng: np.random.Generator, known: Tables, country: Ints, head: Ints, shares: Bools
) -> tuple[pl.Series, pl.Series]:
    """Two numbers per person. Nobody has that of another, but for those who share the first one of `head`."""
    count = country.size
    # A step without a common factor visits every number once; where it begins is drawn.
    span, step = 900_000_000, 381_966_011
    numbers = (np.arange(2 * count) * step + rng.integers(span)) % span + 100_000_000
    codes = pl.Series(["+" + one.calling_code for one in known.countries])[country]
    own, other = (
        pl.select(pl.concat_str(codes, pl.Series(part).cast(pl.String))).to_series() for part in np.split(numbers, 2)
    )
    return own[np.where(shares, head, np.arange(count))], other
