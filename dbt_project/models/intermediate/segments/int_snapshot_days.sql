{{ config(tags=['phase_profiles']) }}

with as_of as (

    select * from {{ ref('int_as_of') }}

),

numbers as (

    {{ dbt.generate_series(threshold('segment_history_months') + 1) }}

),

-- Today, and the last day of each complete month before it.
days as (

    select
        case
            when numbers.generated_number = 1 then as_of.as_of_on
            else
                cast({{ regulars.add_days(
                    regulars.add_months(
                        'cast(' ~ dbt.date_trunc('month', 'as_of.as_of_on') ~ ' as date)',
                        '2 - numbers.generated_number'
                    ),
                    -1
                ) }} as date)
        end as day,
        numbers.generated_number = 1 as is_as_of
    from numbers
    cross join as_of

)

select
    day,
    is_as_of,
    lag(day) over (order by day) as previous_day,
    {{ regulars.month_number('day') }} as month_number,
    cast(row_number() over (order by day) as integer) as snapshot_number,
    -- The last day of a month completes it.
    {{ regulars.month_number('cast(' ~ regulars.add_days('day', 1) ~ ' as date)') }}
    > {{ regulars.month_number('day') }} as is_complete_month
from days
