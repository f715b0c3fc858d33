"""Which identifier values may not join: those excluded, and those that too many records or people carry."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

import numpy as np
import polars as pl

from models.identity.keys import Bools, Ints, Links, Records, distinct, located
from models.identity.result import BLOCKED_SCHEMA
from models.identity.rules import KEY, Guards
from models.identity.texts import codes

OVER_RECORDS, OVER_PEOPLE, EXCLUDED = "over the limit of records", "over the limit of people", "excluded"


def excluded_values(values: pl.DataFrame, excluded: Mapping[str, Collection[str]]) -> Bools:
    """Which values are excluded for their kind, by name or by pattern.

    Args:
        values: kind, value; one row per value.
        excluded: per kind, values or shell patterns.
    """
    flags = np.zeros(values.height, dtype=np.bool_)
    for kind, banned in excluded.items():
        plain = sorted(text for text in banned if not _is_pattern(text))
        patterns = sorted(text for text in banned if _is_pattern(text))
        hit = pl.col("value").is_in(plain)
        if patterns:
            hit |= pl.col("value").str.contains("^(?:" + "|".join(map(_as_expression, patterns)) + ")$")
        flags |= values.select((pl.col("kind") == kind) & hit).to_series().to_numpy()
    return flags


def _is_pattern(text: str) -> bool:
    return "*" in text or "?" in text


def _as_expression(pattern: str) -> str:
    return re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")


def people_per_value(persons: pl.DataFrame, records: Records, links: Links) -> Ints:
    """How many people carry each value, by their names; 0 where no record that carries it has a name.

    Args:
        persons: source, source_record_id, value (the sound of a whole name), one row per record that has one.
        records: the numbered records.
        links: values and the records that carry them.
    """
    if persons.height == 0 or links.value.size == 0:
        return np.zeros(links.counts.size, dtype=np.int64)
    (record,) = located(records, [persons.select(KEY)])
    there = np.flatnonzero(record >= 0)
    person = np.full(records.frame.height, -1, dtype=np.int64)
    person[record[there]] = codes(persons["value"].rechunk().gather(there))
    shared = links.counts[links.value] > 1
    rows = np.flatnonzero(shared & (person[links.record] >= 0))
    width = int(person.max()) + 1
    pairs = distinct(links.value[rows] * width + person[links.record[rows]])
    return np.bincount(pairs // width, minlength=links.counts.size).astype(np.int64)


def barred_values(guards: Guards, links: Links, people: Ints) -> tuple[Bools, Bools, Bools]:
    """Per value, whether it is excluded, over its limit of records, over its limit of people."""
    over_records = links.counts > np.asarray(guards.max_records, dtype=np.int64)[links.kind]
    unlimited = np.iinfo(np.int64).max
    limits = np.asarray([unlimited if limit is None else limit for limit in guards.max_people], dtype=np.int64)
    return links.excluded, over_records, people > limits[links.kind]


def blocked_values(guards: Guards, links: Links, people: Ints, texts: pl.Series) -> pl.DataFrame:
    """The values that may not join, most used first; see `IdentityReport.blocked_values`.

    `texts` has the value of each row of the identifiers.
    """
    excluded, over_records, over_people = barred_values(guards, links, people)
    barred = np.flatnonzero(excluded | over_records | over_people)
    kind = links.kind[barred].tolist()
    why = [
        EXCLUDED if excluded[place] else OVER_RECORDS if over_records[place] else OVER_PEOPLE
        for place in barred.tolist()
    ]
    return pl.DataFrame(
        {
            "kind": [guards.kinds[place] for place in kind],
            "value": texts.gather(links.row[barred]),
            "records": links.counts[barred],
            "people": people[barred],
            "max_records": [guards.max_records[place] for place in kind],
            "max_people": [guards.max_people[place] for place in kind],
            "reason": why,
        },
        schema=BLOCKED_SCHEMA,
    ).sort("records", "kind", "value", descending=[True, False, False])
