"""Rows of a segment from what the client has parsed already, so that its file need not be parsed again.

They are the rows that reading the landed file would give, value by value. Where that is not certain (a name that comes
in two spellings, half a character, a value no JSON has) there are none, and the file is read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sources.files.job import Found, Item, Job, Outcome, changed_meanwhile
from sources.files.ledger import batch_id_of, now
from sources.files.lines import column_names
from sources.files.prepare import Prepared, reader_of
from sources.rest.exact import WRITTEN_AS, texts_of

if TYPE_CHECKING:
    import pyarrow as pa

_ROWS = "regulars_rows_received"


@dataclass(frozen=True)
class Rows:
    """The records of a segment.

    Attributes:
        table: a column of text for every field, in the order they came first.
        kinds: of JSON values by field: text, number, boolean, object, list.
    """

    table: pa.Table
    kinds: dict[str, set[str]]


class Gathered:
    """Records on their way to rows, page by page."""

    def __init__(self) -> None:
        """Begin without any."""
        self._pages: list[pa.Table] | None = []
        self._kinds: dict[str, set[str]] = {}

    def give_up(self) -> None:
        """Gather no more: the file will be read."""
        self._pages = None

    def add(self, page: Sequence[Mapping[str, Any]]) -> None:
        """Add the records of a page."""
        import pyarrow as pa

        if self._pages is None:
            return
        try:
            names = dict.fromkeys(page[0])
            for one in page:
                if not one.keys() <= names.keys():
                    names.update(dict.fromkeys(one))
            columns = {name: self._column(name, page) for name in names}
            self._pages.append(pa.table({name: pa.array(column, pa.string()) for name, column in columns.items()}))
        except (pa.ArrowException, UnicodeError, TypeError, KeyError, ValueError):
            self.give_up()

    def _column(self, name: str, page: Sequence[Mapping[str, Any]]) -> Sequence[str | None]:
        values = [one.get(name) for one in page]
        types = set(map(type, values))
        kinds = self._kinds.setdefault(name, set())
        kinds.update(kind for one in types if (kind := WRITTEN_AS[one]) is not None)
        return texts_of(values, types)

    def rows(self) -> Rows | None:
        """Return the rows, None if the file is to be read."""
        import pyarrow as pa

        if not self._pages:
            return None
        table = pa.concat_tables(self._pages, promote_options="default")
        if column_names(table.column_names) != tuple(table.column_names):
            return None
        return Rows(table, self._kinds)


def load_rows(job: Job, ready: Prepared, rows: Rows) -> Outcome | None:
    """Put the rows of a landed file into the raw layer; None if its content was loaded before.

    Raises:
        SourceError: the warehouse could not write.
        StoreError: the storage location could not be written.
    """
    import numpy as np
    import pyarrow as pa

    batch_id = batch_id_of(job.source, job.name, ready.content_hash)
    if batch_id in job.loaded:
        return None
    item = Item(ready, batch_id, reader_of(job.dataset, ready.file), replaces=False, started_at=now())
    names = tuple(rows.table.column_names)
    found = Found(names, rows.table.num_rows, 0, rows.kinds)
    shown = [f"c{place}" for place in range(len(names))]
    numbers = pa.array(np.arange(1, found.received + 1, dtype=np.int64))
    problem = None
    with job.sink.group(job.name), job.sink.step():
        problem = changed_meanwhile(item)
        if problem is None:
            job.sink.grow(names)
            job.con.register(_ROWS, rows.table.rename_columns(shown).append_column("row", numbers))
            try:
                written = job.sink.insert(
                    [*names, "_batch_id", "_load_id", "_row"],
                    f"SELECT {', '.join(shown)}, ?, ?, row FROM {_ROWS}",  # noqa: S608 - our own names
                    [batch_id, job.load_id],
                    found.received,
                    ready.size,
                )
            finally:
                job.con.unregister(_ROWS)
            if written != found.received:
                raise AssertionError(f"{written} rows were written, {found.received} were received")
            job.sink.record([item.batch(job.name, found)])
    if problem is not None:
        return Outcome(ready.file.name, "failed", problem=problem)
    job.loaded[batch_id] = item.reader
    return item.outcome(found)


__all__ = ["Gathered", "Rows", "load_rows"]
