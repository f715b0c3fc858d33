"""Publishing: all tables of one run or none, whatever happens in between."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from orchestration.contract import ContractColumn, ContractError, ContractTable
from orchestration.contract_release import last_number
from orchestration.engines.duckdb_publication import DuckDBWriter
from orchestration.home import Home
from orchestration.publish import PublishError, publish, published_run, sweep

TABLES = ("dim_customers", "fct_orders")


def contract() -> dict[str, ContractTable]:
    columns = (ContractColumn("run", "text", "the customer's run"), ContractColumn("n", "bigint"))
    return {name: ContractTable(name, columns, f"All of {name}") for name in TABLES}


def fill(con: duckdb.DuckDBPyConnection, run_id: str, rows: int = 1000) -> None:
    """The marts of one run: every row names it."""
    con.execute("CREATE SCHEMA IF NOT EXISTS marts")
    for name in TABLES:
        con.execute(
            f"CREATE OR REPLACE TABLE marts.{name} AS SELECT ? AS run, range AS n FROM range(?)", [run_id, rows]
        )


def runs_seen(home: Home) -> set[str]:
    """The runs that a reader in a process of its own finds, over all tables of the DuckDB file."""
    program = """
import duckdb, sys
con = duckdb.connect(sys.argv[1], read_only=True)
found = con.execute(
    "SELECT DISTINCT run FROM marts.dim_customers UNION SELECT DISTINCT run FROM marts.fct_orders "
    "UNION SELECT run_id FROM marts.publication"
).fetchall()
print(" ".join(sorted(run for (run,) in found)))
"""
    out = subprocess.run(
        [sys.executable, "-c", program, str(home.published_file)], capture_output=True, text=True, check=True
    )
    return set(out.stdout.split())


def parquet_runs(home: Home) -> set[str]:
    rows = duckdb.connect().execute(
        "SELECT DISTINCT run FROM read_parquet(?)", [str(home.parquet / "fct_orders.parquet")]
    )
    return {run for (run,) in rows.fetchall()}


@pytest.fixture
def home(tmp_path) -> Home:
    return Home(tmp_path / "home's").create()  # a quote in the path is nobody's fault


@pytest.fixture
def con(home):
    with duckdb.connect(str(home.warehouse)) as connection:
        yield connection


def test_what_is_published(home, con):
    fill(con, "r1")
    report = publish(DuckDBWriter(con), home, None, "r1", contract())
    assert report.rows_by_table == {"dim_customers": 1000, "fct_orders": 1000}
    assert (report.tables, report.rows) == (2, 2000)
    assert report.size_bytes == home.published_file.stat().st_size
    assert runs_seen(home) == {"r1"}
    assert parquet_runs(home) == {"r1"}
    assert sorted(path.name for path in home.parquet.iterdir()) == [
        "contract_versions.parquet",
        "dim_customers.parquet",
        "fct_orders.parquet",
        "publication.parquet",
    ]
    assert [
        row[0] for row in con.execute("SELECT database_name FROM duckdb_databases() WHERE NOT internal").fetchall()
    ] == ["warehouse"]
    with duckdb.connect(str(home.published_file), read_only=True) as reader:
        comments = reader.execute("SELECT comment FROM duckdb_tables() WHERE table_name = 'fct_orders'").fetchall()
        assert comments == [("All of fct_orders",)]


def test_only_the_asked_tables_are_published(home, con):
    fill(con, "r1")
    assert list(publish(DuckDBWriter(con), home, ["fct_orders"], "r1", contract()).rows_by_table) == ["fct_orders"]


def test_the_file_opens_with_drivers_of_the_1_x_line(home, con):
    fill(con, "r1")
    publish(DuckDBWriter(con), home, None, "r1", contract())
    # The header: 8 bytes checksum, "DUCK", then the storage version as a 64-bit number; 65 is what DuckDB 1.2 writes
    # and reads (https://duckdb.org/docs/stable/internals/storage).
    header = home.published_file.read_bytes()[:20]
    assert header[8:12] == b"DUCK"
    assert int.from_bytes(header[12:20], "little") <= 65


def test_snapshots_are_kept_for_one_more_run(home, con):
    for run_id in ("r1", "r2", "r3"):
        fill(con, run_id)
        publish(DuckDBWriter(con), home, None, run_id, contract())
    assert sorted(entry.name for entry in home.published.iterdir()) == [
        "parquet",
        "parquet-r2",
        "parquet-r3",
        "regulars.duckdb",
    ]
    assert home.parquet.readlink() == Path("parquet-r3")


def test_snapshots_are_kept_while_readers_may_be_at_work(home, con):
    """Three folders within the time that is asked for stay; a folder's time runs from when it lost its place."""
    for run_id in ("r1", "r2", "r3", "r4"):
        fill(con, run_id)
        publish(DuckDBWriter(con), home, None, run_id, contract(), keep_parquet=timedelta(minutes=60))
    folders = {path.name for path in home.published.glob("parquet-*")}
    assert folders == {"parquet-r1", "parquet-r2", "parquet-r3", "parquet-r4"}
    two_hours_ago = time.time() - 7200
    for name in ("parquet-r1", "parquet-r2"):  # so r1 lost its place two hours ago, r2 just now
        os.utime(home.published / name, (two_hours_ago, two_hours_ago))
    fill(con, "r5")
    publish(DuckDBWriter(con), home, None, "r5", contract(), keep_parquet=timedelta(minutes=60))
    folders = {path.name for path in home.published.glob("parquet-*")}
    assert folders == {"parquet-r2", "parquet-r3", "parquet-r4", "parquet-r5"}


def versioned() -> dict[str, ContractTable]:
    """fct_orders in its second version; the first, with a column more, is served until a day."""
    one = contract()["fct_orders"]
    shared = {"model": "fct_orders", "latest_version": "2"}
    first = replace(one, name="fct_orders_v1", relation="old_orders", version="1", ends_on=date(2099, 12, 31), **shared)
    second = replace(one, columns=one.columns[:1], version="2", **shared)
    return {
        "fct_orders": second,
        "fct_orders_v1": first,
        "fct_orders_v2": replace(second, name="fct_orders_v2", relation="fct_orders", same_as="fct_orders"),
    }


def test_versions_are_served_side_by_side(home, con):
    con.execute("CREATE SCHEMA marts; CREATE TABLE marts.old_orders AS SELECT 'r1' AS run, range AS n FROM range(3)")
    con.execute("CREATE TABLE marts.fct_orders AS SELECT run FROM marts.old_orders")
    report = publish(DuckDBWriter(con), home, None, "r1", versioned())
    assert report.rows_by_table == {"fct_orders": 3, "fct_orders_v1": 3, "fct_orders_v2": 3}
    columns = {"fct_orders": ["run"], "fct_orders_v1": ["run", "n"], "fct_orders_v2": ["run"]}
    with duckdb.connect(str(home.published_file), read_only=True) as reader:
        for name, expected in columns.items():
            answer = reader.execute(f"SELECT * FROM marts.{name}")
            assert [column[0] for column in answer.description] == expected
            assert len(answer.fetchall()) == 3
        rows = reader.execute("SELECT table_name, version, status, ends_on FROM marts.contract_versions ORDER BY 1")
        assert rows.fetchall() == [
            ("fct_orders", "2", "current", None),
            ("fct_orders_v1", "1", "ending", date(2099, 12, 31)),
            ("fct_orders_v2", "2", "current", None),
        ]
    for name, expected in columns.items():
        file = str(home.parquet / f"{name}.parquet")
        assert [c[0] for c in duckdb.connect().execute("FROM read_parquet(?)", [file]).description] == expected


def test_the_contracts_last_release_is_told(home, con):
    fill(con, "r1")
    publish(DuckDBWriter(con), home, None, "r1", contract())
    with duckdb.connect(str(home.published_file), read_only=True) as reader:
        assert reader.execute("SELECT version FROM marts.publication").fetchall() == [(last_number(),)]


def test_a_folder_in_the_place_of_the_copy_is_set_aside(home, con):
    home.published_file.mkdir()
    (home.published_file / "notes.txt").write_text("somebody's")
    home.parquet.mkdir()  # an empty one goes
    fill(con, "r1")
    report = publish(DuckDBWriter(con), home, None, "r1", contract())
    assert report.set_aside == [home.published / "regulars.duckdb.set-aside-1"]
    assert (report.set_aside[0] / "notes.txt").read_text() == "somebody's"
    assert (runs_seen(home), parquet_runs(home)) == ({"r1"}, {"r1"})


def test_a_log_that_somebody_left_is_not_played_into_the_new_file(home, con):
    fill(con, "r1")
    publish(DuckDBWriter(con), home, None, "r1", contract())
    writer = """
import duckdb, os, sys
con = duckdb.connect(sys.argv[1])
con.execute("SET wal_autocheckpoint = '1TB'")
con.execute("UPDATE marts.fct_orders SET run = 'mine'")
os._exit(9)
"""
    subprocess.run([sys.executable, "-c", writer, str(home.published_file)])
    assert home.published_file.with_name("regulars.duckdb.wal").exists()
    fill(con, "r2")
    publish(DuckDBWriter(con), home, None, "r2", contract())
    assert not home.published_file.with_name("regulars.duckdb.wal").exists()
    assert runs_seen(home) == {"r2"}


def test_a_program_that_holds_the_file_for_writing_does_not_stop_a_run(home, con):
    """It locks others out of the old file, for an hour if it likes; the new one is another file."""
    fill(con, "r1")
    publish(DuckDBWriter(con), home, None, "r1", contract())
    program = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.readline()"
    words = [sys.executable, "-c", program, str(home.published_file)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        with pytest.raises(duckdb.IOException, match="lock"):
            duckdb.connect(str(home.published_file), read_only=True)
        fill(con, "r2")
        publish(DuckDBWriter(con), home, None, "r2", contract())
        assert (runs_seen(home), parquet_runs(home)) == ({"r2"}, {"r2"})
        holder.communicate("\n", timeout=30)


def test_a_run_may_be_published_twice(home, con):
    for rows in (10, 20):
        fill(con, "r1", rows)
        publish(DuckDBWriter(con), home, None, "r1", contract())
    assert published_run(home) == "r1"
    count = duckdb.connect().execute("SELECT count(*) FROM read_parquet(?)", [str(home.parquet / "fct_orders.parquet")])
    assert count.fetchall() == [(20,)]


def test_a_reader_keeps_the_copy_it_has_open(home, con):
    fill(con, "r1")
    publish(DuckDBWriter(con), home, None, "r1", contract())
    program = """
import duckdb, sys
con = duckdb.connect(sys.argv[1], read_only=True)
print("open", flush=True)
sys.stdin.readline()
print(con.execute("SELECT DISTINCT run FROM marts.dim_customers").fetchall(), flush=True)
"""
    with subprocess.Popen(
        [sys.executable, "-c", program, str(home.published_file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "open\n"
        fill(con, "r2")
        publish(DuckDBWriter(con), home, None, "r2", contract())
        out, _ = reader.communicate("\n", timeout=30)
    assert out == "[('r1',)]\n"
    assert runs_seen(home) == {"r2"}


def test_a_broken_contract_publishes_nothing(home, con):
    fill(con, "r1")
    publish(DuckDBWriter(con), home, None, "r1", contract())
    before = home.published_file.read_bytes()
    fill(con, "r2")
    con.execute("ALTER TABLE marts.fct_orders ALTER n TYPE DOUBLE")
    con.execute("ALTER TABLE marts.dim_customers DROP run")
    with pytest.raises(ContractError) as caught:
        publish(DuckDBWriter(con), home, None, "r2", contract())
    assert len(caught.value.violations) == 2
    assert home.published_file.read_bytes() == before
    assert parquet_runs(home) == {"r1"}


def test_no_contract_at_all_is_an_error(home, con):
    with pytest.raises(ContractError, match="no public model"):
        publish(DuckDBWriter(con), home, None, "r1", {})


@pytest.mark.parametrize("run_id", ["", "../r", "a b", ".hidden"])
def test_a_run_id_names_a_folder(home, con, run_id):
    with pytest.raises(ValueError, match="run id"):
        publish(DuckDBWriter(con), home, None, run_id, contract())


KILLED = """
import sys
sys.path[:0] = sys.argv[3:]
import duckdb
from orchestration.home import Home
from test_publish import DuckDBWriter, contract, fill
from orchestration.publish import publish
home = Home(sys.argv[1])
with duckdb.connect(str(home.warehouse)) as con:
    fill(con, "r2", 400_000)
    print("go", flush=True)
    publish(DuckDBWriter(con), home, None, "r2", contract())
    print("done", flush=True)
"""


def _start(home: Home, program: str, *arguments: str) -> subprocess.Popen:
    here = Path(__file__).parent
    return subprocess.Popen(
        [sys.executable, "-c", program, str(home.path), *(arguments or ("",)), str(here), str(here.parents[2])],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("delay", [0.0, 0.05, 0.12])
def test_killed_in_the_middle(home, delay):
    with duckdb.connect(str(home.warehouse)) as con:
        fill(con, "r1")
        publish(DuckDBWriter(con), home, None, "r1", contract())
    process = _start(home, KILLED)
    assert process.stdout is not None
    assert process.stdout.readline() == "go\n"
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert len(runs_seen(home)) == 1  # the old run or the new one, whole
    sweep(home)
    run_id = published_run(home)
    assert parquet_runs(home) == {run_id}
    assert not [entry.name for entry in home.published.iterdir() if entry.name.startswith(".")]
    with duckdb.connect(str(home.warehouse)) as con:
        fill(con, "r3")
        publish(DuckDBWriter(con), home, None, "r3", contract())
    assert runs_seen(home) == {"r3"}
    assert parquet_runs(home) == {"r3"}


KILL_AT = """
import os, sys
sys.path[:0] = sys.argv[3:]
import duckdb
from orchestration import publish as publishing
from orchestration.engines import duckdb_publication as writing
from orchestration.home import Home
from test_publish import DuckDBWriter, contract, fill
home = Home(sys.argv[1])
name, number = sys.argv[2].split(":")
module = writing if hasattr(writing, name) else publishing
step, calls = getattr(module, name), []
def die(*args, **kwargs):
    calls.append(name)
    if len(calls) == int(number):
        os.kill(os.getpid(), 9)
    return step(*args, **kwargs)
setattr(module, name, die)
with duckdb.connect(str(home.warehouse)) as con:
    fill(con, "r2")
    publishing.publish(DuckDBWriter(con), home, None, "r2", contract())
"""


@pytest.mark.parametrize(
    ("step", "survives"),
    [
        ("_copy:1", "r1"),
        ("_write_parquet:1", "r1"),
        ("_free_snapshot_name:1", "r1"),
        ("_linked_snapshot:2", "r1"),  # between the Parquet folder's final name and the file's swap
        ("_point_parquet_at:1", "r2"),  # between the two swaps
        ("_remove_snapshots:2", "r2"),  # sweeping at the start is the first call
    ],
)
def test_killed_at_each_step(home, step, survives):
    with duckdb.connect(str(home.warehouse)) as con:
        fill(con, "r1")
        publish(DuckDBWriter(con), home, None, "r1", contract())
    process = _start(home, KILL_AT, step)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == -9, errors
    assert runs_seen(home) == {survives}
    sweep(home)
    assert published_run(home) == survives
    assert parquet_runs(home) == {survives}
    left = {entry.name for entry in home.published.iterdir()}
    assert {"parquet", f"parquet-{survives}", "regulars.duckdb"} <= left
    assert left <= {"parquet", "parquet-r1", "parquet-r2", "regulars.duckdb"}
    if survives == "r1":
        assert "parquet-r2" not in left


LIMITED = """
import resource, sys
sys.path[:0] = sys.argv[3:]
import duckdb
from orchestration.home import Home
from test_publish import DuckDBWriter, contract, fill
from orchestration.publish import PublishError, publish
home = Home(sys.argv[1])
with duckdb.connect(str(home.warehouse)) as con:
    fill(con, "r2", 2_000_000)
    con.execute("CHECKPOINT")
    if sys.argv[2] == "limit":
        resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, resource.RLIM_INFINITY))
    try:
        publish(DuckDBWriter(con), home, None, "r2", contract())
    except PublishError as error:
        print(error)
"""


def test_no_room_for_the_new_file(home):
    with duckdb.connect(str(home.warehouse)) as con:
        fill(con, "r1")
        publish(DuckDBWriter(con), home, None, "r1", contract())
    out, errors = _start(home, LIMITED, "limit").communicate(timeout=60)
    assert "Cannot publish" in out, errors
    assert "still in place" in out
    assert runs_seen(home) == {"r1"}
    assert parquet_runs(home) == {"r1"}
    assert not [entry.name for entry in home.published.iterdir() if entry.name.startswith(".")]


def test_a_full_disk(tmp_path):
    """A small file system of its own for the published folder, where the machine lets us make one."""
    home = Home(tmp_path / "home").create()
    with duckdb.connect(str(home.warehouse)) as con:
        fill(con, "r1")
    here = Path(__file__).parent
    script = 'mount -t tmpfs -o size=4m tmpfs "$1" || exit 77; shift; exec "$@"'
    if shutil.which("unshare") is None:
        pytest.skip("needs unshare to make a small file system")
    python = [sys.executable, "-c", LIMITED, str(home.path), "disk", str(here), str(here.parents[2])]
    outcome = subprocess.run(
        ["unshare", "-rm", "sh", "-c", script, "sh", str(home.published), *python], capture_output=True, text=True
    )
    if outcome.returncode != 0:
        pytest.skip(f"no small file system can be made here ({outcome.stderr.strip()[:80]})")
    assert "the disk is full" in outcome.stdout
    assert "Free some space" in outcome.stdout


def test_no_permission(home, con, is_root):
    if is_root:
        pytest.skip("permissions do not stop root")
    fill(con, "r1")
    home.published.chmod(0o500)
    try:
        with pytest.raises(PublishError, match="no permission"):
            publish(DuckDBWriter(con), home, None, "r1", contract())
    finally:
        home.published.chmod(0o700)


def test_a_full_disk_at_the_very_end(home, con, monkeypatch):
    fill(con, "r1")
    publish(DuckDBWriter(con), home, None, "r1", contract())
    fill(con, "r2")

    def full(*_):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr("orchestration.engines.duckdb_publication.sync_file", full)
    with pytest.raises(PublishError, match="the disk is full"):
        publish(DuckDBWriter(con), home, None, "r2", contract())
    assert runs_seen(home) == {"r1"}


def test_no_table_of_a_moment_later(home, con):
    """Another connection writes while the copy goes on: all tables still show one moment."""
    fill(con, "r1", 300_000)
    other = con.cursor()
    seen = []

    def write():
        for _ in range(5):
            other.execute(
                "BEGIN; UPDATE marts.dim_customers SET run = 'r2'; UPDATE marts.fct_orders SET run = 'r2'; COMMIT"
            )
            seen.append(1)
            other.execute(
                "BEGIN; UPDATE marts.dim_customers SET run = 'r1'; UPDATE marts.fct_orders SET run = 'r1'; COMMIT"
            )

    thread = threading.Thread(target=write)
    thread.start()
    while not seen:
        time.sleep(0.01)
    publish(DuckDBWriter(con), home, None, "r1", contract())
    thread.join()
    with duckdb.connect(str(home.published_file), read_only=True) as reader:
        runs = reader.execute(
            "SELECT DISTINCT run FROM marts.dim_customers UNION SELECT DISTINCT run FROM marts.fct_orders"
        )
        assert len(runs.fetchall()) == 1


def test_sweeping_nothing(tmp_path):
    assert sweep(Home(tmp_path / "none")) == []
