{{ config(tags=['phase_value']) }}

with own_segments as (

    select * from {{ ref('int_own_segments') }}

)

select
    segment_kind,
    customer_id,
    day,
    is_as_of,
    lag(segment) over (partition by segment_kind, customer_id order by day) as from_segment,
    segment as to_segment,
    lag(day) over (partition by segment_kind, customer_id order by day) as previous_day
from own_segments
