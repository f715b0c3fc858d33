"""Snowplow: enriched events, as the stream's lines or as the warehouse's table.

Shapes: https://docs.snowplow.io/docs/fundamentals/canonical-event/ (fields),
https://docs.snowplow.io/docs/destinations/custom-streaming/enriched-tsv-format/ (order of the line's 131 values).
"""

from __future__ import annotations

from typing import Final

from sources.vendor import Vendor, VendorObject

_DOCS: Final = "https://docs.snowplow.io/docs/fundamentals/canonical-event/"
_LINES: Final = "https://docs.snowplow.io/docs/destinations/custom-streaming/enriched-tsv-format/"

ENRICHED_FIELDS: Final = (
    "app_id", "platform", "etl_tstamp", "collector_tstamp", "dvce_created_tstamp", "event", "event_id", "txn_id",
    "name_tracker", "v_tracker", "v_collector", "v_etl", "user_id", "user_ipaddress", "user_fingerprint",
    "domain_userid", "domain_sessionidx", "network_userid", "geo_country", "geo_region", "geo_city", "geo_zipcode",
    "geo_latitude", "geo_longitude", "geo_region_name", "ip_isp", "ip_organization", "ip_domain", "ip_netspeed",
    "page_url", "page_title", "page_referrer", "page_urlscheme", "page_urlhost", "page_urlport", "page_urlpath",
    "page_urlquery", "page_urlfragment", "refr_urlscheme", "refr_urlhost", "refr_urlport", "refr_urlpath",
    "refr_urlquery", "refr_urlfragment", "refr_medium", "refr_source", "refr_term", "mkt_medium", "mkt_source",
    "mkt_term", "mkt_content", "mkt_campaign", "contexts", "se_category", "se_action", "se_label", "se_property",
    "se_value", "unstruct_event", "tr_orderid", "tr_affiliation", "tr_total", "tr_tax", "tr_shipping", "tr_city",
    "tr_state", "tr_country", "ti_orderid", "ti_sku", "ti_name", "ti_category", "ti_price", "ti_quantity",
    "pp_xoffset_min", "pp_xoffset_max", "pp_yoffset_min", "pp_yoffset_max", "useragent", "br_name", "br_family",
    "br_version", "br_type", "br_renderengine", "br_lang", "br_features_pdf", "br_features_flash", "br_features_java",
    "br_features_director", "br_features_quicktime", "br_features_realplayer", "br_features_windowsmedia",
    "br_features_gears", "br_features_silverlight", "br_cookies", "br_colordepth", "br_viewwidth", "br_viewheight",
    "os_name", "os_family", "os_manufacturer", "os_timezone", "dvce_type", "dvce_ismobile", "dvce_screenwidth",
    "dvce_screenheight", "doc_charset", "doc_width", "doc_height", "tr_currency", "tr_total_base", "tr_tax_base",
    "tr_shipping_base", "ti_currency", "ti_price_base", "base_currency", "geo_timezone", "mkt_clickid", "mkt_network",
    "etl_tags", "dvce_sent_tstamp", "refr_domain_userid", "refr_dvce_tstamp", "derived_contexts", "domain_sessionid",
    "derived_tstamp", "event_vendor", "event_name", "event_format", "event_version", "event_fingerprint",
    "true_tstamp",
)  # fmt: skip
"""The values of a line in their order."""

# Each entity beside an event has a column; loaders name it by the major version, older ones by all three parts.
_CONTEXT_FIELDS: Final = tuple(
    f"contexts_{name}_{version}"
    for name, versions in {
        "com_snowplowanalytics_snowplow_web_page": ("1", "1_0_0"),
        "com_snowplowanalytics_snowplow_client_session": ("1", "1_0_0", "1_0_1", "1_0_2"),
        "com_snowplowanalytics_snowplow_ecommerce_transaction": ("1", "1_0_0"),
        "com_iab_snowplow_spiders_and_robots": ("1", "1_0_0"),
        "nl_basjes_yauaa_context": ("1", "1_0_0", "1_0_1", "1_0_2", "1_0_3", "1_0_4"),
    }.items()
    for version in versions
)
_OF_LINES_ONLY: Final = frozenset({"contexts", "unstruct_event", "derived_contexts"})

VENDOR: Final = Vendor(
    name="snowplow",
    label="Snowplow",
    channel="web",
    docs=_DOCS,
    objects=(
        VendorObject(
            name="enriched_events",
            says="Lines of the enriched stream: 131 values between tabs, without a header.",
            docs=_LINES,
            fields=ENRICHED_FIELDS,
            entities=("web_events",),
            format="tsv",
            options={"header_row": 0, "quote": "none", "columns": list(ENRICHED_FIELDS)},
        ),
        VendorObject(
            name="events",
            says="Rows of the events table in a warehouse, or lines of JSON as the analytics SDKs write them.",
            docs=_DOCS,
            fields=(
                *(name for name in ENRICHED_FIELDS if name not in _OF_LINES_ONLY),
                "load_tstamp",
                "page_view_id",
                *_CONTEXT_FIELDS,
            ),
            entities=("web_events",),
        ),
    ),
    files_note=(
        "enriched_events: the enriched stream's archive as it is written (tab-separated, gzip or not). events: the "
        "events table of the warehouse, exported as CSV with a header, Parquet or JSON lines. Give one of the two."
    ),
)
"""Snowplow has no API to read events from: they come as files of the pipeline or of the warehouse."""
