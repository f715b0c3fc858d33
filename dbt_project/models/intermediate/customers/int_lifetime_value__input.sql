{{ config(tags=['phase_profiles']) }}

with customer_days as (

    select
        customer_id,
        day,
        orders,
        revenue_amount,
        sum(case when orders > 0 then 1 else 0 end) over (
            partition by customer_id
            order by day
            rows between unbounded preceding and current row
        ) as order_day_number
    from {{ ref('int_customer_days') }}
    where orders > 0 or returns > 0

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

-- A return counts against the order day before it: who sends everything back is no promise of such orders to come. What
-- came back before the first order that we know was bought before the data begins.
customers as (

    select
        customer_id,
        sum(case when orders > 0 then 1 else 0 end) - 1 as frequency,
        min(case when orders > 0 then day end) as first_day,
        max(case when orders > 0 then day end) as last_day,
        sum(case when order_day_number > 1 then revenue_amount end) as repeat_amount,
        sum(revenue_amount) as revenue_amount
    from customer_days
    where order_day_number > 0
    group by customer_id

)

select
    customers.customer_id,
    cast(customers.frequency as bigint) as frequency,
    cast({{ regulars.days_between('customers.first_day', 'customers.last_day') }} as bigint) as recency_days,
    cast({{ regulars.days_between('customers.first_day', 'as_of.as_of_on') }} as bigint) as tenure_days,
    case
        when customers.frequency = 0 then null
        -- More may come back than was bought: the next order is still worth something, if little.
        when customers.repeat_amount < 0 then 0
        else cast(customers.repeat_amount as double) / customers.frequency
    end as average_order_amount,
    cast(customers.revenue_amount as double) as revenue_amount
from customers
cross join as_of
