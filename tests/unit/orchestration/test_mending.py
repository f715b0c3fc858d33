"""A run that finds nothing new on a published copy that was harmed: it is whole again, and nothing was built."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from test_contract import node

from orchestration import pipeline, steps
from orchestration.company import Company, load_company
from orchestration.home import Home
from orchestration.report import RunReport
from orchestration.run import Run
from orchestration.warehouse import BY_HAND, open_warehouse, write_run_context, write_state
from sources.files.ledger import ensure_ledger


@pytest.fixture
def bakery(write_company: Callable[..., Path], tmp_path: Path) -> tuple[Company, Home]:
    """A home as a run leaves it: two marts, what was prepared and published, and a manifest of dbt's."""
    company, home = load_company(write_company()), Home(tmp_path / "home").create()
    run = Run(company, home, run_id="r1")
    with open_warehouse(home.warehouse) as con:
        ensure_ledger(con)
        write_run_context(con, company, "r1", run.started_at)
        con.execute("CREATE SCHEMA intermediate; CREATE SCHEMA marts")
        con.execute("CREATE TABLE intermediate.int_as_of AS SELECT TIMESTAMP '2026-01-31' AS as_of")
        for name in ("dim_customers", "fct_orders"):
            con.execute(f"CREATE TABLE marts.{name} AS SELECT range AS n FROM range(60000)")
    nodes = {f"model.regulars.{name}.v1": node(name, {"n": "bigint"}) for name in ("dim_customers", "fct_orders")}
    run.dbt.manifest_path.parent.mkdir(parents=True)
    run.dbt.manifest_path.write_text(json.dumps({"nodes": nodes}))
    steps.publish(run)
    assert pipeline.run(company, home).outcome == "nothing_new"
    return company, home


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def _garbage(file: Path) -> None:
    with file.open("r+b") as opened:
        opened.seek(file.stat().st_size // 2)
        opened.write(b"garbage" * 1000)


def _write_to(file: Path) -> None:
    with duckdb.connect(str(file)) as con:
        con.execute("DROP TABLE marts.fct_orders")


def _put_a_folder(path: Path, *names: str) -> None:
    path.unlink()
    path.mkdir()
    for name in names:
        (path / name).write_text("somebody's")


HARM: dict[str, tuple[Callable[[Home], object], str]] = {
    "deleted": (lambda home: home.published_file.unlink(), "regulars.duckdb is gone"),
    "cut off": (lambda home: _cut(home.published_file), "were written"),
    "garbage": (lambda home: _garbage(home.published_file), "regulars.duckdb has been changed"),
    "written to": (lambda home: _write_to(home.published_file), "regulars.duckdb has"),
    "no right to read": (lambda home: home.published_file.chmod(0o000), "regulars.duckdb may not be read any more"),
    "a folder": (
        lambda home: _put_a_folder(home.published_file, "notes.txt"),
        "a folder is in the place of regulars.duckdb",
    ),
    "a log beside it": (
        lambda home: home.published_file.with_name("regulars.duckdb.wal").write_bytes(b"of another file"),
        "regulars.duckdb has been opened for writing",
    ),
    "parquet file deleted": (lambda home: (home.parquet / "fct_orders.parquet").unlink(), "fct_orders.parquet is gone"),
    "parquet file cut off": (lambda home: _cut(home.parquet / "fct_orders.parquet"), "were written"),
    "parquet folder deleted": (lambda home: shutil.rmtree(home.parquet.resolve()), "the link parquet leads nowhere"),
    "link deleted": (lambda home: home.parquet.unlink(), "the link parquet is gone"),
    "a folder for the link": (
        lambda home: _put_a_folder(home.parquet),
        "something else is in the place of the link parquet",
    ),
}


def _seen(home: Home) -> list[tuple[object, ...]]:
    """The run and the sum of a table, of the file and of Parquet."""
    with duckdb.connect(str(home.published_file), read_only=True) as con:
        rows = con.execute("SELECT run_id, (SELECT sum(n) FROM marts.fct_orders) FROM marts.publication").fetchall()
    with duckdb.connect() as con:
        files = [str(home.parquet / f"{name}.parquet") for name in ("publication", "fct_orders")]
        query = "SELECT run_id, (SELECT sum(n) FROM read_parquet($2)) FROM read_parquet($1)"
        return rows + con.execute(query, files).fetchall()


@pytest.mark.parametrize("harm", HARM)
def test_it_is_mended_without_building(
    bakery: tuple[Company, Home], harm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    company, home = bakery
    monkeypatch.setattr(pipeline, "_execute", lambda _: pytest.fail("everything was built anew"))
    do, says = HARM[harm]
    do(home)
    report = pipeline.run(company, home)
    assert (report.outcome, report.publication_run_id, report.has_failures) == ("published", "r1", False)
    words = " ".join(problem.what for problem in report.problems)
    assert says in words
    assert "It has been published again." in words
    assert _seen(home) == [("r1", 59_999 * 30_000)] * 2
    if harm == "a folder":
        aside = home.published / "regulars.duckdb.set-aside-1"
        assert (aside / "notes.txt").read_text() == "somebody's"
        assert str(aside) in words
    assert pipeline.run(company, home).outcome == "nothing_new"


def _by_hand(con: duckdb.DuckDBPyConnection, company: Company) -> None:
    write_state(con, {BY_HAND: True})


def _by_a_run_that_failed(con: duckdb.DuckDBPyConnection, company: Company) -> None:
    write_run_context(con, company, "r2", Run(company, Home(Path())).started_at)


def _by_a_full_refresh_that_was_killed(con: duckdb.DuckDBPyConnection, company: Company) -> None:
    write_state(con, {"fingerprint": None})


@pytest.mark.parametrize("touched", [_by_hand, _by_a_run_that_failed, _by_a_full_refresh_that_was_killed])
def test_marts_that_may_be_others_are_built_anew(
    bakery: tuple[Company, Home], touched: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    company, home = bakery
    with open_warehouse(home.warehouse) as con:
        touched(con, company)
    assert pipeline.run(company, home).outcome == "nothing_new"  # readers have what was published
    home.published_file.unlink()
    built: list[Run] = []
    monkeypatch.setattr(pipeline, "_refuse_unusable_sources", lambda _: None)
    monkeypatch.setattr(pipeline, "_execute", lambda run: built.append(run) or RunReport("r3", run.started_at))
    pipeline.run(company, home)
    assert len(built) == 1
