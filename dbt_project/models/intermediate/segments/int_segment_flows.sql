{{ config(tags=['phase_value']) }}

with steps as (

    select * from {{ ref('int_segment_steps') }}

),

own_steps as (

    select * from {{ ref('int_own_segment_steps') }}

),

segment_ranks as (

    select * from {{ ref('segment_ranks') }}

),

first_days as (

    select min(day) as first_day from steps

),

counted as (

    {%- for kind, column in segment_kinds().items() %}
    select
        '{{ kind }}' as segment_kind,
        day,
        is_as_of,
        from_{{ column }} as from_segment,
        {{ column }} as to_segment,
        count(*) as customers
    from steps
    group by day, is_as_of, from_{{ column }}, {{ column }}
    union all
    {%- endfor %}
    select
        segment_kind,
        day,
        is_as_of,
        from_segment,
        to_segment,
        count(*) as customers
    from own_steps
    group by segment_kind, day, is_as_of, from_segment, to_segment

),

ranked as (

    select
        counted.segment_kind,
        counted.day,
        counted.is_as_of,
        -- A month is complete on its last day.
        {{ regulars.month_number('counted.day') }}
        < {{ regulars.month_number('cast(' ~ regulars.add_days('counted.day', 1) ~ ' as date)') }} as is_complete,
        counted.day = first_days.first_day as is_first,
        counted.from_segment,
        counted.to_segment,
        counted.customers,
        from_ranks.rank as from_rank,
        to_ranks.rank as to_rank
    from counted
    cross join first_days
    left join segment_ranks as from_ranks
        on counted.segment_kind = from_ranks.segment_kind and counted.from_segment = from_ranks.segment
    left join segment_ranks as to_ranks
        on counted.segment_kind = to_ranks.segment_kind and counted.to_segment = to_ranks.segment

)

select
    segment_kind,
    day,
    is_as_of,
    is_complete,
    is_first,
    from_segment,
    to_segment,
    case
        when (from_segment is null or from_rank = 0) and (to_segment is null or to_rank = 0) then 'outside'
        when from_segment is null or from_rank = 0 then 'came'
        when to_segment is null or to_rank = 0 then 'left'
        when from_segment = to_segment then 'stayed'
        when to_rank > from_rank then 'up'
        when to_rank < from_rank then 'down'
        else 'changed'
    end as movement,
    customers
from ranked
where from_segment is not null or to_segment is not null
