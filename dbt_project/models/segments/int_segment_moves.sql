with steps as (

    select * from {{ ref('int_segment_steps') }}

),

snapshot_days as (

    select * from {{ ref('int_snapshot_days') }}

),

combination_segments as (

    select * from {{ ref('int_combination_segments') }}

),

segment_ranks as (

    select * from {{ ref('segment_ranks') }}

),

counted as (

    select
        day,
        from_combination_id,
        to_combination_id,
        count(*) as customers
    from steps
    group by day, from_combination_id, to_combination_id

),

moves as (

    select
        counted.day,
        from_segments.segment_kind,
        from_segments.segment as from_segment,
        to_segments.segment as to_segment,
        sum(counted.customers) as customers
    from counted
    inner join combination_segments as from_segments
        on counted.from_combination_id = from_segments.combination_id
    inner join combination_segments as to_segments
        on
            counted.to_combination_id = to_segments.combination_id
            and from_segments.segment_kind = to_segments.segment_kind
    group by counted.day, from_segments.segment_kind, from_segments.segment, to_segments.segment

),

-- Rank 0 is outside, and so are who is in no segment of the kind and who was not known before.
ranked as (

    select
        moves.*,
        moves.from_segment in ('(new)', '(none)') or coalesce(from_ranks.rank, 1) = 0 as was_outside,
        moves.to_segment = '(none)' or coalesce(to_ranks.rank, 1) = 0 as is_outside,
        from_ranks.rank as from_rank,
        to_ranks.rank as to_rank
    from moves
    left join segment_ranks as from_ranks
        on moves.segment_kind = from_ranks.segment_kind and moves.from_segment = from_ranks.segment
    left join segment_ranks as to_ranks
        on moves.segment_kind = to_ranks.segment_kind and moves.to_segment = to_ranks.segment

)

select
    ranked.day,
    cast({{ dbt.date_trunc('month', 'ranked.day') }} as date) as month,
    snapshot_days.is_complete_month,
    snapshot_days.previous_day is null as is_first_day,
    ranked.segment_kind,
    ranked.from_segment,
    ranked.to_segment,
    cast(ranked.customers as bigint) as customers,
    case
        when ranked.was_outside and ranked.is_outside then 'outside'
        when ranked.was_outside then 'came'
        when ranked.is_outside then 'left'
        when ranked.from_segment = ranked.to_segment then 'stayed'
        when ranked.to_rank > ranked.from_rank then 'up'
        when ranked.to_rank < ranked.from_rank then 'down'
        else 'changed'
    end as movement
from ranked
inner join snapshot_days on ranked.day = snapshot_days.day
