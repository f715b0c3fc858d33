{{ config(tags=['phase_value']) }}

{%- set kinds = {
    'value': 'value_segment', 'behaviour': 'behaviour_segment', 'lifecycle': 'lifecycle_stage',
    'loyalty': 'loyalty_tier',
} %}

with customer_segments as (

    select * from {{ ref('int_customer_segments') }}

)

{%- for kind, column in kinds.items() %}
select
    customer_id,
    day,
    is_as_of,
    month_number,
    '{{ kind }}' as segment_kind,
    {{ column }} as segment
from customer_segments
{{ 'union all' if not loop.last }}
{%- endfor %}
{%- for model in var('segment_models', []) %}

union all

select
    snapshots.customer_id,
    snapshots.day,
    snapshots.is_as_of,
    snapshots.month_number,
    {{ regulars.text_literal(model) }} as segment_kind,
    own.segment
from {{ ref('int_customer_snapshots') }} as snapshots
left join {{ ref('segment__' ~ model) }} as own
    on snapshots.customer_id = own.customer_id and snapshots.day = own.day
{%- endfor %}
