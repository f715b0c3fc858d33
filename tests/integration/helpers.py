"""Runs of the end-to-end tests, in processes of their own: started, killed, on a full disk.

A run pays about fifteen seconds for importing Dagster, dbt and Great Expectations. `Runs` pays once: a process that
has imported them and has done nothing else is forked for each run, so that every run still starts with nothing of an
earlier one, can be killed, and writes to a standard output and error of its own.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from orchestration import pipeline
from orchestration.company import load_company
from orchestration.home import Home

ROOT = Path(__file__).resolve().parents[2]

# What a run imports sooner or later. Importing starts no thread of Python and opens nothing.
_HEAVY = (
    "dagster_dbt", "dbt.cli.main", "dbt.adapters.duckdb", "great_expectations", "scipy.optimize", "email_validator",
    "phonenumbers", "orchestration.cli", "orchestration.definitions", "expectations.gate", "expectations.suites",
    "models.identity", "models.lifetime_value", "sources.files.load", "sources.files.mapping",
)  # fmt: skip


def environment() -> dict[str, str]:
    """The environment of a run: this project on the path, wide output without colours, no settings of the machine."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("REGULARS_", "DAGSTER_", "DBT_"))}
    paths = [str(ROOT), str(Path(__file__).parent), *filter(None, [kept.get("PYTHONPATH")])]
    return kept | {"PYTHONPATH": os.pathsep.join(paths), "COLUMNS": "200", "NO_COLOR": "1"}


@dataclass
class Ended:
    """A run that has ended: its exit code (below zero: the signal that killed it) and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        """All it wrote, blanks and line ends made one blank, so that a wrapped line still reads as one."""
        return " ".join((self.out + "\n" + self.err).split())


@dataclass
class Going:
    """A run that goes on in a process of its own."""

    pid: int
    runs: Runs
    folder: Path

    def lines(self) -> list[str]:
        """What it has written so far."""
        return (self.folder / "out").read_text(encoding="utf-8").splitlines()

    def kill(self) -> None:
        """End it as a power cut would."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def is_alive(self) -> bool:
        """Whether it goes on."""
        return self.runs.poll(self.pid) is None

    def wait(self) -> Ended:
        """Wait for its end."""
        code = self.runs.wait(self.pid)
        out, err = ((self.folder / name).read_text(encoding="utf-8", errors="replace") for name in ("out", "err"))
        return Ended(code, out, err)


class Runs:
    """Starts runs of the command line, each in a process forked from one that has the imports behind it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._count = 0
        self._server = subprocess.Popen(
            [sys.executable, "-c", "from helpers import serve; serve()"],
            cwd=ROOT,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._ask({"do": "hello"})

    def _ask(self, request: Mapping[str, Any]) -> Any:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(request) + "\n")
        self._server.stdin.flush()
        answer = self._server.stdout.readline()
        if not answer:
            raise RuntimeError("the process that starts runs has ended")
        return json.loads(answer)

    def start(self, *arguments: object, before: str | None = None, given: Any = None) -> Going:
        """Start `regulars` with these arguments; `before` names a function (module:name) called first with `given`."""
        return self.call("helpers:command_line", {"arguments": [str(one) for one in arguments]}, before, given)

    def call(self, function: str, given: Mapping[str, Any], before: str | None = None, first: Any = None) -> Going:
        """Start a function (module:name) of its keyword arguments; what it returns is the exit code."""
        self._count += 1
        folder = self.folder / f"run-{self._count}"
        folder.mkdir(parents=True)
        request = {"do": "start", "call": function, "given": given, "before": before, "first": first}
        return Going(self._ask(request | {"folder": str(folder)}), self, folder)

    def run(self, *arguments: object, before: str | None = None, given: Any = None) -> Ended:
        """Run `regulars` with these arguments to its end."""
        return self.start(*arguments, before=before, given=given).wait()

    def wait(self, pid: int) -> int:
        """The exit code of a run, once it has ended."""
        return int(self._ask({"do": "wait", "pid": pid}))

    def poll(self, pid: int) -> int | None:
        """The exit code of a run, None while it goes on."""
        answer = self._ask({"do": "poll", "pid": pid})
        return None if answer is None else int(answer)

    def close(self) -> None:
        """End the process that starts runs."""
        assert self._server.stdin is not None
        self._server.communicate("")


def serve() -> None:
    """Import what runs need, then fork a child for each request on standard input until it is closed."""
    for name in _HEAVY:
        importlib.import_module(name)
    ended: dict[int, int] = {}
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints must not be taken for an answer
    while line := sys.stdin.readline():
        request = json.loads(line)
        answer: int | None = 0
        if request["do"] == "start":
            answer = os.fork()
            if answer == 0:
                _be_a_run(request)
        elif request["do"] != "hello":
            pid = request["pid"]
            if pid not in ended:
                found, status = os.waitpid(pid, 0 if request["do"] == "wait" else os.WNOHANG)
                if found:
                    ended[pid] = os.waitstatus_to_exitcode(status)
            answer = ended.get(pid)
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _be_a_run(request: Mapping[str, Any]) -> None:
    code = 70
    try:
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        for number, name in ((1, "out"), (2, "err")):
            os.dup2(os.open(Path(request["folder"]) / name, os.O_WRONLY | os.O_CREAT, 0o644), number)
        sys.stdin = os.fdopen(0)
        if request["before"]:
            _function(request["before"])(request["first"])
        code = int(_function(request["call"])(**request["given"]) or 0)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:  # noqa: BLE001 - the last place before the process ends
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _function(name: str) -> Callable[..., Any]:
    module, _, function = name.partition(":")
    return getattr(importlib.import_module(module), function)


def regulars(*arguments: object) -> Ended:
    """Run the command line in this process, where the imports are paid for already."""
    from typer.testing import CliRunner

    from orchestration.cli import app

    with pytest.MonkeyPatch.context() as patch:
        for key in [*os.environ]:
            if key.startswith("REGULARS_"):
                patch.delenv(key)
        patch.setenv("COLUMNS", "200")
        patch.setenv("NO_COLOR", "1")
        result = CliRunner().invoke(app, [str(one) for one in arguments])
    return Ended(result.exit_code, result.stdout, result.stderr)


@contextlib.contextmanager
def without_event_log() -> Iterator[None]:
    """Let Dagster keep its events in memory: its files take a fifth of a small run's time, and the demo writes them."""
    import dagster as dg

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "open_instance", lambda _: dg.DagsterInstance.ephemeral())
        yield


def command_line(arguments: Sequence[str]) -> int:
    """Be `regulars` with these arguments."""
    from orchestration.cli import main

    sys.argv = ["regulars", *arguments]
    main()
    return 0


def killed_run(company: str, home: str, kill_at: Mapping[str, Any]) -> int:
    """Run, and be killed: at the n-th word of a step (`step`, `state`, `count`), then `seconds` later."""
    import threading

    seen = 0

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def progress(step: str, state: str, words: str) -> None:
        nonlocal seen
        sys.stdout.write(f"{step}|{state}|{words}\n")
        if kill_at.get("step") in (None, step) and kill_at.get("state") in (None, state):
            seen += 1
            if seen == kill_at.get("count", 1):
                if kill_at.get("seconds"):
                    threading.Timer(kill_at["seconds"], die).start()
                else:
                    die()

    report = pipeline.run(load_company(company), Home(Path(home)), progress=progress)
    return 0 if report.outcome in ("published", "nothing_new") else 1


def runs_on_a_full_disk(company: str, folder: str, room_kb: int) -> int:
    """Run on a small disk with so much room, make room, run again; what was seen goes to `seen.json`.

    The disk is a file system in memory that only this process sees, so the home is copied to `kept` at the end. Where
    none can be made, both runs have the ordinary disk.
    """
    place = Path(folder) / "disk"
    place.mkdir()
    is_small = _mount_small_disk(place, megabytes=256)
    filler = place / "filler"
    if is_small:
        free = shutil.disk_usage(place).free
        with filler.open("wb") as file:
            file.truncate(0)
            block = b"\0" * 65536
            for _ in range((free - room_kb * 1024) // len(block)):
                file.write(block)
    home = place / "home"
    first = regulars("run", "--company", company, "--home", home)
    filler.unlink(missing_ok=True)
    second = regulars("run", "--company", company, "--home", home)
    seen = {
        "is_small_disk": is_small,
        "first_code": first.code,
        "first_text": first.text,
        "second_code": second.code,
        "second_text": second.text,
    }
    shutil.copytree(home, Path(folder) / "kept", symlinks=True)
    (Path(folder) / "seen.json").write_text(json.dumps(seen), encoding="utf-8")
    return 0


def _mount_small_disk(place: Path, megabytes: int) -> bool:
    """Mount a file system in memory that this process alone sees; False where that is not allowed."""
    import ctypes

    mounts, users, private, recursive = 0x20000, 0x10000000, 1 << 18, 1 << 14
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(mounts) and libc.unshare(mounts | users):
            return False
        if libc.mount(None, b"/", None, private | recursive, None):
            return False
        return libc.mount(b"tmpfs", str(place).encode(), b"tmpfs", 0, f"size={megabytes}m".encode()) == 0
    except (AttributeError, OSError):
        return False
