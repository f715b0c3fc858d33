"""The shape of JSON lines: names and kinds of values seen, and what a line must look like to be proven by DuckDB."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence

from sources.files.dialect import ident, text
from sources.files.json_text import Wraps, kind_of, parse_object
from sources.files.lines import column_names

LONGEST = 1 << 20
"""A longer line is odd."""

_DEEPEST = 500
# What a line is: odd; flat; flat with all numbers as DuckDB writes them; any object that DuckDB writes as it came.
ODD, FLAT, EXACT, SAME_TEXT = 0, 1, 2, 3
_FLAT_KINDS = ("text", "number", "boolean")

_PLAIN = re.compile(r"[^\"\\\x00-\x1f]+").fullmatch
_BLANKS = r"[ \t]*"
_ESCAPE = (
    r'\\["\\/bfnrt]|\\u(?:[1-9a-cefA-CEF][0-9a-fA-F]{3}|0[1-9a-fA-F][0-9a-fA-F]{2}|00[1-9a-fA-F][0-9a-fA-F]'
    r"|000[1-9a-fA-F]|[dD][0-7][0-9a-fA-F]{2}|[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})"
)
_TEXT = rf'"(?:[^"\\\x00-\x1f]|{_ESCAPE})*"'
NUMBER = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?"
# At most thirteen digits and no zero at the end: the double next to it is written in just these digits.
SAME = r"(?:0|-?[1-9][0-9]{0,14}|-?[1-9][0-9]{0,8}\.(?:0|[0-9]{0,3}[1-9])|-?0\.(?:0|[0-9]{0,3}[1-9]))"
_BOOLEAN = "true|false"

# Whether DuckDB writes a line just as it came: then it writes every value in it as it came. Its keys must be known,
# none twice, and none one that may wrap records. Python refuses deep nesting, so what may be deep is left to it.
IS_SAME_TEXT = rf"""
    CASE WHEN strlen(line) <= {LONGEST} AND starts_with(line, '{{"') AND NOT contains(line, '\u0000')
        AND json_valid(line)
    THEN coalesce(starts_with(line, json(line)::VARCHAR) AND list_has_all($names::VARCHAR[], json_keys(line))
        AND len(json_keys(line)) = len(list_distinct(json_keys(line)))
        AND NOT list_has_any($wraps::VARCHAR[], json_keys(line))
        AND (strlen(line) < {2 * _DEEPEST}
             OR strlen(line) - strlen(replace(replace(line, '{{', ''), '[', '')) < {_DEEPEST}), FALSE)
    ELSE FALSE END
"""


class Shape:
    """Names in their order, with the kinds of values that lines had, and the patterns made of them."""

    def __init__(self, wraps: Wraps = ()) -> None:
        """Begin with no name; lines that may hold their records under one of the paths `wraps` teach nothing."""
        self.kinds: dict[str, set[str]] = {}
        self._wraps = {path[0] for path in wraps}

    def learn(self, lines: Iterable[str]) -> bool:
        """Take names and kinds from lines that can be read; return whether anything is new."""
        before = {name: set(kinds) for name, kinds in self.kinds.items()}
        for line in lines:
            try:
                members = parse_object(line)
            except ValueError:
                continue
            seen = [(name, None if value is None else kind_of(value)) for name, value in members]
            if self._fits(seen):
                self._take(seen)
        return before != self.kinds or list(before) != list(self.kinds)

    def _fits(self, seen: Sequence[tuple[str, str | None]]) -> bool:
        names = [name for name, _ in seen]
        known = {name.lower(): name for name in self.kinds}
        return (
            len(set(names)) == len(names)
            and all(_PLAIN(name) and column_names([name]) == (name,) for name in names)
            and column_names(names) == tuple(names)
            and all(known.get(name.lower(), name) == name for name in names)
            and not any(name in self._wraps and kind not in (None, *_FLAT_KINDS) for name, kind in seen)
        )

    def _take(self, seen: Sequence[tuple[str, str | None]]) -> None:
        order = list(self.kinds)
        at = 0
        for name, kind in seen:
            if name in self.kinds:
                at = order.index(name) + 1
            else:
                order.insert(at, name)
                at += 1
            self.kinds.setdefault(name, set()).update((kind,) if kind in _FLAT_KINDS else ())
        self.kinds = {name: self.kinds[name] for name in order}

    def pattern(self, number: str) -> str:
        """Return the regular expression of a line, with the one of a number."""
        values = {"text": _TEXT, "number": number, "boolean": _BOOLEAN}
        members = []
        for name, kinds in self.kinds.items():
            allowed = "|".join([*(values[kind] for kind in sorted(kinds)), "null"])
            # No lookahead here: whoever uses this also asks for a brace at the end of the line.
            members.append(rf'(?:"{re.escape(name)}":{_BLANKS}(?:{allowed}){_BLANKS}(?:,{_BLANKS}|\}}[ \t\r\n]*\z))?')
        return rf"\A{_BLANKS}\{{{_BLANKS}{''.join(members)}\z"

    def structure(self, kind: str = "VARCHAR") -> str:
        """Return what DuckDB is to read from a line, every value of one type."""
        return json.dumps(dict.fromkeys(self.kinds, kind), ensure_ascii=False)

    def values(self, *, has_nested: bool) -> list[str]:
        """Return SQL for the text of each value of a row with `object`, `line` and `sort`."""
        return [self._value(name, kinds, has_nested=has_nested) for name, kinds in self.kinds.items()]

    def _value(self, name: str, kinds: set[str], *, has_nested: bool) -> str:
        value = f"object.{ident(name)}"
        cases = []
        if "number" in kinds:
            mark = f'"{name}":'
            # In a flat line the mark stands nowhere else: inside a text, quotes are escaped.
            written = f"regexp_extract(split_part(line, {text(mark)}, 2), '\\A[ \\t]*(-?[0-9][-+.0-9eE]*)', 1)"
            cases.append(f"WHEN sort = {FLAT} AND {value} IS NOT NULL THEN coalesce(nullif({written}, ''), {value})")
        if has_nested:
            # Cast to text, a number may get an exponent that the line does not have.
            is_doubtful = f"contains({value}, 'e') AND regexp_full_match({value}, '-?[0-9.]+e[-+][0-9]+')"
            path = text(f'$."{name}"')
            cases.append(f"WHEN sort = {SAME_TEXT} AND {is_doubtful} THEN json_extract_string(line, {path})")
        return f"CASE {' '.join(cases)} ELSE {value} END" if cases else value
