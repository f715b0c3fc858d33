{{ config(tags=['phase_value']) }}

with moves as (

    select * from {{ ref('int_segment_moves') }} where not is_first_day

)

select
    month,
    segment_kind,
    from_segment,
    to_segment,
    customers,
    cast(customers as double)
    / cast(sum(customers) over (partition by month, segment_kind, from_segment) as double) as share,
    movement,
    is_complete_month
from moves
