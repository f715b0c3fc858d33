{{ config(tags=['phase_value']) }}

{%- set chance = threshold('goal_forecast_trend_errors') ** 2 %}
{%- set fading = 'cast(' ~ threshold('goal_forecast_damping') ~ ' as double)' %}

with goals as (

    {{ goals() }}

),

metric_definitions as (

    select * from {{ ref('metric_definitions') }}

),

goal_days as (

    select * from {{ ref('int_goal_days') }}

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
                '{handover_churn_risk}', '{{ '%g' | format(100 * threshold('handover_churn_risk')) }} %'
            ),
            '{regular_months}', '{{ threshold('regular_months') }}'
        ) as definition,
        metric_definitions.unit,
        coalesce(goals.direction, metric_definitions.direction) as direction,
        goals.target,
        goals.filter_words,
        metric_definitions.measured,
        goal_days.actual,
        goal_days.actual - earlier.actual as trend_30d,
        at_deadline.actual as actual_at_deadline,
        coalesce(goals.deadline < as_of.as_of_on, false) as is_over,
        coalesce(goal_days.is_group_known, false) as is_group_known,
        cast({{ regulars.days_between('as_of.as_of_on', 'goals.deadline') }} as bigint) as days_left,
        goals.deadline,
        goals.owner,
        as_of.as_of as measured_at
    from goals
    cross join as_of
    left join metric_definitions on goals.metric = metric_definitions.metric
    left join goal_days on goals.goal_id = goal_days.goal_id and as_of.as_of_on = goal_days.day
    left join kpi_daily as earlier
        on
            goals.goal_id = earlier.goal_id
            and earlier.day = cast({{ regulars.add_days('as_of.as_of_on', -30) }} as date)
    left join kpi_daily as at_deadline on goals.goal_id = at_deadline.goal_id and goals.deadline = at_deadline.day

),

-- The goal's course, scaled to a size near 1, so that squares can be added up exactly and in any order.
course as (

    select
        kpi_daily.goal_id,
        kpi_daily.day,
        kpi_daily.actual,
        max(abs(kpi_daily.actual)) over (partition by kpi_daily.goal_id) as size,
        lag(kpi_daily.day) over (partition by kpi_daily.goal_id order by kpi_daily.day) as previous_day,
        lag(kpi_daily.actual) over (partition by kpi_daily.goal_id order by kpi_daily.day) as previous_actual,
        min(kpi_daily.day) over (partition by kpi_daily.goal_id) as first_day,
        max(kpi_daily.day) over (partition by kpi_daily.goal_id) as last_day
    from kpi_daily
    cross join as_of
    where
        kpi_daily.actual is not null
        and kpi_daily.day <= as_of.as_of_on
        and kpi_daily.day > cast({{ regulars.add_days('as_of.as_of_on', -threshold('goal_forecast_days')) }} as date)

),

drifts as (

    select
        goal_id,
        max(size) as size,
        {{ regulars.days_between('min(first_day)', 'max(last_day)') }} as days_seen,
        (max(case when day = last_day then actual end) - max(case when day = first_day then actual end))
        / nullif({{ regulars.days_between('min(first_day)', 'max(last_day)') }}, 0) as drift
    from course
    group by goal_id

),

steps as (

    select
        course.goal_id,
        {{ regulars.days_between('course.previous_day', 'course.day') }} as days,
        (course.actual - course.previous_actual) / nullif(course.size, 0) as change_of_size,
        drifts.drift / nullif(course.size, 0) as drift_of_size
    from course
    inner join drifts on course.goal_id = drifts.goal_id
    where course.previous_day is not null

),

-- How far a day goes: around the trend, which says how sure the trend is, and in all, which says how far it may go.
spreads as (

    select
        goal_id,
        max(drift_of_size) as drift_of_size,
        count(*) as steps,
        cast(
            sum(
                cast({{ rounded(
                    'power(coalesce(change_of_size - drift_of_size * days, 0), 2) / days * 1e15', 0
                ) }} as decimal(38, 0))
            ) as double
        ) / 1e15 / nullif(count(*) - 1, 0) as variance_of_size,
        cast(
            sum(
                cast({{ rounded('power(coalesce(change_of_size, 0), 2) / days * 1e15', 0) }} as decimal(38, 0))
            ) as double
        ) / 1e15 / nullif(count(*), 0) as square_of_size
    from steps
    group by goal_id

),

-- The trend counts as far as it stands out of chance, and fades day by day.
trends as (

    select
        drifts.goal_id,
        drifts.size,
        drifts.drift,
        drifts.days_seen,
        spreads.steps,
        spreads.square_of_size,
        case
            when power(spreads.drift_of_size, 2) * drifts.days_seen > {{ chance }} * spreads.variance_of_size
                then
                    1 - {{ chance }} * spreads.variance_of_size
                    / (power(spreads.drift_of_size, 2) * drifts.days_seen)
            else cast(0 as double)
        end as share_of_trend
    from drifts
    left join spreads on drifts.goal_id = spreads.goal_id

),

forecasts as (

    select
        measured.goal_id,
        case
            when measured.deadline is null then 'no deadline'
            when measured.is_over then 'over'
            when measured.actual is null then 'unmeasured'
            when coalesce(trends.steps, 0) < {{ threshold('goal_forecast_min_days') }} then 'too little history'
            else 'forecast'
        end as forecast_status,
        measured.actual + trends.drift * trends.share_of_trend * {{ rounded(
            '(' ~ fading ~ ' - power(' ~ fading ~ ', measured.days_left + 1)) / (1 - ' ~ fading ~ ')', 9
        ) }} as middle,
        {{ threshold('goal_forecast_z') }} * trends.size * power(
            trends.square_of_size * measured.days_left * (1 + cast(measured.days_left as double) / trends.days_seen),
            0.5
        ) as reach,
        measured.unit
    from measured
    left join trends on measured.goal_id = trends.goal_id

),

bounded as (

    select
        goal_id,
        forecast_status,
        {{ forecast_within_unit('middle') }} as forecast_at_deadline,
        {{ forecast_within_unit('middle - reach') }} as forecast_low,
        {{ forecast_within_unit('middle + reach') }} as forecast_high
    from forecasts

),

compared as (

    select
        *,
        {{ goal_is_met('actual') }} as is_met,
        {{ goal_is_met('actual_at_deadline') }} as is_met_at_deadline,
        {{ goal_attainment('actual') }} as attainment,
        case when is_over then {{ goal_attainment('actual_at_deadline') }} end as attainment_at_deadline
    from measured

)

select
    compared.goal_id,
    compared.goal_name,
    compared.definition,
    compared.target,
    compared.actual,
    compared.attainment,
    {{ goal_status('compared.is_met', 'compared.attainment') | indent(4) }} as status,
    compared.trend_30d,
    compared.deadline,
    compared.owner,
    compared.measured_at,
    compared.metric,
    compared.unit,
    compared.direction,
    held_back.sources as held_back_sources,
    bounded.forecast_at_deadline,
    bounded.forecast_low,
    bounded.forecast_high,
    bounded.forecast_status,
    compared.target - compared.actual as gap,
    compared.filter_words,
    compared.is_over,
    compared.actual_at_deadline,
    compared.attainment_at_deadline,
    case
        when compared.is_over
            then {{ goal_status('compared.is_met_at_deadline', 'compared.attainment_at_deadline') | indent(12) }}
    end as status_at_deadline,
    case
        when compared.actual is not null then null
        when not compared.is_group_known and compared.filter_words is not null
            then 'nothing fits the filter ' || compared.filter_words
        else 'there is nothing to measure'
    end as unmeasured_reason
from compared
inner join bounded on compared.goal_id = bounded.goal_id
cross join near_goal
cross join held_back
