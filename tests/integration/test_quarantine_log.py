"""What leaves quarantine, when and why, in dbt on a temporary warehouse; nothing twice, nothing lost."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from test_staging import RULES, Warehouse, failures, new_warehouse

from expectations.catalogue import load_rules, to_dbt_vars

__all__ = ["new_warehouse"]

LOOKING = [one for one in to_dbt_vars(load_rules()) if one["dimension"] == "reference"]
Row = dict[str, str | None]
# What these tests change; the rest is built by the first run.
TOUCHED = "stg_all__orders stg_all__customers source_loads quarantine_log quarantined_records"


@pytest.fixture
def warehouse(new_warehouse: Callable[[], Warehouse]) -> Warehouse:
    made = new_warehouse()
    made.vars = {"rules": RULES}
    return made


def order(number: int, **more: str | None) -> Row:
    return {"order_id": f"o{number}", "ordered_at": "2026-01-10T10:00:00Z", "gross_amount": "10", **more}


def run(warehouse: Warehouse, number: int, *args: str, tests: bool = False) -> None:
    """One run's staging phase: run n starts on 2026-02-n."""
    with warehouse.connect() as con:
        con.execute("UPDATE meta.run_context SET run_id = ?, started_at = ?", [f"run-{number}", at(number)])
    warehouse.stage(*args, select="tag:phase_staging" if number == 1 or args else TOUCHED, tests=tests)
    assert balanced(warehouse)


def at(number: int) -> datetime:
    return datetime.fromisoformat(f"2026-02-{number:02d} 06:00")


def balanced(warehouse: Warehouse) -> bool:
    """Received = valid + quarantined + duplicates, and quarantine holds what the loads count."""
    [(unequal,)] = warehouse.rows(
        "SELECT count(*) FROM marts.source_loads WHERE received <> valid + quarantined + duplicates"
    )
    held = warehouse.rows(
        "SELECT load_id, source, entity, count(*) FROM marts.quarantined_records WHERE released_at IS NULL "
        "GROUP BY ALL ORDER BY ALL"
    )
    counted = warehouse.rows(
        "SELECT load_id, source, entity, quarantined FROM marts.source_loads WHERE quarantined > 0 ORDER BY ALL"
    )
    return unequal == 0 and held == counted


def events(warehouse: Warehouse) -> list[tuple[Any, ...]]:
    return warehouse.rows(
        "SELECT record_id, event_number, event, reasons, release_reason, run_id "
        "FROM quality.quarantine_log ORDER BY record_id, event_number"
    )


def records(warehouse: Warehouse) -> list[tuple[Any, ...]]:
    return warehouse.rows(
        "SELECT record_id, reasons, quarantined_at, released_at, release_reason, released_by_run "
        "FROM marts.quarantined_records ORDER BY record_id"
    )


def mended(sql: str) -> list[dict[str, Any]]:
    """The rules, with another wording of gross_readable."""
    return [{**one, "sql": sql} if one["id"] == "gross_readable" else one for one in RULES]


FIRST_LOADED = datetime.fromisoformat("2026-01-01")
HAPPENS = ("quarantined", "changed", "released")


def test_all_reasons_the_words_and_the_record_as_it_came(warehouse: Warehouse) -> None:
    nasty = 'He said "no",\nthen =cmd()\t\u202eleft\x01'
    warehouse.load(
        "orders", "load-1", [{"gross_amount": "ten", "store_id": nasty, "status": "lost"}, order(2, status="paid")]
    )
    run(warehouse, 1, tests=True)
    [row] = warehouse.rows(
        "SELECT source, entity, record_id, load_id, reasons, reasons_text, other_failed_rules, raw, quarantined_at, "
        "released_at, dataset, row_number FROM marts.quarantined_records"
    )
    [(raw,)] = warehouse.rows("SELECT raw FROM mapped.raw_json WHERE row_number = 1")
    assert row == (
        "shop", "orders", "batch of load-1|1", "load-1", "order_id_present, gross_readable",
        "It's a rule about order_id. It's a rule about gross_amount.", "status_known", raw, FIRST_LOADED, None,
        "export", 1,
    )  # fmt: skip
    assert json.loads(raw)["store_id"] == nasty


def test_a_mended_rule_releases_once_and_a_broken_one_sets_aside_again(warehouse: Warehouse) -> None:
    warehouse.load("orders", "load-1", [order(1, gross_amount="ten"), order(2, order_id=None, gross_amount="ten")])
    run(warehouse, 1)
    run(warehouse, 2)  # nothing changed
    held = [
        ("batch of load-1|2", 1, "quarantined", "order_id_present, gross_readable", None, "run-1"),
        ("o1", 1, "quarantined", "gross_readable", None, "run-1"),
    ]
    assert events(warehouse) == held

    warehouse.vars = {"rules": mended("gross_amount_text <> 'eleven'")}
    run(warehouse, 3, tests=True)
    released = [
        ("batch of load-1|2", 2, "changed", "order_id_present", None, "run-3"),
        ("o1", 2, "released", "gross_readable", "rule_changed", "run-3"),
    ]
    assert events(warehouse) == sorted(held + released)
    assert records(warehouse) == [
        ("batch of load-1|2", "order_id_present", FIRST_LOADED, None, None, None),
        ("o1", "gross_readable", FIRST_LOADED, at(3), "rule_changed", "run-3"),
    ]
    run(warehouse, 4)
    run(warehouse, 5, "--full-refresh")  # everything else is made anew
    assert events(warehouse) == sorted(held + released)

    warehouse.vars = {"rules": RULES}
    run(warehouse, 6, tests=True)
    again = [
        ("batch of load-1|2", 3, "changed", "order_id_present, gross_readable", None, "run-6"),
        ("o1", 3, "quarantined", "gross_readable", None, "run-6"),
    ]
    assert events(warehouse) == sorted(held + released + again)
    # One row for the record, held again, since the run that turned against it.
    assert records(warehouse) == [
        ("batch of load-1|2", "order_id_present, gross_readable", FIRST_LOADED, None, None, None),
        ("o1", "gross_readable", at(6), None, None, None),
    ]


def test_a_rule_that_only_warns_now_releases(warehouse: Warehouse) -> None:
    warehouse.load("orders", "load-1", [order(1, gross_amount="ten")])
    run(warehouse, 1)
    warehouse.vars = {
        "rules": [{**one, "severity": "warning"} if one["id"] == "gross_readable" else one for one in RULES]
    }
    run(warehouse, 2)
    assert records(warehouse) == [("o1", "gross_readable", FIRST_LOADED, at(2), "rule_changed", "run-2")]


def test_a_corrected_version_releases(warehouse: Warehouse) -> None:
    warehouse.load("orders", "load-1", [order(1, gross_amount="ten"), order(2, gross_amount="ten")])
    run(warehouse, 1)
    warehouse.load("orders", "load-2", [order(1), order(2, gross_amount="eleven")], day=2)
    run(warehouse, 2, tests=True)
    # The second version of o2 is as wrong as the first: it is the one held now.
    assert records(warehouse) == [
        ("o1", "gross_readable", FIRST_LOADED, at(2), "corrected_version", "run-2"),
        ("o2", "gross_readable", FIRST_LOADED, None, None, None),
    ]
    assert warehouse.rows(
        "SELECT load_id, raw LIKE '%eleven%' FROM marts.quarantined_records WHERE record_id = 'o2'"
    ) == [("load-2", True)]
    assert [one[2] for one in events(warehouse)] == ["quarantined", "released", "quarantined", "changed"]


def test_a_mended_mapping_releases(warehouse: Warehouse) -> None:
    warehouse.load("orders", "load-1", [order(1, gross_amount="1.234,5"), order(2, gross_amount="ten")])
    run(warehouse, 1)
    with warehouse.connect() as con:
        con.execute(
            "CREATE OR REPLACE VIEW mapped.orders AS SELECT * REPLACE "
            "(replace(replace(gross_amount, '.', ''), ',', '.') AS gross_amount) FROM raw.orders"
        )
    run(warehouse, 2, tests=True)
    assert records(warehouse) == [
        ("o1", "gross_readable", FIRST_LOADED, at(2), "mapping_changed", "run-2"),
        ("o2", "gross_readable", FIRST_LOADED, None, None, None),
    ]


def test_records_that_get_an_id_or_another_one(warehouse: Warehouse) -> None:
    """Another column becomes the key: what was known by its place has a name now."""
    rows = [order(1, order_id=None, store_id="s1"), order(2, order_id=None, gross_amount="ten", store_id="s2")]
    warehouse.load("orders", "load-1", rows)
    run(warehouse, 1)
    with warehouse.connect() as con:
        con.execute("CREATE OR REPLACE VIEW mapped.orders AS SELECT * REPLACE (store_id AS order_id) FROM raw.orders")
    run(warehouse, 2, tests=True)
    assert [one[:5] for one in events(warehouse)] == [
        ("batch of load-1|1", 1, "quarantined", "order_id_present", None),
        ("batch of load-1|1", 2, "released", "order_id_present", "mapping_changed"),
        ("batch of load-1|2", 1, "quarantined", "order_id_present, gross_readable", None),
        ("batch of load-1|2", 2, "renamed", "order_id_present, gross_readable", None),
        ("s2", 1, "quarantined", "gross_readable", None),
    ]
    # What is set aside under another id is not released.
    assert [one[:2] for one in records(warehouse)] == [
        ("batch of load-1|1", "order_id_present"), ("s2", "gross_readable"),
    ]  # fmt: skip

    with warehouse.connect() as con:
        con.execute("CREATE OR REPLACE VIEW mapped.orders AS SELECT * FROM raw.orders WHERE false")
        con.execute("DROP VIEW mapped.raw_json")
        con.execute("CREATE VIEW mapped.raw_json AS SELECT '' source, '' dataset, '' batch_id, 0 row_number, '' raw "
                    "WHERE false")  # fmt: skip
    run(warehouse, 3, tests=True)
    assert events(warehouse)[-1][:4] == ("s2", 2, "withdrawn", "gross_readable")
    assert records(warehouse) == []


def test_the_record_it_waited_for_arrives(warehouse: Warehouse) -> None:
    warehouse.vars = {"rules": [*RULES, *LOOKING], "namespaces": {"customers": ["shop"], "products": ["shop"]}}
    warehouse.load("customers", "load-1", [{"account_id": "k1"}])
    warehouse.load("orders", "load-1b", [order(1, account_id="k2"), order(2, account_id="k3", gross_amount="ten")])
    run(warehouse, 1)
    warehouse.load("customers", "load-2", [{"account_id": "k2"}, {"account_id": "k3"}], day=2)
    run(warehouse, 2, tests=True)
    assert records(warehouse) == [
        ("o1", "orders_account_received", FIRST_LOADED, at(2), "awaited_record", "run-2"),
        ("o2", "gross_readable", FIRST_LOADED, None, None, None),
    ]


def test_a_log_that_was_cut_off_is_completed(warehouse: Warehouse) -> None:
    """Of the events of a run some are there and some are not: what a killed write leaves where files are committed."""
    warehouse.load("orders", "load-1", [order(number, gross_amount="ten") for number in range(6)])
    run(warehouse, 1)
    warehouse.vars = {"rules": mended("gross_amount_text <> 'eleven'")}
    run(warehouse, 2)
    whole = events(warehouse)
    assert len(whole) == 12
    with warehouse.connect() as con:
        con.execute("DELETE FROM quality.quarantine_log WHERE event_number = 2 AND record_id IN ('o1', 'o4')")
    run(warehouse, 2)
    assert events(warehouse) == whole


def test_one_that_is_missing_in_quarantine_is_found(warehouse: Warehouse) -> None:
    warehouse.load("orders", "load-1", [order(1, gross_amount="ten")])
    run(warehouse, 1)
    with warehouse.connect() as con:
        con.execute("DELETE FROM marts.quarantined_records")
    outcome = warehouse.dbt("test", "--select", "assert_quarantine_is_what_loads_say")
    assert not outcome.success
    assert [one.split(":")[0] for one in failures(outcome)] == ["assert_quarantine_is_what_loads_say"]


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (2, 4))])
def test_whatever_happens_the_books_balance(warehouse: Warehouse, seed: int) -> None:
    """Random deliveries, rules and mappings; after each run the log says what staging says."""
    chance = random.Random(f"quarantine {seed}")
    last: list[tuple[Any, ...]] = []
    held: set[str] = set()
    for number in range(1, 6):
        rows = [order(chance.randrange(8), gross_amount=chance.choice(["1", "ten", "2,5"])) for _ in range(5)]
        rows += [order(9, order_id=None, gross_amount=chance.choice(["1", "2,5"]))]
        warehouse.load("orders", f"load-{number}", rows, day=number)
        warehouse.vars = {"rules": chance.choice([RULES, mended("gross_amount_text <> 'eleven'")])}
        with warehouse.connect() as con:
            mapping = chance.choice(["gross_amount", "replace(gross_amount, ',', '.')"])
            con.execute(f"CREATE OR REPLACE VIEW mapped.orders AS SELECT * REPLACE ({mapping} AS gross_amount) "
                        "FROM raw.orders")  # fmt: skip
        run(warehouse, number)
        now = events(warehouse)
        holds = {
            one
            for (one,) in warehouse.rows(
                "SELECT coalesce(order_id, record_key) FROM staging.stg_all__orders WHERE record_status = 'quarantined'"
            )
        }
        of_this_run = {
            kind: {one[0] for one in now if one[2] == kind and one[5] == f"run-{number}"} for kind in HAPPENS
        }
        assert of_this_run["released"] == held - holds
        assert of_this_run["quarantined"] == holds - held
        assert of_this_run["changed"] <= holds & held
        assert set(last) <= set(now), "no event is ever lost or changed"
        run(warehouse, number)
        assert events(warehouse) == now, "the same run again adds nothing"
        last, held = now, holds
    assert {one[2] for one in last} == set(HAPPENS)
