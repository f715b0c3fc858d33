"""What of the reporting contract has changed since a release, what of it breaks a promise, and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import SequenceMatcher
from typing import Literal

from orchestration.contract_release import Release, ReleasedColumn, ReleasedModel, ReleasedVersion, release_key

# breaking: a promise is broken, and the tests fail. major: readers must follow, and have been given the time.
# minor: readers may look. words: nothing but a description.
Effect = Literal["breaking", "major", "minor", "words"]

_NEW_VERSION = (
    "Keep the released columns in version {version} and put the change into a new version of the model "
    "(docs/contract.md#change-a-table)."
)


@dataclass(frozen=True)
class Change:
    """One difference.

    Attributes:
        table: What readers call it: the model, with its version where that is not the one of the plain name.
        kind: added, removed, renamed, retyped, grain, description, version, latest, ends, ended or may be dropped.
        effect: What it means for readers.
        column: The column, or None where it is about the table.
        before: What was released.
        after: What stands there now.
        todo: What to do; empty where nothing is.
    """

    table: str
    kind: str
    effect: Effect
    column: str | None = None
    before: str = ""
    after: str = ""
    todo: str = ""

    def __str__(self) -> str:
        """Return it as one line, as a release keeps it."""
        where = self.table if self.column is None else f"{self.table}.{self.column}"
        moved = {(True, True): f"{self.before} -> {self.after}", (True, False): f"was {self.before}"}
        said = moved.get((bool(self.before), bool(self.after)), self.after)
        return f"{where}: {self.kind}{f' ({said})' if said else ''}"


def changes_since(released: Release, present: Release, today: date) -> list[Change]:
    """What has changed since a release, by table.

    Args:
        released: What was promised.
        present: What the models say now.
        today: Decides which versions have ended.
    """
    found: list[Change] = []
    for name in sorted(released.models.keys() | present.models.keys()):
        before, after = released.models.get(name), present.models.get(name)
        if before is None:
            found.append(Change(name, "added", "minor", after="a new table"))
        else:
            found += _of_model(name, before, after, today)
    return found


def next_number(released: Release | None, changes: Sequence[Change]) -> str:
    """The number of the next release: 1 is the first; then 2 where readers must follow, else 1.1 and so on."""
    if released is None:
        return "1"
    major, minor = (*release_key(released.number), 0)[:2]
    if any(change.effect in ("breaking", "major") for change in changes):
        return str(major + 1)
    return f"{major}.{minor + 1}"


def breaking(changes: Sequence[Change]) -> list[Change]:
    """Those that break a promise."""
    return [change for change in changes if change.effect == "breaking"]


def _of_model(name: str, before: ReleasedModel, after: ReleasedModel | None, today: date) -> Iterator[Change]:
    for version, promised in before.versions.items():
        shown = name if version == (after or before).latest_version else f"{name}_v{version}"
        there = None if after is None else after.versions.get(version)
        if there is None:
            yield _gone(shown, version, promised, today)
            continue
        yield from _of_columns(shown, version, promised.columns, there.columns)
        if set(promised.grain or ()) != set(there.grain or ()):
            # A grain that nobody had stated was no promise.
            effect, todo = ("minor", "") if promised.grain is None else ("breaking", _NEW_VERSION)
            said = _grain(promised.grain), _grain(there.grain)
            yield Change(shown, "grain", effect, None, *said, todo.format(version=version))  # type: ignore[arg-type]
        yield from _of_last_day(shown, version, promised, there, today)
    if after is None:
        return
    for version in after.versions:
        if version not in before.versions:
            yield Change(f"{name}_v{version}", "version", "minor", after=f"version {version} is new")
    if before.latest_version != after.latest_version and before.latest_version in after.versions:
        yield _moved(name, before, after)


def _gone(shown: str, version: str, promised: ReleasedVersion, today: date) -> Change:
    if promised.ends_on is not None and today > promised.ends_on:
        return Change(shown, "ended", "major", before=f"version {version}, served until {promised.ends_on}")
    if promised.ends_on is not None:
        todo = f"Bring version {version} back: it was promised until {promised.ends_on}."
    else:
        todo = f"Bring version {version} back, give it a deprecation_date, release that, and drop it after that day."
    return Change(shown, "removed", "breaking", before=f"version {version}", todo=todo)


def _of_columns(
    shown: str, version: str, before: Mapping[str, ReleasedColumn], after: Mapping[str, ReleasedColumn]
) -> Iterator[Change]:
    todo = _NEW_VERSION.format(version=version)
    renamed = renames(before, after)
    for column, was in before.items():
        now = after.get(column)
        if column in renamed:
            yield Change(shown, "renamed", "breaking", column, column, renamed[column], todo)
        elif now is None:
            yield Change(shown, "removed", "breaking", column, was.type, "", todo)
        elif not _same_type(was.type, now.type):
            yield Change(shown, "retyped", "breaking", column, was.type, now.type, todo)
        elif was.words != now.words:
            yield Change(
                shown, "description", "words", column,
                todo="If the meaning has changed, not only the words, make a new version.",
            )  # fmt: skip
    for column, now in after.items():
        if column not in before and column not in renamed.values():
            yield Change(shown, "added", "minor", column, after=now.type)


def renames(before: Mapping[str, ReleasedColumn], after: Mapping[str, ReleasedColumn]) -> dict[str, str]:
    """Which of the removed columns were probably renamed: to a new one of the same type at the same place."""
    old, new = list(before), list(after)
    found: dict[str, str] = {}
    for kind, old_from, old_to, new_from, new_to in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind != "replace":
            continue
        added = [name for name in new[new_from:new_to] if name not in before]
        for name in old[old_from:old_to]:
            same = [one for one in added if _same_type(before[name].type, after[one].type)]
            if name not in after and same:
                found[name] = same[0]
                added.remove(same[0])
    return found


def _same_type(one: str, other: str) -> bool:
    return _spelled(one) == _spelled(other)


def _spelled(kind: str) -> str:
    """The engine's own spelling, so that `text` is `string`; a type it does not know stays as it is written."""
    import duckdb

    try:
        return str(duckdb.sqltype(kind))
    except duckdb.Error:
        return "".join(kind.lower().split())


def _of_last_day(
    shown: str, version: str, promised: ReleasedVersion, there: ReleasedVersion, today: date
) -> Iterator[Change]:
    before, after = promised.ends_on, there.ends_on
    if before != after:
        said = str(before or "no last day"), str(after or "no last day")
        if after is not None and before is None and after < today:
            todo = f"Readers of version {version} have not been told: give it a last day that lies ahead."
            yield Change(shown, "ends", "breaking", None, *said, todo)
        elif after is not None and before is not None and after < before:
            todo = f"Serve version {version} at least until {before}, as promised."
            yield Change(shown, "ends", "breaking", None, *said, todo)
        else:
            yield Change(shown, "ends", "minor", None, *said)
    if after is not None and today > after:
        todo = f"Version {version} may be dropped: remove it from the model's `versions`, and its file."
        yield Change(shown, "may be dropped", "minor", before=f"served until {after}", todo=todo)


def _moved(name: str, before: ReleasedModel, after: ReleasedModel) -> Change:
    """The plain name stands for another version, and the one before is still served under its own."""
    old, new = before.versions[before.latest_version], after.versions[after.latest_version]
    changes = list(_of_columns(name, "", old.columns, new.columns))
    lost = [change for change in changes if change.effect == "breaking"]
    told = "; ".join(f"{change.column} {change.kind}" for change in lost) or "nothing is lost"
    ends = after.versions[before.latest_version].ends_on
    todo = f"Readers who need version {before.latest_version} find it as {name}_v{before.latest_version}"
    if ends is None:
        todo += ". Give it a last day (deprecation_date), or it is served for ever."
    else:
        todo += f" until {ends}."
    effect: Effect = "major" if lost or set(old.grain or ()) != set(new.grain or ()) else "minor"
    return Change(
        name, "latest", effect, None,
        f"version {before.latest_version}", f"version {after.latest_version}: {told}", todo,
    )  # fmt: skip


def _grain(columns: tuple[str, ...] | None) -> str:
    return "not stated" if columns is None else " and ".join(columns)
