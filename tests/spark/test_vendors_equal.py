"""Every vendor's records on Spark and on DuckDB: the companies of the integration tests, put into one.

DuckDB loads them in a run of its own; Spark gets the same received and mapped records as tables and builds the rest.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import engine_runs
import pytest
import yaml
from side_by_side import Sides, built_tables

from benchmarks.equality import report
from orchestration.company_yaml import read_yaml
from orchestration.dbt import PHASES
from sources.vendors import VENDORS
from tests.rest_server import RestServer

sys.path.append(str(Path(__file__).resolve().parents[1] / "integration"))

import test_call_centre
import test_email
import test_shops
import test_web

# Four companies on two engines: for `make test-spark-all`.
pytestmark = pytest.mark.slow


def _below(folder: str, value: Any) -> Any:
    """A part of a company file with its paths below a folder."""
    if isinstance(value, dict):
        return {key: _below(folder, inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_below(folder, inner) for inner in value]
    return f"{folder}/{value}" if isinstance(value, str) and value.startswith("landing") else value


def _write_company(folder: Path, address: str) -> Path:
    """One company of all that the tests of the channels deliver, and that has landed."""
    parts = {
        "shops": test_shops.COMPANY.format(url=address),
        "email": test_email.COMPANY,
        "calls": test_call_centre.COMPANY,
        "web": test_web.COMPANY,
    }
    company: dict[str, Any] = {}
    sources: dict[str, Any] = {}
    for name, text in parts.items():
        (folder / "part.yaml").write_text(text, encoding="utf-8")
        company = dict(read_yaml(folder / "part.yaml").data)  # which knows `no` for a word
        for source, settings in company.pop("sources").items():
            own = {key: f"{name}_{settings[key]}" for key in ("accounts_of", "products_of") if key in settings}
            sources[f"{name}_{source}"] = _below(name, settings) | own
    (folder / "company.yaml").write_text(yaml.safe_dump(company | {"sources": sources}), encoding="utf-8")
    test_shops._deliver(folder / "shops" / "landing")
    fillers = {
        "grid": test_email.write_grid,
        "gun": test_email.write_gun,
        "mark": test_email.write_mark,
        "chimp": test_email.write_chimp,
    }
    for name, fill in fillers.items():
        fill(folder / "email" / "landing" / name)
    test_call_centre.first_delivery(folder / "calls")
    test_call_centre.second_delivery(folder / "calls")
    test_web.first_delivery(folder / "web" / "landing")
    test_web.second_delivery(folder / "web" / "landing")
    return folder / "company.yaml"


@pytest.fixture(scope="module")
def sides(spark: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sides]:
    """All tables built on Spark."""
    folder = tmp_path_factory.mktemp("vendors")
    with RestServer() as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROLLS_KEY", "ck_rolls")
        patch.setenv("ROLLS_SECRET", "cs_rolls")
        test_shops._serve(server)
        company = _write_company(folder, server.url)
        ended = engine_runs.run(company, folder / "home")
    assert ended.code == 0, ended.text
    both = Sides(spark, folder, company, folder / "home" / "warehouse.duckdb")
    assert set(both.dbt.variables["vendors"]) == set(VENDORS)
    both.copy_inputs()
    for phase in ("phase_received", *PHASES):
        both.build(f"tag:{phase}")
    yield both
    both.drop()


def test_every_table_is_the_same(sides: Sides) -> None:
    found = report(sides.compare(*built_tables(sides.dbt.manifest())))
    assert found["unequal"] == []
    assert found["tables"] >= 90
    assert found["differences"] == 0


def test_the_unit_tests_of_the_vendors_models_pass(sides: Sides) -> None:
    # One has JSON as text within JSON: dbt writes a test's input into Spark's SQL without its backslashes.
    sides.dbt.invoke(["test", "--select", "tag:phase_received,test_type:unit", "--exclude", "twilio_parts_of_calls"])
