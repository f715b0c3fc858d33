"""Small made-up marts in a published file, and publishing them to the test server."""

from pathlib import Path

import duckdb

from orchestration.company_postgres import PostgresSettings
from orchestration.dbt import PROJECT_DIR
from orchestration.postgres.connection import Secrets
from orchestration.postgres.pseudonyms import read_personal_columns
from orchestration.postgres.publication import Source, publish
from orchestration.sql import text

KEY = "a key of the tests that is long enough"
PASSWORD = "publisher's pass\\word"
GRAINS = {"dim_customers": ("customer_id",), "fct_orders": ("order_id",)}

CUSTOMERS = """
    SELECT 'c_' || range AS customer_id, 'Anna No ' || range AS display_name,
        'anna' || range || '@mail.example' AS primary_email, '+49301234' || range AS primary_phone,
        DATE '1980-01-01' + range::INTEGER AS birth_date, 'DE' AS country_code, '10115' AS postal_code,
        '{run}' AS seen_in
    FROM range({customers})
"""
ORDERS = """
    SELECT 'shop:' || range AS order_id, 'c_' || (range % {customers}) AS customer_id, 'web' AS channel,
        TIMESTAMP '2026-01-01' + INTERVAL (range) MINUTE AS ordered_at, {amount}::DECIMAL(18,4) AS net_amount,
        '{run}' AS seen_in
    FROM range({orders})
"""
POINTS = """
    SELECT 'c_' || range AS customer_id, 'email' AS kind, 'anna' || range || '@mail.example' AS value
    FROM range({customers})
"""
CALM = "SELECT 'p_' || range AS product_id, 'Loaf ' || range AS product_name FROM range(20)"


def write_marts(file: Path, run: str, tables: dict[str, str] | None = None, **numbers) -> Path:
    """A published file with the tables of a run: by default customers, orders, contact points and calm products."""
    numbers = {"customers": 50, "orders": 200, "amount": 1, **numbers}
    made = {"dim_customers": CUSTOMERS, "fct_orders": ORDERS, "customer_contact_points": POINTS, "dim_products": CALM}
    file.unlink(missing_ok=True)
    with duckdb.connect(str(file)) as con:
        con.execute("CREATE SCHEMA marts")
        for name, query in {**made, **(tables or {})}.items():
            if query:
                con.execute(f"CREATE TABLE marts.{name} AS {query.format(run=run, **numbers)}")
        con.execute("COMMENT ON TABLE marts.dim_customers IS 'Who buys. It''s one row a customer.'")
        con.execute("COMMENT ON COLUMN marts.dim_customers.customer_id IS 'The customer''s id.'")
        con.execute(
            "CREATE TABLE marts.publication AS SELECT $1 AS run_id, TIMESTAMP '2026-11-01 10:20:30' AS published_at, "
            "TIMESTAMP '2026-10-31 22:00:00' AS as_of, '1' AS version",
            [run],
        )
    return file


class Place:
    """A database of its own with a user that may make schemas and roles there, and what publishes to it."""

    def __init__(self, server, name: str, folder: Path, **settings) -> None:
        self.server, self.name, self.folder = server, name, folder
        server.execute(f"CREATE ROLE {name} LOGIN CREATEROLE PASSWORD {text(PASSWORD)}", database="postgres")
        server.execute(f"CREATE DATABASE {name} OWNER {name}", database="postgres")
        self.given = {
            "host": server.host,
            "port": server.port,
            "dbname": name,
            "user": name,
            "password": "${ENV:A}",
            "role": f"{name}_reader",
            "pseudonymous": {"secret_key": "${ENV:B}", "role": f"{name}_hidden"},
            **settings,
        }
        self.settings = PostgresSettings.model_validate(self.given)
        self.secrets = Secrets(password=PASSWORD, key=KEY)

    def write(self, run: str, tables: dict[str, str] | None = None, **numbers) -> Path:
        """A published file of a run."""
        return write_marts(self.folder / "regulars.duckdb", run, tables, **numbers)

    def publish(
        self, run: str | None = None, tables: dict[str, str] | None = None, secrets=None, settings=None, **more
    ):
        """Publish a run's made-up marts; without a run's name, the file that is there."""
        if run is not None:
            self.write(run, tables, **more)
        settings = PostgresSettings.model_validate({**self.given, **(settings or {})})
        with duckdb.connect(str(self.folder / "regulars.duckdb"), read_only=True) as con:
            con.execute("SET TimeZone = 'UTC'")
            source = Source(con, read_personal_columns(PROJECT_DIR / "seeds"), GRAINS, "bakehouse")
            return publish(source, settings, secrets or self.secrets)

    def login(self, name: str, role: str, **more) -> str:
        """A person who may log in and has a role; return the name."""
        self.admin(f"CREATE ROLE {name} LOGIN PASSWORD 'reader''s'")
        self.admin(f"GRANT {role} TO {name}")
        return name

    def admin(self, statement, values=None):
        """As the superuser, in this database."""
        return self.server.execute(statement, values, database=self.name)

    def ask(self, query, values=None, user=None):
        """As the publishing user, or as a reader."""
        password = PASSWORD if user is None else "reader's"
        return self.server.execute(query, values, user=user or self.name, password=password, database=self.name)
