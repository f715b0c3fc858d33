with by_source as (

    select load_id, source, entity, field, rule, weight, records, valid_records
    from {{ ref('int_quality__rule_counts') }}

    union all

    select
        load_id,
        'all' as source,
        entity,
        field,
        rule,
        weight,
        sum(records) as records,
        sum(valid_records) as valid_records
    from {{ ref('int_quality__rule_counts') }}
    group by load_id, entity, field, rule, weight

),

indexed as (

    select
        load_id,
        source,
        entity,
        field,
        {{ validity_index() }} as validity,
        max(records) as records,
        sum(weight) as weight
    from by_source
    group by load_id, source, entity, field

    union all

    select
        load_id,
        source,
        entity,
        'all' as field,
        {{ validity_index() }} as validity,
        max(records) as records,
        sum(weight) as weight
    from by_source
    group by load_id, source, entity

)

select
    load_id,
    source,
    entity,
    field,
    validity,
    weight,
    cast(records as bigint) as records,
    (select max(run_context.started_at) from {{ source('meta', 'run_context') }} as run_context) as measured_at
from indexed
