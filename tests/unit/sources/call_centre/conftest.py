"""What the tests of call centres share: a server, quick tries, and a warehouse."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sources.rest import patience
from tests.rest_server import RestServer
from tests.unit.sources.rest.toy import Place


@pytest.fixture
def server() -> Iterator[RestServer]:
    with RestServer() as running:
        yield running


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits between tries are short here."""
    monkeypatch.setattr(patience, "BACKOFF_SECONDS", 0.01)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Where rows go."""
    return Place("duckdb", tmp_path)
