{{ config(tags=['phase_value']) }}

with goals as (

    {{ goals() }}

),

metric_definitions as (

    select * from {{ ref('metric_definitions') }}

),

metrics as (

    select * from {{ ref('int_metrics') }}

),

kpi_daily as (

    select * from {{ ref('kpi_daily') }}

),

near_goal as (

    select min(from_attainment) as from_attainment from {{ ref('goal_statuses') }} where status = 'near'

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

held_back as (

    select {{ joined_texts('source') }} as sources
    from (select distinct source from {{ ref('held_loads') }}) as held

),

measured as (

    select
        goals.goal_id,
        goals.goal_name,
        goals.metric,
        -- The seed leaves open what the company file and its own windows say.
        replace(
            replace(
                replace(
                    metric_definitions.definition,
                    '{window}',
                    coalesce(
                        cast(metric_definitions.window_months as {{ dbt.type_string() }}) || ' months',
                        cast(metric_definitions.window_days as {{ dbt.type_string() }}) || ' days',
                        ''
                    )
                ),
                '{key_customer_share}', '{{ '%g' | format(100 * threshold('key_customer_share')) }} %'
            ),
            '{regular_months}', '{{ threshold('regular_months') }}'
        ) as definition,
        metric_definitions.unit,
        metric_definitions.direction,
        goals.target,
        metrics.actual,
        metrics.actual - earlier.actual as trend_30d,
        goals.deadline,
        goals.owner,
        as_of.as_of as measured_at
    from goals
    cross join as_of
    left join metric_definitions on goals.metric = metric_definitions.metric
    left join metrics on goals.metric = metrics.metric and as_of.as_of_on = metrics.day
    left join kpi_daily as earlier
        on
            goals.goal_id = earlier.goal_id
            and earlier.day = cast({{ regulars.add_days('as_of.as_of_on', -30) }} as date)

),

attained as (

    select
        *,
        case
            when direction = 'down' then target / nullif(actual, 0)
            else actual / nullif(target, 0)
        end as attainment,
        case when direction = 'down' then actual <= target else actual >= target end as is_met
    from measured

)

select
    attained.goal_id,
    attained.goal_name,
    attained.definition,
    attained.target,
    attained.actual,
    attained.attainment,
    case
        when attained.actual is null or attained.target is null then 'unmeasured'
        when attained.is_met then 'met'
        when attained.attainment >= near_goal.from_attainment then 'near'
        else 'missed'
    end as status,
    attained.trend_30d,
    attained.deadline,
    attained.owner,
    attained.measured_at,
    attained.metric,
    attained.unit,
    attained.direction,
    held_back.sources as held_back_sources
from attained
cross join near_goal
cross join held_back
