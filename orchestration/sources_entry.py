"""A source's entry for the company file, made from its vendor's declaration: a new vendor needs no text of its own."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin

import yaml

from orchestration.company_checks import is_source_name
from orchestration.company_errors import one_of
from sources.vendor import ApiSettings, Vendor
from sources.vendors import VENDORS

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

FILES = "files"
_OWNER = "team:data"
_WIDTH = 118

_FILES_ENTRY = """\
{name}:
  type: files # exports, of any system: CSV, TSV, Excel, JSON lines or Parquet
  channel: shop # shop, email, call_centre or web
  owner: {owner} # who answers for the data: team:NAME or an e-mail address
  # time_zone: Europe/Berlin # of times that carry no offset; default the company's. Likewise: currency, country
  datasets:
    orders: # one kind of file; a name of your choice
      path: data/{name}/orders-*.csv # a file, a folder, a glob or a URL; new files are found by themselves
      # options: {{separator: ";", encoding: cp1252}} # default: comma and UTF-8
      entities:
        - entity: orders # or customers, products, order_lines ...: docs/company-file.md has all with their columns
          columns: # on the left a column of ours, on the right where it comes from: a name of the file's first line
            order_id: order_id
            account_id: customer_id
            email: email
            ordered_at: ordered_at # another way of writing: {{column: Date, format: "%d.%m.%Y %H:%M"}}
            gross_amount: total # with a decimal comma: {{column: Total, decimal_comma: true}}
"""


class SourcesError(RuntimeError):
    """The entry cannot be written; the message says what to do."""


@dataclass(frozen=True)
class Entry:
    """A source's entry as text, not yet indented.

    Attributes:
        name: of the source.
        text: YAML with comments; starts with the name.
        to_fill: keys whose values somebody must fill in.
        variables: environment variables that hold its secrets.
    """

    name: str
    text: str
    to_fill: list[str] = field(default_factory=list)
    variables: list[str] = field(default_factory=list)


def kind_named(word: str) -> Vendor | None:
    """Return the vendor of a name, None for `files`.

    Raises:
        SourcesError: there is no such vendor; the nearest is named.
    """
    if word == FILES:
        return None
    if word not in VENDORS:
        raise SourcesError(f"No vendor is called `{word}`. There are: {one_of(word, [*VENDORS, FILES])}")
    return VENDORS[word]


def entry_of(kind: Vendor | None, name: str | None, given: Sequence[str]) -> Entry:
    """Return a source's entry, made from the vendor's declaration.

    Raises:
        SourcesError: the name cannot be a source's, or a setting is not one of the vendor's.
    """
    chosen = name or (FILES if kind is None else kind.name)
    if not is_source_name(chosen):
        raise SourcesError(
            f"`{chosen}` cannot be a source's name. Allowed: small letters, digits and _, first a letter; not `all`"
        )
    values = _values(kind, given)
    if kind is None:
        return Entry(chosen, _FILES_ENTRY.format(name=chosen, owner=_OWNER))
    return _VendorEntry(kind, chosen, values).entry()


def _values(kind: Vendor | None, given: Sequence[str]) -> dict[str, str]:
    """Settings from the command line by key."""
    known = list(kind.api.model_fields) if kind is not None and kind.api is not None else []
    values = {}
    for one in given:
        key, sign, value = one.partition("=")
        if not sign or key not in known:
            raise SourcesError(f"--set {key}: write KEY=VALUE, where KEY is one of {one_of(key, known)}")
        if kind is not None and kind.api is not None and key in kind.api.secrets:
            raise SourcesError(f"--set {key}: no secrets in the file. The entry names a variable; set that")
        values[key] = value
    return values


class _VendorEntry:
    """Writes the entry of one vendor's source."""

    def __init__(self, vendor: Vendor, name: str, values: dict[str, str]) -> None:
        self.vendor = vendor
        self.name = name
        self.values = values
        self.to_fill: list[str] = []
        self.variables: list[str] = []

    def entry(self) -> Entry:
        """The entry."""
        lines = [*self._lines()]
        return Entry(self.name, "\n".join(lines) + "\n", self.to_fill, self.variables)

    def _lines(self) -> Iterator[str]:
        vendor = self.vendor
        yield f"{self.name}: # {vendor.label}: {vendor.docs}"
        yield f"  type: {vendor.name}"
        yield f"  owner: {_OWNER} # who answers for the data: team:NAME or an e-mail address"
        yield "  # accounts_of: shop # the source whose account ids are the same ones; default this one itself"
        if vendor.channel == "shop":
            yield "  # products_of: shop # the source whose product ids are the same ones; default this one itself"
        yield "  # time_zone: Europe/Berlin # of times without offset; default the company's. Also: currency, country"
        if vendor.api is not None:
            yield from self._api(vendor.api)
        yield from self._files()

    def _api(self, api: type[ApiSettings]) -> Iterator[str]:
        says = descriptions(api)
        # What the vendor asks for comes before what every API has.
        common = [key for key in ApiSettings.model_fields if key != "start"]
        keys = [key for key in api.model_fields if key not in common] + common
        active = set(_active(api, says)) | set(self.values)
        yield "  api:"
        for key in keys:
            yield from self._setting(api, key, says.get(key, ""), is_active=key in active)
        askable = [one.name for one in self.vendor.objects if one.pages is not None]
        yield from _comment("  ", "What the API is asked for; default all of these:")
        yield from _wrapped_list("  # objects: ", "  #   ", askable)

    def _setting(self, api: type[ApiSettings], key: str, says: str, *, is_active: bool) -> Iterator[str]:
        info = api.model_fields[key]
        words = f" # {says}" if says else ""
        if key in self.values:
            yield f"    {key}: {_given(self.values[key], info)}{words}"
        elif key in api.secrets:
            variable = f"{self.name}_{key}".upper()
            line = f'{key}: "${{ENV:{variable}}}"{words}'
            if is_active:
                self.variables.append(variable)
            yield f"    {line}" if is_active else f"    # {line}"
        elif is_active:
            self.to_fill.append(f"api.{key}")
            empty = " []" if _is_list(info) else ""
            yield f"    {key}:{empty} # to be filled in{': ' + says if says else ''}"
        else:
            yield f"    # {key}: {_default(info)}{words}"

    def _files(self) -> Iterator[str]:
        vendor, is_only_way = self.vendor, self.vendor.api is None
        note = vendor.files_note or "Exports and webhook payloads: files, folders or globs by object."
        beside = "" if is_only_way else " In the place of the API or beside it."
        yield from _comment("  ", f"{note}{beside}")
        mark = "" if is_only_way else "# "
        yield f"  {mark}files:"
        for number, one in enumerate(vendor.objects):
            # Without an API one path must be there; which one is for the company to say.
            off = mark or ("" if number == 0 else "# ")
            suffix = {"parquet": "*.parquet", "tsv": "*.tsv*", "csv": "*.csv*"}.get(one.format or "", "*.jsonl*")
            if number == 0 and is_only_way:
                self.to_fill.append(f"files.{one.name}")
            yield f"  {off}  {one.name}: landing/{self.name}/{one.name}/{suffix} # {one.says}"


def descriptions(api: type[ApiSettings]) -> dict[str, str]:
    """Return what the docstrings of a vendor's settings say of each, on one line."""
    found: dict[str, str] = {}
    for model in reversed(api.__mro__):
        if not (isinstance(model, type) and issubclass(model, ApiSettings)) or "__doc__" not in model.__dict__:
            continue
        _, _, attributes = inspect.cleandoc(model.__doc__ or "").partition("Attributes:\n")
        key = ""
        for line in attributes.splitlines():
            begun = re.match(r"^ {4}(\w+): (.*)$", line)
            if begun:
                key = begun.group(1)
                found[key] = begun.group(2)
            elif line.startswith(" " * 8) and key:
                found[key] += " " + line.strip()
            else:
                key = ""
    return {key: words.strip().rstrip(".") for key, words in found.items()}


def _active(api: type[ApiSettings], says: dict[str, str]) -> Iterator[str]:
    """The settings that an entry must have: all without a default, and where secrets are alternatives the first.

    Alternatives are written so in the docstring: `; or` ends a description that another may stand in for, `, with`
    and `, and` one that needs the next.
    """
    fields = api.model_fields
    required = [key for key, info in fields.items() if info.is_required()]
    yield from required
    if any(key in api.secrets for key in required):
        return
    group: list[str] = []
    for key in (key for key in fields if key not in ApiSettings.model_fields):
        words = says.get(key, "")
        group.append(key)
        if words.endswith((", with", ", and", " with", " and")):
            continue
        if any(one in api.secrets for one in group):
            yield from group
            return
        group = []


def _is_list(info: FieldInfo) -> bool:
    return any(get_origin(part) is list or part is list for part in _parts(info.annotation))


def _parts(annotation: Any) -> Iterator[Any]:
    if get_origin(annotation) in (Union, UnionType):
        for part in get_args(annotation):
            yield from _parts(part)
    elif annotation is not NoneType:
        yield annotation


def _default(info: FieldInfo) -> str:
    """A setting's default as YAML, or an example where it has none."""
    value = info.get_default(call_default_factory=True) if not info.is_required() else None
    if value is not None:
        return json.dumps(value, default=str, ensure_ascii=False)
    examples = {"date": "2024-01-01", "float": "2", "int": "10", "bool": "true"}
    for part in _parts(info.annotation):
        return "[]" if get_origin(part) is list else examples.get(getattr(part, "__name__", ""), '""')
    return '""'


def _given(value: str, info: FieldInfo) -> str:
    """A value from the command line as YAML: quoted where YAML would take it for something else."""
    if _is_list(info):
        return json.dumps([part.strip() for part in value.split(",")], ensure_ascii=False)
    is_text = str in _parts(info.annotation)
    is_plain = re.fullmatch(r"[A-Za-z][A-Za-z0-9_./:@+-]*[A-Za-z0-9]", value) and yaml.safe_load(value) == value
    return value if is_plain or not is_text else json.dumps(value, ensure_ascii=False)


def _comment(indent: str, words: str) -> Iterator[str]:
    """Words as comment lines of a readable length."""
    line = f"{indent}#"
    for word in words.split():
        if len(line) + 1 + len(word) > _WIDTH and line != f"{indent}#":
            yield line
            line = f"{indent}#"
        line += f" {word}"
    if line != f"{indent}#":
        yield line


def _wrapped_list(first: str, rest: str, words: Sequence[str]) -> Iterator[str]:
    line = f"{first}["
    for number, word in enumerate(words):
        piece = word + ("]" if number == len(words) - 1 else ",")
        if len(line) + len(piece) > _WIDTH:
            yield line.rstrip()
            line = rest
        line += piece + " "
    yield line.rstrip()
