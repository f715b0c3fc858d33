"""Timing of whole commands and of single calls, with the memory that they took."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from time import perf_counter

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
        **{name: version(name) for name in _VERSIONS},
    }
