"""Read JSON record by record: JSON lines, one document, or documents one after the other.

A line or document holds a record, a list of records, or an object that wraps its records (see `json_text`). What
cannot be read is kept as the text it is, with its line and a reason, and reading goes on: in JSON lines with the next
line; in a document with the next value that begins a line as the broken one does. Between values of a document,
commas too many or too few are forgiven, as nothing is lost by them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from json import JSONDecodeError
from pathlib import Path
from typing import TextIO

from sources.files.errors import FileProblem
from sources.files.json_text import BLANK, Members, Wraps, parse_object, records_in, scan, unwrapped
from sources.files.lines import BLOCK_RECORDS, Block, column_names, shown_text, undecodable_in

BLOCK_CHARACTERS = 16 << 20
MOST_CHARACTERS = 128 << 20
"""Of one value of a document; a longer one is refused, so that memory is bounded."""

_PIECE = 4 << 20
_HEAD = 1 << 20
_WHOLE_FILE = 64 << 20
_KEPT = 1 << 20
_BETWEEN = re.compile(r"[ \t\r\n,]*").match


class Collector:
    """Gathers records and refused texts of one file in blocks; columns grow as names appear."""

    def __init__(self) -> None:
        """Begin a file."""
        self.number = self.good = 0
        self._names: dict[tuple[str, int], str] = {}
        self._plain: dict[str, str] = {}
        self._records: list[dict[str, str | None]] = []
        self._types: set[tuple[str, type]] = set()
        self._block = Block(())
        self._size = 0

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns so far."""
        return tuple(self._names.values())

    @property
    def is_settled(self) -> bool:
        """Whether every column has the very name that came, whichever record came first."""
        return len(self._plain) == len(self._names)

    def know(self, names: Iterable[str]) -> None:
        """Take names that another reader found in records before these."""
        for name in names:
            self._column(name, 0)

    def add(self, text: str, line: int) -> None:
        """Read one record, or refuse it."""
        self.number += 1
        self._size += len(text)
        reason = undecodable_in([text])
        if not reason:
            try:
                self._records.append(self._named(parse_object(text)))
                self._block.rows.append(self.number)
                self.good += 1
            except ValueError as error:
                reason = str(error)
        if reason:
            self._block.rejected.append((self.number, f"line {line}: {reason}", shown_text([text])))

    def refuse(self, text: str, line: int, reason: str) -> None:
        """Keep a text that is no record."""
        self.number += 1
        self._size += len(text)
        self._block.rejected.append((self.number, f"line {line}: {reason}", shown_text([text])))

    @property
    def is_full(self) -> bool:
        """Whether it is time to take a block."""
        return len(self._records) + len(self._block.rejected) >= BLOCK_RECORDS or self._size > BLOCK_CHARACTERS

    def take(self) -> Block:
        """Return what was gathered since the last block."""
        block, columns = self._block, self.columns
        block.columns = columns
        block.values = [[record.get(name) for name in columns] for record in self._records]
        for name, kind in self._types:
            if kind is not type(None):
                block.kinds.setdefault(name, set()).add(getattr(kind, "kind", "text"))
        self._block, self._records, self._types, self._size = Block(()), [], set(), 0
        return block

    def _named(self, members: Members) -> dict[str, str | None]:
        record = dict(members)
        if len(record) != len(members) or not record.keys() <= self._plain.keys():
            record = {}
            for key, value in members:
                repeat = 0
                while (name := self._column(key, repeat)) in record:
                    repeat += 1
                record[name] = value
        self._types.update(zip(record, map(type, record.values()), strict=True))
        return record

    def _column(self, key: str, repeat: int) -> str:
        """Return the column of a name that comes for the first, second, ... time in its record."""
        name = self._names.get((key, repeat))
        if name is None:
            name = column_names([*self._names.values(), key])[-1]
            self._names[key, repeat] = name
            if name == key and repeat == 0:
                self._plain[key] = name
        return name


def read_json_lines(path: Path, wraps: Wraps = (), *, is_sure: bool = False) -> Iterator[Block]:
    """Yield the records of a plain UTF-8 file of JSON lines in blocks.

    Raises:
        FileProblem: the file is one JSON value instead of one object per line; not if it `is_sure` to have lines.
    """
    found = Collector()
    is_first = True
    with path.open(encoding="utf-8", errors="surrogateescape", newline="\n") as stream:
        for line_number, received in enumerate(stream, start=1):
            line = received.removeprefix("\ufeff") if line_number == 1 else received
            if not line.strip(" \t\r\n"):
                continue
            if is_first and not is_sure and opens_array(line):
                raise one_value()
            is_first = False
            for text in records_in(line, wraps):
                found.add(text, line_number)
            if found.is_full:
                yield found.take()
    if found.number and not found.good and not is_sure:
        refuse_one_value(path)
    yield found.take()


def opens_array(line: str) -> bool:
    """Whether a line starts an array that goes on in the next lines."""
    return line.lstrip(" \t\ufeff").startswith("[") and not _is_one_value(line)


def _is_one_value(text: str) -> bool:
    at = BLANK(text, 0).end()  # type: ignore[union-attr]
    try:
        return not text[scan(text, at)[1] :].strip(" \t\r\n")
    except (ValueError, StopIteration, RecursionError):
        return False


def one_value() -> FileProblem:
    """Return what to say of a file of JSON that is no JSON lines."""
    return FileProblem(
        "is one JSON value, not one object per line", "Set format: json, or export JSON lines: one object on each line"
    )


def refuse_one_value(path: Path) -> None:
    """Make sure that a file without a readable line is not one JSON value.

    Raises:
        FileProblem: it is.
    """
    if path.stat().st_size > _WHOLE_FILE:
        return
    try:
        text = path.read_text(encoding="utf-8-sig")
    except ValueError:
        return
    if _is_one_value(text):
        raise one_value()


def holds_lines(path: Path) -> bool:
    """Return whether a plain UTF-8 file has a JSON object or list on each line, as far as its beginning tells."""
    with path.open("rb") as stream:
        head = stream.read(_HEAD)
    lines = head.decode("utf-8-sig", "replace").split("\n")
    if len(head) == _HEAD:
        lines.pop()
    lines = [line for line in lines if line.strip()]
    return 2 * sum(map(_is_whole, lines)) > len(lines)


def _is_whole(line: str) -> bool:
    return line.lstrip(" \t")[:1] in ("{", "[") and _is_one_value(line)


def read_json(path: Path, wraps: Wraps = ()) -> Iterator[Block]:
    """Yield the records of a plain UTF-8 file of JSON, lines or documents, in blocks.

    Raises:
        FileProblem: the file does not begin as JSON does.
    """
    return read_json_lines(path, wraps, is_sure=True) if holds_lines(path) else read_documents(path, wraps)


def read_documents(path: Path, wraps: Wraps = ()) -> Iterator[Block]:
    """Yield the records of a plain UTF-8 file of one or more JSON documents in blocks.

    A list may be longer than memory; each of its elements, and each object that wraps records, is held whole.

    Raises:
        FileProblem: the file does not begin as JSON does.
    """
    found = Collector()
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as stream:
        text = _Window(stream)
        in_list = False
        while True:
            text.skip()
            opening = text.peek()
            if not opening:
                break
            if not found.number and not in_list and opening not in "{[":
                raise FileProblem("holds no JSON object or list", "Check the export, and options.encoding")
            if (in_list and opening == "]") or (not in_list and opening == "["):
                in_list = not in_list
                text.at += 1
            elif reason := text.value():
                line = text.line
                found.refuse(text.resume(), line, reason)
                # A list that ends within a broken value has been told already.
                in_list = in_list and bool(text.peek())
            else:
                for record in _records(text.taken, wraps):
                    found.add(record, text.line)
            if found.is_full:
                yield found.take()
    if in_list:
        found.refuse(text.tail, text.line, "the list is never closed, the file seems cut off")
    yield found.take()


def _records(text: str, wraps: Wraps) -> Iterable[str]:
    try:
        return unwrapped(text, wraps)
    except (ValueError, IndexError, StopIteration, RecursionError):
        return [text]


class _Window:
    """A piece of a text in memory, and a place in it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._text = ""
        self._is_whole = False
        self._line_at = 0
        self.at = 0
        self.line = 1
        self.taken = ""
        self._more(_PIECE)
        if self._text.startswith("\ufeff"):
            self.at = 1

    @property
    def tail(self) -> str:
        """The last characters read."""
        return self._text[-200:]

    def _more(self, size: int) -> bool:
        piece = self._stream.read(size)
        self._is_whole = not piece
        self._text += piece
        return bool(piece)

    def _forget(self) -> None:
        """Let go of what was used."""
        if self.at > _PIECE:
            self._count()
            # The line's beginning stays: how far a value is indented tells where the next one may begin.
            keep = self._text.rfind("\n", max(self.at - 1000, 0), self.at) + 1 or self.at
            self._text = self._text[keep:]
            self.at -= keep
            self._line_at = self.at

    def _count(self) -> None:
        self.line += self._text.count("\n", self._line_at, self.at)
        self._line_at = self.at

    def skip(self) -> None:
        """Go to the next value or bracket."""
        while True:
            self.at = _BETWEEN(self._text, self.at).end()  # type: ignore[union-attr]
            if self.at < len(self._text):
                break
            self._forget()
            if not self._more(_PIECE):
                break
        self._count()
        self._forget()

    def peek(self) -> str:
        """Return the next character, nothing at the end."""
        return self._text[self.at : self.at + 1]

    def value(self) -> str:
        """Take the value here into `taken`; return what is wrong with it, if anything."""
        while True:
            reason, stopped = self._scan()
            if reason is None:
                return ""
            # A word or an escape that the end of the window cuts off stops a little before it.
            if self._is_whole or stopped < len(self._text) - 16:
                return reason
            if len(self._text) - self.at > MOST_CHARACTERS:
                return f"one value of more than {MOST_CHARACTERS:,} characters; export JSON lines, or smaller files"
            self._more(max(_PIECE, len(self._text) - self.at))

    def _scan(self) -> tuple[str | None, int]:
        """Go behind the value here; if it cannot be read, return why, and where reading stopped."""
        try:
            _, end = scan(self._text, self.at)
        except RecursionError:
            return "not readable: JSON nested too deeply", self.at
        except JSONDecodeError as error:
            is_open = error.msg.startswith("Unterminated string")
            return f"not valid JSON ({error.msg})", len(self._text) if is_open else error.pos
        except StopIteration as error:
            return "not valid JSON", int(error.value)
        if end < len(self._text) or self._is_whole:
            self.taken, self.at = self._text[self.at : end], end
            return None, end
        return "not valid JSON", end

    def resume(self) -> str:
        """Go on after a value that cannot be read; return the text that is left out, cut after a million characters."""
        before = self._text[self._text.rfind("\n", 0, self.at) + 1 : self.at].lstrip("\ufeff")
        # Only where the value begins its line, another one can be told from what is inside it.
        begins = re.compile(r"\n" + re.escape(before) + r"[{\[]").search if not before.strip(" \t") else None
        left_out, cut = "", 0
        while True:
            found = begins(self._text, self.at) if begins is not None else None
            if found is not None:
                stop = found.end() - 1
            elif self._is_whole:
                stop = len(self._text)
            else:  # the beginning of the next one may lie across two pieces
                stop = max(self.at, len(self._text) - len(before) - 1)
            piece = self._text[self.at : stop]
            left_out += piece[: _KEPT - len(left_out)]
            cut += len(piece)
            self.at = stop
            if found is not None or self._is_whole:
                cut -= len(left_out)
                return f"{left_out} ... and {cut:,} more characters" if cut else left_out
            self._count()
            self._text, self.at, self._line_at = self._text[stop:], 0, 0
            self._more(_PIECE)


__all__ = ["Collector", "read_documents", "read_json", "read_json_lines"]
