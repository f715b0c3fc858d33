{{ config(tags=['phase_value']) }}

with counted as (

    select
        day,
        segment_kind,
        to_segment as segment,
        sum(customers) as customers
    from {{ ref('int_segment_moves') }}
    group by day, segment_kind, to_segment

)

select
    day,
    segment_kind,
    segment,
    cast(customers as bigint) as customers,
    cast(customers as double) / cast(sum(customers) over (partition by day, segment_kind) as double) as share
from counted
