{{ config(tags=['phase_value']) }}

{#- All kinds in one pass: a row for each of them would be ten times as many to sort. -#}
with segments as (

    select * from {{ ref('int_customer_segments') }}

)

select
    customer_id,
    day,
    is_as_of,
    {%- for column in segment_kinds().values() %}
    lag({{ column }}) over (partition by customer_id order by day) as from_{{ column }},
    {{ column }},
    {%- endfor %}
    lag(day) over (partition by customer_id order by day) as previous_day
from segments
