{{ config(tags=['phase_value']) }}

with snapshots as (

    select * from {{ ref('int_customer_snapshots') }}

)

{%- for name in var('segment_models', []) %}

select
    {{ regulars.text_literal(name) }} as segment_kind,
    snapshots.customer_id,
    snapshots.day,
    snapshots.is_as_of,
    own.segment
from snapshots
left join {{ ref('segment__' ~ name) }} as own
    on snapshots.customer_id = own.customer_id and snapshots.day = own.day
{{ 'union all' if not loop.last }}
{%- else %}

select
    cast(null as {{ dbt.type_string() }}) as segment_kind,
    customer_id,
    day,
    is_as_of,
    cast(null as {{ dbt.type_string() }}) as segment
from snapshots
where 1 = 0
{%- endfor %}
