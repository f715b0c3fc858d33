{#- Every contact value that staging holds has a verdict: without one it counts as invalid, and the validity of
    its source would be wrong. -#}
{{ config(tags=['phase_staging']) }}

{%- set parts = [] -%}
{%- for entity, definition in entities().items() -%}
{%- for column, type in definition['columns'].items() if type in judged_types() -%}
{%- do parts.append([entity, column, judged_types()[type]['table']]) -%}
{%- endfor -%}
{%- endfor -%}

{% for entity, column, table in parts %}
select
    '{{ entity }}' as entity,
    '{{ column }}' as field,
    staged.batch_id,
    staged.row_number
from {{ ref('stg_all__' ~ entity) }} as staged
where
    not staged.{{ column }}_is_valid
    and not exists (
        select 1 from {{ source('quality', table) }} as judged
        where judged.raw_value = staged.{{ column }}_text
    )
{{ 'union all' if not loop.last }}
{% endfor %}
