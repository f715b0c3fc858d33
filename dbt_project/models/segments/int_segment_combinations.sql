{%- set columns = segment_columns().values() | list + ['own_segments'] %}

with customers as (

    select
        segments.*,
        sets.own_segments
    from {{ ref('int_customer_segments') }} as segments
    left join {{ ref('int_own_segment_sets') }} as sets
        on segments.customer_id = sets.customer_id and segments.day = sets.day

),

combinations as (

    select distinct {{ columns | join(', ') }} from customers

)

select
    cast(row_number() over (
        order by {% for column in columns %}{{ column }} nulls first{{ ', ' if not loop.last }}{% endfor %}
    ) as bigint) as combination_id,
    {{ columns | join(',\n    ') }}
from combinations
