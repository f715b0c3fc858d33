with rule_counts as (

    select * from {{ ref('int_quality__rule_counts') }}
    where load_id in ('all', 'new')

),

-- A rule's share in the overall index is taken over its records of all sources.
rules_overall as (

    select load_id, entity, rule, weight, sum(records) as records
    from rule_counts
    group by load_id, entity, rule, weight

),

weights_overall as (

    select load_id, sum(weight) as weight
    from rules_overall
    group by load_id

),

weights_by_source as (

    select load_id, source, sum(weight) as weight
    from rule_counts
    group by load_id, source

),

costed as (

    select
        rule_counts.load_id,
        rule_counts.source,
        rule_counts.entity,
        rule_counts.field,
        rule_counts.rule,
        rule_counts.dimension,
        rule_counts.severity,
        rule_counts.says,
        rule_counts.weight,
        rule_counts.records,
        rule_counts.records - rule_counts.valid_records as failed_records,
        100 * rule_counts.weight * (rule_counts.records - rule_counts.valid_records)
        / rules_overall.records / weights_overall.weight as points_lost,
        100 * rule_counts.weight * (rule_counts.records - rule_counts.valid_records)
        / rule_counts.records / weights_by_source.weight as points_lost_of_source
    from rule_counts
    inner join rules_overall
        on
            rule_counts.load_id = rules_overall.load_id
            and rule_counts.entity = rules_overall.entity
            and rule_counts.rule = rules_overall.rule
    inner join weights_overall on rule_counts.load_id = weights_overall.load_id
    inner join weights_by_source
        on rule_counts.load_id = weights_by_source.load_id and rule_counts.source = weights_by_source.source

)

select
    load_id,
    source,
    entity,
    field,
    rule,
    dimension,
    severity,
    says,
    weight,
    records,
    failed_records,
    points_lost,
    points_lost_of_source,
    row_number() over (
        partition by load_id order by {{ rounded('points_lost', 10) }} desc, source asc, rule asc
    ) as rank_in_scope
from costed
where failed_records > 0
