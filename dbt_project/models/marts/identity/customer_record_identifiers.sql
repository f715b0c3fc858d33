{{ config(tags=['phase_profiles']) }}

with identifiers as (

    select * from {{ ref('int_identity__identifiers') }}

)

select
    source,
    source_record_id,
    kind,
    value,
    first_seen_at,
    last_seen_at
from identifiers
