"""What the tests of the files source share: a warehouse, a source made of one dataset, and a loader."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from sources.files.config import FilesSource
from sources.files.load import LoadReport, load_source

Load = Callable[..., LoadReport]


@pytest.fixture
def con(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect(str(tmp_path / "warehouse.duckdb"))
    connection.execute("SET TimeZone = 'UTC'")
    yield connection
    connection.close()


def make_source(path: str | list[str] = "in/*", columns: dict[str, Any] | None = None, **dataset: Any) -> FilesSource:
    """A source `shop` with one dataset `orders`, by default mapped from a column `id`."""
    entities = dataset.pop("entities", None) or [{"entity": "orders", "columns": columns or {"order_id": "id"}}]
    return FilesSource.model_validate(
        {
            "type": "files",
            "channel": "shop",
            "owner": "shop@example.com",
            "datasets": {"orders": {"path": path, "entities": entities, **dataset}},
        }
    )


@pytest.fixture
def source() -> Callable[..., FilesSource]:
    return make_source


@pytest.fixture
def incoming(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    return folder


@pytest.fixture
def load(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> Load:
    count = iter(range(1, 100))

    def run(settings: FilesSource) -> LoadReport:
        return load_source(
            con, "shop", settings, base=tmp_path, landing=tmp_path / "landing", load_id=f"load-{next(count)}"
        )

    return run


@pytest.fixture
def rows(con: duckdb.DuckDBPyConnection) -> Callable[..., list[tuple[Any, ...]]]:
    """Rows of the raw table in the order of files and records."""

    def read(columns: str = "*", where: str = "TRUE") -> list[tuple[Any, ...]]:
        return con.execute(
            f"SELECT {columns} FROM raw_shop.orders AS r JOIN ledger.batches AS b ON b.batch_id = r._batch_id "
            f"WHERE {where} ORDER BY b.file, r._row"
        ).fetchall()

    return read
