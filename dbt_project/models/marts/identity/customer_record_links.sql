{{ config(tags=['phase_profiles']) }}

with record_links as (

    select * from {{ source('identity', 'record_links') }}

)

select
    source,
    source_record_id,
    other_source,
    other_record_id,
    customer_id,
    method,
    kind,
    value,
    weight,
    probability,
    is_holding,
    reason
from record_links
