"""The links between records: those that hold each customer together, and those that were stopped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from models.identity import words
from models.identity.clusters import Edge
from models.identity.graph import Floats, labels, strongest_tree
from models.identity.keys import Bools, Ints, Links, Records, gathered
from models.identity.numbered import Numbered
from models.identity.result import LINKS_SCHEMA
from models.identity.rules import Evidence
from models.identity.texts import text_order

#: Bits of a link that a steward drew: more than any other weighs.
STEWARD_BITS = 1000.0


@dataclass(frozen=True, slots=True)
class LinkList:
    """Links by the numbers of what they join.

    Attributes:
        left, right: the records.
        value: number of the identifier's value, -1 for others.
        pair: place of the probable link in `Numbered`, -1 for others.
        weight: bits.
        decision: by place of the link, the steward's decision; others have none.
        stopped_by: by place of the link, what stopped it; the others hold.
    """

    left: Ints
    right: Ints
    value: Ints
    pair: Ints
    weight: Floats
    decision: Mapping[int, str]
    stopped_by: Mapping[int, str]

    @property
    def is_holding(self) -> Bools:
        """Per link, whether it holds."""
        holds = np.ones(self.left.size, dtype=np.bool_)
        holds[list(self.stopped_by)] = False
        return holds

    @property
    def is_exact_only(self) -> bool:
        """Whether all are identifiers that hold, as it is without evidence."""
        return not (self.stopped_by or self.decision or (self.pair >= 0).any())


def holding_links(
    root: Ints,
    links: Links,
    starred: tuple[Ints, Ints, Ints],
    values: pl.Series,
    kind_weights: Sequence[float],
    known: Numbered,
    in_doubt: Bools,
    followed: Sequence[Edge],
) -> LinkList:
    """The links that hold customers together and those that were stopped.

    Args:
        root: per record, the smallest record of its customer.
        links: values and the records that carry them.
        starred: the links of joining values, as `stars` gives them.
        values: the text of each value; of two that join the same records with one weight, the first by its text holds.
        kind_weights: per kind, the bits that an equal value weighs.
        known: probable links and decisions.
        in_doubt: per record, whether the links of its component were followed one by one.
        followed: those links.
    """
    left, right, value = starred
    merges, of_pairs = known.merges, np.arange(known.pair_left.size)
    if in_doubt.any():
        plain = ~in_doubt[left]
        left, right, value = left[plain], right[plain], value[plain]
        of_pairs = np.flatnonzero(~in_doubt[known.pair_left])
        merges = [merge for merge in known.merges if not in_doubt[merge[1]]]
    of_kind = np.asarray(kind_weights, dtype=np.float64)
    weight = of_kind[links.kind[value]]
    pairs = np.full(value.size, -1, dtype=np.int64)
    if of_pairs.size or merges:
        others = of_pairs.size + len(merges)
        left = np.concatenate([left, known.pair_left[of_pairs], _numbers([one[1] for one in merges])])
        right = np.concatenate([right, known.pair_right[of_pairs], _numbers([one[2] for one in merges])])
        value = np.concatenate([value, np.full(others, -1, dtype=np.int64)])
        pairs = np.concatenate([pairs, of_pairs, np.full(len(merges), -1, dtype=np.int64)])
        weight = np.concatenate([weight, known.pair_weight[of_pairs], np.full(len(merges), STEWARD_BITS)])
    first_merge = left.size - len(merges)

    def rank(places: Ints) -> Ints:
        """Identifiers by kind and text, then the others as they come."""
        exact = value[places] >= 0
        told = value[places[exact]]
        ranks = told.size + places
        by_text = np.empty(told.size, dtype=np.int64)
        by_text[text_order(values.gather(told), links.kind[told])] = np.arange(told.size)
        ranks[exact] = by_text
        return ranks

    held = strongest_tree(left, right, weight, root, rank)
    decision = {
        int(place): merges[int(held[place]) - first_merge][0] for place in np.flatnonzero(held >= first_merge).tolist()
    }
    edges = enumerate(followed, held.size)
    edge_weights = [_weight(edge, links, kind_weights, known) for edge in followed]
    return LinkList(
        left=np.concatenate([left[held], _numbers([edge.left for edge in followed])]),
        right=np.concatenate([right[held], _numbers([edge.right for edge in followed])]),
        value=np.concatenate([value[held], _numbers([edge.value for edge in followed])]),
        pair=np.concatenate([pairs[held], _numbers([edge.pair for edge in followed])]),
        weight=np.concatenate([weight[held], np.array(edge_weights, dtype=np.float64)]),
        decision=decision | {place: edge.decision for place, edge in edges if edge.decision},
        stopped_by={place: edge.stopped_by for place, edge in enumerate(followed, held.size) if edge.stopped_by},
    )


def _numbers(values: list[int]) -> Ints:
    return np.array(values, dtype=np.int64)


def _weight(edge: Edge, links: Links, kind_weights: Sequence[float], known: Numbered) -> float:
    if edge.value >= 0:
        return kind_weights[int(links.kind[edge.value])]
    return float(known.pair_weight[edge.pair]) if edge.pair >= 0 else STEWARD_BITS


@dataclass(frozen=True, slots=True)
class LinkTable:
    """The links as they are shown.

    Attributes:
        frame: as `IdentityResult.links`, in its order.
        order: per row, the place of its link in the list.
    """

    frame: pl.DataFrame
    order: Ints

    def reasons(self, places: Ints) -> pl.Series:
        """The reasons of links by their places in the list."""
        row = np.empty(self.order.size, dtype=np.int64)
        row[self.order] = np.arange(self.order.size)
        return self.frame["reason"].gather(row[places])


def as_table(
    listed: LinkList,
    records: Records,
    kind_of_value: Ints,
    kinds: Sequence[str],
    values: pl.Series,
    known: Numbered,
    evidence: Evidence,
    customers: pl.Series,
) -> LinkTable:
    """The links as `IdentityResult.links`.

    Args:
        listed: the links.
        records: the numbered records.
        kind_of_value: per value, the place of its kind.
        kinds: the kinds of identifier.
        values: the text of each value, by its number.
        known: numbered evidence.
        evidence: the evidence, for reasons and probabilities of probable links.
        customers: the customer id of each record.
    """
    names = [*kinds, "profile", "decision"]
    kind = np.where(listed.pair >= 0, len(kinds), len(kinds) + 1)
    exact = listed.value >= 0
    kind[exact] = kind_of_value[listed.value[exact]]
    order = _order(listed, records.frame.height, kind, names, values)
    left, right, kind = listed.left[order], listed.right[order], kind[order]
    sources, ids = records.frame["source"], records.frame["source_record_id"]
    joined = pl.Series([*(words.same(name).strip() for name in kinds), None, None], dtype=pl.String)
    frame = pl.DataFrame(
        {
            "source": sources.gather(left),
            "source_record_id": ids.gather(left),
            "other_source": sources.gather(right),
            "other_record_id": ids.gather(right),
            "customer_id": customers.gather(left),
            "method": pl.Series([*("exact" for _ in kinds), "probabilistic", "steward"], dtype=pl.String).gather(kind),
            "kind": pl.Series(names, dtype=pl.String).gather(kind),
            "value": gathered(values, listed.value[order]),
            "weight": listed.weight[order],
            "probability": np.ones(order.size),
            "is_holding": listed.is_holding[order],
            "reason": joined.gather(kind),
        }
    )
    if not listed.is_exact_only:
        frame = _with_evidence(frame, listed, order, known, evidence)
    return LinkTable(frame.match_to_schema(LINKS_SCHEMA), order)


def _with_evidence(
    frame: pl.DataFrame, listed: LinkList, order: Ints, known: Numbered, evidence: Evidence
) -> pl.DataFrame:
    """The table with the probabilities and reasons of probable links, and what decided or stopped a link."""
    pair = listed.pair[order]
    row = np.full(pair.size, -1, dtype=np.int64)
    row[pair >= 0] = known.pair_row[pair[pair >= 0]]
    stopped = {place: words.kept_apart(why) for place, why in listed.stopped_by.items()}
    decided = {place: words.decided(decision) for place, decision in listed.decision.items()}
    joined = pl.coalesce("pair_reason", "drawn", "reason")
    return (
        frame.with_columns(
            probability=gathered(evidence.pairs["probability"], row).fill_null(1.0),
            pair_reason=gathered(evidence.pairs["reason"], row),
            drawn=_by_place(decided, order),
            stopped=_by_place(stopped, order),
        )
        .with_columns(
            reason=pl.when("is_holding").then(joined).otherwise(pl.concat_str(joined, pl.lit("; but "), "stopped"))
        )
        .select(LINKS_SCHEMA.names())
    )


def _by_place(texts: Mapping[int, str], order: Ints) -> pl.Series:
    """The text of each link that has one, in the order of the rows."""
    number = np.full(order.size, -1, dtype=np.int64)
    number[list(texts)] = np.arange(len(texts))
    return gathered(pl.Series(list(texts.values()), dtype=pl.String), number[order])


def _order(listed: LinkList, records: int, kind: Ints, names: Sequence[str], values: pl.Series) -> Ints:
    """The links by their records, then kind and value.

    Records are numbered in the order of their keys, so numbers are sorted and not texts; only where two links join the
    same records, texts are compared.
    """
    pair = listed.left * records + listed.right
    order = pl.Series(pair).arg_sort().to_numpy().astype(np.int64)
    same = np.diff(pair[order]) == 0
    if not same.any():
        return order
    several = np.flatnonzero(np.append(same, [False]) | np.append([False], same))
    tied = order[several]
    of_kind = np.argsort(np.argsort(np.array(names)))[kind[tied]]
    exact = listed.value[tied] >= 0
    of_value = np.full(tied.size, tied.size, dtype=np.int64)
    told = values.gather(listed.value[tied[exact]])
    of_value[exact] = told.rank("dense").to_numpy()
    order[several] = tied[np.lexsort((tied, of_value, of_kind, pair[tied]))]
    return order


def links_told(listed: LinkList, table: LinkTable, records: int) -> tuple[pl.Series, pl.Series]:
    """What the strongest link of each record says that is no identifier: one that holds, and one that was stopped.

    Args:
        listed: the links.
        table: the links as they are shown.
        records: number of records.

    Returns:
        Per record a reason or null, of links that hold, and of links that were stopped.
    """
    holds = listed.is_holding
    return (
        _strongest(listed, table, np.flatnonzero(holds & (listed.value < 0)), records),
        _strongest(listed, table, np.flatnonzero(~holds), records),
    )


def _strongest(listed: LinkList, table: LinkTable, places: Ints, records: int) -> pl.Series:
    # From the weakest to the strongest, so that the strongest stays; of equal ones the one between smaller records.
    places = places[np.lexsort((-listed.right[places], -listed.left[places], listed.weight[places]))]
    row = np.full(records, -1, dtype=np.int64)
    row[np.column_stack([listed.left[places], listed.right[places]]).ravel()] = np.repeat(np.arange(places.size), 2)
    return gathered(table.reasons(places), row)


def methods(root: Ints, listed: LinkList, known: Numbered, evidence: Evidence) -> tuple[Bools, Floats]:
    """Which records are tied to their customer by probable links only, and how probable that is.

    Records joined by identifiers or stewards make a group. The group with most records is what the customer is known
    by (of equal ones that with the smallest record); the others hang on probable links.

    Returns:
        Per record, whether it is tied by probable links only; and the probability of the strongest of them, 1 for
        others.
    """
    probability = np.ones(root.size)
    only_probable = np.zeros(root.size, dtype=np.bool_)
    holds = listed.is_holding
    probable = holds & (listed.pair >= 0)
    if not probable.any():
        return only_probable, probability
    sure = holds & (listed.pair < 0)
    count, group = labels(listed.left[sure], listed.right[sure], root.size)
    size = np.bincount(group, minlength=count)
    smallest = np.empty(count, dtype=np.int64)
    # Written from the last record to the first, so that the smallest one stays.
    smallest[group[::-1]] = np.arange(root.size - 1, -1, -1)
    # Of each customer's groups the largest, then the one with the smallest record; only customers with a probable
    # link have several.
    of_group = root[smallest]
    has_several = np.bincount(of_group, minlength=root.size) > 1
    is_core = ~has_several[of_group]
    several = np.flatnonzero(has_several[of_group])
    order = several[np.lexsort((smallest[several], -size[several], of_group[several]))]
    is_core[order[np.flatnonzero(np.diff(of_group[order], prepend=-1))]] = True
    best = np.zeros(count)
    chance = evidence.pairs["probability"].to_numpy()[known.pair_row[listed.pair[probable]]]
    for side in (listed.left[probable], listed.right[probable]):
        np.maximum.at(best, group[side], chance)
    only_probable = ~is_core[group]
    probability[only_probable] = best[group[only_probable]]
    return only_probable, probability
