"""A source below its own goal is held back alone: the others go on, and it stands as it did before."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from helpers import regulars, without_event_log
from published_tables import records, rows

from orchestration.home import Home
from orchestration.report import RunReport

# Several whole runs: for `make test-all`.
pytestmark = pytest.mark.slow

COMPANY = """\
company: {id: two, name: Two Shops}
time_zone: UTC
identity: {separates: [], probable: {enabled: false}}
charts: {enabled: false}
currency: EUR
country: DE
as_of: 2026-03-31
validity:
  goal: 0.95
  judge_new_loads_from_records: 10
  sources:
    till: {goal: 0.97, below_goal: hold_back}
sources:
  web:
    type: files
    channel: shop
    owner: shop@two.example
    datasets:
      orders:
        path: web-*.csv
        entities:
          - entity: orders
            columns: {order_id: no, account_id: account, ordered_at: at, gross_amount: total, updated_at: changed}
  till:
    type: files
    channel: shop
    owner: shop@two.example
    datasets:
      orders:
        path: till-*.csv
        entities:
          - entity: orders
            columns: {order_id: no, account_id: account, ordered_at: at, gross_amount: total, updated_at: changed}
"""
HEADER = "no,account,at,total,changed\n"


def line(number: int, total: str, at: str = "2026-02-03 10:00:00", changed: str = "2026-02-03 10:00:00") -> str:
    return f"N{number},K{number % 5},{at},{total},{changed}\n"


@dataclass
class Step:
    """The company after a run."""

    report: RunReport
    out: str
    orders: dict[tuple[str, str], float]
    loads: dict[tuple[str, str], tuple[int, int, int, int, bool]]
    index: dict[tuple[str, str], float]
    held_in_scorecard: set[str | None]


def _step(folder: Path, home: Home) -> Step:
    with without_event_log():
        ended = regulars("run", "--company", folder / "company.yaml", "--home", home.path)
    report = home.read_status()
    assert report is not None, ended.text
    file = home.published_file
    orders = {(r["source"], r["order_id"]): float(r["gross_amount"]) for r in records(file, "FROM marts.fct_orders")}
    run_of = {report.run_id: "this"}
    loads = {
        (r["source"], run_of.get(r["load_id"], "before")): (
            r["received"], r["valid"], r["quarantined"], r["duplicates"], r["is_held_back"],
        )
        for r in records(file, "FROM marts.source_loads WHERE entity = 'orders'")
    }  # fmt: skip
    index = {
        (load_id, source): validity
        for load_id, source, validity in rows(
            file,
            "SELECT load_id, source, validity FROM marts.data_validity_index WHERE load_id IN ('all', 'used', 'new')",
        )
    }
    held = {value for (value,) in rows(file, "SELECT DISTINCT held_back_sources FROM marts.kpi_scorecard")}
    return Step(report, ended.text, orders, loads, index, held)


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> list[Step]:
    """Good deliveries; then the till's is bad; then it comes again, mended."""
    folder = tmp_path_factory.mktemp("two")
    home = Home(folder / "home")
    (folder / "company.yaml").write_text(COMPANY, encoding="utf-8")
    good = "".join(line(number, "10.00") for number in range(1, 21))
    (folder / "web-1.csv").write_text(HEADER + good, encoding="utf-8")
    (folder / "till-1.csv").write_text(HEADER + good, encoding="utf-8")
    found = [_step(folder, home)]

    (folder / "web-2.csv").write_text(HEADER + "".join(line(n, "11.00") for n in range(21, 41)), encoding="utf-8")
    # A correction of an order held already, a good new one, and 14 without a time.
    corrected = line(1, "12.00", changed="2026-02-05 10:00:00")
    broken = "".join(line(n, "11.00", at="noon") for n in range(50, 64))
    (folder / "till-2.csv").write_text(HEADER + corrected + line(49, "11.00") + broken, encoding="utf-8")
    found.append(_step(folder, home))

    mended = "".join(line(n, "11.00", changed="2026-02-06 10:00:00") for n in range(50, 64))
    (folder / "till-3.csv").write_text(HEADER + mended, encoding="utf-8")
    found.append(_step(folder, home))
    return found


def test_nothing_is_held_back_while_goals_are_reached(steps: list[Step]) -> None:
    first = steps[0]
    assert first.report.outcome == "published"
    assert len(first.orders) == 40
    assert first.held_in_scorecard == {None}
    assert first.index["all", "all"] == first.index["used", "all"] == 1.0


def test_the_others_go_on(steps: list[Step]) -> None:
    second = steps[1]
    assert second.report.outcome == "published"
    assert {key for key in second.orders if key[0] == "web"} == {("web", f"web:N{n}") for n in range(1, 41)}
    assert not second.report.has_failures


def test_the_source_stands_as_it_did_before(steps: list[Step]) -> None:
    first, second = steps[:2]
    before = {key: amount for key, amount in first.orders.items() if key[0] == "till"}
    assert {key: amount for key, amount in second.orders.items() if key[0] == "till"} == before
    assert before["till", "till:N1"] == 10.0


def test_every_record_of_it_is_counted_all_the_same(steps: list[Step]) -> None:
    """Received = valid + quarantined + duplicates; the correction makes the order of before a duplicate."""
    loads = steps[1].loads
    assert loads["till", "this"] == (16, 2, 14, 0, True)
    assert loads["till", "before"] == (20, 19, 0, 1, False)
    assert loads["web", "this"] == (20, 20, 0, 0, False)


def test_the_index_says_both(steps: list[Step]) -> None:
    """By hand: 14 orders of 35 + 40 fail one rule of weight 5; of what goes on, none fails any."""
    index = steps[1].index
    weights = 100 * (1 - index["all", "till"]) / (100 * 14 / 35)
    assert index["all", "all"] == pytest.approx(1 - weights * 14 / 75, abs=1e-9)
    assert index["used", "all"] == 1.0
    # The new loads are judged without what is held back.
    assert index["new", "all"] == 1.0
    assert index["new", "till"] < 0.97


def test_the_scorecard_and_the_run_say_so(steps: list[Step]) -> None:
    second = steps[1]
    assert second.held_in_scorecard == {"till"}
    (notice,) = [problem for problem in second.report.problems if problem.source == "till"]
    assert "held back" in notice.what
    assert "regulars validity --source till" in notice.todo
    assert "held back" in second.out
    assert any("till is held back" in message for message in second.report.gate.messages)


def test_it_goes_on_when_it_is_mended(steps: list[Step]) -> None:
    third = steps[2]
    assert third.held_in_scorecard == {None}
    assert third.orders["till", "till:N1"] == 12.0
    assert {key for key in third.orders if key[0] == "till"} == {
        ("till", f"till:N{n}") for n in (*range(1, 21), 49, *range(50, 64))
    }
    assert third.index["used", "all"] == third.index["all", "all"] == 1.0


def test_the_history_keeps_what_was_measured(steps: list[Step], tmp_path: Path) -> None:
    home = Path(str(steps[2].report.published_path)).parents[1]
    found = rows(
        home / "published" / "regulars.duckdb",
        "SELECT source, list(validity ORDER BY measured_at), list(passed) FROM marts.data_validity_history "
        "WHERE rule = 'all' GROUP BY source ORDER BY source",
    )
    by_source = {source: validity for source, validity, _ in found}
    assert by_source["web"] == [1.0, 1.0, 1.0]
    assert by_source["till"] == [1.0, steps[1].index["all", "till"], 1.0]
    rules = rows(
        home / "published" / "regulars.duckdb",
        "SELECT failed_records FROM marts.data_validity_history WHERE source = 'till' "
        "AND rule = 'orders_ordered_at_readable' ORDER BY measured_at",
    )
    assert rules == [(0,), (14,), (0,)]


def test_regulars_validity_shows_it(steps: list[Step]) -> None:
    home = Path(str(steps[2].report.published_path)).parents[1]
    ended = regulars("validity", "--home", home, "--company", home.parent / "company.yaml", "--json")
    found = json.loads(ended.out)
    (till,) = [one for one in found["sources"] if one["source"] == "till"]
    assert (till["goal"], till["below_goal"], till["is_held_back"]) == (0.97, "hold_back", False)
    assert till["trend"] == [1.0, steps[1].index["all", "till"], 1.0]
    shown = regulars("validity", "--home", home, "--company", home.parent / "company.yaml", "--loads")
    assert shown.code == 0
    assert "below its own goal holds it back" in shown.text
