"""A small generated company, written once for all tests of the folder, and readers that know nothing of its writers."""

from __future__ import annotations

import csv
import gzip
import io
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from sources.sample.generator import SampleReport, generate

CUSTOMERS, SEED = 700, 11


def lines_of(path: Path) -> list[str]:
    """The lines of a file, unpacked."""
    content = path.read_bytes()
    if path.suffix == ".gz":
        content = gzip.decompress(content)
    encoding = "latin-1" if path.suffix == ".csv" and "tills" in path.parts else "utf-8"
    return content.decode(encoding).split("\n")[:-1]


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except json.JSONDecodeError:
        return None


def records_of(path: Path) -> list[Any]:
    """The records of a file, those of a post of several one by one; None where a line cannot be read."""
    if ".csv" in path.name:
        return list(
            csv.DictReader(
                io.StringIO("\n".join(lines_of(path))),
                delimiter="," if path.parent.name in ("rates", "survey", "partners", "trials") else ";",
            )
        )
    if ".tsv" in path.name:
        rows = [line.split("\t") for line in lines_of(path)]
        return [row if len(row) == 131 else None for row in rows]
    found: list[Any] = []
    for line in lines_of(path):
        value = _parsed(line)
        found += value if isinstance(value, list) else [value]
    return found


@dataclass(frozen=True)
class Company:
    """The generated company on disk."""

    folder: Path
    report: SampleReport
    said: tuple[str, ...]

    @cached_property
    def files(self) -> dict[str, list[Any]]:
        """The records of every data file, by path below the folder."""
        paths = [
            path for path in sorted(self.folder.rglob("*"))
            if path.is_file() and path.parent != self.folder and "truth" not in path.parts
        ]  # fmt: skip
        return {str(path.relative_to(self.folder)): records_of(path) for path in paths}

    def rows(self, start: str) -> list[Any]:
        """The records of all files whose path starts so."""
        return [row for name, rows in self.files.items() if name.startswith(start) for row in rows]

    def truth(self, name: str) -> pl.DataFrame:
        """A table of the truth."""
        return pl.read_parquet(self.folder / "truth" / f"{name}.parquet")


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Company:
    """A company of some hundred customers: everything that the tests need occurs in it."""
    folder = tmp_path_factory.mktemp("company")
    said: list[str] = []
    report = generate(folder, customers=CUSTOMERS, seed=SEED, progress=said.append)
    return Company(folder, report, tuple(said))
