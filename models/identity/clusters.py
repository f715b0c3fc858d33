"""Customers under guards: links are followed from the strongest to the weakest, and none that joins two people is.

Most records hang together without anything that speaks against it; they are taken as they are. Where a component
holds values that contradict each other, a steward's split, probable links between several records or more records than
a customer should have, its links are followed one by one, as Kruskal's algorithm follows edges (J. B. Kruskal 1956,
Proc. AMS 7, 48-50): each joins two parts unless something separates them. So what is cut is always the weakest link,
and the links followed are those that hold a customer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import polars as pl

from models.identity.keys import Bools, Ints, Links, distinct
from models.identity.numbered import AGAINST_BITS, Numbered
from models.identity.separators import CONTRADICTS, contradicts
from models.identity.texts import codes

#: From so many bits on, on average, what else is known outweighs a name or a date that contradicts.
OUTWEIGHED_BITS = 3.0
#: Votes are added up as whole numbers of so small a part of a bit: then it is all one in which order.
_UNITS = 1 << 20


class Edge(NamedTuple):
    """A link that was followed or stopped.

    Attributes:
        left, right: the records; for a value, two that carry it.
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
        parent: per record, one of its part that is nearer to its smallest.
        size: per part, its records.
        named: per part, how many records can be compared.
        votes: per part and other part, what their compared pairs say together (in units), and how many they are.
        values: per part and trait, the values.
        splits: per part, the sides of stewards' splits that it holds.
    """

    traits: Sequence[str]
    parent: dict[int, int] = field(default_factory=dict)
    size: dict[int, int] = field(default_factory=dict)
    named: dict[int, int] = field(default_factory=dict)
    votes: dict[int, dict[int, list[int]]] = field(default_factory=dict)
    values: dict[int, dict[int, set[str]]] = field(default_factory=dict)
    splits: dict[int, set[tuple[str, int]]] = field(default_factory=dict)

    def add(self, records: list[int], named: list[bool]) -> None:
        """Take in records, each alone, and whether they can be compared."""
        self.parent.update(zip(records, records, strict=True))
        self.size.update(dict.fromkeys(records, 1))
        self.named.update(zip(records, map(int, named), strict=True))

    def compare(self, left: int, right: int, units: int) -> None:
        """Take in what a pair of records says that can be compared."""
        self.votes.setdefault(left, {})[right] = self.votes.setdefault(right, {})[left] = [units, 1]

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

        A trait does when each value of the one part contradicts each of the other. Where a name or a date contradicts,
        all that is known of the two may still outweigh it, such as a slip in a name with everything else the same; a
        probable link has weighed it already. What a person has one of, such as a card, is never outweighed.
        """
        mine, yours = self.values.get(left), self.values.get(right)
        if mine and yours:
            for trait in sorted(mine.keys() & yours.keys()):
                if not mine[trait].isdisjoint(yours[trait]):
                    continue  # no value contradicts itself
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
        was found to have nothing in common votes against. So a chain of weak links does not make a giant, and a
        telephone that a family shares does not make one person of it.
        """
        pairs = self.named[left] * self.named[right]
        if not pairs:
            return 0.0
        said, compared = self.votes.get(left, {}).get(right, (0, 0))
        return (said / _UNITS - AGAINST_BITS * (pairs - compared)) / pairs

    def join(self, left: int, right: int) -> int:
        """Make one part of two, and return its name."""
        keep, gone = min(left, right), max(left, right)
        self.parent[gone] = keep
        self.size[keep] += self.size.pop(gone)
        self.named[keep] += self.named.pop(gone)
        self._join_votes(keep, gone)
        if gone in self.splits:
            self.splits.setdefault(keep, set()).update(self.splits.pop(gone))
        if gone in self.values:
            held = self.values.setdefault(keep, {})
            for trait, texts in self.values.pop(gone).items():
                held.setdefault(trait, set()).update(texts)
        return keep

    def _join_votes(self, keep: int, gone: int) -> None:
        gone_votes = self.votes.pop(gone, None)
        if not gone_votes:
            return
        ours = self.votes.setdefault(keep, {})
        for other, said in gone_votes.items():
            theirs = self.votes[other]
            del theirs[gone]
            if other == keep:
                continue
            if other in ours:
                ours[other][0] += said[0]
                ours[other][1] += said[1]
            else:
                ours[other] = theirs[keep] = said


def contested(root: Ints, known: Numbered, max_records: int) -> Ints:
    """The components (by their smallest record) whose links have to be followed one by one."""
    found = [np.empty(0, dtype=np.int64)]
    if known.trait_record.size:
        found.append(_with_a_trait_twice(root, known))
    for split in known.splits:
        ones, others = ({int(root[record]) for record in side} for side in split.sides)
        found.append(np.fromiter(ones & others, dtype=np.int64))
    if known.pair_left.size:
        of_pairs = root[known.pair_left]
        sizes = np.bincount(root, minlength=root.size)
        found.append(of_pairs[sizes[of_pairs] > max_records])
    if known.named.any():
        # A component is taken as it is when every two of its records that can be compared speak for one person.
        compared = np.bincount(root[known.named], minlength=root.size)
        of_left = root[known.voted_left]
        speaks = (known.vote >= 0) & (of_left == root[known.voted_right])
        agreed = np.bincount(of_left[speaks], minlength=root.size)
        found.append(np.flatnonzero(agreed < compared * (compared - 1) // 2))
    return distinct(np.concatenate(found))


def _with_a_trait_twice(root: Ints, known: Numbered) -> Ints:
    """The components of several records that have two values of one trait."""
    of_rows = root[known.trait_record]
    rows = np.flatnonzero((np.bincount(root, minlength=root.size) > 1)[of_rows])
    code = codes(known.trait_value.gather(rows))
    width, traits = int(code.max(initial=0)) + 1, max(len(known.traits), 1)
    # One number per component, trait and value.
    values = distinct((of_rows[rows] * traits + known.trait[rows]) * width + code) // width
    twice: Ints = values[1:][values[1:] == values[:-1]] // traits
    return twice


def follow(
    root: Ints,
    which: Ints,
    links: Links,
    joins: Bools,
    values: pl.Series,
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
        values: the text of each value.
        kind_weights: per kind, the bits that an equal value weighs.
        known: traits, probable links and decisions.
        max_records: a probable link makes no part with more records.

    Returns:
        The root of every record, and the links of the contested components: followed and stopped ones.
    """
    chosen = np.zeros(root.size, dtype=np.bool_)
    chosen[which] = True
    inside = chosen[root]
    # One component after the other, so that what is needed together lies together in memory.
    members = np.flatnonzero(inside)
    members = members[_by_component(members, root)]
    parts = _parts(members.tolist(), inside, root, known)
    edges: list[Edge] = []
    for decision, left, right in known.merges:
        if inside[left]:
            _try(parts, edges, Edge(left, right, decision=decision), max_records)
    for value, pair, records in _ordered(inside, root, links, joins, values, kind_weights, known):
        if pair < 0:
            _try_value(parts, edges, value, records)
        else:
            _try(parts, edges, Edge(records[0], records[1], pair=pair), max_records)
    settled = root.copy()
    settled[members] = [parts.find(record) for record in members.tolist()]
    return settled, edges


def _by_component(records: Ints, root: Ints) -> Ints:
    """The places of records, or of what is known of them, component by component."""
    order: Ints = np.argsort(root[records], kind="stable")
    return order


def _parts(members: list[int], inside: Bools, root: Ints, known: Numbered) -> Parts:
    parts = Parts(known.traits)
    parts.add(members, known.named[members].tolist())
    rows = np.flatnonzero(inside[known.trait_record])
    rows = rows[_by_component(known.trait_record[rows], root)]
    for record, trait, text in zip(
        known.trait_record[rows].tolist(),
        known.trait[rows].tolist(),
        known.trait_value.gather(rows).to_list(),
        strict=True,
    ):
        parts.values.setdefault(record, {}).setdefault(trait, set()).add(text)
    rows = np.flatnonzero(inside[known.voted_left] & inside[known.voted_right])
    rows = rows[known.named[known.voted_left[rows]] & known.named[known.voted_right[rows]]]
    rows = rows[_by_component(known.voted_left[rows], root)]
    units = np.rint(known.vote[rows] * _UNITS).astype(np.int64)
    voted = (known.voted_left[rows], known.voted_right[rows], units)
    for left, right, vote in zip(*(column.tolist() for column in voted), strict=True):
        parts.compare(left, right, vote)
    for split in known.splits:
        for side, records in enumerate(split.sides):
            for record in records:
                if inside[record]:
                    parts.splits.setdefault(record, set()).add((split.decision_id, side))
    return parts


def _ordered(
    inside: Bools,
    root: Ints,
    links: Links,
    joins: Bools,
    values: pl.Series,
    kind_weights: Sequence[float],
    known: Numbered,
) -> Iterator[tuple[int, int, list[int]]]:
    """The links inside, component by component, in each the strongest first.

    Links of one weight come in an order that depends on no order of rows.

    Yields:
        The number of a value and -1, or -1 and the place of a probable link; and the records.
    """
    rows = np.flatnonzero(inside[links.record] & joins[links.value])
    starts = np.flatnonzero(np.diff(links.value[rows], prepend=-1))
    told, record = links.value[rows[starts]], links.record[rows]
    pairs = np.flatnonzero(inside[known.pair_left] & inside[known.pair_right])
    of_kind = np.asarray(kind_weights, dtype=np.float64)
    # Whoever carries a joining value is in one component with the others, so each value has two records here.
    first = np.concatenate([record[starts], known.pair_left[pairs]])
    second = np.concatenate([record[starts + 1], known.pair_right[pairs]])
    kind = np.concatenate([links.kind[told], np.full(pairs.size, len(kind_weights), dtype=np.int64)])
    weight = np.concatenate([of_kind[links.kind[told]], known.pair_weight[pairs]])
    order = np.lexsort((second, first, kind, -weight, root[first]))
    same = np.ones(max(order.size - 1, 0), dtype=np.bool_)
    for key in (second, first, kind, weight):
        same &= key[order][1:] == key[order][:-1]

    carriers, begins = record.tolist(), starts.tolist()
    ends = [*begins[1:], len(carriers)]
    value_of, pair_of = told.tolist(), pairs.tolist()

    def step(place: int) -> tuple[int, int, list[int]]:
        if place < len(begins):
            return value_of[place], -1, carriers[begins[place] : ends[place]]
        return -1, pair_of[place - len(begins)], [int(first[place]), int(second[place])]

    def by_records_and_text(one: tuple[int, int, list[int]]) -> tuple[list[int], str]:
        return one[2], values[one[0]] if one[1] < 0 else ""

    waiting: list[tuple[int, int, list[int]]] = []
    for place, goes_on in zip(order.tolist(), [*same.tolist(), False], strict=False):
        if not goes_on and not waiting:
            yield step(place)
            continue
        waiting.append(step(place))
        if not goes_on:
            yield from sorted(waiting, key=by_records_and_text)
            waiting = []


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
    carriers: list[int] = []  # of each part that stands by itself, the first record with the value
    for record in records:
        part = parts.find(record)
        groups = [parts.find(carrier) for carrier in carriers]
        if part in groups:
            continue
        stopped = []
        for carrier, group in zip(carriers, groups, strict=True):
            why = parts.separated(group, part, probable=False) or ("votes" if parts.vote(group, part) < 0 else "")
            if not why:
                edges.append(Edge(carrier, record, value))
                parts.join(group, part)
                break
            stopped.append(Edge(carrier, record, value, stopped_by=why))
        else:
            edges.extend(stopped)
            carriers.append(record)
