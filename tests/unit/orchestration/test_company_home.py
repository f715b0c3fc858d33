"""The home: paths, one writer, files that are replaced as a whole, the last status."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestration.home import Home, HomeBusyError, HomeError, is_temporary, write_atomically
from orchestration.report import GateResult, GoalLine, Problem, RuleLine, RunReport, SourceLine, StepLine

HOLD = """
import sys, time
from orchestration.home import Home
with Home(sys.argv[1]).lock():
    print("held", flush=True)
    time.sleep(60)
"""


def _holder(path: Path) -> subprocess.Popen:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "held"
    return process


def _end(process: subprocess.Popen) -> None:
    process.kill()
    process.communicate()


def test_where_the_home_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert Home.locate("bakehouse").path == tmp_path / "home" / "bakehouse"
    monkeypatch.setenv("REGULARS_HOME", str(tmp_path / "env"))
    assert Home.locate("bakehouse").path == tmp_path / "env"
    assert Home.locate("bakehouse", "chosen").path == tmp_path / "chosen"
    monkeypatch.delenv("REGULARS_HOME")
    with pytest.raises(HomeError, match="--home"):
        Home.locate(None)


def test_a_second_run_is_told_who_holds_the_home(tmp_path):
    home = Home(tmp_path / "home").create()
    process = _holder(home.path)
    try:
        assert home.is_locked()
        begun = time.monotonic()
        with pytest.raises(HomeBusyError) as caught, home.lock(wait_seconds=0.3):
            pass
        assert time.monotonic() - begun >= 0.3
        assert caught.value.pid == process.pid
        assert caught.value.since is not None
        assert (datetime.now(UTC) - caught.value.since).total_seconds() < 60
        assert str(process.pid) in str(caught.value)
    finally:
        _end(process)
    with home.lock(wait_seconds=5):  # a killed run blocks nobody
        assert home.lock_holder()[0] == os.getpid()
    assert not home.is_locked()


def test_the_second_run_may_wait(tmp_path):
    home = Home(tmp_path / "home").create()
    process = _holder(home.path)
    try:
        timer = threading.Timer(0.5, process.kill)
        timer.start()
        with home.lock(wait_seconds=20):
            assert process.wait(timeout=5) == -9
        timer.join()
    finally:
        _end(process)


def test_the_lock_is_not_reentrant(tmp_path):
    home = Home(tmp_path)
    with home.lock(), pytest.raises(HomeBusyError), home.lock():
        pass


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "status.json"
    write_atomically(path, "old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, "new")
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir() if is_temporary(entry)] == []


def test_a_home_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(HomeError, match="--home"):
        Home(tmp_path / "file" / "home").create()


def test_a_home_without_permission(tmp_path, is_root):
    if is_root:
        pytest.skip("permissions do not stop root")
    (tmp_path / "shut").mkdir(mode=0o500)
    with pytest.raises(HomeError, match="no permission"):
        Home(tmp_path / "shut" / "home").create()


def test_status_survives_the_round_trip(tmp_path):
    home = Home(tmp_path).create()
    assert home.read_status() is None
    report = RunReport(
        run_id="r1",
        started_at=datetime(2026, 1, 31, 5, 0, tzinfo=UTC),
        finished_at=datetime(2026, 1, 31, 5, 1, 30, tzinfo=UTC),
        outcome="gate_stopped",
        sources=[SourceLine("shop", "shop", 2, 100, 90, 7, 3, 0.93, 0.9)],
        validity_overall=0.93,
        goals=[GoalLine("open_rate", "Opens", 0.2, 0.25, 1.25, "met")],
        gate=GateResult(passed=False, messages=["too low"], worst_rules=[RuleLine("shop", "email_valid", 4.5)]),
        steps=[StepLine("load", 1.5, 100, 97)],
        problems=[Problem("a file is empty", "ask for it again", "shop", "orders.csv")],
    )
    home.write_status(report)
    again = home.read_status()
    assert again == report
    assert again.seconds == 90
    assert again.sources[0].is_balanced
    assert again.sources[0].is_met


def test_a_status_of_a_newer_version_is_still_read(tmp_path):
    home = Home(tmp_path).create()
    home.status_file.write_text('{"run_id": "r", "started_at": "2026-01-31T05:00:00Z", "invented_later": 1}')
    report = home.read_status()
    assert report is not None
    assert report.run_id == "r"


def test_a_broken_status_says_so(tmp_path):
    home = Home(tmp_path).create()
    home.status_file.write_text("{half")
    with pytest.raises(HomeError, match=r"status\.json"):
        home.read_status()
