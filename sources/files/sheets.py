"""Read Excel sheets row by row, every cell as text."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from sources.files.errors import FileProblem
from sources.files.lines import BLOCK_RECORDS, Block, column_names


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
