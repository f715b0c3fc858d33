"""The site's events as Snowplow's enriched stream writes them: tab-separated, 131 columns, no header, packed.

Shape: docs.snowplow.io, Enriched stream TSV file format. Late events come from devices that were offline: they are in
the file of the day the collector got them.
"""

from __future__ import annotations

import numpy as np
import polars as pl

import sources.sample.vocabulary as words
from sources.sample import clock, dirt
from sources.sample.agents import BOT_KINDS, BOTS, BROWSERS, MOBILE
from sources.sample.desk import Desk
from sources.sample.goods import product_table
from sources.sample.people import person_ids
from sources.sample.shopify import customer_ids
from sources.sample.shopify_orders import cents_of, order_ids
from sources.sample.text import join, merged, one_of, uuids, words_of
from sources.sample.visiting import ADD_TO_CART, BOT, PAGE_PING, TRANSACTION, VISIT_KINDS, Visits
from sources.sample.world import World

SOURCE = "site"
COLUMNS = words_of(
    """
    app_id platform etl_tstamp collector_tstamp dvce_created_tstamp event event_id txn_id name_tracker
    v_tracker v_collector v_etl user_id user_ipaddress user_fingerprint domain_userid domain_sessionidx
    network_userid geo_country geo_region geo_city geo_zipcode geo_latitude geo_longitude geo_region_name
    ip_isp ip_organization ip_domain ip_netspeed page_url page_title page_referrer page_urlscheme
    page_urlhost page_urlport page_urlpath page_urlquery page_urlfragment refr_urlscheme refr_urlhost
    refr_urlport refr_urlpath refr_urlquery refr_urlfragment refr_medium refr_source refr_term mkt_medium
    mkt_source mkt_term mkt_content mkt_campaign contexts se_category se_action se_label se_property
    se_value unstruct_event tr_orderid tr_affiliation tr_total tr_tax tr_shipping tr_city tr_state
    tr_country ti_orderid ti_sku ti_name ti_category ti_price ti_quantity pp_xoffset_min pp_xoffset_max
    pp_yoffset_min pp_yoffset_max useragent br_name br_family br_version br_type br_renderengine br_lang
    br_features_pdf br_features_flash br_features_java br_features_director br_features_quicktime
    br_features_realplayer br_features_windowsmedia br_features_gears br_features_silverlight br_cookies
    br_colordepth br_viewwidth br_viewheight os_name os_family os_manufacturer os_timezone dvce_type
    dvce_ismobile dvce_screenwidth dvce_screenheight doc_charset doc_width doc_height tr_currency
    tr_total_base tr_tax_base tr_shipping_base ti_currency ti_price_base base_currency geo_timezone
    mkt_clickid mkt_network etl_tags dvce_sent_tstamp refr_domain_userid refr_dvce_tstamp domain_sessionid
    derived_contexts derived_tstamp event_vendor event_name event_format event_version event_fingerprint
    true_tstamp
    """
)
_TIMES = ("derived", "collector", "created", "sent")
FAULTS = (
    dirt.Fault("no_id", "web_events_event_id_present", "web_events", "id", "event_id", pl.lit(""), 2),
    dirt.Fault(
        "time_unreadable",
        "web_events_occurred_at_readable",
        "web_events",
        "derived",
        "derived_tstamp",
        pl.lit("2025-06-31 25:61:00.000"),
        2,
        also=tuple((name, pl.lit("2025-06-31 25:61:00.000")) for name in _TIMES[1:]),
    ),
    dirt.Fault(
        "time_in_future",
        "web_events_occurred_at_not_future",
        "web_events",
        "derived",
        "derived_tstamp",
        pl.lit("2096-03-01") + pl.col("derived").str.slice(10),
        1,
        also=tuple((name, pl.lit("2096-03-01") + pl.col(name).str.slice(10)) for name in _TIMES[1:]),
    ),
    dirt.Fault(
        "time_in_1970",
        "web_events_occurred_at_not_1970",
        "web_events",
        "derived",
        "derived_tstamp",
        pl.lit("1970-01-01") + pl.col("derived").str.slice(10),
        1,
        also=tuple((name, pl.lit("1970-01-01") + pl.col(name).str.slice(10)) for name in _TIMES[1:]),
    ),
    dirt.Fault(
        "no_visitor",
        "web_events_visitor_present",
        "web_events",
        "cookie_id",
        "domain_userid",
        pl.lit(""),
        2,
        also=(("network", pl.lit("")), ("user", pl.lit(""))),
    ),
    dirt.line_fault("web_events_readable", "web_events", 0.5),
)
CARTS = ("/cart", "Cart")
THANKS = ("/checkout/thanks", "Thank you")


def write_events(desk: Desk, world: World, visits: Visits) -> None:
    """Write the events, one file a month."""
    rng = desk.rng(50)
    events = visits.events
    at = events["at"].to_numpy()
    arrived = dirt.late(rng, at, world.rhythm.last_second)
    by_arrival = np.argsort(arrived, kind="stable")
    names, starts = desk.periods(events.height)
    month = np.searchsorted(starts, arrived[by_arrival], side="right") - 1
    edges = np.searchsorted(month, np.arange(len(names) + 1))
    carried = dirt.Carried()
    for place, name in enumerate(names):
        rows = by_arrival[edges[place] : edges[place + 1]]
        file = f"snowplow/events/events-{name}.tsv.gz"
        part = events[rows].with_columns(
            row=pl.Series(rows), _at=pl.Series(at[rows]), _arrived=pl.Series(arrived[rows])
        )
        frame, errors = dirt.spoil(rng, _columns(world, visits, part), FAULTS, desk.invalid_share, "id_was")
        late = frame.select("id_was", "_at", "_arrived")
        frame = frame.select("id_was", "_fault", _line().alias("_text"))
        frame = dirt.cut_off(frame, FAULTS)
        placed = dirt.place(rng, frame, carried, file, later=place < len(names) - 1)
        number_of = dirt.note_all(desk, SOURCE, "events", file, placed, [errors], "web_events", "id_was")
        dirt.note_late(desk, SOURCE, "events", file, late, number_of, "id_was")
        desk.write(file, placed["_text"])


def _columns(world: World, visits: Visits, part: pl.DataFrame) -> pl.DataFrame:
    """The values that differ from event to event, as text."""
    row = part["visit"].to_numpy()
    visit = visits.visits[row]
    person, kind, order = (visit[name].to_numpy() for name in ("person", "kind", "order"))
    what, count = part["what"].to_numpy(), part["number"].to_numpy()
    ids = uuids(part["row"].to_numpy(), 51)
    times = part.select(
        _utc=clock.epoch(pl.col("at")), _late=clock.epoch(pl.col("_arrived")), _ms=(pl.col("row") * 7919 % 900 + 10)
    )
    written, received = (
        times.select((pl.col(name) * 1_000_000).cast(pl.Datetime("us")).dt.strftime("%Y-%m-%d %H:%M:%S.")).to_series()
        for name in ("_utc", "_late")
    )
    ms = times["_ms"].cast(pl.String).str.zfill(3)
    known = (count >= visit["known_from"].to_numpy()) & (person >= 0)
    user = customer_ids(np.where(known, world.accounts.of_person[person, 0], -1)).fill_null("")
    page = (row * 31 + count * 17) % len(words.PAGES)
    page = np.where((kind == BOT), (row + count) % len(words.PAGES), page)
    paths = pl.Series([*(path for path, _ in words.PAGES), CARTS[0], THANKS[0]], dtype=pl.String)
    titles = pl.Series([*(title for _, title in words.PAGES), CARTS[1], THANKS[1]], dtype=pl.String)
    shown = np.select([what == TRANSACTION, what == ADD_TO_CART], [len(paths) - 1, len(paths) - 2], page)
    first = count == 0
    campaign = visit["campaign"].to_numpy()
    by_mail, origin = (campaign >= 0) & first, visit["origin"].to_numpy()
    origins = words.ORIGINS
    referrer, source, medium = (
        pl.Series([item[place] or "" for item in origins], dtype=pl.String).gather(
            np.where(first & (campaign < 0), origin, 0)
        )
        for place in range(3)
    )
    inside = pl.Series(["", words.SITE + "/"], dtype=pl.String).gather((~first).astype(np.int64))
    code = world.campaigns["campaign_id"].gather(np.maximum(campaign, 0))
    bot, agent = kind == BOT, visit["agent"].to_numpy()
    agents = pl.Series([*BROWSERS, *BOTS], dtype=pl.String)
    bought = world.orders[np.maximum(order, 0)]
    return part.with_columns(
        id=ids,
        id_was=ids,
        created=written + ms,
        derived=written + ms,
        sent=received + ms,
        collector=received + ms,
        user=user,
        cookie_id=uuids(visit["cookie"].to_numpy(), 53),
        network=uuids(visit["cookie"].to_numpy(), 55),
        session=uuids(row, 57),
        place=visit["place"].cast(pl.String),
        view=uuids(part["visit"].to_numpy().astype(np.int64) * 1000 + count, 59),
        path=paths.gather(shown),
        title=titles.gather(shown),
        referrer=pl.DataFrame({"a": referrer, "b": inside})
        .select(pl.when(pl.col("a") != "").then("a").otherwise("b"))
        .to_series(),
        source=pl.DataFrame({"s": source, "m": by_mail})
        .select(pl.when("m").then(pl.lit("newsletter")).otherwise("s"))
        .to_series(),
        medium=pl.DataFrame({"s": medium, "m": by_mail})
        .select(pl.when("m").then(pl.lit("email")).otherwise("s"))
        .to_series(),
        campaign=pl.DataFrame({"c": code, "m": by_mail})
        .select(pl.when("m").then("c").otherwise(pl.lit("")))
        .to_series(),
        agent=agents.gather(np.where(bot, len(BROWSERS) + agent, agent)),
        mobile=pl.Series([*MOBILE, *(False for _ in BOTS)]).gather(np.where(bot, len(BROWSERS) + agent, agent)),
        robot=pl.Series(bot & (agent < 3)),
        ip="203.0.113." + pl.Series(visit["cookie"].to_numpy() // 7 % 254 + 1).cast(pl.String),
        order_id=pl.DataFrame({"o": order_ids(order), "w": what == TRANSACTION})
        .select(pl.when("w").then("o").otherwise(pl.lit("")))
        .to_series(),
        total=cents_of(bought["gross"] - bought["discount"] + bought["shipping"]),
        shipping=cents_of(bought["shipping"]),
        sku=product_table()["sku"].gather(row % len(words.PRODUCTS)),
    )


def _line() -> pl.Expr:
    what = pl.col("what")
    bought = what == TRANSACTION
    only = {
        name: pl.when(bought).then(pl.col(name)).otherwise(pl.lit("")) for name in ("order_id", "total", "shipping")
    }
    query = (
        pl.when(pl.col("campaign") != "")
        .then(join("utm_source=newsletter&utm_medium=email&utm_campaign=", pl.col("campaign")))
        .when(pl.col("source") != "")
        .then(join("utm_source=", pl.col("source"), "&utm_medium=", pl.col("medium")))
        .otherwise(pl.lit(""))
    )
    ask = pl.when((pl.col("campaign") != "") | (pl.col("source") != "")).then(join("?", query)).otherwise(pl.lit(""))
    cart = what == ADD_TO_CART
    event = one_of(("page_view", "page_ping", "struct", "transaction"), what)
    contexts = join(
        '{"schema":"iglu:com.snowplowanalytics.snowplow/contexts/jsonschema/1-0-0","data":[{"schema":'
        '"iglu:com.snowplowanalytics.snowplow/web_page/jsonschema/1-0-0","data":{"id":"', pl.col("view"), '"}}]}',
    )  # fmt: skip
    robots = pl.when("robot").then(pl.lit(
        '{"schema":"iglu:com.snowplowanalytics.snowplow/contexts/jsonschema/1-0-0","data":[{"schema":'
        '"iglu:com.iab.snowplow/spiders_and_robots/jsonschema/1-0-0","data":{"spiderOrRobot":true,"category":"SPIDER_OR_ROBOT",'
        '"reason":"FAILED_UA_INCLUDE","primaryImpact":"UNKNOWN"}}]}'
    )).otherwise(pl.lit(""))  # fmt: skip
    host = words.SITE.split("//")[1]
    mobile = pl.col("mobile")
    values: dict[str, str | pl.Expr] = {
        "app_id": "bakehouse",
        "platform": "web",
        "etl_tstamp": pl.col("collector"),
        "collector_tstamp": pl.col("collector"),
        "dvce_created_tstamp": pl.col("created"),
        "event": event,
        "event_id": pl.col("id"),
        "name_tracker": "sp",
        "v_tracker": "js-3.23.0",
        "v_collector": "ssc-2.9.0-kinesis",
        "v_etl": "snowplow-enrich-kinesis-4.1.0",
        "user_id": pl.col("user"),
        "user_ipaddress": pl.col("ip"),
        "domain_userid": pl.col("cookie_id"),
        "domain_sessionidx": pl.col("place"),
        "network_userid": pl.col("network"),
        "geo_country": "DE",
        "page_url": join(words.SITE, pl.col("path"), ask),
        "page_title": pl.col("title"),
        "page_referrer": pl.col("referrer"),
        "page_urlscheme": "https",
        "page_urlhost": host,
        "page_urlport": "443",
        "page_urlpath": pl.col("path"),
        "page_urlquery": query,
        "mkt_medium": pl.when(pl.col("campaign") != "").then(pl.lit("email")).otherwise("medium"),
        "mkt_source": pl.col("source"),
        "mkt_campaign": pl.col("campaign"),
        "contexts": contexts,
        "se_category": pl.when(cart).then(pl.lit("ecommerce")).otherwise(pl.lit("")),
        "se_action": pl.when(cart).then(pl.lit("add_to_cart")).otherwise(pl.lit("")),
        "se_label": pl.when(cart).then(pl.col("sku")).otherwise(pl.lit("")),
        "tr_orderid": only["order_id"],
        "tr_total": only["total"],
        "tr_shipping": only["shipping"],
        "tr_currency": pl.when(bought).then(pl.lit("EUR")).otherwise(pl.lit("")),
        "pp_yoffset_max": pl.when(what == PAGE_PING).then(pl.lit("640")).otherwise(pl.lit("")),
        "useragent": pl.col("agent"),
        "br_lang": "de",
        "br_cookies": "1",
        "br_viewwidth": "1280",
        "br_viewheight": "720",
        "os_timezone": "Europe/Berlin",
        "dvce_type": pl.when(mobile).then(pl.lit("Mobile")).otherwise(pl.lit("Computer")),
        "dvce_ismobile": pl.when(mobile).then(pl.lit("1")).otherwise(pl.lit("0")),
        "doc_charset": "UTF-8",
        "dvce_sent_tstamp": pl.col("sent"),
        "domain_sessionid": pl.col("session"),
        "derived_contexts": robots,
        "derived_tstamp": pl.col("derived"),
        "event_vendor": "com.snowplowanalytics.snowplow",
        "event_name": pl.when(cart).then(pl.lit("event")).otherwise(event),
        "event_format": "jsonschema",
        "event_version": "1-0-0",
    }
    parts: list[str | pl.Expr] = []
    for place, name in enumerate(COLUMNS):
        parts += ["\t" if place else "", values.get(name, "")]
    return join(*merged(parts))


def visitor_truth(visits: Visits) -> pl.DataFrame:
    """Who is behind each cookie: visitor_id, person_id (null: a stranger or a bot), kind, bot_kind."""
    first = visits.visits.select("cookie", "person", "agent").unique("cookie", keep="first", maintain_order=True)
    kind = (
        pl.when(pl.col("person") >= 0)
        .then(pl.lit("person"))
        .when(pl.col("person") == -1)
        .then(pl.lit("stranger"))
        .otherwise(pl.lit("bot"))
    )
    return first.select(
        visitor_id=uuids(first["cookie"].to_numpy(), 53),
        person_id=person_ids(first["person"]),
        kind=kind,
        bot_kind=pl.when(pl.col("person") == -2).then(one_of(BOT_KINDS, pl.col("agent") % len(BOT_KINDS))),
    )


def visit_truth(visits: Visits) -> pl.DataFrame:
    """Every visit: session_id, visitor_id, person_id, kind, started_at, order_id."""
    part = visits.visits
    return part.select(
        session_id=uuids(np.arange(part.height), 57),
        visitor_id=uuids(part["cookie"].to_numpy(), 53),
        person_id=person_ids(part["person"]),
        kind=one_of(VISIT_KINDS, pl.col("kind")),
        started_at=clock.utc(pl.col("at")),
        order_id=pl.when(pl.col("order") >= 0).then(order_ids(part["order"].to_numpy())),
    )


def logged_in(visits: Visits) -> np.ndarray:
    """The people (rows) who were logged in at some event, in order."""
    events, part = visits.events, visits.visits
    row = events["visit"].to_numpy()
    known = (events["number"].to_numpy() >= part["known_from"].to_numpy()[row]) & (part["person"].to_numpy()[row] >= 0)
    return np.unique(part["person"].to_numpy()[row[known]])
