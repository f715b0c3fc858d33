"""PostgreSQL as BI tools ask it: psql, SQLAlchemy, ADBC, psycopg; and twenty readers while five runs are published."""

import itertools
import subprocess
import threading
import time

import pytest
from postgres_marts import Place

from tests.postgres_server import find_psql

_numbers = itertools.count(1)
SECONDS_AT_MOST = 120


@pytest.fixture
def place(postgres, tmp_path):
    return Place(postgres, f"bi_{next(_numbers)}", tmp_path)


QUESTION = """
select c.country_code, count(distinct c.customer_id) as customers, sum(o.net_amount) as amount
from marts.fct_orders as o inner join marts.dim_customers as c on o.customer_id = c.customer_id
group by c.country_code
"""


def test_every_kind_of_client_gets_the_same_answer(place):
    import adbc_driver_postgresql.dbapi as adbc
    import sqlalchemy as sa

    place.publish("run-1", orders=300, amount=2)
    reader = place.login(f"{place.name}_anna", f"{place.name}_reader")
    address = ("reader's", "postgresql+psycopg", place.name)
    engine = sa.create_engine(place.server.url(reader, *address))
    with engine.connect() as con:
        assert [tuple(row) for row in con.execute(sa.text(QUESTION))] == [("DE", 50, 600)]
    # BI tools look which tables and columns there are.
    looked = sa.inspect(engine)
    assert sorted(looked.get_view_names("marts")) == [
        "customer_contact_points", "dim_customers", "dim_products", "fct_orders", "publication",
    ]  # fmt: skip
    described = {column["name"]: column for column in looked.get_columns("dim_customers", "marts")}
    assert described["customer_id"]["comment"] == "The customer's id."
    assert isinstance(described["birth_date"]["type"], sa.Date)
    engine.dispose()
    url = place.server.url(reader, "reader's", database=place.name)
    with adbc.connect(url) as con, con.cursor() as cursor:
        cursor.execute(QUESTION)
        assert cursor.fetch_arrow_table().to_pylist() == [{"country_code": "DE", "customers": 50, "amount": "600.0000"}]
    psql = find_psql()
    if psql is None:
        pytest.skip("psql is not there")
    answer = subprocess.run(
        [psql, url, "--no-psqlrc", "-A", "-t", "-c", QUESTION], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "DE|50|600.0000"


# One statement over all tables, and what it must say of one run: that one, and no table of another.
ONE_STATEMENT = """
SELECT p.run_id, o.run, o.rows, o.amount, c.run, c.rows
FROM marts.publication AS p,
    (SELECT min(seen_in) || max(seen_in) AS run, count(*) AS rows, sum(net_amount) AS amount
     FROM marts.fct_orders) AS o,
    (SELECT min(seen_in) || max(seen_in) AS run, count(*) AS rows FROM marts.dim_customers) AS c
"""
PIECES = (
    "SELECT run_id FROM marts.publication",
    "SELECT min(seen_in) || max(seen_in), count(*), sum(net_amount) FROM marts.fct_orders",
    "SELECT min(seen_in) || max(seen_in), count(*) FROM marts.dim_customers",
)


def wrong(row, numbers) -> bool:
    """Whether an answer mixes runs: each has numbers of its own."""
    run, order_run, orders, amount, customer_run, customers = row
    wanted = numbers[run]
    mine = run + run
    # ADBC gives a number of PostgreSQL's type numeric as text.
    return (order_run, customer_run) != (mine, mine) or (orders, float(amount), customers) != wanted


def ask_statements(place, reader, kind):
    """Read one answer after another; each is one row of six."""
    import adbc_driver_postgresql.dbapi as adbc
    import sqlalchemy as sa

    if kind == "adbc":
        with adbc.connect(place.server.url(reader, "reader's", database=place.name), autocommit=True) as con:
            while True:
                with con.cursor() as cursor:
                    cursor.execute(ONE_STATEMENT)
                    yield cursor.fetchall()[0]
    if kind == "sqlalchemy":
        engine = sa.create_engine(
            place.server.url(reader, "reader's", "postgresql+psycopg", place.name), isolation_level="REPEATABLE READ"
        )
        try:
            while True:
                with engine.connect() as con:  # several statements of one transaction
                    yield tuple(value for piece in PIECES for value in con.execute(sa.text(piece)).one())
        finally:
            engine.dispose()
    if kind == "new connection each time":
        while True:
            yield place.ask(ONE_STATEMENT, user=reader)[0]
    with place.server.connect(user=reader, password="reader's", database=place.name) as con:
        while True:
            yield con.execute(ONE_STATEMENT).fetchall()[0]


def test_twenty_readers_while_five_runs_are_published(place):
    numbers = {f"run-{n}": (100 * n, 100 * n * n, 10 * n) for n in range(1, 7)}

    def publish(n):
        return place.publish(f"run-{n}", orders=100 * n, amount=n, customers=10 * n)

    publish(1)
    reader = place.login(f"{place.name}_many", f"{place.name}_reader")
    kinds = ["psycopg", "sqlalchemy", "adbc", "new connection each time"] * 5
    answers, mixed, errors, seen = [0] * 20, [], [], set()
    stop, until = threading.Event(), time.monotonic() + SECONDS_AT_MOST

    def read(place_of_mine, kind):
        try:
            for row in ask_statements(place, reader, kind):
                answers[place_of_mine] += 1
                seen.add(row[0])
                if wrong(row, numbers):
                    mixed.append((kind, row))
                if stop.is_set() or time.monotonic() > until:
                    return
                time.sleep(0.02)
        except Exception as error:  # noqa: BLE001 - every failure is counted
            errors.append((kind, repr(error)))

    readers = [threading.Thread(target=read, args=(number, kind)) for number, kind in enumerate(kinds)]
    for thread in readers:
        thread.start()
    while min(answers) < 1 and not errors and time.monotonic() < until:
        time.sleep(0.05)
    for n in range(2, 7):
        publish(n)
        before = list(answers)
        while any(now - then < 1 for now, then in zip(answers, before, strict=True)) and time.monotonic() < until:
            time.sleep(0.02)
    stop.set()
    for thread in readers:
        thread.join(30)
    assert errors == []
    assert mixed == []
    assert min(answers) > 5
    assert seen == set(numbers)


# PostgreSQL works out what never changes while it plans: the tables are planned, then it sleeps, then it reads.
PLANNED_SLOWLY = """
WITH orders AS MATERIALIZED (SELECT min(seen_in) || max(seen_in) AS run, count(*) AS rows FROM marts.fct_orders),
later AS MATERIALIZED (SELECT public.while_planning({seconds}) AS slept)
SELECT p.run_id, orders.run, orders.rows FROM marts.publication AS p, orders, later
"""


def test_a_statement_that_was_planned_before_a_run_and_reads_after_it(place):
    place.publish("run-1", orders=100)
    place.server.execute(
        "CREATE FUNCTION public.while_planning(seconds float8) RETURNS integer IMMUTABLE LANGUAGE plpgsql "
        "AS 'BEGIN PERFORM pg_sleep(seconds); RETURN 1; END'",
        database=place.name,
    )
    reader = place.login(f"{place.name}_planner", f"{place.name}_reader")
    answers = []
    thread = threading.Thread(target=lambda: answers.extend(place.ask(PLANNED_SLOWLY.format(seconds=2), user=reader)))
    thread.start()
    while not place.server.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%while_planning%' "
        "AND pid <> pg_backend_pid()",
        database=place.name,
    )[0][0]:
        time.sleep(0.02)
    place.publish("run-2", orders=200)
    thread.join(30)
    assert answers in ([("run-1", "run-1run-1", 100)], [("run-2", "run-2run-2", 200)])
    assert place.ask(PLANNED_SLOWLY.format(seconds=0), user=reader) == [("run-2", "run-2run-2", 200)]
