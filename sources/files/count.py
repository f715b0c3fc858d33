"""Read a plain file once: hash its content, count its records, and note where it can be cut into pieces.

The count is independent of the reader that loads the file: it only looks at line ends and quotes. The loader
compares the two piece by piece, so that a reader that drops or invents a record is noticed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

from sources.files.lines import Header, Layout

if TYPE_CHECKING:
    import numpy as np

CHUNK = 1 << 20
"""Bytes that are read at once: few enough to stay near the processor."""

PIECE = 8 << 20
"""Bytes of a piece, at least."""

LONGEST_LINE = 64 << 20
"""A file with a longer line is not counted."""


@dataclass(frozen=True)
class Piece:
    """Some whole records of a file.

    Attributes:
        start: first byte.
        end: byte after the last.
        records: how many.
    """

    start: int
    end: int
    records: int


@dataclass(frozen=True)
class Scanned:
    """What one reading of a file gave.

    Attributes:
        content_hash: of all bytes, 64 hexadecimal characters.
        size: in bytes.
        pieces: of the records, in order; None if the count cannot be relied on, so that only the careful reader can
            tell.
    """

    content_hash: str
    size: int
    pieces: tuple[Piece, ...] | None


class _Counter(Protocol):
    def add(self, chunk: bytes) -> bool:
        """Count whole lines; False if the count cannot be relied on."""

    @property
    def records(self) -> int:
        """Records so far."""

    @property
    def is_between(self) -> bool:
        """Whether the lines so far end with a record."""

    def is_sound(self) -> bool:
        """Whether the whole count can be relied on."""


def scan_delimited(path: Path, layout: Layout, header: Header) -> Scanned:
    """Hash and count a file of delimited records.

    There is no count with bytes that are no UTF-8, a backslash that may escape a quote, a quote that neither starts
    nor ends a value, line ends of two kinds or lines of many megabytes. Such files take the careful way.
    """
    return _scan(path, _Delimited(layout), header.records_at)


def scan_lines(path: Path) -> Scanned:
    """Hash and count a file of lines that are a record each; blank ones are none. It must be UTF-8 to be counted."""
    return _scan(path, _Lines(), 0)


def _scan(path: Path, counter: _Counter, start: int) -> Scanned:
    digest = hashlib.blake2b(digest_size=32)
    pieces: list[Piece] = []
    at, size, is_counted = start, 0, True
    # Hashing leaves the interpreter lock, so it runs beside the counting.
    with path.open("rb") as stream, ThreadPoolExecutor(1) as beside:
        head = stream.read(start)
        digest.update(head)
        size = counted = len(head)
        known = 0
        for lines in _whole_lines(stream):
            hashing = [beside.submit(digest.update, one) for one in lines]
            size += sum(map(len, lines))
            joined = b"".join(lines) if len(lines) > 1 else lines[0]
            is_counted = is_counted and len(joined) <= LONGEST_LINE + CHUNK and counter.add(joined)
            counted += len(joined)
            if is_counted and counter.is_between and counted - at >= PIECE:
                pieces.append(Piece(at, counted, counter.records - known))
                at, known = counted, counter.records
            for one in hashing:
                one.result()
    is_counted = is_counted and counter.is_sound()
    if is_counted and size > at:
        pieces.append(Piece(at, size, counter.records - known))
    return Scanned(digest.hexdigest(), size, tuple(pieces) if is_counted else None)


def _whole_lines(stream: BinaryIO) -> Iterator[list[bytes]]:
    """Yield the stream in parts that end with a line; a very long line comes in several."""
    held: list[bytes] = []
    length = 0
    while chunk := stream.read(CHUNK):
        end = chunk.rfind(b"\n") + 1
        if end:
            yield [*held, chunk[:end]]
            held, length = [chunk[end:]] if end < len(chunk) else [], len(chunk) - end
        else:
            held.append(chunk)
            length += len(chunk)
            if length > LONGEST_LINE:
                yield held
                held, length = [], 0
    if held:
        yield held


def is_utf8(chunk: bytes) -> bool:
    """Return whether bytes are UTF-8."""
    if chunk.isascii():
        return True
    import numpy as np
    import pyarrow as pa

    ends = pa.py_buffer(np.array([0, len(chunk)], dtype=np.int32))
    whole = pa.Array.from_buffers(pa.string(), 1, [None, ends, pa.py_buffer(chunk)])
    try:
        whole.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


class _Lines:
    """Counts lines that are not blank."""

    def __init__(self) -> None:
        self.records = 0
        self.is_between = True
        self._sound = True

    def add(self, chunk: bytes) -> bool:
        self._sound = self._sound and is_utf8(chunk)
        if self._sound:
            self.records += len(line_starts(chunk))
        return self._sound

    def is_sound(self) -> bool:
        return self._sound


def line_starts(chunk: bytes) -> np.ndarray:
    """Return where the lines begin that are not blank."""
    import numpy as np

    octets = np.frombuffer(chunk, dtype=np.uint8)
    ends = [np.flatnonzero(octets[at : at + CHUNK] == 10) + at for at in range(0, len(chunk), CHUNK)]
    starts = np.concatenate([[-1], *ends]) + 1
    if chunk.endswith(b"\n"):
        starts = starts[:-1]
    # Few lines begin with a blank, so each of them may be looked at.
    doubtful = np.flatnonzero(octets[starts] <= 32)
    if not len(doubtful):
        return starts
    stops = np.append(starts[1:], len(chunk))
    blank = [place for place in doubtful if not chunk[starts[place] : stops[place]].strip(b" \t\r\n")]
    return np.delete(starts, blank)


class _Delimited:
    """Counts the records of a delimited file that comes in whole lines."""

    def __init__(self, layout: Layout) -> None:
        self._quote = layout.quote.encode()
        self._backslash = layout.backslash
        separator = layout.separator.encode()
        self._may_precede = (separator[-1], 10)
        self._may_follow = (separator[0], 10, 13)
        self._feeds = self._returns = self._pairs = 0
        self._inside = 0
        # Records start at the beginning of a line.
        self._last_two = b"\x00\n"
        self._ended = True
        self.records = 0

    @property
    def is_between(self) -> bool:
        return not self._inside

    def add(self, chunk: bytes) -> bool:
        if not is_utf8(chunk) or (self._backslash and b"\\" in chunk):
            return False
        feeds = chunk.count(b"\n")
        returned = chunk.count(b"\r")
        self._returns += returned
        self._pairs += chunk.count(b"\r\n") if returned else 0
        self._feeds += feeds
        quoted = self._inside or (self._quote and self._quote in chunk)
        if quoted or returned or b"\n\n" in chunk or chunk[:1] == b"\n":
            counted = self._count(chunk)
            if counted is None:
                return False
            self.records += counted
        else:
            self.records += feeds
        # The last line of a file may have no end.
        self.records += 0 if chunk.endswith((b"\n", b"\r")) or self._inside else 1
        self._last_two = (self._last_two + chunk[-2:])[-2:]
        return True

    def _count(self, chunk: bytes) -> int | None:
        import numpy as np

        octets = np.frombuffer(self._last_two + chunk + b"\n", dtype=np.uint8)
        here = octets[2:-1]
        found = np.flatnonzero(here == 10)
        if self._quote and (self._inside or self._quote in chunk):
            at = np.flatnonzero(here == self._quote[0])
            opening, closing = at[self._inside :: 2], at[1 - self._inside :: 2]
            if not self._allowed(self._may_precede, octets[opening + 1]):
                return None
            if not self._allowed(self._may_follow, octets[closing + 3]):
                return None
            # Quotes before a line end: an odd number of them means that it is inside a value.
            inside = (np.searchsorted(at, found) + self._inside) & 1
            found = found[inside == 0]
            self._inside = (self._inside + len(at)) & 1
        # A blank line is a line end right after another one, or after one and a carriage return.
        before, before_that = octets[found + 1], octets[found]
        blank = (before == 10) | ((before == 13) & (before_that == 10))
        return len(found) - int(np.count_nonzero(blank))

    def _allowed(self, octets: Iterable[int], found: np.ndarray) -> bool:
        """Whether quotes stand at the edges of values; a doubled quote closes and opens again."""
        import numpy as np

        table = np.zeros(256, dtype=bool)
        table[[*octets, self._quote[0]]] = True
        return bool(table[found].all())

    def is_sound(self) -> bool:
        if self._returns and not self._returns == self._pairs == self._feeds:
            return False
        return not self._inside
