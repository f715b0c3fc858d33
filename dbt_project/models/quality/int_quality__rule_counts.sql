{#- As long as no earlier load waits, there is nothing that a later one can have mended. -#}
{%- set loads_wait = loads_wait() -%}
-- noqa: disable=ST03
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

    select distinct load_id, source from {{ source('meta', 'gate_passes') }}

),

{%- if loads_wait %}

waiting as (

    select loads.load_id, loads.source
    from {{ source('ledger', 'loads') }} as loads
    left join gate_passes on loads.load_id = gate_passes.load_id and loads.source = gate_passes.source
    where gate_passes.load_id is null

),

mended as (
    {% for entity in entities() %}
    {{ rule_counts_of(entity, '(' ~ mended_rows(entity) ~ ') as mended_rows') }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),
{%- endif %}

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
    left join gate_passes on counted.load_id = gate_passes.load_id and counted.source = gate_passes.source
    where gate_passes.load_id is null
    {%- if loads_wait %}

    union all

    select 'new' as load_id, source, entity, rule, -records as records, -valid_records as valid_records
    from mended
    {%- endif %}

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
    having sum(records) > 0

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
