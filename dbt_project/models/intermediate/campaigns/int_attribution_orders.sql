{{ config(materialized='view', tags=['phase_profiles']) }}

with orders as (

    select * from {{ ref('fct_orders') }} where order_kind = 'sale'

),

as_of as (

    select * from {{ ref('int_as_of') }}

)

select
    orders.order_id,
    orders.customer_id,
    orders.ordered_at,
    cast({{ dbt.date_trunc('month', 'orders.ordered_on') }} as date) as month,
    orders.net_amount,
    orders.margin_amount
from orders
cross join as_of
where orders.ordered_at <= as_of.as_of
