"""A small company, its home, and a published copy made by hand."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from orchestration.home import Home

COMPANY = """\
company: {id: bakehouse, name: Bakehouse}
time_zone: Europe/Berlin
currency: EUR
country: DE
as_of: 2026-01-31
validity: {goal: 0.9}
sources:
  shop:
    type: files
    channel: shop
    owner: shop@bakehouse.example
    datasets:
      orders:
        path: data/orders-*.csv
        entities:
          - entity: orders
            columns:
              order_id: No
              email: Mail
              ordered_at: {column: Date, format: "%d.%m.%Y"}
"""


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the machine that runs the tests reaches them."""
    for name in ("REGULARS_HOME", "REGULARS_COMPANY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("NO_COLOR", "1")


@pytest.fixture
def write_company(tmp_path: Path) -> Callable[..., Path]:
    """Writes a company file, with pieces of the text replaced: `write_company(("EUR", "EURO"))`."""

    def write(*changes: tuple[str, str], text: str = COMPANY) -> Path:
        for old, new in changes:
            assert old in text, f"{old!r} is not in the company file of the tests"
            text = text.replace(old, new)
        path = tmp_path / "company.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def data_files(tmp_path: Path) -> Path:
    """The files that the small company names."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "orders-1.csv").write_text("No,Mail,Date\n1,a@example.org,31.01.2026\n", encoding="utf-8")
    (folder / "orders-2.csv").write_text("No,Mail,Date\n2,b@example.org,30.01.2026\n", encoding="utf-8")
    return folder


PUBLISHED = """
CREATE SCHEMA marts;
CREATE TABLE marts.publication AS SELECT 'run-1' AS run_id, TIMESTAMP '2026-01-31 05:00' AS published_at,
    TIMESTAMP '2026-01-31 00:00' AS as_of, '1' AS version;
CREATE TABLE marts.dim_customers AS SELECT * FROM (VALUES
    ('c-1', 'Anna Berg', 'anna@example.org', '+4930901820', 'Berlin', 2, 3, true, false, NULL, 'active',
     TIMESTAMP '2025-01-02 10:00', TIMESTAMP '2026-01-30 10:00'),
    ('c-2', 'Bo Lind', 'bo@example.org', '+4930901821', 'Bonn', 1, 1, NULL, NULL, NULL, 'lapsed',
     TIMESTAMP '2024-01-02 10:00', TIMESTAMP '2024-01-30 10:00')
) AS rows (customer_id, display_name, primary_email, primary_phone, city, source_count, record_count, email_consent,
    sms_consent, phone_consent, lifecycle_stage, first_seen_at, last_seen_at);
CREATE TABLE marts.customer_records AS SELECT * FROM (VALUES
    ('shop', 'account:17', 'c-1', 'exact', 1.0, 'same e-mail address as till record T9'),
    ('tills', 'card:880011', 'c-1', 'exact', 1.0, 'same e-mail address as shop account 17')
) AS rows (source, source_record_id, customer_id, match_method, match_probability, match_reason);
CREATE TABLE marts.customer_id_changes AS SELECT * FROM (VALUES
    (TIMESTAMP '2025-05-01', 'merged', 'c-0', 'c-00', 'same phone'),
    (TIMESTAMP '2025-06-01', 'merged', 'c-00', 'c-1', 'same e-mail address'),
    (TIMESTAMP '2025-07-01', 'split', 'c-9', 'c-1', 'two people at one address'),
    (TIMESTAMP '2025-07-01', 'split', 'c-9', 'c-2', 'two people at one address')
) AS rows (changed_at, change, old_customer_id, new_customer_id, reason);
CREATE TABLE marts.customer_contact_points AS SELECT * FROM (VALUES
    ('c-1', 'email', 'anna@example.org', 'shop', true), ('c-1', 'email', 'anna.old@example.org', 'shop', false),
    ('c-1', 'phone', '+4930901820', 'phone', true), ('c-1', 'loyalty_card', '880011', 'tills', true),
    ('c-2', 'email', 'bo@example.org', 'shop', true), ('c-1', 'phone', '+4930555', 'shop', false),
    ('c-2', 'phone', '+4930555', 'shop', false)
) AS rows (customer_id, kind, value, source, is_primary);
CREATE TABLE marts.customer_value AS SELECT 'c-1' AS customer_id, 7::BIGINT AS orders,
    1210.5::DECIMAL(18, 4) AS revenue_amount, 0.875::DOUBLE AS probability_alive;
CREATE TABLE marts.customer_segments AS SELECT 'c-1' AS customer_id, 'gold' AS value_segment, true AS is_key_customer;
CREATE TABLE marts.fct_touchpoints AS SELECT 't-' || n AS touchpoint_id, 'c-1' AS customer_id,
    TIMESTAMP '2026-01-01 08:00' + to_days(n::INTEGER) AS occurred_at, 'email' AS channel, 'open' AS kind,
    'in' AS direction
    FROM range(20) AS numbers (n);
CREATE TABLE marts.kpi_scorecard AS SELECT 'repeat_rate' AS goal_id, 'Customers who come back' AS goal_name,
    0.30::DOUBLE AS target, 0.36::DOUBLE AS actual, 1.2::DOUBLE AS attainment, 'met' AS status;
"""


@pytest.fixture
def published_home(tmp_path: Path) -> Home:
    """A home with a published copy of two customers, and no warehouse."""
    home = Home(tmp_path / "home").create()
    with duckdb.connect(str(home.published_file)) as con:
        con.execute(PUBLISHED)
    return home


@pytest.fixture
def is_root() -> bool:
    """Whether permissions stop nobody here."""
    return hasattr(os, "geteuid") and os.geteuid() == 0
