"""JSON as received: numbers keep every digit on their way through Python."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Mapping, Sequence, Set
from typing import Any


class _Decimal(float):
    """A number with a fraction or an exponent that remembers how it was written (1.10 stays 1.10)."""

    text: str

    def __new__(cls, text: str) -> _Decimal:
        made = super().__new__(cls, text)
        made.text = text
        return made


class _Integer(int):
    """A whole number that a fast writer would refuse or change."""

    text: str

    def __new__(cls, text: str) -> _Integer:
        made = super().__new__(cls, text)
        made.text = text
        return made


def _integer(text: str) -> int:
    return int(text) if len(text) <= 18 and text != "-0" else _Integer(text)


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no JSON")


def _loaded(loads: Callable[[bytes], Any], body: bytes) -> Any:
    """Parse without the cyclic collector, which would look at every new object several times: JSON has no cycles."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        return loads(body)
    finally:
        if was_on:
            gc.enable()


def parse(body: bytes) -> Any:
    """Return the JSON value of an answer; `line` writes its records again with every number as it was.

    Raises:
        ValueError: it is no JSON.
    """
    import orjson

    try:
        value = _loaded(orjson.loads, body)
        if orjson.dumps(value) == body:
            return value  # the fast parser has lost nothing
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        pass  # half an escaped character, a byte order mark, another encoding: the slow parser may know it
    return json.loads(body, parse_float=_Decimal, parse_int=_integer, parse_constant=_no_number)


def _written(value: Any) -> Any:
    import orjson

    if isinstance(value, (_Decimal, _Integer)):
        return orjson.Fragment(value.text)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (tuple, list)):
        return list(value)
    raise TypeError(type(value).__name__)


def line(record: Mapping[str, Any]) -> bytes:
    """Return a record as one line of JSON, line end included."""
    import orjson

    try:
        return orjson.dumps(record, _written, orjson.OPT_APPEND_NEWLINE | orjson.OPT_PASSTHROUGH_SUBCLASS)
    except orjson.JSONEncodeError:
        # Half an escaped character, as left by who cuts a text: it stays an escape.
        return json.dumps(record, separators=(",", ":")).encode() + b"\n"


WRITTEN_AS: Mapping[type, str | None] = {
    type(None): None,
    str: "text",
    bool: "boolean",
    int: "number",
    float: "number",
    _Integer: "number",
    _Decimal: "number",
    dict: "object",
    list: "list",
    tuple: "list",
}
"""Type of a value to its kind in JSON, None for a null."""


def texts_of(values: Sequence[Any], types: Set[type]) -> Sequence[str | None]:
    """Return values as a raw table holds them: a string's own text, else the JSON that `line` writes; null is None.

    Args:
        values: of one field.
        types: of them.

    Raises:
        TypeError: JSON has no such value.
        UnicodeError: it holds half a character.
    """
    import orjson

    if types <= _TEXTS:
        return values
    dumps, options = orjson.dumps, orjson.OPT_PASSTHROUGH_SUBCLASS
    if types <= _NESTED:
        return [None if value is None else dumps(value, _written, options).decode() for value in values]
    return [
        value if value is None or isinstance(value, str)
        else value.text if isinstance(value, (_Decimal, _Integer))
        else dumps(value, _written, options).decode()
        for value in values
    ]  # fmt: skip


_TEXTS: frozenset[type] = frozenset({str, type(None)})
_NESTED: frozenset[type] = frozenset({dict, list, tuple, type(None)})
