{{ config(tags=['phase_profiles']) }}

with customer_days as (

    select * from {{ ref('int_customer_days') }} where orders > 0

)

select
    customer_id,
    day,
    orders,
    sales_amount,
    row_number() over (partition by customer_id order by day) as order_day_number,
    lag(day) over (partition by customer_id order by day) as previous_order_day,
    lead(day) over (partition by customer_id order by day) as next_order_day
from customer_days
