"""A process that loads, and kills itself at the n-th moment; run as a program, it forks one for every line it reads.

A line holds JSON: folder, kind of place, settings of the source, load id, and the moment (0: never). The answer is
the exit code, or the signal below zero.
"""

from __future__ import annotations

import functools
import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dlt.sources.helpers.rest_client.paginators  # imported once, before the forks
import duckdb
import orjson
import pyarrow as pa

from sources.files import ledger, sink, sink_parquet, write
from sources.rest import fetch, session, sweep
from tests.unit.sources.files.store_helpers import _POINTS as STORE_POINTS
from tests.unit.sources.rest.toy import TOY_SOURCE, Place

_POINTS: list[tuple[Any, str]] = [
    *STORE_POINTS,
    (sink, "record_cursor"),
    (sink_parquet, "record_cursor"),
    (ledger, "record_file"),
    (sink.TableSink, "insert"),
    (write, "_load_single"),
    (fetch, "load_group"),
    (fetch, "load_rows"),
    (fetch, "_load_segment"),
    (sweep.Sweep, "_opened"),
    (sweep.Sweep, "_written"),
    (sweep.Sweep, "_closed"),
    (os, "fsync"),
    (Path, "replace"),
    (Path, "unlink"),
    (session, "_read"),
]


class _Killer:
    """Counts moments, in whatever thread they come."""

    def __init__(self, at: int) -> None:
        self._left = at
        self._lock = threading.Lock()

    def moment(self) -> None:
        with self._lock:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def wrapped(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(*given: Any, **named: Any) -> Any:
            self.moment()
            result = function(*given, **named)
            self.moment()
            return result

        return call


WARM = (dlt.sources.helpers.rest_client.paginators, duckdb, orjson, pa)


def arm(at: int) -> None:
    """Make this process deadly."""
    killer = _Killer(at)
    written = sweep.Sweep._written

    def half(self: sweep.Sweep, writing: Any, page: Any, text: bytes) -> bool:
        # In the middle of a page: half of it is in the file.
        writing.stream.write(text[: len(text) // 2])
        writing.stream.flush()
        killer.moment()
        writing.stream.seek(writing.size)
        return written(self, writing, page, text)

    sweep.Sweep._written = half  # type: ignore[method-assign]
    for owner, name in _POINTS:
        setattr(owner, name, killer.wrapped(getattr(owner, name)))


def run(order: dict[str, Any]) -> None:
    """Load once, as told."""
    sweep.SEGMENT_PAGES = 3
    if order["at"]:
        arm(order["at"])
    settings = TOY_SOURCE.model_validate(order["source"])
    report = Place(order["kind"], Path(order["folder"])).load(settings, order["load_id"])
    assert report.problems == [], report.problems


def main() -> None:
    """Fork a process for every order."""
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            run(json.loads(line))
            sys.stderr.flush()
            os._exit(0)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
