{{ config(tags=['phase_value']) }}

with flows as (

    select * from {{ ref('int_segment_flows') }} where not is_first

)

select
    cast({{ dbt.date_trunc('month', 'day') }} as date) as month,
    segment_kind,
    coalesce(from_segment, '(none)') as from_segment,
    coalesce(to_segment, '(none)') as to_segment,
    customers,
    cast(customers as double) / cast(sum(customers) over (
        partition by day, segment_kind, coalesce(from_segment, '')
    ) as double) as share,
    movement,
    is_complete
from flows
