"""Problems of a company file: where, what was found, what is allowed; and how pydantic's errors become such."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

_SHOWN_CHARACTERS = 60
_PLACEHOLDER = re.compile(r"\$\{ENV:[^}]*\}")
_SECRET_KEY = re.compile(
    r"(^|[._-])(pass(word|wd|phrase)?|pwd|secrets?|token|api_?key|access[._]?key(_?id)?|account_?key|private_?key|"
    r"secret[._]key|credentials?|sas|connection_?string)$",
    re.IGNORECASE,
)
_SECRET_VALUE = re.compile(
    r"://[^/\s:@]*:[^/\s@]+@"  # user:password@host
    r"|[?&;](sig|token|access_token|api_?key|key|secret|password|x-amz-signature|x-amz-credential)=[^&\s]"
    r"|\b(AKIA|ASIA)[0-9A-Z]{16}\b"
    r"|\b(ghp|gho|github_pat|glpat|sk_live|rk_live|xox[abp])[_-][A-Za-z0-9_-]{10,}"
    r"|\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\."
    r"|-----BEGIN [A-Z ]*PRIVATE KEY"
    r"|\b(AccountKey|SharedAccessSignature)=",
    re.IGNORECASE,
)
# In these places a key is the name of a field or of a value, so a column called `token` is no secret there.
_NAMING_PLACES = frozenset({"columns", "where", "reject", "map", "one_per"})


@dataclass(frozen=True)
class CompanyProblem:
    """One thing that is wrong in a company file; `line` counts from 1, `key` is its path ('' = the whole file)."""

    file: str
    line: int | None
    key: str
    found: str
    allowed: str

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}, line {self.line}"
        key = f"{self.key}: " if self.key else ""
        return f"{where}: {key}found {self.found}; allowed: {self.allowed}"


class CompanyError(ValueError):
    """The company file cannot be used; `problems` names everything that is wrong, not only the first thing."""

    def __init__(self, problems: Sequence[CompanyProblem]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def key_text(path: Iterable[str | int]) -> str:
    """A key path as people write it: sources.shop.datasets.orders.entities[0].columns."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """' (did you mean `x`?)' for the nearest known word, or ''."""
    near = nearest(word, known)
    return f" (did you mean `{near}`?)" if near else ""


def nearest(word: object, known: Iterable[str]) -> str | None:
    """The known word that was probably meant, or None."""
    folded = {name.casefold(): name for name in sorted(known)}
    close = difflib.get_close_matches(str(word).casefold(), folded, n=1, cutoff=0.6)
    return folded[close[0]] if close else None


def one_of(word: object, known: Iterable[str], *, limit: int = 25) -> str:
    """The list of what is allowed, with the nearest of them named; long lists are cut."""
    words = sorted(known)
    shown = ", ".join(words[:limit]) + (f" … ({len(words)} in all)" if len(words) > limit else "")
    return (shown or "nothing here") + did_you_mean(word, words)


def is_secret(path: Sequence[str | int], value: object) -> bool:
    """Whether a value looks like a password or token that was written out instead of taken from the environment."""
    if not isinstance(value, str):
        return _names_secret(path) and isinstance(value, int) and not isinstance(value, bool)
    rest = _PLACEHOLDER.sub("", value)
    if not rest.strip():
        return False
    return bool(_SECRET_VALUE.search(rest)) or _names_secret(path)


def _names_secret(path: Sequence[str | int]) -> bool:
    names = [step for step in path if isinstance(step, str)]
    return bool(names) and not _NAMING_PLACES.intersection(names[:-1]) and bool(_SECRET_KEY.search(names[-1]))


def show(path: Sequence[str | int], value: object) -> str:
    """A value as messages show it: short, and never one that may be a secret."""
    if isinstance(value, dict):
        return "a mapping with " + (", ".join(f"`{key}`" for key in list(value)[:6]) or "no keys")
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if value is None:
        return "nothing"
    if is_secret(path, value):
        return "a value that is not shown, because it looks like a secret"
    text = repr(value) if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…"


def from_pydantic(
    error: ValidationError,
    model: type[BaseModel],
    data: Any,
    file: str,
    line_of: Callable[[tuple[Any, ...]], int | None],
) -> list[CompanyProblem]:
    """Pydantic's errors as problems, one for each place: of a union, the branch that came nearest speaks."""
    places: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for item in error.errors(include_url=False):
        place = _clean(item["loc"], data, missing=item["type"] == "missing")
        places.setdefault(_down_to_found(place, item, data), []).append(dict(item))
    deepest = [
        path
        for path in places
        # An error inside says more than the one about the branch that holds it.
        if not any(other != path and other[: len(path)] == path and _is_branch_error(places[path]) for other in places)
    ]
    meant = {
        (*path[:-1], nearest(path[-1], _keys_at(model, path[:-1], data)))
        for path in deepest
        if path and places[path][0]["type"] in ("extra_forbidden", "unknown_key")
    }
    problems = []
    for path in deepest:
        if path in meant and places[path][0]["type"] == "missing":
            continue  # a misspelt key is one mistake, not an unknown and a missing one
        found, allowed = _say(path, places[path], model, data)
        problems.append(CompanyProblem(file, line_of(path), key_text(path), found, allowed))
    return problems


def _is_branch_error(items: list[dict[str, Any]]) -> bool:
    return all(item["type"].endswith("_type") or item["type"].startswith("union_tag") for item in items)


def _clean(loc: Sequence[Any], data: Any, *, missing: bool) -> tuple[Any, ...]:
    """Pydantic's location without the names of union branches: only steps that the data has (and a missing key)."""
    path: list[Any] = []
    here = data
    for position, step in enumerate(loc):
        in_list = isinstance(here, list) and isinstance(step, int) and step < len(here)
        if in_list or (isinstance(here, dict) and step in here):
            path.append(step)
            here = here[step]
        elif missing and position == len(loc) - 1:
            path.append(step)
    return tuple(path)


def _down_to_found(path: tuple[Any, ...], item: Any, data: Any) -> tuple[Any, ...]:
    """The place of the very key that an error of a whole mapping complains about."""
    found = (item.get("ctx") or {}).get("found")
    here = _value_at(data, path)
    if item["type"] == "union_tag_invalid" and isinstance(here, dict) and "type" in here:
        return (*path, "type")
    if isinstance(here, dict) and isinstance(found, str):
        for inner in (here, here.get("columns")):
            if isinstance(inner, dict):
                key = next((key for key in inner if str(key) == found), None)
                if key is not None:
                    return (*path, key) if inner is here else (*path, "columns", key)
    return path


def _say(path: tuple[Any, ...], items: list[dict[str, Any]], model: type[BaseModel], data: Any) -> tuple[str, str]:
    """What was found and what is allowed, for all errors at one place."""
    item = items[0]
    kind, context = item["type"], item.get("ctx") or {}
    value = _value_at(data, path)
    if kind == "extra_forbidden":
        return f"the key `{path[-1]}`, which is not known here", one_of(path[-1], _keys_at(model, path[:-1], data))
    if kind == "missing":
        return "nothing", f"`{path[-1]}` must be given"
    found = show(path, value)
    if isinstance(context.get("allowed"), list | tuple):
        word = context.get("found", value)
        if kind in ("unknown_key", "unknown_column") and path:
            found = f"the {kind.removeprefix('unknown_')} `{word}`, which is not known here"
        return found, one_of(word, context["allowed"], limit=40)
    if "allowed" in context:
        return found, str(context["allowed"])
    if kind == "union_tag_invalid":
        return found, one_of(value, _words(context.get("expected_tags", "")))
    if kind in ("literal_error", "enum"):
        return found, one_of(value, _words(context.get("expected", "")))
    sayings = list(dict.fromkeys(_sentence(entry) for entry in items))
    return found, " or ".join(sayings)


def _words(expected: str) -> list[str]:
    return re.findall(r"'([^']*)'", expected)


_PLAIN = {
    "model_type": "a mapping (keys and values)",
    "model_attributes_type": "a mapping (keys and values)",
    "dict_type": "a mapping (keys and values)",
    "list_type": "a list",
    "tuple_type": "a list",
    "string_type": "text (put it in quotes)",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "date_type": "a date such as 2026-01-31",
    "none_required": "nothing",
}


def _sentence(item: dict[str, Any]) -> str:
    if item["type"] in _PLAIN:
        return _PLAIN[item["type"]]
    text = str(item["msg"])
    for opening in ("Value error, ", "Assertion failed, ", "Input should be ", "String should "):
        text = text.removeprefix(opening)
    return text


def _value_at(data: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            return None
    return data


def _keys_at(model: type[BaseModel], path: Sequence[Any], data: Any) -> set[str]:
    """The keys that the models allow at a path; of several models, those that share most with what is there."""
    kinds: list[Any] = [model]
    for step in path:
        kinds = [inner for kind in kinds for inner in _step_into(kind, step)]
    models = [kind for kind in _unfold_all(kinds) if isinstance(kind, type) and hasattr(kind, "model_fields")]
    names = [{field.alias or name for name, field in found.model_fields.items()} for found in models]
    here = _value_at(data, tuple(path))
    present = set(here) if isinstance(here, dict) else set()
    best = max((len(known & present) for known in names), default=0)
    return set().union(*(known for known in names if len(known & present) == best)) if names else set()


def _step_into(kind: Any, step: Any) -> list[Any]:
    found: list[Any] = []
    for part in _unfold(kind):
        if isinstance(part, type) and hasattr(part, "model_fields"):
            found += [field.annotation for name, field in part.model_fields.items() if step in (name, field.alias)]
        elif get_origin(part) is dict:
            found.append(get_args(part)[1])
        elif get_origin(part) in (list, tuple) and isinstance(step, int):
            found.append(get_args(part)[0])
    return found


def _unfold_all(kinds: Iterable[Any]) -> list[Any]:
    return [part for kind in kinds for part in _unfold(kind)]


def _unfold(kind: Any) -> list[Any]:
    """The branches of a union, without annotations around them."""
    origin = get_origin(kind)
    if origin is Literal:
        return []
    if hasattr(kind, "__metadata__"):
        return _unfold(get_args(kind)[0])
    if origin is Union or type(kind).__name__ == "UnionType":
        return _unfold_all(get_args(kind))
    if type(kind).__name__ == "TypeAliasType":
        return _unfold(kind.__value__)
    return [kind]
