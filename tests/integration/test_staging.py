"""The staging phase of dbt on a temporary warehouse: nothing is lost, nothing is guessed, order does not matter."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import duckdb
import pytest

from expectations.kinds import KINDS
from sources.entities import ENTITIES

PROJECT = Path(__file__).resolve().parents[2] / "dbt_project"

COLUMNS = {name: " ".join(entity.columns) for name, entity in ENTITIES.items()}
TECHNICAL = (
    "_source _channel _dataset _batch_id _load_id _time_zone _currency _country _accounts_of _products_of "
    "_reject_reason"
)


def rule(name: str, entity: str, field: str, sql: str, severity: str = "record", weight: float = 1) -> dict[str, Any]:
    return {
        "id": name, "entity": entity, "field": field, "dimension": "format", "weight": weight, "severity": severity,
        "sql": sql, "mostly": 0.9, "says": f"It's a rule about {field}.",
    }  # fmt: skip


RULES = [
    *(rule(f"{entity}_readable", entity, "record", "reject_reason is null") for entity in COLUMNS),
    rule("order_id_present", "orders", "order_id", "order_id is not null", weight=2),
    rule("gross_readable", "orders", "gross_amount", "gross_amount_text is null or gross_amount is not null"),
    rule("gross_not_negative", "orders", "gross_amount", "gross_amount >= 0", severity="field"),
    rule("status_known", "orders", "status", "status in ('paid', 'open')", severity="warning"),
]

# A test waits for all that it reads, as in a run: some of it may belong to a later phase.
BUILD = ("build", "--exclude-resource-type", "unit_test", "--indirect-selection", "buildable")


def failures(outcome: Any) -> list[str]:
    """The nodes that failed, each with what dbt said of it."""
    return [
        f"{r.node.name}: {r.message}" for r in outcome.result or [] if r.status in ("error", "fail", "runtime error")
    ]


class Warehouse:
    """A temporary warehouse in which the entities are mapped from tables of the same columns, and dbt on it."""

    # What dbt parsed, by vars: parsing takes longer than building these few rows.
    _manifests: ClassVar[dict[str, Any]] = {}

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path = folder / "warehouse.duckdb"
        self._artifacts = folder / "dbt"
        self.vars: dict[str, Any] = {"rules": RULES}
        self._monkeypatch = monkeypatch
        with self.connect() as con:
            for schema in ("raw", "mapped", "ledger", "meta", "quality", "reference"):
                con.execute(f"CREATE SCHEMA {schema}")
            columns = "from_currency VARCHAR, to_currency VARCHAR, valid_from DATE, rate DECIMAL(18, 8)"
            con.execute(f"CREATE TABLE reference.exchange_rates ({columns})")
            for entity, columns in COLUMNS.items():
                texts = ", ".join(f"{column} VARCHAR" for column in f"{columns} {TECHNICAL}".split())
                con.execute(f"CREATE TABLE raw.{entity} ({texts}, _row BIGINT, _loaded_at TIMESTAMP)")
                con.execute(f"CREATE VIEW mapped.{entity} AS SELECT * FROM raw.{entity}")
            con.execute(
                "CREATE VIEW mapped.raw_json AS "
                + " UNION ALL ".join(
                    f"SELECT _source AS source, _dataset AS dataset, _batch_id AS batch_id, _row AS row_number, "
                    f"CAST(to_json(t) AS VARCHAR) AS raw FROM raw.{entity} AS t"
                    for entity in COLUMNS
                )
            )
            con.execute("CREATE TABLE ledger.batches (batch_id VARCHAR)")
            con.execute("CREATE TABLE ledger.loads (load_id VARCHAR, source VARCHAR, started_at TIMESTAMP, "
                        "finished_at TIMESTAMP)")  # fmt: skip
            con.execute(
                "CREATE TABLE meta.run_context AS SELECT 'run' AS run_id, TIMESTAMP '2026-01-31 06:00' AS started_at, "
                "'EUR' AS currency, 'UTC' AS time_zone"
            )
            con.execute("CREATE TABLE meta.gate_passes (load_id VARCHAR, source VARCHAR, passed_at TIMESTAMP)")
            for kind in KINDS.values():
                columns = ", ".join(f"{column} {sql_type}" for column, sql_type in kind.sql_types.items())
                con.execute(f"CREATE TABLE {kind.table} ({columns})")

    def connect(self) -> duckdb.DuckDBPyConnection:
        con = duckdb.connect(str(self.path))
        con.execute("SET TimeZone='UTC'")
        return con

    def load(self, entity: str, load_id: str, rows: Sequence[dict[str, str | None]], *, day: int = 1) -> None:
        """Add rows as one load of one batch; texts as a file would bring them."""
        technical: dict[str, Any] = {
            "_source": "shop", "_channel": "shop", "_dataset": "export", "_batch_id": f"batch of {load_id}",
            "_load_id": load_id, "_time_zone": "Europe/Berlin", "_currency": "EUR", "_country": "DE",
            "_accounts_of": "shop", "_products_of": "shop", "_loaded_at": f"2026-01-0{day}",
        }  # fmt: skip
        with self.connect() as con:
            for number, row in enumerate(rows, start=1):
                values = {**technical, "_row": number, **row}
                names = ", ".join(values)
                marks = ", ".join("?" for _ in values)
                con.execute(f"INSERT INTO raw.{entity} ({names}) VALUES ({marks})", list(values.values()))
            con.execute("INSERT INTO ledger.batches VALUES (?)", [f"batch of {load_id}"])
            con.execute("INSERT INTO ledger.loads VALUES (?, 'shop', TIMESTAMP '2026-01-01', TIMESTAMP '2026-01-02')",
                        [load_id])  # fmt: skip

    def dbt(self, *args: str) -> Any:
        from dbt.cli.main import dbtRunner

        self._monkeypatch.setenv("REGULARS_WAREHOUSE", str(self.path))
        variables = json.dumps(self.vars)
        options = [
            "--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT), "--vars", variables, "--quiet",
            "--no-write-json", "--log-level-file", "none",
            "--target-path", str(self._artifacts / "target"), "--log-path", str(self._artifacts / "logs"),
        ]  # fmt: skip
        if variables not in self._manifests:
            self._manifests[variables] = dbtRunner().invoke(["parse", "--warn-error", *options]).result
        return dbtRunner(manifest=self._manifests[variables]).invoke([*args, *options])

    def stage(self, *args: str, select: str = "tag:phase_staging", tests: bool = False) -> None:
        command = BUILD if tests else ("run",)
        outcome = self.dbt(*command, "--select", select, *args)
        assert outcome.success, failures(outcome) or outcome.exception

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self.connect() as con:
            return con.execute(sql).fetchall()


@pytest.fixture
def new_warehouse(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Warehouse]:
    """A maker of empty warehouses. Each replaces the one before: another path would make dbt parse anew."""
    folder = tmp_path_factory.getbasetemp() / "staging"
    folder.mkdir(exist_ok=True)

    def make() -> Warehouse:
        (folder / "warehouse.duckdb").unlink(missing_ok=True)
        return Warehouse(folder, monkeypatch)

    return make


def test_received_is_valid_plus_quarantined_plus_duplicates(new_warehouse: Callable[[], Warehouse]) -> None:
    warehouse = new_warehouse()
    good = {"order_id": "1", "ordered_at": "2026-01-01 10:00", "gross_amount": "10.00", "status": "paid"}
    warehouse.load(
        "orders",
        "load-1",
        [
            good,
            {**good, "updated_at": "2025-12-31"},  # the same order with a time of change: it becomes the record
            {**good, "order_id": "2", "gross_amount": "1.234,5"},  # no number: quarantined
            {**good, "order_id": "3", "gross_amount": "-5"},  # the value goes, the order stays
            {**good, "order_id": None},  # no key: quarantined
            {"_reject_reason": "unreadable line: 3 fields instead of 5"},  # quarantined; fails nothing else
            {**good, "order_id": "4", "status": "PAID"},  # only marked
        ],
    )
    warehouse.load("orders", "load-2", [{**good, "order_id": "2"}], day=2)  # the correction of order 2
    warehouse.stage(tests=True)

    # Order 2 of the first load is a duplicate now: the correction is valid, and one of the two is the record.
    assert warehouse.rows(
        "SELECT load_id, source, entity, received, valid, quarantined, duplicates FROM marts.source_loads ORDER BY 1"
    ) == [("load-1", "shop", "orders", 7, 3, 2, 2), ("load-2", "shop", "orders", 1, 1, 0, 0)]

    # One of seven rows has no id (one that could not be read is no second), one no readable amount, one a negative one;
    # two say a status that is not known or nothing at all, but nothing is the business of another rule.
    assert warehouse.rows(
        "SELECT rule, records, valid_records FROM marts.data_validity WHERE load_id = 'load-1' ORDER BY rule"
    ) == [
        ("gross_not_negative", 7, 6),
        ("gross_readable", 7, 6),
        ("order_id_present", 7, 6),
        ("orders_readable", 7, 6),
        ("status_known", 7, 6),
    ]
    # Weights 1, 1, 2, 1, 1.
    index = (4 * 6 / 7 + 2 * 6 / 7) / 6
    [(validity, goal, is_met, records)] = warehouse.rows(
        "SELECT validity, goal, is_met, records FROM marts.data_validity_index "
        "WHERE load_id = 'load-1' AND source = 'shop'"
    )
    assert validity == pytest.approx(index, abs=1e-9)
    assert (goal, is_met, records) == (0.9, False, 7)
    [(points,)] = warehouse.rows("SELECT sum(points_lost) FROM marts.data_validity WHERE load_id = 'load-1'")
    assert points == pytest.approx(100 * (1 - index), abs=1e-6)

    # What is held now: eight rows less two duplicates. Of these six, two are quarantined.
    [(standing, held)] = warehouse.rows(
        "SELECT validity, records FROM marts.data_validity_index WHERE load_id = 'all' AND source = 'all'"
    )
    assert held == 6
    assert standing == pytest.approx((1 * 5 / 6 + 2 * 5 / 6 + 1 * 6 / 6 + 1 * 5 / 6 + 1 * 5 / 6) / 6, abs=1e-9)
    assert warehouse.rows(
        "SELECT rule, failed_records FROM quality.validity_ranking WHERE load_id = 'all' ORDER BY rank_in_scope LIMIT 1"
    ) == [("order_id_present", 1)]

    quarantined = warehouse.rows(
        "SELECT record_id, reasons, reject_reason, raw FROM marts.quarantined_records ORDER BY row_number"
    )
    assert [row[:3] for row in quarantined] == [
        ("batch of load-1|5", "order_id_present", None),
        ("batch of load-1|6", "orders_readable", "unreadable line: 3 fields instead of 5"),
    ]
    assert json.loads(quarantined[0][3])["gross_amount"] == "10.00"

    # Loads that passed the gate are new no more.
    with warehouse.connect() as con:
        con.execute("INSERT INTO meta.gate_passes VALUES ('load-1', 'shop', TIMESTAMP '2026-01-03')")
    warehouse.stage()
    assert warehouse.rows(
        "SELECT source, validity, records FROM marts.data_validity_index WHERE load_id = 'new' ORDER BY source"
    ) == [("all", 1.0, 1), ("shop", 1.0, 1)]


def test_a_lost_row_stops_the_phase(new_warehouse: Callable[[], Warehouse]) -> None:
    warehouse = new_warehouse()
    warehouse.load("calls", "load-1", [{"call_id": "1"}, {"call_id": "2"}])
    warehouse.stage(tests=True)
    with warehouse.connect() as con:
        con.execute("DELETE FROM staging.stg_all__calls WHERE call_id = '2'")

    outcome = warehouse.dbt("build", "--select", "source_loads")

    assert not outcome.success
    assert failures(outcome) == [
        "adds_up_source_loads_v1_valid__quarantined__duplicates__received: Got 1 result, configured to fail if != 0"
    ]


def random_orders(seed: int, rows: int) -> list[dict[str, str | None]]:
    """Orders of few keys, so that versions of one order meet within a load and across loads."""
    chance = random.Random(seed)
    return [
        {
            "order_id": chance.choice([None, *"abcdefghijklmnop"]),
            "ordered_at": chance.choice(["2026-01-01", "2026-01-01T10:00:00+01:00", "soon", None]),
            "gross_amount": chance.choice(["1", "-2", "3,5", "", None]),
            "status": chance.choice(["paid", "lost"]),
            "email": chance.choice(["Ann@Example.com", "nobody", None]),
            "updated_at": chance.choice([None, "2026-01-01", "2026-01-02 08:00", "2026-01-02 08:00", "never"]),
        }
        for _ in range(rows)
    ]


def test_loads_in_any_order_give_what_a_full_refresh_gives(new_warehouse: Callable[[], Warehouse]) -> None:
    loads = {f"load-{day}": (day, random_orders(day, 40)) for day in (1, 2, 3)}
    everything = "SELECT * FROM staging.stg_all__orders ORDER BY ALL"
    results = []
    for order, others in ((["load-1", "load-2", "load-3"], 3), (["load-3", "load-1", "load-2"], 300)):
        warehouse = new_warehouse()
        with warehouse.connect() as con:
            con.execute("INSERT INTO quality.judged_emails VALUES ('Ann@Example.com', 'ann@example.com', true, NULL, "
                        "'example.com', false), ('nobody', NULL, false, 'no @', NULL, NULL)")  # fmt: skip
            # Batches of other files, few and many: new batches are named in the SQL, or left to the database to find.
            con.execute("INSERT INTO ledger.batches SELECT 'other file ' || i FROM range(?) AS r(i)", [others])
        for load_id in order:
            day, rows = loads[load_id]
            warehouse.load("orders", load_id, rows, day=day)
            warehouse.stage(select="stg_all__orders")
        results.append(warehouse.rows(everything))
    warehouse.stage("--full-refresh", select="stg_all__orders")
    results.append(warehouse.rows(everything))

    assert len(results[2]) == 120
    assert results[0] == results[2], "loads in their order"
    assert results[1] == results[2], "loads out of order"
    statuses = dict(warehouse.rows("SELECT record_status, count(*) FROM staging.stg_all__orders GROUP BY 1"))
    assert set(statuses) == {"valid", "quarantined", "duplicate"}
    # Sixteen keys, and each row without one is a record of its own.
    without_key = sum(row["order_id"] is None for _, rows in loads.values() for row in rows)
    assert statuses["valid"] + statuses["quarantined"] == 16 + without_key


def test_changed_rules_and_mappings_stage_everything_anew(new_warehouse: Callable[[], Warehouse]) -> None:
    warehouse = new_warehouse()
    warehouse.load("orders", "load-1", [{"order_id": "1", "status": "paid"}, {"order_id": "2", "status": "open"}])
    warehouse.stage(select="stg_all__orders")
    orders = "SELECT record_key, record_status, failed_rules FROM staging.stg_all__orders ORDER BY 1"
    assert warehouse.rows(orders) == [("shop|1", "valid", None), ("shop|2", "valid", None)]

    warehouse.vars = {"rules": [*RULES, rule("order_is_paid", "orders", "status", "status = 'paid'")]}
    warehouse.stage(select="stg_all__orders")
    assert warehouse.rows(orders) == [("shop|1", "valid", None), ("shop|2", "quarantined", "order_is_paid")]
    assert warehouse.rows("SELECT count(*) FROM staging.stg_all__orders WHERE NOT ok_order_is_paid") == [(1,)]

    # Another key: the records under the old ones must be gone.
    with warehouse.connect() as con:
        con.execute("CREATE OR REPLACE VIEW mapped.orders AS "
                    "SELECT * REPLACE ('N' || order_id AS order_id) FROM raw.orders")  # fmt: skip
    warehouse.vars = {"rules": RULES}
    warehouse.stage(select="stg_all__orders")
    assert warehouse.rows(orders) == [("shop|N1", "valid", None), ("shop|N2", "valid", None)]
    assert not warehouse.rows(
        "SELECT 1 FROM information_schema.columns "
        "WHERE table_name = 'stg_all__orders' AND column_name = 'ok_order_is_paid'"
    )


def test_bad_values_of_every_type_become_null_and_keep_their_text(new_warehouse: Callable[[], Warehouse]) -> None:
    warehouse = new_warehouse()
    with warehouse.connect() as con:
        con.execute("INSERT INTO quality.judged_emails VALUES ('ann@', NULL, false, 'no domain', NULL, NULL), "
                    "('Ann@Example.com', 'ann@example.com', true, NULL, 'example.com', false)")  # fmt: skip
        con.execute("INSERT INTO quality.judged_phones VALUES ('12', 'DE', NULL, false, 'too short'), "
                    "('030 123456', 'DE', '+4930123456', true, NULL)")  # fmt: skip
    warehouse.load(
        "customers",
        "load-1",
        [
            {"account_id": "good", "email": "Ann@Example.com", "phone": "030 123456", "birth_date": "1980-02-29",
             "email_consent": "Y", "created_at": "2025-07-01 12:00"},
            {"account_id": "bad", "email": "ann@", "phone": "12", "birth_date": "1981-02-29",
             "email_consent": "perhaps", "created_at": "0000-00-00 00:00:00"},
        ],
    )  # fmt: skip
    calls = [
        ("90", "4.5", 90, Decimal("4.5")),
        ("90.0", "5", 90, Decimal(5)),
        ("90.5", "4,5", None, None),
        ("1:30", "12 34", None, None),
        ("", "1e99", None, None),
    ]
    warehouse.load("calls", "load-2", [{"call_id": str(n), "talk_seconds": talk, "satisfaction": satisfaction}
                                       for n, (talk, satisfaction, _, _) in enumerate(calls)])  # fmt: skip
    warehouse.stage(tests=True)

    assert warehouse.rows(
        "SELECT account_id, email, email_text, email_is_valid, phone, phone_text, phone_is_valid, "
        "birth_date, birth_date_text, email_consent, email_consent_text, CAST(created_at AS VARCHAR), "
        "created_at_text FROM staging.stg_all__customers ORDER BY 1"
    ) == [
        ("bad", None, "ann@", False, None, "12", False, None, "1981-02-29", None, "perhaps", None,
         "0000-00-00 00:00:00"),
        ("good", "ann@example.com", "Ann@Example.com", True, "+4930123456", "030 123456", True, date(1980, 2, 29),
         "1980-02-29", True, "Y", "2025-07-01 10:00:00", "2025-07-01 12:00"),
    ]  # fmt: skip
    assert warehouse.rows(
        "SELECT talk_seconds_text, satisfaction_text, talk_seconds, satisfaction FROM staging.stg_all__calls "
        "ORDER BY row_number"
    ) == [(talk or None, *rest) for talk, *rest in calls]


def test_a_value_that_nobody_judged_stops_the_phase(new_warehouse: Callable[[], Warehouse]) -> None:
    warehouse = new_warehouse()
    warehouse.load("customers", "load-1", [{"account_id": "1", "email": "ann@example.com"}])

    outcome = warehouse.dbt(*BUILD, "--select", "tag:phase_staging")

    assert warehouse.rows("SELECT email, email_text, email_is_valid FROM staging.stg_all__customers") == [
        (None, "ann@example.com", False)
    ]
    assert not outcome.success
    assert failures(outcome) == ["assert_contact_values_are_judged: Got 1 result, configured to fail if != 0"]


def test_the_unit_tests_of_staging_pass(new_warehouse: Callable[[], Warehouse]) -> None:
    warehouse = new_warehouse()
    warehouse.stage()  # dbt takes the types of what a unit test is given from what is there

    outcome = warehouse.dbt("test", "--select", "tag:phase_staging,test_type:unit")

    assert outcome.success, failures(outcome) or outcome.exception
    assert len(outcome.result) >= 7


def test_a_source_below_its_own_goal_is_held_back_until_it_is_mended(new_warehouse: Callable[[], Warehouse]) -> None:
    """Half of the second load has no amount that can be read; its valid correction of order 1 waits with it."""
    warehouse = new_warehouse()
    goals = {"goal": 0.9, "judge_new_loads_from_records": 2, "sources": {}}
    goals["sources"] = {"shop": {"goal": 0.95, "below_goal": "hold_back"}}
    warehouse.vars = {"rules": RULES, "validity": goals}
    order = {"ordered_at": "2026-01-01 10:00", "gross_amount": "10.00", "status": "paid"}
    used = (
        "SELECT order_id, CAST(gross_amount AS VARCHAR), record_status FROM intermediate.int_used__orders "
        "ORDER BY order_id, record_status"
    )
    selected = "tag:phase_staging"
    warehouse.load("orders", "load-1", [{**order, "order_id": "1"}, {**order, "order_id": "2"}])
    warehouse.stage(select=selected)
    assert warehouse.rows("SELECT * FROM quality.held_loads") == []
    assert warehouse.rows(used) == [("1", "10.0000", "valid"), ("2", "10.0000", "valid")]
    with warehouse.connect() as con:
        con.execute("INSERT INTO meta.gate_passes VALUES ('load-1', 'shop', TIMESTAMP '2026-01-03')")

    corrected = {**order, "order_id": "1", "gross_amount": "12.00", "updated_at": "2026-01-05 10:00"}
    broken = {**order, "order_id": "3", "gross_amount": "twelve"}
    warehouse.load("orders", "load-2", [corrected, broken], day=2)
    warehouse.stage(select=selected, tests=True)
    assert warehouse.rows("SELECT load_id, source, goal FROM quality.held_loads") == [("load-2", "shop", 0.95)]
    # Behind the gate the shop stands as it did before; in staging every row is judged and counted.
    assert warehouse.rows(used) == [("1", "10.0000", "valid"), ("2", "10.0000", "valid")]
    assert warehouse.rows(
        "SELECT load_id, received, valid, quarantined, duplicates, is_held_back FROM marts.source_loads ORDER BY 1"
    ) == [("load-1", 2, 1, 0, 1, False), ("load-2", 2, 1, 1, 0, True)]
    # Order 3 alone fails one rule of weight 1 among weights of 6: of three records held, and of two that are new.
    index = "SELECT load_id, source, validity FROM marts.data_validity_index WHERE load_id IN ('all', 'new', 'used') "
    found = {(load_id, source): validity for load_id, source, validity in warehouse.rows(index)}
    assert found["all", "all"] == pytest.approx(1 - 1 / 3 / 6, abs=1e-9)
    assert found["new", "shop"] == pytest.approx(1 - 1 / 2 / 6, abs=1e-9)
    assert found["used", "all"] == 1.0
    assert ("new", "all") not in found  # nothing is new that goes on

    # The same order again, mended: nothing of the second load counts against the shop any more.
    warehouse.load("orders", "load-3", [{**broken, "gross_amount": "12.00", "updated_at": "2026-01-06 10:00"}], day=3)
    with warehouse.connect() as con:
        con.execute("UPDATE meta.run_context SET run_id = 'load-3'")
    warehouse.stage(select=selected)
    assert warehouse.rows("SELECT * FROM quality.held_loads") == []
    assert warehouse.rows(f"SELECT * FROM ({used}) WHERE record_status = 'valid'") == [
        ("1", "12.0000", "valid"),
        ("2", "10.0000", "valid"),
        ("3", "12.0000", "valid"),
    ]
    found = {(load_id, source): validity for load_id, source, validity in warehouse.rows(index)}
    assert found["new", "shop"] == found["all", "all"] == 1.0
