{{ config(tags=['phase_value']) }}

with order_days as (

    select * from {{ ref('int_customer_order_days') }}

),

days as (

    select * from {{ ref('int_days') }}

),

metric_definitions as (

    select * from {{ ref('metric_definitions') }} where metric = 'repeat_rate'

),

expiring as (

    select
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
spans as (

    select
        day as starts_on,
        case when expires_on < next_order_day then expires_on else next_order_day end as ends_on,
        1 as buyers,
        0 as repeat_buyers
    from expiring

    union all

    select
        day as starts_on,
        case when second_expires_on < next_order_day then second_expires_on else next_order_day end as ends_on,
        0 as buyers,
        1 as repeat_buyers
    from expiring
    where second_expires_on is not null

),

counts as (

    {{ running_counts('spans', 'days', ['buyers', 'repeat_buyers']) }}

)

select
    'repeat_rate' as metric,
    day,
    cast(repeat_buyers as double) as numerator,
    cast(buyers as double) as denominator,
    cast(repeat_buyers as double) / nullif(cast(buyers as double), 0) as actual
from counts
