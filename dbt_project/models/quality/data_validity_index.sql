with rules as (

    {{ rules_as_rows() }}

),

by_source as (

    select * from {{ ref('int_quality__source_validity') }}

),

held as (

    select distinct source from {{ ref('held_loads') }}

),

-- A rule's share in the overall index is taken over its records of all sources.
rules_overall as (

    select
        rule_counts.load_id,
        rule_counts.entity,
        rule_counts.rule,
        rule_counts.weight,
        sum(rule_counts.records) as records,
        sum(rule_counts.valid_records) as valid_records
    from {{ ref('int_quality__rule_counts') }} as rule_counts
    left join held on rule_counts.source = held.source
    where rule_counts.load_id <> 'new' or held.source is null
    group by rule_counts.load_id, rule_counts.entity, rule_counts.rule, rule_counts.weight

    union all

    select
        'used' as load_id,
        used.entity,
        used.rule,
        rules.weight,
        used.records,
        used.valid_records
    from {{ ref('int_quality__rule_counts_used') }} as used
    inner join rules on used.rule = rules.rule

),

overall as (

    select
        load_id,
        'all' as source,
        {{ validity_index() }} as validity,
        cast({{ var('validity')['goal'] }} as double) as goal
    from rules_overall
    group by load_id

),

counted as (

    select load_id, sum(records) as records
    from (
        select load_id, entity, max(records) as records
        from rules_overall
        group by load_id, entity
    ) as by_entity
    group by load_id

),

indexed as (

    select load_id, source, validity, goal, records from by_source

    union all

    select overall.load_id, overall.source, overall.validity, overall.goal, cast(counted.records as bigint) as records
    from overall
    inner join counted on overall.load_id = counted.load_id

)

select
    load_id,
    source,
    validity,
    goal,
    validity >= goal as is_met,
    (select max(run_context.started_at) from {{ source('meta', 'run_context') }} as run_context) as measured_at,
    records
from indexed
