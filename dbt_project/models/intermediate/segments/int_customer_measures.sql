{{ config(tags=['phase_value']) }}

with snapshots as (

    select * from {{ ref('int_customer_snapshots') }}

),

customer_signals as (

    select * from {{ ref('int_customer_signals') }}

),

habits as (

    select * from {{ ref('int_customer_habits') }}

),

expected_orders as (

    select * from {{ source('scores', 'expected_orders') }}

),

-- The window of the open rate.
windows as (

    select
        snapshot_days.day,
        cast({{ regulars.add_days('snapshot_days.day', '-metric_definitions.window_days') }} as date) as after_day
    from {{ ref('int_snapshot_days') }} as snapshot_days
    cross join {{ ref('metric_definitions') }} as metric_definitions
    where metric_definitions.metric = 'open_rate'

),

-- A window of three months belongs to three or four snapshots: each signal is simply counted at each of them.
engagement as (

    select
        customer_signals.customer_id,
        windows.day,
        sum(customer_signals.mails) as mails,
        sum(customer_signals.tracked_mails) as tracked_mails,
        sum(customer_signals.opens) as opens,
        sum(customer_signals.clicks) as clicks,
        sum(customer_signals.visits) as visits
    from customer_signals
    inner join windows on customer_signals.day <= windows.day and customer_signals.day > windows.after_day
    where
        customer_signals.mails > 0
        or customer_signals.opens > 0
        or customer_signals.clicks > 0
        or customer_signals.visits > 0
    group by customer_signals.customer_id, windows.day

),

-- More may have come back than was bought: the next order is still worth something, if little.
averages as (

    select
        *,
        case
            when orders = 0 then null
            when revenue_amount < 0 then 0
            else cast(revenue_amount as double) / cast(orders as double)
        end as average_order_amount
    from snapshots

)

select
    averages.customer_id,
    averages.day,
    averages.is_as_of,
    averages.orders,
    averages.order_days,
    averages.recency_days,
    averages.tenure_days,
    averages.revenue_amount,
    averages.orders_12m,
    averages.revenue_12m_amount,
    averages.estimated_profit_12m_amount,
    {{ regulars.double_as_money('averages.average_order_amount') }} as average_order_amount,
    expected_orders.expected_orders_12m,
    {{ regulars.double_as_money('expected_orders.expected_orders_12m * averages.average_order_amount') }}
        as expected_value_amount,
    habits.category_segment,
    habits.channel_segment,
    habits.discount_share,
    cast(coalesce(engagement.mails, 0) as bigint) as recent_mails,
    cast(coalesce(engagement.tracked_mails, 0) as bigint) as recent_tracked_mails,
    cast(coalesce(engagement.opens, 0) as bigint) as recent_opens,
    cast(coalesce(engagement.clicks, 0) as bigint) as recent_clicks,
    cast(coalesce(engagement.visits, 0) as bigint) as recent_visits
from averages
left join expected_orders
    on
        averages.order_days - 1 = expected_orders.frequency
        and averages.tenure_days - averages.recency_days = expected_orders.recency_days
        and averages.tenure_days = expected_orders.tenure_days
left join habits on averages.customer_id = habits.customer_id and averages.day = habits.day
left join engagement on averages.customer_id = engagement.customer_id and averages.day = engagement.day
