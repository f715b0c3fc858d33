{{ config(tags=['phase_value']) }}

{%- set ladders = ladder_kinds() %}

with steps as (

    select * from {{ ref('int_segment_steps') }} where previous_day is not null

),

own_steps as (

    select * from {{ ref('int_own_segment_steps') }} where previous_day is not null and from_segment is not null

),

complete_days as (

    select distinct day from {{ ref('int_segment_flows') }} where is_complete and not is_first

),

segment_ranks as (

    select * from {{ ref('segment_ranks') }}

),

highest as (

    select
        segment_kind,
        max(rank) as highest_rank
    from segment_ranks
    group by segment_kind

),

counted as (

    {%- for ladder in ladders %}
    {%- set rung = segment_kinds()[ladder] %}
    {%- for kind, column in segment_kinds().items() if kind not in ladders %}
    select
        '{{ ladder }}' as ladder_kind,
        '{{ kind }}' as segment_kind,
        from_{{ column }} as segment,
        day,
        from_{{ rung }} as from_rung,
        {{ rung }} as to_rung,
        count(*) as customers
    from steps
    where from_{{ column }} is not null
    group by from_{{ column }}, day, from_{{ rung }}, {{ rung }}
    union all
    {%- endfor %}
    select
        '{{ ladder }}' as ladder_kind,
        own_steps.segment_kind,
        own_steps.from_segment as segment,
        steps.day,
        steps.from_{{ rung }} as from_rung,
        steps.{{ rung }} as to_rung,
        count(*) as customers
    from own_steps
    inner join steps on own_steps.customer_id = steps.customer_id and own_steps.day = steps.day
    group by own_steps.segment_kind, own_steps.from_segment, steps.day, steps.from_{{ rung }}, steps.{{ rung }}
    {{- ' union all' if not loop.last }}
    {%- endfor %}

),

-- Only who stands on the ladder and not yet on its highest rung can move up.
moved as (

    select
        counted.ladder_kind,
        counted.segment_kind,
        counted.segment,
        counted.from_rung,
        sum(counted.customers) as customer_months,
        sum(case when to_ranks.rank > from_ranks.rank then counted.customers else 0 end) as moved_up
    from counted
    inner join complete_days on counted.day = complete_days.day
    inner join segment_ranks as from_ranks
        on counted.ladder_kind = from_ranks.segment_kind and counted.from_rung = from_ranks.segment
    inner join highest on counted.ladder_kind = highest.segment_kind
    left join segment_ranks as to_ranks
        on counted.ladder_kind = to_ranks.segment_kind and counted.to_rung = to_ranks.segment
    where from_ranks.rank > 0 and from_ranks.rank < highest.highest_rank
    group by counted.ladder_kind, counted.segment_kind, counted.segment, counted.from_rung

),

-- How often all move up from a rung: the low ones do so more easily, whatever their segment.
usual as (

    select
        ladder_kind,
        segment_kind,
        from_rung,
        cast(sum(moved_up) as double) / nullif(cast(sum(customer_months) as double), 0) as up_rate
    from moved
    group by ladder_kind, segment_kind, from_rung

),

compared as (

    select
        moved.ladder_kind,
        moved.segment_kind,
        moved.segment,
        sum(moved.customer_months) as customer_months,
        sum(moved.moved_up) as moved_up,
        sum(cast(moved.customer_months as double) * usual.up_rate) as expected_moved_up
    from moved
    inner join usual
        on
            moved.ladder_kind = usual.ladder_kind
            and moved.segment_kind = usual.segment_kind
            and moved.from_rung = usual.from_rung
    group by moved.ladder_kind, moved.segment_kind, moved.segment

),

rates as (

    select
        *,
        cast(moved_up as double) / nullif(cast(customer_months as double), 0) as up_rate,
        expected_moved_up / nullif(cast(customer_months as double), 0) as expected_up_rate
    from compared

),

bounded as (

    select
        *,
        {{ wilson_bound('up_rate', 'customer_months', 'low') }} as up_rate_low,
        {{ wilson_bound('up_rate', 'customer_months', 'high') }} as up_rate_high
    from rates

)

select
    ladder_kind,
    segment_kind,
    segment,
    cast(customer_months as bigint) as customer_months,
    cast(moved_up as bigint) as moved_up,
    up_rate,
    up_rate_low,
    up_rate_high,
    expected_up_rate,
    {{ rounded('up_rate / nullif(expected_up_rate, 0)', 6) }} as lift,
    case
        when up_rate_low > expected_up_rate then 'more'
        when up_rate_high < expected_up_rate then 'fewer'
        else 'none'
    end as finding
from bounded
