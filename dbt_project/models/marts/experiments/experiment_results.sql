{{ config(tags=['phase_value']) }}

with outcomes as (

    select * from {{ ref('int_experiments__outcomes') }}

),

arms as (

    select * from {{ ref('int_experiments__arms') }}

),

results as (

    select * from {{ source('scores', 'experiment_results') }}

),

as_of as (

    select * from {{ ref('int_as_of') }}

)

select
    outcomes.experiment_id,
    arms.experiment_name,
    outcomes.arm,
    outcomes.outcome,
    outcomes.unit,
    results.control_arm,
    outcomes.customers,
    outcomes.customers_with,
    case when outcomes.unit = 'amount' then {{ regulars.as_money('outcomes.total') }} end as total_amount,
    results.mean,
    results.control_mean,
    results.difference,
    results.difference_lower,
    results.difference_upper,
    results.adjusted_lower,
    results.adjusted_upper,
    results.uplift,
    results.uplift_lower,
    results.uplift_upper,
    results.adjusted_uplift_lower,
    results.adjusted_uplift_upper,
    results.p_value,
    results.adjusted_p_value,
    results.comparisons,
    results.detectable_difference,
    results.verdict,
    results.reason,
    arms.alpha,
    arms.window_days,
    case when outcomes.unit = 'amount' then as_of.currency end as currency
from outcomes
cross join as_of
inner join arms on outcomes.experiment_id = arms.experiment_id and outcomes.arm = arms.arm
left join results
    on
        outcomes.experiment_id = results.experiment_id
        and outcomes.arm = results.arm
        and outcomes.outcome = results.outcome
