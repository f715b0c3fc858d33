"""Date formats on Spark: each becomes one regular expression and the arithmetic on what its groups caught.

The rules are those of DuckDB's `try_strptime`, not those of Java's formatter: numbers may have fewer digits than
their part allows, are never read backwards once taken, blanks match blanks, names are English in any case.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from sources.files.patterns import java_literal

FORMAT_PARTS: tuple[str, ...] = (
    *("%Y", "%y", "%m", "%b", "%B", "%d", "%j", "%H", "%I", "%p", "%M", "%S", "%f", "%g", "%n", "%z"),
    *("%a", "%A", "%c", "%x", "%X", "%%"),
)
"""Parts of a date format that work on Spark; `%-d` and the like (d, m, y, H, I, M, S, j) mean the same as without."""

_WITHOUT_ZEROS = frozenset("dmyHIMSj")
_SHORTHANDS = {"c": "%Y-%m-%d %H:%M:%S", "x": "%Y-%m-%d", "X": "%H:%M:%S"}
_BLANK = r"[ \t\n\x0B\f\r]"
_DIGITS = {"Y": 4, "y": 2, "m": 2, "d": 2, "j": 3, "H": 2, "I": 2, "M": 2, "S": 2, "g": 3, "f": 6, "n": 9}
_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
_NAMES = {"B": _MONTHS, "b": [name[:3] for name in _MONTHS], "A": _DAYS, "a": [name[:3] for name in _DAYS]}
# What a part says; a format may say it once.
_SAYS = {
    "Y": "year",
    "y": "year",
    "m": "month",
    "b": "month",
    "B": "month",
    "d": "day",
    "H": "hour",
    "I": "hour",
    "g": "fraction",
    "f": "fraction",
    "n": "fraction",
    "M": "minute",
    "S": "second",
    "j": "day of the year",
    "p": "half of the day",
    "z": "offset",
}
_PART = re.compile(r"%-?.|[^%]+", re.S)

Text = Callable[[str], str]
"""Writes a Python text as an SQL literal."""


class SparkDate:
    """One date format, read once.

    Raises:
        ValueError: the format has a part that Spark cannot do, says a thing twice, or has no part at all.
    """

    def __init__(self, form: str) -> None:
        self._form = form
        self._letters: list[str] = []
        self._groups: list[str] = []
        self._said: dict[str, int] = {}
        self._pattern = "".join(self._read(form))
        if not self._groups:
            raise ValueError(f"date format '{form}' has no part of a date")
        if "day of the year" in self._said and self._said.keys() & {"month", "day"}:
            raise ValueError(f"date format '{form}' has %j (day of the year) beside a month or a day")

    def text(self, value: str, literal: Text) -> str:
        """Return Spark SQL for the ISO text of the value, null where the format does not fit.

        Args:
            value: SQL of the text; it appears once in the result.
            literal: writes an SQL literal.
        """
        # Where the format does not fit, the second branch leaves every group empty.
        pattern = f"(?s)\\A(?:{_BLANK}*+{self._pattern}{_BLANK}*+|.*)\\z"
        groups = ",".join(f"${place + 1}" for place in range(len(self._groups)))
        caught = f"split(regexp_replace({value}, {literal(pattern)}, {literal(groups)}), ',')"
        shown = ", ".join([self._shown(), *self._fraction(), *(["'+00'"] if "offset" in self._said else [])])
        return (
            f"transform(array({caught}), p -> CASE WHEN p[0] <> '' "
            f"THEN transform(array({self._moment()}), t -> concat({shown}))[0] END)[0]"
        )

    def _read(self, form: str) -> list[str]:
        for short, long in _SHORTHANDS.items():
            form = re.sub(rf"(?<!%)((?:%%)*)%{short}", rf"\g<1>{long}", form)
        return [self._part(part) if part[0] == "%" else _literal_text(part) for part in _PART.findall(form)]

    def _part(self, part: str) -> str:
        if part == "%%":
            return "%"
        letter = part[-1]
        known = f"%{letter}" in FORMAT_PARTS and (len(part) == 2 or letter in _WITHOUT_ZEROS)
        if not known or letter in "%-":
            known_parts = ", ".join(FORMAT_PARTS)
            raise ValueError(
                f"date format '{self._form}' has {part}, which Spark cannot do; parts that work: {known_parts}"
            )
        if letter not in "aA":
            says = _SAYS[letter]
            if says in self._said:
                raise ValueError(f"date format '{self._form}' says the {says} twice ({part})")
            self._said[says] = len(self._groups)
        self._letters.append(letter)
        if letter == "z":
            self._groups += ["sign", "hours", "minutes", "seconds", "minutes"]
            return "([+-])([0-9]{2})(?::([0-9]{2})(?::([0-9]{2}))?+|([0-9]{2}))?+"
        self._groups.append(letter)
        if letter == "p":
            return "([AaPp])[Mm]"
        if letter in _NAMES:
            return f"((?i:{'|'.join(_NAMES[letter])}))"
        return f"([0-9]{{1,{_DIGITS[letter]}}}+)"

    def _caught(self, says: str, otherwise: str) -> str:
        """Return SQL of the digits or letters that a part caught."""
        return f"p[{self._said[says]}]" if says in self._said else otherwise

    def _moment(self) -> str:
        """Return SQL of the moment without its fraction, null where there is no such day or time."""
        year = self._caught("year", "'1900'")
        year = f"lpad({year}, 4, '0')"
        if "y" in self._letters:
            short = f"lpad({self._caught('year', '')}, 2, '0')"
            year = f"concat(CASE WHEN {short} >= '69' THEN '19' ELSE '20' END, {short})"
        month = self._caught("month", "'1'")
        if {"b", "B"} & set(self._letters):
            every = "".join(name[:3] for name in _MONTHS).lower()
            month = f"CAST((instr('{every}', lower(left({month}, 3))) + 2) DIV 3 AS STRING)"
        minute, second = self._caught("minute", "'0'"), self._caught("second", "'0'")
        parts = [
            year,
            "'-'",
            month,
            "'-'",
            self._caught("day", "'1'"),
            "' '",
            self._hour(),
            "':'",
            minute,
            "':'",
            second,
        ]
        moment = f"try_cast(concat({', '.join(parts)}) AS TIMESTAMP_NTZ)"
        if "day of the year" in self._said:
            number = f"try_cast({self._caught('day of the year', '')} AS INT)"
            moment = f"CASE WHEN {number} BETWEEN 1 AND 366 THEN timestampadd(DAY, {number} - 1, {moment}) END"
        if "offset" in self._said:
            sign, hours, minutes, seconds, bare = (f"p[{self._said['offset'] + place}]" for place in range(5))
            units = {hours: 3600, f"concat({minutes}, {bare})": 60, seconds: 1}
            amount = " + ".join(f"coalesce(try_cast({unit} AS INT), 0) * {size}" for unit, size in units.items())
            moment = f"timestampadd(SECOND, ({amount}) * CASE WHEN {sign} = '-' THEN 1 ELSE -1 END, {moment})"
        return moment

    def _hour(self) -> str:
        hour = self._caught("hour", "'0'")
        two = f"lpad({hour}, 2, '0')"
        if "half of the day" in self._said:
            # 0:10 PM is read as 12:10, 13:10 PM is no time; 12 AM is midnight.
            lowest = "'01'" if "I" in self._letters else "'00'"
            afternoon = f"CASE WHEN lower({self._caught('half of the day', '')}) = 'p' THEN 12 ELSE 0 END"
            return (
                f"CASE WHEN {two} BETWEEN {lowest} AND '12' "
                f"THEN CAST(coalesce(try_cast({hour} AS INT), 0) % 12 + {afternoon} AS STRING) END"
            )
        return f"CASE WHEN {two} BETWEEN '01' AND '12' THEN {hour} END" if "I" in self._letters else hour

    def _fraction(self) -> list[str]:
        if "fraction" not in self._said:
            return []
        digits = f"TRIM(TRAILING '0' FROM {self._caught('fraction', '')})"
        return [f"CASE WHEN {digits} = '' THEN '' ELSE concat('.', {digits}) END"]

    def _shown(self) -> str:
        shown = "CAST(t AS STRING)"
        if "offset" in self._said:
            shown = f"TRIM(LEADING '+' FROM {shown})"  # the year 10000, which an offset may reach
        if "Y" not in self._letters:
            return shown
        # There is no year 0: it is shown as the year 1 before Christ.
        before = f"concat('0001', substr({shown}, 5, 6), ' (BC)', substr({shown}, 11))"
        return f"CASE WHEN {shown} LIKE '0000-%' THEN {before} ELSE {shown} END"


def _literal_text(part: str) -> str:
    pieces = re.split(r"([ \t\n\v\f\r]+)", part)
    return "".join(
        f"{_BLANK}++" if place % 2 else "".join(map(java_literal, piece)) for place, piece in enumerate(pieces)
    )
