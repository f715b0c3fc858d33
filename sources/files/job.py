"""The load of one dataset: what it works with, the files on their way, and what became of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from sources.files.config import Dataset
from sources.files.discover import local_fingerprint
from sources.files.errors import FileProblem
from sources.files.ledger import Batch
from sources.files.lines import Block, Header, Layout
from sources.files.prepare import Prepared

if TYPE_CHECKING:
    import datetime as dt

    from duckdb import DuckDBPyConnection

    from sources.files.sink import Sink


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


@dataclass
class Found:
    """What was read from one file.

    Attributes:
        columns: names.
        received: records, refused ones included.
        rejected: records that could not be read.
        kinds: of JSON values by column; None where every value is text.
    """

    columns: tuple[str, ...] = ()
    received: int = 0
    rejected: int = 0
    kinds: dict[str, set[str]] | None = None

    def add(self, block: Block) -> None:
        """Count a block of records; its columns are all that came so far."""
        self.columns = block.columns
        self.received += len(block.values) + len(block.rejected)
        self.rejected += len(block.rejected)
        self.add_kinds(block.kinds)

    def add_kinds(self, kinds: Mapping[str, Iterable[str]]) -> None:
        """Remember kinds of values."""
        for name, seen in kinds.items():
            self.kinds = self.kinds or {}
            self.kinds.setdefault(name, set()).update(seen)


@dataclass(frozen=True, eq=False)
class Item:
    """A prepared file on its way into the table."""

    ready: Prepared
    batch_id: str
    reader: str
    replaces: bool
    started_at: dt.datetime

    def batch(self, dataset: str, found: Found) -> Batch:
        """Return the ledger's row."""
        file = self.ready.file
        return Batch(
            batch_id=self.batch_id,
            dataset=dataset,
            file=file.name,
            size_bytes=self.ready.size,
            modified_at=file.modified_at,
            content_hash=self.ready.content_hash,
            rows_received=found.received,
            rows_rejected=found.rejected,
            columns=found.columns,
            reader=self.reader,
            fingerprint=file.fingerprint,
            started_at=self.started_at,
            kinds=found.kinds,
        )

    @property
    def form(self) -> tuple[Header, Layout]:
        """Header and layout of a delimited file."""
        if self.ready.header is None or self.ready.layout is None:
            raise AssertionError(f"{self.ready.file.name} is no delimited file")
        return self.ready.header, self.ready.layout

    def outcome(self, found: Found) -> Outcome:
        """Return what is told of the file."""
        status: Literal["loaded", "reread"] = "reread" if self.replaces else "loaded"
        return Outcome(self.ready.file.name, status, self.batch_id, found.received, found.rejected)

    @property
    def sound(self) -> Found:
        """What was read of a delimited file if every record is sound."""
        return Found(self.form[0].columns, self.ready.records)


def changed_meanwhile(item: Item) -> FileProblem | None:
    """Return a problem if the file is not the one that was hashed any more."""
    file = item.ready.file
    if file.path is None:
        return None
    try:
        same = local_fingerprint(file.path.stat()) == file.fingerprint
    except OSError:
        same = False
    return None if same else FileProblem("changed while it was read", "It is loaded by the next run")
