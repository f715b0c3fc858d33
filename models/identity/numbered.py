"""Evidence beside identifiers, by the numbers of the records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from models.identity.keys import Bools, Ints, Links, Records, distinct, located
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
        named: per record, whether it was compared with others, as something is known of the person.
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
    size = records.frame.height
    of_traits, left, right, of_decisions = located(
        records,
        [
            evidence.traits.select(KEY),
            evidence.pairs.select(KEY),
            evidence.pairs.select(OTHER_KEY),
            evidence.decisions.select(KEY),
        ],
    )
    compared = _pairs(evidence.pairs, left, right)
    pairs = compared.filter(pl.col("probability") >= evidence.join_from_probability)
    votes = _votes(compared, size)
    named = np.zeros(size, dtype=np.bool_)
    if evidence.are_compared:
        named[of_traits[of_traits >= 0]] = True
    merges, splits, overruled, unknown = _decisions(evidence.decisions, of_decisions)
    traits = list(evidence.separates)
    told = _traits(evidence.traits, of_traits, identifiers, links, kinds, traits)
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


def _pairs(pairs: pl.DataFrame, left: Ints, right: Ints) -> pl.DataFrame:
    """row, left, right, weight, probability of the pairs whose records are there, strongest first."""
    there = np.flatnonzero((left >= 0) & (right >= 0) & (left != right))
    left, right = left[there], right[there]
    return pl.DataFrame(
        {
            "row": there,
            "left": np.minimum(left, right),
            "right": np.maximum(left, right),
            "weight": pairs["weight"].gather(there),
            "probability": pairs["probability"].gather(there),
        },
        schema_overrides={"row": pl.Int64, "left": pl.Int64, "right": pl.Int64},
    ).sort("weight", "left", "right", descending=[True, False, False])


def _votes(compared: pl.DataFrame, size: int) -> pl.DataFrame:
    """The compared pairs, each once: of a pair that was compared twice, the worse counts."""
    pair = compared["left"].to_numpy() * size + compared["right"].to_numpy()
    if distinct(pair).size == pair.size:
        return compared
    return compared.unique(["left", "right"], keep="last", maintain_order=True)


def _decisions(
    decisions: pl.DataFrame, of_rows: Ints
) -> tuple[list[tuple[str, int, int]], list[Split], list[str], list[str]]:
    """Merges, splits, splits that a later merge overrules, and decisions about records that are not there."""
    merges: list[tuple[str, int, int]] = []
    splits: list[Split] = []
    overruled: list[str] = []
    unknown: list[str] = []
    found = decisions.with_columns(record=pl.Series(of_rows, dtype=pl.Int64).replace(-1, None)).sort(
        "decided_at", "decision_id", maintain_order=True
    )
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
    traits_told: pl.DataFrame,
    of_rows: Ints,
    identifiers: pl.DataFrame,
    links: Links,
    kinds: Sequence[str],
    traits: Sequence[str],
) -> pl.DataFrame:
    """record, trait (its place), value of the traits that separate; `of_rows` has the record of each row told."""
    schema = {"record": pl.Int64(), "trait": pl.Int64(), "value": pl.String()}
    place = {trait: number for number, trait in enumerate(traits)}
    chosen = traits_told.select(pl.col("trait").is_in(list(traits)) & pl.Series(of_rows >= 0)).to_series()
    named = traits_told.filter(chosen).with_columns(record=pl.Series(of_rows, dtype=pl.Int64).filter(chosen))
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
