{{ config(tags=['phase_value']) }}

with findings as (

    select * from {{ source('anomalies', 'findings') }}

)

select
    day,
    source,
    entity,
    kind,
    field,
    since,
    is_new,
    observed,
    expected,
    usual_from,
    usual_to,
    p_value,
    level,
    records,
    says,
    run_id,
    found_at
from findings
