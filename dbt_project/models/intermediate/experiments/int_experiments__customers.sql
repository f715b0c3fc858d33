{{ config(tags=['phase_profiles']) }}

with assignments as (

    select * from {{ ref('int_experiments__assignments') }} where status = 'analysed'

),

sessions as (

    select customer_id, started_at from {{ ref('fct_web_sessions') }} where customer_id is not null and not is_bot

),

clicks as (

    select
        customer_id,
        occurred_at,
        substr(campaign_id, length(source) + 2) as campaign_number
    from {{ ref('fct_email_events') }}
    where event = 'click' and not is_machine and customer_id is not null

),

orders as (

    select customer_id, ordered_at, order_kind, net_amount from {{ ref('fct_orders') }}
    where customer_id is not null and order_kind in ('sale', 'return')

),

visits as (

    select distinct
        assignments.experiment_id,
        assignments.customer_id
    from assignments
    inner join sessions
        on
            assignments.customer_id = sessions.customer_id
            and assignments.assigned_at <= sessions.started_at
            and assignments.window_ends_at > sessions.started_at

),

-- Where the assignment names a campaign, only its own mails count: another one's click is no response to it.
responses as (

    select distinct
        assignments.experiment_id,
        assignments.customer_id
    from assignments
    inner join clicks
        on
            assignments.customer_id = clicks.customer_id
            and assignments.assigned_at <= clicks.occurred_at
            and assignments.window_ends_at > clicks.occurred_at
            and assignments.campaign_number = clicks.campaign_number
    union
    select distinct
        assignments.experiment_id,
        assignments.customer_id
    from assignments
    inner join clicks
        on
            assignments.customer_id = clicks.customer_id
            and assignments.assigned_at <= clicks.occurred_at
            and assignments.window_ends_at > clicks.occurred_at
    where assignments.campaign_number is null

),

purchases as (

    select
        assignments.experiment_id,
        assignments.customer_id,
        max(case when orders.order_kind = 'sale' then 1 else 0 end) = 1 as has_ordered,
        {{ regulars.as_money('sum(orders.net_amount)') }} as revenue_amount
    from assignments
    inner join orders
        on
            assignments.customer_id = orders.customer_id
            and assignments.assigned_at <= orders.ordered_at
            and assignments.window_ends_at > orders.ordered_at
    group by assignments.experiment_id, assignments.customer_id

)

select
    assignments.experiment_id,
    assignments.customer_id,
    assignments.arm,
    assignments.assigned_at,
    assignments.window_ends_at,
    visits.customer_id is not null as has_visited,
    responses.customer_id is not null as has_responded,
    coalesce(purchases.has_ordered, false) as has_ordered,
    coalesce(purchases.revenue_amount, cast(0 as decimal(18, 4))) as revenue_amount
from assignments
left join visits
    on assignments.experiment_id = visits.experiment_id and assignments.customer_id = visits.customer_id
left join responses
    on assignments.experiment_id = responses.experiment_id and assignments.customer_id = responses.customer_id
left join purchases
    on assignments.experiment_id = purchases.experiment_id and assignments.customer_id = purchases.customer_id
