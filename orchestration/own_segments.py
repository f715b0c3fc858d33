"""The company's own segments: SQL files in the dbt project that an analyst adds, found by their names."""

from __future__ import annotations

import re
from pathlib import Path

FOLDER = Path("models") / "segments"
_PREFIX = "segment__"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,50}")
# Kinds that come with Regulars; the macro segment_columns of the dbt project has the same names.
KINDS = ("value", "strategic", "behaviour", "lifecycle", "loyalty", "category", "channel", "price", "engagement")


class SegmentError(Exception):
    """A file in the folder of own segments cannot be one; the message names it and says what to do."""


def segment_models(project: Path) -> list[str]:
    """Return the names of the own segments: of `models/segments/segment__<name>.sql`, in their order.

    Args:
        project: The folder of the dbt project.

    Raises:
        SegmentError: A file has a name that cannot name a segment, or one that is taken.
    """
    names = []
    for file in sorted((project / FOLDER).rglob("*.sql")):
        if file.stem.startswith("int_"):
            continue
        name = file.stem.removeprefix(_PREFIX)
        shown = f"{project.name}/{file.relative_to(project).as_posix()}"
        if name == file.stem or not _NAME.fullmatch(name):
            raise SegmentError(
                f"{shown}: the name says no segment. Call it {_PREFIX}<name>.sql; "
                "the name is small letters, digits and _, and begins with a letter."
            )
        if name in KINDS:
            raise SegmentError(
                f"{shown}: the segment {name} comes with Regulars. Give the file another name; "
                f"taken are {', '.join(KINDS)}."
            )
        names.append(name)
    return names
