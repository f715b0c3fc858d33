"""Read JSON lines through DuckDB where a pattern proves what the careful reader would give; the others one by one.

The pattern is made from the names and kinds of values that lines of the file have. A line that fits it is a valid
flat object with these names, in this order, each at most once, and values of the kinds seen: so nothing is missed,
and the values are exact. Numbers in a form that DuckDB writes back as it read it need no more; others are cut out of
the line. Lines with nested values count as proven if DuckDB writes the whole line back as it came. Every other line
(batches, wrapped records, unknown names, blanks between nested values, broken text) is read by the careful reader.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sources.files.count import Piece, line_starts
from sources.files.dialect import ident, text
from sources.files.errors import FileProblem
from sources.files.fast import in_row_groups, read_ahead
from sources.files.json_shape import EXACT, FLAT, IS_SAME_TEXT, LONGEST, NUMBER, ODD, SAME, SAME_TEXT, Shape
from sources.files.json_text import Wraps, records_in
from sources.files.lines import Block
from sources.files.records import Collector, one_value, opens_array, refuse_one_value
from sources.files.tables import read_variables

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from duckdb import DuckDBPyConnection

FEWEST_LINES = 2_000
"""A file with fewer lines is read one by one."""

_TOGETHER = 32 << 20
_SAMPLE = 100
# More odd lines than this share are worth a second look at what they have in common.
_FEW = 0.02
_LONGEST_PATTERN = 50_000
_BATCH = 61_440
_VIEW = "regulars_lines"
_ALL_KINDS = ("text", "object", "list", "boolean", "number")
_CODES = "WHEN '\"' THEN 1 WHEN '{' THEN 2 WHEN '[' THEN 4 WHEN 't' THEN 8 WHEN 'f' THEN 8 WHEN 'n' THEN 0 ELSE 16"


class Unsettled(Exception):  # noqa: N818 - it sends a file the careful way, and nobody sees it
    """Names whose columns depend on which line comes first."""


@dataclass(frozen=True)
class Lines:
    """Some lines of a file that are not blank: their bytes, where each begins, and the physical number of the first."""

    data: bytes
    starts: np.ndarray
    before: int

    def table(self, **columns: np.ndarray) -> pa.Table:
        """Return them as a column `line`, line ends included, with more columns beside it."""
        import numpy as np
        import pyarrow as pa

        ends = np.append(self.starts, len(self.data)).astype(np.int32)
        lines = pa.Array.from_buffers(pa.string(), len(self), [None, pa.py_buffer(ends), pa.py_buffer(self.data)])
        whole = pa.table({"line": lines, **{name: pa.array(column) for name, column in columns.items()}})
        # DuckDB's threads take a batch each.
        return pa.Table.from_batches(whole.to_batches(max_chunksize=_BATCH))

    @property
    def lengths(self) -> np.ndarray:
        """Bytes of each line, blank lines behind it included."""
        import numpy as np

        return np.diff(np.append(self.starts, len(self.data)))

    def line(self, place: int) -> str:
        """Return one line."""
        start = int(self.starts[place])
        end = self.data.find(b"\n", start) + 1
        return self.data[start : end or None].decode()

    def __len__(self) -> int:
        return len(self.starts)


def read_lines(path: Path, pieces: Sequence[Piece]) -> Iterator[Lines]:
    """Yield the lines of a file, some pieces at a time.

    Raises:
        FileProblem: it is not the file that was counted any more.
    """
    groups: list[list[Piece]] = []
    for piece in pieces:
        if not groups or piece.end - groups[-1][0].start > _TOGETHER:
            groups.append([])
        groups[-1].append(piece)

    def read(group: list[Piece]) -> tuple[bytes, np.ndarray, int]:
        with path.open("rb") as stream:
            stream.seek(group[0].start)
            data = stream.read(group[-1].end - group[0].start)
        starts = line_starts(data)
        expected = sum(piece.records for piece in group)
        if len(starts) != expected:
            raise FileProblem("changed while it was read", "It is loaded by the next run")
        return data, starts, data.count(b"\n")

    before = 0
    for data, starts, line_ends in read_ahead(read, groups):
        if len(starts):  # else blank lines only
            yield Lines(data, starts, before)
        before += line_ends


Write = Callable[[Sequence[str], str, int, int], None]
"""Takes names of columns, a SELECT of their values, how many rows and how many bytes."""


class LinesReader:
    """Reads one file of JSON lines: first what needs care, as blocks, then the rest in one SELECT."""

    def __init__(
        self, con: DuckDBPyConnection, path: Path, pieces: Sequence[Piece], wraps: Wraps, *, is_sure: bool
    ) -> None:
        """Take a file whose lines were counted; `is_sure` as for `read_json_lines`."""
        self._con, self._path, self._pieces, self._wraps = con, path, pieces, wraps
        self._is_sure = is_sure
        self._shape = Shape(wraps)
        self._kinds: dict[str, set[str]] = {}
        self._careful = Collector()
        self._next = 1
        self._first = 0  # the place of the first line that is not blank, in the part that is read
        # Of each part of the file: the sort of its lines, and where several records or none are in a line.
        self._parts: list[tuple[np.ndarray, dict[int, int]]] = []

    @property
    def kinds(self) -> dict[str, set[str]]:
        """Kinds of values in the lines that went to `write`."""
        return {name: kinds | self._kinds.get(name, set()) for name, kinds in self._shape.kinds.items()}

    def read(self, write: Write) -> Iterator[Block]:
        """Yield blocks of the lines that need care, then write the others; a block has all columns so far.

        Raises:
            FileProblem: the file is one JSON value instead of one object per line, or changes while it is read.
            Unsettled: the columns of some names depend on which line comes first.
        """
        rows = 0
        for lines in read_lines(self._path, self._pieces):
            sorts = self._sorted(lines)
            self._careful.know(self._shape.kinds)
            records: dict[int, int] = {}
            yield from self._one_by_one(lines, sorts, records)
            self._parts.append((sorts, records))
            self._first -= len(lines)
            rows += int((sorts > 0).sum())
        if self._next > 1 and not rows and not self._careful.good and not self._is_sure:
            refuse_one_value(self._path)
        yield self._block()
        if rows:
            self._write(write, rows)

    def _block(self) -> Block:
        block = self._careful.take()
        if not self._careful.is_settled:
            raise Unsettled
        return block

    def _sorted(self, lines: Lines) -> np.ndarray:
        """Learn from some of the lines, and return the sort of each."""
        import numpy as np

        # Drawn, as every second line may be of another kind.
        draw = np.random.default_rng(len(lines))
        self._shape.learn(map(lines.line, np.sort(draw.integers(0, len(lines), _SAMPLE)).tolist()))
        sorts = self._matched(lines)
        odd = np.flatnonzero(sorts == ODD)
        if len(odd) > _FEW * len(lines):
            some = np.sort(draw.choice(odd, _SAMPLE)).tolist()
            if self._shape.learn(map(lines.line, some)):
                sorts = self._matched(lines)
        return sorts

    def _matched(self, lines: Lines) -> np.ndarray:
        """Return the sort of each line."""
        import numpy as np

        sorts = np.full(len(lines), ODD, dtype=np.uint8)
        exact, any_number = self._shape.pattern(SAME), self._shape.pattern(NUMBER)
        if not self._shape.kinds or len(any_number) > _LONGEST_PATTERN:
            return sorts
        sorts[:] = EXACT
        closed = "(suffix(line, e'}\\n') OR suffix(line, e'}\\r\\n') OR suffix(line, '}'))"
        names, wraps = list(self._shape.kinds), [path[0] for path in self._wraps]
        # Not in the transaction of the rows: that would keep what a dropped view showed until its end.
        aside = self._con.cursor()
        try:
            aside.register(_VIEW, lines.table(place=np.arange(len(lines), dtype=np.int32)))
            other = aside.execute(
                f"SELECT place, {closed} AND regexp_matches(line, $any) AS is_flat, {IS_SAME_TEXT} AS is_same "  # noqa: S608
                f"FROM {_VIEW} WHERE strlen(line) > {LONGEST} OR NOT {closed} OR NOT regexp_matches(line, $exact)",
                {"any": any_number, "exact": exact, "names": names, "wraps": wraps},
            ).fetchnumpy()
            sorts[other["place"]] = np.where(other["is_flat"], FLAT, np.where(other["is_same"], SAME_TEXT, ODD))
            sorts[lines.lengths > LONGEST] = ODD
            if (sorts == SAME_TEXT).any():
                aside.register(_VIEW, lines.table(sort=sorts))
                self._note_kinds(aside)
        finally:
            aside.close()
        return sorts

    def _note_kinds(self, con: DuckDBPyConnection) -> None:
        """Remember the kinds of values in lines that may hold nested ones."""
        structure = text(self._shape.structure("JSON"))
        codes = ", ".join(
            f"bit_or(CASE coalesce(left({ident(name)}::VARCHAR, 1), 'n') {_CODES} END)" for name in self._shape.kinds
        )
        found = con.execute(
            f"SELECT {codes} FROM (SELECT unnest(json_transform(line, {structure})) FROM {_VIEW} "  # noqa: S608 - quoted
            f"WHERE sort = {SAME_TEXT})"
        ).fetchall()
        for name, code in zip(self._shape.kinds, found[0], strict=True):
            seen = {kind for place, kind in enumerate(_ALL_KINDS) if (code or 0) >> place & 1}
            self._kinds.setdefault(name, set()).update(seen)

    def _one_by_one(self, lines: Lines, sorts: np.ndarray, records: dict[int, int]) -> Iterator[Block]:
        """Read the odd lines, and note how many records are in those with more or fewer than one."""
        import numpy as np

        after = 0
        line_number, at = lines.before + 1, 0
        for place in np.flatnonzero(sorts == ODD).tolist():
            start = int(lines.starts[place])
            line_number += lines.data.count(b"\n", at, start)
            at = start
            line = lines.line(place)
            if line_number == 1:
                line = line.removeprefix("\ufeff")
            # Of the first line perhaps nothing but a byte order mark was there.
            is_blank = not line.strip(" \t\r\n")
            if place == self._first:
                self._first += is_blank
                if not self._is_sure and opens_array(line):
                    raise one_value()
            found = [] if is_blank else records_in(line, self._wraps)
            # Every line between two of these is one record.
            self._next += place - after
            after = place + 1
            self._careful.number = self._next - 1
            for record in found:
                self._careful.add(record, line_number)
            self._next += len(found)
            if len(found) != 1:
                records[place] = len(found)
            if self._careful.is_full:
                yield self._block()
        self._next += len(lines) - after

    def _write(self, write: Write, rows: int) -> None:
        """Hand all lines that have the shape on, in one statement."""
        import duckdb
        import pyarrow as pa

        changed: list[FileProblem] = []

        def batches() -> Iterator[pa.RecordBatch]:
            try:
                yield from in_row_groups(batch for table in self._numbered() for batch in table.to_batches())
            except FileProblem as problem:
                changed.append(problem)
                raise

        schema = pa.schema([("line", pa.string()), ("row", pa.int64()), ("sort", pa.uint8())])
        read_variables(self._con)
        regulars_lines = pa.RecordBatchReader.from_batches(schema, batches())  # noqa: F841 - in SQL
        try:
            write(
                [*self._shape.kinds, "_row"],
                f"SELECT {', '.join(self._shape.values(has_nested=bool(self._kinds)))}, row FROM ("  # noqa: S608 - quoted names
                f"SELECT json_transform(line, {text(self._shape.structure())}) AS object, line, row, sort "
                f"FROM {_VIEW} WHERE sort <> {ODD})",
                rows,
                self._pieces[-1].end,
            )
        except duckdb.Error:
            if changed:
                raise changed[0] from None
            raise

    def _numbered(self) -> Iterator[pa.Table]:
        """Yield the lines again, with the number of each one's first record."""
        import numpy as np

        first = 1
        for lines, (sorts, several) in zip(read_lines(self._path, self._pieces), self._parts, strict=True):
            records = np.ones(len(lines), dtype=np.int64)
            for place, count in several.items():
                records[place] = count
            ends = np.cumsum(records) + first
            yield lines.table(row=ends - records, sort=sorts)
            first = int(ends[-1])
