"""The vendors whose systems Regulars reads, and the kinds of sources a company file may name."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Union

from pydantic import Discriminator, Tag

from sources.files.config import FilesSource
from sources.vendor import Vendor, VendorSource, source_class

_MODULES = (
    "shops.shopify",
    "shops.woocommerce",
    "email.sendgrid",
    "email.mailgun",
    "email.postmark",
    "email.mailchimp",
    "call_centre.twilio",
    "call_centre.zendesk",
    "web.snowplow",
    "web.ga4",
    "web.segment",
)


def _vendors() -> dict[str, Vendor]:
    found = {}
    for name in _MODULES:
        try:
            vendor: Vendor = importlib.import_module(f"sources.{name}").VENDOR
        except (ModuleNotFoundError, AttributeError):  # TEMPORARY until all modules are there
            continue
        found[vendor.name] = vendor
    return found


VENDORS: Mapping[str, Vendor] = MappingProxyType(_vendors())
"""Every vendor by its name."""

SOURCE_TYPES: Mapping[str, type[FilesSource] | type[VendorSource]] = MappingProxyType(
    {"files": FilesSource, **{name: source_class(vendor) for name, vendor in VENDORS.items()}}
)
"""What `type` may be in the company file, with the model of such an entry."""


def _type_of(value: Any) -> str:
    kind = value.get("type", "files") if isinstance(value, Mapping) else getattr(value, "type", "files")
    return kind if isinstance(kind, str) else "files"


if TYPE_CHECKING:
    AnySource = FilesSource | VendorSource
else:
    AnySource = Annotated[
        Union[tuple(Annotated[model, Tag(name)] for name, model in SOURCE_TYPES.items())],  # noqa: UP007 - from a list
        Discriminator(_type_of),
    ]
"""An entry of the company file's `sources`: files, or a vendor's system."""


def active_vendors(sources: Mapping[str, FilesSource | VendorSource]) -> list[Vendor]:
    """Return the vendors that a company has a source of, each once, in their fixed order."""
    named = {source.type for source in sources.values()}
    return [vendor for name, vendor in VENDORS.items() if name in named]
