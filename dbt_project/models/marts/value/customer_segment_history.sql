{{ config(tags=['phase_value']) }}

with segments as (

    select * from {{ ref('int_segments') }}

),

looked_back as (

    select
        *,
        lag(segment) over (partition by customer_id, segment_kind order by day) as previous_segment,
        lag(day) over (partition by customer_id, segment_kind order by day) as previous_day
    from segments

),

-- No segment is an answer too: it ends a span and begins none.
changes as (

    select
        *,
        lead(day) over (partition by customer_id, segment_kind order by day) as next_change_on
    from looked_back
    where previous_day is null or coalesce(segment, '') <> coalesce(previous_segment, '')

)

select
    customer_id,
    segment_kind,
    segment,
    day as valid_from,
    next_change_on as valid_to,
    previous_segment
from changes
where segment is not null
