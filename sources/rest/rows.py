"""Rows of a segment from what the client has parsed already, so that its file need not be parsed again.

They are the rows that reading the landed file would give, value by value. Where that is not certain (a name that comes
in two spellings, half a character, a value no JSON has) there are none, and the file is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sources.files.job import Found, Item, Job, Outcome, changed_meanwhile
from sources.files.ledger import batch_id_of, now
from sources.files.lines import column_names
from sources.files.prepare import Prepared, reader_of
from sources.rest.exact import WRITTEN_AS, texts_of

if TYPE_CHECKING:
    import pyarrow as pa

_ROWS = "regulars_rows_received"
# As text in memory; more than a usual segment has.
_HELD_BYTES = 64 << 20


@dataclass(frozen=True)
class Rows:
    """The records of a segment.

    Attributes:
        columns: the fields, in the order they came first.
        count: how many records.
        kinds: of JSON values by field: text, number, boolean, object, list.
        files: tables of text that lie on disk, in order.
        last: the table that comes after them.
    """

    columns: tuple[str, ...]
    count: int
    kinds: dict[str, set[str]]
    files: tuple[Path, ...]
    last: pa.Table

    def tables(self) -> Iterator[pa.Table]:
        """Yield tables of text, a column for every field that is in them."""
        import pyarrow as pa

        for file in self.files:
            with pa.memory_map(str(file)) as mapped:
                yield pa.ipc.open_file(mapped).read_all()
        if self.last.num_rows:
            yield self.last

    def discard(self) -> None:
        """Delete the files."""
        for file in self.files:
            file.unlink(missing_ok=True)


class Gathered:
    """Records on their way to rows, page by page; many of them go to disk meanwhile."""

    def __init__(self, stem: Path) -> None:
        """Begin without any; `stem` is what names of files start with."""
        self._stem = stem
        self._pages: list[pa.Table] = []
        self._files: list[Path] = []
        self._kinds: dict[str, set[str]] = {}
        self._columns: dict[str, None] = {}
        self._count = self._held = 0
        self._is_over = False

    def give_up(self) -> None:
        """Gather no more: the file will be read."""
        self._is_over = True
        self._pages = []
        for file in self._files:
            file.unlink(missing_ok=True)
        self._files = []

    def add(self, page: Sequence[Mapping[str, Any]]) -> None:
        """Add the records of a page.

        Raises:
            OSError: the disk cannot be written.
        """
        import pyarrow as pa

        if self._is_over:
            return
        try:
            names = dict.fromkeys(page[0])
            for one in page:
                if not one.keys() <= names.keys():
                    names.update(dict.fromkeys(one))
            columns = {name: self._column(name, page) for name in names}
            table = pa.table({name: pa.array(column, pa.string()) for name, column in columns.items()})
        except (pa.ArrowException, UnicodeError, TypeError, KeyError, ValueError):
            self.give_up()
            return
        self._columns |= names
        self._count += len(page)
        self._pages.append(table)
        self._held += table.nbytes
        if self._held > _HELD_BYTES:
            self._spill()

    def _spill(self) -> None:
        import pyarrow as pa

        table = self._joined()
        file = self._stem.with_suffix(f".{len(self._files)}.arrow")
        self._files.append(file)
        with pa.OSFile(str(file), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
        self._pages, self._held = [], 0

    def _joined(self) -> pa.Table:
        import pyarrow as pa

        return pa.concat_tables([*self._pages, *([] if self._pages else [pa.table({})])], promote_options="default")

    def _column(self, name: str, page: Sequence[Mapping[str, Any]]) -> Sequence[str | None]:
        values = [one.get(name) for one in page]
        types = set(map(type, values))
        kinds = self._kinds.setdefault(name, set())
        kinds.update(kind for one in types if (kind := WRITTEN_AS[one]) is not None)
        return texts_of(values, types)

    def rows(self) -> Rows | None:
        """Return the rows, None if the file is to be read."""
        columns = tuple(self._columns)
        if self._is_over or not columns or column_names(columns) != columns:
            self.give_up()
            return None
        return Rows(columns, self._count, self._kinds, tuple(self._files), self._joined())


def load_rows(job: Job, ready: Prepared, rows: Rows) -> Outcome | None:
    """Put the rows of a landed file into the raw layer; None if its content was loaded before.

    Raises:
        SourceError: the warehouse could not write.
        StoreError: the storage location could not be written.
    """
    batch_id = batch_id_of(job.source, job.name, ready.content_hash)
    if batch_id in job.loaded:
        return None
    item = Item(ready, batch_id, reader_of(job.dataset, ready.file), replaces=False, started_at=now())
    found = Found(rows.columns, rows.count, 0, rows.kinds)
    problem = None
    with job.sink.group(job.name), job.sink.step():
        problem = changed_meanwhile(item)
        if problem is None:
            job.sink.grow(rows.columns)
            written = 0
            for table in rows.tables():
                written += _insert(job, batch_id, table, written, ready.size * table.num_rows // rows.count)
            if written != rows.count:
                raise AssertionError(f"{written} rows were written, {rows.count} were received")
            job.sink.record([item.batch(job.name, found)])
    if problem is not None:
        return Outcome(ready.file.name, "failed", problem=problem)
    job.loaded[batch_id] = item.reader
    return item.outcome(found)


def _insert(job: Job, batch_id: str, table: pa.Table, before: int, size: int) -> int:
    """Hand the rows of a table to the sink, numbered after those before; return how many."""
    import numpy as np
    import pyarrow as pa

    names = table.column_names
    shown = [f"c{place}" for place in range(len(names))]
    numbers = pa.array(np.arange(before + 1, before + 1 + table.num_rows, dtype=np.int64))
    job.con.register(_ROWS, table.rename_columns(shown).append_column("row", numbers))
    try:
        return job.sink.insert(
            [*names, "_batch_id", "_load_id", "_row"],
            f"SELECT {', '.join(shown)}, ?, ?, row FROM {_ROWS}",  # noqa: S608 - our own names
            [batch_id, job.load_id],
            table.num_rows,
            size,
        )
    finally:
        job.con.unregister(_ROWS)


__all__ = ["Gathered", "Rows", "load_rows"]
