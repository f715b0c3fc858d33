"""The desk at which the files are written: folders, months, chance, and a note of everything done to records."""

from __future__ import annotations

import io
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from sources.sample.clock import months
from sources.sample.rhythm import Rhythm

#: Rows of one file on average, so that memory does not grow with the company.
MOST_ROWS = 75_000
ERROR_COLUMNS = {
    "source": pl.String,
    "dataset": pl.String,
    "file": pl.String,
    "row_number": pl.Int64,
    "entity": pl.String,
    "record_key": pl.String,
    "field": pl.String,
    "rule": pl.String,
    "kind": pl.String,
    "severity": pl.String,
    "value_before": pl.String,
    "value_after": pl.String,
    "caused_by": pl.String,
}
DUPLICATE_COLUMNS = {
    "source": pl.String,
    "dataset": pl.String,
    "file": pl.String,
    "row_number": pl.Int64,
    "entity": pl.String,
    "record_key": pl.String,
    "kind": pl.String,
    "first_file": pl.String,
    "first_row_number": pl.Int64,
}
LATE_COLUMNS = {
    "source": pl.String,
    "dataset": pl.String,
    "file": pl.String,
    "row_number": pl.Int64,
    "record_key": pl.String,
    "occurred_at": pl.Datetime("us", "UTC"),
    "arrived_at": pl.Datetime("us", "UTC"),
    "days_late": pl.Float64,
}

COLUMNS: dict[str, dict[str, Any]] = {
    "errors": dict(ERROR_COLUMNS),
    "duplicates": dict(DUPLICATE_COLUMNS),
    "late_records": dict(LATE_COLUMNS),
}
REPEATED = {"source", "dataset", "file", "entity", "field", "rule", "kind", "severity", "caused_by", "first_file"}


@dataclass
class Desk:
    """Where the writers of all systems work.

    Attributes:
        out: The folder.
        seed: Where chance starts.
        rhythm: The days covered.
        invalid_share: Share of records that break a rule.
        tell: Called with a few words on progress.
        sizes: Bytes of each file written, by path below the folder.
        received: Records by (source, dataset, entity).
        notes: Frames of the truth's tables of errors, duplicates and late records, as they come.
    """

    out: Path
    seed: int
    rhythm: Rhythm
    invalid_share: float
    tell: Callable[[str], None]
    sizes: dict[str, int] = field(default_factory=dict)
    received: dict[tuple[str, str, str], int] = field(default_factory=dict)
    notes: dict[str, list[pl.DataFrame]] = field(
        default_factory=lambda: {"errors": [], "duplicates": [], "late_records": []}
    )
    _writer: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(max_workers=1))
    _waiting: list[tuple[str, Future[int]]] = field(default_factory=list)

    def rng(self, *part: int) -> np.random.Generator:
        """Chance for one part of the work, whatever the others draw."""
        return np.random.default_rng([self.seed, *part])

    def periods(self, rows: int) -> tuple[list[str], np.ndarray]:
        """What goes into one file each: months (2024-07), or parts of months (2024-07-1) where there are many rows.

        Returns:
            The names, and where each begins in local seconds, one end more.
        """
        names, starts = months(self.rhythm)
        parts = -(-rows // (len(names) * MOST_ROWS))
        if parts <= 1:
            return names, starts
        inner = [np.linspace(one, two, parts, endpoint=False).astype(np.int64) for one, two in pairwise(starts)]
        return (
            [f"{name}-{part:0{len(str(parts))}d}" for name in names for part in range(1, parts + 1)],
            np.concatenate([*inner, starts[-1:]]),
        )

    def count(self, source: str, dataset: str, entity: str, records: int) -> None:
        """Note records of an entity that a file brings, duplicates and wrong ones included."""
        key = (source, dataset, entity)
        self.received[key] = self.received.get(key, 0) + records

    def note(self, table: str, frame: pl.DataFrame) -> None:
        """Keep rows of the truth's table `errors`, `duplicates` or `late_records`; missing columns are null."""
        columns = COLUMNS[table]
        if frame.height:
            # Words that come again and again take a number each until they are written.
            there = [
                (pl.col(name) if name in frame.columns else pl.lit(None, dtype=pl.String))
                .cast(pl.Categorical if name in REPEATED else kind)
                .alias(name)
                for name, kind in columns.items()
            ]
            self.notes[table].append(frame.select(there))

    def write(self, name: str, lines: pl.Series, *, header: str = "", latin: bool = False) -> None:
        """Write lines of text to a file below the folder; .gz is packed. The writing happens beside the work.

        Without any line there is no file.

        Args:
            name: Path below the folder.
            lines: The lines.
            header: A first line.
            latin: Write Latin-1 instead of UTF-8.
        """
        if lines.is_empty():
            return
        while len(self._waiting) > 1:
            self._finish(1)
        path = self.out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        self._waiting.append((name, self._writer.submit(_write, path, lines, header, latin)))

    def close(self) -> None:
        """Wait until everything is on disk."""
        self._finish(0)
        self._writer.shutdown()

    def _finish(self, left: int) -> None:
        while len(self._waiting) > left:
            name, done = self._waiting.pop(0)
            self.sizes[name] = done.result()


def _write(path: Path, lines: pl.Series, header: str, latin: bool) -> int:
    frame = pl.DataFrame({"line": lines})
    if header:
        frame = pl.concat([pl.DataFrame({"line": [header]}), frame])
    if latin:
        buffer = io.BytesIO()
        frame.write_csv(buffer, include_header=False, quote_style="never")
        # What Latin-1 lacks was put into its letters before; should anything be left, it becomes a question mark.
        path.write_bytes(buffer.getvalue().decode("utf-8").encode("latin-1", "replace"))
    else:
        frame.write_csv(
            path,
            include_header=False,
            quote_style="never",
            compression="gzip" if path.suffix == ".gz" else "uncompressed",
            compression_level=1 if path.suffix == ".gz" else None,
        )
    return path.stat().st_size
