{{ config(tags=['phase_profiles']) }}

with web_events as (

    select * from {{ ref('int_web_events') }}

),

orders as (

    select * from {{ ref('fct_orders') }} where order_kind = 'sale'

),

-- Where a session came from is said by its first page view, or by its first ping where that got lost.
ranked as (

    select
        *,
        row_number() over (
            partition by session_id
            order by
                case when is_page_view then 0 when is_page_ping then 1 else 2 end,
                occurred_at,
                event_id
        ) as place
    from web_events

),

sessions as (

    select
        session_id,
        max(case when place = 1 then source end) as tracker,
        max(case when place = 1 then visitor_id end) as visitor_id,
        min(occurred_at) as started_at,
        max(occurred_at) as ended_at,
        count(*) as events,
        count(distinct case
            when (is_page_view or is_page_ping) and page_view_id is not null then page_view_id
            when is_page_view then event_id
        end) as page_views,
        max(case when place = 1 then traffic_source end) as source,
        max(case when place = 1 then medium end) as medium,
        max(case when place = 1 then campaign end) as campaign,
        max(case when place = 1 then page_url end) as landing_page,
        max(case when is_bot then 1 else 0 end) = 1 as is_bot
    from ranked
    group by session_id
    having sum(case when is_page_view or is_page_ping then 1 else 0 end) > 0

),

with_next as (

    select
        *,
        case
            when visitor_id is not null
                then lead(started_at) over (partition by tracker, visitor_id order by started_at, session_id)
        end as next_started_at
    from sessions

),

-- Whoever logged in last is who was there.
logins as (

    select
        session_id,
        customer_id,
        row_number() over (partition by session_id order by occurred_at desc, event_id desc) as place
    from web_events
    where customer_id is not null

),

-- A visitor that only ever one customer was known by is that customer; a shared computer is nobody.
known_visitors as (

    select
        source,
        visitor_id,
        min(customer_id) as customer_id
    from web_events
    where customer_id is not null and visitor_id is not null
    group by source, visitor_id
    having count(distinct customer_id) = 1

),

identified as (

    select
        with_next.*,
        coalesce(logins.customer_id, known_visitors.customer_id) as customer_id,
        -- The session is open until its time-out, for an order is often booked a moment after the last page; or until
        -- the visitor's next one, where a campaign or midnight has cut it.
        case
            when
                with_next.next_started_at > with_next.ended_at
                and with_next.next_started_at
                < with_next.ended_at + interval '1' minute * {{ threshold('session_timeout_minutes') }}
                then with_next.next_started_at
            else with_next.ended_at + interval '1' minute * {{ threshold('session_timeout_minutes') }}
        end as open_until
    from with_next
    left join logins on with_next.session_id = logins.session_id and logins.place = 1
    left join known_visitors
        on with_next.tracker = known_visitors.source and with_next.visitor_id = known_visitors.visitor_id

),

named_orders as (

    select distinct session_id, order_number from web_events where order_number is not null

),

conversions as (

    select identified.session_id
    from identified
    inner join orders
        on
            identified.customer_id = orders.customer_id
            and identified.started_at <= orders.ordered_at
            and identified.open_until >= orders.ordered_at
    union
    select identified.session_id
    from identified
    inner join named_orders on identified.session_id = named_orders.session_id
    inner join orders
        on
            named_orders.order_number = orders.order_number
            and identified.started_at <= orders.ordered_at
            and identified.open_until >= orders.ordered_at

)

select
    identified.session_id,
    identified.tracker,
    identified.customer_id,
    identified.visitor_id,
    identified.started_at,
    identified.ended_at,
    cast(identified.page_views as bigint) as page_views,
    cast(identified.events as bigint) as events,
    identified.source,
    identified.medium,
    identified.campaign,
    identified.landing_page,
    conversions.session_id is not null as is_converted,
    identified.is_bot
from identified
left join conversions on identified.session_id = conversions.session_id
