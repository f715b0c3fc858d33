{{ config(tags=['phase_profiles']) }}

with decisions as (

    select * from {{ source('identity', 'decisions') }}

)

select
    decision_id,
    decision,
    decided_at,
    decided_by,
    reason,
    status,
    note
from decisions
