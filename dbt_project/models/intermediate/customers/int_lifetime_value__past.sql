{{ config(tags=['phase_profiles']) }}

with order_days as (

    select * from {{ ref('int_customer_order_days') }}

),

as_of as (

    select
        as_of_on,
        cast({{ regulars.add_days('as_of_on', -365) }} as date) as cut_on
    from {{ ref('int_as_of') }}

),

customers as (

    select
        order_days.customer_id,
        as_of.cut_on,
        min(order_days.day) as first_day,
        max(case when order_days.day <= as_of.cut_on then order_days.day end) as last_day,
        sum(case when order_days.day <= as_of.cut_on then 1 else 0 end) - 1 as frequency,
        sum(case when order_days.day > as_of.cut_on then 1 else 0 end) as later_orders
    from order_days
    cross join as_of
    where order_days.day <= as_of.as_of_on
    group by order_days.customer_id, as_of.cut_on
    having min(order_days.day) <= as_of.cut_on

),

counted as (

    select
        frequency,
        {{ regulars.days_between('first_day', 'last_day') }} as recency_days,
        {{ regulars.days_between('first_day', 'cut_on') }} as tenure_days,
        later_orders
    from customers

)

select
    cast(frequency as bigint) as frequency,
    cast(recency_days as bigint) as recency_days,
    cast(tenure_days as bigint) as tenure_days,
    cast(later_orders as bigint) as later_orders,
    count(*) as customers
from counted
group by frequency, recency_days, tenure_days, later_orders
