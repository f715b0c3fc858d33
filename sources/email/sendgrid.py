"""SendGrid: the event webhook, which posts lists of events.

Shapes: https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event
"""

from __future__ import annotations

from typing import Final

from sources.vendor import Vendor, VendorObject

_DOCS: Final = "https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event"

_EVENTS: Final = VendorObject(
    name="events",
    says="What happened to one message to one recipient: processed, delivered, open, click, bounce, unsubscribe ...",
    docs=_DOCS,
    fields=(
        "email", "timestamp", "event", "smtp-id", "sg_event_id", "sg_message_id", "category", "useragent", "ip", "url",
        "url_offset", "reason", "status", "response", "attempt", "type", "bounce_classification", "tls", "cert_err",
        "asm_group_id", "sg_machine_open", "sg_content_type", "sg_template_id", "sg_template_name", "sg_user_id",
        "marketing_campaign_id", "marketing_campaign_name", "marketing_campaign_version", "marketing_campaign_split_id",
        "newsletter", "singlesend_id", "singlesend_name", "mc_auto_id", "mc_auto_name", "mc_pod_id", "mc_stats",
        "phase_id", "template_id", "post_type", "pool", "send_at", "unique_args",
    ),
    entities=("email_events", "campaigns", "consents"),
)  # fmt: skip

VENDOR: Final = Vendor(
    name="sendgrid",
    label="SendGrid",
    channel="email",
    docs=_DOCS,
    objects=(_EVENTS,),
    files_note=(
        "Write the body of each POST of the event webhook as one line (a list of events, or one event) into files in a "
        "folder, .jsonl or .jsonl.gz. The same event may come several times."
    ),
)
"""SendGrid has no API for events that every plan may use, so it comes from the webhook alone."""
