"""What goes wrong with PostgreSQL: a message that says what, where and what to do; the last good copy stays, and the
next publication mends it. A real server; small made-up marts."""

import itertools
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from postgres_marts import KEY, PASSWORD, Place

from orchestration.postgres.connection import Secrets
from orchestration.postgres.errors import PostgresError

_numbers = itertools.count(1)


@pytest.fixture
def place(postgres, tmp_path):
    made = Place(postgres, f"fault_{next(_numbers)}", tmp_path)
    made.publish("run-1")
    return made


@pytest.fixture
def own_server(tmp_path):
    """A server that may be stopped, and filled up."""
    from tests.postgres_server import running

    with running() as server:
        made = Place(server, "own", tmp_path)
        made.publish("run-1")
        yield made


def failed(place: Place, *patterns: str, **publishing) -> str:
    """Publish in vain; the message must say all of this, and hold no secret."""
    with pytest.raises(PostgresError) as caught:
        place.publish(**publishing)
    message = str(caught.value)
    for pattern in patterns:
        assert pattern in message, message
    for secret in (PASSWORD, KEY, "anna", "Anna"):
        assert secret not in message
    assert "What was published there before stays." in message
    assert caught.value.todo.strip()
    return message


def shows(place: Place, run: str) -> bool:
    """Whether readers see one run, in every table."""
    rows = place.ask(
        "SELECT run_id, (SELECT string_agg(DISTINCT seen_in, ',') FROM marts.fct_orders), "
        "(SELECT string_agg(DISTINCT seen_in, ',') FROM marts.dim_customers) FROM marts.publication"
    )
    return rows == [(run, run, run)]


def test_a_server_that_is_down(own_server):
    own_server.server.stop()
    failed(own_server, "it is not there", "Start the server", "own", run="run-2")
    own_server.server.start()
    assert shows(own_server, "run-1")
    own_server.publish()
    assert shows(own_server, "run-2")


def test_a_server_that_does_not_answer(place):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        begun = time.monotonic()
        where = {"host": "127.0.0.1", "port": silent.getsockname()[1], "connect_timeout_seconds": 2}
        failed(place, "it did not answer within 2 s", run="run-2", settings=where)
        assert time.monotonic() - begun < 20


def test_nobody_at_that_address(place):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        failed(place, "it is not there", run="run-2", settings={"host": "127.0.0.1", "port": closed.getsockname()[1]})
    failed(place, "does not know the name `no.such.host.invalid`", settings={"host": "no.such.host.invalid"})


def test_a_slow_server(place):
    # Whoever holds the lock of the run's row makes the statement that names the run wait.
    with place.server.connect(database=place.name, autocommit=False) as slow:
        slow.execute("SELECT * FROM marts_store.publication FOR UPDATE")
        failed(
            place, "took longer than postgres.statement_timeout_seconds", "while naming the run", run="run-2",
            settings={"statement_timeout_seconds": 1},
        )  # fmt: skip
        assert shows(place, "run-1")
    place.publish()
    assert shows(place, "run-2")


def test_wrong_password_and_missing_user_and_database(place):
    failed(place, "the password is wrong", "postgres.password", run="run-2", secrets=Secrets("nonsense-word", KEY))
    failed(place, "the password is wrong", secrets=Secrets(None, KEY))
    failed(place, "it has no database `nowhere`", settings={"dbname": "nowhere"})
    assert shows(place, "run-1")


def test_the_password_may_come_from_libpqs_own_places(place, tmp_path, monkeypatch):
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    assert place.publish("run-2", secrets=Secrets(None, KEY)).written
    monkeypatch.delenv("PGPASSWORD")
    file = tmp_path / "pgpass"
    file.write_text(f"*:*:{place.name}:{place.name}:" + PASSWORD.replace("\\", "\\\\") + "\n")
    file.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(file))
    assert place.publish("run-3", secrets=Secrets(None, KEY)).written


def test_a_schema_that_someone_else_owns(place):
    place.admin("CREATE SCHEMA theirs")
    failed(
        place, "the schema theirs belongs to postgres", "postgres.schema", run="run-2", settings={"schema": "theirs"}
    )
    place.admin("ALTER SCHEMA marts OWNER TO postgres")
    failed(place, "the schema marts belongs to postgres", f"ALTER SCHEMA marts OWNER TO {place.name}")
    place.admin(f"ALTER SCHEMA marts OWNER TO {place.name}")
    assert shows(place, "run-1")
    place.publish()
    assert shows(place, "run-2")


def test_a_table_of_someone_else_in_the_schema_is_never_overwritten(place):
    place.ask("CREATE TABLE marts.my_notes AS SELECT 'mine' AS words")
    failed(place, "marts.my_notes is there already", "Rename it", run="run-2", tables={"my_notes": "SELECT 1 AS a"})
    assert place.ask("SELECT words FROM marts.my_notes") == [("mine",)]
    assert shows(place, "run-1")
    place.ask("ALTER TABLE marts.my_notes RENAME TO notes_of_mine")
    place.publish()
    assert shows(place, "run-2")


def test_rights_that_are_missing(place, postgres):
    postgres.execute(f"REVOKE CREATE ON DATABASE {place.name} FROM {place.name}; "
                     f"ALTER DATABASE {place.name} OWNER TO postgres")  # fmt: skip
    message = failed(place, "lacks a right", "making the schema bread", run="run-2", settings={"schema": "bread"})
    assert f"permission denied for database {place.name}" in message
    postgres.execute(f"ALTER ROLE {place.name} NOCREATEROLE")
    failed(place, "there is no role another_role", "CREATE ROLE another_role", settings={"role": "another_role"})
    assert shows(place, "run-1")
    place.publish()
    assert shows(place, "run-2")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["restarted", "crashed"])
def test_a_server_restarted_in_the_middle(own_server, how):
    own_server.write("run-2", orders=400_000)
    server, restarted = own_server.server, []

    def restart():
        until = time.monotonic() + 60
        while time.monotonic() < until:
            copying = server.execute(
                "SELECT 1 FROM pg_stat_progress_copy WHERE tuples_processed > 1000", database="own"
            )
            if copying:
                server.restart(how)
                restarted.append(True)
                return

    thread = threading.Thread(target=restart)
    thread.start()
    failed(own_server, "while copying fct_orders", "regulars publish")
    thread.join()
    assert restarted
    assert shows(own_server, "run-1")
    own_server.publish()
    assert shows(own_server, "run-2")


PUBLISH = """
import sys
sys.path[:0] = [{root!r}, {here!r}]
from pathlib import Path
from types import SimpleNamespace
from postgres_marts import Place, PASSWORD, KEY
from orchestration.postgres.connection import Secrets
place = object.__new__(Place)
place.folder, place.given, place.secrets = Path({folder!r}), {given!r}, Secrets(PASSWORD, KEY)
place.publish()
"""


def test_a_publication_killed_at_any_point_leaves_the_last_good_copy(own_server):
    place, here = own_server, Path(__file__).parent
    place.write("run-2", orders=60_000)
    program = PUBLISH.format(root=str(here.parents[1]), here=str(here), folder=str(place.folder), given=place.given)
    seen = set()
    for delay in (0.0, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8):
        child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        until = time.monotonic() + 120
        while child.poll() is None and time.monotonic() < until:
            if place.server.execute("SELECT 1 FROM pg_stat_activity WHERE application_name = 'regulars'"):
                break
            time.sleep(0.01)
        time.sleep(delay)
        child.send_signal(signal.SIGKILL)
        child.communicate()
        assert shows(place, "run-1") or shows(place, "run-2")
        seen.add("run-1" if shows(place, "run-1") else "run-2")
    assert "run-1" in seen  # else no kill came before the end
    place.publish()
    assert shows(place, "run-2")
    place.publish()
    # Nothing of the killed ones is left: six parts with an empty table each, four tables of records.
    count = "SELECT count(*) FROM pg_class WHERE relnamespace = 'marts_store'::regnamespace AND relkind = 'r'"
    assert place.admin(count) == [(16,)]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_full_disk(own_server, tmp_path):
    small = own_server.server.folder / "small"
    small.mkdir()
    owner = own_server.server.data.stat().st_uid
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size=24m,uid={owner},mode=700", "tmpfs", small], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("this machine does not let tests mount a small disk")
    try:
        own_server.admin(f"CREATE TABLESPACE small LOCATION '{small}'")
        own_server.admin("GRANT CREATE ON TABLESPACE small TO own")
        own_server.admin("ALTER ROLE own SET default_tablespace = 'small'")
        failed(own_server, "its disk is full", "while copying fct_orders", "Free room", run="run-2", orders=500_000)
        assert shows(own_server, "run-1")
        own_server.admin("ALTER ROLE own RESET default_tablespace")
        own_server.publish()
        assert shows(own_server, "run-2")
    finally:
        own_server.server.stop()
        subprocess.run(["umount", small], check=True)


def test_a_reader_for_an_hour_neither_stops_the_publication_nor_the_other_readers(place):
    reader = place.login(f"{place.name}_slow", f"{place.name}_reader")
    hour = place.server.connect(user=reader, password="reader's", database=place.name, autocommit=False)
    hour.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    assert hour.execute("SELECT DISTINCT seen_in FROM marts.fct_orders").fetchall() == [("run-1",)]
    late = place.server.connect(user=reader, password="reader's", database=place.name, autocommit=False)
    late.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    late.execute("SELECT 1")  # has its snapshot, and has touched no table of ours
    for number in (2, 3, 4):
        begun = time.monotonic()
        report = place.publish(f"run-{number}")
        assert time.monotonic() - begun < 30
        assert report.waiting > 0  # the old versions wait for the reader
        assert shows(place, f"run-{number}")
    # Both still see their run, in tables that they had not touched before.
    both = (
        "SELECT DISTINCT o.seen_in, c.seen_in, run_id FROM marts.fct_orders o, marts.dim_customers c, marts.publication"
    )
    assert hour.execute(both).fetchall() == late.execute(both).fetchall() == [("run-1",) * 3]
    hour.close()
    late.close()
    assert place.publish("run-5").waiting == 0
    count = "SELECT count(*) FROM pg_class WHERE relnamespace = 'marts_store'::regnamespace AND relkind = 'r'"
    assert place.admin(count) == [(16,)]


def test_a_reader_for_an_hour_where_columns_changed_is_named(place):
    reader = place.login(f"{place.name}_slow", f"{place.name}_reader")
    changed = {"dim_products": "SELECT 'p_1' AS product_id"}
    with place.server.connect(
        user=reader, password="reader's", database=place.name, autocommit=False, application_name="Dash board"
    ) as hour:
        hour.execute("SELECT * FROM marts.dim_products")
        waits, stop = [], threading.Event()

        def others():
            while not stop.is_set():
                begun = time.monotonic()
                place.ask("SELECT count(*) FROM marts.dim_products", user=reader)
                waits.append(time.monotonic() - begun)

        thread = threading.Thread(target=others)
        thread.start()
        try:
            failed(
                place, "columns of a table changed, and for 2 s some reader held it", f"of {reader} (Dash board)",
                "pg_terminate_backend", run="run-2", tables=changed, settings={"lock_wait_seconds": 2},
            )  # fmt: skip
        finally:
            stop.set()
            thread.join()
        assert len(waits) > 5
        assert max(waits) < 2.0  # nobody stood in the queue behind us for long
        assert shows(place, "run-1")
    place.publish()
    assert shows(place, "run-2")
    assert place.ask("SELECT * FROM marts.dim_products") == [("p_1",)]


def test_who_began_before_columns_changed_is_told_and_shown_no_empty_table(place):
    import psycopg

    with place.server.connect(database=place.name, autocommit=False) as early:
        early.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        early.execute("SELECT 1")
        place.publish("run-2", {"dim_products": "SELECT 'p_1' AS product_id"})
        with pytest.raises(psycopg.Error, match="its columns changed after this transaction began"):
            early.execute("SELECT * FROM marts.dim_products")


def test_views_of_ones_own_on_ours_live_through_publications(place):
    place.ask(
        "CREATE VIEW public.my_sales AS SELECT sum(net_amount) AS amount, max(seen_in) AS run FROM marts.fct_orders"
    )
    place.publish("run-2")
    assert place.ask("SELECT run FROM public.my_sales") == [("run-2",)]
    # A column more at the end disturbs nobody; one less is told with what rests on it.
    query = "SELECT 'shop:1' AS order_id, 'c_1' AS customer_id, 'web' AS channel, now()::TIMESTAMP AS ordered_at, "
    query += "5::DECIMAL(18,4) AS net_amount, '{run}' AS seen_in"
    place.publish("run-3", {"fct_orders": query + ", 1 AS one_more"})
    assert place.ask("SELECT run, amount FROM public.my_sales") == [("run-3", 5)]
    failed(place, "somebody's own views", run="run-4", tables={"fct_orders": "SELECT 'shop:1' AS order_id"})
    assert place.ask("SELECT run_id FROM marts.publication") == [("run-3",)]
    place.ask("DROP VIEW public.my_sales")
    place.publish()
    assert place.ask("SELECT * FROM marts.fct_orders") == [("shop:1",)]


def test_two_publications_at_once_take_turns(place):
    place.write("run-2", orders=50_000)
    outcomes = []

    def work():
        outcomes.append(place.publish())

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(report.written for report in outcomes) == [0, 3]
    assert shows(place, "run-2")


def test_values_too_long_for_an_index_are_no_obstacle(place):
    long = "SELECT 'c_1' AS customer_id, 'email' AS kind, string_agg(md5(range::VARCHAR), '') AS value FROM range(500)"
    long_key = "SELECT string_agg(md5(range::VARCHAR), '') AS order_id, 'c_1' AS customer_id FROM range(500)"
    place.publish("run-2", {"customer_contact_points": long, "fct_orders": long_key})
    assert place.ask("SELECT length(order_id) FROM marts.fct_orders") == [(16000,)]


def test_two_rows_of_one_grain_are_refused(place):
    twice = "SELECT 'o' AS order_id, 'c_1' AS customer_id, '{run}' AS seen_in FROM range(2)"
    failed(place, "two rows of one grain", "fct_orders", run="run-2", tables={"fct_orders": twice})
    assert shows(place, "run-1")
