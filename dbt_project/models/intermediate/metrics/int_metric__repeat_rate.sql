{{ config(tags=['phase_value']) }}

with order_days as (

    select * from {{ ref('int_customer_order_days') }}

),

customers as (

    select * from {{ ref('int_customer_dimensions') }}

),

days as (

    select * from {{ ref('int_days') }}

),

metric_definitions as (

    select * from {{ ref('metric_definitions') }} where metric in ('repeat_rate', 'buyers_12m')

),

expiring as (

    select
        metric_definitions.metric,
        order_days.customer_id,
        order_days.day,
        order_days.orders,
        coalesce(order_days.next_order_day, cast('9999-12-31' as date)) as next_order_day,
        cast({{ regulars.add_months('order_days.day', 'metric_definitions.window_months') }} as date) as expires_on,
        -- Until when this day's last order is not alone in the window.
        case
            when order_days.orders > 1
                then cast({{ regulars.add_months('order_days.day', 'metric_definitions.window_months') }} as date)
            else
                cast(
                    {{ regulars.add_months('order_days.previous_order_day', 'metric_definitions.window_months') }}
                    as date
                )
        end as second_expires_on
    from order_days
    cross join metric_definitions

),

-- Spans of one customer do not overlap: each ends where the next order day begins, so that adding up counts customers.
customer_spans as (

    select
        metric,
        customer_id,
        day as starts_on,
        case when expires_on < next_order_day then expires_on else next_order_day end as ends_on,
        1 as buyers,
        0 as repeat_buyers
    from expiring

    union all

    select
        metric,
        customer_id,
        day as starts_on,
        case when second_expires_on < next_order_day then second_expires_on else next_order_day end as ends_on,
        0 as buyers,
        1 as repeat_buyers
    from expiring
    where second_expires_on is not null and metric = 'repeat_rate'

),

spans as (

    select
        customer_spans.starts_on,
        customer_spans.ends_on,
        {{ dimensions_of('customers') }},
        case when customer_spans.metric = 'repeat_rate' then customer_spans.buyers else 0 end as buyers,
        case when customer_spans.metric = 'buyers_12m' then customer_spans.buyers else 0 end as buyers_12m,
        customer_spans.repeat_buyers
    from customer_spans
    left join customers on customer_spans.customer_id = customers.customer_id

),

changes as (

    {{ changes_by_group('spans', 'days', ['buyers', 'buyers_12m', 'repeat_buyers']) }}

)

select
    'repeat_rate' as metric,
    day,
    {{ goal_dimensions() | join(',\n    ') }},
    repeat_buyers as numerator,
    buyers as denominator
from changes

union all

select
    'buyers_12m' as metric,
    day,
    {{ goal_dimensions() | join(',\n    ') }},
    buyers_12m as numerator,
    cast(0 as decimal(38, 12)) as denominator
from changes
