{#- Behind the models, which add to the history. What one run has kept twice counts once. -#}
{{ config(tags=['phase_value']) }}

with model_history as (

    select * from {{ source('scores', 'model_history') }}

)

select
    run_id,
    model,
    parameter,
    max(measured_at) as measured_at,
    max(value) as value,
    max(note) as note
from model_history
group by run_id, model, parameter
