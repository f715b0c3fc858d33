import great_expectations as gx
import pytest
import sqlalchemy as sa

from expectations.open_bridge import open_source


@pytest.fixture
def context():
    return gx.get_context(mode="ephemeral")


def test_metrics_are_those_of_the_table(con, context):
    con.execute("CREATE SCHEMA staging")
    con.execute(
        "CREATE TABLE staging.t AS SELECT i % 4 <> 0 AS ok, CASE WHEN i < 10 THEN i END AS n FROM range(40) AS r(i)"
    )
    with open_source(context, con) as source:
        batch = (
            source.add_query_asset("t", "SELECT ok, n FROM staging.t")
            .add_batch_definition_whole_table("all")
            .get_batch()
        )
        share = batch.validate(gx.expectations.ExpectColumnValuesToBeInSet(column="ok", value_set=[True], mostly=0.7))
        rows = batch.validate(gx.expectations.ExpectTableRowCountToEqual(value=40))
        greatest = batch.validate(gx.expectations.ExpectColumnMaxToBeBetween(column="n", min_value=10))
    # 10 of 40 are not ok, so 0.75 are; the greatest n is 9.
    assert (share.success, share.result["element_count"], share.result["unexpected_count"]) == (True, 40, 10)
    assert (rows.success, rows.result["observed_value"]) == (True, 40)
    assert (greatest.success, greatest.result["observed_value"]) == (False, 9)


def test_a_result_is_readable_after_its_connection_is_given_back(con, context):
    with open_source(context, con) as source:
        with source.get_engine().connect() as connection:
            result = connection.execute(sa.text("SELECT i FROM range(3) AS t(i)"))
        assert result.fetchall() == [(0,), (1,), (2,)]


def test_parameters_are_bound_and_not_pasted(con, context):
    with open_source(context, con) as source, source.get_engine().connect() as connection:
        found = connection.execute(sa.text("SELECT :text"), {"text": "'; DROP TABLE t; --"}).fetchall()
    assert found == [("'; DROP TABLE t; --",)]


@pytest.mark.parametrize("statement", ["CREATE TABLE t (i INT)", "DELETE FROM t", " insert into t values (1)"])
def test_only_reading_statements_pass(con, context, statement):
    with (
        open_source(context, con) as source,
        source.get_engine().connect() as connection,
        pytest.raises(sa.exc.DBAPIError, match="Only SELECT statements"),
    ):
        connection.execute(sa.text(statement))


def test_the_connection_stays_open_and_keeps_its_unread_result(con, context):
    reading = con.execute("SELECT i FROM range(5000) AS t(i)")
    first = reading.fetchmany(10)
    with open_source(context, con) as source, source.get_engine().connect() as connection:
        assert connection.execute(sa.text("SELECT 1")).fetchall() == [(1,)]
    assert len(first) + len(reading.fetchall()) == 5000
    assert con.execute("SELECT 1").fetchall() == [(1,)]


def test_two_warehouses_do_not_mix(con, context):
    import duckdb

    con.execute("CREATE TABLE t AS SELECT 'first' AS name")
    with duckdb.connect(":memory:") as other:
        other.execute("CREATE TABLE t AS SELECT 'second' AS name")
        with open_source(context, con, name="first") as first, open_source(context, other, name="second") as second:
            names = []
            for source in (first, second):
                with source.get_engine().connect() as connection:
                    names += connection.execute(sa.text("SELECT name FROM t")).fetchall()
    assert names == [("first",), ("second",)]
