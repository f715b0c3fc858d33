{#- Ten decimals, so that 0.9 made of many shares is not below a goal of 0.9 by the last bit of a double. -#}
{% set precision = 10 %}

with rule_counts as (

    select * from {{ ref('int_quality__rule_counts') }}

),

by_source as (

    select load_id, source, entity, rule, weight, records, valid_records
    from rule_counts

    union all

    select
        load_id,
        'all' as source,
        entity,
        rule,
        weight,
        sum(records) as records,
        sum(valid_records) as valid_records
    from rule_counts
    group by load_id, entity, rule, weight

),

indexed as (

    select
        load_id,
        source,
        {{ rounded('sum(weight * valid_records / cast(records as double)) / sum(weight)', precision) }} as validity
    from by_source
    group by load_id, source

),

-- Every rule of an entity sees the same rows, so one of them tells how many there were.
counted as (

    select load_id, source, sum(records) as records
    from (
        select load_id, source, entity, max(records) as records
        from by_source
        group by load_id, source, entity
    ) as by_entity
    group by load_id, source

)

select
    indexed.load_id,
    indexed.source,
    indexed.validity,
    cast({{ var('validity')['goal'] }} as double) as goal,
    indexed.validity >= cast({{ var('validity')['goal'] }} as double) as is_met,
    (select max(run_context.started_at) from {{ source('meta', 'run_context') }} as run_context) as measured_at,
    cast(counted.records as bigint) as records
from indexed
inner join counted on indexed.load_id = counted.load_id and indexed.source = counted.source
