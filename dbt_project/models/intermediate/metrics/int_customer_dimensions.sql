{{ config(tags=['phase_value']) }}

with customers as (

    select * from {{ ref('dim_customers') }}

),

first_orders as (

    select
        customer_id,
        min(source) as source,
        min(channel) as channel
    from {{ ref('fct_orders') }}
    where is_first_order and customer_id is not null
    group by customer_id

)

select
    customers.customer_id,
    coalesce(customers.value_segment, 'unknown') as value_segment,
    coalesce(customers.lifecycle_stage, 'unknown') as lifecycle_stage,
    coalesce(customers.behaviour_segment, 'unknown') as behaviour_segment,
    coalesce(first_orders.source, 'unknown') as source,
    coalesce(first_orders.channel, 'unknown') as channel,
    coalesce(customers.country_code, 'unknown') as country_code
from customers
left join first_orders on customers.customer_id = first_orders.customer_id
