"""A published e-mail experiment, from its file to the marts: what they say equals what scipy says of the raw file."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from scipy.stats import chi2_contingency, chisquare, ttest_ind
from typer.testing import CliRunner

from orchestration import pipeline
from orchestration.cli import app
from orchestration.company import load_company
from orchestration.home import Home
from orchestration.published import open_published

# A run on data that only some have, and longer than most: for `make test-all`.
pytestmark = pytest.mark.slow

# The file says "within two weeks" and no day: any day within the window does.
COMPANY = """
company: {{id: hillstrom, name: Hillstrom}}
time_zone: UTC
currency: USD
country: US
as_of: 2008-04-30
charts: {{enabled: false}}
validity: {{goal: 0.5}}
experiments:
  - {{id: "mail:spring", name: Spring mailing, outcomes: [visited, converted, revenue]}}
sources:
  mail:
    type: files
    channel: email
    owner: mail@hillstrom.example
    datasets:
      experiment:
        path: {file}
        entities:
          - entity: customers
            columns: {{account_id: row_id, region: zip_code}}
          - entity: experiment_assignments
            columns:
              assignment_id: row_id
              experiment_id: {{constant: spring}}
              arm: segment
              account_id: row_id
              assigned_at: {{constant: "2008-03-06 09:00"}}
          - entity: web_events
            where: {{column: visit, equals: "1"}}
            columns:
              event_id: row_id
              visitor_id: row_id
              account_id: row_id
              event: {{constant: page_view}}
              occurred_at: {{constant: "2008-03-10 12:00"}}
              page_url: {{constant: "https://shop.example/"}}
          - entity: orders
            where: {{column: conversion, equals: "1"}}
            columns:
              order_id: row_id
              account_id: row_id
              ordered_at: {{constant: "2008-03-10 12:05"}}
              channel: {{constant: web}}
              status: {{constant: completed}}
              gross_amount: spend
"""


@pytest.fixture(scope="module")
def published(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The published file of one run; its company file stands beside the home."""
    folder = tmp_path_factory.mktemp("hillstrom")
    file = shared_data / "email" / "hillstrom" / "hillstrom_dev.csv"
    (folder / "company.yaml").write_text(COMPANY.format(file=file), encoding="utf-8")
    company = load_company(folder / "company.yaml")
    home = Home.locate(company.id, folder / "home")
    report = pipeline.run(company, home)
    assert report.outcome == "published"
    return home.published_file


def rows(file: Path, table: str) -> list[dict[str, Any]]:
    with open_published(file) as found:
        return found.rows(table, order="experiment_id, arm")


def test_every_customer_is_compared_in_the_arm_of_the_file(published: Path, shared_data: Path) -> None:
    raw = pl.read_csv(shared_data / "email" / "hillstrom" / "hillstrom_dev.csv", infer_schema_length=None)
    arms = {row["arm"]: row for row in rows(published, "experiment_arms")}
    sizes = dict(raw.group_by("segment").len().iter_rows())
    assert {name: (arm["assignments"], arm["customers"]) for name, arm in arms.items()} == {
        name: (size, size) for name, size in sizes.items()
    }
    assert [name for name, arm in arms.items() if arm["is_control"]] == ["No E-Mail"]
    assert arms["No E-Mail"]["role"] == "holdout"
    assert {arm["sample_ratio"] for arm in arms.values()} == {"as planned"}
    theirs = chisquare(list(sizes.values())).pvalue
    assert arms["No E-Mail"]["sample_ratio_p_value"] == pytest.approx(theirs, rel=1e-9)


def test_uplifts_are_those_of_scipy_on_the_raw_file(published: Path, shared_data: Path) -> None:
    raw = pl.read_csv(shared_data / "email" / "hillstrom" / "hillstrom_dev.csv", infer_schema_length=None)
    found = {(row["arm"], row["outcome"]): row for row in rows(published, "experiment_results")}
    columns = {"visited": "visit", "converted": "conversion", "revenue": "spend"}
    assert set(found) == set(product(("Mens E-Mail", "Womens E-Mail", "No E-Mail"), columns))
    for arm, (outcome, column) in product(("Mens E-Mail", "Womens E-Mail"), columns.items()):
        one, other = (
            raw.filter(pl.col("segment") == name)[column].cast(pl.Float64).to_numpy() for name in (arm, "No E-Mail")
        )
        row = found[arm, outcome]
        assert row["mean"] == pytest.approx(one.mean(), rel=1e-9)
        assert row["difference"] == pytest.approx(one.mean() - other.mean(), rel=1e-9)
        assert row["uplift"] == pytest.approx(one.mean() / other.mean() - 1, rel=1e-9)
        assert row["comparisons"] == 6
        if outcome == "revenue":
            theirs = ttest_ind(one, other, equal_var=False)
            assert row["p_value"] == pytest.approx(theirs.pvalue, rel=1e-8)
            for names, level in (("difference", 0.95), ("adjusted", 1 - 0.05 / 6)):
                bounds = row[f"{names}_lower"], row[f"{names}_upper"]
                assert bounds == pytest.approx(tuple(theirs.confidence_interval(level)), rel=1e-8)
            assert float(row["total_amount"]) == pytest.approx(one.sum(), abs=5e-5)
        else:
            table = [[part.sum(), (1 - part).sum()] for part in (one, other)]
            p_value = chi2_contingency(table, correction=False).pvalue
            assert row["p_value"] == pytest.approx(p_value, rel=1e-8)
            assert row["adjusted_p_value"] == pytest.approx(min(1, 6 * p_value), rel=1e-8)
            assert (row["adjusted_lower"] > 0) == (6 * p_value < 0.05)
    assert {key: row["verdict"] for key, row in found.items() if key[0] != "No E-Mail"} == {
        ("Mens E-Mail", "visited"): "shown: better",
        ("Mens E-Mail", "converted"): "shown: better",
        ("Mens E-Mail", "revenue"): "shown: better",
        ("Womens E-Mail", "visited"): "shown: better",
        ("Womens E-Mail", "converted"): "not shown",
        ("Womens E-Mail", "revenue"): "shown: better",
    }


def test_the_command_shows_it(published: Path) -> None:
    folder = published.parents[2]
    arguments = ["experiments", "spring", "--company", str(folder / "company.yaml"), "--home", str(folder / "home")]
    shown = CliRunner().invoke(app, arguments, env={"COLUMNS": "200"}).output
    assert "Spring mailing" in shown
    assert "+7.50 points" in shown
    assert "not shown" in shown
