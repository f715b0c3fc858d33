{#- Every record that this run received of a vendor is a record of at least one entity: nothing is dropped in silence.
    The run is written out, so that only its rows are read. -#}
{{ config(tags=['phase_staging']) }}

{%- set run = namespace(id='') -%}
{%- if execute -%}
    {%- set found = run_query('select run_id from ' ~ source('meta', 'run_context')) -%}
    {%- set run.id = found.rows[0][0] if found.rows | length else '' -%}
{%- endif -%}
{%- for vendor, objects in var('vendors', {}).items() %}
{%- for object, entities in objects.items() %}

select
    '{{ vendor }}' as vendor,
    '{{ object }}' as object,
    received._batch_id as batch_id,
    received._row as row_number
from {{ source(vendor, object) }} as received
where
    received._load_id = '{{ run.id }}'
    {%- for entity in entities %}
    and not exists (
        select 1 from {{ ref('stg_' ~ vendor ~ '__' ~ entity) }} as made
        where
            made._load_id = '{{ run.id }}'
            and made._batch_id = received._batch_id
            and made._row = received._row
    )
    {%- endfor %}
union all
{%- endfor %}
{%- endfor %}

select
    'none' as vendor,
    'none' as object,
    'none' as batch_id,
    cast(0 as bigint) as row_number
from {{ source('meta', 'run_context') }}
where 1 = 0
