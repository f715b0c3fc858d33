"""Whole runs on Spark, each in a process of its own, beside the same runs on DuckDB: equal tables, equal behaviour."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import polars as pl
import pytest
import yaml
from engine_runs import ROOT, Ended, company_on_spark, run, start

from benchmarks.equality import Comparison, compare
from orchestration.home import Home
from orchestration.report import RunReport

CONTRACT_TABLES = 20
THRIFT = {"dbt": "thrift", "thrift": {"host": "127.0.0.1"}}


@dataclass
class Sides:
    """One company on both engines: its two files, its two homes, and how the last runs ended."""

    folder: Path
    companies: dict[str, Path]
    homes: dict[str, Home]
    ended: dict[str, Ended] = field(default_factory=dict)

    def run(self, run_id: str) -> dict[str, Ended]:
        """Run both, one after the other."""
        for engine, company in self.companies.items():
            self.ended[engine] = run(company, self.homes[engine].path, run_id=run_id)
        return self.ended

    def report(self, engine: str) -> RunReport:
        """The report of the last run."""
        report = self.homes[engine].read_status()
        assert report is not None
        return report

    def comparisons(self, *, killed: bool = False) -> list[Comparison]:
        """Every published table of one engine with that of the other; nothing is left out.

        But for a run that was killed behind its gate: what is new has passed by then, and is the next run's no more.
        """
        tables = {engine: published(home) for engine, home in self.homes.items()}
        if killed:
            for made in tables.values():
                made["data_validity_index"] = made["data_validity_index"].filter(pl.col("load_id") != "new")
        assert tables["duckdb"].keys() == tables["spark"].keys()
        return [compare(name, tables["duckdb"][name], tables["spark"][name], ignore=()) for name in tables["duckdb"]]


def published(home: Home) -> dict[str, pl.DataFrame]:
    """The published tables as a reader of the DuckDB file sees them."""
    with duckdb.connect(str(home.published_file), read_only=True) as con:
        con.execute("SET TimeZone = 'UTC'")
        names = con.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'marts' ORDER BY 1"
        ).fetchall()
        return {
            name: con.sql(f"SELECT * FROM marts.{name}").pl()
            for (name,) in names
            if name not in ("publication", "contract_versions")
        }


def both(folder: Path, company: Path, **spark: object) -> Sides:
    """The same company for both engines, with homes beside it."""
    return Sides(
        folder,
        {"duckdb": company, "spark": company_on_spark(company, "spark.yaml", **spark)},
        {engine: Home(folder / f"home-{engine}") for engine in ("duckdb", "spark")},
    )


def command(*words: object, environment: dict[str, str] | None = None) -> Ended:
    """Any command of the command line, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", "from orchestration.cli import main; main()", *map(str, words)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200", "NO_COLOR": "1", **(environment or {})},
        capture_output=True,
        text=True,
    )
    return Ended(done.returncode, " ".join((done.stdout + done.stderr).split()))


def without_java(folder: Path) -> dict[str, str]:
    """An environment whose path has Python and no Java."""
    folder.mkdir(exist_ok=True)
    return {"PATH": str(folder), "JAVA_HOME": ""}


@pytest.fixture(scope="module")
def demo(bakehouse, tmp_path_factory):
    """The demo company after its first run on both engines. The newest file of each dataset is still to come."""
    folder = tmp_path_factory.mktemp("engines") / "bakehouse"
    shutil.copytree(bakehouse, folder)
    later = folder / "later"
    later.mkdir()
    for newest in _newest_files(folder / "data"):
        shutil.move(newest, later / f"{newest.parent.name}~{newest.name}")
    sides = both(folder, folder / "company.yaml")
    sides.run("r1")
    return sides


def _newest_files(data: Path) -> list[Path]:
    """The last file of every folder that has several of a kind."""
    found = []
    for folder in sorted({file.parent for file in data.rglob("*") if file.is_file()}):
        files = sorted(file for file in folder.iterdir() if file.is_file())
        kinds: dict[tuple[str, str], list[Path]] = {}
        for file in files:
            stem = file.name.split(".")[0].rstrip("0123456789-_")
            kinds.setdefault((stem, file.suffix), []).append(file)
        found += [files[-1] for files in kinds.values() if len(files) > 1]
    return found


@pytest.mark.slow
def test_the_first_run_publishes_the_same_marts(demo):
    assert {engine: ended.code for engine, ended in demo.ended.items()} == {"duckdb": 0, "spark": 0}, demo.ended
    comparisons = demo.comparisons()
    assert len(comparisons) >= CONTRACT_TABLES
    assert [str(one) for one in comparisons if not one.is_equal] == []
    assert sum(one.rows[0] for one in comparisons) > 10_000
    one, other = demo.report("duckdb"), demo.report("spark")
    assert (one.sources, one.goals, one.validity_overall, one.as_of) == (
        other.sources,
        other.goals,
        other.validity_overall,
        other.as_of,
    )
    assert one.gate == other.gate


@pytest.mark.slow
def test_parquet_is_there_for_readers_too(demo):
    home = demo.homes["spark"]
    folder = home.parquet / "fct_orders.parquet"
    assert pl.read_parquet(folder / "*.parquet").height == published(home)["fct_orders"].height
    assert pl.read_parquet(home.parquet / "publication.parquet")["run_id"].to_list() == ["r1"]


@pytest.mark.slow
def test_status_and_customer_read_the_published_copy(demo, tmp_path):
    company, home = demo.companies["spark"], demo.homes["spark"].path
    for engine in ("duckdb", "spark"):
        status = command("status", "--company", demo.companies[engine], "--home", demo.homes[engine].path, "--json")
        assert status.code == 0, status.text
    email = published(demo.homes["spark"])["dim_customers"]["primary_email"].drop_nulls()[0]
    shown = [
        command("customer", email, "--company", demo.companies[engine], "--home", demo.homes[engine].path)
        for engine in ("duckdb", "spark")
    ]
    assert shown[0] == shown[1]
    assert shown[0].code == 0
    # Reading needs no Java.
    again = command("customer", email, "--company", company, "--home", home, environment=without_java(tmp_path / "bin"))
    assert again == shown[1]


@pytest.mark.slow
def test_nothing_new_needs_no_java(demo, tmp_path):
    company, home = demo.companies["spark"], demo.homes["spark"]
    ended = command("run", "--company", company, "--home", home.path, environment=without_java(tmp_path / "bin"))
    assert ended.code == 0, ended.text
    assert demo.report("spark").outcome == "nothing_new"


@pytest.fixture(scope="module")
def demo_later(demo, tmp_path_factory):
    """The same after the newest files have come."""
    folder = tmp_path_factory.mktemp("later") / "bakehouse"
    shutil.copytree(demo.folder, folder, symlinks=True)
    arrived = 0
    for file in sorted((folder / "later").iterdir()):
        place, name = file.name.split("~", 1)
        [target] = [path for path in (folder / "data").rglob(place) if path.is_dir()]
        shutil.move(file, target / name)
        arrived += 1
    assert arrived > 2
    # Spark's catalogue holds absolute paths, so the copy goes back to where it was.
    shutil.rmtree(demo.folder)
    shutil.move(folder, demo.folder)
    demo.run("r2")
    return demo


@pytest.mark.slow
def test_new_files_are_added_to_what_stands(demo_later):
    assert {engine: ended.code for engine, ended in demo_later.ended.items()} == {"duckdb": 0, "spark": 0}, (
        demo_later.ended
    )
    assert [str(one) for one in demo_later.comparisons() if not one.is_equal] == []
    for engine in demo_later.homes:
        loads = published(demo_later.homes[engine])["source_loads"]
        assert set(loads["load_id"]) == {"r1", "r2"}
        balanced = loads.select((pl.col("received") == pl.sum_horizontal("valid", "quarantined", "duplicates")).all())
        assert balanced.item()


@pytest.mark.slow
def test_killed_in_the_middle_of_a_model(demo_later):
    """Yesterday's copy stays; the next run completes, and its tables are those of a run that nobody killed."""
    company, home = demo_later.companies["spark"], demo_later.homes["spark"]
    before = published(home)
    _send_again(demo_later.folder / "data")
    for step, seconds in (("stage and measure", 4.0), ("build profiles", 3.0)):
        ended = run(company, home.path, run_id="r3", kill={"step": step, "state": "started", "seconds": seconds})
        assert ended.code == -9, ended.text
        after = published(home)
        assert all(after[name].equals(before[name]) for name in before)
    ended = run(company, home.path, run_id="r3")
    assert ended.code == 0, ended.text
    assert run(demo_later.companies["duckdb"], demo_later.homes["duckdb"].path, run_id="r3").code == 0
    assert [str(one) for one in demo_later.comparisons(killed=True) if not one.is_equal] == []


@pytest.mark.slow
def test_java_killed_in_the_middle(corner_company):
    """The driver's Java dies, Python lives: it says so, nothing half done is visible, and the next run completes."""
    sides = corner_company()
    company, home = sides.companies["spark"], sides.homes["spark"]
    kill = {"step": "build profiles", "state": "started", "seconds": 3.0, "java": True}
    ended = run(company, home.path, run_id="r1", kill=kill)
    assert ended.code == 1, ended.text
    assert "Spark ended in the middle of the work" in ended.text
    assert "spark.log" in ended.text
    assert not home.published_file.exists()
    assert run(company, home.path, run_id="r1").code == 0
    assert run(sides.companies["duckdb"], sides.homes["duckdb"].path, run_id="r1").code == 0
    assert [str(one) for one in sides.comparisons(killed=True) if not one.is_equal] == []


def _send_again(data: Path) -> None:
    """Another week of calls that repeats the end of the last one: every record in it is there already."""
    last = max(data.rglob("calls-*.tsv"))
    lines = last.read_bytes().splitlines(keepends=True)
    last.with_name("calls-again.tsv").write_bytes(b"".join([lines[0], *lines[-5:]]))


@pytest.mark.slow
def test_the_gate_stops_both_with_the_same_words(bakehouse, tmp_path):
    folder = tmp_path / "gate"
    shutil.copytree(bakehouse, folder)
    data = yaml.safe_load((folder / "company.yaml").read_text(encoding="utf-8"))
    data["validity"] = {"goal": 0.999}
    (folder / "company.yaml").write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    sides = both(folder, folder / "company.yaml")
    ended = sides.run("r1")
    assert {engine: one.code for engine, one in ended.items()} == {"duckdb": 3, "spark": 3}, ended
    assert sides.report("duckdb").gate == sides.report("spark").gate
    assert not sides.homes["spark"].published_file.exists()


@pytest.mark.parametrize(
    ("spark", "words"),
    [
        ({"master": "spark://127.0.0.1:9"}, ["Nobody answers at spark://127.0.0.1:9", "warehouse.spark.master"]),
        (
            {"connect": "sc://127.0.0.1:9/;token=${ENV:TOKEN}", **THRIFT},
            ["Nobody answers at sc://127.0.0.1:9", "warehouse.spark.connect"],
        ),
    ],
)
def test_a_wrong_address_is_told_at_once(corner_company, monkeypatch, spark, words):
    monkeypatch.setenv("TOKEN", "hush")
    sides = corner_company(**spark)
    begun = time.monotonic()
    ended = run(sides.companies["spark"], sides.homes["spark"].path)
    assert ended.code == 1
    assert all(word in ended.text for word in words), ended.text
    assert "hush" not in ended.text
    assert time.monotonic() - begun < 60


def test_without_java_it_says_how_to_get_one(corner_company, tmp_path):
    sides = corner_company()
    environment = without_java(tmp_path / "bin")
    home = sides.homes["spark"]
    ended = command("run", "--company", sides.companies["spark"], "--home", home.path, environment=environment)
    assert ended.code == 1
    assert "Install Java 17" in ended.text
    assert "JAVA_HOME" in ended.text
    assert not home.published_file.exists()


def test_storage_that_cannot_be_written_is_named(corner_company, tmp_path):
    (tmp_path / "taken").write_text("a file in the place of a folder", encoding="utf-8")
    sides = corner_company(location=str(tmp_path / "taken"))
    ended = run(sides.companies["spark"], sides.homes["spark"].path)
    assert ended.code in (1, 2)
    assert str(tmp_path / "taken") in ended.text
    assert "something unexpected" not in ended.text


@pytest.fixture
def corner_company(tmp_path):
    """Makes the corner bakery for both engines."""

    def make(**spark: object) -> Sides:
        from corner import write_corner

        company = write_corner(tmp_path / "corner")
        return both(tmp_path, company, **spark)

    return make


@pytest.mark.slow
def test_a_table_of_someone_else_stays(corner_company):
    """It is refused before anything is built; the way out is in the message, and taking it helps."""
    sides = corner_company()
    company, home = sides.companies["spark"], sides.homes["spark"]
    foreign = """
import sys, json
from pathlib import Path
from orchestration.company import load_company
from orchestration.engines import engine_of
from orchestration.home import Home
engine = engine_of(load_company(sys.argv[1]), Home(Path(sys.argv[2])).create())
engine.session.sql("CREATE SCHEMA marts")
engine.session.sql("CREATE TABLE marts.fct_orders USING parquet AS SELECT 'ours' AS mine")
"""
    words = [sys.executable, "-c", foreign, str(company), str(home.path)]
    subprocess.run(words, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True, capture_output=True)
    ended = run(company, home.path)
    assert ended.code == 1
    assert "marts.fct_orders" in ended.text
    assert "did not write" in ended.text
    assert not home.published_file.exists()
    drop = foreign[: foreign.index("engine.session")] + (
        "[(mine,)] = engine.session.sql('SELECT * FROM marts.fct_orders').collect()\n"
        "assert mine == 'ours'\nengine.session.sql('DROP TABLE marts.fct_orders')\n"
    )
    words[2] = drop
    subprocess.run(words, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True, capture_output=True)
    ended = run(company, home.path)
    assert ended.code == 0, ended.text


@pytest.mark.slow
def test_a_thin_slice_of_the_real_data(shared_data, tmp_path):
    """Ten days of the shop, and the other three channels whole."""
    text = (ROOT / "examples" / "real" / "company.yaml").read_text(encoding="utf-8")
    for old, new in (
        ("../../../shared/data", str(shared_data)),
        ("by-day/*.csv", "by-day/2010-12-0*.csv"),
        ("as_of: 2011-12-10", "as_of: 2010-12-10"),
    ):
        assert old in text
        text = text.replace(old, new)
    company = tmp_path / "company.yaml"
    company.write_text(text, encoding="utf-8")
    sides = both(tmp_path, company)
    ended = sides.run("r1")
    assert {engine: one.code for engine, one in ended.items()} == {"duckdb": 0, "spark": 0}, ended
    comparisons = sides.comparisons()
    assert [str(one) for one in comparisons if not one.is_equal] == []
    assert sum(one.rows[0] for one in comparisons) > 50_000


@pytest.mark.slow
def test_start_can_be_waited_for(corner_company):
    """Two runs at once on one home: the second is refused, whatever the engine."""
    sides = corner_company()
    company, home = sides.companies["spark"], sides.homes["spark"]
    first = start(company, home.path)
    deadline = time.monotonic() + 60
    while not home.is_locked() and time.monotonic() < deadline:
        time.sleep(0.1)
    second = command("run", "--company", company, "--home", home.path)
    out, _ = first.communicate()
    assert first.returncode == 0, out
    assert second.code == 1
    assert "is writing to" in second.text
