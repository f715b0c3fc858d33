"""What people are told when dbt fails."""

import os

import pytest
from dbt.cli.main import dbtRunnerResult

from orchestration.company import load_company
from orchestration.dbt import _without_values
from orchestration.dbt_command import run_dbt
from orchestration.home import Home
from orchestration.warehouse import BY_HAND, open_warehouse, read_state


def test_messages_about_data_lose_the_values():
    words = "Runtime Error: Conversion Error: Could not convert string 'ann@example.com' to INT32"
    assert _without_values(words) == "Runtime Error: Conversion Error: Could not convert string '…' to INT32"


def test_messages_about_sql_keep_their_names():
    words = "Runtime Error: Binder Error: Referenced column \"colour\" not found, near 'fct_orders'"
    assert _without_values(words) == words


@pytest.mark.parametrize(("command", "builds"), [("build", True), ("run", True), ("test", False), ("show", False)])
def test_what_builds_by_hand_is_remembered(write_company, tmp_path, monkeypatch, command, builds):
    """The marts may then be others than those of the last run, so that they are not published in its name."""
    monkeypatch.setattr("dbt.cli.main.dbtRunner.invoke", lambda *_: dbtRunnerResult(success=True))
    monkeypatch.setattr(os, "environ", dict(os.environ))
    home = Home(tmp_path / "home")
    assert run_dbt(load_company(write_company()), home, [command])
    with open_warehouse(home.warehouse) as con:
        assert bool(read_state(con).get(BY_HAND)) == builds
