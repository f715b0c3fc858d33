{{ config(tags=['phase_profiles']) }}

with web_events as (

    select
        coalesce(source || ':' || event_id, record_key) as event_id,
        source,
        visitor_id,
        session_id,
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
    from {{ ref('stg_all__web_events') }}
    where record_status = 'valid' and occurred_at is not null

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

-- The tracker's own sessions are taken as they are. Events without one are cut where a visitor pauses too long; an
-- event with neither session nor visitor is a session of its own.
without_session as (

    select
        event_id,
        source,
        occurred_at,
        coalesce(visitor_id, event_id) as visitor,
        lag(occurred_at) over (
            partition by source, coalesce(visitor_id, event_id) order by occurred_at, event_id
        ) as previous_at
    from web_events
    where session_id is null

),

cut as (

    select
        event_id,
        source,
        visitor,
        occurred_at,
        sum(
            case
                when previous_at is null then 1
                when
                    {{ regulars.seconds_between('previous_at', 'occurred_at') }}
                    > 60 * {{ threshold('session_timeout_minutes') }}
                    then 1
                else 0
            end
        ) over (
            partition by source, visitor
            order by occurred_at, event_id
            rows between unbounded preceding and current row
        ) as session_number
    from without_session

),

-- Named after its first event, so that events which arrive late for an older session do not rename the others.
made_sessions as (

    select
        event_id,
        first_value(event_id) over (
            partition by source, visitor, session_number
            order by occurred_at, event_id
            rows between unbounded preceding and current row
        ) as first_event_id
    from cut

)

select
    web_events.event_id,
    web_events.source,
    coalesce(web_events.source || ':' || web_events.session_id, made_sessions.first_event_id || ':made') as session_id,
    web_events.visitor_id,
    customer_records.customer_id,
    web_events.page_view_id,
    web_events.event,
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
left join made_sessions on web_events.event_id = made_sessions.event_id
left join bot_agents on web_events.user_agent = bot_agents.user_agent
left join customer_records
    on web_events.source = customer_records.source and web_events.record_ref = customer_records.source_record_id
