with rule_counts as (

    select * from {{ ref('int_quality__rule_counts') }}

),

indexed as (

    select
        load_id,
        source,
        {{ validity_index() }} as validity
    from rule_counts
    group by load_id, source

),

-- Every rule of an entity sees the same rows, so one of them tells how many there were.
counted as (

    select load_id, source, sum(records) as records
    from (
        select load_id, source, entity, max(records) as records
        from rule_counts
        group by load_id, source, entity
    ) as by_entity
    group by load_id, source

),

source_goals as (

    {{ source_goals() }}

)

select
    indexed.load_id,
    indexed.source,
    indexed.validity,
    coalesce(source_goals.goal, cast({{ var('validity')['goal'] }} as double)) as goal,
    source_goals.below_goal,
    cast(counted.records as bigint) as records
from indexed
inner join counted on indexed.load_id = counted.load_id and indexed.source = counted.source
left join source_goals on indexed.source = source_goals.source
