"""Read prepared files and hand their rows to a sink: sound delimited files many at a time, all others one by one."""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from sources.files import ledger, tables
from sources.files.config import Dataset
from sources.files.dialect import ident, text
from sources.files.discover import local_fingerprint
from sources.files.errors import FileProblem
from sources.files.ledger import Batch, KnownFile, batch_id_of
from sources.files.lines import Block, Header, Layout, column_names, read_records
from sources.files.prepare import Prepared, reader_of
from sources.files.records import read_json_lines, read_sheet

if TYPE_CHECKING:
    import datetime as dt

    from duckdb import DuckDBPyConnection

    from sources.files.sink import Sink

_STAGE = "temp.main.regulars_stage"
# As text in memory, roughly; it only decides how rows travel.
_PARQUET_GROWS = 5


@dataclass
class Job:
    """The load of one dataset: what reads, where rows go, and which batches (id to reader) are there already."""

    con: DuckDBPyConnection
    sink: Sink
    source: str
    name: str
    dataset: Dataset
    load_id: str
    loaded: dict[str, str]


@dataclass(frozen=True)
class Outcome:
    """What became of one file."""

    file: str
    status: Literal["loaded", "reread", "known_content", "failed"]
    batch_id: str | None = None
    received: int = 0
    rejected: int = 0
    problem: FileProblem | None = None


@dataclass(frozen=True, eq=False)
class _Item:
    """A prepared file on its way into the table."""

    ready: Prepared
    batch_id: str
    reader: str
    replaces: bool
    started_at: dt.datetime

    def batch(self, dataset: str, columns: tuple[str, ...], received: int, rejected: int) -> Batch:
        file = self.ready.file
        return Batch(
            batch_id=self.batch_id,
            dataset=dataset,
            file=file.name,
            size_bytes=self.ready.size,
            modified_at=file.modified_at,
            content_hash=self.ready.content_hash,
            rows_received=received,
            rows_rejected=rejected,
            columns=columns,
            reader=self.reader,
            fingerprint=file.fingerprint,
            started_at=self.started_at,
        )

    @property
    def form(self) -> tuple[Header, Layout]:
        """Header and layout of a delimited file."""
        if self.ready.header is None or self.ready.layout is None:
            raise AssertionError(f"{self.ready.file.name} is no delimited file")
        return self.ready.header, self.ready.layout

    def outcome(self, received: int, rejected: int) -> Outcome:
        status: Literal["loaded", "reread"] = "reread" if self.replaces else "loaded"
        return Outcome(self.ready.file.name, status, self.batch_id, received, rejected)


def load_group(job: Job, group: Iterable[Prepared]) -> list[Outcome]:
    """Load prepared files and return what became of each; a file that fails leaves nothing behind.

    Raises:
        SourceError: the warehouse could not write.
        StoreError: the storage location could not be written.
    """
    with job.sink.group(job.name):
        return list(_load_group(job, group))


def _load_group(job: Job, group: Iterable[Prepared]) -> Iterator[Outcome]:
    fast: dict[tuple[tuple[str, ...], Layout], list[_Item]] = defaultdict(list)
    careful: list[_Item] = []
    again: list[_Item] = []
    coming: set[str] = set()
    for ready in group:
        batch_id = batch_id_of(job.source, job.name, ready.content_hash)
        reader = reader_of(job.dataset, ready.file)
        there = job.loaded.get(batch_id)
        item = _Item(ready, batch_id, reader, there is not None, ledger.now())
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
        if ready.header is not None and ready.layout is not None and ready.records is not None:
            fast[ready.header.columns, ready.layout].append(item)
        else:
            careful.append(item)
    for items in fast.values():
        for done in _load_fast(job, items):
            if isinstance(done, _Item):
                careful.append(done)
            else:
                yield done
    for item in careful:
        yield _load_single(job, item)
    yield from _note_again(job, again)


def _note_again(job: Job, items: list[_Item]) -> Iterator[Outcome]:
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


def check_columns(dataset: Dataset, columns: tuple[str, ...], layout: Layout | None) -> None:
    """Make sure that every mapped column is in a file.

    Raises:
        FileProblem: naming the missing columns, the nearest name, and the columns there.
    """
    there = {name.lower(): name for name in columns}
    missing = sorted(name for name in dataset.columns_used() if name.lower() not in there)
    if not missing:
        return
    nearest = {name: difflib.get_close_matches(name.lower(), list(there), n=1, cutoff=0.7) for name in missing}
    hints = [f"'{name}'" + (f" (perhaps now '{there[near[0]]}')" if near else "") for name, near in nearest.items()]
    fix = "Change the mapping in the company file, or ask the sender for the old column names"
    if layout is not None and len(columns) == 1:
        other = [mark for mark in ",;\t|" if mark != layout.separator and mark in columns[0]]
        if other:
            fix = f"The header looks separated by {other[0]!r}: set options.separator"
    is_known = len(columns) == 1 or len(missing) < len(dataset.columns_used() - {"*"})
    if not is_known and not any(nearest.values()):
        # Perhaps no header at all but someone's data, which has no place in a message.
        words = f"has none of the mapped columns ({', '.join(hints)}) among its {len(columns)}"
        raise FileProblem(words, f"{fix}; if the file has no header, set options.header_row: 0")
    shown = ", ".join(columns[:40]) + (", ..." if len(columns) > 40 else "")
    raise FileProblem(f"has no column {', '.join(hints)}, which is mapped; columns there: {shown}", fix)


def _changed_meanwhile(item: _Item) -> FileProblem | None:
    """Return a problem if the file is not the one that was hashed any more."""
    file = item.ready.file
    if file.path is None:
        return None
    try:
        same = local_fingerprint(file.path.stat()) == file.fingerprint
    except OSError:
        same = False
    return None if same else FileProblem("changed while it was read", "It is loaded by the next run")


def _load_fast(job: Job, items: list[_Item]) -> Iterator[Outcome | _Item]:
    """Read many sound files in one statement; yield an outcome, or the item itself if it needs the careful way."""
    import duckdb

    full = [item for item in items if item.ready.records]
    try:
        counted = _stage(job.con, full) if full else {}
    except duckdb.Error:
        # One of them breaks the reader: halve until it stands alone.
        if len(items) == 1:
            yield items[0]
            return
        middle = len(items) // 2
        yield from _load_fast(job, items[:middle])
        yield from _load_fast(job, items[middle:])
        return
    good: list[_Item] = [item for item in items if not item.ready.records]
    firsts: dict[int, tuple[_Item, int]] = {}
    for place, item in enumerate(full):
        first, count = counted.get(place, (0, 0))
        if count != item.ready.records:
            yield item
            continue
        good.append(item)
        firsts[place] = (item, first)
    problems = {item.batch_id: problem for item in good if (problem := _changed_meanwhile(item))}
    firsts = {place: one for place, one in firsts.items() if one[0].batch_id not in problems}
    done = [item for item in good if item.batch_id not in problems]
    with job.sink.step():
        if done:
            _insert_staged(job, firsts, done)
        job.con.execute(f"DROP TABLE IF EXISTS {_STAGE}")
    for item in good:
        if item in done:
            job.loaded[item.batch_id] = item.reader
            yield item.outcome(item.ready.records or 0, 0)
        else:
            yield Outcome(item.ready.file.name, "failed", problem=problems[item.batch_id])


def _stage(con: DuckDBPyConnection, items: list[_Item]) -> dict[int, tuple[int, int]]:
    """Read files into a temporary table; return place in the list to (first row id, rows)."""
    header, layout = items[0].form
    columns = ", ".join(f"'c{place}': 'VARCHAR'" for place in range(len(header.columns)))
    paths = ", ".join(text(str(item.ready.path)) for item in items)
    # Records that DuckDB refuses are left out here and show in the count; nothing is guessed.
    # Row ids follow the files' order only while insertion order is kept.
    con.execute("SET preserve_insertion_order = true")
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE regulars_stage AS SELECT *, file_index AS place FROM read_csv([{paths}], "  # noqa: S608 - literals are quoted
        f"columns = {{{columns}}}, auto_detect = false, all_varchar = true, strict_mode = true, "
        f"delim = {text(layout.separator)}, quote = {text(layout.quote)}, escape = {text(layout.quote)}, "
        f"header = {'true' if layout.header_row else 'false'}, skip = {max(layout.header_row - 1, 0)}, "
        "ignore_errors = true, encoding = 'utf-8', compression = 'none')"
    )
    rows = con.execute(f"SELECT place, min(rowid), count(*) FROM {_STAGE} GROUP BY place").fetchall()  # noqa: S608
    return {int(place): (int(first), int(count)) for place, first, count in rows}


def _insert_staged(job: Job, firsts: dict[int, tuple[_Item, int]], done: list[_Item]) -> None:
    """Move the staged rows of sound files to the sink and write the ledger, in the open step."""
    header, _ = done[0].form
    job.sink.grow(header.columns)
    job.sink.replace([item.batch_id for item in done if item.replaces])
    if firsts:
        values = ", ".join(f"c{place}" for place in range(len(header.columns)))
        batches = ", ".join(f"({place}, {text(item.batch_id)}, {first})" for place, (item, first) in firsts.items())
        expected = sum(item.ready.records or 0 for item, _ in firsts.values())
        written = job.sink.insert(
            [*header.columns, "_batch_id", "_load_id", "_row"],
            f"SELECT {values}, batch.id, ?, stage.rowid - batch.first + 1 FROM {_STAGE} AS stage "  # noqa: S608
            f"JOIN (VALUES {batches}) AS batch (place, id, first) ON stage.place = batch.place",
            [job.load_id],
            expected,
            sum(_weight(item.ready) for item, _ in firsts.values()),
        )
        if written != expected:
            raise AssertionError(f"{written} rows were written, {expected} were received")
    job.sink.record(item.batch(job.name, header.columns, item.ready.records or 0, 0) for item in done)


def _weight(ready: Prepared) -> int:
    try:
        return ready.path.stat().st_size
    except OSError:  # it was staged in time
        return ready.size


def _load_single(job: Job, item: _Item) -> Outcome:
    """Read one file record by record into the raw table."""
    load: Callable[[Job, _Item], tuple[tuple[str, ...], int, int]]
    load = _insert_parquet if item.ready.file.format == "parquet" else _insert_blocks
    try:
        with job.sink.step():
            columns, received, rejected = load(job, item)
            problem = _changed_meanwhile(item)
            if problem is not None:
                raise problem
            batch = item.batch(job.name, columns, received, rejected)
            job.sink.record([batch])
    except FileProblem as problem:
        return Outcome(item.ready.file.name, "failed", problem=problem)
    job.loaded[item.batch_id] = item.reader
    return item.outcome(received, rejected)


def _blocks(job: Job, ready: Prepared) -> Iterator[Block]:
    if ready.header is not None and ready.layout is not None:
        return read_records(ready.path, ready.layout, ready.header)
    if ready.file.format == "jsonl":
        return read_json_lines(ready.path)
    return read_sheet(ready.path, job.dataset.options.sheet, job.dataset.options.header_row)


def _insert_blocks(job: Job, item: _Item) -> tuple[tuple[str, ...], int, int]:
    columns: tuple[str, ...] = ()
    received = rejected = written = 0
    for number, block in enumerate(_blocks(job, item.ready)):
        if item.ready.file.format == "excel" and number == 0:
            check_columns(job.dataset, block.columns, None)
        if number == 0 or block.columns != columns:
            columns = block.columns
            job.sink.grow(columns)
        if number == 0 and item.replaces:
            job.sink.replace([item.batch_id])
        received += len(block.values) + len(block.rejected)
        rejected += len(block.rejected)
        written += tables.insert_block(job.con, job.sink.insert, item.batch_id, job.load_id, block)
    if written != received:
        raise AssertionError(f"{written} rows were written, {received} were received")
    if item.ready.file.format == "jsonl" and received > rejected:
        _check_keys(job.dataset, columns)
    return columns, received, rejected


def _check_keys(dataset: Dataset, columns: tuple[str, ...]) -> None:
    """JSON leaves out what is missing, so a file is wrong only if it has none of the mapped keys."""
    there = {name.lower() for name in columns}
    if dataset.columns_used() and not any(name.lower() in there for name in dataset.columns_used()):
        check_columns(dataset, columns, None)


def _insert_parquet(job: Job, item: _Item) -> tuple[tuple[str, ...], int, int]:
    import duckdb

    con, path = job.con, str(item.ready.path)
    try:
        described = con.execute("DESCRIBE SELECT * FROM read_parquet(?)", [path]).fetchall()
        expected = con.execute("SELECT num_rows FROM parquet_file_metadata(?)", [path]).fetchall()[0][0]
    except duckdb.Error as error:
        raise FileProblem(f"is no readable Parquet file ({type(error).__name__})", "Send it again, complete") from error
    columns = column_names(row[0] for row in described)
    check_columns(job.dataset, columns, None)
    job.sink.grow(columns)
    if item.replaces:
        job.sink.replace([item.batch_id])
    shown = [_parquet_text(row[0], row[1]) for row in described]
    written = job.sink.insert(
        [*columns, "_batch_id", "_load_id", "_row"],
        f"SELECT {', '.join(shown)}, ?, ?, file_row_number + 1 FROM read_parquet(?)",  # noqa: S608 - quoted names
        [item.batch_id, job.load_id, path],
        int(expected),
        item.ready.size * _PARQUET_GROWS,
    )
    if written != expected:
        raise AssertionError(f"{written} rows were written, {expected} were received")
    return columns, int(expected), 0


def _parquet_text(name: str, kind: str) -> str:
    nested = kind.startswith(("STRUCT", "MAP", "UNION")) or kind.endswith("]")
    return f"CAST(to_json({ident(name)}) AS VARCHAR)" if nested else f"CAST({ident(name)} AS VARCHAR)"
