{{ config(tags=['phase_value']) }}

with stated as (

    {{ goals() }}

),

-- The index of one source is no sum of groups.
goals as (

    select * from stated where metric <> 'validity' or filter_words is null

),

scorecard as (

    select * from {{ ref('kpi_scorecard') }}

),

metric_definitions as (

    select * from {{ ref('metric_definitions') }}

),

changes as (

    select * from {{ ref('int_metric_changes') }}

),

as_of as (

    select
        as_of_on,
        cast({{ regulars.add_days('as_of_on', -30) }} as date) as earlier_on
    from {{ ref('int_as_of') }}

),

-- Groups of all dimensions at once, then a row for each dimension.
cells as (

    select
        goals.goal_id,
        changes.metric,
        {%- for name in goal_dimensions() %}
        changes.{{ name }},
        {%- endfor %}
        sum(changes.numerator) as numerator,
        sum(changes.denominator) as denominator,
        sum(case when changes.day <= as_of.earlier_on then changes.numerator else 0 end) as earlier_numerator,
        sum(case when changes.day <= as_of.earlier_on then changes.denominator else 0 end) as earlier_denominator
    from goals
    inner join changes on goals.metric = changes.metric
    cross join as_of
    where
        {{ fits_goal('goals', 'changes') | indent(4) }}
    group by goals.goal_id, changes.metric, changes.{{ goal_dimensions() | join(', changes.') }}

),

by_group as (
    {% for name in goal_dimensions() %}
    select
        goal_id,
        metric,
        '{{ name }}' as dimension,
        {{ name }} as group_name,
        sum(numerator) as numerator,
        sum(denominator) as denominator,
        sum(earlier_numerator) as earlier_numerator,
        sum(earlier_denominator) as earlier_denominator
    from cells
    {%- if name != 'source' %}
    where metric <> 'validity'
    {%- endif %}
    group by goal_id, metric, {{ name }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

counted as (

    select
        by_group.goal_id,
        by_group.dimension,
        by_group.group_name,
        metric_definitions.kind,
        metric_definitions.measured,
        metric_definitions.unit,
        cast(by_group.numerator as double) as numerator,
        cast(by_group.denominator as double) as denominator,
        cast(by_group.earlier_numerator as double) as earlier_numerator,
        cast(by_group.earlier_denominator as double) as earlier_denominator,
        cast(sum(by_group.numerator) over (partition by by_group.goal_id, by_group.dimension) as double)
            as all_numerator,
        cast(sum(abs(by_group.numerator)) over (partition by by_group.goal_id, by_group.dimension) as double)
            as all_sizes,
        cast(sum(by_group.denominator) over (partition by by_group.goal_id, by_group.dimension) as double)
            as all_denominator,
        cast(sum(by_group.earlier_denominator) over (partition by by_group.goal_id, by_group.dimension) as double)
            as all_earlier_denominator
    from by_group
    inner join metric_definitions on by_group.metric = metric_definitions.metric
    where
        by_group.numerator <> 0
        or by_group.denominator <> 0
        or by_group.earlier_numerator <> 0
        or by_group.earlier_denominator <> 0

),

weighed as (

    select
        counted.*,
        scorecard.target,
        scorecard.gap,
        case when scorecard.direction = 'down' then cast(-0.01 as double) else cast(0.01 as double) end as point,
        case
            when counted.kind = 'total' then counted.numerator
            else counted.numerator / nullif(counted.denominator, 0)
        end as actual,
        case
            when counted.kind = 'total' then counted.numerator / nullif(counted.all_numerator, 0)
            else counted.denominator / nullif(counted.all_denominator, 0)
        end as share_of_base
    from counted
    inner join scorecard on counted.goal_id = scorecard.goal_id
    where scorecard.actual is not null

)

select
    goal_id,
    dimension,
    group_name,
    case when kind = 'ratio' then denominator end as base,
    numerator as counted,
    actual,
    share_of_base,
    case
        -- In proportion to their size, so that a group that loses money has its part of the gap, too.
        when kind = 'total' then {{ rounded('gap * (abs(numerator) / nullif(all_sizes, 0))', 12) }}
        else {{ rounded('(target * denominator - numerator) / nullif(all_denominator, 0)', 12) }}
    end as gap_contribution,
    case
        when measured = 'now' then null
        when kind = 'total' then numerator - earlier_numerator
        else {{ rounded(
            'numerator / nullif(all_denominator, 0) - earlier_numerator / nullif(all_earlier_denominator, 0)', 12
        ) }}
    end as trend_30d_contribution,
    -- What the group would have to reach for the whole to be one point better, all others as they are.
    case
        when unit <> 'share' or denominator <= 0 then null
        when (numerator + point * all_denominator) / denominator between 0 and 1
            then (numerator + point * all_denominator) / denominator
    end as actual_for_one_point
from weighed
