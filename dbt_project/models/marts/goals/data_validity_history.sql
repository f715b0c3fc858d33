{#- Behind the gate, which adds to the history. A judgement that was made twice in one run counts once. -#}
{{ config(tags=['phase_value']) }}

select
    run_id,
    source,
    entity,
    rule,
    max(measured_at) as measured_at,
    max(validity) as validity,
    max(goal) as goal,
    max(weight) as weight,
    cast(max(records) as bigint) as records,
    cast(max(failed_records) as bigint) as failed_records,
    max(passed) as passed
from {{ source('quality', 'validity_history') }}
group by run_id, source, entity, rule
