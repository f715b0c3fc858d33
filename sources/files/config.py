"""The files source in the company file: datasets, their format, and how their columns become entities."""

from __future__ import annotations

import codecs
import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from sources.entities import CHANNELS, ENTITIES
from sources.files.expressions import Condition, Expression, Strict, TextList, Value
from sources.files.json_text import Wraps
from sources.files.lines import column_names
from sources.settings import SourceSettings

NAME = re.compile(r"^[a-z][a-z0-9_]{0,40}$")
"""What the name of a source or a dataset may look like; it becomes a schema or a table."""

Format = Literal["csv", "tsv", "excel", "json", "jsonl", "parquet"]

SUFFIXES: dict[str, Format] = {
    ".csv": "csv",
    ".txt": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".xlsx": "excel",
    ".xlsm": "excel",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}
"""File suffix to format; a trailing `.gz` is not counted."""

_DELIMITED = {"separator", "encoding", "quote", "escape", "compression", "header_row", "columns"}
_OPTIONS_OF: dict[str, set[str]] = {
    "csv": _DELIMITED,
    "tsv": _DELIMITED,
    "excel": {"sheet", "header_row"},
    "json": {"encoding", "compression", "records"},
    "jsonl": {"encoding", "compression", "records"},
    "parquet": set(),
}

_ONE_CHARACTER = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "none": "", "space": " "}


def _as_list(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def format_of(path: str) -> Format | None:
    """Return the format that a file's suffix tells, or None."""
    name = path.lower().split("?")[0].removesuffix(".gz")
    for suffix, known in SUFFIXES.items():
        if name.endswith(suffix):
            return known
    return None


class Options(Strict):
    """How to read a file.

    Attributes:
        separator: one character; default a comma (csv) or a tab (tsv).
        encoding: a Python codec name; default utf-8.
        quote: one character, or `none`; default a double quote.
        escape: the quote doubled (default) or a backslash.
        sheet: name or 1-based number of the sheet; default the first.
        compression: gzip or none; default from the suffix .gz.
        header_row: 1-based line of the column names; 0 when there are none (then column_1, column_2, ...).
        columns: names for a delimited file without them (with header_row 0); each record must have that many values.
        records: names under which a JSON document or line wraps its record or a list of records, tried in order;
            `a.b` is the member b of the member a.
    """

    separator: str | None = None
    encoding: str = "utf-8"
    quote: str = '"'
    escape: str | None = None
    sheet: str | int | None = None
    compression: Literal["gzip", "none"] | None = None
    header_row: int = Field(default=1, ge=0, le=1000)
    columns: Annotated[list[str], Field(min_length=1)] | None = None
    records: TextList | None = None

    @field_validator("separator", "quote", "escape", mode="before")
    @classmethod
    def _character(cls, value: Any) -> Any:
        if value is None or not isinstance(value, str):
            return value
        value = _ONE_CHARACTER.get(value, value)
        if len(value) > 1:
            raise ValueError(f"one character is needed, found '{value}'")
        if value in ("\n", "\r"):
            raise ValueError("a line end cannot be used here")
        return value

    @field_validator("separator")
    @classmethod
    def _separator(cls, value: str | None) -> str | None:
        if value == "":
            raise ValueError("the separator cannot be empty")
        return value

    @field_validator("quote", "escape")
    @classmethod
    def _ascii(cls, value: str | None) -> str | None:
        if value and not value.isascii():
            raise ValueError("the quote and the escape character must be ASCII")
        return value

    @field_validator("encoding")
    @classmethod
    def _codec(cls, value: str) -> str:
        try:
            codec = codecs.lookup(value)
        except LookupError as error:
            raise ValueError(
                f"unknown encoding '{value}'; examples: utf-8, cp1252, latin-1, utf-16, gb18030"
            ) from error
        if not codec._is_text_encoding:
            raise ValueError(f"'{value}' is not a text encoding")
        return codec.name

    @field_validator("columns")
    @classmethod
    def _columns(cls, value: list[str] | None) -> list[str] | None:
        for name in value or []:
            if column_names([name]) != (name,):
                raise ValueError(f"'{name}' cannot be the name of a column")
        if value and column_names(value) != tuple(value):
            raise ValueError("a name is there twice (capitals do not count)")
        return value

    @field_validator("records")
    @classmethod
    def _records(cls, value: list[str] | None) -> list[str] | None:
        if any(not all(name.split(".")) for name in value or []):
            raise ValueError("a name is empty")
        return value

    @property
    def wraps(self) -> Wraps:
        """The paths of `records`, each as the names on its way."""
        return tuple(tuple(name.split(".")) for name in self.records or [])

    @model_validator(mode="after")
    def _apart(self) -> Options:
        if self.columns and self.header_row != 0:
            raise ValueError("columns are for files without a header: set header_row: 0")
        if self.escape not in (None, "\\", self.quote):
            raise ValueError("escape is the quote itself (doubled quotes) or a backslash")
        if self.quote and self.quote == self.separator:
            raise ValueError("separator and quote are the same character")
        return self


class RejectRule(Strict):
    """Records that this source delivers but that are no records: `{when: <condition>, reason: bad_debt}`."""

    when: Annotated[list[Condition], BeforeValidator(_as_list), Field(min_length=1)]
    reason: str = Field(min_length=1, max_length=200)


class EntityMap(Strict):
    """How the records of one dataset become records of one entity.

    Attributes:
        entity: name of a canonical entity.
        where: conditions that must all hold; rows outside are no records of this entity.
        one_per: received columns that make the grain; the first row per file and value is the record.
        reject: rules for rows that are kept, marked, and quarantined.
        columns: canonical column to expression.
    """

    entity: str
    where: Annotated[list[Condition], BeforeValidator(_as_list)] = Field(default_factory=list)
    one_per: TextList | None = None
    reject: Annotated[list[RejectRule], BeforeValidator(_as_list)] = Field(default_factory=list)
    columns: dict[str, Value] = Field(min_length=1)

    @field_validator("entity")
    @classmethod
    def _entity(cls, value: str) -> str:
        if value not in ENTITIES:
            raise PydanticCustomError(
                "unknown_entity",
                "unknown entity '{found}'; allowed: {allowed_text}",
                {"found": value, "allowed": list(ENTITIES), "allowed_text": ", ".join(ENTITIES)},
            )
        return value

    @model_validator(mode="after")
    def _columns(self) -> EntityMap:
        allowed = ENTITIES[self.entity].columns
        for name in self.columns:
            if name not in allowed:
                raise PydanticCustomError(
                    "unknown_column",
                    "'{found}' is no column of {entity}; allowed: {allowed_text}",
                    {
                        "found": name,
                        "entity": self.entity,
                        "allowed": list(allowed),
                        "allowed_text": ", ".join(allowed),
                    },
                )
        return self

    def columns_used(self) -> set[str]:
        """Return the received columns that this map needs."""
        used = set(self.one_per or [])
        for value in self.columns.values():
            used |= value.columns_used()
        for condition in [*self.where, *(when for rule in self.reject for when in rule.when)]:
            used |= condition.columns_used()
        return used


class Dataset(Strict):
    """One kind of file of a source; it becomes the table `raw_<source>.<dataset>`.

    Attributes:
        path: files, folders, globs or fsspec URLs; relative ones start at the company file's folder.
        format: default from each file's suffix.
        options: how to read the files.
        entities: what the records become.
    """

    path: Annotated[list[str], BeforeValidator(_as_list), Field(min_length=1)]
    format: Format | None = None
    options: Options = Field(default_factory=Options)
    entities: list[EntityMap] = Field(min_length=1)

    @field_validator("path")
    @classmethod
    def _paths(cls, value: list[str]) -> list[str]:
        if any(not path.strip() for path in value):
            raise ValueError("a path is empty")
        return value

    @model_validator(mode="after")
    def _options_fit(self) -> Dataset:
        known: set[str | None] = {self.format} if self.format else {format_of(path) for path in self.path}
        if not known or None in known:
            return self
        allowed = set().union(*(_OPTIONS_OF[one] for one in known if one))
        for name in sorted(self.options.model_fields_set - allowed):
            raise PydanticCustomError(
                "unknown_key",
                "option '{found}' does not belong to format {format}; allowed: {allowed_text}",
                {
                    "found": name,
                    "format": ", ".join(sorted(one for one in known if one)),
                    "allowed": sorted(allowed),
                    "allowed_text": ", ".join(sorted(allowed)) or "none",
                },
            )
        return self

    def columns_used(self) -> set[str]:
        """Return the received columns that the dataset's maps need."""
        return set().union(*(entity.columns_used() for entity in self.entities))


class FilesSource(SourceSettings):
    """A source that delivers files. Its name is its key in the company file.

    Attributes:
        type: always `files`.
        channel: shop, email, call_centre or web.
        datasets: by name.
    """

    type: Literal["files"] = "files"
    channel: Literal["shop", "email", "call_centre", "web"]
    datasets: dict[str, Dataset] = Field(min_length=1)

    @property
    def brings(self) -> frozenset[str]:
        """The entities whose records it delivers, with the ids by which others refer to them."""
        return frozenset(
            one.entity
            for dataset in self.datasets.values()
            for one in dataset.entities
            if ENTITIES[one.entity].key in one.columns
        )

    @field_validator("datasets")
    @classmethod
    def _names(cls, value: dict[str, Dataset]) -> dict[str, Dataset]:
        for name in value:
            if not NAME.match(name):
                raise ValueError(
                    f"'{name}' is no dataset name; allowed: small letters, digits and _, starting with a letter"
                )
        return value


__all__ = [
    "CHANNELS",
    "NAME",
    "SUFFIXES",
    "Condition",
    "Dataset",
    "EntityMap",
    "Expression",
    "FilesSource",
    "Format",
    "Options",
    "RejectRule",
    "format_of",
]
