"""Evidence beside identifiers, by the numbers of the records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from models.identity.keys import Bools, Ints, Links, Records
from models.identity.rules import KEY, OTHER_KEY, Evidence

#: The most that one pair says against and for two groups of records being one person.
AGAINST_BITS, FOR_BITS = 4.0, 8.0


@dataclass(frozen=True, slots=True)
class Split:
    """A steward's word that records of two sides are not one person, by the numbers of the records."""

    decision_id: str
    sides: tuple[frozenset[int], frozenset[int]]


@dataclass(frozen=True, slots=True)
class Numbered:
    """Evidence by the numbers of the records.

    Attributes:
        pair_left, pair_right: the records of each probable link, left below right.
        pair_weight: its bits.
        pair_row: its row in the frame of pairs.
        voted_left, voted_right: the records of each compared pair, left below right; each pair once.
        vote: what it says for one person or against it, in bits within bounds.
        named: per record, whether something is known of the person, so that others can be compared with it.
        merges: (decision_id, record, record), in the order of time.
        splits: in the order of time, without those that a later merge overrules.
        overruled: ids of splits that a later merge overrules.
        trait_record: per trait value of a record, the record.
        trait: per trait value, the place of its trait in `traits`.
        trait_value: per trait value, its text.
        traits: the traits that separate.
        unknown: ids of decisions about a record that is not there.
    """

    pair_left: Ints
    pair_right: Ints
    pair_weight: np.ndarray
    pair_row: Ints
    voted_left: Ints
    voted_right: Ints
    vote: np.ndarray
    named: Bools
    merges: list[tuple[str, int, int]]
    splits: list[Split]
    overruled: list[str]
    trait_record: Ints
    trait: Ints
    trait_value: pl.Series
    traits: list[str]
    unknown: list[str]


def numbered(
    evidence: Evidence, identifiers: pl.DataFrame, records: Records, links: Links, kinds: Sequence[str]
) -> Numbered:
    """Find the records of the evidence.

    Args:
        evidence: by key.
        identifiers: the identifiers, for the values of kinds that separate.
        records: the numbered records.
        links: values and the records that carry them.
        kinds: the kinds of identifier.
    """
    numbers = _numbers(evidence, records)
    compared = _pairs(evidence.pairs, numbers)
    pairs = compared.filter(pl.col("probability") >= evidence.join_from_probability)
    # Of a pair that was compared twice, the worse counts.
    votes = compared.unique(["left", "right"], keep="last", maintain_order=True)
    named = np.zeros(records.frame.height, dtype=np.bool_)
    of_traits = evidence.traits.join(numbers, on=KEY)
    named[of_traits["record"].to_numpy()] = True
    merges, splits, overruled, unknown = _decisions(evidence.decisions, numbers)
    traits = list(evidence.separates)
    told = _traits(of_traits, identifiers, links, kinds, traits)
    return Numbered(
        pair_left=pairs["left"].to_numpy(),
        pair_right=pairs["right"].to_numpy(),
        pair_weight=pairs["weight"].to_numpy(),
        pair_row=pairs["row"].to_numpy(),
        voted_left=votes["left"].to_numpy(),
        voted_right=votes["right"].to_numpy(),
        vote=votes["weight"].clip(-AGAINST_BITS, FOR_BITS).to_numpy(),
        named=named,
        merges=merges,
        splits=splits,
        overruled=overruled,
        trait_record=told["record"].to_numpy(),
        trait=told["trait"].to_numpy(),
        trait_value=told["value"],
        traits=traits,
        unknown=unknown,
    )


def _numbers(evidence: Evidence, records: Records) -> pl.DataFrame:
    """source, source_record_id, record of the records that the evidence names."""
    frames = (evidence.traits.select(KEY), evidence.pairs.select(KEY), evidence.decisions.select(KEY))
    named = pl.concat([*frames, evidence.pairs.select(OTHER_KEY).rename(dict(zip(OTHER_KEY, KEY, strict=True)))])
    if named.is_empty():
        return named.with_columns(record=pl.lit(None, dtype=pl.Int64))
    numbers = records.frame.with_columns(record=pl.int_range(records.frame.height, dtype=pl.Int64))
    # Evidence is often about few of many records, and it is looked up several times.
    return numbers.join(named.unique(), on=KEY, how="semi")


def _pairs(pairs: pl.DataFrame, numbers: pl.DataFrame) -> pl.DataFrame:
    """row, left, right, weight, probability of the pairs whose records are there, strongest first."""
    other = numbers.rename({"source": "other_source", "source_record_id": "other_record_id", "record": "other"})
    return (
        pairs.with_row_index("row")
        .with_columns(pl.col("row").cast(pl.Int64))
        .join(numbers, on=KEY)
        .join(other, on=OTHER_KEY)
        .filter(pl.col("record") != pl.col("other"))
        .select(
            "row",
            "weight",
            "probability",
            left=pl.min_horizontal("record", "other"),
            right=pl.max_horizontal("record", "other"),
        )
        .sort("weight", "left", "right", descending=[True, False, False])
    )


def _decisions(
    decisions: pl.DataFrame, numbers: pl.DataFrame
) -> tuple[list[tuple[str, int, int]], list[Split], list[str], list[str]]:
    """Merges, splits, splits that a later merge overrules, and decisions about records that are not there."""
    merges: list[tuple[str, int, int]] = []
    splits: list[Split] = []
    overruled: list[str] = []
    unknown: list[str] = []
    found = decisions.join(numbers, on=KEY, how="left").sort("decided_at", "decision_id", maintain_order=True)
    for (decision_id, decision), rows in found.group_by("decision_id", "decision", maintain_order=True):
        if rows["record"].null_count():
            unknown.append(str(decision_id))
        sides = [sorted(rows.filter(pl.col("side") == side)["record"].drop_nulls()) for side in ("records", "others")]
        if not all(sides):
            continue
        if decision == "split":
            splits.append(Split(str(decision_id), (frozenset(sides[0]), frozenset(sides[1]))))
            continue
        left, right = sides[0][0], sides[1][0]
        against = [split for split in splits if _crosses(split, left, right)]
        overruled += [split.decision_id for split in against]
        splits = [split for split in splits if split not in against]
        merges.append((str(decision_id), left, right))
    return merges, splits, overruled, unknown


def _crosses(split: Split, left: int, right: int) -> bool:
    one, other = split.sides
    return (left in one and right in other) or (left in other and right in one)


def _traits(
    of_records: pl.DataFrame,
    identifiers: pl.DataFrame,
    links: Links,
    kinds: Sequence[str],
    traits: Sequence[str],
) -> pl.DataFrame:
    """record, trait (its place), value of the traits that separate; `of_records` has what records say, by number."""
    schema = {"record": pl.Int64(), "trait": pl.Int64(), "value": pl.String()}
    place = {trait: number for number, trait in enumerate(traits)}
    named = of_records.filter(pl.col("trait").is_in(list(traits)))
    parts = [
        named.select(
            "record", pl.col("trait").replace_strict(place, return_dtype=pl.Int64, default=-1), "value"
        ).match_to_schema(pl.Schema(schema))
    ]
    for trait in (trait for trait in traits if trait in kinds):
        rows = np.flatnonzero((links.kind == list(kinds).index(trait))[links.value])
        value = links.value[rows]
        parts.append(
            pl.DataFrame(
                {
                    "record": links.record[rows],
                    "trait": np.full(value.size, place[trait], dtype=np.int64),
                    "value": identifiers["value"].gather(links.row[value]),
                },
                schema=schema,
            )
        )
    return pl.concat(parts)
