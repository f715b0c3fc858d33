"""Expressions and conditions of the company file: how the value of a column is made from received columns.

The order in which modifiers work is fixed, whatever their order in the file: json, trim, null_if, remove_prefix,
remove_suffix, lower, upper, split, regex, map (with default), decimal_comma, multiply, absolute, prefix, suffix,
format. A value that is empty, or blank after trim, is missing (null).
"""

from __future__ import annotations

import datetime as dt
import math
import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from sources.files.patterns import checked_pattern

BASES: tuple[str, ...] = ("column", "constant", "flag", "concat", "first_of", "hash")
"""What a value can be made from; an expression has exactly one of them."""

OPERATORS: tuple[str, ...] = (
    "equals",
    "in",
    "starts_with",
    "ends_with",
    "matches",
    "is_null",
    "above",
    "below",
)
"""What a condition can ask; a condition has exactly one of them."""


MOST_FACTOR = 10_000
"""`multiply` takes smaller factors, of which eight decimals count."""


class Strict(BaseModel):
    """A model that answers an unknown key with the key and the allowed ones (error type `unknown_key`)."""

    # Pydantic's own messages would quote values, and a value may have come from the environment.
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, data: Any) -> Any:
        if isinstance(data, dict):
            allowed = [field.alias or name for name, field in cls.model_fields.items()]
            known = {*allowed, *cls.model_fields}
            for key in data:
                if key not in known:
                    raise PydanticCustomError(
                        "unknown_key",
                        "unknown key '{found}'; allowed: {allowed_text}",
                        {"found": str(key), "allowed": allowed, "allowed_text": ", ".join(allowed)},
                    )
        return data


def _as_text(value: Any) -> Any:
    """Turn what YAML made of an unquoted value back into text; a boolean is refused, since its text is lost."""
    if isinstance(value, bool):
        raise PydanticCustomError(
            "text_needed",
            "YAML read '{found}' (yes, no, on, off, true, false) as a truth value; put it in quotes",
            {"found": str(value).lower()},
        )
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, (dt.datetime, dt.date)):
        return str(value)
    return value


def _as_constant(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else _as_text(value)


def _as_list(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def _as_expression(value: Any) -> Any:
    return {"column": value} if isinstance(value, str) else value


def _as_pairs(value: Any) -> Any:
    if isinstance(value, dict):
        return {_as_text(key): None if item is None else _as_constant(item) for key, item in value.items()}
    return value


Text = Annotated[str, BeforeValidator(_as_text)]
Constant = Annotated[str, BeforeValidator(_as_constant)]
TextList = Annotated[list[Text], BeforeValidator(_as_list), Field(min_length=1)]


class Split(Strict):
    """Take one part of a value: `{by: "+", part: 1}`; parts count from 1, negative ones from the end."""

    by: str = Field(min_length=1)
    part: int

    @field_validator("part")
    @classmethod
    def _not_zero(cls, part: int) -> int:
        if part == 0:
            raise ValueError("parts are counted from 1 (or from -1 at the end)")
        return part


class Expression(Strict):
    """The value of a canonical column: one base (`BASES`) and any modifiers. Text alone means `column`."""

    column: str | None = Field(default=None, min_length=1)
    constant: Constant | None = None
    flag: Condition | None = None
    concat: list[Value] | None = Field(default=None, min_length=1)
    first_of: list[Value] | None = Field(default=None, min_length=1)
    hash: Literal["*"] | list[str] | None = None
    separator: str = ""
    json_path: str | None = Field(default=None, alias="json")
    trim: bool = True
    null_if: TextList | None = None
    remove_prefix: Text | None = Field(default=None, min_length=1)
    remove_suffix: Text | None = Field(default=None, min_length=1)
    lower: bool = False
    upper: bool = False
    split: Split | None = None
    regex: str | None = None
    map: Annotated[dict[str, str | None], BeforeValidator(_as_pairs)] | None = None
    default: Constant | None = None
    decimal_comma: bool = False
    multiply: int | float | None = None
    absolute: bool = False
    prefix: Text | None = None
    suffix: Text | None = None
    format: TextList | None = None

    @model_validator(mode="before")
    @classmethod
    def _column_name(cls, data: Any) -> Any:
        return _as_expression(data)

    @field_validator("regex")
    @classmethod
    def _pattern(cls, value: str | None) -> str | None:
        return None if value is None else checked_pattern(value)

    @field_validator("json_path")
    @classmethod
    def _path(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith("$"):
            raise ValueError(f"a JSON path starts with '$', as in '$.address.city'; found '{value}'")
        return value

    @field_validator("format")
    @classmethod
    def _formats(cls, value: list[str] | None) -> list[str] | None:
        for form in value or []:
            if "%" not in form:
                raise ValueError(f"a date format has parts such as %Y-%m-%d %H:%M:%S; found '{form}'")
            wrong = re.sub(r"%-[dmyHIMSj]|%[aAbBcdfgGHIjmMnpSuUVwWxXyYzZ%]", "", form)
            if "%" in wrong:
                raise ValueError(f"'{form}' has a part that is no date part after its %")
        return value

    @field_validator("multiply")
    @classmethod
    def _factor(cls, value: float | None) -> float | None:
        if value is not None and not abs(value) < MOST_FACTOR:
            raise ValueError(f"multiply takes a factor below {MOST_FACTOR}; found {value}")
        return value

    @model_validator(mode="after")
    def _one_base(self) -> Expression:
        given = [name for name in BASES if name in self.model_fields_set]
        if len(given) != 1:
            found = " and ".join(given) or "none"
            raise ValueError(f"an expression needs exactly one of {', '.join(BASES)}; found {found}")
        if getattr(self, given[0]) is None and given[0] != "constant":
            raise ValueError(f"'{given[0]}' is empty")
        if self.lower and self.upper:
            raise ValueError("lower and upper exclude each other")
        if "separator" in self.model_fields_set and self.concat is None:
            raise ValueError("separator belongs to concat")
        if "default" in self.model_fields_set and self.map is None:
            raise ValueError("default belongs to map; to fill a missing value use first_of with a constant")
        return self

    def columns_used(self) -> set[str]:
        """Return the received columns this expression needs (none for `hash: '*'`)."""
        used = {self.column} if self.column else set()
        for part in [*(self.concat or []), *(self.first_of or [])]:
            used |= part.columns_used()
        if self.flag is not None:
            used |= self.flag.columns_used()
        if isinstance(self.hash, list):
            used |= set(self.hash)
        return used


Value = Annotated[Expression, BeforeValidator(_as_expression)]


class Condition(Strict):
    """A question about one value: `{column: Invoice, starts_with: C}`, turned around by `not: true`.

    `column` is a received column or an expression. A missing value answers no to every question but `is_null`.
    `above` and `below` compare numbers; what is no number answers no.
    """

    column: Value
    equals: Text | None = None
    in_: TextList | None = Field(default=None, alias="in")
    starts_with: Text | None = Field(default=None, min_length=1)
    ends_with: Text | None = Field(default=None, min_length=1)
    matches: str | None = None
    is_null: bool | None = None
    above: int | float | None = None
    below: int | float | None = None
    not_: bool = Field(default=False, alias="not")

    @field_validator("matches")
    @classmethod
    def _pattern(cls, value: str | None) -> str | None:
        return None if value is None else checked_pattern(value)

    @field_validator("above", "below")
    @classmethod
    def _finite(cls, value: float | None) -> float | None:
        if value is not None and not math.isfinite(value):
            raise ValueError(f"a number is needed; found {value}")
        return value

    @model_validator(mode="after")
    def _one_operator(self) -> Condition:
        given = [name for name in OPERATORS if getattr(self, "in_" if name == "in" else name) is not None]
        if len(given) != 1:
            found = " and ".join(given) or "none"
            hint = " (for a missing value use is_null: true)" if "equals" in self.model_fields_set and not given else ""
            raise ValueError(f"a condition needs exactly one of {', '.join(OPERATORS)}; found {found}{hint}")
        return self

    def columns_used(self) -> set[str]:
        """Return the received columns this condition needs."""
        return self.column.columns_used()


Expression.model_rebuild()
Condition.model_rebuild()
