{#- Entities beside an event are a list of self-describing JSON in a line, and a column each in a table: a list, or a
    list of lists. They are found by what only they hold, so that one pattern reads all of these. -#}
{%- set text_of = '[ ]*:[ ]*"([^"]*)"' -%}
{%- set page_in_line = 'snowplow/web_page/jsonschema/[^"]*"[ ]*,[ ]*"data"[ ]*:[ ]*[{][ ]*"id"' ~ text_of -%}
{%- set page_before_schema = '"id"' ~ text_of
    ~ '[ ]*[}][ ]*,[ ]*"schema"[ ]*:[ ]*"iglu:com[.]snowplowanalytics[.]snowplow/web_page/' -%}
{%- set user_of_device = '"(?:userId|user_id)"' ~ text_of -%}
{%- set session_of_device = '"(?:sessionId|session_id)"' ~ text_of -%}
{%- set device_in_line = 'snowplow/client_session/jsonschema/[^"]*"[ ]*,[ ]*"data"[ ]*:[ ]*([{][^{}]*[}])' -%}
{%- set transaction = '"transaction_id"' ~ text_of -%}
{%- set is_spider = '"(?:spiderOrRobot|spider_or_robot)"[ ]*:[ ]*"?(true|false)' -%}
{%- set agent_class = '"(?:agentClass|agent_class)"' ~ text_of -%}
{#- Columns that lines and tables have alike. -#}
{%- set shared = [
    'event_id', 'event', 'event_name', 'se_category', 'se_action', 'user_id', 'domain_userid', 'domain_sessionid',
    'true_tstamp', 'derived_tstamp', 'collector_tstamp', 'page_url', 'page_title', 'page_referrer', 'refr_medium',
    'refr_source', 'mkt_medium', 'mkt_source', 'mkt_campaign', 'tr_orderid', 'ti_orderid', 'useragent',
] -%}
with received as (

    select
        {{ passed_on('r') }},
        {% for name in shared %}r.{{ name }}, {% endfor %}
        coalesce(
            {{ matched_part('r.contexts', page_in_line) }}, {{ matched_part('r.contexts', page_before_schema) }}
        ) as page_view_id,
        {{ matched_part('r.contexts', device_in_line) }} as device,
        {{ matched_part('r.contexts', transaction) }} as transaction_id,
        {{ matched_part('r.derived_contexts', is_spider) }} as is_spider,
        {{ matched_part('r.derived_contexts', agent_class) }} as agent_class
    from {{ source('snowplow', 'enriched_events') }} as r
    union all
    select
        {{ passed_on('r') }},
        {% for name in shared %}r.{{ name }}, {% endfor %}
        coalesce(
            r.page_view_id,
            {{ matched_part('coalesce(' ~ [
                'r.contexts_com_snowplowanalytics_snowplow_web_page_1',
                'r.contexts_com_snowplowanalytics_snowplow_web_page_1_0_0',
            ] | join(', ') ~ ')', '"id"' ~ text_of) }}
        ) as page_view_id,
        coalesce(
            r.contexts_com_snowplowanalytics_snowplow_client_session_1,
            r.contexts_com_snowplowanalytics_snowplow_client_session_1_0_2,
            r.contexts_com_snowplowanalytics_snowplow_client_session_1_0_1,
            r.contexts_com_snowplowanalytics_snowplow_client_session_1_0_0
        ) as device,
        {{ matched_part('coalesce(' ~ [
            'r.contexts_com_snowplowanalytics_snowplow_ecommerce_transaction_1',
            'r.contexts_com_snowplowanalytics_snowplow_ecommerce_transaction_1_0_0',
        ] | join(', ') ~ ')', transaction) }} as transaction_id,
        {{ matched_part('coalesce(' ~ [
            'r.contexts_com_iab_snowplow_spiders_and_robots_1',
            'r.contexts_com_iab_snowplow_spiders_and_robots_1_0_0',
        ] | join(', ') ~ ')', is_spider) }} as is_spider,
        {{ matched_part('coalesce(' ~ [
            'r.contexts_nl_basjes_yauaa_context_1',
            'r.contexts_nl_basjes_yauaa_context_1_0_4',
            'r.contexts_nl_basjes_yauaa_context_1_0_3',
            'r.contexts_nl_basjes_yauaa_context_1_0_2',
            'r.contexts_nl_basjes_yauaa_context_1_0_1',
            'r.contexts_nl_basjes_yauaa_context_1_0_0',
        ] | join(', ') ~ ')', agent_class) }} as agent_class
    from {{ source('snowplow', 'events') }} as r

),

shaped as (

    select
        {{ passed_on('r') }},
        r.event_id,
        coalesce(nullif(r.domain_userid, ''), {{ matched_part('r.device', user_of_device) }}) as visitor_id,
        r.user_id as account_id,
        coalesce(nullif(r.domain_sessionid, ''), {{ matched_part('r.device', session_of_device) }}) as session_id,
        r.page_view_id,
        -- All structured events have one name: category and action say which it is.
        case
            when r.event = 'struct' then coalesce(nullif(r.se_category, '') || ':' || r.se_action, r.event)
            else coalesce(nullif(r.event_name, ''), r.event)
        end as event,
        -- The tracker's true time, else the device's clock put right by the collector's.
        {{ said_to_be_utc(
            "coalesce(nullif(r.true_tstamp, ''), nullif(r.derived_tstamp, ''), r.collector_tstamp)"
        ) }} as occurred_at,
        {{ said_to_be_utc('r.collector_tstamp') }} as received_at,
        r.page_url,
        r.page_title,
        r.page_referrer as referrer,
        -- A campaign is what the address says. Without one, the site that the visitor came from; not our own pages.
        case
            when coalesce(nullif(r.mkt_source, ''), nullif(r.mkt_medium, ''), nullif(r.mkt_campaign, '')) is not null
                then r.mkt_source
            when r.refr_medium not in ('internal', 'unknown') then r.refr_source
        end as source,
        case
            when coalesce(nullif(r.mkt_source, ''), nullif(r.mkt_medium, ''), nullif(r.mkt_campaign, '')) is not null
                then r.mkt_medium
            when r.refr_medium not in ('internal', 'unknown') then r.refr_medium
        end as medium,
        r.mkt_campaign as campaign,
        r.useragent as user_agent,
        case
            when r.is_spider = 'true' or r.agent_class in ('Robot', 'Robot Mobile', 'Testclient', 'Hacker') then 'true'
            when coalesce(r.is_spider, r.agent_class) is not null then 'false'
        end as is_bot,
        coalesce(nullif(r.tr_orderid, ''), nullif(r.ti_orderid, ''), r.transaction_id) as order_id
    from received as r

)

{{ as_entity('web_events', 'shaped', [
    'event_id', 'visitor_id', 'account_id', 'session_id', 'page_view_id', 'event', 'occurred_at', 'received_at',
    'page_url', 'page_title', 'referrer', 'source', 'medium', 'campaign', 'user_agent', 'is_bot', 'order_id',
]) }}
