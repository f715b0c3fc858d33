{%- set kinds = segment_columns() %}

with combinations as (

    select * from {{ ref('int_segment_combinations') }}

),

own_segments as (

    select * from {{ ref('int_own_segments') }}

),

own_kinds as (

    select distinct segment_kind from own_segments

),

own_parts as (

    select distinct
        sets.own_segments,
        own_segments.segment_kind,
        own_segments.segment
    from own_segments
    inner join {{ ref('int_own_segment_sets') }} as sets
        on own_segments.customer_id = sets.customer_id and own_segments.day = sets.day

),

named as (

    {%- for kind, column in kinds.items() %}
    select
        combination_id,
        '{{ kind }}' as segment_kind,
        {{ column }} as segment
    from combinations
    union all
    {%- endfor %}
    select
        combinations.combination_id,
        own_kinds.segment_kind,
        own_parts.segment
    from combinations
    cross join own_kinds
    left join own_parts
        on
            combinations.own_segments = own_parts.own_segments
            and own_kinds.segment_kind = own_parts.segment_kind

),

kinds as (

    {%- for kind in kinds %}
    select '{{ kind }}' as segment_kind
    union all
    {%- endfor %}
    select segment_kind from own_kinds

)

select
    combination_id,
    segment_kind,
    coalesce(segment, '(none)') as segment
from named

union all

-- Where customers come from who were not known before.
select
    cast(0 as bigint) as combination_id,
    segment_kind,
    '(new)' as segment
from kinds
