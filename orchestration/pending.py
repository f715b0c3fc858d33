"""What waits to be loaded: files that no load has seen yet, found without loading anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestration.warehouse import open_warehouse

if TYPE_CHECKING:
    from orchestration.company import Company
    from orchestration.home import Home


def pending_files(company: Company, home: Home) -> dict[str, int]:
    """Return how many files are new or have changed, by source; sources with none are left out.

    A path that matches nothing is no pending file: the next run says so, and `regulars check` too.

    Raises:
        WarehouseError: The warehouse cannot be opened.
    """
    from sources.files.load import pending

    waiting = {}
    with open_warehouse(home.warehouse, company) as con:
        for name in company.sources:
            found = pending(con, name, company.source_for_use(name), company.base)
            if found.files:
                waiting[name] = len(found.files)
    return waiting
