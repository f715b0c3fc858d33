"""What the data steward decided about who is who: `<home>/identity/decisions.jsonl`, to which lines are only added.

Reading refuses nothing: what is no decision is told, with its line, and passed over. Adding takes a lock of its own, so
that it works while a run is going; the next run takes it up. The file holds record ids, which may be personal data.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from orchestration.home import HomeError, explain_os_error, sync_folder
from orchestration.report import Problem

if TYPE_CHECKING:
    import polars as pl

    from orchestration.home import Home

Record = tuple[str, str]  # source, source_record_id

KINDS = ("merge", "split", "undo")
_ID = re.compile(r"d_[0-9a-f]{12}")
_PATIENCE_SECONDS = 20.0
_FOLDER_MODE, _FILE_MODE = 0o700, 0o600
_NOT_YET = datetime.min.replace(tzinfo=UTC)
_AS_WRITTEN = "Put back the line as it was written, or take it out; the next run takes up what is right."


class DecisionError(ValueError):
    """What is to be decided is no decision; the text says why, without a value of a record."""


@dataclass(frozen=True)
class Decision:
    """One decision.

    Attributes:
        decision: merge, split or undo.
        records: The records it is about. A merge says that the first of them and the first of `others` are one person.
        others: The records of the other side. A split says that nobody of `records` is one with anybody of these.
        reason: Why, in the steward's words.
        decided_by: Who decided.
        undoes: For an undo, the decision that does not count any more.
        decision_id: `d_` and 12 hex digits; empty until it is kept.
        decided_at: When (UTC); set when it is kept.
    """

    decision: str
    records: tuple[Record, ...] = ()
    others: tuple[Record, ...] = ()
    reason: str = ""
    decided_by: str = ""
    undoes: str | None = None
    decision_id: str = ""
    decided_at: datetime = _NOT_YET

    def to_line(self) -> bytes:
        """The line of the file, with its end."""
        told = {
            "decision_id": self.decision_id,
            "decided_at": self.decided_at.astimezone(UTC).isoformat(timespec="microseconds"),
            "decided_by": self.decided_by,
            "decision": self.decision,
            "records": [list(record) for record in self.records],
            "others": [list(record) for record in self.others],
            "undoes": self.undoes,
            "reason": self.reason,
        }
        return json.dumps(told, ensure_ascii=False).encode("utf-8") + b"\n"


@dataclass(frozen=True)
class Decisions:
    """What the file holds.

    Attributes:
        kept: Every decision, in the order in which they were made; undone ones too.
        problems: Lines that are no decision, and a last line that was cut off.
        digest: Changes with every line that is added, changed or taken out; None while there is none.
        whole_bytes: The size of the file up to the end of its last whole line.
    """

    kept: tuple[Decision, ...] = ()
    problems: tuple[Problem, ...] = ()
    digest: str | None = None
    whole_bytes: int = 0

    def named(self, decision_id: str) -> Decision | None:
        """The decision with this id."""
        return next((one for one in self.kept if one.decision_id == decision_id), None)


def read_decisions(home: Home) -> Decisions:
    """Read the decisions; a home without any has none.

    Raises:
        HomeError: The file is there and cannot be read.
    """
    try:
        content = home.decisions_file.read_bytes()
    except FileNotFoundError:
        return Decisions()
    except OSError as error:
        raise HomeError(f"{home.decisions_file} cannot be read: {explain_os_error(error)}.") from error
    return _parse(content, str(home.decisions_file))


def keep(home: Home, *drafts: Decision) -> list[Decision]:
    """Add decisions, and return them as they were kept: on the disk, with id and time.

    A last line that a killed process left half done goes, because nobody was told that it was kept.

    Raises:
        DecisionError: One of them is no decision. Nothing was added.
        HomeError: The file cannot be written, or another process holds it for long. Nothing was added.
    """
    with _locked(home):
        there = read_decisions(home)
        taken = {one.decision_id for one in there.kept}
        # The order of decisions says which one overrules which, so time never goes back, whatever the clock does.
        earliest = there.kept[-1].decided_at + timedelta(microseconds=1) if there.kept else None
        made = []
        for draft in drafts:
            now = datetime.now(UTC)
            moment = max(now, earliest) if earliest else now
            one = replace(draft, decision_id=_free_id(taken), decided_at=moment)
            _check(one, taken)
            taken.add(one.decision_id)
            made.append(one)
            earliest = moment + timedelta(microseconds=1)
        _append(home, there, b"".join(one.to_line() for one in made))
    return made


def effective(decisions: Iterable[Decision]) -> pl.DataFrame:
    """The decisions that count, as a frame; undone ones and undos are left out, overruled ones are in.

    Returns:
        One row per decision and record, in the order in which they were decided: decision_id, decision (merge, split),
        decided_at (UTC without zone), decided_by, reason, side (records, others), source, source_record_id.
    """
    import polars as pl

    kept = list(decisions)
    gone = undone(kept)
    rows = [
        (one.decision_id, one.decision, one.decided_at.astimezone(UTC).replace(tzinfo=None), one.decided_by, one.reason,
         side, *record)
        for one in kept
        if one.decision != "undo" and one.decision_id not in gone
        for side, records in (("records", one.records), ("others", one.others))
        for record in records
    ]  # fmt: skip
    schema = {
        "decision_id": pl.String(),
        "decision": pl.String(),
        "decided_at": pl.Datetime("us"),
        "decided_by": pl.String(),
        "reason": pl.String(),
        "side": pl.String(),
        "source": pl.String(),
        "source_record_id": pl.String(),
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def undone(decisions: Sequence[Decision]) -> dict[str, str]:
    """The ids of the decisions that do not count, each with the undo that says so.

    An undo may be undone, too: then what it had undone counts again.
    """
    gone: dict[str, str] = {}
    for one in reversed(decisions):
        if one.decision == "undo" and one.undoes is not None and one.decision_id not in gone:
            gone.setdefault(one.undoes, one.decision_id)
    return gone


def _parse(content: bytes, file: str) -> Decisions:
    *whole, rest = content.split(b"\n")
    size = len(content) - len(rest)
    kept: list[Decision] = []
    problems: list[Problem] = []
    seen: set[str] = set()
    lines = list(enumerate(whole, start=1))
    if rest.strip():
        # What stands after the last end of line is whole where only that end is missing, as some editors leave it.
        try:
            _read_line(rest, seen)
        except DecisionError:
            problems.append(
                Problem(
                    source="identity",
                    file=f"{file}:{len(whole) + 1}",
                    what="The last line is cut off: a process was killed as it wrote. It was not kept.",
                    todo="See what was kept: regulars identity decisions. Decide again what is missing.",
                    is_failure=False,
                )
            )
        else:
            lines.append((len(whole) + 1, rest))
            size = len(content)
    digest = hashlib.sha256()
    for number, line in lines:
        text = line.strip()
        if not text:
            continue
        digest.update(text + b"\n")
        try:
            one = _read_line(text, seen)
        except DecisionError as error:
            what = f"This line is no decision, so it does not count: {error}."
            problems.append(Problem(source="identity", file=f"{file}:{number}", what=what, todo=_AS_WRITTEN))
        else:
            kept.append(one)
            seen.add(one.decision_id)
    told = digest.hexdigest() if any(line.strip() for _, line in lines) else None
    return Decisions(tuple(kept), tuple(problems), told, size)


def _read_line(line: bytes, earlier: Collection[str]) -> Decision:
    """One line as a decision.

    Raises:
        DecisionError: It is none; the text names keys, never values.
    """
    try:
        told = json.loads(line)
    except (ValueError, RecursionError):  # bad UTF-8 is a ValueError, too
        raise DecisionError("it is no JSON") from None
    if not isinstance(told, dict):
        raise DecisionError("it is no JSON object")
    moment = told.get("decided_at")
    try:
        decided_at = datetime.fromisoformat(moment)  # type: ignore[arg-type] # another type is one of the errors
        decided_at = decided_at.replace(tzinfo=decided_at.tzinfo or UTC).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        raise DecisionError("`decided_at` is no time") from None
    for key in ("decision_id", "decision", "decided_by", "reason"):
        if not isinstance(told.get(key), str):
            raise DecisionError(f"`{key}` is no text")
    if not isinstance(told.get("undoes"), str | None):
        raise DecisionError("`undoes` is no text")
    one = Decision(
        decision=told["decision"],
        records=_records(told, "records"),
        others=_records(told, "others"),
        reason=told["reason"],
        decided_by=told["decided_by"],
        undoes=told.get("undoes"),
        decision_id=told["decision_id"],
        decided_at=decided_at,
    )
    _check(one, earlier)
    return one


def _records(told: dict[str, Any], key: str) -> tuple[Record, ...]:
    found = told.get(key) or []
    if not isinstance(found, list) or not all(
        isinstance(pair, list) and len(pair) == 2 and all(isinstance(part, str) and part for part in pair)
        for pair in found
    ):
        raise DecisionError(f"`{key}` is no list of [source, source_record_id]")
    return tuple((source, record_id) for source, record_id in found)


def _check(one: Decision, earlier: Collection[str]) -> None:
    """Refuse what is no decision.

    Raises:
        DecisionError: Says what is wrong with it, without a value.
    """
    wrong = _wrong(one, earlier)
    if wrong:
        raise DecisionError(wrong)


def _wrong(one: Decision, earlier: Collection[str]) -> str | None:
    texts = [one.decided_by, one.reason, *(part for record in (*one.records, *one.others) for part in record)]
    if any(_is_no_text(text) for text in texts):
        return "it holds a character that is none"
    if not _ID.fullmatch(one.decision_id):
        return "`decision_id` is not d_ and 12 hex digits"
    if one.decision_id in earlier:
        return "its `decision_id` stands in an earlier line, too"
    if not one.decided_by.strip():
        return "`decided_by` is empty"
    if one.decision == "undo":
        if one.records or one.others:
            return "an undo names a decision, not records"
        if one.undoes not in earlier:
            return "`undoes` names no decision before it"
        return None
    return _wrong_sides(one)


def _wrong_sides(one: Decision) -> str | None:
    if one.decision not in KINDS:
        return f"`decision` is none of {', '.join(KINDS)}; a newer version may have written it"
    if one.undoes is not None:
        return "only an undo has `undoes`"
    if not one.reason.strip():
        return "`reason` is empty"
    if not one.records or not one.others:
        return "it needs at least one record on each side"
    if not set(one.records).isdisjoint(one.others):
        return "the same record stands on both sides"
    return None


def _is_no_text(text: str) -> bool:
    """Whether it holds half of a character pair, which no file in UTF-8 and no table takes."""
    return any("\ud800" <= one <= "\udfff" for one in text)


def _free_id(taken: Collection[str]) -> str:
    while (made := f"d_{secrets.token_hex(6)}") in taken:
        pass
    return made


@contextmanager
def _locked(home: Home) -> Iterator[None]:
    from filelock import FileLock, Timeout

    lock = FileLock(home.decisions_lock_file, mode=_FILE_MODE, is_singleton=False)
    try:
        if not home.identity.is_dir():
            home.identity.mkdir(parents=True, exist_ok=True, mode=_FOLDER_MODE)
            sync_folder(home.path)
        home.identity.chmod(_FOLDER_MODE)
        lock.acquire(timeout=_PATIENCE_SECONDS, poll_interval=0.02)
    except Timeout:
        raise HomeError(f"Another process is writing {home.decisions_file}. Nothing was kept; try again.") from None
    except OSError as error:
        raise HomeError(f"Cannot write in {home.identity}: {explain_os_error(error)}. Nothing was kept.") from error
    try:
        yield
    finally:
        lock.release()


def _append(home: Home, there: Decisions, lines: bytes) -> None:
    """Put lines behind the last whole one; when the disk does not take them, the file is as it was.

    Raises:
        HomeError: They could not be written.
    """
    path, end = home.decisions_file, there.whole_bytes
    try:
        path.touch(mode=_FILE_MODE)
        path.chmod(_FILE_MODE)
        with path.open("r+b", buffering=0) as file:
            file.truncate(end)
            file.seek(max(0, end - 1))
            if end and file.read(1) != b"\n":
                lines = b"\n" + lines
            try:
                while lines:
                    lines = lines[file.write(lines) :]
                os.fsync(file.fileno())
            except OSError:
                file.truncate(end)
                raise
        sync_folder(path.parent)
    except OSError as error:
        raise HomeError(f"{path} cannot be written: {explain_os_error(error)}. Nothing was kept.") from error
