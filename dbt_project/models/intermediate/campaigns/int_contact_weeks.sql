{{ config(tags=['phase_profiles']) }}
{%- set days = threshold('contact_pressure_weeks') * 7 %}

with contact_events as (

    select * from {{ ref('int_contact_events') }} where is_of_pressure

),

orders as (

    select
        order_id,
        net_amount
    from {{ ref('fct_orders') }}
    where order_kind = 'sale'

),

as_of as (

    select
        *,
        -- The Monday after the last complete week: the day after as_of belongs to the week that is not over.
        cast({{ dbt.date_trunc('week', regulars.add_days('as_of_on', 1)) }} as date) as ends_on
    from {{ ref('int_as_of') }}

),

recent as (

    select
        contact_events.*,
        as_of.ends_on,
        {{ regulars.local_week('contact_events.occurred_at', 'as_of.time_zone') }} as week
    from contact_events
    cross join as_of
    -- A day more on each side: the zone decides.
    where
        contact_events.occurred_at >= {{ regulars.add_days('cast(as_of.ends_on as timestamp)', '-' ~ (days + 1)) }}
        and contact_events.occurred_at < {{ regulars.add_days('cast(as_of.ends_on as timestamp)', 1) }}

),

in_weeks as (

    select *
    from recent
    where
        week < ends_on
        and {{ regulars.days_between('week', 'ends_on') }} <= {{ days }}

)

select
    in_weeks.customer_id,
    in_weeks.week,
    -- What is answered is answered to the company, whatever the channel of the answer.
    case
        when in_weeks.is_pressure or in_weeks.kind in ('email_unsubscribe', 'email_complaint') then in_weeks.channel
    end as channel,
    in_weeks.ends_on,
    cast(sum(case when in_weeks.is_pressure then 1 else 0 end) as bigint) as contacts,
    cast(sum(case when in_weeks.kind = 'email_unsubscribe' then 1 else 0 end) as bigint) as unsubscribes,
    cast(sum(case when in_weeks.kind = 'email_complaint' then 1 else 0 end) as bigint) as complaints,
    max(case when in_weeks.response_to is not null then 1 else 0 end) as has_response,
    max(case when in_weeks.kind = 'email_click' then 1 else 0 end) as has_click,
    max(case when in_weeks.kind = 'web_session' then 1 else 0 end) as has_visit,
    max(case when in_weeks.kind = 'order' then 1 else 0 end) as has_order,
    cast(sum(case when in_weeks.kind = 'order' then 1 else 0 end) as bigint) as orders,
    {{ regulars.as_money('sum(orders.net_amount)') }} as revenue_amount
from in_weeks
left join orders on in_weeks.kind = 'order' and in_weeks.order_id = orders.order_id
where
    in_weeks.is_pressure
    or in_weeks.kind in ('email_unsubscribe', 'email_complaint')
    or in_weeks.response_to is not null
group by
    in_weeks.customer_id,
    in_weeks.week,
    case
        when in_weeks.is_pressure or in_weeks.kind in ('email_unsubscribe', 'email_complaint') then in_weeks.channel
    end,
    in_weeks.ends_on
