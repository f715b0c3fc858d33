{{ config(tags=['phase_value']) }}

with steps as (

    select * from {{ ref('int_segment_steps') }} where from_combination_id <> to_combination_id

),

combination_segments as (

    select * from {{ ref('int_combination_segments') }}

),

-- Few pairs of combinations stand for many customers: what changes with each is found out once.
pairs as (

    select distinct
        from_combination_id,
        to_combination_id
    from {{ ref('int_segment_steps') }}
    where from_combination_id <> to_combination_id

),

pair_changes as (

    select
        pairs.from_combination_id,
        pairs.to_combination_id,
        to_segments.segment_kind,
        from_segments.segment as from_segment,
        to_segments.segment as to_segment
    from pairs
    inner join combination_segments as from_segments
        on pairs.from_combination_id = from_segments.combination_id
    inner join combination_segments as to_segments
        on
            pairs.to_combination_id = to_segments.combination_id
            and from_segments.segment_kind = to_segments.segment_kind
    where from_segments.segment <> to_segments.segment

),

changes as (

    select
        steps.customer_id,
        pair_changes.segment_kind,
        pair_changes.to_segment as segment,
        steps.day as valid_from,
        lead(steps.day) over (
            partition by steps.customer_id, pair_changes.segment_kind order by steps.day
        ) as valid_to,
        case when pair_changes.from_segment <> '(new)' then pair_changes.from_segment end as previous_segment
    from steps
    inner join pair_changes
        on
            steps.from_combination_id = pair_changes.from_combination_id
            and steps.to_combination_id = pair_changes.to_combination_id

)

-- To be in no segment of the kind ends a span and begins none.
select
    customer_id,
    segment_kind,
    segment,
    valid_from,
    valid_to,
    case when previous_segment <> '(none)' then previous_segment end as previous_segment
from changes
where segment <> '(none)'
