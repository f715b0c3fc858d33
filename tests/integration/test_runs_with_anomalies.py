"""A shop whose last delivery lacks half of a day: it is told once, with its numbers, and held back is nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest
from helpers import Ended, regulars, without_event_log

from orchestration import pipeline
from orchestration.company import load_company
from orchestration.home import Home
from orchestration.report import RunReport

# Several whole runs: for `make test-all`.
pytestmark = pytest.mark.slow

COMPANY = """\
company: {id: corner, name: Corner Shop}
time_zone: Europe/Berlin
identity: {separates: [], probable: {enabled: false}}
charts: {enabled: false}
currency: EUR
country: DE
as_of: latest
sources:
  shop:
    type: files
    channel: shop
    owner: shop@corner.example
    datasets:
      orders:
        path: data/orders-*.csv
        entities:
          - entity: orders
            columns: {order_id: no, account_id: account, channel: channel, ordered_at: at, gross_amount: total}
"""
FIRST = date(2025, 9, 1)  # a Monday
BAD = 70


def _orders(number: int) -> list[str]:
    """A hundred and twenty orders of a day, every five minutes from half past eight, a third without an account."""
    day = FIRST + timedelta(days=number)
    return [
        f"{number}-{one},{f'K{one}' if one % 3 else ''},{'web' if one % 2 else 'store'},"
        f"{day:%Y-%m-%d} {8 + (one + 6) // 12:02d}:{(one + 6) % 12 * 5:02d}:00,{10 + one % 7}.50\n"
        for one in range(120)
    ]


def _deliver(folder: Path, name: str, orders: list[str]) -> None:
    (folder / "data").mkdir(exist_ok=True)
    text = "no,account,channel,at,total\n" + "".join(orders)
    (folder / "data" / f"orders-{name}.csv").write_text(text, encoding="utf-8")


@dataclass
class Shop:
    """The shop after three runs: ten weeks at once, the bad day, and a good day."""

    home: Home
    company: Path
    reports: list[RunReport]
    judged: list[tuple[date, date]]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("shop")
    company = folder / "company.yaml"
    company.write_text(COMPANY, encoding="utf-8")
    home = Home(folder / "home")
    # On the bad day every other order is missing, and hardly any of those that came has an account.
    bad = [",".join([one.split(",")[0], "", *one.split(",")[2:]]) for one in _orders(BAD)[1::2]]
    deliveries = [[one for number in range(BAD) for one in _orders(number)], bad, _orders(BAD + 1)]
    reports = []
    with without_event_log():
        for name, orders in enumerate(deliveries, start=1):
            _deliver(folder, str(name), orders)
            reports.append(pipeline.run(load_company(company), home))
    with duckdb.connect(str(home.warehouse), read_only=True) as con:
        judged = con.execute("SELECT first_day, last_day FROM anomalies.judged ORDER BY judged_at").fetchall()
    yield Shop(home, company, reports, judged)


def _cli(shop: Shop, *options: object) -> Ended:
    return regulars("sources", "anomalies", *options, "--company", shop.company, "--home", shop.home.path)


def test_every_run_is_published(shop: Shop) -> None:
    assert [report.outcome for report in shop.reports] == ["published"] * 3


def test_each_day_is_judged_once(shop: Shop) -> None:
    bad = FIRST + timedelta(days=BAD)
    assert shop.judged == [
        (bad - timedelta(days=7), bad - timedelta(days=1)),
        (bad, bad),
        (bad + timedelta(days=1), bad + timedelta(days=1)),
    ]


def test_the_bad_day_is_told_once_and_fails_nothing(shop: Shop) -> None:
    told = [[problem for problem in report.problems if "Unlike its past" in problem.what] for report in shop.reports]
    assert [len(problems) for problems in told] == [0, 1, 0]
    [problem] = told[1]
    assert (problem.source, problem.is_failure) == ("shop", False)
    assert "regulars sources anomalies shop" in problem.todo
    assert not shop.reports[1].has_failures


def test_readers_see_the_numbers(shop: Shop) -> None:
    with duckdb.connect(str(shop.home.published_file), read_only=True) as con:
        rows = con.execute(
            "SELECT kind, field, day, observed, expected, usual_from <= expected AND expected <= usual_to, "
            "records, is_new, p_value < level, run_id FROM marts.source_anomalies ORDER BY kind, field"
        ).fetchall()
    bad, run = FIRST + timedelta(days=BAD), shop.reports[1].run_id
    # Every other order has an odd number, and those are of the web: the mix of channels is found as well.
    of = {(kind, field): rest for kind, field, *rest in rows}
    assert of["volume", ""][:3] == [bad, 60, 120]
    assert of["null_share", "account_id"][:2] == [bad, 1.0]
    assert of["null_share", "account_id"][2] == pytest.approx(1 / 3, abs=0.01)
    assert {tuple(rest[3:]) for rest in of.values()} == {(True, 60, True, True, run)}


def test_the_command_line_shows_them_beside_what_is_usual(shop: Shop) -> None:
    shown = _cli(shop, "shop")
    assert shown.code == 0, shown.text
    for words in ("orders: volume", "orders: null share of account_id", "100.0 %", "only 60 records where 120 were"):
        assert words in shown.text
    listed = json.loads(_cli(shop, "--json").out)
    assert {row["source"] for row in listed} == {"shop"}
    assert _cli(shop, "desk").code == 1
