"""What differs between SQL engines when files are mapped: quoting, dates, regular expressions, JSON, hashes.

Everything the mapping writes goes through one `Dialect`, so that another engine is another class.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

# Spaces, tabs, line ends, the no-break space and the zero-width marks that spreadsheets leave behind.
BLANKS = " \t\r\n\v\f\u00a0\u200b\ufeff"
"""What is trimmed at both ends of a value."""


def ident(name: str) -> str:
    """Return the name as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    """Return the value as a SQL text literal."""
    return "'" + value.replace("'", "''") + "'"


class Dialect:
    """DuckDB's spelling of the functions that the mapping needs; every argument is SQL text."""

    name = "duckdb"
    varchar = "VARCHAR"
    nulls_last = ""  # as DuckDB orders anyway
    # An outer join: a row whose ledger entry is missing must still be seen.
    ledger_join = "LEFT JOIN ledger.batches AS b ON b.batch_id = r._batch_id"
    ledger_filter = ""

    def ident(self, name: str) -> str:
        """Return the name as a quoted SQL identifier."""
        return ident(name)

    def text(self, value: str) -> str:
        """Return the value as a SQL text literal."""
        return text(value)

    def type(self, kind: str) -> str:
        """Return the engine's name of a SQL type; `VARCHAR` is text of any length."""
        return self.varchar if kind == "VARCHAR" else kind

    def null(self, kind: str = "VARCHAR") -> str:
        """Return SQL for a missing value of a type."""
        return f"CAST(NULL AS {self.type(kind)})"

    def lower(self, value: str) -> str:
        """Return SQL for the value in small letters."""
        return f"lower({value})"

    def upper(self, value: str) -> str:
        """Return SQL for the value in capitals."""
        return f"upper({value})"

    def ltrim(self, value: str, characters: str) -> str:
        """Return SQL that removes these characters at the start."""
        return f"ltrim({value}, {text(characters)})"

    def char(self, code: int) -> str:
        """Return SQL for one character by its code."""
        return f"chr({code})"

    def trim(self, value: str) -> str:
        """Return SQL that removes blanks at both ends; a text of blanks only becomes null."""
        return f"nullif(trim({value}, {text(BLANKS)}), '')"

    def matches(self, value: str, pattern: str) -> str:
        """Return a SQL condition: the pattern (Python text) is found somewhere in the value."""
        return f"regexp_matches({value}, {text(pattern)})"

    def extract(self, value: str, pattern: str) -> str:
        """Return SQL for the first group of the pattern (all of it if it has none), null where it does not match."""
        group = min(re.compile(pattern).groups, 1)
        return (
            f"CASE WHEN {self.matches(value, pattern)} "
            f"THEN nullif(regexp_extract({value}, {text(pattern)}, {group}), '') END"
        )

    def replace_all(self, value: str, pattern: str, by: str) -> str:
        """Return SQL that replaces every match of the pattern."""
        return f"regexp_replace({value}, {text(pattern)}, {text(by)}, 'g')"

    def split_part(self, value: str, by: str, part: int) -> str:
        """Return SQL for the 1-based part (negative: from the end), null where there is none."""
        return f"nullif(split_part({value}, {self.text(by)}, {part}), '')"

    def lookup(self, value: str, pairs: Mapping[str, str | None], otherwise: str) -> str:
        """Return SQL for the value's partner, and for `otherwise` where it has none; null stays null."""
        branches = " ".join(
            f"WHEN {value} = {self.text(key)} THEN {self.null() if item is None else self.text(item)}"
            for key, item in pairs.items()
        )
        # A missing value is not an unknown one: it stays missing, whatever the default.
        return f"CASE WHEN {value} IS NULL THEN NULL {branches} ELSE {otherwise} END"

    def json_text(self, value: str, path: str) -> str:
        """Return SQL for the value at a JSON path as text, null where the text is no JSON."""
        return f"TRY(json_extract_string({value}, {text(path)}))"

    def number(self, value: str) -> str:
        """Return SQL for the value as a number, null where it is none."""
        return f"TRY_CAST({value} AS DOUBLE)"

    def number_literal(self, value: float) -> str:
        """Return SQL for a number that others are compared with."""
        return str(value)

    def multiply(self, value: str, factor: int | float) -> str:
        """Return SQL for value times factor as text, exact; a value that is no number stays as it is."""
        product = f"CAST(TRY_CAST({value} AS DECIMAL(26, 10)) * CAST({factor!r} AS DECIMAL(12, 8)) AS VARCHAR)"
        # Decimals are written with all their places: 12.5000 becomes 12.5, 12.0000 becomes 12.
        return f"coalesce(rtrim(rtrim(TRY({product}), '0'), '.'), {value})"

    def date_text(self, value: str, formats: Sequence[str]) -> str:
        """Return SQL for ISO text of a date or time in one of the formats; else the value as it is.

        A format with an offset (%z) gives UTC with `+00`, the offset of the text is applied.
        """
        shown = [f"CAST(try_strptime({value}, {text(form)}) AS VARCHAR)" for form in formats]
        return f"coalesce({', '.join(shown)}, {value})"

    def md5(self, value: str) -> str:
        """Return SQL for the MD5 of a text as 32 hexadecimal characters."""
        return f"md5({value})"

    def json_object(self, columns: Sequence[str]) -> str:
        """Return SQL for one JSON text of these columns of the table r and their values."""
        pairs = ", ".join(f"{text(name)}, r.{ident(name)}" for name in columns)
        return f"CAST(json_object({pairs}) AS VARCHAR)"


DUCKDB = Dialect()
