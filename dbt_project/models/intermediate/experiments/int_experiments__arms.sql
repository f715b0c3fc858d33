{{ config(tags=['phase_profiles']) }}

with assignments as (

    select * from {{ ref('int_experiments__assignments') }}

),

roles as (

    select * from {{ ref('experiment_roles') }}

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

experiments as (

    {{ experiments() }}

),

shares as (

    {{ experiment_shares() }}

),

with_role as (

    select
        assignments.*,
        coalesce(stated.role, named.role, 'treatment') as known_role
    from assignments
    left join roles as stated on {{ lower_text('assignments.role') }} = stated.word
    left join roles as named on {{ lower_text('assignments.arm') }} = named.word

),

-- An arm whose records state several shares states none.
counted as (

    select
        experiment_id,
        arm,
        min(known_role) as known_role,
        case when min(planned_share) = max(planned_share) then min(planned_share) end as stated_share,
        count(*) as assignments,
        sum(case when status = 'analysed' then 1 else 0 end) as customers,
        sum(case when status = 'repeated' then 1 else 0 end) as repeated,
        sum(case when status = 'unidentified' then 1 else 0 end) as unidentified,
        sum(case when status = 'contaminated' then 1 else 0 end) as contaminated,
        sum(case when status = 'late' then 1 else 0 end) as late,
        min(assigned_at) as first_assigned_at,
        max(assigned_at) as last_assigned_at
    from with_role
    group by experiment_id, arm

),

-- The window of the last one who counts: until then the experiment runs.
spans as (

    select
        experiment_id,
        max(case when status <> 'late' then window_ends_at end) as ends_at
    from assignments
    group by experiment_id

),

planned as (

    select distinct experiment_id from shares

),

-- Also the arms that were planned and nobody is in: that nobody is in them is what should be seen.
known_arms as (

    select experiment_id, arm from counted
    union
    select shares.experiment_id, shares.arm
    from shares
    inner join spans on shares.experiment_id = spans.experiment_id

),

described as (

    select
        known_arms.experiment_id,
        coalesce(experiments.experiment_name, known_arms.experiment_id) as experiment_name,
        known_arms.arm,
        case
            when known_arms.arm = experiments.control_arm and coalesce(counted.known_role, 'treatment') = 'treatment'
                then 'control'
            else coalesce(counted.known_role, 'treatment')
        end as role,
        experiments.control_arm,
        case when planned.experiment_id is not null then shares.planned_share else counted.stated_share end
            as planned_share,
        coalesce(counted.assignments, 0) as assignments,
        coalesce(counted.customers, 0) as customers,
        coalesce(counted.repeated, 0) as repeated,
        coalesce(counted.unidentified, 0) as unidentified,
        coalesce(counted.contaminated, 0) as contaminated,
        coalesce(counted.late, 0) as late,
        counted.first_assigned_at,
        counted.last_assigned_at,
        spans.ends_at,
        coalesce(experiments.window_days, {{ threshold('experiment_window_days') }}) as window_days,
        coalesce(experiments.alpha, cast({{ threshold('experiment_alpha') }} as double)) as alpha,
        coalesce(spans.ends_at > as_of.as_of, false) as is_running
    from known_arms
    cross join as_of
    left join counted on known_arms.experiment_id = counted.experiment_id and known_arms.arm = counted.arm
    left join spans on known_arms.experiment_id = spans.experiment_id
    left join experiments on known_arms.experiment_id = experiments.experiment_id
    left join planned on known_arms.experiment_id = planned.experiment_id
    left join shares on known_arms.experiment_id = shares.experiment_id and known_arms.arm = shares.arm

),

-- The arm that the company file names; else the one control, else the one hold-out. Of two equals neither.
candidates as (

    select
        *,
        case
            when control_arm is not null then case when arm = control_arm then 1 end
            when role = 'control' then 2
            when role = 'holdout' then 3
        end as candidacy
    from described

),

chosen as (

    select
        experiment_id,
        candidacy,
        min(arm) as arm
    from (
        select
            *,
            min(candidacy) over (partition by experiment_id) as best
        from candidates
    ) as ranked
    where candidacy = best
    group by experiment_id, candidacy
    having count(*) = 1

)

select
    candidates.experiment_id,
    candidates.experiment_name,
    candidates.arm,
    candidates.role,
    chosen.arm is not null as is_control,
    cast(candidates.planned_share as double) as planned_share,
    cast(candidates.assignments as bigint) as assignments,
    cast(candidates.customers as bigint) as customers,
    cast(candidates.repeated as bigint) as repeated,
    cast(candidates.unidentified as bigint) as unidentified,
    cast(candidates.contaminated as bigint) as contaminated,
    cast(candidates.late as bigint) as late,
    candidates.first_assigned_at,
    candidates.last_assigned_at,
    candidates.ends_at,
    cast(candidates.window_days as bigint) as window_days,
    candidates.alpha,
    candidates.is_running
from candidates
left join chosen on candidates.experiment_id = chosen.experiment_id and candidates.arm = chosen.arm
