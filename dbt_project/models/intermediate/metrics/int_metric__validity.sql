{{ config(tags=['phase_value']) }}


with rule_counts as (

    select * from {{ ref('int_quality__rule_counts') }} where load_id = 'all' and records > 0

),

-- A rule's share in the index is taken over its records of all sources, so each source has a part of each weight.
rules_overall as (

    select
        entity,
        rule,
        cast(sum(records) as double) as records
    from rule_counts
    group by entity, rule

),

weights as (

    select cast(sum(weight) as double) as weight
    from (select distinct entity, rule, weight from rule_counts) as rules

),

parts as (

    select
        rule_counts.source,
        cast({{ rounded(
            'rule_counts.weight * rule_counts.valid_records / rules_overall.records / weights.weight', 12
        ) }} as decimal(38, 12)) as numerator,
        cast({{ rounded(
            'rule_counts.weight * rule_counts.records / rules_overall.records / weights.weight', 12
        ) }} as decimal(38, 12)) as denominator
    from rule_counts
    inner join rules_overall
        on rule_counts.entity = rules_overall.entity and rule_counts.rule = rules_overall.rule
    cross join weights

),

as_of as (

    select * from {{ ref('int_as_of') }}

)

select
    'validity' as metric,
    as_of.as_of_on as day,
    {{ dimensions_of(none, {
        'value_segment': 'null', 'lifecycle_stage': 'null', 'behaviour_segment': 'null', 'source': 'parts.source',
        'channel': 'null', 'country_code': 'null',
    }) }},
    cast(sum(parts.numerator) as decimal(38, 12)) as numerator,
    cast(sum(parts.denominator) as decimal(38, 12)) as denominator
from parts
cross join as_of
group by as_of.as_of_on, parts.source
