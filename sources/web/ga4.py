"""Google Analytics 4: the events table that it exports to BigQuery.

Shape: https://support.google.com/analytics/answer/7029846 (BigQuery Export schema).
"""

from __future__ import annotations

from typing import Final

from sources.vendor import Vendor, VendorObject

_DOCS: Final = "https://support.google.com/analytics/answer/7029846"

VENDOR: Final = Vendor(
    name="ga4",
    label="Google Analytics 4",
    channel="web",
    docs=_DOCS,
    objects=(
        VendorObject(
            name="events",
            says="Rows of the tables events_YYYYMMDD of the BigQuery export, parameters nested as they are.",
            docs=_DOCS,
            fields=(
                "event_date", "event_timestamp", "event_previous_timestamp", "event_name", "event_value_in_usd",
                "event_bundle_sequence_id", "event_server_timestamp_offset", "event_params", "event_dimensions",
                "user_id", "user_pseudo_id", "user_properties", "user_first_touch_timestamp", "user_ltv",
                "is_active_user", "privacy_info", "device", "geo", "app_info", "platform", "stream_id",
                "traffic_source", "collected_traffic_source", "session_traffic_source_last_click", "ecommerce", "items",
                "publisher", "batch_event_index", "batch_page_id", "batch_ordering_id",
            ),
            entities=("web_events",),
        ),
    ),
    files_note=(
        "Export the daily tables events_YYYYMMDD from BigQuery to a bucket or folder, as JSON lines (gzip or not) or "
        "Parquet. Leave out events_intraday_YYYYMMDD: the daily table brings the same events again, finished."
    ),
)  # fmt: skip
"""The Data API of GA4 gives reports, not events, so events come from the export alone."""
