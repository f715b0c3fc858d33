{{ config(tags=['phase_profiles']) }}

{#- A visitor's events in the order in which they happened: all up to this one, and those before it. -#}
{%- set in_order = 'partition by source, visitor order by occurred_at, event_id' -%}
{%- set so_far = in_order ~ ' rows between unbounded preceding and current row' -%}
{%- set before = in_order ~ ' rows between unbounded preceding and 1 preceding' -%}

with web_events as (

    select
        coalesce(source || ':' || event_id, record_key) as event_id,
        source,
        visitor_id,
        -- Visitors are counted per source. Who has no cookie is the account; else the event is a visitor of its own.
        coalesce('cookie:' || visitor_id, 'account:' || account_id, record_key) as visitor,
        session_id as tracker_session_id,
        page_view_id,
        {{ lower_text('event') }} as event,
        occurred_at,
        page_url,
        page_title,
        referrer,
        traffic_source,
        medium,
        campaign,
        user_agent,
        is_bot,
        order_id as order_number,
        record_ref
    from {{ ref('int_used__web_events') }}
    where record_status = 'valid' and occurred_at is not null

),

run_context as (

    select * from {{ source('meta', 'run_context') }}

),

customer_records as (

    select source, source_record_id, customer_id from {{ source('identity', 'customer_records') }}

),

bot_patterns as (

    select * from {{ ref('bot_user_agents') }}

),

-- Each distinct user agent is compared with the patterns once.
user_agents as (

    select distinct
        user_agent,
        {{ lower_text('user_agent') }} as lower_agent
    from web_events
    where user_agent is not null

),

bot_agents as (

    select distinct user_agents.user_agent
    from user_agents
    inner join bot_patterns on position(bot_patterns.pattern in user_agents.lower_agent) > 0

),

-- Only what the cuts need: wide rows would make sorting many times as slow.
to_cut as (

    select
        web_events.event_id,
        web_events.source,
        web_events.visitor,
        web_events.occurred_at,
        case when web_events.event in ('page_view', 'screen_view') then web_events.occurred_at end as page_at,
        web_events.campaign,
        case
            when {{ threshold('session_ends_at_midnight') | lower }}
                then {{ regulars.local_day('web_events.occurred_at', 'run_context.time_zone') }}
        end as day
    from web_events
    cross join run_context
    where web_events.tracker_session_id is null or not {{ threshold('session_trusts_tracker') | lower }}

),

with_before as (

    select
        *,
        lag(occurred_at) over ({{ in_order }}) as before_at,
        lag(day) over ({{ in_order }}) as before_day,
        max(page_at) over ({{ before }}) as page_before_at,
        max(case when campaign is not null then occurred_at end) over ({{ before }}) as campaign_before_at,
        {{ regulars.last_known('campaign') }} over ({{ before }}) as campaign_before
    from to_cut

),

-- A visit is what the clock leaves in one piece.
visits as (

    select
        *,
        before_at is null
        or {{ regulars.seconds_between('before_at', 'occurred_at') }} > 60 * {{ threshold('session_timeout_minutes') }}
        or coalesce(day <> before_day, false) as begins_visit
    from with_before

),

with_visit as (

    select
        *,
        max(case when begins_visit then occurred_at end) over ({{ so_far }}) as visit_from
    from visits

),

-- Within a visit another campaign begins another session, and so does the first one after a page without any.
sessions as (

    select
        *,
        begins_visit
        or (
            {{ threshold('session_ends_on_new_campaign') | lower }}
            and campaign is not null
            and case
                when campaign_before_at >= visit_from then campaign <> campaign_before
                else coalesce(page_before_at >= visit_from, false)
            end
        ) as begins_session
    from with_visit

),

-- A session is named after its first event: events that arrive late within it do not rename it.
cut as (

    select
        event_id,
        {{ regulars.last_known('case when begins_session then event_id end') }} over ({{ so_far }}) as first_event_id
    from sessions

)

select
    web_events.event_id,
    web_events.source,
    -- What was not cut has a tracker that is trusted.
    coalesce(cut.first_event_id || ':made', web_events.source || ':' || web_events.tracker_session_id) as session_id,
    web_events.tracker_session_id,
    web_events.visitor_id,
    customer_records.customer_id,
    web_events.page_view_id,
    web_events.event,
    coalesce(web_events.event in ('page_view', 'screen_view'), false) as is_page_view,
    coalesce(web_events.event = 'page_ping', false) as is_page_ping,
    web_events.occurred_at,
    web_events.page_url,
    web_events.page_title,
    web_events.referrer,
    web_events.traffic_source,
    web_events.medium,
    web_events.campaign,
    web_events.order_number,
    coalesce(web_events.is_bot, false) or bot_agents.user_agent is not null as is_bot
from web_events
left join cut on web_events.event_id = cut.event_id
left join bot_agents on web_events.user_agent = bot_agents.user_agent
left join customer_records
    on web_events.source = customer_records.source and web_events.record_ref = customer_records.source_record_id
