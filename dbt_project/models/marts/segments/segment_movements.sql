{{ config(tags=['phase_value']) }}

{%- set ways = ['up', 'stayed', 'changed', 'down', 'left'] %}

with flows as (

    select * from {{ ref('int_segment_flows') }} where not is_first

),

summed as (

    select
        cast({{ dbt.date_trunc('month', 'day') }} as date) as month,
        segment_kind,
        is_complete,
        {%- for way in ways + ['came'] %}
        sum(case when movement = '{{ way }}' then customers else 0 end) as {{ way }}_customers,
        {%- endfor %}
        sum(case when movement not in ('came', 'outside') then customers else 0 end) as customers_before
    from flows
    group by cast({{ dbt.date_trunc('month', 'day') }} as date), segment_kind, is_complete

)

select
    month,
    segment_kind,
    is_complete,
    cast(customers_before as bigint) as customers_before,
    cast(customers_before - left_customers + came_customers as bigint) as customers_after,
    {%- for way in ways + ['came'] %}
    cast({{ way }}_customers as bigint) as {{ way }}_customers,
    {%- endfor %}
    {%- for way in ways + ['came'] %}
    cast({{ way }}_customers as double) / nullif(cast(customers_before as double), 0) as {{ way }}_share
    {%- if not loop.last %},{% endif %}
    {%- endfor %}
from summed
