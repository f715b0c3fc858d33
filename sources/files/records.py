"""Read JSON lines and Excel sheets record by record, every value as the text it is in the file."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from json.decoder import scanstring  # type: ignore[attr-defined]
from pathlib import Path
from typing import Any

from sources.files.errors import FileProblem
from sources.files.lines import BLOCK_RECORDS, Block, column_names, shown_text, undecodable_in

_BLANK = re.compile(r"[ \t\r\n]*").match
_scan = json.JSONDecoder().scan_once  # type: ignore[attr-defined]
# Numbers stay the text that they are; objects become lists of pairs, so that repeated names are not lost.
_decode = json.JSONDecoder(object_pairs_hook=list, parse_int=str, parse_float=str, parse_constant=str).decode
_WHOLE_FILE = 64 << 20


def parse_object(line: str) -> list[tuple[str, str | None]]:
    """Return the members of a JSON object in order, values as text: a string's own text, else the JSON as written.

    Numbers keep every digit (1.10 stays 1.10), nested values stay JSON text, null is None.

    Raises:
        ValueError: the line is not one JSON object.
    """
    try:
        return _flat_members(line) or _members(line)
    except (IndexError, StopIteration, RecursionError) as error:
        raise ValueError("not valid JSON") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"not valid JSON ({error.msg} at character {error.pos + 1})") from error


def _flat_members(line: str) -> list[tuple[str, str | None]] | None:
    """Return the members of an object without nested values, or None for anything else, wrong JSON included.

    Most events are flat, and the decoder in C is several times faster than asking where each value is written.
    """
    try:
        pairs = _decode(line)
    except (ValueError, RecursionError):
        return None
    if not line.lstrip(" \t\r\n").startswith("{"):
        return None
    members: list[tuple[str, str | None]] = []
    for name, value in pairs:
        if isinstance(value, str):
            members.append((_storable(name), _storable(value)))
        elif value is None:
            members.append((_storable(name), None))
        elif isinstance(value, bool):
            members.append((_storable(name), "true" if value else "false"))
        else:
            return None
    return members


def _members(line: str) -> list[tuple[str, str | None]]:
    at = _BLANK(line, 0).end()  # type: ignore[union-attr]
    if line[at] != "{":
        json.loads(line)
        raise ValueError("not a JSON object")
    members: list[tuple[str, str | None]] = []
    at = _BLANK(line, at + 1).end()  # type: ignore[union-attr]
    while line[at] != "}":
        if line[at] != '"':
            raise ValueError("not valid JSON (a name in double quotes is missing)")
        name, at = scanstring(line, at + 1)
        name = _storable(name)
        at = _BLANK(line, at).end()  # type: ignore[union-attr]
        if line[at] != ":":
            raise ValueError("not valid JSON (a colon is missing)")
        at = _BLANK(line, at + 1).end()  # type: ignore[union-attr]
        value, end = _scan(line, at)
        members.append((name, _storable(value) if isinstance(value, str) else _written(value, line[at:end])))
        at = _BLANK(line, end).end()  # type: ignore[union-attr]
        if line[at] == ",":
            at = _BLANK(line, at + 1).end()  # type: ignore[union-attr]
            if line[at] == "}":
                raise ValueError("not valid JSON (a comma before the closing brace)")
        elif line[at] != "}":
            raise ValueError("not valid JSON (a comma is missing)")
    if line[at + 1 :].strip(" \t\r\n"):
        raise ValueError("text follows the JSON object")
    return members


def _written(value: object, text: str) -> str | None:
    return None if value is None else text


def _storable(value: str) -> str:
    # JSON may escape half a character (\ud800), which no text column can hold: keep the escape.
    return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()


def read_json_lines(path: Path) -> Iterator[Block]:
    """Yield the records of a plain UTF-8 file of JSON lines in blocks; columns grow as keys appear.

    Raises:
        FileProblem: the file is one JSON value instead of one object per line.
    """
    names: dict[tuple[str, int], str] = {}
    records: list[dict[str, str | None]] = []
    block = Block(())
    number = good = 0
    with path.open(encoding="utf-8", errors="surrogateescape", newline="\n") as stream:
        for line_number, received in enumerate(stream, start=1):
            line = received.removeprefix("\ufeff") if line_number == 1 else received
            if not line.strip(" \t\r\n"):
                continue
            number += 1
            if number == 1 and _opens_array(line):
                raise _one_value()
            reason = undecodable_in([line])
            if not reason:
                try:
                    records.append(_named(parse_object(line), names))
                    block.rows.append(number)
                except ValueError as error:
                    reason = str(error)
            if reason:
                block.rejected.append((number, f"line {line_number}: {reason}", shown_text([line])))
            if number % BLOCK_RECORDS == 0:
                good += len(records)
                yield _filled(block, records, names)
                block, records = Block(()), []
    good += len(records)
    if number and not good:
        _refuse_one_value(path)
    yield _filled(block, records, names)


def _named(members: list[tuple[str, str | None]], names: dict[tuple[str, int], str]) -> dict[str, str | None]:
    record: dict[str, str | None] = {}
    for key, value in members:
        repeat = 0
        while (name := names.get((key, repeat))) in record:
            repeat += 1
        if name is None:
            name = column_names([*names.values(), key])[-1]
            names[(key, repeat)] = name
        record[name] = value
    return record


def _filled(block: Block, records: list[dict[str, str | None]], names: dict[tuple[str, int], str]) -> Block:
    columns = tuple(names.values())
    block.columns = columns
    block.values = [[record.get(name) for name in columns] for record in records]
    return block


def _opens_array(line: str) -> bool:
    """Whether a line starts an array that goes on in the next lines."""
    if not line.lstrip(" \t\ufeff").startswith("["):
        return False
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return True
    return False


def _one_value() -> FileProblem:
    return FileProblem("is one JSON value, not one object per line", "Export JSON lines: one object on each line")


def _refuse_one_value(path: Path) -> None:
    if path.stat().st_size > _WHOLE_FILE:
        return
    try:
        json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError):
        return
    raise _one_value()


def cell_text(value: Any) -> str | None:
    """Return the text of an Excel cell: dates ISO, whole numbers without a point, true or false in small letters."""
    if value is None:
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return format(Decimal(repr(value)), "f") if value == value and abs(value) != float("inf") else str(value)
    if isinstance(value, dt.datetime):
        # A date cell is a date and time at midnight.
        return value.date().isoformat() if value.time() == dt.time.min else value.isoformat(sep=" ")
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    if isinstance(value, dt.timedelta):
        seconds = round(value.total_seconds())
        return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return str(value)


def read_sheet(path: Path, sheet: str | int | None, header_row: int) -> Iterator[Block]:
    """Yield the rows of an Excel sheet in blocks; blank rows are no records.

    Args:
        path: an .xlsx or .xlsm file. Formulas give the value that was last stored.
        sheet: name or 1-based number; None for the first.
        header_row: 1-based row of the column names, 0 for none.

    Raises:
        FileProblem: the file is no workbook, or has no such sheet or no header.
    """
    import zipfile

    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        with path.open("rb") as stream:
            book = openpyxl.load_workbook(stream, read_only=True, data_only=True)
            try:
                yield from _blocks(_rows(book, sheet), header_row)
            finally:
                book.close()
    except (InvalidFileException, zipfile.BadZipFile, KeyError, OSError, SyntaxError) as error:
        raise FileProblem("is no readable Excel workbook (.xlsx)", "Save it again as .xlsx, or send CSV") from error


def _rows(book: Any, sheet: str | int | None) -> Iterable[tuple[Any, ...]]:
    names = book.sheetnames
    if isinstance(sheet, int) and not 1 <= sheet <= len(names):
        raise FileProblem(f"has no sheet number {sheet}", f"Sheets there: {', '.join(names)}")
    if isinstance(sheet, str) and sheet not in names:
        raise FileProblem(f"has no sheet '{sheet}'", f"Sheets there: {', '.join(names)}")
    chosen = book[sheet if isinstance(sheet, str) else names[(sheet or 1) - 1]]
    # Some programs write a wrong size into the sheet; without it openpyxl reads to the end.
    chosen.reset_dimensions()
    rows: Iterable[tuple[Any, ...]] = chosen.iter_rows(values_only=True)
    return rows


def _blocks(rows: Iterable[tuple[Any, ...]], header_row: int) -> Iterator[Block]:
    columns: tuple[str, ...] | None = None
    block = Block(())
    number = 0
    for row_number, row in enumerate(rows, start=1):
        cells = [cell_text(cell) for cell in row]
        while cells and not cells[-1]:
            cells.pop()
        if row_number < header_row or not cells:
            continue
        if columns is None:
            columns = column_names(cell or "" for cell in cells) if header_row else column_names([""] * len(cells))
            block.columns = columns
            if header_row:
                continue
        number += 1
        if len(cells) > len(columns):
            shown = "\t".join(cell or "" for cell in cells)
            reason = f"row {row_number}: {len(cells)} values, the header has {len(columns)}"
            block.rejected.append((number, reason, shown))
        else:
            block.values.append([*cells, *[None] * (len(columns) - len(cells))])
            block.rows.append(number)
        if number % BLOCK_RECORDS == 0:
            yield block
            block = Block(columns)
    if columns is None:
        raise FileProblem("the sheet is empty: it has no header", "Check options.sheet and options.header_row")
    yield block
