"""dbt's own pages of a home, and dbt's manifest of the project as it is written now."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orchestration.company import Company
    from orchestration.dbt import Dbt
    from orchestration.home import Home

# dbt writes the page, the manifest and the catalogue in one file under this name.
_ONE_FILE = "static_index.html"


def build_docs(company: Company, home: Home) -> Path:
    """Describe the warehouse and write dbt's pages to the home; returns the page.

    Raises:
        HomeBusyError: a run is writing to the warehouse.
        DbtError: dbt could not describe it, for example because nothing is built yet.
    """
    from orchestration.home import write_atomically

    dbt = _dbt(company, home)
    with home.lock():
        dbt.invoke(["docs", "generate", "--static"])
    home.docs.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(home.docs, (dbt.target / _ONE_FILE).read_text(encoding="utf-8"))
    return home.docs


def parsed_manifest(company: Company, home: Home) -> dict[str, Any]:
    """Return dbt's manifest of the project as it is written now; what did not change since the last parse is kept."""
    dbt = _dbt(company, home)
    dbt.parse()
    return dbt.manifest()


def _dbt(company: Company, home: Home) -> Dbt:
    from expectations.catalogue import to_dbt_vars
    from orchestration.catalogue import catalogue_of
    from orchestration.dbt import Dbt
    from orchestration.engines import engine_of

    home.create()
    return Dbt.of(company, home, engine_of(company, home), to_dbt_vars(catalogue_of(company)))
