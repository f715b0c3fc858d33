{{ config(tags=['phase_value']) }}

with check_orders as (

    select * from {{ source('scores', 'lifetime_value_check_orders') }}

)

select
    model,
    orders_before,
    customers,
    orders_expected / nullif(cast(customers as double), 0) as mean_orders_expected,
    orders_seen / nullif(cast(customers as double), 0) as mean_orders_seen
from check_orders
