"""JSON as text: the members of an object with every value as it is written, and the records that a text wraps.

Numbers keep every digit (1.10 stays 1.10), nested values stay JSON text, a string is its own text. Names that come
twice in an object are both kept. NaN and Infinity, which JSON does not know but some programs write, are numbers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from json.decoder import scanstring  # type: ignore[attr-defined]

Wraps = tuple[tuple[str, ...], ...]
"""Paths under which a text may hold its record or a list of records, tried in order."""

BLANK = re.compile(r"[ \t\r\n]*").match


class Number(str):
    """A number as written."""

    __slots__ = ()
    kind = "number"


class Flag(str):
    """True or false."""

    __slots__ = ()
    kind = "boolean"


class Object(str):
    """An object as written."""

    __slots__ = ()
    kind = "object"


class List(str):
    """A list as written."""

    __slots__ = ()
    kind = "list"


_TRUE, _FALSE = Flag("true"), Flag("false")
# Numbers stay text, as long ones are no Python numbers; objects become lists of pairs, so that names may repeat.
_flat = json.JSONDecoder(object_pairs_hook=list, parse_int=Number, parse_float=Number, parse_constant=Number).decode
scan = json.JSONDecoder(parse_int=Number, parse_float=Number, parse_constant=Number).scan_once  # type: ignore[attr-defined]
"""Returns a JSON value (numbers as text) and where it ends."""

Members = list[tuple[str, str | None]]


def kind_of(value: str) -> str:
    """Return what a value of `parse_object` was in JSON: text, number, boolean, object or list."""
    return getattr(value, "kind", "text")


def parse_object(line: str) -> Members:
    """Return the members of a JSON object in order, values as text: a string's own text, else the JSON as written.

    A value that is no string is a text of a type that tells its kind; null is None.

    Raises:
        ValueError: the line is not one JSON object.
    """
    try:
        return _flat_members(line) or _members(line)
    except (IndexError, StopIteration) as error:
        raise ValueError("not valid JSON") from error
    except RecursionError as error:
        raise ValueError("not readable: JSON nested too deeply") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"not valid JSON ({error.msg} at character {error.pos + 1})") from error


def _flat_members(line: str) -> Members | None:
    """Return the members of an object without nested values, or None for anything else, wrong JSON included.

    Most events are flat, and the decoder in C is several times faster than asking where each value is written.
    """
    try:
        pairs: Members = _flat(line)
    except (ValueError, RecursionError):
        return None
    if not line.lstrip(" \t\r\n").startswith("{"):
        return None
    # Half a character can only come from an escape.
    is_plain = "\\u" not in line
    members: Members = []
    for name, value in pairs:
        if value is None or value.__class__ is Number:
            kept = value
        elif isinstance(value, str):
            kept = value if is_plain else storable(value)
        elif value is True:
            kept = _TRUE
        elif value is False:
            kept = _FALSE
        else:
            return None
        members.append((name if is_plain else storable(name), kept))
    return members


def _members(line: str) -> Members:
    at = _after_blanks(line, 0)
    if line[at] != "{":
        scan(line, at)
        raise ValueError("not a JSON object")
    found, end = _walk(line, at)
    if line[end:].strip(" \t\r\n"):
        raise ValueError("text follows the JSON object")
    return [(storable(name), _text(value, line, start, stop)) for name, value, start, stop in found]


def _walk(line: str, at: int) -> tuple[list[tuple[str, object, int, int]], int]:
    """Return name, value, start and end of the members of the object that starts at a place, and where it ends."""
    found: list[tuple[str, object, int, int]] = []
    at = _after_blanks(line, at + 1)
    while line[at] != "}":
        if line[at] != '"':
            raise ValueError("not valid JSON (a name in double quotes is missing)")
        name, at = scanstring(line, at + 1)
        at = _after_blanks(line, at)
        if line[at] != ":":
            raise ValueError("not valid JSON (a colon is missing)")
        at = _after_blanks(line, at + 1)
        value, end = scan(line, at)
        found.append((name, value, at, end))
        at = _after_blanks(line, end)
        if line[at] == ",":
            at = _after_blanks(line, at + 1)
            if line[at] == "}":
                raise ValueError("not valid JSON (a comma before the closing brace)")
        elif line[at] != "}":
            raise ValueError("not valid JSON (a comma is missing)")
    return found, at + 1


def _after_blanks(line: str, at: int) -> int:
    return BLANK(line, at).end()  # type: ignore[union-attr]


def _text(value: object, line: str, start: int, end: int) -> str | None:
    if value is None or isinstance(value, Number):
        return value
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, bool):
        return _TRUE if value else _FALSE
    return (Object if line[start] == "{" else List)(line[start:end])


def storable(value: str) -> str:
    r"""Return a text without half characters: JSON may escape one (\ud800), no text column can hold it."""
    return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()


def records_in(line: str, wraps: Wraps) -> Sequence[str]:
    """Return the texts of the records that a JSON text holds.

    Args:
        line: one JSON value. A list with an object in it is that many records, a list of nothing is none.
        wraps: where an object may hold its record or a list of records; the first path with an object or a list
            counts, all of its values if a name comes twice. Without one the object itself is the record.

    Returns:
        Texts of values, which need not be objects nor, if the text is no JSON, anything readable.
    """
    at = _after_blanks(line, 0)
    opening = line[at : at + 1]
    try:
        if opening == "[":
            elements, end = elements_of(line, at)
            if line[end:].strip(" \t\r\n"):
                return [line]
            if elements and not any(line[start] == "{" for start, _ in elements):
                return [line]
            return [record for start, end in elements for record in unwrapped(line[start:end], wraps)]
        if opening == "{":
            return unwrapped(line, wraps)
    except (ValueError, IndexError, StopIteration, RecursionError):
        pass  # whoever parses the text says what is wrong with it
    return [line]


def elements_of(line: str, at: int) -> tuple[list[tuple[int, int]], int]:
    """Return start and end of the elements of the list that starts at a place, and where it ends.

    Raises:
        ValueError, IndexError, StopIteration, RecursionError: it is no list in valid JSON.
    """
    elements: list[tuple[int, int]] = []
    at = _after_blanks(line, at + 1)
    while line[at] != "]":
        _, end = scan(line, at)
        elements.append((at, end))
        at = _after_blanks(line, end)
        if line[at] == ",":
            at = _after_blanks(line, at + 1)
            if line[at] == "]":
                raise ValueError("a comma before the closing bracket")
        elif line[at] != "]":
            raise ValueError("a comma is missing")
    return elements, at + 1


def unwrapped(text: str, wraps: Wraps) -> Sequence[str]:
    """Return the texts of the records that an object wraps; the object itself if it wraps none.

    Raises:
        ValueError, IndexError, StopIteration, RecursionError: it is no valid JSON.
    """
    if not text.startswith("{", _after_blanks(text, 0)):
        return [text]
    for path in wraps:
        if f'"{path[0]}"' not in text and "\\u" not in text:
            continue
        at = _after_blanks(text, 0)
        found = _values_at(text, at, path)
        if found:
            if text[scan(text, at)[1] :].strip(" \t\r\n"):
                raise ValueError("text follows the JSON object")
            records = []
            for start, end in found:
                inside = elements_of(text, start)[0] if text[start] == "[" else [(start, end)]
                records += [text[one:other] for one, other in inside]
            return records
    return [text]


def _values_at(text: str, at: int, path: tuple[str, ...]) -> list[tuple[int, int]]:
    """Return start and end of the objects and lists under a path of the object that starts at a place."""
    if text[at] != "{":
        return []
    members, _ = _walk(text, at)
    nested = [
        (start, end) for name, value, start, end in members if name == path[0] and isinstance(value, (dict, list))
    ]
    if len(path) == 1:
        return nested
    return [one for start, _ in nested for one in _values_at(text, start, path[1:])]
