"""A small demo company, written once for all tests of the folder."""

from __future__ import annotations

import csv
import gzip
import io
import json
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

Row = dict[str, str | None]
READERS = {"tills/members.csv": (";", "latin-1")}


def read_rows(folder: Path, name: str) -> list[Row]:
    """The records of one file, as text, empty values as None; independent of how the generator writes."""
    path = folder / name
    if name.endswith(".parquet"):
        return list(pl.read_parquet(path).iter_rows(named=True))
    content = path.read_bytes()
    if name.endswith(".gz"):
        content = gzip.decompress(content)
    if ".jsonl" in name:
        return [json.loads(line) for line in content.decode("utf-8").splitlines()]
    separator, encoding = READERS.get(name, ("\t" if name.endswith(".tsv") else ",", "utf-8"))
    reader = csv.DictReader(io.StringIO(content.decode(encoding)), delimiter=separator)
    return [{key: value or None for key, value in row.items()} for row in reader]


@dataclass(frozen=True)
class Demo:
    """The demo company on disk, with its truth."""

    folder: Path
    files: dict[str, list[Row]]

    def truth(self, name: str) -> list[Row]:
        """A table of the truth."""
        return read_rows(self.folder / "truth", name)

    def rows(self, start: str) -> list[Row]:
        """The records of all files whose path starts so, file by file."""
        return [row for name in sorted(self.files) if name.startswith(start) for row in self.files[name]]

    def wrong_rows(self) -> set[tuple[str, int]]:
        """File and row number of every record of the list of errors; for a receipt, of its first line."""
        return {(str(row["file"]), int(str(row["row_number"]))) for row in self.truth("errors.csv")}


@pytest.fixture(scope="session")
def demo(bakehouse: Path) -> Demo:
    """The shared small company (300 customers): everything that the tests need occurs in it."""
    folder = bakehouse / "data" / "bakehouse"
    names = [str(path.relative_to(folder)) for path in sorted(folder.rglob("*")) if path.is_file()]
    data = [name for name in names if "/" in name and not name.startswith("truth/")]
    return Demo(folder, {name: read_rows(folder, name) for name in data})
