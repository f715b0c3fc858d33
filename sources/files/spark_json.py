"""JSON on Spark: the value at a path, written as DuckDB writes it.

Spark takes single quotes for JSON, stops reading where it has found its value, and writes numbers and emoji inside of
objects as Java does. So the whole text is asked first, and the few values that look different are written anew.
"""

from __future__ import annotations

import re
from collections.abc import Callable

Text = Callable[[str], str]
"""Writes a Python text as an SQL literal."""

_PATH_PART = re.compile(r'\.(?:"((?:[^"\\]|\\.)+)"|([^.\["*][^.\[]*))|\[(\d+)\]')

_NUMBER = r"-?[0-9]\.[0-9]+E-?[0-9]+"  # 1.0E-5, as Java writes what is very small or from ten million on
_IS_NUMBER = rf"\A{_NUMBER}\z"
_HALF_EMOJI = r"\\u[dD][89abAB]"
_RARE = rf"\A(?:null\z|{_NUMBER}\z|[\[{{](?s:.*)(?:[0-9]E|{_HALF_EMOJI}))"
# Half an emoji alone is no JSON; a backslash before it may itself be escaped.
_HEX = "[0-9a-fA-F]{2}"
_ALONE = (
    rf"(?<!\\)(?:\\\\)*+(?:\\u[dD][89abAB]{_HEX}(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB]{_HEX})\\u[dD][c-fC-F]{_HEX})"
)
# A text, a number, or what stands between.
_PIECE = r'"(?:[^"\\]|\\.)*+"|[-0-9.E]++|[^"0-9-]++'


def path_parts(path: str) -> list[str | int]:
    """Return keys and places of a JSON path such as `$.a."b c"[0]`.

    Raises:
        ValueError: it is no path, or one that Spark cannot follow.
    """
    parts: list[str | int] = []
    at = 1
    while at < len(path):
        found = _PATH_PART.match(path, at)
        if found is None:
            raise ValueError(
                f"JSON path '{path}': Spark cannot follow '{path[at:]}'; it takes keys (.name), keys in double quotes "
                '(."a name") and places from the start ([0])'
            )
        at = found.end()
        if found[3] is not None:
            parts.append(int(found[3]))
            continue
        key = re.sub(r"\\(.)", r"\1", found[1]) if found[1] is not None else found[2]
        if key == "*" or ("'" in key and re.search(r'[".\[]', key)):
            raise ValueError(f"JSON path '{path}': Spark cannot ask for the key '{key}'")
        parts.append(key)
    return parts


def json_text(value: str, path: str, literal: Text) -> str:
    """Return Spark SQL for the value at the path as text, null where it is missing or the text is no JSON.

    Args:
        value: SQL of the text; it appears once in the result.
        path: as in the company file.
        literal: writes an SQL literal.

    Raises:
        ValueError: Spark cannot follow the path.
    """
    parts = path_parts(path)
    asked = "$" + "".join(map(_asked, parts))
    typed = "$" + "".join(map(_typed, parts))
    strict = "map('allowSingleQuotes', 'false', 'allowNonNumericNumbers', 'false')"
    # Either alone would take `1,2],3`, or `1], 2`, for one value.
    whole = (
        "json_array_length(concat('[', j, ']')) = 1 "
        f"AND size(from_json(concat('[', j, ',0]'), 'array<string>', {strict})) = 2 "
        f"AND NOT regexp_like(j, {literal(_ALONE)})"
    )
    kind = f"schema_of_variant(try_variant_get(try_parse_json(j), {literal(typed)}))"
    # Whether it is a text that only looks like a number is asked of the few values that look so.
    shown = (
        f"CASE WHEN NOT coalesce(regexp_like(f, {literal(_RARE)}), FALSE) THEN f "
        f"WHEN {kind} = 'VOID' THEN NULL WHEN {kind} = 'STRING' THEN f "
        f"WHEN regexp_like(f, {literal(_IS_NUMBER)}) THEN {_number('f')} ELSE {_pieces(literal)} END"
    )
    found = f"get_json_object(j, {literal(asked)})"
    return f"transform(array({value}), j -> CASE WHEN {whole} THEN transform(array({found}), f -> {shown})[0] END)[0]"


def _asked(part: str | int) -> str:
    if isinstance(part, int):
        return f"[{part}]"
    return f"['{part}']" if re.search(r"[.\[]", part) else f".{part}"


def _typed(part: str | int) -> str:
    if isinstance(part, int):
        return f"[{part}]"
    mark = '"' if "'" in part else "'"
    return f"[{mark}{part}{mark}]"


def _pieces(literal: Text) -> str:
    """Return SQL that writes the numbers and emoji inside of the object or list f anew."""
    emoji = "to_json(named_struct('x', get_json_object(k, '$')))"  # {"x":"…"}
    piece = (
        f"CASE WHEN regexp_like(k, {literal(_IS_NUMBER)}) THEN {_number('k')} "
        f"WHEN regexp_like(k, {literal(_HALF_EMOJI)}) THEN left(substr({emoji}, 6), length({emoji}) - 6) ELSE k END"
    )
    return f"array_join(transform(regexp_extract_all(f, {literal(_PIECE)}, 0), k -> {piece}), '')"


def _number(value: str) -> str:
    """Return SQL that writes a number as DuckDB does: in full from a millionth up to 21 digits, else as 1e21."""
    number = f"abs(try_cast({value} AS DOUBLE))"
    small, large = (
        f"TRIM(TRAILING '0' FROM CAST(try_cast({value} AS DECIMAL(38, {scale})) AS STRING))" for scale in (25, 16)
    )
    whole = f"CASE WHEN {large} LIKE '%.' THEN '0' ELSE '' END"
    return (
        f"CASE WHEN {number} BETWEEN 1e-6 AND 1e-3 THEN {small} "
        f"WHEN {number} >= 1 AND {number} < 1e21 THEN concat({large}, {whole}) "
        f"ELSE lower(replace({value}, '.0E', 'e')) END"
    )
