"""What a vendor is: the objects its system speaks of, how they are fetched or land, and which entities they become.

A vendor's module declares one `Vendor`; everything else (the company file's entry, raw tables, views, what `regulars
sources` shows) follows from the declaration. The SQL that turns objects into entities is in
`dbt_project/models/staging/<vendor>/`.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, create_model, model_validator
from pydantic_core import PydanticCustomError

from sources.files.config import Dataset, Format, Options
from sources.files.expressions import Strict
from sources.settings import SourceSettings

if TYPE_CHECKING:
    from sources.rest.client import RestClient

Channel = Literal["shop", "email", "call_centre", "web"]
_NO_NAME = re.compile(r"[^A-Za-z0-9_]")


class ApiSettings(Strict):
    """The `api` section of a vendor's source. Vendors add their address and credentials.

    Attributes:
        start: nothing before this day is asked for; default everything there is.
        look_back_minutes: how far behind the newest time seen each load asks again, for records that show up late.
        requests_per_second: at most so many; default as fast as the vendor answers.
        timeout_seconds: how long one answer may take.
        max_attempts: how often a request is tried that failed for a passing reason.
        base_url: another address than the vendor's own, such as a proxy's.
    """

    secrets: ClassVar[tuple[str, ...]] = ()
    """Names of the settings that hold secrets."""

    start: date | None = None
    look_back_minutes: int = Field(default=60, ge=0)
    requests_per_second: float | None = Field(default=None, gt=0)
    timeout_seconds: float = Field(default=60, gt=0)
    max_attempts: int = Field(default=6, ge=1, le=20)
    base_url: str | None = None

    @abstractmethod
    def client(self) -> RestClient:
        """Return a client that knows the vendor's address, authentication and headers; nothing is sent yet."""


Pages = Callable[["RestClient", Any, datetime | None], Iterator[Sequence[Mapping[str, Any]]]]
"""Called with a client, the vendor's own settings and the time since which records are wanted (UTC, the look-back taken
off already; None for everything). Yields pages of records as received."""


@dataclass(frozen=True)
class Cursor:
    """How a load knows where the last one ended.

    Attributes:
        field: the field of a record (dotted where nested) with its time of change.
        ascending: whether pages come oldest change first, so that progress is kept page by page; otherwise it is kept
            at the end of a complete sweep.
    """

    field: str
    ascending: bool = True


@dataclass(frozen=True)
class VendorObject:
    """One kind of record of a vendor; it becomes the table `raw_<source>.<name>`.

    Attributes:
        name: the vendor's own word in snake_case.
        says: one sentence for people.
        docs: the vendor's page that defines the shape.
        fields: documented top-level fields in the vendor's spelling; the columns of `received.<vendor>__<name>`.
        entities: canonical entities made from it; the first one takes lines that cannot be read.
        records: in landed files, names under which a document wraps its record or records, tried in order.
        format: of landed files; None takes it from each file's suffix.
        options: fixed options of the reader, see `sources.files.config.Options`.
        pages: how the API is asked; None where the object only comes in files.
        cursor: how the API is asked for what is new; None fetches everything each time.
    """

    name: str
    says: str
    docs: str
    fields: tuple[str, ...]
    entities: tuple[str, ...]
    records: tuple[str, ...] = ()
    format: Format | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    pages: Pages | None = None
    cursor: Cursor | None = None

    @property
    def columns(self) -> dict[str, str]:
        """Column of the received view to the field it shows; characters that SQL does not like become `_`."""
        return {_NO_NAME.sub("_", name): name for name in self.fields}

    def dataset(self, path: Sequence[str] = ()) -> VendorDataset:
        """Return how its landed files are read."""
        options = dict(self.options) | ({"records": list(self.records)} if self.records else {})
        return VendorDataset(path=list(path), format=self.format, options=Options.model_validate(options))


@dataclass(frozen=True)
class Vendor:
    """One vendor's system.

    Attributes:
        name: as `type` in the company file.
        label: as people write it.
        channel: where it belongs.
        docs: the vendor's page to start from.
        objects: what it speaks of.
        api: its `api` section; None where it only delivers files.
        files_note: how its files or webhooks land, for whoever adds it.
    """

    name: str
    label: str
    channel: Channel
    docs: str
    objects: tuple[VendorObject, ...]
    api: type[ApiSettings] | None = None
    files_note: str = ""

    @property
    def entities(self) -> tuple[str, ...]:
        """The canonical entities that its objects become, each once."""
        return tuple(dict.fromkeys(entity for one in self.objects for entity in one.entities))

    def object_named(self, name: str) -> VendorObject:
        """Return one object.

        Raises:
            KeyError: there is none of that name.
        """
        for one in self.objects:
            if one.name == name:
                return one
        raise KeyError(name)


class VendorDataset(Dataset):
    """A dataset whose records the vendor's dbt models map; without a path it only comes from the API."""

    path: list[str] = Field(default_factory=list)
    entities: list[Any] = Field(default_factory=list, max_length=0)

    @model_validator(mode="after")
    def _options_fit(self) -> VendorDataset:
        # The vendor's options are for all ways in which its records may come; each reader takes those that concern it.
        return self


def _as_paths(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


Paths = Annotated[list[Annotated[str, Field(min_length=1)]], BeforeValidator(_as_paths), Field(min_length=1)]


class VendorSource(SourceSettings):
    """A source of a vendor's system, from its API, from files (exports, webhook payloads), or both.

    Attributes:
        type: the vendor's name.
        api: where and how it is asked; absent: it is not.
        objects: the objects the API is asked for; default all it can be asked for.
        files: paths of landed files by object.
    """

    vendor: ClassVar[Vendor]

    type: str
    api: ApiSettings | None = None
    objects: list[str] | None = None
    files: dict[str, Paths] = Field(default_factory=dict)

    @property
    def channel(self) -> Channel:
        """The vendor's channel."""
        return self.vendor.channel

    @property
    def datasets(self) -> dict[str, VendorDataset]:
        """How landed files are read, by object; every object of the vendor, most of them without a path."""
        return {one.name: one.dataset(self.files.get(one.name, ())) for one in self.vendor.objects}

    @property
    def asked(self) -> tuple[VendorObject, ...]:
        """The objects that the API is asked for, in the vendor's order."""
        if self.api is None:
            return ()
        wanted = self.objects
        return tuple(
            one for one in self.vendor.objects if one.pages is not None and (wanted is None or one.name in wanted)
        )

    @property
    def brings(self) -> frozenset[str]:
        """The entities whose records it delivers."""
        asked = {one.name for one in self.asked}
        return frozenset(
            entity
            for one in self.vendor.objects
            if one.name in asked or one.name in self.files
            for entity in one.entities
        )

    @model_validator(mode="after")
    def _objects_known(self) -> VendorSource:
        askable = [one.name for one in self.vendor.objects if one.pages is not None]
        landing = [one.name for one in self.vendor.objects]
        for names, allowed in ((self.objects or [], askable), (list(self.files), landing)):
            for name in names:
                if name not in allowed:
                    raise PydanticCustomError(
                        "unknown_object",
                        "'{found}' is no object of {vendor}; allowed: {allowed_text}",
                        {
                            "found": name,
                            "vendor": self.vendor.label,
                            "allowed": allowed,
                            "allowed_text": ", ".join(allowed) or "none",
                        },
                    )
        if self.api is None and not self.files:
            raise ValueError("give `api`, `files`, or both: otherwise nothing comes from here")
        if self.objects is not None and self.api is None:
            raise ValueError("`objects` says what the API is asked for, and there is no `api`")
        return self


def source_class(vendor: Vendor) -> type[VendorSource]:
    """Return the model of the company file's entries of this vendor."""
    fields: dict[str, Any] = {
        "type": (Literal[vendor.name], ...),
        "api": ((vendor.api | None) if vendor.api else None, None),
    }
    made: type[VendorSource] = create_model(f"{vendor.name.capitalize()}Source", __base__=VendorSource, **fields)
    made.vendor = vendor
    return made
