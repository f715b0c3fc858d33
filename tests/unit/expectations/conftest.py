"""Hand-made staging tables, and the columns that staging has."""

from pathlib import Path

import duckdb
import pytest

from expectations.sql_project import SqlProject


@pytest.fixture(scope="session")
def sql_project() -> SqlProject:
    """The macros of the dbt project, and the columns that a rule may use."""
    return SqlProject(Path(__file__).resolve().parents[3] / "dbt_project")


@pytest.fixture
def con():
    connection = duckdb.connect(":memory:")
    connection.execute("SET TimeZone = 'UTC'")
    yield connection
    connection.close()
