"""The published copy as BI tools read it: the snippets of docs/bi.md as they stand there, older drivers, and twenty
readers at work while five runs publish."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from orchestration.contract import ContractColumn, ContractTable
from orchestration.engines.duckdb_publication import DuckDBWriter
from orchestration.home import Home
from orchestration.publish import publish

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
NODE_MODULE = HERE / "node_modules" / "@duckdb" / "node-api"
OLD_DUCKDB = ROOT / "build" / "duckdb-1.2"

# Columns as the contract has them, and one that says the run.
TABLES = {
    "kpi_scorecard": "'goal ' || n AS goal_id, 'Goal ' || n AS goal_name, 0.5 AS target, n / 10 AS actual, "
    "'met' AS status",
    "customer_value": "'c' || n AS customer_id, CAST(n AS DECIMAL(18, 4)) AS profit_amount",
    "customer_segments": "'c' || n AS customer_id, CASE WHEN n % 3 = 0 THEN 'top' ELSE 'low' END AS value_segment",
}
ROWS = {"kpi_scorecard": 6, "customer_value": 3_000, "customer_segments": 3_000}


@dataclass
class Made:
    """A home whose marts are made up: every row of every table names the run that it is of."""

    home: Home
    runs: int = 0

    def publish(self) -> str:
        """Make the marts of another run and publish them with the product's own code."""
        self.runs += 1
        run_id = f"run-{self.runs}"
        with duckdb.connect(str(self.home.warehouse)) as con:
            con.execute("CREATE SCHEMA IF NOT EXISTS marts")
            contract = {}
            for name, columns in TABLES.items():
                query = f"SELECT {columns}, '{run_id}' AS run FROM range({ROWS[name]}) AS numbers (n)"
                con.execute(f"CREATE OR REPLACE TABLE marts.{name} AS {query}")
                described = con.execute(f"DESCRIBE marts.{name}").fetchall()
                contract[name] = ContractTable(
                    name, tuple(ContractColumn(column, kind, f"{column} of it") for column, kind, *_ in described), name
                )
            publish(DuckDBWriter(con), self.home, None, run_id, contract, keep_parquet=timedelta(minutes=60))
        return run_id


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A published home of the made-up marts."""
    there = Made(Home(tmp_path_factory.mktemp("readers") / "home").create())
    there.publish()
    return there


@pytest.fixture(scope="session")
def node() -> str:
    """Node with DuckDB's client; the tests that ask for it are skipped without."""
    found = shutil.which("node")
    if found is None:
        pytest.skip("there is no node: install Node.js 20 or later, then `make readers`")
    if not NODE_MODULE.is_dir():
        pytest.skip("DuckDB's Node client is not there: `make readers` installs it")
    return found


def snippet(heading: str, home: Home) -> str:
    """The code below a heading of docs/bi.md, on this home."""
    section = (ROOT / "docs" / "bi.md").read_text("utf-8").split(f"\n### {heading}\n")[1].split("\n#")[0]
    code = re.search(r"```(?:python|js)\n(.*?)```", section, re.S)[1]
    assert "/srv/regulars/home" in code
    return code.replace("/srv/regulars/home", str(home.path))


@pytest.mark.parametrize("heading", ["A notebook", "SQLAlchemy", "ADBC", "Parquet"])
def test_a_snippet_of_the_docs(made: Made, heading: str) -> None:
    """It runs as it is printed, and reads what is there; nobody leaves the file locked or changed."""
    before = made.home.published_file.stat()
    found: dict[str, object] = {}
    exec(snippet(heading, made.home), found)
    if heading == "Parquet":
        rows = {row["value_segment"]: (row["customers"], row["profit_amount"]) for row in found["best"].to_dicts()}
        # Of 0 to 2999, every third: 1000 customers with 3 times (0 + … + 999).
        assert rows == {"top": (1000, 1_498_500), "low": (2000, 2999 * 1500 - 1_498_500)}
    else:
        goals = found["goals"]
        if heading == "SQLAlchemy":
            names = [goal.goal_name for goal in goals]
        else:
            names = goals["goal_name"].to_pylist() if heading == "ADBC" else list(goals["goal_name"])
        assert sorted(names) == [f"Goal {n}" for n in range(6)]
    if heading == "SQLAlchemy":
        assert set(found["tables"]) == {*TABLES, "publication", "contract_versions"}
    after = made.home.published_file.stat()
    assert (after.st_ino, after.st_mtime_ns, after.st_size) == (before.st_ino, before.st_mtime_ns, before.st_size)
    duckdb.connect(str(made.home.published_file)).close()  # for writing: it opens only where nobody holds it


def test_what_bi_tools_inspect_through_sqlalchemy(made: Made) -> None:
    import sqlalchemy as sa

    engine = sa.create_engine(f"duckdb:///{made.home.published_file}", connect_args={"read_only": True})
    inspected = sa.inspect(engine)
    columns = {one["name"]: one["comment"] for one in inspected.get_columns("customer_value", schema="marts")}
    assert columns == {name: f"{name} of it" for name in ("customer_id", "profit_amount", "run")}
    assert inspected.get_table_comment("customer_value", schema="marts") == {"text": "customer_value"}
    engine.dispose()


def test_adbc_cannot_write(made: Made) -> None:
    import adbc_driver_manager.dbapi as adbc

    code = snippet("ADBC", made.home)
    with pytest.raises(adbc.Error, match="read-only"):
        exec(re.sub(r'execute\("[^"]*"\)', 'execute("drop table marts.kpi_scorecard")', code), {})


def test_the_snippet_for_node(made: Made, node: str, tmp_path: Path) -> None:
    program = tmp_path / "snippet.mjs"
    program.write_text(snippet("Node", made.home), "utf-8")
    (tmp_path / "node_modules").symlink_to(HERE / "node_modules")
    out = subprocess.run([node, str(program)], capture_output=True, text=True, check=True).stdout
    assert out.count("goal_name") == 6


def test_a_driver_of_the_1_2_line(made: Made) -> None:
    if not OLD_DUCKDB.is_dir():
        pytest.skip("DuckDB 1.2.2 is not there: `make readers` installs it beside the tests")
    program = """
import duckdb, sys
con = duckdb.connect(sys.argv[1], read_only=True)
for (name,) in con.execute("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'marts'").fetchall():
    print(name, con.execute(f"SELECT count(*) FROM (SELECT * FROM marts.{name})").fetchall()[0][0])
print(duckdb.__version__)
"""
    words = [sys.executable, "-S", "-c", program, str(made.home.published_file)]
    env = {**os.environ, "PYTHONPATH": str(OLD_DUCKDB)}
    out = subprocess.run(words, capture_output=True, text=True, check=True, env=env).stdout.split()
    assert out.pop() == "1.2.2"
    rows = dict(zip(out[::2], map(int, out[1::2]), strict=True))
    assert rows == {**ROWS, "publication": 1, "contract_versions": 3}


def test_files_of_two_runs_are_not_read_by_whoever_resolves_the_link_once(made: Made) -> None:
    """One who does not, and is slow, mixes two runs: that is what the docs warn of."""
    import polars as pl

    def run_of(folder: Path, table: str) -> str:
        return pl.read_parquet(folder / f"{table}.parquet")["run"].unique().item()

    pinned = made.home.parquet.resolve()
    first = run_of(made.home.parquet, "customer_value")
    later = [made.publish() for _ in range(3)]
    assert run_of(made.home.parquet, "customer_segments") == later[-1] != first
    assert {run_of(pinned, table) for table in TABLES} == {first}


def test_a_reader_of_one_process_sees_the_new_run_when_it_has_closed_all(made: Made) -> None:
    query = "SELECT run_id FROM marts.publication"
    file = str(made.home.published_file)
    held = duckdb.connect(file, read_only=True)
    [(before,)] = held.execute(query).fetchall()
    after = made.publish()
    with duckdb.connect(file, read_only=True) as beside:
        assert beside.execute(query).fetchall() == [(before,)]  # as documented: they share what is open
    held.close()
    with duckdb.connect(file, read_only=True) as alone:
        assert alone.execute(query).fetchall() == [(after,)]


PYTHON_READERS = ["duckdb"] * 5 + ["sqlalchemy"] * 4 + ["adbc"] * 3 + ["polars"] * 2 + ["pyarrow"] * 2
NODE_READERS = 4
PUBLICATIONS = 5


def test_twenty_readers_while_five_runs_publish(made: Made, tmp_path: Path) -> None:
    """No query fails, and no answer is of two runs; every reader gets to see the last run.

    Where there is no Node, DuckDB's own client takes its readers' place, so that there are twenty all the same.
    """
    stop = tmp_path / "stop"
    has_node = shutil.which("node") and NODE_MODULE.is_dir()
    kinds = PYTHON_READERS + ([] if has_node else ["duckdb"] * NODE_READERS)
    groups = [[sys.executable, str(HERE / "reading.py"), str(made.home.path), str(stop), *kinds]]
    if has_node:
        groups.append(["node", str(HERE / "query.mjs"), str(made.home.published_file), str(NODE_READERS), str(stop)])
    with Started(groups, stop) as processes:
        for process, ready in zip(processes, [1, NODE_READERS], strict=False):
            for _ in range(ready):
                assert process.stdout.readline() == "ready\n", process.stderr.read()
        published = []
        for _ in range(PUBLICATIONS):
            published.append(made.publish())
            time.sleep(0.5)
        time.sleep(1)
        stop.touch()
        saw = []
        for process in processes:
            out, errors = process.communicate(timeout=30)
            assert process.returncode == 0, errors
            saw += json.loads(out.splitlines()[-1])
    assert len(saw) == 20
    assert [one["errors"][:2] for one in saw if one["failed"]] == []
    assert sum(one["inconsistent"] for one in saw) == 0
    assert {published[-1]} <= set.intersection(*(set(one["runs"]) for one in saw))
    assert len(set.union(*(set(one["runs"]) for one in saw)) & set(published)) >= 3
    # A publication can come between two openings of one connection, and between no others.
    assert max(one["again"] for one in saw) <= PUBLICATIONS
    # What reads the file that it has locked, and what reads no such file, never has to.
    assert {one["again"] for one in saw if one["kind"] in ("node", "polars", "pyarrow")} == {0}


class Started:
    """Processes that end with the test, whatever happens in it."""

    def __init__(self, groups: list[list[str]], stop: Path) -> None:
        self._stop = stop
        self._processes = [
            subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for words in groups
        ]

    def __enter__(self) -> list[subprocess.Popen[str]]:
        return self._processes

    def __exit__(self, *_: object) -> None:
        self._stop.touch()
        for process in self._processes:
            try:
                process.communicate(timeout=30)
            except (subprocess.TimeoutExpired, ValueError):
                process.kill()
