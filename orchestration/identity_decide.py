"""What a steward wants to decide, checked against what is published and decided, with what would come of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from orchestration.decision_conflicts import Groups, overruled
from orchestration.decisions import Decision, Record, undone
from orchestration.identity_explain import with_status
from orchestration.identity_subjects import (
    IdentityError,
    Subject,
    blocked,
    identifiers_of,
    links_of,
    named_records,
)

if TYPE_CHECKING:
    from orchestration.published import Published, Row

APPLIED, WAITING = "applied", "waits for the next run"


@dataclass(frozen=True)
class Side:
    """One side of a decision.

    Attributes:
        customer_id: The customer that its records are of now.
        records: The records.
        parts: For a split, the customers that it would be: more than one where nothing else holds its records.
    """

    customer_id: str
    records: tuple[Record, ...]
    parts: list[list[Record]] = field(default_factory=list)


@dataclass(frozen=True)
class Plan:
    """Decisions that are about to be kept.

    Attributes:
        drafts: The decisions; several where a merge has to overrule several splits.
        sides: The records on each side; none for an undo.
        follows: What would come of it, as sentences.
        overrules: Earlier decisions that would not count any more.
        revives: Earlier decisions that would count again.
    """

    drafts: list[Decision]
    sides: list[Side] = field(default_factory=list)
    follows: list[str] = field(default_factory=list)
    overrules: list[Decision] = field(default_factory=list)
    revives: list[Decision] = field(default_factory=list)


def plan_split(
    published: Published,
    subject: Subject,
    words: Sequence[str],
    earlier: Sequence[Decision],
    *,
    reason: str,
    by: str,
    country: str | None,
    kinds: Collection[str] | None,
) -> Plan:
    """Part the records that words name from all others of their customer.

    Args:
        published: the open copy.
        subject: the customer.
        words: records, or values that records of the customer carry.
        earlier: what was decided before.
        reason: why.
        by: who decides.
        country: the region of phone numbers written without country code.
        kinds: the kinds of identifier that join; None where they are not known.

    Raises:
        IdentityError: a word names no record of this customer, all records are named, or the same was decided before.
    """
    records = named_records(published, subject.customer_id, subject.members, words, country)
    others = tuple(record for record in subject.members if record not in records)
    if not others:
        raise IdentityError(
            f"These are all {len(records)} records of {subject.customer_id}, so nothing would be parted. "
            "Name those that are of another person."
        )
    draft = Decision("split", records, others, reason=reason, decided_by=by)
    _refuse_repeated(draft, earlier)
    groups = _still_joined(published, subject.customer_id, (records, others), kinds)
    sides = [Side(subject.customer_id, side, groups.parts(side)) for side in (records, others)]
    return _planned([draft], earlier, sides, _after_split(subject.customer_id, sides))


def plan_merge(
    published: Published, left: Subject, right: Subject, earlier: Sequence[Decision], *, reason: str, by: str
) -> Plan:
    """Join two customers: a record of one and a record of the other belong to one person.

    Where splits hold records of the two apart, the merge names such records, so that the splits are overruled.

    Raises:
        IdentityError: both are one customer already, or the same was decided before.
    """
    if left.customer_id == right.customer_id:
        raise IdentityError(f"Both are one customer already: {left.customer_id}.")
    drafts: list[Decision] = []
    for split, status in reversed(with_status(earlier)):
        pair = _held_apart(split, left.members, right.members)
        if (
            split.decision == "split"
            and status == "counts"
            and pair
            and split.decision_id in _standing(earlier, drafts)
        ):
            drafts.append(Decision("merge", (pair[0],), (pair[1],), reason=reason, decided_by=by))
    if not drafts:
        ends = _best_known(published, left), _best_known(published, right)
        drafts = [Decision("merge", (ends[0],), (ends[1],), reason=reason, decided_by=by)]
        _refuse_repeated(drafts[0], earlier)
    sides = [Side(one.customer_id, one.members) for one in (left, right)]
    return _planned(drafts, earlier, sides, _after_merge(published, sides))


def plan_undo(decision_id: str, earlier: Sequence[Decision], *, reason: str, by: str) -> Plan:
    """Let a decision not count any more.

    Raises:
        IdentityError: there is no such decision, or it was undone before.
    """
    named = next((one for one in earlier if one.decision_id == decision_id.strip()), None)
    if named is None:
        raise IdentityError("There is no decision with this id. See all: regulars identity decisions")
    if named.decision_id in (gone := undone(earlier)):
        raise IdentityError(f"{named.decision_id} was undone before, by {gone[named.decision_id]}.")
    draft = Decision("undo", undoes=named.decision_id, reason=reason, decided_by=by)
    return _planned([draft], earlier, [], [])


def statuses(published: Published | None, decisions: Sequence[Decision]) -> list[tuple[Decision, str, str | None]]:
    """Each decision with its status and the run's note on it.

    The run has the last word: it knows the records. Until it has seen every decision, what the decisions themselves
    tell counts where the two differ.
    """
    rows = published.rows("identity_decisions") if published and published.has("identity_decisions") else []
    told: dict[str, Row] = {row["decision_id"]: row for row in rows}
    seen = {name: str(row.get("status") or APPLIED) for name, row in told.items()}
    gone = undone(decisions)
    settled = all(
        seen.get(one.decision_id, "undone") == "undone" if one.decision_id in gone else one.decision_id in seen
        for one in decisions
        if one.decision != "undo"
    )
    found = []
    for one, here in with_status(decisions):
        status = _status(one, here, seen, settled=settled)
        note = told[one.decision_id].get("note") if status == seen.get(one.decision_id) else None
        found.append((one, status, note))
    return found


def _status(one: Decision, here: str, seen: dict[str, str], *, settled: bool) -> str:
    of_run = seen.get(one.decision_id)
    if here == "undone":
        return here if of_run in (None, here) else f"{here} from the next run on"
    if one.decision == "undo":
        return APPLIED if seen.get(str(one.undoes), "undone") == "undone" else WAITING
    if settled and of_run is not None:
        return of_run
    if here == "overruled":
        return here if of_run in (None, here) else f"{here} from the next run on"
    return WAITING if of_run is None or of_run in ("undone", "overruled") else of_run


def _planned(drafts: list[Decision], earlier: Sequence[Decision], sides: list[Side], follows: list[str]) -> Plan:
    before, after = _standing(earlier, []), _standing(earlier, drafts)
    undoing = {draft.undoes for draft in drafts}
    return Plan(
        drafts,
        sides,
        follows,
        overrules=[one for name, one in before.items() if name not in after and name not in undoing],
        revives=[one for name, one in after.items() if name not in before],
    )


def _standing(earlier: Sequence[Decision], drafts: Sequence[Decision]) -> dict[str, Decision]:
    """The earlier decisions, by id, that count beside some that are not kept yet."""
    together = [*earlier, *(replace(draft, decision_id=f"draft {place}") for place, draft in enumerate(drafts))]
    out = undone(together).keys() | overruled(together)
    return {one.decision_id: one for one in earlier if one.decision_id not in out and one.decision != "undo"}


def _refuse_repeated(draft: Decision, earlier: Sequence[Decision]) -> None:
    sides = {frozenset(draft.records), frozenset(draft.others)}
    for one in _standing(earlier, []).values():
        if one.decision == draft.decision and {frozenset(one.records), frozenset(one.others)} == sides:
            raise IdentityError(f"The same was decided before: {one.decision_id}. See: regulars identity decisions")


def _held_apart(split: Decision, mine: Collection[Record], theirs: Collection[Record]) -> tuple[Record, Record] | None:
    """A record of each customer that a split holds apart."""
    for some, others in ((split.records, split.others), (split.others, split.records)):
        left = next((record for record in some if record in mine), None)
        right = next((record for record in others if record in theirs), None)
        if left and right:
            return left, right
    return None


def _best_known(published: Published, subject: Subject) -> Record:
    """The record that stands for others: the one with most links, so that the decision outlives a lost link."""
    ties = Counter(record for link in links_of(published, subject.customer_id) for record in (link.left, link.right))
    return max(sorted(subject.records), key=lambda record: ties[record])


def _still_joined(
    published: Published, customer_id: str, sides: Collection[Collection[Record]], kinds: Collection[str] | None
) -> Groups:
    """What still joins records within each side: their links, and the identifiers that they share."""
    groups = Groups()
    links = links_of(published, customer_id)
    stopped = {(link.kind, link.value) for link in links if not link.is_holding}
    values = identifiers_of(published, customer_id)
    barred = blocked(published, values.keys())
    for side in sides:
        within = set(side)
        for link in links:
            if link.is_holding and link.left in within and link.right in within:
                groups.join(link.left, link.right)
        for key, records in values.items():
            if key in barred or key in stopped or (kinds is not None and key[0] not in kinds):
                continue
            inside = [record for record in records if record in within]
            for record in inside[1:]:
                groups.join(inside[0], record)
    return groups


def _after_split(customer_id: str, sides: Sequence[Side]) -> list[str]:
    # The id stays with the part that holds most records, or the smallest one: the rule of models.identity.resolve.
    parts = sorted((part for side in sides for part in side.parts), key=lambda part: (-len(part), part[0]))
    stays, *leave = parts
    told = [f"{customer_id} keeps its id with {_records(len(stays))}."]
    told += [f"{_records(len(part))} {_become(len(part))} another customer, with an id of its own." for part in leave]
    if len(parts) > len(sides):
        told.append("Within one side nothing else joins all records, so it falls into several customers.")
    return told


def _after_merge(published: Published, sides: Sequence[Side]) -> list[str]:
    total = sum(len(side.records) for side in sides)
    told = [f"{_records(total)} become one customer."]
    ages = [_since(published, side.customer_id) for side in sides]
    if all(age is not None for age in ages):
        # The oldest id stays, then the one with most records, then the smallest: models.identity.resolve.
        order = sorted(
            zip(ages, sides, strict=True), key=lambda one: (one[0], -len(one[1].records), one[1].customer_id)
        )
        stays, goes = (side.customer_id for _, side in order)
        told.append(f"{stays} keeps its id; whoever asks for {goes} finds it, too.")
    return told


def _since(published: Published, customer_id: str) -> datetime | None:
    if not published.has("customer_records", "resolved_at"):
        return None
    rows = published.rows("customer_records", "customer_id = ?", [customer_id], order="resolved_at", limit=1)
    found: datetime | None = rows[0]["resolved_at"] if rows else None
    return found


def _records(number: int) -> str:
    return f"{number:,} record{'' if number == 1 else 's'}"


def _become(number: int) -> str:
    return "becomes" if number == 1 else "become"
