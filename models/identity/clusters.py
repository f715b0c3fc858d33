"""Customers under guards: links are followed from the strongest to the weakest, and none that joins two people is.

Most records hang together without anything that speaks against it; they are taken as they are. Where a component
holds values that contradict each other, a steward's split, probable links between several records or more records than
a customer should have, its links are followed one by one, as Kruskal's algorithm follows edges (J. B. Kruskal 1956, Proc. AMS 7, 48-50): each joins two parts unless
something separates them. So what is cut is always the weakest link, and the links followed are those that hold a customer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from models.identity.keys import Bools, Ints, Links
from models.identity.numbered import AGAINST_BITS, Numbered
from models.identity.separators import CONTRADICTS, contradicts


#: From so many bits on, on average, what else is known outweighs a name or a date that contradicts.
OUTWEIGHED_BITS = 3.0


@dataclass(frozen=True, slots=True)
class Edge:
    """A link that was followed or stopped.

    Attributes:
        left, right: the records, or for a value that joins parts the first record of each.
        value: number of the identifier's value; -1 for a probable link or a decision.
        pair: place of the probable link; -1 for others.
        decision: the decision; empty for others.
        stopped_by: empty when it was followed; else the trait, `split:<decision>`, `size` or
            `votes`.
    """

    left: int
    right: int
    value: int = -1
    pair: int = -1
    decision: str = ""
    stopped_by: str = ""


@dataclass(slots=True)
class Parts:
    """The records of contested components, joined step by step.

    Attributes:
        traits: names of the traits that separate.
        votes: what compared pairs say, by left * width + right.
        width: number of all records, the factor in the keys of votes.
        parent: per record, one of its part that is nearer to its smallest.
        size: per part, its records.
        named: per part, the records that can be compared.
        values: per part and trait, the values.
        splits: per part, the sides of stewards' splits that it holds.
    """

    traits: Sequence[str]
    votes: Mapping[int, float]
    width: int
    parent: dict[int, int] = field(default_factory=dict)
    size: dict[int, int] = field(default_factory=dict)
    named: dict[int, list[int]] = field(default_factory=dict)
    values: dict[int, dict[int, set[str]]] = field(default_factory=dict)
    splits: dict[int, set[tuple[str, int]]] = field(default_factory=dict)

    def add(self, record: int, *, is_named: bool) -> None:
        """Take in a record, alone."""
        self.parent[record] = record
        self.size[record] = 1
        self.named[record] = [record] if is_named else []

    def find(self, record: int) -> int:
        """The part of a record, named by its smallest record."""
        parent = self.parent
        while parent[record] != record:
            parent[record] = parent[parent[record]]
            record = parent[record]
        return record

    def split_between(self, left: int, right: int) -> str:
        """The steward's split that keeps two parts apart; empty when there is none."""
        ours, theirs = self.splits.get(left), self.splits.get(right)
        if ours and theirs:
            for decision, side in sorted(ours):
                if (decision, 1 - side) in theirs:
                    return f"split:{decision}"
        return ""

    def separated(self, left: int, right: int, *, probable: bool) -> str:
        """What keeps two parts apart; empty when nothing does.

        A trait does when each value of the one part contradicts each of the other. Where a name or a date contradicts, all
        that is known of the two may still outweigh it, such as a slip in a name with everything else the same; a probable
        link has weighed it already. What a person has one of, such as a card, is never outweighed.
        """
        mine, yours = self.values.get(left), self.values.get(right)
        if mine and yours:
            for trait in sorted(mine.keys() & yours.keys()):
                name = self.traits[trait]
                if probable and name in CONTRADICTS:
                    continue
                against = contradicts(name)
                if all(against(*sorted((one, other))) for one in mine[trait] for other in yours[trait]) and not (
                    name in CONTRADICTS and self.vote(left, right) >= OUTWEIGHED_BITS
                ):
                    return name
        return self.split_between(left, right)

    def vote(self, left: int, right: int) -> float:
        """What is known of two parts says for one person (above 0) or against it, in bits; 0 where nothing is known.

        Every pair of records that can be compared has a vote of as many bits as it weighs, within bounds; a pair that
        was found to have nothing in common votes against. So a chain of weak links does not make a giant, and a telephone
        that a family shares does not make one person of it.
        """
        votes = [
            self.votes.get(min(one, other) * self.width + max(one, other), -AGAINST_BITS)
            for one in self.named[left]
            for other in self.named[right]
        ]
        return sum(votes) / len(votes) if votes else 0.0

    def join(self, left: int, right: int) -> int:
        """Make one part of two, and return its name."""
        keep, gone = min(left, right), max(left, right)
        self.parent[gone] = keep
        self.size[keep] += self.size.pop(gone)
        self.named[keep] += self.named.pop(gone)
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
        of_pairs = root[known.pair_left]
        sizes = np.bincount(root, minlength=root.size)
        found.append(of_pairs[sizes[of_pairs] > max_records])
    if known.votes:
        # A component is taken as it is when every two of its records that can be compared speak for one person.
        compared = np.bincount(root[known.named], minlength=root.size)
        keys = np.fromiter((key for key, vote in known.votes.items() if vote >= 0), dtype=np.int64)
        left, right = keys // root.size, keys % root.size
        agreed = np.bincount(root[left[root[left] == root[right]]], minlength=root.size)
        found.append(np.flatnonzero(agreed < compared * (compared - 1) // 2))
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
    parts = _parts(members.tolist(), inside, known, root.size)
    edges: list[Edge] = []
    for decision, left, right in known.merges:
        if inside[left]:
            _try(parts, edges, Edge(left, right, decision=decision), max_records)
    for _, _, _, step in _ordered(inside, links, joins, kind_weights, known):
        if isinstance(step, Edge):
            _try(parts, edges, step, max_records)
        else:
            _try_value(parts, edges, *step)
    settled = root.copy()
    settled[members] = [parts.find(record) for record in members.tolist()]
    return settled, edges


def _parts(members: list[int], inside: Bools, known: Numbered, width: int) -> Parts:
    parts = Parts(known.traits, known.votes, width)
    for record, is_named in zip(members, known.named[members].tolist(), strict=True):
        parts.add(record, is_named=is_named)
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


def _try(parts: Parts, edges: list[Edge], edge: Edge, max_records: int) -> None:
    """Follow a probable link or a steward's word, or stop it."""
    left, right = parts.find(edge.left), parts.find(edge.right)
    if left == right:
        return
    if edge.decision:
        why = parts.split_between(left, right)  # a steward knows better than a birth date
    else:
        why = parts.separated(left, right, probable=True)
        if not why and parts.size[left] + parts.size[right] > max_records:
            why = "size"
        if not why and parts.vote(left, right) < 0:
            why = "votes"
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
            why = parts.separated(group, part, probable=False) or ("votes" if parts.vote(group, part) < 0 else "")
            if not why:
                edges.append(Edge(group, record, value))
                groups[place] = parts.join(group, part)
                break
            stopped.append(Edge(group, record, value, stopped_by=why))
        else:
            edges.extend(stopped)
            groups.append(part)
