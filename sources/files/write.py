"""Read prepared files and hand their rows to a sink: sound delimited files many at a time, all others one by one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from sources.files import ledger, tables
from sources.files.columns import check_columns, check_keys
from sources.files.errors import FileProblem
from sources.files.fast import Unsound, column_schema, file_schema, numbered, read_ahead, read_files, read_piece
from sources.files.job import Found, Item, Job, Outcome, changed_meanwhile
from sources.files.json_fast import FEWEST_LINES, LinesReader, Unsettled
from sources.files.ledger import KnownFile, batch_id_of
from sources.files.lines import Block, Layout, read_records
from sources.files.parquet import insert_parquet
from sources.files.prepare import Prepared, reader_of
from sources.files.records import read_documents, read_json_lines
from sources.files.sheets import read_sheet

if TYPE_CHECKING:
    import pyarrow as pa
    from duckdb import DuckDBPyConnection

LARGE_BYTES = 16 << 20
"""A sound delimited file of this size or more goes piece by piece; smaller ones are read whole, many at a time."""

_STAGE = "regulars_stage"


def load_group(job: Job, group: Iterable[Prepared]) -> list[Outcome]:
    """Load prepared files and return what became of each; a file that fails leaves nothing behind.

    Raises:
        SourceError: the warehouse could not write.
        StoreError: the storage location could not be written.
    """
    with job.sink.group(job.name):
        return list(_load_group(job, group))


def _load_group(job: Job, group: Iterable[Prepared]) -> Iterator[Outcome]:
    fast: dict[tuple[tuple[str, ...], Layout], list[Item]] = defaultdict(list)
    careful: list[Item] = []
    again: list[Item] = []
    coming: set[str] = set()
    for ready in group:
        batch_id = batch_id_of(job.source, job.name, ready.content_hash)
        reader = reader_of(job.dataset, ready.file)
        there = job.loaded.get(batch_id)
        item = Item(ready, batch_id, reader, there is not None, ledger.now())
        if there == reader or batch_id in coming:
            again.append(item)
            continue
        try:
            if there is not None and (refusal := job.sink.refusal(batch_id)) is not None:
                raise refusal
            if ready.header is not None:
                check_columns(job.dataset, ready.header.columns, ready.layout)
        except FileProblem as problem:
            yield Outcome(ready.file.name, "failed", problem=problem)
            continue
        coming.add(batch_id)
        if ready.header is not None and ready.layout is not None and ready.pieces is not None:
            fast[ready.header.columns, ready.layout].append(item)
        else:
            careful.append(item)
    for items in fast.values():
        for done in _load_sound(job, items):
            if isinstance(done, Item):
                careful.append(done)
            else:
                yield done
    for item in careful:
        yield _load_single(job, item)
    yield from _note_again(job, again)


def _note_again(job: Job, items: list[Item]) -> Iterator[Outcome]:
    # The first file with this content may have failed; then this one has nothing to point to.
    known = [item for item in items if job.loaded.get(item.batch_id) == item.reader]
    with job.sink.step():
        for item in known:
            file = item.ready.file
            job.sink.record_file(file.name, KnownFile(file.fingerprint, item.reader, item.batch_id))
    for item in items:
        if item in known:
            yield Outcome(item.ready.file.name, "known_content", item.batch_id)
        else:
            problem = FileProblem("has the same content as a file that failed", "See that file's message")
            yield Outcome(item.ready.file.name, "failed", problem=problem)


def _load_sound(job: Job, items: list[Item]) -> Iterator[Outcome | Item]:
    """Load files that seem sound; yield an outcome, or the item itself if it needs the careful way."""
    large = [item for item in items if item.ready.size >= LARGE_BYTES]
    if small := [item for item in items if item not in large]:
        yield from _load_fast(job, small)
    if large:
        yield from _load_large(job, large)


def _load_fast(job: Job, items: list[Item]) -> Iterator[Outcome | Item]:
    """Read many sound files in one statement; yield an outcome, or the item itself if it needs the careful way."""
    import duckdb

    try:
        staged = _stage(job.con, items)
    except duckdb.Error:
        # One of them breaks the reader: halve until it stands alone.
        if len(items) == 1:
            yield items[0]
            return
        middle = len(items) // 2
        yield from _load_fast(job, items[:middle])
        yield from _load_fast(job, items[middle:])
        return
    try:
        done = [item for item, problem in staged.items() if problem is None]
        with job.sink.step():
            if done:
                _insert_staged(job, done)
    finally:
        job.con.unregister(_STAGE)
    for item in items:
        if item not in staged:
            yield item
        elif (problem := staged[item]) is not None:
            yield Outcome(item.ready.file.name, "failed", problem=problem)
        else:
            job.loaded[item.batch_id] = item.reader
            yield item.outcome(item.sound)


def _stage(con: DuckDBPyConnection, items: list[Item]) -> dict[Item, FileProblem | None]:
    """Read files into a view of DuckDB; return those that are in it, and with a problem those that changed meanwhile.

    The others need the careful way.
    """
    import pyarrow as pa

    def read(item: Item) -> pa.Table | None:
        header, layout = item.form
        try:
            parts = [
                read_piece(item.ready.path, piece, first, layout, len(header.columns))
                for piece, first in numbered(item.ready.pieces or ())
            ]
        except Unsound:
            return None
        return pa.concat_tables([column_schema(len(header.columns)).empty_table(), *parts])

    staged: dict[Item, FileProblem | None] = {}
    held = [_with_batch(column_schema(len(items[0].form[0].columns)).empty_table(), "")]
    for item, table in zip(items, read_ahead(read, items), strict=True):
        if table is not None:
            staged[item] = changed_meanwhile(item)
            if staged[item] is None:
                held.append(_with_batch(table, item.batch_id))
    con.register(_STAGE, pa.concat_tables(held))
    return staged


def _with_batch(rows: pa.Table, batch_id: str) -> pa.Table:
    import numpy as np
    import pyarrow as pa

    places = pa.array(np.zeros(rows.num_rows, dtype=np.int32))
    return rows.append_column("batch", pa.DictionaryArray.from_arrays(places, pa.array([batch_id], pa.string())))


def _insert_staged(job: Job, staged: list[Item]) -> None:
    """Hand the staged rows of sound files to the sink and write the ledger, in the open step."""
    header, _ = staged[0].form
    job.sink.grow(header.columns)
    job.sink.replace([item.batch_id for item in staged if item.replaces])
    if expected := sum(item.ready.records for item in staged):
        size = sum(item.ready.pieces[-1].end for item in staged if item.ready.pieces)
        _insert_text(job, header.columns, "batch", [], expected, size)
    job.sink.record(item.batch(job.name, item.sound) for item in staged)


def _insert_text(
    job: Job, columns: tuple[str, ...], batch: str, parameters: list[object], rows: int, size: int
) -> None:
    """Hand the rows in the view of delimited records to the sink."""
    values = ", ".join(f"c{place}" for place in range(len(columns)))
    written = job.sink.insert(
        [*columns, "_batch_id", "_load_id", "_row"],
        f"SELECT {values}, {batch}, ?, row FROM {_STAGE}",  # noqa: S608 - our own names
        [*parameters, job.load_id],
        rows,
        size,
    )
    if written != rows:
        raise AssertionError(f"{written} rows were written, {rows} were received")


def _load_large(job: Job, items: list[Item]) -> Iterator[Outcome | Item]:
    """Load sound files together; if one of them does not go, each by itself, so that the others do."""
    try:
        found = _stream(job, items)
    except (Unsound, FileProblem) as problem:
        if len(items) > 1:
            for item in items:
                yield from _load_large(job, [item])
        elif isinstance(problem, FileProblem):
            yield Outcome(items[0].ready.file.name, "failed", problem=problem)
        else:
            yield items[0]
        return
    yield from found


def _stream(job: Job, items: list[Item]) -> list[Outcome]:
    """Read sound files piece by piece while their rows are written, in one step.

    Raises:
        Unsound: one of them needs the careful way.
        FileProblem: one of them has changed meanwhile.
    """
    import duckdb
    import pyarrow as pa

    header, _ = items[0].form
    width = len(header.columns)
    unsound: list[Unsound] = []

    def batches() -> Iterator[pa.RecordBatch]:
        try:
            yield from read_files([(item.ready.path, item.ready.pieces or (), item.form[1]) for item in items], width)
        except Unsound as found:
            unsound.append(found)
            raise

    with job.sink.step():
        job.sink.grow(header.columns)
        job.sink.replace([item.batch_id for item in items if item.replaces])
        tables.read_variables(job.con)
        regulars_stage = pa.RecordBatchReader.from_batches(file_schema(width), batches())  # noqa: F841 - in SQL
        try:
            _insert_text(
                job,
                header.columns,
                f"CASE file {' '.join(f'WHEN {number} THEN ?' for number in range(1, len(items) + 1))} END",
                [item.batch_id for item in items],
                sum(item.ready.records for item in items),
                sum(item.ready.path.stat().st_size for item in items),
            )
        except duckdb.Error:
            if unsound:
                raise unsound[0] from None
            raise
        for item in items:
            if (problem := changed_meanwhile(item)) is not None:
                raise problem
        job.sink.record([item.batch(job.name, item.sound) for item in items])
    for item in items:
        job.loaded[item.batch_id] = item.reader
    return [item.outcome(item.sound) for item in items]


def _load_single(job: Job, item: Item) -> Outcome:
    """Read one file record by record into the raw table."""
    load: Callable[[Job, Item], Found]
    load = insert_parquet if item.ready.file.format == "parquet" else _insert_blocks
    try:
        found = None
        if item.ready.has_lines and item.ready.records >= FEWEST_LINES:
            with suppress(Unsettled):
                found = _in_one_step(job, item, _insert_json)
        if found is None:
            found = _in_one_step(job, item, load)
    except FileProblem as problem:
        return Outcome(item.ready.file.name, "failed", problem=problem)
    job.loaded[item.batch_id] = item.reader
    return item.outcome(found)


def _in_one_step(job: Job, item: Item, load: Callable[[Job, Item], Found]) -> Found:
    with job.sink.step():
        found = load(job, item)
        if (problem := changed_meanwhile(item)) is not None:
            raise problem
        job.sink.record([item.batch(job.name, found)])
    return found


def _blocks(job: Job, ready: Prepared) -> Iterator[Block]:
    if ready.header is not None and ready.layout is not None:
        return read_records(ready.path, ready.layout, ready.header)
    if ready.file.format == "excel":
        return read_sheet(ready.path, job.dataset.options.sheet, job.dataset.options.header_row)
    wraps = job.dataset.options.wraps
    if not ready.has_lines:
        return read_documents(ready.path, wraps)
    return read_json_lines(ready.path, wraps, is_sure=ready.file.format == "json")


def _insert_json(job: Job, item: Item) -> Found:
    """Read a long file of JSON lines; most of its rows may go from DuckDB to the sink without a detour."""
    ready, found, written = item.ready, Found(), 0
    wraps, is_sure = job.dataset.options.wraps, ready.file.format == "json"
    reader = LinesReader(job.con, ready.path, ready.pieces or (), wraps, is_sure=is_sure)

    def write(names: Sequence[str], select: str, rows: int, size: int) -> None:
        nonlocal written
        found.received += rows
        written += job.sink.insert(
            [*names, "_batch_id", "_load_id"],
            f"SELECT *, ?, ? FROM ({select})",  # noqa: S608 - quoted names
            [item.batch_id, job.load_id],
            rows,
            size,
        )

    if item.replaces:
        job.sink.replace([item.batch_id])
    for number, block in enumerate(reader.read(write)):
        if number == 0 or block.columns != found.columns:
            job.sink.grow(block.columns)
        found.add(block)
        written += tables.insert_block(job.con, job.sink.insert, item.batch_id, job.load_id, block)
    found.add_kinds(reader.kinds)
    if written != found.received:
        raise AssertionError(f"{written} rows were written, {found.received} were received")
    if found.received > found.rejected:
        check_keys(job.dataset, found.columns)
    return found


def _insert_blocks(job: Job, item: Item) -> Found:
    found = Found()
    written = 0
    for number, block in enumerate(_blocks(job, item.ready)):
        if item.ready.file.format == "excel" and number == 0:
            check_columns(job.dataset, block.columns, None)
        if number == 0 or block.columns != found.columns:
            job.sink.grow(block.columns)
        if number == 0 and item.replaces:
            job.sink.replace([item.batch_id])
        found.add(block)
        written += tables.insert_block(job.con, job.sink.insert, item.batch_id, job.load_id, block)
    if written != found.received:
        raise AssertionError(f"{written} rows were written, {found.received} were received")
    if item.ready.is_json and found.received > found.rejected:
        check_keys(job.dataset, found.columns)
    return found


__all__ = ["Job", "Outcome", "load_group"]
