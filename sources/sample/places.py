"""Where the company's customers live: real towns, streets put together from ordinary words."""

from __future__ import annotations

from functools import cache

import numpy as np
import polars as pl

from sources.sample.text import words_of

#: Country, name for people, town, region code, postal codes, share of people.
TOWNS: tuple[tuple[str, str, str, str, float], ...] = (
    (
        "DE",
        "Berlin",
        "BE",
        "10115 10178 10243 10405 10437 10551 10623 10785 10961 10999 12043 12053 12099 12203 12435 12555 13055 "
        "13187 13353 13403 13507 14050 14163 14195",
        30,
    ),
    ("DE", "Potsdam", "BB", "14467 14469 14471 14473 14480 14482", 8),
    ("DE", "Hamburg", "HH", "20095 20144 20253 20357 21031 22085 22303 22399 22525 22765", 12),
    ("DE", "Köln", "NW", "50667 50674 50733 50823 50937 51063 51103", 6),
    ("DE", "Düsseldorf", "NW", "40210 40227 40237 40476 40549", 3),
    ("DE", "Frankfurt am Main", "HE", "60311 60318 60431 60486 60594", 5),
    ("DE", "München", "BY", "80331 80469 80636 80799 81241 81543 81667", 6),
    ("DE", "Nürnberg", "BY", "90402 90419 90443 90459", 2),
    ("DE", "Stuttgart", "BW", "70173 70190 70372 70565", 3),
    ("DE", "Freiburg im Breisgau", "BW", "79098 79102 79111 79115", 3),
    ("DE", "Leipzig", "SN", "04103 04109 04177 04229 04315", 4),
    ("DE", "Dresden", "SN", "01067 01099 01127 01277", 3),
    ("DE", "Hannover", "NI", "30159 30171 30449 30625", 2),
    ("DE", "Bremen", "HB", "28195 28203 28213", 2),
    ("DE", "Münster", "NW", "48143 48151 48161", 1),
    ("DE", "Göttingen", "NI", "37073 37083", 1),
    ("FR", "Strasbourg", "67", "67000 67100 67200", 4),
    ("AT", "Salzburg", "5", "5020 5026", 2),
    ("CH", "Basel", "BS", "4051 4053 4057", 3),
)
COUNTRIES = {"DE": "Germany", "FR": "France", "AT": "Austria", "CH": "Switzerland"}
_FIRST = words_of(
    """
    Ahorn Amsel Bach Bahnhof Berg Birken Blumen Brunnen Buchen Burg Dorf Eichen Erlen Feld Flieder Garten
    Goethe Haupt Heide Hoch Hof Jahn Kant Kapellen Kastanien Kirch Kirsch König Lerchen Lessing Linden
    Markt Mozart Mühlen Neue Nord Ost Park Post Rathaus Ring Rosen Schiller Schloss Schul See Sonnen Stein
    Süd Tal Tannen Turm Ufer Wald Wasser Weiden West Wiesen Ziegel
    """
)
_SECOND = ("straße", "weg", "allee", "gasse", "platz", "ring", "steig", "damm")
_FRENCH = (
    "rue de la Gare",
    "rue du Moulin",
    "rue des Lilas",
    "avenue de la Forêt",
    "quai des Bateliers",
    "place du Marché",
    "rue de l'Église",
    "boulevard des Vosges",
    "impasse du Puits",
    "rue Saint-Étienne",
)


@cache
def town_table() -> tuple[pl.DataFrame, np.ndarray]:
    """A row per postal code (country, city, region, postal_code), and the cumulated share of people."""
    rows, shares = [], []
    for country, city, region, codes, share in TOWNS:
        several = codes.split()
        rows += [(country, city, region, code) for code in several]
        shares += [share / len(several)] * len(several)
    frame = pl.DataFrame(rows, schema=["country", "city", "region", "postal_code"], orient="row")
    return frame, np.cumsum(np.array(shares) / sum(shares))


@cache
def street_table() -> tuple[pl.Series, int]:
    """All streets, German ones first; and how many of them are German."""
    german = [f"{first}{second}" for first in _FIRST for second in _SECOND]
    return pl.Series([*german, *_FRENCH], dtype=pl.String), len(german)


def draw_towns(chance: np.ndarray) -> np.ndarray:
    """Rows of the town table from evenly spread chances."""
    shares = town_table()[1]
    return np.searchsorted(shares, chance, side="right").clip(0, len(shares) - 1).astype(np.int16)


def draw_streets(chance: np.ndarray, town: np.ndarray) -> np.ndarray:
    """Rows of the street table: French streets in France."""
    streets, german = street_table()
    french = (town_table()[0]["country"] == "FR").to_numpy()[town]
    count = np.where(french, len(streets) - german, german)
    return (np.where(french, german, 0) + (chance * count).astype(np.int64)).astype(np.int16)
