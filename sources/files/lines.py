"""Read delimited text record by record, so that nothing a file holds is lost.

DuckDB's reader is the fast way for files whose every record is sound. This reader is the careful way for the
others: a record that cannot be read is kept as the text it is, with a reason, and reading goes on after it.

What a record is: lines end with LF or CRLF (or CR, if the file has no LF); blank lines are no records; a quoted
value may hold line ends; a surplus of empty values at the end of a record is ignored; in a file that puts blanks
before its quotes, blanks after a separator belong to no value. Where a quote is never
closed or is followed by text, only the first line of the record is refused and reading goes on with the next line.
"""

from __future__ import annotations

import codecs
import csv
import re
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from sources.files.errors import FileProblem

RESERVED = frozenset({"_batch_id", "_load_id", "_row", "_rejected", "_raw_line"})
"""Columns of a raw table that are not received."""

BLOCK_RECORDS = 20_000
_BLOCK_CHARACTERS = 16 << 20
_HEAD = 1 << 20
# An undecodable byte arrives as a lone surrogate (error handler "surrogateescape").
_UNDECODED = re.compile("[\ud800-\udfff]")
_ESCAPED = re.compile(r'\\([\\"\'])')


@dataclass(frozen=True)
class Layout:
    """How a delimited file is written.

    `backslash` means quotes are escaped by a backslash; `columns` are the names of a file that has none itself.
    """

    separator: str = ","
    quote: str = '"'
    backslash: bool = False
    header_row: int = 1
    columns: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class Header:
    """The column names of a file.

    Attributes:
        columns: names as received, made unique.
        records_at: byte where the records start.
        lines: physical lines up to there.
        counted_by: what gave the number of columns, for messages.
    """

    columns: tuple[str, ...]
    records_at: int
    lines: int
    counted_by: str = "the header"


@dataclass
class Block:
    """Some records of one file, column by column.

    Attributes:
        columns: names; each entry of `values` is one record in this order.
        values: records that could be read.
        rows: record numbers of `values`.
        rejected: (record number, reason, text as received) of records that could not be read.
        empty_is_null: whether an empty text means missing.
        kinds: kinds of JSON values seen, by column; empty for text formats.
    """

    columns: tuple[str, ...]
    values: list[list[str | None]] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    rejected: list[tuple[int, str, str]] = field(default_factory=list)
    empty_is_null: bool = False
    kinds: dict[str, set[str]] = field(default_factory=dict)


def column_names(received: Iterable[str]) -> tuple[str, ...]:
    """Return received names as column names: outer blanks off, unnamed ones numbered, repeated ones suffixed.

    A warehouse does not tell `Email` from `email`, so these count as repeated; the second becomes `email_2`.
    """
    taken = set(RESERVED)
    names: list[str] = []
    for place, name in enumerate(received, start=1):
        clean = name.replace("\x00", "").strip(" \t\r\n\u00a0\ufeff") or f"column_{place}"
        unique, count = clean, 1
        while unique.lower() in taken:
            count += 1
            unique = f"{clean}_{count}"
        taken.add(unique.lower())
        names.append(unique)
    return tuple(names)


class _Feeder:
    """Hands lines to the csv module and remembers which ones the current record took."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._again: deque[str] = deque()
        self.taken: list[str] = []

    def __iter__(self) -> _Feeder:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._lines)
        self.taken.append(line)
        return line

    def give_back(self) -> None:
        """Return all lines of the current record but the first."""
        self._again.extendleft(reversed(self.taken[1:]))
        del self.taken[1:]


def _parser(feeder: Iterable[str], layout: Layout, *, skip_blanks: bool) -> Iterator[list[str]]:
    csv.field_size_limit(sys.maxsize)
    if not layout.quote:
        return csv.reader(feeder, delimiter=layout.separator, quoting=csv.QUOTE_NONE, strict=True)
    return csv.reader(
        feeder,
        delimiter=layout.separator,
        quotechar=layout.quote,
        doublequote=True,
        strict=True,
        skipinitialspace=skip_blanks,
    )


def _blanks_before_quotes(path: Path, layout: Layout) -> bool:
    """Whether the beginning of a file puts blanks between separators and quotes."""
    if not layout.quote or layout.separator == " ":
        return False
    with path.open("rb") as stream:
        head = stream.read(_HEAD)
    pattern = re.escape(layout.separator.encode()) + b" +" + re.escape(layout.quote.encode())
    return re.search(pattern + b"[^" + re.escape(layout.quote.encode()) + b"]", head) is not None


def _line_end(path: Path) -> str:
    with path.open("rb") as stream:
        carriage_return = False
        while chunk := stream.read(1 << 20):
            if b"\n" in chunk:
                return "\n"
            carriage_return = carriage_return or b"\r" in chunk
    return "\r" if carriage_return else "\n"


def _unescape(line: str, quote: str) -> str:
    # Doubled quotes are what the csv module reads; any other backslash is text.
    return _ESCAPED.sub(lambda found: found[1] * 2 if found[1] == quote else found[1], line)


def _records(
    lines: Iterable[str], layout: Layout, *, skip_blanks: bool
) -> Iterator[tuple[list[str] | None, str, list[str]]]:
    """Yield (values or None, reason, physical lines) of every record and blank line."""
    prepared = (_unescape(line, layout.quote) for line in lines) if layout.backslash else lines
    feeder = _Feeder(prepared)
    parser = _parser(feeder, layout, skip_blanks=skip_blanks)
    while True:
        feeder.taken = []
        try:
            values = next(parser)
        except StopIteration:
            return
        except csv.Error as error:
            feeder.give_back()
            parser = _parser(feeder, layout, skip_blanks=skip_blanks)
            yield None, _plain_reason(str(error)), feeder.taken
            continue
        yield values, "", feeder.taken


def _plain_reason(message: str) -> str:
    if "unexpected end of data" in message:
        return "a quote is opened and never closed"
    if "expected after" in message:
        return "text follows a closing quote"
    if "new-line character" in message:
        return "a carriage return stands inside an unquoted value"
    return message


def _bom(path: Path) -> int:
    """Return the length of the mark that some programs put before UTF-8."""
    with path.open("rb") as stream:
        return 3 if stream.read(3) == codecs.BOM_UTF8 else 0


def read_header(path: Path, layout: Layout) -> Header:
    """Return the column names of a plain UTF-8 file.

    Raises:
        FileProblem: the file is empty, or its header cannot be read.
    """
    start = _bom(path)
    if layout.columns:
        return Header(layout.columns, start, 0, "options.columns")
    skip_blanks = _blanks_before_quotes(path, layout)
    with path.open(encoding="utf-8", errors="surrogateescape", newline=_line_end(path)) as stream:
        lines = offset = 0

        def counted() -> Iterator[str]:
            nonlocal lines, offset
            for line in stream:
                lines += 1
                offset += len(line.encode("utf-8", "surrogateescape"))
                if lines >= layout.header_row:
                    yield line.removeprefix("\ufeff") if lines == 1 else line

        for values, reason, taken in _records(counted(), layout, skip_blanks=skip_blanks):
            if values is None:
                raise FileProblem(
                    f"the header cannot be read ({reason})", "Check options.separator, options.quote and the file"
                )
            if not any(value.strip() for value in values):
                continue
            text = "".join(taken)
            if _UNDECODED.search(text):
                raise FileProblem(f"the header is {undecodable(text)}", "Set options.encoding of the dataset")
            if layout.header_row == 0:
                return Header(column_names([""] * len(values)), start, 0, "the first line")
            return Header(column_names(values), offset, lines)
    raise FileProblem("is empty: it has no header", "Ask the sender for the complete file, or remove it")


def undecodable(text: str) -> str:
    """Return what to say about a text with bytes that are no UTF-8: the first such byte and a likely encoding."""
    found = _UNDECODED.search(text)
    byte = ord(found[0]) - 0xDC00 if found else MARK
    if byte == MARK:
        return "not valid in the declared encoding"
    bytes_ = text.encode("utf-8", "surrogateescape")
    try:
        bytes_.decode("cp1252")
        likely = "cp1252"
    except UnicodeDecodeError:
        likely = "latin-1"
    return f"not valid utf-8 (byte 0x{byte:02x}), it looks like {likely}"


MARK = 0xFF
"""Byte that stands before a byte which the declared encoding does not know; it never occurs in UTF-8."""


def shown_text(lines: list[str]) -> str:
    r"""Return lines as received, without the last line end; undecodable bytes are written as \xNN."""
    raw = "".join(lines).rstrip("\r\n").encode("utf-8", "surrogateescape")
    return raw.replace(bytes([MARK]), b"").decode("utf-8", "backslashreplace")


def read_records(path: Path, layout: Layout, header: Header) -> Iterator[Block]:
    """Yield all records of a plain UTF-8 file in blocks; read and refused ones together are all it holds."""
    width = len(header.columns)
    block = Block(header.columns, empty_is_null=True)
    size = number = 0
    line_number = header.lines
    skip_blanks = _blanks_before_quotes(path, layout)
    with path.open(encoding="utf-8", errors="surrogateescape", newline=_line_end(path)) as stream:
        for _ in range(header.lines):
            stream.readline()
        # The mark of a file stands at its start; further down the same character is part of a value.
        lines = stream if header.lines else _without_bom(stream)
        for values, refused, taken in _records(lines, layout, skip_blanks=skip_blanks):
            starts_at = line_number + 1
            line_number += len(taken)
            if values is not None and _is_blank(values, width):
                continue
            number += 1
            reason = refused or _fault(values or [], taken, header)
            if reason or values is None:
                block.rejected.append((number, f"line {starts_at}: {reason}", shown_text(taken)))
            else:
                block.values.append(values[:width])  # type: ignore[arg-type]
                block.rows.append(number)
            size += sum(map(len, taken))
            if number % BLOCK_RECORDS == 0 or size > _BLOCK_CHARACTERS:
                yield block
                block, size = Block(header.columns, empty_is_null=True), 0
    yield block


def _without_bom(lines: Iterable[str]) -> Iterator[str]:
    first = True
    for line in lines:
        yield line.removeprefix("\ufeff") if first else line
        first = False


def _is_blank(values: list[str], width: int) -> bool:
    return not values or (len(values) == 1 and width > 1 and not values[0].strip(" "))


def _fault(values: list[str], taken: list[str], header: Header) -> str:
    width = len(header.columns)
    if len(values) < width or any(values[width:]):
        return f"{len(values)} values, {header.counted_by} has {width}"
    return undecodable_in(taken)


def undecodable_in(lines: Iterable[str]) -> str:
    """Return what is wrong with the first line that has undecodable bytes, an empty text if none has."""
    for line in lines:
        if not line.isascii() and _UNDECODED.search(line):
            return undecodable(line)
    return ""
