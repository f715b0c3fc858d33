"""Segment: calls of its specification (identify, track, page, screen, group, alias), as destinations receive them.

Shapes: https://segment.com/docs/connections/spec/ (calls and common fields),
https://segment.com/docs/connections/spec/ecommerce/v2/ (events of shops).
"""

from __future__ import annotations

from typing import Final

from sources.vendor import Vendor, VendorObject

_DOCS: Final = "https://segment.com/docs/connections/spec/"

VENDOR: Final = Vendor(
    name="segment",
    label="Segment",
    channel="web",
    docs=_DOCS,
    objects=(
        VendorObject(
            name="calls",
            says="Calls of the specification, each one record, alone or in batches.",
            docs=_DOCS,
            fields=(
                "messageId", "type", "anonymousId", "userId", "previousId", "groupId", "event", "name", "category",
                "properties", "traits", "context", "timestamp", "originalTimestamp", "sentAt", "receivedAt", "channel",
                "integrations", "version", "projectId", "writeKey",
            ),
            entities=("web_events", "customers", "consents"),
            records=("batch",),
            # Segment's own files are called .gz and no more.
            format="jsonl",
        ),
    ),
    files_note=(
        "Point a storage destination (such as AWS S3) here, or write the body of each request of a webhook destination "
        "as one line: a call, or a batch of calls. Whatever speaks this specification will do."
    ),
)  # fmt: skip
"""Segment has no API to read calls from: they come from a destination."""
