{{ config(tags=['phase_profiles']) }}

with customer_records as (

    select * from {{ source('identity', 'customer_records') }}

)

select
    source,
    source_record_id,
    customer_id,
    match_method,
    match_probability,
    match_reason,
    resolved_at
from customer_records
