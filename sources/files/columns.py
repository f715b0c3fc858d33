"""Whether a file has the columns that its dataset maps, and what to say if it has not."""

from __future__ import annotations

import difflib

from sources.files.config import Dataset
from sources.files.errors import FileProblem
from sources.files.lines import Layout


def check_columns(dataset: Dataset, columns: tuple[str, ...], layout: Layout | None) -> None:
    """Make sure that every mapped column is in a file.

    Raises:
        FileProblem: naming the missing columns, the nearest name, and the columns there.
    """
    there = {name.lower(): name for name in columns}
    missing = sorted(name for name in dataset.columns_used() if name.lower() not in there)
    if not missing:
        return
    nearest = {name: difflib.get_close_matches(name.lower(), list(there), n=1, cutoff=0.7) for name in missing}
    hints = [f"'{name}'" + (f" (perhaps now '{there[near[0]]}')" if near else "") for name, near in nearest.items()]
    fix = "Change the mapping in the company file, or ask the sender for the old column names"
    if layout is not None and len(columns) == 1:
        other = [mark for mark in ",;\t|" if mark != layout.separator and mark in columns[0]]
        if other:
            fix = f"The header looks separated by {other[0]!r}: set options.separator"
    is_known = len(columns) == 1 or len(missing) < len(dataset.columns_used() - {"*"})
    if not is_known and not any(nearest.values()):
        # Perhaps no header at all but someone's data, which has no place in a message.
        words = f"has none of the mapped columns ({', '.join(hints)}) among its {len(columns)}"
        raise FileProblem(words, f"{fix}; if the file has no header, set options.header_row: 0")
    shown = ", ".join(columns[:40]) + (", ..." if len(columns) > 40 else "")
    raise FileProblem(f"has no column {', '.join(hints)}, which is mapped; columns there: {shown}", fix)


def check_keys(dataset: Dataset, columns: tuple[str, ...]) -> None:
    """JSON leaves out what is missing, so a file is wrong only if it has none of the mapped keys."""
    there = {name.lower() for name in columns}
    if dataset.columns_used() and not any(name.lower() in there for name in dataset.columns_used()):
        check_columns(dataset, columns, None)
