{{ config(tags=['phase_value']) }}

{%- set movements = ['up', 'down', 'changed', 'stayed', 'left', 'came'] %}
{%- set at_start = "movement in ('up', 'down', 'changed', 'stayed', 'left')" %}

with moves as (

    select * from {{ ref('int_segment_moves') }} where not is_first_day

),

counted as (

    select
        month,
        is_complete_month,
        segment_kind,
        sum(case when {{ at_start }} then customers else 0 end) as customers_at_start,
        {%- for movement in movements %}
        sum(case when movement = '{{ movement }}' then customers else 0 end) as {{ movement }}_customers,
        {%- endfor %}
        sum(case when movement in ('up', 'down', 'changed', 'stayed', 'came') then customers else 0 end)
            as customers_at_end
    from moves
    group by month, is_complete_month, segment_kind

)

select
    month,
    segment_kind,
    cast(customers_at_start as bigint) as customers_at_start,
    {%- for movement in movements %}
    cast({{ movement }}_customers as bigint) as {{ movement }}_customers,
    {%- endfor %}
    cast(customers_at_end as bigint) as customers_at_end,
    {%- for movement in movements %}
    cast({{ movement }}_customers as double) / nullif(cast(customers_at_start as double), 0) as {{ movement }}_share,
    {%- endfor %}
    is_complete_month
from counted
