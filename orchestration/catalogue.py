"""One company's rules: the catalogue and its own, checked against the dbt project before anything runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from expectations.catalogue import Rule, check_sql, load_rules
from expectations.sql_project import SqlProject
from orchestration.dbt import PROJECT_DIR

if TYPE_CHECKING:
    from orchestration.company import Company


def catalogue_of(company: Company) -> list[Rule]:
    """Return the rules that a company's records are judged by.

    Raises:
        CatalogueError: With file, line and reason for everything that is wrong in any rule.
    """
    project = SqlProject(PROJECT_DIR)
    check_sql([], project)  # the macros can be read
    rules = load_rules(company.own_rules, fields=project.fields)
    check_sql(rules, project)
    return rules
