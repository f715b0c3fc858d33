"""Read sound delimited files piece by piece, several at a time, each piece checked against its count.

The parser is Arrow's: it reads a piece whole, so a value may hold line ends, and refuses a record with too many or too
few values. Anything it refuses, and any piece whose number of records is not the one that was counted, is no case for
this reader: the file is left to the careful one.
"""

from __future__ import annotations

import codecs
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from sources.files.count import Piece
from sources.files.lines import Layout

if TYPE_CHECKING:
    import pyarrow as pa

THREADS = 2
AHEAD = 3
"""Pieces that are read before they are asked for."""
ROW_GROUP = 122_880
"""Rows in a row group of DuckDB's storage."""

_Given = TypeVar("_Given")
_Made = TypeVar("_Made")


class Unsound(Exception):  # noqa: N818 - it sends a file the careful way, and nobody sees it
    """A piece that this reader must not read."""


def column_schema(width: int) -> pa.Schema:
    """Return the schema of what is read: columns c0, c1, ... of text, and the record's number."""
    import pyarrow as pa

    return pa.schema([*((f"c{place}", pa.string()) for place in range(width)), ("row", pa.int64())])


def read_piece(path: Path, piece: Piece, first: int, layout: Layout, width: int) -> pa.Table:
    """Return the records of a piece as text, an empty value as null, numbered from `first`.

    Raises:
        Unsound: it does not hold the counted records with `width` values each.
    """
    import pyarrow as pa
    from pyarrow import csv

    schema = column_schema(width)
    if not piece.records:
        return schema.empty_table()
    with path.open("rb") as stream:
        stream.seek(piece.start)
        data = stream.read(piece.end - piece.start)
    if piece.start and data.startswith(codecs.BOM_UTF8):
        raise Unsound("Arrow would take a character of the first value for the mark of a file")
    names = schema.names[:-1]
    try:
        table = csv.read_csv(
            pa.BufferReader(data),
            read_options=csv.ReadOptions(use_threads=False, block_size=len(data) + 1, column_names=names),
            parse_options=csv.ParseOptions(
                delimiter=layout.separator, quote_char=layout.quote or False, newlines_in_values=True
            ),
            convert_options=csv.ConvertOptions(
                check_utf8=False,  # the count did
                column_types=dict.fromkeys(names, pa.string()),
                null_values=[""],
                strings_can_be_null=True,
            ),
        )
    except (pa.ArrowInvalid, ValueError) as error:
        raise Unsound(str(error)) from error
    if table.num_rows != piece.records:
        raise Unsound(f"{table.num_rows} records instead of {piece.records}")
    return table.append_column("row", numbers(first, table.num_rows))


def numbers(first: int, count: int) -> pa.Array:
    """Return `count` numbers from `first`."""
    import numpy as np
    import pyarrow as pa

    return pa.array(np.arange(first, first + count, dtype=np.int64))


def numbered(pieces: Iterable[Piece]) -> Iterator[tuple[Piece, int]]:
    """Yield pieces with the number of their first record."""
    first = 1
    for piece in pieces:
        yield piece, first
        first += piece.records


def read_ahead(work: Callable[[_Given], _Made], given: Iterable[_Given]) -> Iterator[_Made]:
    """Yield the results in order, some of them made ahead in threads."""
    waiting: deque[Future[_Made]] = deque()
    with ThreadPoolExecutor(THREADS) as pool:
        try:
            for one in given:
                waiting.append(pool.submit(work, one))
                if len(waiting) > AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for left in waiting:
                left.cancel()


def file_schema(width: int) -> pa.Schema:
    """Return the schema of `read_files`: that of a piece, and the number of the file, from 1."""
    import pyarrow as pa

    return column_schema(width).append(pa.field("file", pa.int32()))


def read_files(files: Sequence[tuple[Path, Sequence[Piece], Layout]], width: int) -> Iterator[pa.RecordBatch]:
    """Yield the records of files in order; memory is that of a few pieces.

    Raises:
        Unsound: as `read_piece`.
    """
    import numpy as np
    import pyarrow as pa

    def read(one: tuple[int, Path, Layout, Piece, int]) -> pa.Table:
        file, path, layout, piece, first = one
        rows = read_piece(path, piece, first, layout, width)
        return rows.append_column("file", pa.array(np.full(rows.num_rows, file, dtype=np.int32)))

    pieces = (
        (file, path, layout, piece, first)
        for file, (path, several, layout) in enumerate(files, start=1)
        for piece, first in numbered(several)
    )
    yield from in_row_groups(batch for table in read_ahead(read, pieces) for batch in table.to_batches())


def in_row_groups(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield the same rows in batches as large as a row group of DuckDB.

    What comes in other batches lies in row groups that are not full, which the next checkpoint writes a second time.
    """
    import pyarrow as pa

    held: list[pa.RecordBatch] = []
    missing = ROW_GROUP
    for batch in batches:
        left = batch
        while left.num_rows >= missing:
            yield pa.concat_batches([*held, left.slice(0, missing)])
            left, held, missing = left.slice(missing), [], ROW_GROUP
        if left.num_rows:
            held.append(left)
            missing -= left.num_rows
    if held:
        yield pa.concat_batches(held)
