{{ config(tags=['phase_profiles']) }}

with as_of as (

    select * from {{ ref('int_as_of') }}

),

numbers as (

    {{ dbt.generate_series(threshold('kpi_history_days')) }}

)

select
    cast({{ regulars.add_days('as_of.as_of_on', '1 - numbers.generated_number') }} as date) as day,
    numbers.generated_number = 1 as is_as_of
from numbers
cross join as_of
