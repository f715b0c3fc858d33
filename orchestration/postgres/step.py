"""The step of a run that brings PostgreSQL to what the published copy holds. It can be repeated alone, at any time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestration.company import fill_environment
from orchestration.dbt import PROJECT_DIR
from orchestration.postgres.connection import Secrets
from orchestration.postgres.errors import PostgresError
from orchestration.report import Problem

if TYPE_CHECKING:
    from orchestration.company import Company
    from orchestration.run import Counts, Run

NAME = "publish to PostgreSQL"


def secrets_of(company: Company) -> Secrets:
    """What the company file's variables hold.

    Raises:
        CompanyError: one is not set.
    """
    settings = company.postgres
    if settings is None:
        return Secrets()
    return Secrets(
        password=None if settings.password is None else fill_environment(settings.password),
        key=None if settings.pseudonymous is None else fill_environment(settings.pseudonymous.secret_key),
    )


def publish_to_postgres(run: Run) -> Counts:
    """Copy what changed since the last publication and make it visible; does nothing where nothing changed.

    Raises:
        PostgresError: it could not be done; what was published there before stays.
        PublishedError: there is no published copy to take it from.
    """
    from orchestration.postgres.pseudonyms import read_personal_columns
    from orchestration.postgres.publication import Source, publish
    from orchestration.postgres.tables import grains_of
    from orchestration.published import open_published

    settings = run.company.postgres
    if settings is None:
        return {}
    secrets, personal = secrets_of(run.company), read_personal_columns(PROJECT_DIR / "seeds")
    grains = grains_of(run.dbt.manifest())
    with open_published(run.home.published_file) as published:
        published.con.execute("SET memory_limit = ?", [run.company.warehouse.memory_limit])
        published.con.execute("SET threads = ?", [run.company.warehouse.threads])
        report = publish(Source(published.con, personal, grains, run.company.id), settings, secrets)
    return {
        "tables": report.tables,
        "written": report.written,
        "rows_out": report.rows,
        "old_versions_in_use": report.waiting,
    }


def try_to_publish(run: Run) -> PostgresError | None:
    """The same; what went wrong becomes a failure among the run's problems, because the published copy stands."""
    settings = run.company.postgres
    if settings is None:
        return None
    try:
        with run.step(NAME) as counts:
            counts.update(publish_to_postgres(run))
    except PostgresError as error:
        run.problems.append(Problem(what=error.what, todo=error.todo))
        return error
    return None


def is_behind(run: Run) -> bool:
    """Whether PostgreSQL shows another run than the published copy, or cannot be asked: then the step has work."""
    from orchestration.postgres.publication import published_run as run_there
    from orchestration.publish import published_run as run_here

    if run.company.postgres is None:
        return False
    try:
        return run_there(run.company.postgres, secrets_of(run.company)) != run_here(run.home)
    except PostgresError:
        return True
