{%- if holds_back() -%}
with rules as (

    {{ rules_as_rows() }}

),

counted as (
    {% for entity in entities() %}
    {{ rule_counts_of(entity, ref('int_used__' ~ entity)) }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    entity,
    rule,
    cast(sum(records) as bigint) as records,
    cast(sum(valid_records) as bigint) as valid_records
from counted
where not is_duplicate
group by 1, 2
{%- else -%}
select
    entity,
    rule,
    cast(sum(records) as bigint) as records,
    cast(sum(valid_records) as bigint) as valid_records
from {{ ref('int_quality__rule_counts') }}
where load_id = 'all'
group by 1, 2
{%- endif %}
