{{ config(tags=['phase_value']) }}

with moves as (

    select * from {{ ref('int_segment_moves') }}

),

counted as (

    select
        cast({{ dbt.date_trunc('month', 'day') }} as date) as month,
        segment_kind,
        from_segment,
        to_segment,
        movement,
        max(case when is_as_of then 1 else 0 end) = 1 as is_running_month,
        count(*) as customers
    from moves
    group by cast({{ dbt.date_trunc('month', 'day') }} as date), segment_kind, from_segment, to_segment, movement

)

select
    month,
    segment_kind,
    from_segment,
    to_segment,
    customers,
    cast(customers as double) / cast(sum(customers) over (
        partition by month, segment_kind, coalesce(from_segment, '')
    ) as double) as share,
    movement,
    is_running_month
from counted
