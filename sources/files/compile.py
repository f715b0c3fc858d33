"""Compile expressions and conditions of the company file into SQL over one raw table, all of it text."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sources.files.dialect import Dialect
from sources.files.expressions import Condition, Expression

Resolve = Callable[[str], str]
"""Gives the SQL of a received column by its name."""

# 1.234,50 or 1 234,50 or 1'234,50 or 1234,50: thousands in groups of three, then at most one comma.
_DECIMAL_COMMA = r"^[+-]?(\d{1,3}([. '\x{00a0}\x{202f}]\d{3})+|\d+)(,\d+)?$"


class Compiler:
    """Writes SQL for one raw table.

    Args:
        dialect: the engine's spelling.
        resolve: gives the SQL of a received column.
        received: all received columns, for `hash: "*"`.
    """

    def __init__(self, dialect: Dialect, resolve: Resolve, received: Sequence[str]) -> None:
        self._sql = dialect
        self._resolve = resolve
        self._received = received

    def value(self, expression: Expression) -> str:
        """Return SQL for the value of an expression as text, null where it is missing.

        Raises:
            ValueError: the engine cannot do a part of the expression; the message names the part.
        """
        text = self._sql.text
        value = self._base(expression)
        if expression.null_if:
            missing = ", ".join(map(text, expression.null_if))
            value = f"CASE WHEN {value} NOT IN ({missing}) THEN {value} END"
        value = self._cut(expression, value)
        if expression.map is not None:
            value = self._mapped(expression, value)
        value = self._calculated(expression, value)
        if expression.prefix is not None:
            value = f"({text(expression.prefix)} || {value})"
        if expression.suffix is not None:
            value = f"({value} || {text(expression.suffix)})"
        if expression.format:
            value = self._sql.date_text(value, expression.format)
        return value

    def condition(self, condition: Condition) -> str:
        """Return SQL that is true or false, never null."""
        text = self._sql.text
        value = self.value(condition.column)
        if condition.is_null is not None:
            asked = f"{value} IS {'' if condition.is_null else 'NOT '}NULL"
        elif condition.equals is not None:
            asked = f"{value} = {text(condition.equals)}"
        elif condition.in_ is not None:
            asked = f"{value} IN ({', '.join(map(text, condition.in_))})"
        elif condition.starts_with is not None:
            asked = f"left({value}, {len(condition.starts_with)}) = {text(condition.starts_with)}"
        elif condition.ends_with is not None:
            asked = f"right({value}, {len(condition.ends_with)}) = {text(condition.ends_with)}"
        elif condition.matches is not None:
            asked = self._sql.matches(value, condition.matches)
        elif condition.above is not None:
            asked = f"{self._sql.number(value)} > {self._sql.number_literal(condition.above)}"
        elif condition.below is not None:
            asked = f"{self._sql.number(value)} < {self._sql.number_literal(condition.below)}"
        else:
            raise ValueError("a condition asks nothing")
        asked = f"coalesce({asked}, FALSE)"
        return f"NOT {asked}" if condition.not_ else asked

    def column(self, name: str) -> str:
        """Return SQL for a received column, trimmed, null where it is blank."""
        return self._sql.trim(self._resolve(name))

    def all_of(self, conditions: Sequence[Condition]) -> str:
        """Return SQL that is true where every condition holds."""
        return " AND ".join(f"({self.condition(one)})" for one in conditions) or "TRUE"

    def _base(self, expression: Expression) -> str:
        if expression.flag is not None:
            return f"CASE WHEN {self.condition(expression.flag)} THEN 'true' ELSE 'false' END"
        if expression.hash is not None:
            return self._hash(expression.hash)
        if expression.column is not None:
            value = self._resolve(expression.column)
        elif expression.concat is not None:
            value = f"concat_ws({self._sql.text(expression.separator)}, {self._list(expression.concat)})"
        elif expression.first_of is not None:
            value = f"coalesce({self._list(expression.first_of)})"
        elif expression.constant is None:
            return self._sql.null()
        else:
            return self._sql.text(expression.constant)
        if expression.json_path is not None:
            value = self._sql.json_text(value, expression.json_path)
        return self._sql.trim(value) if expression.trim else f"nullif({value}, '')"

    def _list(self, expressions: Sequence[Expression]) -> str:
        return ", ".join(self.value(one) for one in expressions)

    def _hash(self, columns: str | list[str]) -> str:
        mark, text = self._sql.char(31), self._sql.text
        if columns == "*":
            # By name and without missing values, so that a column which comes later changes no older hash.
            names = sorted(self._received, key=str.lower)
            parts = [f"{text(name.lower() + '=')} || {self._resolve(name)}" for name in names]
            return self._sql.md5(f"concat_ws({mark}, {', '.join(parts)})")
        values = [self._resolve(name) for name in columns]
        joined = ", ".join(f"coalesce({value}, '')" for value in values)
        hashed = self._sql.md5(f"concat_ws({mark}, {joined})")
        return f"CASE WHEN coalesce({', '.join(values)}) IS NOT NULL THEN {hashed} END"

    def _cut(self, expression: Expression, value: str) -> str:
        text = self._sql.text
        if expression.remove_prefix is not None:
            start = expression.remove_prefix
            value = (
                f"CASE WHEN left({value}, {len(start)}) = {text(start)} "
                f"THEN nullif(substr({value}, {len(start) + 1}), '') ELSE {value} END"
            )
        if expression.remove_suffix is not None:
            end = expression.remove_suffix
            value = (
                f"CASE WHEN right({value}, {len(end)}) = {text(end)} "
                f"THEN nullif(left({value}, length({value}) - {len(end)}), '') ELSE {value} END"
            )
        if expression.lower:
            value = self._sql.lower(value)
        if expression.upper:
            value = self._sql.upper(value)
        if expression.split is not None:
            value = self._sql.split_part(value, expression.split.by, expression.split.part)
            value = self._sql.trim(value) if expression.trim else value
        if expression.regex is not None:
            value = self._sql.extract(value, expression.regex)
        return value

    def _mapped(self, expression: Expression, value: str) -> str:
        otherwise = value
        if "default" in expression.model_fields_set:
            default = expression.default
            otherwise = self._sql.null() if default is None else self._sql.text(default)
        return self._sql.lookup(value, expression.map or {}, otherwise)

    def _calculated(self, expression: Expression, value: str) -> str:
        if expression.decimal_comma:
            bare = self._sql.replace_all(value, r"[. '\x{00a0}\x{202f}]", "")
            value = (
                f"CASE WHEN {self._sql.matches(value, _DECIMAL_COMMA)} THEN replace({bare}, ',', '.') ELSE {value} END"
            )
        if expression.multiply is not None:
            value = self._sql.multiply(value, expression.multiply)
        if expression.absolute:
            value = f"CASE WHEN {self._sql.number(value)} < 0 THEN {self._sql.ltrim(value, '- ')} ELSE {value} END"
        return value
