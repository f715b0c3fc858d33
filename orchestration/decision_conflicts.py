"""Which of the steward's decisions still hold: a later one overrules an earlier one where both cannot hold."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import count

from orchestration.decisions import Decision, Record, undone


class Groups:
    """Records that belong together: pairs are added, and a group is all that they connect."""

    def __init__(self) -> None:
        self._above: dict[Record, Record] = {}

    def of(self, record: Record) -> Record:
        """The record that stands for the group of this one."""
        top = record
        while top in self._above:
            top = self._above[top]
        while record != top:  # the next one who asks has a short way
            self._above[record], record = top, self._above[record]
        return top

    def join(self, left: Record, right: Record) -> None:
        """Put two records into one group."""
        one, other = sorted((self.of(left), self.of(right)))
        if one != other:
            self._above[other] = one

    def meet(self, some: Iterable[Record], others: Iterable[Record]) -> bool:
        """Whether a record of one side is in one group with a record of the other."""
        return not {self.of(record) for record in some}.isdisjoint(self.of(record) for record in others)

    def parts(self, records: Collection[Record]) -> list[list[Record]]:
        """The records by group: the largest first, then by their smallest record."""
        found: dict[Record, list[Record]] = {}
        for record in sorted(records):
            found.setdefault(self.of(record), []).append(record)
        return sorted(found.values(), key=lambda part: (-len(part), part[0]))


def overruled(decisions: Sequence[Decision]) -> set[str]:
    """The ids of the decisions that a later one overrules.

    The latest counts first; an earlier one counts as long as it does not contradict what counts already. Merges are
    followed from record to record: where A and B, and B and C were joined, a split of A from C contradicts the two
    together, and the older of them gives way.
    """
    gone = undone(decisions)
    beaten: set[str] = set()
    standing = _Standing()
    for one in reversed(decisions):
        if one.decision == "undo" or one.decision_id in gone:
            continue
        takes = standing.split if one.decision == "split" else standing.merge
        if not takes(one):
            beaten.add(one.decision_id)
    return beaten


class _Standing:
    """What counts so far: the groups that merges make, and for each group the splits that have a record in it."""

    def __init__(self) -> None:
        self._groups = Groups()
        self._numbers = count()
        self._sides: dict[Record, tuple[set[int], set[int]]] = {}

    def split(self, one: Decision) -> bool:
        """Let a split count unless merges that count contradict it; return whether it does."""
        if self._groups.meet(one.records, one.others):
            return False
        number = next(self._numbers)
        for side, records in enumerate((one.records, one.others)):
            for record in records:
                self._of(self._groups.of(record))[side].add(number)
        return True

    def merge(self, one: Decision) -> bool:
        """Let a merge count unless splits that count contradict it; return whether it does."""
        left, right = self._groups.of(one.records[0]), self._groups.of(one.others[0])
        if left == right:
            return True
        (some, others), (their_some, their_others) = self._of(left), self._of(right)
        if some & their_others or others & their_some:
            return False
        self._groups.join(left, right)
        self._sides[self._groups.of(left)] = (some | their_some, others | their_others)
        return True

    def _of(self, group: Record) -> tuple[set[int], set[int]]:
        return self._sides.setdefault(group, (set(), set()))
