{{ config(tags=['phase_value']) }}

{%- set z = threshold('finding_standard_errors') %}

with steps as (

    select * from {{ ref('int_segment_steps') }} where from_combination_id <> 0

),

snapshot_days as (

    select * from {{ ref('int_snapshot_days') }}

),

combination_segments as (

    select * from {{ ref('int_combination_segments') }}

),

segment_kinds as (

    select * from {{ ref('segment_kinds') }}

),

segment_ranks as (

    select * from {{ ref('segment_ranks') }}

),

-- What is no complete month yet would look like a month in which few moved.
counted as (

    select
        steps.day,
        steps.from_combination_id,
        steps.to_combination_id,
        count(*) as customers
    from steps
    inner join snapshot_days on steps.day = snapshot_days.day and snapshot_days.is_complete_month
    group by steps.day, steps.from_combination_id, steps.to_combination_id

),

rungs as (

    select
        combination_segments.combination_id,
        combination_segments.segment_kind as ladder,
        coalesce(segment_ranks.rank, 0) as rank
    from combination_segments
    inner join segment_kinds
        on combination_segments.segment_kind = segment_kinds.segment_kind and segment_kinds.level = 'strategic'
    left join segment_ranks
        on
            combination_segments.segment_kind = segment_ranks.segment_kind
            and combination_segments.segment = segment_ranks.segment

),

-- Kinds of the company's own are tactical.
tactics as (

    select combination_segments.*
    from combination_segments
    left join segment_kinds on combination_segments.segment_kind = segment_kinds.segment_kind
    where coalesce(segment_kinds.level, 'tactical') = 'tactical' and combination_segments.segment <> '(none)'

),

climbed as (

    select
        counted.day,
        counted.from_combination_id,
        from_rungs.ladder,
        from_rungs.rank,
        counted.customers,
        case when to_rungs.rank > from_rungs.rank then counted.customers else 0 end as moved_up
    from counted
    inner join rungs as from_rungs on counted.from_combination_id = from_rungs.combination_id
    inner join rungs as to_rungs
        on counted.to_combination_id = to_rungs.combination_id and from_rungs.ladder = to_rungs.ladder
    where from_rungs.rank > 0

),

-- Who stands high has less way up: each customer is compared with all who stand on the same rung. Shares are decimals,
-- so that they add up to the same in whatever order they come.
usual as (

    select
        ladder,
        rank,
        cast(
            {{ regulars.rounded('cast(sum(moved_up) as double) / cast(sum(customers) as double)', 12) }}
            as decimal(15, 12)
        ) as moved_up_share
    from climbed
    group by ladder, rank

),

months as (

    select
        climbed.ladder,
        tactics.segment_kind,
        tactics.segment,
        climbed.day,
        climbed.rank,
        sum(climbed.customers) as customers,
        sum(climbed.moved_up) as moved_up
    from climbed
    inner join tactics on climbed.from_combination_id = tactics.combination_id
    group by climbed.ladder, tactics.segment_kind, tactics.segment, climbed.day, climbed.rank

),

by_month as (

    select
        months.ladder,
        months.segment_kind,
        months.segment,
        months.day,
        sum(months.customers) as customers,
        sum(months.moved_up) as moved_up,
        sum(cast(months.customers as decimal(15, 0)) * usual.moved_up_share) as expected_up
    from months
    inner join usual on months.ladder = usual.ladder and months.rank = usual.rank
    group by months.ladder, months.segment_kind, months.segment, months.day

),

-- Who went up, fell back and went up again is no second witness: months count for less where few people made the moves.
moves_of_customers as (

    select
        from_rungs.ladder,
        tactics.segment_kind,
        tactics.segment,
        steps.customer_id,
        count(*) as moves
    from steps
    inner join snapshot_days on steps.day = snapshot_days.day and snapshot_days.is_complete_month
    inner join rungs as from_rungs on steps.from_combination_id = from_rungs.combination_id
    inner join rungs as to_rungs
        on steps.to_combination_id = to_rungs.combination_id and from_rungs.ladder = to_rungs.ladder
    inner join tactics on steps.from_combination_id = tactics.combination_id
    where
        steps.from_combination_id <> steps.to_combination_id
        and from_rungs.rank > 0
        and to_rungs.rank > from_rungs.rank
    group by from_rungs.ladder, tactics.segment_kind, tactics.segment, steps.customer_id

),

repeats as (

    select
        ladder,
        segment_kind,
        segment,
        cast(sum(moves * moves) as double) / cast(sum(moves) as double) as moves_per_mover
    from moves_of_customers
    group by ladder, segment_kind, segment

),

summed as (

    select
        ladder,
        segment_kind,
        segment,
        cast(max(customers) as bigint) as customers,
        cast(sum(customers) as bigint) as customer_months,
        cast(sum(moved_up) as bigint) as moved_up,
        cast(sum(moved_up) as double) / cast(sum(customers) as double) as moved_up_share,
        cast(sum(expected_up) as double) / cast(sum(customers) as double) as expected_share
    from by_month
    group by ladder, segment_kind, segment

),

observed as (

    select
        summed.*,
        coalesce(repeats.moves_per_mover, 1) as moves_per_mover,
        cast(summed.customer_months as double) / coalesce(repeats.moves_per_mover, 1) as n
    from summed
    left join repeats
        on
            summed.ladder = repeats.ladder
            and summed.segment_kind = repeats.segment_kind
            and summed.segment = repeats.segment

),

-- Wilson's interval of a share.
bounded as (

    select
        *,
        (moved_up_share + {{ z }} * {{ z }} / (2 * n)) / (1 + {{ z }} * {{ z }} / n) as middle,
        {{ z }} * power(moved_up_share * (1 - moved_up_share) / n + {{ z }} * {{ z }} / (4 * n * n), 0.5)
        / (1 + {{ z }} * {{ z }} / n) as reach
    from observed

),

lifted as (

    select
        *,
        moved_up_share / nullif(expected_share, 0) as lift,
        case when middle > reach then middle - reach else 0 end / nullif(expected_share, 0) as lift_lower,
        (middle + reach) / nullif(expected_share, 0) as lift_upper
    from bounded

)

select
    ladder,
    segment_kind,
    segment,
    customers,
    customer_months,
    moved_up,
    moved_up_share,
    expected_share,
    moves_per_mover,
    lift,
    lift_lower,
    lift_upper,
    case
        when customers < {{ threshold('finding_min_customers') }} then 'too_few'
        when lift_lower > 1 then 'raises'
        when lift_upper < 1 then 'lowers'
        else 'not_shown'
    end as finding
from lifted
