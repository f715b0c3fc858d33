"""Offers and replenishments as they would have stood on an earlier day, beside what was bought after it.

The warehouse of a run is copied, and the models from `int_as_of` to the two marts are built on the copy with `as_of` on
that day: they see no purchase after it. What is not built anew are facts and identity: who is who is known as well as
at the end, to the ranking beside ours, too.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.measure import machine
from expectations.catalogue import to_dbt_vars
from orchestration.catalogue import catalogue_of
from orchestration.company import Company, load_company
from orchestration.dbt import Dbt
from orchestration.engines import engine_of
from orchestration.home import Home
from orchestration.warehouse import write_run_context

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
_LATER = ("int_as_of", "product_uses", "int_product_articles", "int_product_purchases")
_MODELS = (*_LATER, "path:models/intermediate/products", "path:models/marts/offers")


@dataclass(frozen=True)
class Place:
    """A company whose run lies in a home, and the day to look from.

    Attributes:
        label: Its name in the results.
        company: Its company file.
        home: Where its run left the warehouse.
        cut: The last day that the models see; None: so many days before the end that `horizon` fits.
    """

    label: str
    company: Path
    home: Path
    cut: date | None = None


@dataclass(frozen=True)
class Cut:
    """A warehouse built as of `day`, open for reading, with what came later in the table `later`.

    `later` has one row per customer, article and day after `day` up to `end`, with bought_quantity and kept_quantity.
    """

    con: duckdb.DuckDBPyConnection
    company: Company
    day: date
    end: date


def measure_and_write(
    name: str,
    says: str,
    measure: Callable[[Iterable[Place]], list[dict[str, Any]]],
    as_markdown: Callable[[dict[str, Any]], str],
) -> None:
    """Do what is asked on the command line: measure places, print and write `results/<name>.md` and `.json`.

    Args:
        name: Of the benchmark.
        says: What it is, for its help.
        measure: Places to what was found at each.
        as_markdown: The record (date, machine, places) as a page.
    """
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}", description=says)
    parser.add_argument("--home", type=Path, help="home of the demo company's run (default: home/bakehouse)")
    parser.add_argument("--on", nargs=4, action="append", default=[], metavar=("LABEL", "COMPANY", "HOME", "DAY"))
    given = parser.parse_args()
    found = measure(places(given.home, given.on))
    record = {"date": datetime.now(UTC).date().isoformat(), "machine": machine(), "places": found}
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    text = as_markdown(record)
    (RESULTS / f"{name}.md").write_text(text, encoding="utf-8")
    print(text)


def places(home: Path | None, others: list[list[str]]) -> list[Place]:
    """The demo company (where its run is) and others: each a label, a company file, a home and a day."""
    demo = Place("demo company", ROOT / "company.yaml", home or ROOT / "home" / "bakehouse")
    given = [Place(label, Path(file), Path(at), date.fromisoformat(day)) for label, file, at, day in others]
    return [place for place in (demo, *given) if (place.home / "warehouse.duckdb").is_file()]


def built_at_cut(place: Place, folder: Path, horizon: int) -> Cut:
    """Build a place as of its cut in a folder; `horizon` days after it are kept apart as what came later."""
    company = load_company(place.company)
    home = Home(folder / "home")
    home.create()
    shutil.copyfile(place.home / "warehouse.duckdb", home.warehouse)
    build_models(company, home, _LATER)
    with duckdb.connect(str(home.warehouse)) as con:
        con.execute("CREATE TABLE later AS SELECT * FROM intermediate.int_product_purchases")
        [(end,)] = con.sql("SELECT as_of_on FROM intermediate.int_as_of").fetchall()
    day = place.cut or end - timedelta(days=horizon)
    build_models(company.model_copy(update={"as_of": day.isoformat()}), home, _MODELS)
    with duckdb.connect(str(home.warehouse)) as con:
        con.execute("DELETE FROM later WHERE day <= ?", [day])
    con = duckdb.connect(str(home.warehouse), read_only=True)
    return Cut(con, company, day, end)


def build_models(company: Company, home: Home, models: tuple[str, ...]) -> None:
    """Build models, without their tests, in a home whose warehouse holds a run."""
    with duckdb.connect(str(home.warehouse)) as con:
        [(run_id,)] = con.sql("SELECT run_id FROM meta.run_context").fetchall()
        write_run_context(con, company, run_id, datetime.now(UTC))
    dbt = Dbt.of(company, home, engine_of(company, home), to_dbt_vars(catalogue_of(company)))
    dbt.build(["--select", *models, "--exclude-resource-type", "unit_test", "--exclude-resource-type", "test"])
