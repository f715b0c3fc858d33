{{ config(tags=['phase_value']) }}

{#- The metrics that are one sum of a customer's days, or one such sum ÷ another: rows of the seed name both. -#}
{%- set measures = metric_measures() %}

with customer_days as (

    select * from {{ ref('int_customer_days') }}

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

of_customers as (

    select * from metric_definitions where not ({{ is_of_orders('metric_definitions') }})

),

spans as (

    {{ window_spans('customer_days', measures, 'of_customers') | trim }}

),

sums as (

    {{ sums_over_windows(measures, 'of_customers') | trim }}

)

select * from sums
