"""Spark's spelling of what the mapping needs, so that `mapped.*` has the same values there as in DuckDB.

What cannot be said on Spark raises a ValueError that names it. Nothing written here raises on the data itself: ANSI
mode is on, so every cast is a `try_cast`. The SQL is for the default settings (backslashes escape in literals).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal

from sources.files.dialect import BLANKS, Dialect
from sources.files.patterns import java_pattern
from sources.files.spark_dates import SparkDate
from sources.files.spark_json import json_text

_BLANK = r"[ \t\n\x0B\f\r]"
_COUNT = "[0-9]+(?:_[0-9]+)*"
_NUMBER = rf"(?:{_COUNT}(?:\.(?:{_COUNT})?)?|\.{_COUNT})(?:[eE][+-]?{_COUNT})?"
_ENDLESS = r"(?i:inf(?:inity)?)"
_NOT_A_NUMBER = r"-?((?i:nan))(?:\([0-9A-Za-z_]*\))?"
# Two groups: the number, or nan without its sign. Any other text matches the last branch, which leaves both empty.
_FLOAT = rf"(?s)\A{_BLANK}*\+?(?:(-?(?:{_NUMBER}|{_ENDLESS}))|{_NOT_A_NUMBER}){_BLANK}*\z|.*"
_DECIMAL = rf"(?s)\A{_BLANK}*([+-]?{_NUMBER}){_BLANK}*\z|.*"

# Letters whose capital is more than one letter: DuckDB keeps to one letter, Spark writes them out. They are put
# aside as code points for private use before Spark turns the text into capitals.
_LONG_CAPITALS = [one for one in map(chr, range(0xE0, 0xFB18)) if len(one.upper()) > 1]
_ASIDE = "".join(chr(0x10F700 + place) for place in range(len(_LONG_CAPITALS)))
_CAPITALS = "".join(one.title() if len(one.title()) == 1 else one for one in _LONG_CAPITALS)

# The capital sigma, which Spark makes a final one at the end of a word, and the I with a dot.
_NO_SMALL, _SMALL = "\u03a3\u0130", "\u03c3i"

_MOST_BRANCHES = 4
"""Values of a map that are asked one by one; with more of them Spark looks into a map instead."""


class SparkDialect(Dialect):
    """Spark's spelling of the functions that the mapping needs; every argument is SQL text.

    Raises:
        ValueError: a pattern, a date format, a JSON path or a factor that cannot be said on Spark.
    """

    name = "spark"
    varchar = "STRING"
    nulls_last = " NULLS LAST"
    # An inner join: files of Parquet hold rows of batches that were replaced or never finished, and only the ledger
    # says which rows count. A batch that is read again keeps its id and gets a new load.
    ledger_join = "JOIN ledger.batches AS b ON b.batch_id = r._batch_id AND b.load_id = r._load_id"
    ledger_filter = " " + ledger_join

    def ident(self, name: str) -> str:
        """Return the name in backticks."""
        return "`" + name.replace("`", "``") + "`"

    def text(self, value: str) -> str:
        """Return the value as a text literal; what is no plain character is written as its number."""
        # `$` too: Spark puts settings in the place of ${...}, inside of literals as well.
        spelled = ("\\" + one if one in "'\\" else one if _plain(one) else f"\\U{ord(one):08x}" for one in value)
        return "'" + "".join(spelled) + "'"

    def lower(self, value: str) -> str:
        """Return SQL for small letters, letter by letter: no final sigma, no dot beside an i."""
        return f"lower({self._translate(value, _NO_SMALL, _SMALL)})"

    def upper(self, value: str) -> str:
        """Return SQL for capitals, letter by letter: ß becomes ẞ, not SS."""
        spared = self._translate(value, "ß" + "".join(_LONG_CAPITALS), "ẞ" + _ASIDE)
        return self._translate(f"upper({spared})", _ASIDE, _CAPITALS)

    def _translate(self, value: str, found: str, by: str) -> str:
        return f"translate({value}, {self.text(found)}, {self.text(by)})"

    def ltrim(self, value: str, characters: str) -> str:
        """Return SQL that removes these characters at the start."""
        return f"TRIM(LEADING {self.text(characters)} FROM {value})"

    def trim(self, value: str) -> str:
        """Return SQL that removes blanks at both ends; a text of blanks only becomes null."""
        return f"nullif(TRIM(BOTH {self.text(BLANKS)} FROM {value}), '')"

    def matches(self, value: str, pattern: str) -> str:
        """Return a SQL condition: the pattern (Python text) is found somewhere in the value."""
        return f"regexp_like({value}, {self.text(java_pattern(pattern))})"

    def extract(self, value: str, pattern: str) -> str:
        """Return SQL for the first group of the pattern (all of it if it has none), null where it does not match."""
        group = min(re.compile(pattern).groups, 1)
        return f"nullif(regexp_extract({value}, {self.text(java_pattern(pattern))}, {group}), '')"

    def replace_all(self, value: str, pattern: str, by: str) -> str:
        """Return SQL that replaces every match of the pattern; `by` is plain text."""
        plain = by.replace("\\", "\\\\").replace("$", "\\$")
        return f"regexp_replace({value}, {self.text(java_pattern(pattern))}, {self.text(plain)})"

    def lookup(self, value: str, pairs: Mapping[str, str | None], otherwise: str) -> str:
        """Return SQL for the value's partner, and for `otherwise` where it has none; null stays null."""
        if len(pairs) <= _MOST_BRANCHES:
            return super().lookup(value, pairs, otherwise)
        known = ", ".join(f"{self.text(key)}, {self.text(item)}" for key, item in pairs.items() if item is not None)
        missing = ", ".join(self.text(key) for key, item in pairs.items() if item is None)
        branches = f"WHEN {value} IN ({missing}) THEN NULL " if missing else ""
        found = f"coalesce(try_element_at(map({known}), {value}), {otherwise})" if known else otherwise
        return f"CASE WHEN {value} IS NULL THEN NULL {branches}ELSE {found} END"

    def json_text(self, value: str, path: str) -> str:
        """Return SQL for the value at a JSON path as text, null where the text is no JSON."""
        return json_text(value, path, self.text)

    def number(self, value: str) -> str:
        """Return SQL for the value as a number, null where it is none."""
        found = f"regexp_replace({value}, {self.text(_FLOAT)}, {self.text('$1$2')})"
        return f"try_cast(replace({found}, '_', '') AS DOUBLE)"

    def number_literal(self, value: float) -> str:
        """Return SQL for a number that others are compared with."""
        return f"CAST('{value!r}' AS DOUBLE)"

    def multiply(self, value: str, factor: int | float) -> str:
        """Return SQL for value times factor as text, exact; a value that is no number stays as it is.

        Raises:
            ValueError: the factor is 10000 or more.
        """
        exact = Decimal(repr(factor)).quantize(Decimal("1e-8"), ROUND_HALF_UP)
        if abs(exact) >= _MOST_FACTOR:
            raise ValueError(f"multiply takes a factor below {_MOST_FACTOR}; found {factor!r}")
        # Spark rounds a product of more than 38 digits, so the factor has no more digits than it needs.
        plain = f"{exact:f}".rstrip("0").rstrip(".") or "0"
        scale = len(plain.partition(".")[2])
        digits = max(len(plain.lstrip("-").replace(".", "").lstrip("0")), scale, 1)
        received = f"replace(regexp_replace(v, {self.text(_DECIMAL)}, {self.text('$1')}), '_', '')"
        times = f"CAST('{plain}' AS DECIMAL({digits}, {scale}))"
        # With a factor of twelve digits only amounts below 10^15 leave room for all decimals.
        products = [
            f"CAST(try_cast({received} AS DECIMAL({wide}, 10)) * {times} AS STRING)"
            for wide in ((26,) if digits < 12 else (25, 26))
        ]
        shown = ", ".join(f"TRIM(TRAILING '.' FROM TRIM(TRAILING '0' FROM {one}))" for one in products)
        return f"transform(array({value}), v -> coalesce({shown}, v))[0]"

    def date_text(self, value: str, formats: Sequence[str]) -> str:
        """Return SQL for ISO text of a date or time in one of the formats; else the value as it is.

        A format with an offset (%z) gives UTC with `+00`, the offset of the text is applied.
        """
        shown = ", ".join(SparkDate(form).text("v", self.text) for form in formats)
        return f"transform(array({value}), v -> coalesce({shown}, v))[0]"

    def json_object(self, columns: Sequence[str]) -> str:
        """Return SQL for one JSON text of these columns of the table r and their values."""
        pairs = ", ".join(f"{self.text(name)}, r.{self.ident(name)}" for name in columns)
        return f"to_json(named_struct({pairs}), map('ignoreNullFields', 'false'))"


_MOST_FACTOR = 10_000


def _plain(character: str) -> bool:
    return character.isprintable() and character != "$"


SPARK = SparkDialect()
