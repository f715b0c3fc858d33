"""What the tests of API sources share: a server, a warehouse or a store, and a vendor that asks the server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

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


@pytest.fixture(params=["duckdb", "store"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Where rows go: a warehouse, or a storage location."""
    return Place(request.param, tmp_path)


@pytest.fixture
def client(server: RestServer) -> Callable[..., Any]:
    from sources.rest.client import RestClient

    made = []

    def make(**settings: Any) -> RestClient:
        made.append(RestClient(server.url, **({"timeout_seconds": 2, "max_attempts": 4} | settings)))
        return made[-1]

    yield make
    for one in made:
        one.close()
