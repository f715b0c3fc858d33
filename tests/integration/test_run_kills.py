"""A run that is killed at any moment: the next one completes it, nothing is lost, nothing comes twice.

The corner bakery has been published once. Its second delivery is loaded by a run that gets SIGKILL, then by one that
nobody disturbs. What is published then equals what a home holds whose runs were never disturbed. All the while a
reader in a process of its own opens the published copy again and again.
"""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from corner import Corner, write_corner
from helpers import ROOT, Runs, environment, regulars
from published_tables import balance, differences, rows, tables_of

from orchestration.home import Home, is_temporary

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")

# The steps of a run, in their order.
STEPS = (
    "start dagster and dbt", "load shop", "map and judge", "stage and measure", "gate", "compare with the past",
    "collect identifiers", "join records to customers", "build profiles", "forecast value", "build value and goals",
    "publish",
)  # fmt: skip

# Opens the copy until its standard input ends; each run that is seen must always show the same rows.
READER = """
import json, select, sys
from pathlib import Path
from orchestration.published import open_published
file, parquet = map(Path, sys.argv[1:])
seen, errors, opened = {}, [], 0
query = (
    "SELECT (SELECT run_id FROM marts.publication), (SELECT count(*) FROM marts.fct_orders), "
    "(SELECT count(*) FROM marts.dim_customers), (SELECT sum(received) FROM marts.source_loads), "
    "(SELECT count(*) FROM marts.kpi_scorecard)"
)
print("ready", flush=True)
while not select.select([sys.stdin], [], [], 0.05)[0]:
    try:
        with open_published(file) as published:
            (run, *counts), = published.con.execute(query).fetchall()
            orders = str(parquet / "fct_orders.parquet")
            published.con.execute("SELECT count(*) FROM read_parquet(?)", [orders]).fetchall()
    except Exception as error:
        errors.append(f"{type(error).__name__}: {error}")
        continue
    opened += 1
    seen.setdefault(run, set()).add(tuple(map(int, counts)))
print(json.dumps({"opened": opened, "errors": errors[:3], "seen": {run: sorted(all) for run, all in seen.items()}}))
"""


@contextmanager
def _reader(home: Home) -> Iterator[dict[str, Any]]:
    """A reader at work; what it saw is in the dictionary once it has ended."""
    saw: dict[str, Any] = {}
    with subprocess.Popen(
        [sys.executable, "-c", READER, str(home.published_file), str(home.parquet)],
        cwd=ROOT, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            yield saw
        finally:
            out, _ = process.communicate("")
            saw |= json.loads(out)


def _kill_and_complete(runs: Runs, one: Corner, kill_at: dict[str, Any]) -> bool:
    """Let a run be killed and another complete it; return whether the first was really killed."""
    given = {"company": str(one.company), "home": str(one.home.path), "kill_at": kill_at}
    killed = runs.call("helpers:killed_run", given).wait()
    assert killed.code in (-signal.SIGKILL, 0, 1), killed.err
    ended = regulars("run", "--company", one.company, "--home", one.home.path)
    assert "Traceback" not in ended.text
    assert "unexpected" not in ended.text
    assert ended.code == (1 if one.report.problems else 0), ended.text
    return killed.code == -signal.SIGKILL


def _assert_undisturbed(one: Corner, undisturbed: Corner) -> None:
    """The home holds what a home holds whose runs were never killed, and nothing is left lying about."""
    assert balance(one.published) == balance(undisturbed.published)
    assert differences(tables_of(one.published), tables_of(undisturbed.published)) == {}
    raw = "SELECT schema_name || '.' || table_name, estimated_size FROM duckdb_tables() WHERE schema_name LIKE 'raw_%'"
    assert sorted(rows(one.home.warehouse, raw)) == sorted(rows(undisturbed.home.warehouse, raw))
    left = "SELECT table_name FROM information_schema.tables WHERE contains(table_name, '__dbt_')"
    assert rows(one.home.warehouse, left) == []
    assert [file.name for file in one.home.published.iterdir() if is_temporary(file)] == []
    assert [file.name for file in one.home.landing.rglob("work-*")] == []
    (run,) = rows(one.published, "SELECT run_id FROM marts.publication")[0]
    assert one.home.parquet.readlink().name.removeprefix("parquet-") == run


def _survives(
    runs: Runs, corner: Corner, corner_later: Corner, folder: Path, kill_at: dict[str, Any], *, surely: bool = True
) -> None:
    one = _second_delivery(corner, corner_later, folder)
    with _reader(one.home) as saw:
        was_killed = _kill_and_complete(runs, one, kill_at)
    assert was_killed or not surely
    assert saw["errors"] == []
    assert saw["opened"] > 10
    # Whichever run a reader found published, it found it whole: the first delivery's or the second's.
    first = [40, 8, 91, 6]
    second = [49, 8, 108, 6]
    assert saw["seen"].pop(corner.report.run_id) == [first]
    assert saw["seen"]
    assert all(counts == [second] for counts in saw["seen"].values())
    _assert_undisturbed(one, corner_later)


def _second_delivery(corner: Corner, corner_later: Corner, folder: Path) -> Corner:
    """The home after the first delivery, with the files of the second."""
    mixed = Corner(corner_later.folder, corner.home, corner_later.report)
    return Corner(*_paths(mixed.copy(folder)), corner_later.report)


def _paths(one: Corner) -> tuple[Path, Home]:
    return one.folder, one.home


def test_a_killed_run_is_completed_by_the_next(
    runs: Runs, corner: Corner, corner_later: Corner, tmp_path: Path
) -> None:
    """Killed in the middle of dbt, behind the gate: the sample of what follows that is always taken."""
    _survives(runs, corner, corner_later, tmp_path, {"step": "build profiles", "state": "running", "count": 12})


@pytest.mark.slow
@pytest.mark.parametrize("step", STEPS)
def test_killed_at_the_end_of_every_step(
    runs: Runs, corner: Corner, corner_later: Corner, tmp_path: Path, step: str
) -> None:
    _survives(runs, corner, corner_later, tmp_path, {"step": step, "state": "done"})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("step", "count"),
    [
        ("load shop", 1),  # loading speaks once per dataset here
        ("stage and measure", 1),
        ("stage and measure", 30),
        ("build profiles", 2),
        ("build profiles", 40),
        ("build value and goals", 10),
    ],
)
def test_killed_within_a_step(
    runs: Runs, corner: Corner, corner_later: Corner, tmp_path: Path, step: str, count: int
) -> None:
    _survives(runs, corner, corner_later, tmp_path, {"step": step, "state": "running", "count": count})


@pytest.mark.slow
@pytest.mark.parametrize("milliseconds", [20, 60, 120, 250])
def test_killed_while_publishing(
    runs: Runs, corner: Corner, corner_later: Corner, tmp_path: Path, milliseconds: int
) -> None:
    kill_at = {"step": "publish", "state": "started", "seconds": milliseconds / 1000}
    _survives(runs, corner, corner_later, tmp_path, kill_at, surely=False)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(10))
def test_killed_at_random(runs: Runs, corner: Corner, corner_later: Corner, tmp_path: Path, number: int) -> None:
    seconds = corner_later.report.seconds
    assert seconds is not None
    delay = random.Random(f"kill {number}").uniform(0.05, seconds)
    # On a machine that is faster now than before, the run may be over by then; that is no fault.
    _survives(runs, corner, corner_later, tmp_path, {"seconds": delay}, surely=False)


@pytest.mark.slow
@pytest.mark.parametrize(
    "step", ["load shop", "stage and measure", "join records to customers", "build value and goals"]
)
def test_a_first_run_that_is_killed(runs: Runs, corner: Corner, tmp_path: Path, step: str) -> None:
    """Nothing has been published yet, so there is nothing to read; the next run starts from what was loaded."""
    company = write_corner(tmp_path / "corner")
    one = Corner(company.parent, Home(tmp_path / "home"), corner.report)
    assert _kill_and_complete(runs, one, {"step": step, "state": "done"})
    _assert_undisturbed(one, corner)


@pytest.mark.slow
def test_killed_again_and_again(runs: Runs, corner: Corner, corner_later: Corner, tmp_path: Path) -> None:
    one = _second_delivery(corner, corner_later, tmp_path)
    for step in ("stage and measure", "join records to customers", "publish"):
        given = {"company": str(one.company), "home": str(one.home.path), "kill_at": {"step": step}}
        assert runs.call("helpers:killed_run", given).wait().code == -signal.SIGKILL
    assert _kill_and_complete(runs, one, {"step": "build value and goals"})
    _assert_undisturbed(one, corner_later)
