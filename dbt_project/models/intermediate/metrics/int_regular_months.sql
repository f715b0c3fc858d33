{{ config(tags=['phase_value']) }}

{%- set months = threshold('regular_months') %}

with order_days as (

    select * from {{ ref('int_customer_order_days') }}

),

months as (

    select distinct
        customer_id,
        {{ regulars.month_number('day') }} as month_number
    from order_days

),

runs as (

    select
        customer_id,
        month_number,
        lag(month_number, {{ months - 1 }}) over (partition by customer_id order by month_number) as first_of_run
    from months

)

select
    customer_id,
    month_number
from runs
where month_number - first_of_run = {{ months - 1 }}
