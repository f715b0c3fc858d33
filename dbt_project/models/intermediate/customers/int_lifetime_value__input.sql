{{ config(tags=['phase_profiles']) }}

with order_days as (

    select * from {{ ref('int_customer_order_days') }}

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

customers as (

    select
        customer_id,
        count(*) - 1 as frequency,
        min(day) as first_day,
        max(day) as last_day,
        sum(case when order_day_number > 1 then sales_amount end) as repeat_amount,
        sum(sales_amount) as revenue_amount
    from order_days
    group by customer_id

)

select
    customers.customer_id,
    cast(customers.frequency as bigint) as frequency,
    cast({{ regulars.days_between('customers.first_day', 'customers.last_day') }} as bigint) as recency_days,
    cast({{ regulars.days_between('customers.first_day', 'as_of.as_of_on') }} as bigint) as tenure_days,
    case
        when customers.frequency > 0 then cast(customers.repeat_amount as double) / customers.frequency
    end as average_order_amount,
    cast(customers.revenue_amount as double) as revenue_amount
from customers
cross join as_of
