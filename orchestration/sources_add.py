"""Writes a source's entry into the company file; the rest stays byte for byte."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from orchestration.company_errors import CompanyError, CompanyProblem, key_text
from orchestration.company_yaml import read_yaml
from orchestration.home import temporary_beside
from orchestration.sources_entry import Entry, SourcesError, entry_of

if TYPE_CHECKING:
    from sources.vendor import Vendor


@dataclass(frozen=True)
class Added:
    """What was written where: `lines` are the first and the last of the entry, from 1."""

    entry: Entry
    file: Path
    lines: tuple[int, int]
    text: str


def add_source(company_file: Path, kind: Vendor | None, name: str | None, given: Sequence[str]) -> Added:
    """Write the entry at the end of `sources` in the company file.

    Args:
        company_file: The file; all of it but the new lines stays as it is, byte for byte.
        kind: The vendor; None for files.
        name: Of the source; None takes the vendor's name.
        given: Settings as KEY=VALUE.

    Raises:
        CompanyError: the file is missing, is no YAML, or has a source of this name.
        SourcesError: the name or a setting is wrong, or `sources` is written in a way that nothing can be added to.
    """
    entry = entry_of(kind, name, given)
    document = read_yaml(company_file)
    data = document.data if isinstance(document.data, dict) else {}
    present = data.get("sources")
    if isinstance(present, dict) and entry.name in present:
        place = ("sources", entry.name)
        found = f"a source `{entry.name}` already"
        allowed = "another name: regulars sources add … --name NAME"
        raise CompanyError(
            [CompanyProblem(str(company_file), document.line_of(place), key_text(place), found, allowed)]
        )
    place_of = company_file.resolve()
    before = place_of.read_bytes().decode("utf-8")
    after, first, count = _with_entry(before, entry)
    _make_sure(before, after, entry, company_file)
    temporary = temporary_beside(place_of)
    try:
        temporary.write_bytes(after.encode("utf-8"))
        shutil.copymode(place_of, temporary)
        temporary.replace(place_of)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise SourcesError(f"{company_file} cannot be written ({error.strerror}). Add this by hand: --print") from error
    written = after.splitlines()[first - 1 : first - 1 + count]
    return Added(entry, company_file, (first, first + count - 1), "\n".join(written))


def _with_entry(text: str, entry: Entry) -> tuple[str, int, int]:
    """Return the file with the entry in it, and where it stands: its first line, from 1, and how many it has."""
    ending = "\r\n" if "\r\n" in text else "\n"
    key, value = _sources_of(yaml.compose(text, Loader=yaml.SafeLoader))
    heading = ""
    if key is None:
        indent, at, heading = "  ", len(text), f"{ending}sources:{ending}"
    elif isinstance(value, yaml.MappingNode) and value.value and not value.flow_style:
        column = value.value[0][0].start_mark.column
        indent, at, heading = " " * column, _end_of(value, text, column), ending
    elif isinstance(value, yaml.ScalarNode) and not value.value:
        indent, at = " " * (key.start_mark.column + 2), _line_end(text, key.end_mark.index)
    else:
        raise SourcesError(
            "`sources` is written in one line with braces, to which nothing can be added. Write one source a block, "
            "or add this by hand: regulars sources add … --print"
        )
    glue = "" if not at or text[at - 1] == "\n" else ending
    body = [indent + line if line else "" for line in entry.text.splitlines()]
    new = glue + heading + "".join(line + ending for line in body)
    first = text.count("\n", 0, at) + new.count("\n") - len(body) + 1
    return text[:at] + new + text[at:], first, len(body)


def _sources_of(root: yaml.Node | None) -> tuple[yaml.Node | None, yaml.Node | None]:
    for key, value in root.value if isinstance(root, yaml.MappingNode) else ():
        if key.value == "sources":
            return key, value
    return None, None


def _end_of(node: yaml.Node, text: str, indent: int) -> int:
    """Where a block mapping ends in the text: behind its last value and the comments that belong to it."""
    last: yaml.Node = node
    while isinstance(last, yaml.CollectionNode) and last.value and not last.flow_style:
        item = last.value[-1]
        last = item[1] if isinstance(item, tuple) else item
    end = last.end_mark.index
    # A text of several lines ends behind its line end already.
    at = end if end and text[end - 1] == "\n" and end > last.start_mark.index else _line_end(text, end)
    kept = at
    while at < len(text):
        following = _line_end(text, at)
        line = text[at:following].rstrip("\r\n")
        depth = len(line) - len(line.lstrip(" "))
        if line.strip() and not (line.lstrip().startswith("#") and depth > indent):
            break
        at = following
        if line.strip():
            kept = at
    return kept


def _line_end(text: str, index: int) -> int:
    """Where the next line begins."""
    found = text.find("\n", index)
    return len(text) if found < 0 else found + 1


def _make_sure(before: str, after: str, entry: Entry, file: Path) -> None:
    """Refuse to write what reads otherwise than before plus the entry."""
    old = yaml.safe_load(before) or {}
    new = yaml.safe_load(after)
    added = (new.get("sources") or {}).pop(entry.name, None) if isinstance(new, dict) else None
    if not isinstance(old.get("sources"), dict):
        old.pop("sources", None)
        new.pop("sources", None)
    if added is None or new != old:
        raise SourcesError(
            f"{file}: the entry cannot be added without changing the rest. Add it by hand: "
            "regulars sources add … --print"
        )
