{#- History that cannot be measured again (validity, lifetime value) stays, also when everything else is built anew:
    hence full_refresh=false. Goals that follow from events are measured anew for every day of the history. -#}
{{ config(
    tags=['phase_value'],
    full_refresh=false,
    pre_hook=['{{ copy_before_overwrite() }}', '{{ note_overwrite(true) }}'],
    post_hook='{{ note_overwrite(false) }}',
    **incremental_settings(
        unique_key=['day', 'goal_id'],
        row_key=['day', 'goal_id'],
        partition_by='day',
        on_schema_change='append_new_columns'
    )
) }}

with measured as (

    select
        day,
        goal_id,
        actual
    from {{ ref('int_goal_days') }}

)

select
    day,
    goal_id,
    actual
from measured
{{ rows_kept('measured', ['day', 'goal_id', 'actual'], ['day', 'goal_id'], 'day') }}
