"""A load of an API that is killed anywhere is completed by the next one: nothing lost, nothing twice."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from sources.rest.times import iso, moment
from tests.rest_server import RestServer
from tests.unit.sources.rest.toy import FIRST, Place, records, source

RECORDS = 95
Order = Callable[..., int]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs fork and SIGKILL")


@pytest.fixture(scope="module")
def order() -> Iterator[Order]:
    """Runs a load in a process that may kill itself; the imports of all of them are paid once."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.unit.sources.rest.deadly"],
        cwd=Path.cwd(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def run(place: Place, url: str, name: str, load_id: str, at: int = 0) -> int:
        assert process.stdin is not None and process.stdout is not None
        settings = source(url, [name]).model_dump(exclude_unset=True)
        told = {"folder": str(place.folder), "kind": place.kind, "source": settings, "load_id": load_id, "at": at}
        process.stdin.write(json.dumps(told) + "\n")
        process.stdin.flush()
        return int(process.stdout.readline())

    yield run
    process.communicate("", timeout=10)


@pytest.mark.parametrize("name", ["orders", "messages", "products"])
# The moment after one step is the moment before the next, so every second one is all of them.
@pytest.mark.parametrize(("step", "most"), [(46, 2), pytest.param(2, 999, marks=pytest.mark.slow)], ids=["some", "all"])
def test_killed_at_any_moment_nothing_is_lost_or_doubled(
    server: RestServer, place: Place, order: Order, name: str, step: int, most: int
) -> None:
    everything = records(0, RECORDS)
    shown = everything[::-1] if name == "messages" else everything
    server.pages(f"/{name}", lambda asked: [one for one in shown if one["updated_at"] >= asked.one("since")])
    at, kills = step // 2, 0
    while kills < most:
        here = Place(place.kind, place.folder / f"killed-at-{at}")
        here.folder.mkdir()
        code = order(here, server.url, name, "load-1", at)
        if code == 0:
            break
        assert code == -signal.SIGKILL
        kills += 1
        _whole(here, name)
        if at % 5 == 0:
            # Killed a second time, on its way back.
            assert order(here, server.url, name, "load-2", at + 7) in (0, -signal.SIGKILL)
            _whole(here, name)
        assert order(here, server.url, name, "load-3") == 0
        assert here.ids(name) == list(range(RECORDS))
        assert here.left() == []
        if name != "products":
            assert here.cursor(name) == iso(FIRST + timedelta(minutes=RECORDS - 1))
        at += step
    assert kills >= 2, at


def _whole(place: Place, name: str) -> None:
    """Each record is there at most once, and the cursor says neither more nor less than what is there."""
    ids = place.ids(name)
    assert len(set(ids)) == len(ids)
    cursor = place.cursor(name)
    if name == "orders":
        assert ids == list(range(len(ids)))
        assert cursor == (iso(FIRST + timedelta(minutes=ids[-1])) if ids else None)
    elif name == "messages":
        assert len(ids) in (0, RECORDS)
        assert (cursor is None) == (not ids)
    else:
        assert len(ids) in (0, 30, 60, 90, RECORDS)
    assert cursor is None or moment(cursor) is not None
