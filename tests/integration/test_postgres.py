"""Marts in PostgreSQL: what arrives, who may read it, what is written again. A real server, small made-up marts."""

import itertools
from datetime import UTC, date, datetime
from decimal import Decimal

import psycopg
import pytest
from postgres_marts import KEY, Place

from orchestration.postgres.connection import Secrets
from orchestration.postgres.errors import PostgresError
from orchestration.postgres.pseudonyms import pseudonym

_numbers = itertools.count(1)


@pytest.fixture
def place(postgres, tmp_path):
    return Place(postgres, f"place_{next(_numbers)}", tmp_path)


def relations(place: Place) -> dict[str, str]:
    """The tables that hold rows, by part, with the identity that a new table would change."""
    return dict(
        place.admin("SELECT part, relation || ' ' || to_regclass('marts_store.' || quote_ident(relation))::oid "
                    "FROM marts_store.parts")
    )  # fmt: skip


def test_marts_arrive_with_descriptions_and_the_run(place):
    report = place.publish("run-1")
    assert (report.run_id, report.tables, report.written, report.waiting) == ("run-1", 4, 6, 0)
    assert place.ask("SELECT count(*), sum(net_amount) FROM marts.fct_orders") == [(200, 200)]
    assert place.ask("SELECT run_id, published_at::text, as_of::text, version FROM marts.publication") == [
        ("run-1", "2026-11-01 10:20:30+00", "2026-10-31 22:00:00+00", "1")
    ]
    described = place.ask(
        "SELECT obj_description('marts.dim_customers'::regclass), col_description('marts.dim_customers'::regclass, 1)"
    )
    assert described == [("Who buys. It's one row a customer.", "The customer's id.")]


def test_grain_and_ids_have_indexes_and_tables_have_statistics(place):
    place.publish("run-1")
    indexes = place.admin(
        "SELECT p.part, i.indisunique, string_agg(a.attname::text, ',' ORDER BY array_position(i.indkey::int[], "
        "a.attnum::int)) FROM marts_store.parts AS p JOIN pg_index AS i ON i.indrelid = to_regclass('marts_store.' || "
        "quote_ident(p.relation)) JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey) "
        "GROUP BY p.part, i.indexrelid, i.indisunique"
    )
    assert set(indexes) == {
        ("dim_customers", True, "customer_id"),
        ("dim_customers~pseudonymous", True, "customer_id"),
        ("fct_orders", True, "order_id"),
        ("fct_orders", False, "customer_id"),
        ("customer_contact_points", False, "customer_id"),
        ("customer_contact_points~pseudonymous", False, "customer_id"),
    }
    analysed = place.admin(
        "SELECT count(DISTINCT tablename) FROM pg_stats WHERE schemaname = 'marts_store' AND attname = 'customer_id'"
    )
    assert analysed[0][0] >= 5


TYPES = """
    SELECT * FROM (VALUES
        (1, true, 1::TINYINT, 255::UTINYINT, 70000, (-9223372036854775807 - 1)::BIGINT, 18446744073709551615::UBIGINT,
         99999999999999999999999999999999999999::HUGEINT, 0.1::DOUBLE, 'NaN'::DOUBLE, -1.2345::DECIMAL(18,4),
         DATE '0099-02-28', TIMESTAMP '2026-03-29 01:30:00.123456', TIMESTAMPTZ '2026-03-29 01:30:00+02',
         'Ünïcode 🥖' || chr(0) || 'end', ['a', 'b'], {{'k': 1}}, '\\x00\\xFF'::BLOB, 'x'::ENUM('x', 'y')),
        (2, false, (-127 - 1)::TINYINT, 0::UTINYINT, -70000, 9223372036854775807::BIGINT, 0::UBIGINT,
         -99999999999999999999999999999999999999::HUGEINT, 1e300::DOUBLE, '-Infinity'::DOUBLE, 0::DECIMAL(18,4),
         DATE '9999-12-31', TIMESTAMP '1600-01-01 00:00:00', TIMESTAMPTZ '2026-03-29 01:30:00+00',
         '', [], {{'k': NULL}}, ''::BLOB, 'y'::ENUM('x', 'y')),
        (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)
    ) AS t(id, yes, tiny, byte, middling, big, ubig, huge, real_one, odd, money, day, at_utc, at_zone, words, items,
           pair, bytes, choice)
"""


def test_every_type_arrives_as_it_was(place):
    place.publish("run-1", {"odd_types": TYPES})
    rows = place.ask("SELECT * FROM marts.odd_types ORDER BY id")
    first = rows[0]
    assert first[:8] == (1, True, 1, 255, 70000, -(2**63), 2**64 - 1, Decimal(10**38 - 1))
    assert first[8] == 0.1
    assert first[9] != first[9]
    assert first[10:14] == (
        Decimal("-1.2345"),
        date(99, 2, 28),
        datetime(2026, 3, 29, 1, 30, 0, 123456, tzinfo=UTC),
        datetime(2026, 3, 28, 23, 30, tzinfo=UTC),
    )
    assert first[14:] == ("Ünïcode 🥖\N{REPLACEMENT CHARACTER}end", ["a", "b"], {"k": 1}, b"\x00\xff", "x")
    assert rows[1][6:12] == (0, Decimal(1 - 10**38), 1e300, float("-inf"), Decimal("0.0000"), date(9999, 12, 31))
    assert rows[1][12] == datetime(1600, 1, 1, tzinfo=UTC)
    assert rows[1][14:] == ("", [], {"k": None}, b"", "y")
    assert rows[2] == (3, *[None] * 18)
    kinds = dict(
        place.ask(
            "SELECT attname::text, format_type(atttypid, atttypmod) FROM pg_attribute "
            "WHERE attrelid = 'marts.odd_types'::regclass"
        )
    )
    assert (kinds["money"], kinds["at_utc"], kinds["huge"]) == (
        "numeric(18,4)",
        "timestamp with time zone",
        "numeric(38,0)",
    )


def test_only_what_changed_is_written_again(place):
    place.publish("run-1")
    before = relations(place)
    # The same rows in another order are the same table; the run still moves.
    reversed_rows = (
        "SELECT * FROM (SELECT 'p_' || range AS product_id, 'Loaf ' || range AS product_name FROM range(20)) "
    )
    calm = {"dim_products": reversed_rows + "ORDER BY product_id DESC"}
    again = place.publish("run-1", calm)
    assert (again.written, relations(place)) == (0, before)
    later = place.publish("run-2", calm)
    after = relations(place)
    assert later.written == 3  # customers, once without personal data, and orders say which run saw them
    assert {part for part, name in after.items() if before[part] == name} == {
        "dim_products", "customer_contact_points", "customer_contact_points~pseudonymous",
    }  # fmt: skip
    assert place.ask("SELECT DISTINCT seen_in, run_id FROM marts.fct_orders, marts.publication") == [("run-2",) * 2]
    place.publish(
        "run-3", {"dim_products": "SELECT * FROM (VALUES ('p_1', 'a'), ('p_2', 'b')) AS t(product_id, product_name)"}
    )
    # Two rows that exchange a value leave every column's own sum as it was.
    swapped = {"dim_products": "SELECT * FROM (VALUES ('p_1', 'b'), ('p_2', 'a')) AS t(product_id, product_name)"}
    assert place.publish("run-3", swapped).written == 1
    assert place.ask("SELECT product_name FROM marts.dim_products ORDER BY 1, product_id") == [("a",), ("b",)]
    assert place.ask("SELECT product_name FROM marts.dim_products WHERE product_id = 'p_1'") == [("b",)]


def test_old_versions_leave_nothing_behind(place):
    for number in range(4):
        assert place.publish(f"run-{number}").waiting == 0
    tables = place.admin(
        "SELECT count(*) FROM pg_class WHERE relnamespace = 'marts_store'::regnamespace AND relkind = 'r'"
    )
    # Six parts with an empty table each, and the store's own four tables.
    assert tables == [(16,)]


HARM = {
    "a changed row": "UPDATE {table} SET net_amount = 7 WHERE order_id = 'shop:3'",
    "a removed row": "DELETE FROM {table} WHERE order_id = 'shop:3'",
    "another row": "INSERT INTO {table} SELECT * FROM {table} LIMIT 1",
    "an emptied table": "TRUNCATE {table}",
    "a dropped table": "DROP TABLE {table}",
    "a dropped view": "DROP VIEW marts.fct_orders",
    "another view": "CREATE OR REPLACE VIEW marts.fct_orders AS SELECT order_id, customer_id, channel, ordered_at, "
    "1::numeric(18,4) AS net_amount, seen_in FROM {table}",
    "everything dropped": "DROP SCHEMA marts, marts_store CASCADE",
    "the records dropped": "DROP TABLE marts_store.parts CASCADE",
    "a dropped column": "ALTER TABLE {parent} DROP COLUMN channel CASCADE",
}


@pytest.mark.parametrize("harm", HARM, ids=lambda harm: harm.replace(" ", "_"))
def test_what_somebody_broke_is_mended_by_the_next_publication(place, harm):
    place.publish("run-1")
    good = place.ask("SELECT * FROM marts.fct_orders ORDER BY order_id")
    [(relation, parent)] = place.admin("SELECT relation, parent FROM marts_store.parts WHERE part = 'fct_orders'")
    if harm == "another row":  # a unique index would keep it out
        [(index,)] = place.admin(
            "SELECT indexrelid::regclass::text FROM pg_index WHERE indisunique AND indrelid = %s::regclass",
            [f'marts_store."{relation}"'],
        )
        place.admin(f"DROP INDEX {index}")
    place.admin(HARM[harm].format(table=f'marts_store."{relation}"', parent=f'marts_store."{parent}"'))
    place.publish()
    assert place.ask("SELECT * FROM marts.fct_orders ORDER BY order_id") == good
    assert place.ask("SELECT run_id FROM marts.publication") == [("run-1",)]
    assert place.publish().written == 0


def test_columns_that_come_go_and_change(place):
    place.publish("run-1")
    place.publish(
        "run-2", {"dim_products": "SELECT 'p_1' AS product_id, 3::BIGINT AS product_name, DATE '2026-01-01' AS d"}
    )
    assert place.ask("SELECT * FROM marts.dim_products") == [("p_1", 3, date(2026, 1, 1))]
    place.publish("run-3", {"dim_products": "SELECT 'p_1' AS product_id"})
    assert place.ask("SELECT * FROM marts.dim_products") == [("p_1",)]
    place.publish("run-4", {"dim_products": ""})
    assert place.ask("SELECT to_regclass('marts.dim_products')") == [(None,)]
    assert "dim_products" not in relations(place)
    reader = place.login(f"{place.name}_later", f"{place.name}_reader")
    place.publish("run-5")
    assert place.ask("SELECT count(*) FROM marts.dim_products", user=reader) == [(20,)]


def refused(place, statement, user):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        place.ask(statement, user=user)


def test_the_first_role_reads_the_public_marts_and_nothing_else(place):
    place.publish("run-1")
    reader = place.login(f"{place.name}_anna", f"{place.name}_reader")
    assert place.ask("SELECT count(*) FROM marts.dim_customers JOIN marts.fct_orders USING (customer_id)", user=reader)
    for statement in (
        "SELECT * FROM marts_store.parts",
        "SELECT * FROM marts_pseudonymous.dim_customers",
        "DELETE FROM marts.fct_orders",
        "UPDATE marts.dim_customers SET display_name = 'x'",
        "CREATE TABLE marts.mine (a int)",
        "CREATE SCHEMA mine",
    ):
        refused(place, statement, reader)


def test_the_second_role_sees_no_personal_data(place):
    place.publish("run-1")
    analyst = place.login(f"{place.name}_otto", f"{place.name}_hidden")
    for statement in (
        "SELECT * FROM marts.dim_customers",
        "SELECT * FROM marts.dim_products",
        "TABLE marts_store.parts",
    ):
        refused(place, statement, analyst)
    [row] = place.ask("SELECT * FROM marts_pseudonymous.dim_customers WHERE customer_id = 'c_7'", user=analyst)
    assert row == (
        "c_7",
        pseudonym(KEY, "Anna No 7"),
        pseudonym(KEY, "anna7@mail.example"),
        pseudonym(KEY, "+493012347"),
        None,  # a date has no room for a pseudonym
        "DE",
        pseudonym(KEY, "10115"),
        "run-1",
    )
    # The same address is the same pseudonym in every table, so that joins still work.
    [(joined,)] = place.ask(
        "SELECT count(*) FROM marts_pseudonymous.customer_contact_points AS p "
        "JOIN marts_pseudonymous.dim_customers AS c ON c.primary_email = p.value AND c.customer_id = p.customer_id",
        user=analyst,
    )
    assert joined == 50
    # What holds nothing personal is there once, for both.
    assert place.ask("SELECT count(*), min(run_id) FROM marts_pseudonymous.dim_products, "
                     "marts_pseudonymous.publication", user=analyst) == [(20, "run-1")]  # fmt: skip
    everything = "".join(
        str(place.ask(f"SELECT * FROM marts_pseudonymous.{table}", user=analyst))
        for table in ("dim_customers", "customer_contact_points", "fct_orders", "dim_products")
    )
    assert [piece for piece in ("Anna", "@", "+4930", "10115", "1980") if piece in everything] == []


def test_pseudonyms_are_stable_under_their_key(place):
    hidden = "SELECT customer_id, primary_email FROM marts_pseudonymous.dim_customers ORDER BY 1"
    place.publish("run-1")
    first = place.admin(hidden)
    place.publish("run-2")
    assert place.admin(hidden) == first
    other = Secrets(password=place.secrets.password, key="another key, which is long enough as well")
    assert place.publish(secrets=other).written == 2  # nothing changed but the key
    assert not {value for _, value in place.admin(hidden)} & {value for _, value in first}
    with pytest.raises(PostgresError, match="fewer than 32 characters") as caught:
        place.publish(secrets=Secrets(password=place.secrets.password, key="short-secret"))
    assert "short-secret" not in str(caught.value)


@pytest.mark.parametrize("way", ["GRANT USAGE ON SCHEMA marts TO {role}", "GRANT USAGE ON SCHEMA marts TO PUBLIC"])
def test_a_second_role_that_could_reach_personal_data_stops_the_publication(place, way):
    place.publish("run-1")
    place.admin(way.format(role=f"{place.name}_hidden"))
    with pytest.raises(PostgresError, match=r"must see no personal data, may use the schema marts"):
        place.publish("run-2")
    assert place.ask("SELECT run_id FROM marts.publication") == [("run-1",)]


def test_without_a_second_role_nothing_is_pseudonymised(place):
    report = place.publish("run-1", settings={"pseudonymous": None})
    assert report.written == 4
    assert place.ask("SELECT to_regnamespace('marts_pseudonymous')") == [(None,)]


def test_two_companies_share_a_database_in_schemas_of_their_own(place):
    place.publish("run-1")
    place.publish("run-9", settings={"schema": "bread"})
    assert place.ask("SELECT a.run_id, b.run_id FROM marts.publication a, bread.publication b") == [("run-1", "run-9")]
    place.admin("UPDATE marts_store.publication SET company_id = 'someone_else'")
    with pytest.raises(PostgresError, match="holds the marts of the company someone_else"):
        place.publish("run-2")
