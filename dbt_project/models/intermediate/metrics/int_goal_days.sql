{{ config(tags=['phase_value']) }}


with goals as (

    {{ goals() }}

),

metric_definitions as (

    select * from {{ ref('metric_definitions') }}

),

days as (

    select * from {{ ref('int_days') }}

),

changes as (

    select * from {{ ref('int_metric_changes') }}

),

validity_index as (

    select * from {{ ref('data_validity_index') }} where load_id = 'all'

),

first_days as (

    select min(day) as first_day
    from (
        select day from {{ ref('int_customer_days') }}
        union all
        select ordered_on as day from {{ ref('int_orders_to_date') }}
    ) as happened

),

goal_changes as (

    select
        goals.goal_id,
        changes.day,
        sum(changes.numerator) as numerator,
        sum(changes.denominator) as denominator,
        1 as groups_found
    from goals
    inner join changes on goals.metric = changes.metric
    where
        {{ fits_goal('goals', 'changes') | indent(4) }}
    group by goals.goal_id, changes.day

),

grid as (

    select
        goals.*,
        days.day,
        metric_definitions.kind = 'total' as is_total
    from goals
    inner join metric_definitions on goals.metric = metric_definitions.metric
    inner join days on metric_definitions.measured = 'daily' or days.is_as_of

),

running as (

    select
        grid.goal_id,
        grid.metric,
        grid.is_total,
        grid.day,
        grid.filter_source,
        sum(coalesce(goal_changes.numerator, 0)) over (
            partition by grid.goal_id order by grid.day rows between unbounded preceding and current row
        ) as numerator,
        sum(coalesce(goal_changes.denominator, 0)) over (
            partition by grid.goal_id order by grid.day rows between unbounded preceding and current row
        ) as denominator,
        max(goal_changes.groups_found) over (partition by grid.goal_id) as groups_found
    from grid
    left join goal_changes on grid.goal_id = goal_changes.goal_id and grid.day = goal_changes.day

)

select
    running.goal_id,
    running.day,
    cast(running.numerator as double) as numerator,
    cast(running.denominator as double) as denominator,
    case
        -- The index of everything, or of one source, is settled where the gate reads it.
        when running.metric = 'validity' then validity_index.validity
        when running.is_total
            then
                case
                    when running.day >= first_days.first_day and running.groups_found = 1
                        then cast(running.numerator as double)
                end
        else cast(running.numerator as double) / nullif(cast(running.denominator as double), 0)
    end as actual,
    running.is_total,
    coalesce(running.groups_found = 1, false) as is_group_known
from running
cross join first_days
left join validity_index
    on running.metric = 'validity' and coalesce(running.filter_source, 'all') = validity_index.source
