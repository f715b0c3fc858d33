{{ config(tags=['phase_value']) }}

with steps as (

    select * from {{ ref('int_segment_steps') }}

),

own_steps as (

    select * from {{ ref('int_own_segment_steps') }}

),

-- The first day of a customer, and every day on which something changed. No segment is an answer too: it ends a span
-- and begins none.
changes as (

    {%- for kind, column in segment_kinds().items() %}
    select
        '{{ kind }}' as segment_kind,
        customer_id,
        day,
        from_{{ column }} as from_segment,
        {{ column }} as to_segment
    from steps
    where previous_day is null or coalesce(from_{{ column }}, '') <> coalesce({{ column }}, '')
    union all
    {%- endfor %}
    select
        segment_kind,
        customer_id,
        day,
        from_segment,
        to_segment
    from own_steps
    where previous_day is null or coalesce(from_segment, '') <> coalesce(to_segment, '')

),

spans as (

    select
        *,
        lead(day) over (partition by segment_kind, customer_id order by day) as next_change_on
    from changes

)

select
    customer_id,
    segment_kind,
    to_segment as segment,
    day as valid_from,
    next_change_on as valid_to,
    from_segment as previous_segment
from spans
where to_segment is not null
