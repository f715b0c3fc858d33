{#- GA4 gives events no id. These columns name one within a stream: who, when, what, and its place in the batch that the
    browser sent. Exports from before places were written have the parameters instead. -#}
{%- set named_by = [
    'r.stream_id', 'r.user_pseudo_id', 'r.event_timestamp', 'r.event_name', 'r.event_bundle_sequence_id',
    'r.batch_page_id', 'r.batch_ordering_id', 'r.batch_event_index',
    'case when r.batch_event_index is null then r.event_params end',
] -%}
{#- Parameters of an event by the column they become. -#}
{%- set parameters = {
    'session_number': 'ga_session_id', 'page_url': 'page_location', 'page_title': 'page_title',
    'referrer': 'page_referrer', 'source': 'source', 'medium': 'medium', 'campaign': 'campaign',
    'order_id': 'transaction_id',
} -%}
with received as (

    select
        {{ passed_on('r') }},
        case
            when r.event_timestamp is not null and r.event_name is not null then {{ md5_of(named_by) }}
        end as event_id,
        r.event_timestamp,
        r.event_name,
        r.user_pseudo_id,
        r.user_id,
        {{ keyed_values('r.event_params') }} as parameters,
        {{ json_text('r.collected_traffic_source', '$.manual_source') }} as collected_source,
        {{ json_text('r.collected_traffic_source', '$.manual_medium') }} as collected_medium,
        {{ json_text('r.collected_traffic_source', '$.manual_campaign_name') }} as collected_campaign,
        {{ without_brackets(json_text('r.ecommerce', '$.transaction_id')) }} as order_id
    from {{ source('ga4', 'events') }} as r

),

with_parameters as (

    select
        {{ passed_on('r') }},
        r.event_id,
        r.event_timestamp,
        r.event_name,
        r.user_pseudo_id,
        r.user_id,
        r.collected_source,
        r.collected_medium,
        r.collected_campaign,
        r.order_id,
        {%- for name, key in parameters.items() %}
        {{ keyed_value('r.parameters', key) }} as parameter_{{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from received as r

),

shaped as (

    select
        {{ passed_on('r') }},
        r.event_id,
        r.user_pseudo_id as visitor_id,
        r.user_id as account_id,
        -- The number is the second in which the session began: it is one visitor's, not the site's.
        r.user_pseudo_id || '.' || r.parameter_session_number as session_id,
        r.event_name as event,
        coalesce({{ epoch_text('r.event_timestamp', 'microsecond') }}, r.event_timestamp) as occurred_at,
        r.parameter_page_url as page_url,
        r.parameter_page_title as page_title,
        r.parameter_referrer as referrer,
        -- What this event was collected with. traffic_source is where the visitor came from the very first time.
        {{ without_brackets('coalesce(r.collected_source, r.parameter_source)') }} as source,
        {{ without_brackets('coalesce(r.collected_medium, r.parameter_medium)') }} as medium,
        {{ without_brackets('coalesce(r.collected_campaign, r.parameter_campaign)') }} as campaign,
        coalesce(r.order_id, {{ without_brackets('r.parameter_order_id') }}) as order_id
    from with_parameters as r

)

{{ as_entity('web_events', 'shaped', [
    'event_id', 'visitor_id', 'account_id', 'session_id', 'event', 'occurred_at', 'page_url', 'page_title', 'referrer',
    'source', 'medium', 'campaign', 'order_id',
]) }}
