"""Timing of whole commands and of single calls, with the memory that they took."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

_VERSIONS = (
    "regulars",
    "duckdb",
    "polars",
    "dagster",
    "dbt-core",
    "dbt-duckdb",
    "great-expectations",
    "numpy",
    "scipy",
    "pyspark",
    "dbt-spark",
)


@dataclass(frozen=True)
class Measured:
    """One command: wall seconds, the most memory it held (bytes), and its exit code."""

    seconds: float
    peak_bytes: int
    exit_code: int


def command(words: Sequence[str], log: Path) -> Measured:
    """Run a command in a process of its own and measure it; its output goes to `log`."""
    begun = perf_counter()
    with log.open("wb") as output:
        actions = [
            (os.POSIX_SPAWN_DUP2, output.fileno(), 1),
            (os.POSIX_SPAWN_DUP2, output.fileno(), 2),
        ]
        pid = os.posix_spawn(words[0], list(words), dict(os.environ), file_actions=actions)
        _, status, usage = os.wait4(pid, 0)
    # Linux counts in KiB, macOS in bytes.
    peak = usage.ru_maxrss if sys.platform == "darwin" else usage.ru_maxrss * 1024
    return Measured(perf_counter() - begun, peak, os.waitstatus_to_exitcode(status))


def command_and_children(words: Sequence[str], log: Path, *, look_every: float = 0.5) -> Measured:
    """Run a command and measure it together with the processes that it starts, such as Java.

    The peak is the largest sum of their resident memory seen at one moment; memory that they share counts twice.
    """
    import psutil

    begun = perf_counter()
    with log.open("wb") as output:
        process = psutil.Popen(list(words), stdout=output, stderr=output)
    peak = 0
    while process.poll() is None:
        sleep(look_every)
        peak = max(peak, _resident(process))
    return Measured(perf_counter() - begun, peak, int(process.returncode))


def _resident(process: Any) -> int:
    import psutil

    total = 0
    with suppress(psutil.Error):
        for one in (process, *process.children(recursive=True)):
            with suppress(psutil.Error):
                total += one.memory_info().rss
    return total


def best_of(times: int, call: Callable[[], object]) -> float:
    """Return the shortest of several runs in seconds: the one that the machine's other work disturbed least."""
    shortest = float("inf")
    for _ in range(times):
        begun = perf_counter()
        call()
        shortest = min(shortest, perf_counter() - begun)
    return shortest


def machine() -> dict[str, str]:
    """Return what a reader needs to judge the numbers: processor, cores, memory, Python and library versions."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processor": platform.machine(),
        "cores": str(os.cpu_count()),
        "memory": f"{memory:.0f} GiB",
        "python": platform.python_version(),
        **{name: found for name in _VERSIONS if (found := _version(name))},
    }


def _version(name: str) -> str | None:
    """The version of a package, None where it is not installed: Spark is an extra."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None
