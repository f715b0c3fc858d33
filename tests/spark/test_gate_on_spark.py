"""The gate reaches the same verdict on Spark as on DuckDB: numbers, message, pages and errors."""

from __future__ import annotations

import re
from dataclasses import replace

import duckdb
import pytest

from expectations import open_bridge
from expectations.catalogue import Rule
from expectations.connection import tables_of
from expectations.gate import GateError, evaluate
from orchestration.engines.spark.connection import SparkConnection

TABLES = """
CREATE SCHEMA staging; CREATE SCHEMA marts; CREATE SCHEMA quality;
CREATE TABLE staging.stg_all__orders AS
    SELECT 'shop|' || (CASE WHEN i = 1 THEN 2 ELSE i END) AS record_key,
        CASE WHEN i = 19 THEN 'duplicate' WHEN i = 18 THEN 'quarantined' ELSE 'valid' END AS record_status,
        true AS ok_orders_whole, i >= 30 AS ok_orders_priced, CASE WHEN i >= 30 THEN true WHEN i > 15 THEN false END
        AS ok_orders_dated
    FROM range(200) AS t(i);
CREATE TABLE staging.stg_all__calls AS
    SELECT 'calls|' || i AS record_key, CASE WHEN i < 5 THEN 'lost' ELSE 'valid' END AS record_status,
        i % 7 <> 0 AS ok_calls_whole
    FROM range(90) AS t(i);
CREATE TABLE staging.stg_all__products AS
    SELECT 'p' AS record_key, 'valid' AS record_status, true AS ok_products_named FROM range(0);
CREATE TABLE marts.data_validity_index (load_id VARCHAR, source VARCHAR, validity DOUBLE, records BIGINT);
INSERT INTO marts.data_validity_index VALUES
    ('all', 'all', 0.9123456789, 290), ('all', 'shop', 0.925, 200), ('all', 'phone', 0.857142857, 90),
    ('new', 'all', 0.5, 120), ('monday', 'shop', 0.1, 20);
CREATE TABLE quality.validity_ranking (
    load_id VARCHAR, source VARCHAR, entity VARCHAR, rule VARCHAR, says VARCHAR, weight DECIMAL(9, 3),
    records BIGINT, failed_records BIGINT, points_lost DOUBLE, points_lost_of_source DOUBLE
);
INSERT INTO quality.validity_ranking VALUES
    ('all', 'shop', 'orders', 'orders_dated', 'The sentence of orders_dated.', 3, 200, 14, 3.75, 5),
    ('all', 'shop', 'orders', 'orders_priced', 'The sentence of orders_priced.', 3, 200, 30, 5, 7.5),
    ('new', 'phone', 'calls', 'calls_whole', 'The sentence of calls_whole.', 3, 90, 13, 12.5, 50);
"""


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
    rule("orders_dated", "orders", mostly=0.95),
    rule("calls_whole", "calls"),
    rule("products_named", "products"),
]


@pytest.fixture(scope="module")
def engines(spark):
    """A connection to each engine, with the same tables."""
    con = duckdb.connect(":memory:")
    con.execute(TABLES)
    for schema in ("staging", "marts", "quality"):
        spark.sql(f"CREATE DATABASE {schema}")
        for table in tables_of(con, schema):
            name = f"{schema}.{table}"
            spark.createDataFrame(con.sql(f"SELECT * FROM {name}").to_arrow_table()).write.saveAsTable(name)
    yield con, SparkConnection(spark)
    con.close()
    for schema in ("staging", "marts", "quality"):
        spark.sql(f"DROP DATABASE {schema} CASCADE")


def pages(folder):
    """The pages by name, without what tells one run from another."""
    found = {}
    for page in folder.rglob("*.html"):
        name = re.sub(r"\d{8}T\d{6}\.\d+Z|[0-9a-f]{32}", "#", page.relative_to(folder).as_posix())
        text = page.read_text(encoding="utf-8")
        text = re.sub(
            r"\d{8}T\d{6}\.\d+Z|\d{4}-\d\d-\d\dT[\d:.]+(\+00:00|Z)?|\d{4}-\d\d-\d\d [\d:.]+( UTC)?", "#", text
        )
        found[name] = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{32}|openwarehouse[^<\"]*", "#", text)
    return found


@pytest.mark.parametrize(
    ("goal", "new_from", "first_line"),
    [
        (0.9, 1000, "Validity is 91.23 % and reaches the goal of 90.00 %."),
        (0.95, 1000, "Validity is 91.23 %, below the goal of 95.00 %."),
        (0.9, 100, "The new loads bring a validity of 50.00 % in 120 records; the goal is 90.00 %. "),
    ],
)
def test_the_verdict_is_the_same(engines, tmp_path, goal, new_from, first_line):
    verdicts = [
        evaluate(con, RULES, goal=goal, judge_new_loads_from_records=new_from, docs_dir=tmp_path / str(place))
        for place, con in enumerate(engines)
    ]
    one, many = (replace(verdict, docs_path=None) for verdict in verdicts)
    assert many == one
    assert many.message.startswith(first_line)
    assert many.passed is (goal == 0.9 and new_from == 1000)
    shares = {found.rule: (found.records, found.success) for found in many.expectations}
    assert shares["orders_priced"] == (200, True)
    assert shares["orders_dated"] == (200, False)
    assert shares["products_named"] == (0, True)
    assert shares["orders_one_row_per_key"] == (1, False)
    assert shares["calls_status_known"] == (1, False)
    here, there = (pages(tmp_path / str(place)) for place in range(2))
    assert set(there) == set(here)
    # The start page and the rules; suite and result of three entities, the records and the index.
    assert len(there) == 12
    assert there == here


def test_few_statements_reach_spark(engines, monkeypatch):
    """Each costs a third of a second: two and the names of the columns a suite, and no rows."""
    asked = []
    honest = SparkConnection.execute

    def counting(con, query, parameters=None):
        asked.append(query)
        return honest(con, query, parameters)

    monkeypatch.setattr(SparkConnection, "execute", counting)
    evaluate(engines[1], RULES, goal=0.9)
    suites = 5
    assert len(asked) <= 3 * suites + 3
    assert not any("unexpected_values" in query for query in asked)


def test_what_cannot_be_judged_is_the_same_error(engines, spark):
    con, many = engines
    with pytest.raises(GateError, match="no column ok_orders_paid"):
        evaluate(many, [*RULES, rule("orders_paid", "orders")], goal=0.9)
    for one in engines:
        one.execute(
            "ALTER TABLE marts.data_validity_index RENAME TO marts.elsewhere"
            if one is many
            else "ALTER TABLE marts.data_validity_index RENAME TO elsewhere"
        ).fetchall()
    try:
        words = []
        for one in engines:
            with pytest.raises(GateError) as raised:
                evaluate(one, RULES, goal=0.9)
            words.append(str(raised.value))
        assert words == ["marts.data_validity_index is not built; build the staging phase first."] * 2
    finally:
        con.execute("ALTER TABLE marts.elsewhere RENAME TO data_validity_index")
        spark.sql("ALTER TABLE marts.elsewhere RENAME TO marts.data_validity_index")


def test_only_reading_statements_reach_spark(engines):
    import great_expectations as gx
    import sqlalchemy as sa

    context = gx.get_context(mode="ephemeral")
    with (
        open_bridge.open_source(context, engines[1]) as source,
        source.get_engine().connect() as connection,
        pytest.raises(sa.exc.DBAPIError, match="Only SELECT statements"),
    ):
        connection.execute(sa.text("DROP TABLE staging.stg_all__calls"))
    assert "stg_all__calls" in tables_of(engines[1], "staging")
    assert tables_of(engines[1], "no_such_schema") == tables_of(engines[0], "no_such_schema") == {}
