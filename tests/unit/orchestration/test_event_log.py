"""The event log of a home: Dagster's files and answers, with fewer connections."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.event_log import SqliteEventLogStorage

from orchestration.event_log import EventLog
from orchestration.home import Home
from orchestration.pipeline import open_instance


@dg.asset(check_specs=[dg.AssetCheckSpec("sound", asset="bread")])
def bread():
    """An asset with a check, which is what most events are about."""
    yield dg.MaterializeResult(check_results=[dg.AssetCheckResult(passed=True, check_name="sound")])


def _run(instance: dg.DagsterInstance) -> str:
    return dg.materialize([bread], instance=instance).run_id


def _told(log: SqliteEventLogStorage, run_id: str) -> list[str]:
    return [entry.dagster_event_type.value for entry in log.get_logs_for_run(run_id) if entry.is_dagster_event]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home").create()


def test_it_is_what_a_home_uses(home: Home) -> None:
    with open_instance(home) as instance:
        assert isinstance(instance.event_log_storage, EventLog)
        run_id = _run(instance)
        assert instance.get_latest_materialization_event(dg.AssetKey("bread")).run_id == run_id
        [check] = instance.event_log_storage.get_asset_check_execution_history(
            dg.AssetCheckKey(dg.AssetKey("bread"), "sound"), limit=5
        )
        assert check.status.value == "SUCCEEDED"


def test_dagsters_own_class_reads_the_same_from_its_files(home: Home) -> None:
    with open_instance(home) as instance:
        run_id = _run(instance)
        told = _told(instance.event_log_storage, run_id)
    assert {"PIPELINE_START", "ASSET_MATERIALIZATION", "ASSET_CHECK_EVALUATION", "PIPELINE_SUCCESS"} <= set(told)
    theirs = SqliteEventLogStorage(str(home.dagster / "history" / "runs"))
    assert _told(theirs, run_id) == told
    assert theirs.get_latest_materialization_events([dg.AssetKey("bread")])[dg.AssetKey("bread")].run_id == run_id


def test_a_history_that_dagsters_own_class_began_goes_on(home: Home) -> None:
    home.dagster.mkdir(parents=True, exist_ok=True)
    with dg.DagsterInstance.from_config(str(home.dagster)) as instance:
        assert not isinstance(instance.event_log_storage, EventLog)
        before = _run(instance)
    with open_instance(home) as instance:
        after = _run(instance)
        told = [_told(instance.event_log_storage, run_id) for run_id in (before, after)]
    assert told[0] == told[1]
    assert told[0]


def test_a_moved_home_takes_its_history_along(home: Home, tmp_path: Path) -> None:
    with open_instance(home) as instance:
        run_id = _run(instance)
    home.path.rename(tmp_path / "moved")
    with open_instance(Home(tmp_path / "moved")) as instance:
        assert _told(instance.event_log_storage, run_id)
    assert not home.path.exists()


def test_few_files_stay_open_and_none_at_the_end(home: Home) -> None:
    with open_instance(home) as instance:
        runs = [_run(instance) for _ in range(6)]
        log = instance.event_log_storage
        assert isinstance(log, EventLog)
        assert set(log._engines) == {"index", *runs[-4:]}
        assert all(_told(log, run_id) for run_id in runs)
    assert log._engines == {}
    assert list((home.dagster / "history" / "runs").glob("*-wal")) == []


def test_after_a_wipe_runs_are_kept_again(home: Home) -> None:
    with open_instance(home) as instance:
        before = _run(instance)
        instance.event_log_storage.wipe()
        assert _told(instance.event_log_storage, before) == []
        after = _run(instance)
    with open_instance(home) as instance:
        assert "PIPELINE_SUCCESS" in _told(instance.event_log_storage, after)


def test_what_was_written_outlives_a_kill(home: Home) -> None:
    code = (
        "import os, sys; from pathlib import Path; import test_event_log as t; from orchestration.home import Home\n"
        "instance = t.open_instance(Home(Path(sys.argv[1]))).__enter__()\n"
        "print(t._run(instance), flush=True); os.kill(os.getpid(), 9)"
    )
    folders = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    ended = subprocess.run(
        [sys.executable, "-c", code, str(home.path)],
        env={**os.environ, "PYTHONPATH": folders},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == -9, ended.stderr
    with open_instance(home) as instance:
        assert "PIPELINE_SUCCESS" in _told(instance.event_log_storage, ended.stdout.split()[-1])
