"""Postmark: its webhooks for deliveries, bounces, opens, clicks, spam complaints and subscription changes.

Each POST is one event, told apart by `RecordType`.
Shapes: https://postmarkapp.com/developer/webhooks/webhooks-overview
"""

from __future__ import annotations

from typing import Final

from sources.vendor import Vendor, VendorObject

_DOCS: Final = "https://postmarkapp.com/developer/webhooks/webhooks-overview"

_EVENTS: Final = VendorObject(
    name="events",
    says="What happened to one message to one recipient, of any RecordType.",
    docs=_DOCS,
    fields=(
        "RecordType", "ID", "MessageID", "MessageStream", "ServerID", "Tag", "Metadata", "Recipient", "Email", "From",
        "Subject", "DeliveredAt", "ReceivedAt", "BouncedAt", "ChangedAt", "Details", "Description", "Type", "TypeCode",
        "Name", "Inactive", "CanActivate", "DumpAvailable", "Content", "FirstOpen", "ReadSeconds", "Client", "OS",
        "Platform", "UserAgent", "Geo", "ClickLocation", "OriginalLink", "Origin", "SuppressSending",
        "SuppressionReason",
    ),
    entities=("email_events", "consents"),
)  # fmt: skip

VENDOR: Final = Vendor(
    name="postmark",
    label="Postmark",
    channel="email",
    docs=_DOCS,
    objects=(_EVENTS,),
    files_note=(
        "Write the body of each POST of the webhooks as one line into files in a folder, .jsonl or .jsonl.gz. Switch "
        "them on for every message stream; the same event may come several times."
    ),
)
"""Postmark's API keeps messages for 45 days and one call per message tells its events, so the webhooks are read."""
