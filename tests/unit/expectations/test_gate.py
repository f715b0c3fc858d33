"""The gate on hand-made staging tables: 20 rows per entity, of which known ones fail."""

import os
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from expectations.catalogue import Rule
from expectations.gate import GateError, evaluate
from expectations.verdict import OwnGoal, percent

ROOT = Path(__file__).resolve().parents[3]
SECRET = "anna.secret@example.com"


def rule(rule_id: str, entity: str, mostly: float = 0.9) -> Rule:
    return Rule(
        id=rule_id,
        entity=entity,
        field="record",
        dimension="format",
        weight=3,
        severity="record",
        sql="reject_reason is null",
        mostly=mostly,
        says=f"The sentence of {rule_id}.",
    )


RULES = [
    rule("orders_whole", "orders"),
    rule("orders_priced", "orders", mostly=0.85),
    rule("orders_dated", "orders", mostly=0.86),
    rule("calls_whole", "calls"),
]


@pytest.fixture
def warehouse(con):
    """20 orders: all whole, 17 priced, 17 dated; 20 calls of which 3 have no verdict. Index 0.95, nothing new."""
    con.execute(
        f"""
        CREATE SCHEMA staging; CREATE SCHEMA marts; CREATE SCHEMA quality;
        CREATE TABLE staging.stg_all__orders AS
            SELECT 'shop|' || i AS record_key, 'valid' AS record_status, '{SECRET}' AS email,
                true AS ok_orders_whole, i >= 3 AS ok_orders_priced, i >= 3 AS ok_orders_dated
            FROM range(20) AS t(i);
        CREATE TABLE staging.stg_all__calls AS
            SELECT 'calls|' || i AS record_key, 'valid' AS record_status, '{SECRET}' AS email,
                CASE WHEN i >= 3 THEN true END AS ok_calls_whole
            FROM range(20) AS t(i);
        CREATE TABLE marts.data_validity_index (load_id VARCHAR, source VARCHAR, validity DOUBLE, records BIGINT);
        INSERT INTO marts.data_validity_index VALUES
            ('all', 'all', 0.95, 40), ('all', 'shop', 0.925, 20), ('all', 'phone', 1, 20), ('monday', 'shop', 0.1, 20);
        CREATE TABLE quality.validity_ranking (
            load_id VARCHAR, source VARCHAR, entity VARCHAR, rule VARCHAR, says VARCHAR, weight DOUBLE,
            records BIGINT, failed_records BIGINT, points_lost DOUBLE, points_lost_of_source DOUBLE
        );
        INSERT INTO quality.validity_ranking VALUES
            ('all', 'shop', 'orders', 'orders_dated', 'The sentence of orders_dated.', 3, 20, 3, 3.75, 5),
            ('all', 'shop', 'orders', 'orders_priced', 'The sentence of orders_priced.', 3, 20, 4, 5, 7.5),
            ('new', 'phone', 'calls', 'calls_whole', 'The sentence of calls_whole.', 3, 10, 5, 12.5, 50);
        """
    )
    return con


def set_validity(con, validity: float) -> None:
    con.execute(
        "UPDATE marts.data_validity_index SET validity = ? WHERE load_id = 'all' AND source = 'all'", [validity]
    )


def add_new(con, validity: float, records: int) -> None:
    con.execute("INSERT INTO marts.data_validity_index VALUES ('new', 'all', ?, ?)", [validity, records])


def by_rule(verdict):
    return {result.rule: result for result in verdict.expectations}


def add_source_new(con, source: str, validity: float, records: int) -> None:
    con.execute("INSERT INTO marts.data_validity_index VALUES ('new', ?, ?, ?)", [source, validity, records])


def hold_back(con, used: float) -> None:
    """Shop's load of Monday is held back; what goes on has another validity."""
    con.execute("CREATE TABLE quality.held_loads AS SELECT 'monday' AS load_id, 'shop' AS source")
    con.execute("INSERT INTO marts.data_validity_index VALUES ('used', 'all', ?, 20)", [used])


# Shop has a validity of 0.925.
@pytest.mark.parametrize(
    ("own", "passed", "blocking", "words"),
    [
        (OwnGoal(0.925), True, True, "reaches the goal"),
        (OwnGoal(0.93, "block"), False, True, "Validity of shop is 92.50 %, below its own goal of 93.00 %."),
        (OwnGoal(0.93, "warn"), True, False, "shop is below its own goal of 93.00 %: 92.50 %."),
    ],
)
def test_a_source_has_a_goal_of_its_own(warehouse, own, passed, blocking, words):
    verdict = evaluate(warehouse, RULES, goal=0.9, own_goals={"shop": own})
    assert verdict.passed is passed
    assert words in verdict.message
    found = by_rule(verdict)["validity_all_of_shop"]
    assert (found.observed, found.mostly, found.is_blocking) == (0.925, own.goal, blocking)
    (shop,) = [line for line in verdict.sources if line.source == "shop"]
    assert (shop.goal, shop.is_met, shop.below_goal) == (own.goal, own.goal <= 0.925, own.below_goal)
    (phone,) = [line for line in verdict.sources if line.source == "phone"]
    assert (phone.goal, phone.below_goal) == (0.9, None)


@pytest.mark.parametrize(("records", "passed"), [(99, True), (100, False)])
def test_the_new_loads_of_a_source_are_judged_by_its_goal_from_so_many_records_on(warehouse, records, passed):
    add_new(warehouse, 0.95, 1000)
    add_source_new(warehouse, "shop", 0.5, records)
    verdict = evaluate(warehouse, RULES, goal=0.9, own_goals={"shop": OwnGoal(0.9)})
    assert verdict.passed is passed
    assert ("The new loads of shop bring a validity that is 50.00 %" in verdict.message) is not passed


def test_a_source_held_back_stops_nobody_else(warehouse):
    set_validity(warehouse, 0.6)
    hold_back(warehouse, used=0.97)
    verdict = evaluate(warehouse, RULES, goal=0.9, own_goals={"shop": OwnGoal(0.95, "hold_back")})
    assert verdict.passed
    assert verdict.held_back == [("monday", "shop")]
    assert verdict.message.splitlines() == [
        "Validity is 60.00 %; without what is held back it is 97.00 % and reaches the goal of 90.00 %.",
        "shop is held back: 92.50 % is below its own goal of 95.00 %. "
        "The others go on, and it stands as it did before.",
    ]
    assert [line.is_held_back for line in verdict.sources] == [False, True]


def test_what_is_left_without_a_source_held_back_has_to_reach_the_goal(warehouse):
    hold_back(warehouse, used=0.85)
    verdict = evaluate(warehouse, RULES, goal=0.9, own_goals={"shop": OwnGoal(0.95, "hold_back")})
    assert not verdict.passed
    assert verdict.message.startswith("Validity without what is held back is 85.00 %, below the goal of 90.00 %.")


def test_great_expectations_counts_the_shares_that_staging_holds(warehouse):
    found = by_rule(evaluate(warehouse, RULES, goal=0.9))
    shares = {
        name: (found[name].observed, found[name].success) for name in ("orders_whole", "orders_priced", "orders_dated")
    }
    assert shares == {
        "orders_whole": (1.0, True),
        "orders_priced": (pytest.approx(17 / 20), True),  # its floor is 0.85
        "orders_dated": (pytest.approx(17 / 20), False),  # its floor is 0.86
    }
    assert {found[name].records for name in shares} == {20}


def test_a_flag_without_verdict_counts_as_a_pass(warehouse):
    found = by_rule(evaluate(warehouse, RULES, goal=0.9))["calls_whole"]
    assert (found.observed, found.records, found.success) == (1.0, 20, True)


def test_a_rule_below_its_floor_does_not_block(warehouse):
    verdict = evaluate(warehouse, RULES, goal=0.9)
    assert not by_rule(verdict)["orders_dated"].success
    assert verdict.passed
    assert verdict.validity == 0.95
    assert verdict.message == "Validity is 95.00 % and reaches the goal of 90.00 %."


@pytest.mark.parametrize(("validity", "passed"), [(0.9, True), (0.8999999999, False), (1.0, True), (0.0, False)])
def test_the_goal_itself_is_enough_and_nothing_below_it(warehouse, validity, passed):
    set_validity(warehouse, validity)
    verdict = evaluate(warehouse, RULES, goal=0.9)
    assert verdict.passed is passed
    assert by_rule(verdict)["validity_all"].observed == validity


def test_below_the_goal_the_message_names_what_costs_most(warehouse):
    set_validity(warehouse, 0.8999999999)
    verdict = evaluate(warehouse, RULES, goal=0.9)
    assert verdict.message.splitlines() == [
        "Validity is 89.99 %, below the goal of 90.00 %.",
        "What costs most:",
        "  shop (validity 92.50 %): 8.75 points",
        "    5.00 points  orders_priced: The sentence of orders_priced. 4 of 20 records fail.",
        "    3.75 points  orders_dated: The sentence of orders_dated. 3 of 20 records fail.",
        "Nothing behind the gate has run, and what was published before stays.",
    ]
    assert [(cost.rule, cost.validity, cost.points_lost) for cost in verdict.worst_rules] == [
        ("orders_priced", 0.8, 5.0),
        ("orders_dated", 0.85, 3.75),
    ]
    assert evaluate(warehouse, RULES, goal=0.9, worst=1).worst_rules == verdict.worst_rules[:1]


def test_sources_are_held_against_the_goal_one_by_one(warehouse):
    found = evaluate(warehouse, RULES, goal=0.95).sources
    assert [(line.source, line.validity, line.is_met, line.records) for line in found] == [
        ("phone", 1.0, True, 20),
        ("shop", 0.925, False, 20),
    ]


@pytest.mark.parametrize(
    ("validity", "records", "passed", "is_judged"),
    [(0.5, 100, False, True), (0.5, 99, True, False), (0.9, 100, True, True), (0.5, 5000, False, True)],
)
def test_new_loads_are_judged_by_themselves_from_so_many_records_on(warehouse, validity, records, passed, is_judged):
    add_new(warehouse, validity, records)
    verdict = evaluate(warehouse, RULES, goal=0.9, judge_new_loads_from_records=100)
    assert verdict.passed is passed
    assert (verdict.new_loads.validity, verdict.new_loads.records) == (validity, records)
    assert verdict.new_loads.is_judged is is_judged
    assert ("validity_new" in by_rule(verdict)) is is_judged


def test_a_bad_delivery_is_named_as_such_and_by_its_own_rules(warehouse):
    add_new(warehouse, 0.5, 1200)
    verdict = evaluate(warehouse, RULES, goal=0.9)
    assert verdict.message.startswith(
        "The new loads bring a validity of 50.00 % in 1,200 records; the goal is 90.00 %. "
        "Everything held together has 95.00 %."
    )
    assert [cost.rule for cost in verdict.worst_rules] == ["calls_whole"]


def test_two_records_with_one_key_and_unknown_states_are_shown(warehouse):
    warehouse.execute("UPDATE staging.stg_all__orders SET record_key = 'shop|1' WHERE record_key = 'shop|2'")
    warehouse.execute("UPDATE staging.stg_all__calls SET record_status = 'lost' WHERE record_key = 'calls|2'")
    found = by_rule(evaluate(warehouse, RULES, goal=0.9))
    states = {name: result.success for name, result in found.items() if name.endswith(("_key", "_known"))}
    assert states == {
        "orders_one_row_per_key": False,
        "orders_status_known": True,
        "calls_one_row_per_key": True,
        "calls_status_known": False,
    }


def test_duplicates_set_aside_are_no_second_record(warehouse):
    warehouse.execute(
        "UPDATE staging.stg_all__orders SET record_key = 'shop|1', record_status = 'duplicate' "
        "WHERE record_key = 'shop|2'"
    )
    assert by_rule(evaluate(warehouse, RULES, goal=0.9))["orders_one_row_per_key"].success


def test_an_entity_without_rows_holds_its_rules(warehouse):
    warehouse.execute("DELETE FROM staging.stg_all__calls")
    found = by_rule(evaluate(warehouse, RULES, goal=0.9))["calls_whole"]
    assert (found.success, found.observed, found.records) == (True, None, 0)


def test_without_any_record_there_is_nothing_to_judge(warehouse, tmp_path):
    warehouse.execute("DELETE FROM staging.stg_all__calls; DELETE FROM staging.stg_all__orders")
    verdict = evaluate(warehouse, RULES, goal=0.9, docs_dir=tmp_path / "docs")
    assert (verdict.passed, verdict.validity, verdict.docs_path) == (True, None, None)
    assert verdict.message == "There are no records to judge."


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("DROP TABLE marts.data_validity_index", "not built"),
        ("DELETE FROM marts.data_validity_index", "has no row"),
        ("ALTER TABLE staging.stg_all__orders DROP COLUMN ok_orders_dated", "no column ok_orders_dated"),
    ],
)
def test_what_cannot_be_judged_is_no_pass(warehouse, statement, words):
    warehouse.execute(statement)
    with pytest.raises(GateError, match=words):
        evaluate(warehouse, RULES, goal=0.9)


def test_an_error_of_the_warehouse_is_shown_as_it_is(warehouse):
    warehouse.execute("ALTER TABLE marts.data_validity_index RENAME COLUMN validity TO share")
    with pytest.raises(duckdb.BinderException):
        evaluate(warehouse, RULES, goal=0.9)


def test_great_expectations_fetches_no_rows_of_staging(warehouse, monkeypatch):
    """It asks for counts, not for rows; the names of columns and the samples of none cost nothing."""
    from expectations import open_bridge

    statements = []
    honest = open_bridge._Cursor.execute

    def counting(cursor, statement, parameters=None):
        honest(cursor, statement, parameters)
        statements.append((statement, len(cursor._rows)))

    monkeypatch.setattr(open_bridge._Cursor, "execute", counting)
    evaluate(warehouse, RULES, goal=0.9)
    assert max(rows for _, rows in statements) == 1
    assert sum("unexpected_values" in statement for statement, _ in statements) == 8


def test_metrics_that_come_back_empty_are_no_pass(warehouse, monkeypatch):
    from expectations import open_bridge

    monkeypatch.setattr(open_bridge._Cursor, "fetchall", lambda _: [])
    with pytest.raises(GateError):
        evaluate(warehouse, RULES, goal=0.9)


def test_the_file_can_be_given_instead_of_a_connection(warehouse, tmp_path):
    file = tmp_path / "copy.duckdb"
    warehouse.execute(f"ATTACH '{file}' AS copy")
    warehouse.execute("COPY FROM DATABASE memory TO copy")
    warehouse.execute("DETACH copy")
    assert evaluate(file, RULES, goal=0.9).validity == 0.95
    with duckdb.connect(str(file)) as again:  # it was closed
        assert again.execute("SELECT count(*) FROM staging.stg_all__orders").fetchall() == [(20,)]


def test_the_pages_open_without_a_network_and_hold_nothing_personal(warehouse, tmp_path):
    set_validity(warehouse, 0.8)
    docs = tmp_path / "home" / "data_docs"
    verdict = evaluate(warehouse, RULES, goal=0.9, docs_dir=docs)
    assert verdict.docs_path == docs / "index.html"
    pages = {page: page.read_text(encoding="utf-8") for page in docs.rglob("*") if page.is_file()}
    # The start page and the rules; suite and result of orders, calls, records and the index.
    assert len(pages) == 10
    for page, text in pages.items():
        assert SECRET not in text, page
        assert "shop|1" not in text, page
        assert not re.search(r"<(script|link|img|iframe)\b", text), page
        assert not re.search(r"url\(\s*['\"]?(https?:)?//", text), page
    start = pages[docs / "index.html"]
    assert "Validity is 80.00 %, below the goal of 90.00 %." in start
    assert "The sentence of orders_priced." in start
    links = set(re.findall(r'href="([^"]+)"', start))
    assert len(links) == 4  # orders, calls, records, and the rules
    assert all((docs / link).is_file() for link in links)
    (orders,) = [text for page, text in pages.items() if "validations/orders" in page.as_posix()]
    assert "15% unexpected" in orders


def test_new_pages_take_the_place_of_the_old_ones(warehouse, tmp_path):
    docs = tmp_path / "data_docs"
    docs.mkdir()
    (docs / "old.html").write_text("old", encoding="utf-8")
    (tmp_path / ".data_docs.next").mkdir()  # left behind by a kill
    evaluate(warehouse, RULES, goal=0.9, docs_dir=docs)
    assert [path.name for path in tmp_path.iterdir()] == ["data_docs"]
    assert not (docs / "old.html").exists()


def test_the_verdict_stands_when_the_pages_cannot_be_written(warehouse, tmp_path, caplog):
    (tmp_path / "file").write_text("", encoding="utf-8")
    verdict = evaluate(warehouse, RULES, goal=0.9, docs_dir=tmp_path / "file" / "docs")
    assert (verdict.passed, verdict.docs_path) == (True, None)
    assert "Data Docs could not be written" in caplog.text


def test_it_asks_no_network_and_prints_nothing(tmp_path):
    program = f"""
import socket
def refuse(*args, **kwargs):
    raise RuntimeError("asked the network")
socket.socket.connect = refuse
socket.getaddrinfo = refuse
import duckdb
from pathlib import Path
from tests.unit.expectations.test_gate import RULES, warehouse
from expectations.gate import evaluate
con = duckdb.connect(":memory:")
evaluate(warehouse.__wrapped__(con), RULES, goal=0.9, docs_dir=Path({str(tmp_path / "docs")!r}))
con.close()
"""
    # As a file: PySpark, which Great Expectations imports where it is installed, takes a program without one for a
    # test of its own and ends it.
    file = tmp_path / "program.py"
    file.write_text(program, encoding="utf-8")
    paths = {**os.environ, "PYTHONPATH": str(ROOT)}
    outcome = subprocess.run([sys.executable, str(file)], cwd=ROOT, env=paths, capture_output=True, text=True)
    assert (outcome.returncode, outcome.stdout, outcome.stderr) == (0, "", "")
    assert (tmp_path / "docs" / "index.html").is_file()


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.9, "90.00 %"), (0.89996, "89.99 %"), (0.57, "57.00 %"), (1, "100.00 %"), (0, "0.00 %"), (None, "unknown")],
)
def test_shares_are_cut_and_never_rounded_up_to_the_goal(share, text):
    assert percent(share) == text
