"""Buyers whose numbers no model was made for: each has a defined result or a status with the reason, never NaN."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from helpers import Ended, Runs

from orchestration.home import Home

COMPANY = """\
company: {id: odd, name: Odd Buyers}
time_zone: Europe/Berlin
currency: EUR
country: DE
as_of: 2026-04-01
validity: {goal: 0.01}
identity: {probable: {enabled: false}}
charts: {enabled: true, png: false}
sources:
  shop:
    type: files
    channel: shop
    owner: shop@corner.example
    datasets:
      orders:
        path: orders.csv
        entities:
          - entity: orders
            columns:
              {order_id: no, account_id: who, ordered_at: at, gross_amount: gross, refund_amount: back, currency: money}
      lines:
        path: lines.csv
        entities:
          - entity: order_lines
            columns:
              {order_line_id: line, order_id: no, product_id: what, quantity: count, unit_price: price, currency: money}
      articles:
        path: articles.csv
        entities: [{entity: products, columns: {product_id: what, product_name: what, unit_cost: cost}}]
      rates:
        path: rates.csv
        entities: [{entity: exchange_rates, columns: {from_currency: c, to_currency: {constant: EUR}, day: d, rate: r}}]
"""
AS_OF = date(2026, 4, 1)

Order = tuple[str, date, float, float, str]


def ordinary() -> Iterator[Order]:
    """Sixty people who buy as people do: each with a rhythm of her own, some of whom have stopped."""
    for number in range(60):
        day, every = date(2023, 4, 1) + timedelta(days=11 * number), 9 + 7 * (number % 13)
        until = AS_OF - timedelta(days=300 if number % 4 == 0 else 0)
        while day < until:
            yield f"usual-{number:02d}", day, 8.0 + number % 5, 0.0, "EUR"
            day += timedelta(days=every + (day.day * 7 + number) % 11)


ODD: list[Order] = [
    ("giant", date(2026, 2, 1), 9_000_000_000.0, 0.0, "EUR"),
    ("giant-again", date(2025, 2, 1), 9_000_000_000.0, 0.0, "EUR"),
    ("giant-again", date(2026, 2, 1), 0.01, 0.0, "EUR"),
    ("refunded", date(2026, 1, 10), 50.0, 80.0, "EUR"),
    ("refunded", date(2026, 2, 10), 20.0, 20.0, "EUR"),
    ("from-tomorrow", date(2096, 1, 10), 30.0, 0.0, "EUR"),
    ("below-cost", date(2025, 11, 10), 4.0, 0.0, "EUR"),
    ("below-cost", date(2026, 1, 10), 4.0, 0.0, "EUR"),
    ("two-currencies", date(2025, 12, 1), 10.0, 0.0, "EUR"),
    ("two-currencies", date(2026, 1, 5), 10.0, 0.0, "CHF"),
    ("silent", date(2016, 3, 1), 25.0, 0.0, "EUR"),
    ("silent", date(2016, 3, 20), 25.0, 0.0, "EUR"),
    ("for-nothing", date(2026, 1, 5), 0.0, 0.0, "EUR"),
    ("all-today", AS_OF, 12.0, 0.0, "EUR"),
    ("once", date(2025, 5, 1), 12.0, 0.0, "EUR"),
    *[("one-day", date(2025, 8, 1), 5.0 + number, 0.0, "EUR") for number in range(40)],
]


@dataclass
class Shop:
    """A company after its run."""

    ended: Ended
    home: Home

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What the published copy answers."""
        with duckdb.connect(str(self.home.published_file), read_only=True) as con:
            return con.execute(query).fetchall()

    def numbers_that_are_none(self) -> list[str]:
        """Columns of the published copy that hold NaN or an infinity."""
        columns = self.rows(
            "SELECT table_name, column_name FROM information_schema.columns "
            "WHERE table_schema = 'marts' AND data_type IN ('DOUBLE', 'FLOAT')"
        )
        assert len(columns) > 40
        return [
            f"{table}.{column}"
            for table, column in columns
            if self.rows(f'SELECT count(*) FROM marts."{table}" WHERE NOT isfinite("{column}")') != [(0,)]
        ]

    def customer(self, account: str, *columns: str) -> dict[str, Any]:
        """Columns of `customer_value` of the one with this account."""
        query = (
            f"SELECT {', '.join(columns)} FROM marts.customer_value "
            f"JOIN marts.customer_contact_points USING (customer_id) WHERE kind = 'account' AND value LIKE '%{account}'"
        )
        (found,) = self.rows(query)
        return dict(zip(columns, found, strict=True))


def _write(folder: Path, orders: list[Order]) -> Path:
    folder.mkdir()
    (folder / "company.yaml").write_text(COMPANY, encoding="utf-8")

    def table(name: str, header: str, rows: list[tuple[object, ...]]) -> None:
        with (folder / name).open("w", encoding="utf-8", newline="") as out:
            csv.writer(out).writerows([header.split(), *rows])

    table(
        "orders.csv",
        "no who at gross back money",
        [
            (f"O{n}", who, f"{day} 10:{n % 60:02d}", f"{gross:.2f}", f"{back:.2f}", money)
            for n, (who, day, gross, back, money) in enumerate(orders)
        ],
    )
    table(
        "lines.csv",
        "line no what count price money",
        [
            (f"O{n}-1", f"O{n}", "dear" if who == "below-cost" else "bread", 1, f"{gross:.2f}", money)
            for n, (who, _, gross, _, money) in enumerate(orders)
        ],
    )
    table("articles.csv", "what cost", [("bread", "2.00"), ("dear", "9.00")])
    table("rates.csv", "c d r", [("CHF", "2026-01-05", "1.05")])
    return folder / "company.yaml"


def _run(runs: Runs, folder: Path, orders: list[Order]) -> Shop:
    company = _write(folder / "company", orders)
    home = Home(folder / "home")
    return Shop(runs.run("run", "--company", company, "--home", home.path), home)


@pytest.fixture(scope="module")
def shop(runs: Runs, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Ordinary buyers and odd ones among them."""
    return _run(runs, tmp_path_factory.mktemp("odd"), [*ordinary(), *ODD])


def test_odd_buyers_keep_no_run_from_its_end(shop: Shop) -> None:
    assert shop.ended.code == 0, shop.ended.text
    assert shop.numbers_that_are_none() == []
    assert (shop.home.path / "charts" / "value" / "index.html").is_file()


def test_everybody_has_a_forecast_or_a_reason(shop: Shop) -> None:
    statuses = shop.rows("SELECT lifetime_value_status, churn_status, count(*) FROM marts.customer_value GROUP BY ALL")
    assert all(lifetime and churn for lifetime, churn, _ in statuses)
    assert shop.rows(
        "SELECT count(*) FROM marts.customer_value WHERE lifetime_value_amount IS NULL OR expected_orders_12m IS NULL "
        "OR NOT expected_orders_12m_lower <= expected_orders_12m_upper "
        "OR NOT expected_revenue_12m_lower <= expected_revenue_12m_upper OR expected_revenue_12m_lower < 0"
    ) == [(0,)]


def test_money_that_is_odd_is_added_up_as_it_is(shop: Shop) -> None:
    money = ("revenue_amount", "margin_amount", "unprofitable_reason")
    found = {
        who: tuple(
            None if one is None else str(one).rstrip("0").rstrip(".") for one in shop.customer(who, *money).values()
        )
        for who in ("giant", "refunded", "below-cost", "two-currencies", "for-nothing")
    }
    assert found == {
        "giant": ("9000000000", "8999999998", None),
        "refunded": ("-30", "-34", "returns"),
        "below-cost": ("8", "-10", "cost_of_goods"),
        "two-currencies": ("20.5", "16.5", None),
        # Nobody says what an order without a price has cost.
        "for-nothing": ("0", None, None),
    }


def test_one_giant_order_does_not_carry_the_others_away(shop: Shop) -> None:
    (most,) = shop.rows(
        "SELECT max(expected_revenue_12m) FROM marts.customer_value JOIN marts.customer_contact_points "
        "USING (customer_id) WHERE kind = 'account' AND value LIKE '%usual-%'"
    )
    assert 0 < most[0] < 1000


def test_silence_of_ten_years_and_orders_of_one_day(shop: Shop) -> None:
    silent = shop.customer("silent", "recency_days", "frequency", "probability_alive", "expected_orders_12m")
    assert (silent["recency_days"], silent["frequency"]) == (3664, 1)
    assert silent["probability_alive"] < 0.01
    usual = shop.rows("SELECT median(expected_orders_12m) FROM marts.customer_value WHERE frequency > 1")
    assert silent["expected_orders_12m"] < usual[0][0] / 4
    one_day = shop.customer("one-day", "orders", "frequency", "recency_days")
    assert one_day == {"orders": 40, "frequency": 0, "recency_days": 243}
    assert shop.customer("all-today", "recency_days", "tenure_days") == {"recency_days": 0, "tenure_days": 0}


def test_odd_buyers_have_cohorts_and_journeys(shop: Shop) -> None:
    # Silent's is the only first order of March 2016: 121 months later it is April 2026, and no month is missing.
    assert shop.rows(
        "SELECT count(*), min(month_number), max(month_number), sum(active_customers), sum(orders), "
        "max(cumulative_revenue_amount), max(is_complete::INT) FILTER (month = '2026-04-01') "
        "FROM marts.cohort_retention WHERE cohort_month = '2016-03-01'"
    ) == [(122, 0, 121, 1, 2, 50, 0)]
    assert shop.rows(
        "SELECT max(orders), max(cumulative_revenue_amount) FROM marts.cohort_retention_by "
        "WHERE dimension = 'first_channel' AND cohort_month = '2025-08-01' AND month_number = 0"
    ) == shop.rows(
        "SELECT orders, revenue_amount FROM marts.cohort_retention "
        "WHERE cohort_month = '2025-08-01' AND month_number = 0"
    )
    # Orders are all that we know of anybody: each first order is the first contact, at once.
    assert shop.rows(
        "SELECT to_step, share, median_days, p75_days FROM marts.customer_journeys "
        "WHERE journey = 'all' AND channel = 'all' AND from_step = 'first_contact'"
    ) == [("first_order", 1, 0, 0)]
    assert shop.rows("SELECT path, share, conversion_rate FROM marts.journey_paths") == [("(none)", 1, 1)]
    assert shop.rows("SELECT count(*) FROM marts.leaving_reasons") == [(0,)]


def test_an_order_of_the_future_is_quarantined_and_its_buyer_kept_out_of_value(shop: Shop) -> None:
    reasons = shop.rows("SELECT reasons FROM marts.quarantined_records WHERE entity = 'orders'")
    assert ["orders_ordered_at_not_future" in words for (words,) in reasons] == [True]
    assert shop.rows("SELECT max(ordered_at) < TIMESTAMP '2026-04-02' FROM marts.fct_orders") == [(True,)]


def test_a_company_with_one_customer_says_that_it_has_too_few(runs: Runs, tmp_path: Path) -> None:
    one = _run(runs, tmp_path, [("anna", date(2026, 3, 1), 12.0, 0.0, "EUR")])
    assert one.ended.code == 0, one.ended.text
    assert one.numbers_that_are_none() == []
    known = one.customer("anna", "orders", "expected_orders_12m", "lifetime_value_status", "churn_status")
    assert known.pop("expected_orders_12m") >= 0
    assert known == {"orders": 1, "lifetime_value_status": "simple", "churn_status": "simple"}
    notes = dict(one.rows("SELECT model, note FROM marts.forecast_models WHERE parameter = 'status'"))
    assert (notes["orders"], notes["churn"]) == ("few_repeat_customers", "few_customers")


@pytest.mark.slow
@pytest.mark.parametrize("buyers", [0, 40], ids=["nobody", "all on one day"])
def test_companies_without_a_past(runs: Runs, tmp_path: Path, buyers: int) -> None:
    same_day = [(f"w{n}", date(2026, 3, 1), 12.0 + n, 0.0, "EUR") for n in range(buyers) for _ in range(1 + n % 3)]
    place = _run(runs, tmp_path, same_day)
    assert place.ended.code == 0, place.ended.text
    assert place.numbers_that_are_none() == []
    assert place.rows("SELECT count(*) FROM marts.customer_value") == [(buyers,)]
    assert place.rows("SELECT count(*) FROM marts.customer_value WHERE lifetime_value_status IS NULL") == [(0,)]
