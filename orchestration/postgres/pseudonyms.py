"""Which columns hold personal data (a seed), and what stands in their place where nobody may see it.

A pseudonym is `p_` and the first 128 bits of HMAC-SHA-256 (RFC 2104, FIPS 180-4) under the company's secret key, in
hexadecimal: the same value is the same pseudonym in every table and every run, so that joins and counts still work,
and without the key nobody can try addresses until one fits. A column that is no text becomes null: a date has no room
for a pseudonym.
"""

from __future__ import annotations

import csv
import hashlib
import hmac
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from orchestration.sql import quote, text

SEED = "personal_columns.csv"
KINDS = frozenset({"name", "email", "phone", "address", "birth_date", "identifier", "employee", "text", "not_personal"})
NOT_PERSONAL = "not_personal"
PREFIX = "p_"
_HEX_DIGITS = 32
_BLOCK = 64  # bytes, of SHA-256


class PersonalColumnsError(Exception):
    """The seed of personal columns has a line that cannot be read; the text says which and why."""


@dataclass(frozen=True)
class Rule:
    """A line of the seed: names may hold `*`; `kind` is one of `KINDS`; `where` limits it to some rows."""

    table: str
    column: str
    kind: str
    where: tuple[str, tuple[str, ...]] | None = None

    @property
    def is_exact(self) -> bool:
        """Whether somebody has looked at this very column."""
        return "*" not in self.table + self.column


@dataclass(frozen=True)
class PersonalColumns:
    """The seed, read. Of several lines that fit, an exact one counts before one with `*`, the first before the next."""

    rules: tuple[Rule, ...]

    def of(self, table: str, column: str) -> Rule | None:
        """What is said of a column; None where nothing is, or that it is not personal."""
        rule = self.said(table, column)
        return None if rule is None or rule.kind == NOT_PERSONAL else rule

    def said(self, table: str, column: str) -> Rule | None:
        """The line that counts for a column, whatever it says."""
        fitting = [rule for rule in self.rules if fnmatchcase(table, rule.table) and fnmatchcase(column, rule.column)]
        return next((rule for rule in fitting if rule.is_exact), fitting[0] if fitting else None)


def read_personal_columns(seeds: Path) -> PersonalColumns:
    """Read the seed.

    Raises:
        PersonalColumnsError: it is missing, or a line is not as it should be.
    """
    path = seeds / SEED
    try:
        with path.open(encoding="utf-8", newline="") as file:
            lines = list(csv.DictReader(file))
    except OSError as error:
        raise PersonalColumnsError(
            f"{path}: the seed of personal columns cannot be read ({error.strerror})."
        ) from error
    rules: list[Rule] = []
    for number, line in enumerate(lines, start=2):
        kind, column, values = line.get("kind"), line.get("only_where_column"), line.get("only_where_values")
        if (
            not line.get("table_name")
            or not line.get("column_name")
            or kind not in KINDS
            or (not column) != (not values)
        ):
            raise PersonalColumnsError(
                f"{path}:{number}: a line needs table_name, column_name and kind ({', '.join(sorted(KINDS))}); "
                "only_where_column and only_where_values go together."
            )
        where = (column, tuple(values.split("|"))) if column and values else None
        rules.append(Rule(line["table_name"], line["column_name"], kind or "", where))
    names = [(rule.table, rule.column) for rule in rules]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise PersonalColumnsError(f"{path}: said twice: {', '.join('.'.join(name) for name in sorted(twice))}.")
    return PersonalColumns(tuple(rules))


def pseudonym(key: str, value: str) -> str:
    """The pseudonym of a value, as `hidden` computes it in SQL."""
    return PREFIX + hmac.new(key.encode(), value.encode(), "sha256").hexdigest()[:_HEX_DIGITS]


def pads(key: str) -> dict[str, bytes]:
    """The parameters `inner_pad` and `outer_pad` of the SQL that `hidden` returns: the key, so keep them secret."""
    secret = key.encode()
    if len(secret) > _BLOCK:
        secret = hashlib.sha256(secret).digest()
    padded = secret.ljust(_BLOCK, b"\0")
    return {"inner_pad": bytes(one ^ 0x36 for one in padded), "outer_pad": bytes(one ^ 0x5C for one in padded)}


def key_mark(key: str) -> str:
    """A short text that changes with the key and tells nothing of it."""
    return hmac.new(key.encode(), b"which key is this", "sha256").hexdigest()[:16]


def hidden(rule: Rule, expression: str, *, is_text: bool) -> str:
    """DuckDB's expression of what stands in a personal column's place; it needs the parameters of `pads`."""
    instead = "NULL"
    if is_text:
        inner = f"unhex(sha256($inner_pad::BLOB || encode({expression})))"
        outer = f"sha256($outer_pad::BLOB || {inner})"
        instead = f"{text(PREFIX)} || left({outer}, {_HEX_DIGITS})"
    if rule.where is None:
        return instead
    column, values = rule.where
    # A row that does not say what it is about is hidden like those that are.
    known = ", ".join(text(value) for value in values)
    return f"CASE WHEN coalesce({quote(column)} IN ({known}), true) THEN {instead} ELSE {expression} END"
