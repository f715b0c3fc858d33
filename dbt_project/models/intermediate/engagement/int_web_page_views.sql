{{ config(tags=['phase_profiles']) }}

with web_events as (

    select
        *,
        coalesce(source || ':' || page_view_id, event_id) as page_view_key
    from {{ ref('int_web_events') }}
    where event in ('page_view', 'page_ping') and (page_view_id is not null or event = 'page_view')

),

ranked as (

    select
        *,
        -- A ping stands for its page where the page view itself got lost.
        row_number() over (
            partition by page_view_key
            order by case when event = 'page_view' then 0 else 1 end, occurred_at, event_id
        ) as place,
        min(occurred_at) over (partition by page_view_key) as started_at,
        max(occurred_at) over (partition by page_view_key) as ended_at,
        sum(case when event = 'page_ping' then 1 else 0 end) over (partition by page_view_key) as pings
    from web_events

)

select
    page_view_key as page_view_id,
    source,
    session_id,
    visitor_id,
    event = 'page_view' as has_page_view_event,
    started_at,
    ended_at,
    cast(pings as integer) as pings,
    page_url,
    page_title,
    referrer,
    traffic_source,
    medium,
    campaign,
    is_bot
from ranked
where place = 1
