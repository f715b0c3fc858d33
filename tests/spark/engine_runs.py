"""Runs on either engine in processes of their own, at one fixed moment and under one name, so that tables are equal."""

from __future__ import annotations

import functools
import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
MOMENT = datetime(2026, 7, 1, 6, 30, tzinfo=UTC)


@dataclass
class Ended:
    """A run that has ended, and all that it wrote."""

    code: int
    text: str


def company_on_spark(company: Path, name: str, **spark: Any) -> Path:
    """Write the same company with Spark as its engine beside the other file, every other letter of it as it is."""
    text = re.sub(r"(?m)^warehouse:.*\n(?:[ \t]+.*\n)*", "", company.read_text(encoding="utf-8"))
    warehouse = {"engine": "spark", "memory_limit": "2GB", "spark": spark}
    file = company.with_name(name)
    file.write_text(f"{text}\n{yaml.safe_dump({'warehouse': warehouse})}", encoding="utf-8")
    return file


def start(
    company: Path, home: Path, *, run_id: str = "r1", kill: dict[str, Any] | None = None
) -> subprocess.Popen[str]:
    """Start a run; `kill` says at whose n-th word it, or its Java, is killed, `seconds` later."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("REGULARS_", "DAGSTER_", "DBT_"))}
    paths = os.pathsep.join([str(ROOT), str(Path(__file__).parent), *filter(None, [kept.get("PYTHONPATH")])])
    given = json.dumps({"company": str(company), "home": str(home), "run_id": run_id, "kill": kill})
    return subprocess.Popen(
        [sys.executable, "-c", "import sys, engine_runs; engine_runs.be_a_run(sys.argv[1])", given],
        cwd=ROOT,
        env=kept | {"PYTHONPATH": paths, "COLUMNS": "200", "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run(company: Path, home: Path, **options: Any) -> Ended:
    """Run to the end."""
    process = start(company, home, **options)
    out, _ = process.communicate()
    return Ended(process.returncode, " ".join(out.split()))


def be_a_run(given: str) -> None:
    """The process of a run: `regulars run`, its clock and its name given."""
    from orchestration import cli, pipeline
    from orchestration.run import Run
    from sources.files import ledger

    wanted = json.loads(given)
    at = MOMENT.replace(tzinfo=None)
    ledger.now = lambda: at  # type: ignore[assignment]
    pipeline.Run = functools.partial(Run, run_id=wanted["run_id"], started_at=MOMENT)  # type: ignore[misc, assignment]
    if wanted["kill"]:
        _die_at(pipeline, **wanted["kill"])
    sys.argv = ["regulars", "run", "--company", wanted["company"], "--home", wanted["home"]]
    cli.main()


def _die_at(
    pipeline: Any, step: str, state: str = "started", count: int = 1, seconds: float = 0.0, *, java: bool = False
) -> None:
    import threading

    import psutil

    real, seen = pipeline.run, 0

    def die() -> None:
        if not java:
            os.kill(os.getpid(), signal.SIGKILL)
        for child in psutil.Process().children(recursive=True):
            if child.name() == "java":
                child.kill()

    def run(*args: Any, progress: Any = None, **options: Any) -> Any:
        def told(name: str, what: str, words: str) -> None:
            nonlocal seen
            if (name, what) == (step, state):
                seen += 1
                if seen == count:
                    threading.Timer(seconds, die).start() if seconds else die()
            if progress is not None:
                progress(name, what, words)

        return real(*args, progress=told, **options)

    pipeline.run = run
