{%- set columns = segment_columns().values() %}

with customers as (

    select
        segments.*,
        sets.own_segments
    from {{ ref('int_customer_segments') }} as segments
    left join {{ ref('int_own_segment_sets') }} as sets
        on segments.customer_id = sets.customer_id and segments.day = sets.day

),

combinations as (

    select distinct
        {%- for column in columns %}
        {{ column }},
        {%- endfor %}
        own_segments
    from customers

)

select
    cast(row_number() over (
        order by
            {%- for column in columns %}
            {{ column }} asc nulls first,
            {%- endfor %}
            own_segments asc nulls first
    ) as bigint) as combination_id,
    {%- for column in columns %}
    {{ column }},
    {%- endfor %}
    own_segments
from combinations
