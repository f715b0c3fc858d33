"""The vendors whose systems Regulars reads, and the kinds of sources a company file may name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Union

from pydantic import Discriminator, Tag

from sources.call_centre import twilio, zendesk
from sources.email import mailchimp, mailgun, postmark, sendgrid
from sources.files.config import FilesSource
from sources.shops import shopify, woocommerce
from sources.vendor import Vendor, VendorSource, source_class
from sources.web import ga4, segment, snowplow

_MODULES = (
    shopify,
    woocommerce,
    sendgrid,
    mailgun,
    postmark,
    mailchimp,
    twilio,
    zendesk,
    snowplow,
    ga4,
    segment,
)

VENDORS: Mapping[str, Vendor] = MappingProxyType({module.VENDOR.name: module.VENDOR for module in _MODULES})
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
