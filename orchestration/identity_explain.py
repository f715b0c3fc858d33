"""Why two records are one customer or why not, and what holds a customer together least, from the published copy."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from orchestration.decision_conflicts import Groups, overruled
from orchestration.decisions import Decision, Record, undone
from orchestration.identity_compare import FieldLine, compare, filled
from orchestration.identity_subjects import (
    IdentityError,
    Link,
    Subject,
    blocked,
    identifiers_of,
    links_of,
    members_of,
    stopped_between,
)

if TYPE_CHECKING:
    from orchestration.published import Published

_MOST_COMPARED = 20  # records of a customer that are looked at for the one that says most


@dataclass(frozen=True)
class Edge:
    """A link on the way from one record to another, and the fields that speak for it where they were compared."""

    link: Link
    fields: list[FieldLine] = field(default_factory=list)


@dataclass(frozen=True)
class Shared:
    """An identifier that records of both customers carry, and why it does not join them."""

    kind: str
    value: str
    left: list[Record]
    right: list[Record]
    why: str


@dataclass(frozen=True)
class Explanation:
    """Why two are one, or not.

    Attributes:
        left: The first.
        right: The second.
        path: For one customer, the links that lead from a record of the first to one of the second.
        weakest: The place in `path` of the link that speaks least for it.
        shared: For two customers, the identifiers that both carry.
        stopped: For two customers, the links that were found and stopped.
        decisions: What a steward decided between the two, each with whether it counts.
        pair: The two records that were compared field by field.
        fields: What that gave.
    """

    left: Subject
    right: Subject
    path: list[Edge] = field(default_factory=list)
    weakest: int | None = None
    shared: list[Shared] = field(default_factory=list)
    stopped: list[Link] = field(default_factory=list)
    decisions: list[tuple[Decision, str]] = field(default_factory=list)
    pair: tuple[Record, Record] | None = None
    fields: list[FieldLine] = field(default_factory=list)

    @property
    def is_same(self) -> bool:
        """Whether both are one customer."""
        return self.left.customer_id == self.right.customer_id


@dataclass(frozen=True)
class Weakest:
    """What holds a customer together.

    Attributes:
        customer_id: The customer.
        members: Its records.
        links: What holds it, the strongest link first.
        weakest: The link that holds least; None for a customer of one record.
        parts: What would come of the customer without it: the part to split off first, the smaller one.
    """

    customer_id: str
    members: tuple[Record, ...]
    links: list[Link]
    weakest: Link | None = None
    parts: tuple[list[Record], list[Record]] | None = None


def explain(published: Published, left: Subject, right: Subject, decisions: Sequence[Decision]) -> Explanation:
    """Say why two are one customer, or why not.

    Raises:
        IdentityError: the published copy has no links yet, or both are one record.
    """
    if left.customer_id == right.customer_id:
        return _one(published, left, right, decisions)
    return _two(published, left, right, decisions)


def weakest(published: Published, customer_id: str) -> Weakest:
    """Find the link that holds a customer together least, and what would come of the customer without it.

    Raises:
        IdentityError: the published copy has no links yet.
    """
    members = members_of(published, customer_id)
    links, groups = [], Groups()
    for link in links_of(published, customer_id):  # the strongest first: a weaker one holds what no stronger one does
        if link.is_holding and groups.of(link.left) != groups.of(link.right):
            groups.join(link.left, link.right)
            links.append(link)
    if not links:
        return Weakest(customer_id, members, [])
    *others, least = links
    without = Groups()
    for link in others:
        without.join(link.left, link.right)
    ends = (least.left, least.right)
    parts = [[record for record in members if without.of(record) == without.of(end)] for end in ends]
    small, large = sorted(parts, key=lambda part: (len(part), part))
    return Weakest(customer_id, members, links, least, (small, large))


def between(
    decisions: Sequence[Decision], left: Collection[Record], right: Collection[Record]
) -> list[tuple[Decision, str]]:
    """The decisions with a record of one set on one side and one of the other set on the other, with their status."""
    some, others = set(left), set(right)
    found = [
        one
        for one in decisions
        if (some.intersection(one.records) and others.intersection(one.others))
        or (others.intersection(one.records) and some.intersection(one.others))
    ]
    return [(one, status) for one, status in with_status(decisions) if one in found]


def with_status(decisions: Sequence[Decision]) -> list[tuple[Decision, str]]:
    """Each decision with whether it counts, as far as the decisions themselves tell: counts, undone or overruled."""
    gone, beaten = undone(decisions), overruled(decisions)
    return [
        (
            one,
            "undone" if one.decision_id in gone else "overruled" if one.decision_id in beaten else "counts",
        )
        for one in decisions
    ]


def _one(published: Published, left: Subject, right: Subject, decisions: Sequence[Decision]) -> Explanation:
    if set(left.records) == set(right.records) and len(left.records) == 1:
        raise IdentityError("Both are the same record, so nothing joins them. Name another one.")
    links = [link for link in links_of(published, left.customer_id) if link.is_holding]
    path = _path(links, left.records, right.records)
    edges = []
    for link in path:
        compared = compare(published, link.left, link.right) if link.method == "probabilistic" else []
        edges.append(Edge(link, [line for line in compared if line.weight is not None and line.weight > 0]))
    least = min(range(len(path)), key=lambda place: path[place].strength, default=None)
    ends = ([path[0].left], [path[-1].right]) if path else (left.records, right.records)
    return Explanation(left, right, edges, least, decisions=between(decisions, *ends))


def _path(links: Sequence[Link], some: Collection[Record], others: Collection[Record]) -> list[Link]:
    """The strongest link between two sets of records, else the shortest way; each link turned to go that way."""
    for link in links:  # the strongest first
        for way in (link, _turned(link)):
            if way.left in some and way.right in others:
                return [way]
    from_here: dict[Record, list[Link]] = {}
    for link in links:
        for way in (link, _turned(link)):
            from_here.setdefault(way.left, []).append(way)
    came: dict[Record, Link | None] = dict.fromkeys(sorted(some))
    waiting = deque(came)
    while waiting:
        here = waiting.popleft()
        if here in others and came[here] is not None:
            return _back(came, here)
        for way in from_here.get(here, ()):
            if way.right not in came:
                came[way.right] = way
                waiting.append(way.right)
    return []


def _back(came: dict[Record, Link | None], end: Record) -> list[Link]:
    found = []
    step = came[end]
    while step is not None:
        found.append(step)
        step = came[step.left]
    return found[::-1]


def _turned(link: Link) -> Link:
    return replace(link, left=link.right, right=link.left)


def _two(published: Published, left: Subject, right: Subject, decisions: Sequence[Decision]) -> Explanation:
    mine = set(left.members)
    stopped = [
        link if link.left in mine else _turned(link)
        for link in stopped_between(published, left.customer_id, right.customer_id)
    ]
    shared = _shared(published, left, right, stopped)
    pair = _pair(published, left, right, stopped, shared)
    return Explanation(
        left,
        right,
        shared=shared,
        stopped=stopped,
        decisions=between(decisions, left.members, right.members),
        pair=pair,
        fields=compare(published, *pair) if pair else [],
    )


def _shared(published: Published, left: Subject, right: Subject, stopped: Iterable[Link]) -> list[Shared]:
    mine, theirs = identifiers_of(published, left.customer_id), identifiers_of(published, right.customer_id)
    both = [key for key in mine if key in theirs]
    barred = blocked(published, both)
    told = {(link.kind, link.value): link.reason for link in stopped}
    found = []
    for kind, value in both:
        row = barred.get((kind, value))
        if row is not None:
            why = _why_blocked(row)
        elif (kind, value) in told:
            why = told[kind, value] or "the link was stopped"
        else:
            why = "identifiers of this kind do not join records here"
        found.append(Shared(kind, value, mine[kind, value], theirs[kind, value], why))
    return found


def _why_blocked(row: dict[str, object]) -> str:
    """What the published copy says of a value that may not join, with its numbers."""
    reason = str(row.get("reason") or "it may not join")
    numbers = [
        f"{row[counted]} {counted}, at most {row[most]}"
        for counted, most in (("records", "max_records"), ("people", "max_people"))
        if reason.endswith(counted) and row.get(counted) is not None and row.get(most) is not None
    ]
    return f"{reason} ({numbers[0]})" if numbers else reason


def _pair(
    published: Published, left: Subject, right: Subject, stopped: Iterable[Link], shared: Iterable[Shared]
) -> tuple[Record, Record] | None:
    """The two records to compare: those with the strongest link between them, else those that say most."""
    for link in stopped:  # the strongest first
        if link.left in left.records and link.right in right.records:
            return link.left, link.right
    for one in shared:
        some = [record for record in one.left if record in left.records]
        others = [record for record in one.right if record in right.records]
        if some and others:
            return some[0], others[0]
    if not left.records or not right.records:
        return None
    return _richest(published, left.records), _richest(published, right.records)


def _richest(published: Published, records: Sequence[Record]) -> Record:
    return max(records[:_MOST_COMPARED], key=lambda record: filled(published, record))
