{{ config(tags=['phase_value']) }}

with segments as (

    select * from {{ ref('int_segments') }}

),

segment_ranks as (

    select * from {{ ref('segment_ranks') }}

),

first_days as (

    select min(day) as first_day from segments

),

-- From one snapshot to the next: a complete month each, and the days of this month so far.
steps as (

    select
        customer_id,
        segment_kind,
        day,
        is_as_of,
        segment as to_segment,
        lag(segment) over (partition by customer_id, segment_kind order by day) as from_segment
    from segments

),

ranked as (

    select
        steps.*,
        from_ranks.rank as from_rank,
        to_ranks.rank as to_rank
    from steps
    cross join first_days
    left join segment_ranks as from_ranks
        on steps.segment_kind = from_ranks.segment_kind and steps.from_segment = from_ranks.segment
    left join segment_ranks as to_ranks
        on steps.segment_kind = to_ranks.segment_kind and steps.to_segment = to_ranks.segment
    where steps.day > first_days.first_day and (steps.from_segment is not null or steps.to_segment is not null)

)

select
    customer_id,
    segment_kind,
    day,
    is_as_of,
    from_segment,
    to_segment,
    case
        when from_segment = to_segment then 'stayed'
        when from_segment is null or from_rank = 0 then
            case when to_segment is null or to_rank = 0 then 'stayed_out' else 'came' end
        when to_segment is null or to_rank = 0 then 'left'
        when to_rank > from_rank then 'up'
        when to_rank < from_rank then 'down'
        else 'changed'
    end as movement
from ranked
