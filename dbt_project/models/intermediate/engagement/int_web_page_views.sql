{{ config(tags=['phase_profiles']) }}

with web_events as (

    select
        *,
        coalesce(source || ':' || page_view_id, event_id) as page_view_key
    from {{ ref('int_web_events') }}
    where is_page_view or (is_page_ping and page_view_id is not null)

),

ranked as (

    select
        *,
        -- A ping stands for its page where the page view itself got lost.
        row_number() over (
            partition by page_view_key
            order by case when is_page_view then 0 else 1 end, occurred_at, event_id
        ) as place
    from web_events

),

-- A tab that was left open still pings days later, in another session: that is no time spent on the page.
pings as (

    select
        page_view_key,
        session_id,
        count(*) as pings,
        max(occurred_at) as last_ping_at
    from web_events
    where is_page_ping
    group by page_view_key, session_id

)

select
    ranked.page_view_key as page_view_id,
    ranked.source,
    ranked.session_id,
    ranked.visitor_id,
    ranked.is_page_view as has_page_view_event,
    ranked.occurred_at as started_at,
    case when pings.last_ping_at > ranked.occurred_at then pings.last_ping_at else ranked.occurred_at end as ended_at,
    cast(coalesce(pings.pings, 0) as integer) as pings,
    ranked.page_url,
    ranked.page_title,
    ranked.referrer,
    ranked.traffic_source,
    ranked.medium,
    ranked.campaign,
    ranked.is_bot
from ranked
left join pings on ranked.page_view_key = pings.page_view_key and ranked.session_id = pings.session_id
where ranked.place = 1
