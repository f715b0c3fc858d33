{#- History that cannot be measured again (validity, lifetime value) stays, also when everything else is built anew:
    hence full_refresh=false. Goals that follow from events are measured anew for every day of the history. -#}
{{ config(
    tags=['phase_value'],
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['day', 'goal_id'],
    on_schema_change='append_new_columns',
    full_refresh=false
) }}

with goals as (

    {{ goals() }}

),

metrics as (

    select * from {{ ref('int_metrics') }}

)

select
    metrics.day,
    goals.goal_id,
    metrics.actual
from goals
inner join metrics on goals.metric = metrics.metric
