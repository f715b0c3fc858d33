"""Customers under guards: links are followed from the strongest to the weakest, and none that joins two people is.

Most records hang together without anything that speaks against it; they are taken as they are. Where a component
holds values that contradict each other, a steward's split, or more records than a customer should have, its links are
followed one by one, as Kruskal's algorithm follows edges (J. B. Kruskal 1956, Proc. AMS 7, 48-50): each joins two parts unless
something separates them. So what is cut is always the weakest link, and the links followed are those that hold a customer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from models.identity.keys import Bools, Ints, Links
from models.identity.numbered import Numbered
from models.identity.separators import contradicts


@dataclass(frozen=True, slots=True)
class Edge:
    """A link that was followed or stopped.

    Attributes:
        left, right: the records, or for a value that joins parts the first record of each.
        value: number of the identifier's value; -1 for a probable link or a decision.
        pair: place of the probable link; -1 for others.
        decision: the decision; empty for others.
        stopped_by: empty when it was followed; else the trait, `split:<decision>` or `size`.
    """

    left: int
    right: int
    value: int = -1
    pair: int = -1
    decision: str = ""
    stopped_by: str = ""


@dataclass(slots=True)
class Parts:
    """The records of contested components, joined step by step."""

    contradictions: Sequence[str]
    parent: dict[int, int] = field(default_factory=dict)
    size: dict[int, int] = field(default_factory=dict)
    values: dict[int, dict[int, set[str]]] = field(default_factory=dict)
    splits: dict[int, set[tuple[str, int]]] = field(default_factory=dict)

    def add(self, record: int) -> None:
        """Take in a record, alone."""
        self.parent[record] = record
        self.size[record] = 1

    def find(self, record: int) -> int:
        """The part of a record, named by its smallest record."""
        parent = self.parent
        while parent[record] != record:
            parent[record] = parent[parent[record]]
            record = parent[record]
        return record

    def separated(self, left: int, right: int) -> str:
        """What keeps two parts apart; empty when nothing does."""
        ours, theirs = self.splits.get(left), self.splits.get(right)
        if ours and theirs:
            for decision, side in sorted(ours):
                if (decision, 1 - side) in theirs:
                    return f"split:{decision}"
        mine, yours = self.values.get(left), self.values.get(right)
        if mine and yours:
            for trait in sorted(mine.keys() & yours.keys()):
                against = contradicts(self.contradictions[trait])
                if any(against(*sorted((one, other))) for one in mine[trait] for other in yours[trait]):
                    return self.contradictions[trait]
        return ""

    def join(self, left: int, right: int) -> int:
        """Make one part of two, and return its name."""
        keep, gone = min(left, right), max(left, right)
        self.parent[gone] = keep
        self.size[keep] += self.size.pop(gone)
        if gone in self.splits:
            self.splits.setdefault(keep, set()).update(self.splits.pop(gone))
        if gone in self.values:
            held = self.values.setdefault(keep, {})
            for trait, texts in self.values.pop(gone).items():
                held.setdefault(trait, set()).update(texts)
        return keep


def contested(root: Ints, known: Numbered, max_records: int) -> Ints:
    """The components (by their smallest record) whose links have to be followed one by one."""
    found = [np.empty(0, dtype=np.int64)]
    if known.trait_record.size:
        codes = known.trait_value.rank("dense").to_numpy().astype(np.int64)
        # One row per component, trait and value; a component that has a trait twice is looked at.
        key = root[known.trait_record] * max(len(known.traits), 1) + known.trait
        pairs = np.unique(np.stack([key, codes]), axis=1)
        keys, counts = np.unique(pairs[0], return_counts=True)
        found.append(keys[counts > 1] // max(len(known.traits), 1))
    for split in known.splits:
        ones, others = ({int(root[record]) for record in side} for side in split.sides)
        found.append(np.fromiter(ones & others, dtype=np.int64))
    if known.pair_left.size:
        sizes = np.bincount(root, minlength=root.size)
        of_pairs = root[known.pair_left]
        found.append(of_pairs[sizes[of_pairs] > max_records])
    return np.unique(np.concatenate(found))


def follow(
    root: Ints,
    which: Ints,
    links: Links,
    joins: Bools,
    kind_weights: Sequence[float],
    known: Numbered,
    max_records: int,
) -> tuple[Ints, list[Edge]]:
    """Follow the links of contested components.

    Args:
        root: per record, the smallest record of its component.
        which: the components to look at.
        links: values and the records that carry them.
        joins: per value, whether it joins two or more records.
        kind_weights: per kind, the bits that an equal value weighs.
        known: traits, probable links and decisions.
        max_records: a probable link makes no part with more records.

    Returns:
        The root of every record, and the links of the contested components: followed and stopped ones.
    """
    chosen = np.zeros(root.size, dtype=np.bool_)
    chosen[which] = True
    inside = chosen[root]
    members = np.flatnonzero(inside)
    parts = _parts(members.tolist(), inside, known)
    edges: list[Edge] = []
    for decision, left, right in known.merges:
        if inside[left]:
            _try(parts, edges, Edge(left, right, decision=decision), at_any_size=True, traits_count=False)
    for _, _, _, step in _ordered(inside, links, joins, kind_weights, known):
        if isinstance(step, Edge):
            _try(parts, edges, step, at_any_size=False, max_records=max_records)
        else:
            _try_value(parts, edges, *step)
    settled = root.copy()
    settled[members] = [parts.find(record) for record in members.tolist()]
    return settled, edges


def _parts(members: list[int], inside: Bools, known: Numbered) -> Parts:
    parts = Parts(known.traits)
    for record in members:
        parts.add(record)
    rows = np.flatnonzero(inside[known.trait_record])
    for record, trait, text in zip(
        known.trait_record[rows].tolist(), known.trait[rows].tolist(), known.trait_value[rows].to_list(), strict=True
    ):
        parts.values.setdefault(record, {}).setdefault(trait, set()).add(text)
    for split in known.splits:
        for side, records in enumerate(split.sides):
            for record in records:
                if inside[record]:
                    parts.splits.setdefault(record, set()).add((split.decision_id, side))
    return parts


def _ordered(
    inside: Bools, links: Links, joins: Bools, kind_weights: Sequence[float], known: Numbered
) -> list[tuple[float, int, list[int], Edge | tuple[int, list[int]]]]:
    """The links inside, strongest first; links of one weight in an order that depends on no order of rows."""
    steps: list[tuple[float, int, list[int], Edge | tuple[int, list[int]]]] = []
    rows = np.flatnonzero(inside[links.record] & joins[links.value])
    values, starts = np.unique(links.value[rows], return_index=True)
    for value, records in zip(
        values.tolist(), np.split(links.record[rows], starts[1:]) if rows.size else [], strict=True
    ):
        kind = int(links.kind[value])
        carriers = records.tolist()
        steps.append((-kind_weights[kind], kind, carriers, (value, carriers)))
    for place in np.flatnonzero(inside[known.pair_left] & inside[known.pair_right]).tolist():
        left, right = int(known.pair_left[place]), int(known.pair_right[place])
        steps.append(
            (-float(known.pair_weight[place]), len(kind_weights), [left, right], Edge(left, right, pair=place))
        )
    steps.sort(key=lambda step: step[:3])
    return steps


def _try(
    parts: Parts, edges: list[Edge], edge: Edge, *, at_any_size: bool, max_records: int = 0, traits_count: bool = True
) -> None:
    """Follow one link, or stop it."""
    left, right = parts.find(edge.left), parts.find(edge.right)
    if left == right:
        return
    why = parts.separated(left, right)
    if why and not traits_count and not why.startswith("split:"):
        why = ""  # a steward knows better than a birth date
    if not why and not at_any_size and parts.size[left] + parts.size[right] > max_records:
        why = "size"
    if not why:
        parts.join(left, right)
    edges.append(Edge(edge.left, edge.right, edge.value, edge.pair, edge.decision, why))


def _try_value(parts: Parts, edges: list[Edge], value: int, records: list[int]) -> None:
    """Join all parts that carry a value and that nothing separates; each goes to the first part that takes it."""
    groups: list[int] = []
    for record in records:
        part = parts.find(record)
        groups = [parts.find(group) for group in groups]
        if part in groups:
            continue
        stopped = []
        for place, group in enumerate(groups):
            why = parts.separated(group, part)
            if not why:
                edges.append(Edge(group, record, value))
                groups[place] = parts.join(group, part)
                break
            stopped.append(Edge(group, record, value, stopped_by=why))
        else:
            edges.extend(stopped)
            groups.append(part)
