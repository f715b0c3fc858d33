{{ config(tags=['phase_value']) }}

{#- The metrics that are one sum of orders, or one such sum ÷ another: rows of the seed name both. -#}
{%- set measures = order_measures('orders').keys() | list %}

with orders as (

    select * from {{ ref('int_orders_to_date') }}

),

customers as (

    select * from {{ ref('int_customer_dimensions') }}

),

days as (

    select * from {{ ref('int_days') }}

),

metric_definitions as (

    select * from {{ ref('metric_definitions') }} where numerator is not null

),

of_orders as (

    select * from metric_definitions where {{ is_of_orders('metric_definitions') }}

),

order_days as (

    select
        {%- for name, expression in order_measures('orders').items() %}
        {{ expression }} as {{ name }},
        {%- endfor %}
        orders.customer_id,
        orders.source,
        orders.channel,
        orders.ordered_on as day
    from orders

),

spans as (

    {{ window_spans(
        'order_days', measures, 'of_orders', {'source': 'order_days.source', 'channel': 'order_days.channel'}
    ) | trim }}

),

sums as (

    {{ sums_over_windows(measures, 'of_orders') | trim }}

)

select * from sums
