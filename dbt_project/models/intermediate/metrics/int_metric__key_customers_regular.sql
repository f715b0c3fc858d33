{{ config(tags=['phase_value']) }}


with key_customers as (

    select * from {{ ref('int_key_customers') }}

),

regular_months as (

    select * from {{ ref('int_regular_months') }}

),

customers as (

    select * from {{ ref('int_customer_dimensions') }}

),

days as (

    select * from {{ ref('int_days') }}

),

-- The last day of a month completes it.
complete_months as (

    select
        day,
        cast({{ regulars.add_days('day', 1) }} as date) as next_day,
        {{ regulars.month_number('cast(' ~ regulars.add_days('day', 1) ~ ' as date)') }} - 1 as month_number
    from days

),

-- Who is a key customer is settled day by day, so each day is a span of its own.
spans as (

    select
        key_customers.day as starts_on,
        complete_months.next_day as ends_on,
        {{ dimensions_of('customers') }},
        1 as key_customers,
        case when regular_months.customer_id is not null then 1 else 0 end as regulars
    from complete_months
    inner join key_customers on complete_months.day = key_customers.day
    left join regular_months
        on
            key_customers.customer_id = regular_months.customer_id
            and complete_months.month_number = regular_months.month_number
    left join customers on key_customers.customer_id = customers.customer_id

),

changes as (

    {{ changes_by_group('spans', 'days', ['key_customers', 'regulars']) }}

)

select
    'key_customers_regular' as metric,
    day,
    {{ goal_dimensions() | join(',\n    ') }},
    regulars as numerator,
    key_customers as denominator
from changes
