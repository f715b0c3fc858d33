"""`regulars dbt …`: dbt's own command line on a company's warehouse."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestration.company import Company
    from orchestration.home import Home


# dbt's commands that open the warehouse and build nothing in it.
_ONLY_READ = frozenset({"compile", "debug", "docs", "show", "test", "source"})


def run_dbt(company: Company, home: Home, arguments: Sequence[str]) -> bool:
    """Run a dbt command in this process, as typed, and return whether it succeeded.

    Project, profile, variables, target and logs are the company's; dbt prints for itself.

    Raises:
        HomeBusyError: a run is writing to the warehouse.
    """
    from dbt.cli.main import dbtRunner

    from expectations.catalogue import to_dbt_vars
    from orchestration.catalogue import catalogue_of
    from orchestration.dbt import Dbt, needs_engine, vars_text
    from orchestration.engines import engine_of
    from orchestration.warehouse import BY_HAND, write_state

    home.create()
    engine = engine_of(company, home)
    bound = Dbt.of(company, home, engine, to_dbt_vars(catalogue_of(company)))
    os.environ.update(
        {
            "DBT_PROJECT_DIR": str(bound.project),
            "DBT_PROFILES_DIR": str(bound.project),
            "DBT_TARGET_PATH": str(bound.target),
            "DBT_LOG_PATH": str(bound.logs),
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            "REGULARS_DBT_THREADS": str(bound.threads),
            **bound.environment,
        }
    )
    command = list(arguments) or ["--help"]
    takes_variables = not command[0].startswith("-") and "--vars" not in command
    if takes_variables:
        command += ["--vars", vars_text(bound.variables)]
    if not needs_engine(command):
        # Analysts may do this while a run writes, because it does not open the warehouse.
        return bool(dbtRunner().invoke(command).success)
    with home.lock():
        if command[0] not in _ONLY_READ:
            with engine.control() as con:
                # The marts may no longer be those of the last run; see steps.can_publish_again.
                write_state(con, {BY_HAND: True})
        with engine.open_for_dbt():
            return bool(dbtRunner().invoke(command).success)
