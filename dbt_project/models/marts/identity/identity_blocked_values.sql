{{ config(tags=['phase_profiles']) }}

with blocked_values as (

    select * from {{ source('identity', 'blocked_values') }}

)

select
    kind,
    value,
    records,
    people,
    max_records,
    max_people,
    reason
from blocked_values
