{{ config(tags=['phase_value']) }}

with key_customers as (

    select * from {{ ref('int_key_customers') }}

),

regular_months as (

    select * from {{ ref('int_regular_months') }}

),

days as (

    select * from {{ ref('int_days') }}

),

-- The last day of a month completes it.
complete_months as (

    select
        day,
        {{ regulars.month_number('cast(' ~ regulars.add_days('day', 1) ~ ' as date)') }} - 1 as month_number
    from days

),

counts as (

    select
        complete_months.day,
        count(key_customers.customer_id) as key_customers,
        count(regular_months.customer_id) as regulars
    from complete_months
    left join key_customers on complete_months.day = key_customers.day
    left join regular_months
        on
            key_customers.customer_id = regular_months.customer_id
            and complete_months.month_number = regular_months.month_number
    group by complete_months.day

)

select
    'key_customers_regular' as metric,
    day,
    cast(regulars as double) as numerator,
    cast(key_customers as double) as denominator,
    cast(regulars as double) / nullif(cast(key_customers as double), 0) as actual
from counts
