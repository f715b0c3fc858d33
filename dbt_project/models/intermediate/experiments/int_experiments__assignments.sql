{{ config(tags=['phase_profiles']) }}

with assignments as (

    select * from {{ ref('int_used__experiment_assignments') }} where record_status = 'valid'

),

customer_records as (

    select source, source_record_id, customer_id from {{ source('identity', 'customer_records') }}

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

experiments as (

    {{ experiments() }}

),

identified as (

    select
        assignments.record_key,
        assignments.experiment_key as experiment_id,
        assignments.arm,
        assignments.role,
        assignments.planned_share,
        assignments.campaign_id as campaign_number,
        customer_records.customer_id,
        assignments.assigned_at,
        {{ regulars.local_day('assignments.assigned_at', 'as_of.time_zone') }} as assigned_on,
        {{ regulars.add_days(
            'assignments.assigned_at', 'coalesce(experiments.window_days, ' ~ threshold('experiment_window_days') ~ ')'
        ) }} as window_ends_at,
        experiments.assigned_until
    from assignments
    cross join as_of
    left join experiments on assignments.experiment_key = experiments.experiment_id
    left join customer_records
        on
            assignments.source = customer_records.source
            and assignments.record_ref = customer_records.source_record_id

),

-- Of those that may count, one per customer and arm does: the first.
ranked as (

    select
        *,
        coalesce(assigned_on > assigned_until, false) as is_late,
        row_number() over (
            partition by
                experiment_id, arm, customer_id,
                case when coalesce(assigned_on > assigned_until, false) then 1 else 0 end
            order by assigned_at, record_key
        ) as place
    from identified

),

arms_of_customers as (

    select
        experiment_id,
        customer_id,
        count(distinct arm) as arms
    from ranked
    where not is_late and customer_id is not null
    group by experiment_id, customer_id

)

select
    ranked.record_key,
    ranked.experiment_id,
    ranked.arm,
    ranked.role,
    ranked.planned_share,
    ranked.campaign_number,
    ranked.customer_id,
    ranked.assigned_at,
    ranked.window_ends_at,
    case
        when ranked.is_late then 'late'
        when ranked.customer_id is null then 'unidentified'
        when ranked.place > 1 then 'repeated'
        when arms_of_customers.arms > 1 then 'contaminated'
        else 'analysed'
    end as status
from ranked
left join arms_of_customers
    on ranked.experiment_id = arms_of_customers.experiment_id and ranked.customer_id = arms_of_customers.customer_id
