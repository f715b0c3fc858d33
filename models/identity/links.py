"""The links between records: those that hold each customer together, and those that were stopped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from models.identity import words
from models.identity.clusters import Edge
from models.identity.graph import stars, strongest_tree
from models.identity.keys import Bools, Ints, Links, Records
from models.identity.numbered import Numbered
from models.identity.result import LINKS_SCHEMA
from models.identity.rules import Evidence

#: Bits of a link that a steward drew: more than any other weighs.
STEWARD_BITS = 1000.0


@dataclass(frozen=True, slots=True)
class LinkList:
    """Links by the numbers of what they join.

    Attributes:
        left, right: the records.
        value: number of the identifier's value, -1 for others.
        pair: place of the probable link in `Numbered`, -1 for others.
        decision: the steward's decision, empty for others.
        weight: bits.
        stopped_by: what stopped it, empty for a link that holds.
    """

    left: Ints
    right: Ints
    value: Ints
    pair: Ints
    decision: list[str]
    weight: np.ndarray
    stopped_by: list[str]


def holding_links(
    root: Ints,
    links: Links,
    joins: Bools,
    kind_weights: Sequence[float],
    known: Numbered,
    in_doubt: Bools,
    followed: list[Edge],
) -> LinkList:
    """The links that hold customers together and those that were stopped.

    Args:
        root: per record, the smallest record of its customer.
        links: values and the records that carry them.
        joins: per value, whether it joins.
        kind_weights: per kind, the bits that an equal value weighs.
        known: probable links and decisions.
        in_doubt: per record, whether the links of its component were followed one by one.
        followed: those links.
    """
    left, right, value = stars(links, joins)
    plain = ~in_doubt[left]
    left, right, value = left[plain], right[plain], value[plain]
    of_pairs = np.flatnonzero(~in_doubt[known.pair_left])
    merges = [merge for merge in known.merges if not in_doubt[merge[1]]]
    nothing = np.full
    parts_left = [left, known.pair_left[of_pairs], np.array([one[1] for one in merges], dtype=np.int64)]
    parts_right = [right, known.pair_right[of_pairs], np.array([one[2] for one in merges], dtype=np.int64)]
    values = np.concatenate([value, nothing(of_pairs.size + len(merges), -1)])
    pairs = np.concatenate([nothing(left.size, -1), of_pairs, nothing(len(merges), -1)])
    weight = np.concatenate(
        [
            np.asarray(kind_weights, dtype=np.float64)[links.kind[value]],
            known.pair_weight[of_pairs],
            nothing(len(merges), STEWARD_BITS),
        ]
    )
    all_left, all_right = np.concatenate(parts_left), np.concatenate(parts_right)
    held = strongest_tree(all_left, all_right, weight, root.size)
    first_merge = left.size + of_pairs.size
    decisions = [merges[place - first_merge][0] if place >= first_merge else "" for place in held.tolist()]
    edge_weights = [_weight(edge, links, kind_weights, known) for edge in followed]
    return LinkList(
        left=np.concatenate([all_left[held], _numbers([edge.left for edge in followed])]),
        right=np.concatenate([all_right[held], _numbers([edge.right for edge in followed])]),
        value=np.concatenate([values[held], _numbers([edge.value for edge in followed])]),
        pair=np.concatenate([pairs[held], _numbers([edge.pair for edge in followed])]),
        decision=decisions + [edge.decision for edge in followed],
        weight=np.concatenate([weight[held], np.array(edge_weights, dtype=np.float64)]),
        stopped_by=[""] * held.size + [edge.stopped_by for edge in followed],
    )


def _numbers(values: list[int]) -> Ints:
    return np.array(values, dtype=np.int64)


def _weight(edge: Edge, links: Links, kind_weights: Sequence[float], known: Numbered) -> float:
    if edge.value >= 0:
        return kind_weights[int(links.kind[edge.value])]
    return float(known.pair_weight[edge.pair]) if edge.pair >= 0 else STEWARD_BITS


def as_frame(
    listed: LinkList,
    records: Records,
    links: Links,
    kinds: Sequence[str],
    values: pl.Series,
    known: Numbered,
    evidence: Evidence,
    customers: pl.Series,
) -> pl.DataFrame:
    """The links as `IdentityResult.links`, in the order of `listed`.

    Args:
        listed: the links.
        records: the numbered records.
        links: values and the records that carry them.
        kinds: the kinds of identifier.
        values: the text of each value, by its number.
        known: numbered evidence.
        evidence: the evidence, for reasons and probabilities of probable links.
        customers: the customer id of each record.
    """
    exact, probable = listed.value >= 0, listed.pair >= 0
    kind = np.where(
        exact, links.kind[listed.value] if links.kind.size else 0, np.where(probable, len(kinds), len(kinds) + 1)
    )
    row = np.where(probable, known.pair_row[listed.pair] if known.pair_row.size else 0, -1)
    of_pair = (
        evidence.pairs.select("probability", "reason").gather(pl.Series(row).replace(-1, None))
        if evidence.pairs.height
        else None
    )
    left, right = (records.frame[side] for side in (listed.left, listed.right))
    stopped = pl.Series([words.kept_apart(why) if why else None for why in listed.stopped_by], dtype=pl.String)
    drawn = pl.Series([words.decided(one) if one else None for one in listed.decision], dtype=pl.String)
    frame = pl.DataFrame(
        {
            "source": left["source"],
            "source_record_id": left["source_record_id"],
            "other_source": right["source"],
            "other_record_id": right["source_record_id"],
            "customer_id": customers[listed.left],
            "method": pl.Series(["exact", "probabilistic", "steward"])[np.where(exact, 0, np.where(probable, 1, 2))],
            "kind": pl.Series([*kinds, "profile", "decision"], dtype=pl.String)[kind],
            "value": values.gather(pl.Series(listed.value).replace(-1, None)) if values.len() else None,
            "weight": listed.weight,
            "probability": of_pair["probability"] if of_pair is not None else None,
            "pair_reason": of_pair["reason"] if of_pair is not None else None,
            "joined": pl.Series([*(words.same(kind).strip() for kind in kinds), None, None], dtype=pl.String)[kind],
            "drawn": drawn,
            "stopped": stopped,
        },
        schema_overrides={"value": pl.String, "probability": pl.Float64, "pair_reason": pl.String},
    )
    return (
        frame.with_columns(
            probability=pl.col("probability").fill_null(1.0),
            is_holding=pl.col("stopped").is_null(),
            joined=pl.coalesce("pair_reason", "drawn", "joined"),
        )
        .with_columns(
            reason=pl.when("is_holding").then("joined").otherwise(pl.concat_str("joined", pl.lit("; but "), "stopped"))
        )
        .select(LINKS_SCHEMA.names())
        .match_to_schema(LINKS_SCHEMA)
    )


def links_told(listed: LinkList, reasons: pl.Series, records: int) -> tuple[pl.Series, pl.Series]:
    """What the strongest link of each record says that is no identifier: one that holds, and one that was stopped.

    Args:
        listed: the links.
        reasons: the reason of each link.
        records: number of records.

    Returns:
        Per record a reason or null, of links that hold, and of links that were stopped.
    """
    stopped = np.array([bool(why) for why in listed.stopped_by], dtype=np.bool_)
    return (
        _strongest(listed, reasons, np.flatnonzero(~stopped & (listed.value < 0)), records),
        _strongest(listed, reasons, np.flatnonzero(stopped), records),
    )


def _strongest(listed: LinkList, reasons: pl.Series, rows: Ints, records: int) -> pl.Series:
    row = np.full(records, -1, dtype=np.int64)
    # From the weakest to the strongest, so that the strongest stays; of equal ones the one between smaller records.
    for place in rows[np.lexsort((-listed.right[rows], -listed.left[rows], listed.weight[rows]))].tolist():
        row[listed.left[place]] = row[listed.right[place]] = place
    return reasons.gather(pl.Series(row).replace(-1, None))


def methods(root: Ints, listed: LinkList, known: Numbered, evidence: Evidence) -> tuple[Bools, np.ndarray]:
    """Which records are tied to their customer by probable links only, and how probable that is.

    Records joined by identifiers or stewards make a group. The group with most records is what the customer is known
    by (of equal ones that with the smallest record); the others hang on probable links.

    Returns:
        Per record, whether it is tied by probable links only; and the probability of the strongest of them, 1 for others.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    probability = np.ones(root.size)
    only_probable = np.zeros(root.size, dtype=np.bool_)
    holds = np.array([not why for why in listed.stopped_by], dtype=np.bool_)
    probable = holds & (listed.pair >= 0)
    if not probable.any():
        return only_probable, probability
    sure = holds & (listed.pair < 0)
    ones = np.ones(int(sure.sum()), dtype=np.int8)
    matrix = coo_array((ones, (listed.left[sure], listed.right[sure])), shape=(root.size, root.size)).tocsr()
    _, group = connected_components(matrix, directed=False)
    size = np.bincount(group)
    smallest = np.full(size.size, root.size, dtype=np.int64)
    np.minimum.at(smallest, group, np.arange(root.size))
    # Of each customer's groups the largest, then the one with the smallest record.
    of_group = root[smallest]
    order = np.lexsort((smallest, -size, of_group))
    is_core = np.zeros(size.size, dtype=np.bool_)
    is_core[order[np.flatnonzero(np.diff(of_group[order], prepend=-1))]] = True
    best = np.zeros(size.size)
    chance = evidence.pairs["probability"].to_numpy()[known.pair_row[listed.pair[probable]]]
    for side in (listed.left[probable], listed.right[probable]):
        np.maximum.at(best, group[side], chance)
    only_probable = ~is_core[group]
    probability[only_probable] = best[group[only_probable]]
    return only_probable, probability
