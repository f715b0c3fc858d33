{{ config(tags=['phase_value']) }}

with flows as (

    select * from {{ ref('int_segment_flows') }} where to_segment is not null

),

counted as (

    select
        day,
        segment_kind,
        to_segment as segment,
        is_as_of,
        sum(customers) as customers
    from flows
    group by day, segment_kind, to_segment, is_as_of

)

select
    day,
    segment_kind,
    segment,
    cast(customers as bigint) as customers,
    cast(customers as double) / cast(sum(customers) over (partition by day, segment_kind) as double) as share,
    is_as_of
from counted
