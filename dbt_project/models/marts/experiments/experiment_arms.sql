{{ config(tags=['phase_value']) }}

with arms as (

    select * from {{ ref('int_experiments__arms') }}

),

checks as (

    select * from {{ source('scores', 'experiment_checks') }}

)

select
    arms.experiment_id,
    arms.experiment_name,
    arms.arm,
    arms.role,
    arms.is_control,
    arms.is_running,
    arms.assignments,
    arms.customers,
    arms.repeated,
    arms.unidentified,
    arms.contaminated,
    arms.late,
    arms.planned_share,
    cast(arms.customers as double)
    / nullif(cast(sum(arms.customers) over (partition by arms.experiment_id) as double), 0) as share,
    checks.expected_customers,
    checks.sample_ratio_p_value,
    checks.sample_ratio,
    arms.first_assigned_at,
    arms.last_assigned_at,
    arms.ends_at,
    arms.window_days,
    arms.alpha
from arms
left join checks on arms.experiment_id = checks.experiment_id and arms.arm = checks.arm
