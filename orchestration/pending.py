"""What waits to be loaded: files that no load has seen yet, found without loading anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestration.engines import engine_of

if TYPE_CHECKING:
    from orchestration.company import Company
    from orchestration.home import Home
    from sources.files.errors import SourceError


@dataclass(frozen=True)
class Waiting:
    """What a source has for the next load.

    Attributes:
        certain: Files that bring something new.
        doubtful: Files of which only reading can tell: they show no size or time, or they could not be loaded before;
            and kinds of records that an API must be asked for.
        problems: Paths that match nothing or cannot be reached.
    """

    certain: int
    doubtful: int
    problems: list[SourceError]


def pending_files(company: Company, home: Home) -> dict[str, Waiting]:
    """Return what waits to be loaded, by source; no file is opened.

    Raises:
        WarehouseError: The warehouse cannot be opened.
    """
    from sources.files.load import pending
    from sources.vendor import VendorSource

    waiting = {}
    with engine_of(company, home).control(read_only=True) as con:
        for name in company.sources:
            source = company.source_for_use(name)
            found = pending(con, name, source, company.base)
            certain = sum(file.is_certain for file in found.files)
            asked = len(source.asked) if isinstance(source, VendorSource) else 0
            waiting[name] = Waiting(certain, len(found.files) - certain + asked, found.problems)
    return waiting
