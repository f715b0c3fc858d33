with rules as (

    {{ rules_as_rows() }}

),

counted as (
    {% for entity in entities() %}
    {{ rule_counts_of(entity) }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

gate_passes as (

    select distinct load_id from {{ source('meta', 'gate_passes') }}

),

scoped as (

    select load_id, source, entity, rule, records, valid_records
    from counted

    union all

    select 'all' as load_id, source, entity, rule, records, valid_records
    from counted
    where not is_duplicate

    union all

    select 'new' as load_id, counted.source, counted.entity, counted.rule, counted.records, counted.valid_records
    from counted
    left join gate_passes on counted.load_id = gate_passes.load_id
    where gate_passes.load_id is null

),

summed as (

    select
        load_id,
        source,
        entity,
        rule,
        sum(records) as records,
        sum(valid_records) as valid_records
    from scoped
    group by 1, 2, 3, 4

)

select
    summed.load_id,
    summed.source,
    summed.entity,
    rules.field,
    summed.rule,
    rules.dimension,
    rules.severity,
    rules.says,
    rules.weight,
    cast(summed.records as bigint) as records,
    cast(summed.valid_records as bigint) as valid_records
from summed
inner join rules on summed.rule = rules.rule
