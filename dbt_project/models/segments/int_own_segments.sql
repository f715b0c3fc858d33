{{ config(pre_hook="{{ regulars.check_own_segments() }}") }}
-- The check asks for the days that are measured. depends_on: {{ ref('int_snapshot_days') }}

with conditions as (

    select
        segment_kind,
        cast(priority as integer) as priority,
        segment,
        measure,
        cast(at_least as double) as at_least,
        cast(below as double) as below,
        equals_text
    from ({{ custom_segment_rows(ref('custom_segments')) }}) as cells

),

rules as (

    select
        segment_kind,
        priority,
        min(segment) as segment,
        count(*) as conditions
    from conditions
    group by segment_kind, priority

),

measured as (

    select
        segments.customer_id,
        segments.day,
        conditions.segment_kind,
        conditions.priority,
        conditions.at_least,
        conditions.below,
        conditions.equals_text,
        case conditions.measure
            {%- for name in custom_numbers() %}
            when '{{ name }}'
                then cast({{ 'segments' if name.endswith('_score') else 'measures' }}.{{ name }} as double)
            {%- endfor %}
        end as number_found,
        case conditions.measure
            {%- for name in custom_texts() %}
            when '{{ name }}'
                then {{ 'golden' if name in ('country_code', 'language') else 'segments' }}.{{ name }}
            {%- endfor %}
        end as text_found
    from conditions
    cross join {{ ref('int_customer_segments') }} as segments
    inner join {{ ref('int_customer_measures') }} as measures
        on segments.customer_id = measures.customer_id and segments.day = measures.day
    inner join {{ ref('int_customer_golden') }} as golden on segments.customer_id = golden.customer_id

),

-- What is unknown meets no condition.
met as (

    select
        customer_id,
        day,
        segment_kind,
        priority,
        count(*) as conditions
    from measured
    where
        text_found = equals_text
        or (number_found >= at_least and number_found < below)
        or (number_found >= at_least and below is null)
        or (number_found < below and at_least is null)
    group by customer_id, day, segment_kind, priority

),

first_met as (

    select
        met.customer_id,
        met.day,
        met.segment_kind,
        min(met.priority) as priority
    from met
    inner join rules
        on
            met.segment_kind = rules.segment_kind
            and met.priority = rules.priority
            and met.conditions = rules.conditions
    group by met.customer_id, met.day, met.segment_kind

)

select
    first_met.customer_id,
    first_met.day,
    first_met.segment_kind,
    rules.segment
from first_met
inner join rules on first_met.segment_kind = rules.segment_kind and first_met.priority = rules.priority
{%- for name in var('segment_models') %}

union all

select
    customer_id,
    day,
    '{{ name }}' as segment_kind,
    cast(segment as {{ dbt.type_string() }}) as segment
from {{ ref('segment__' ~ name) }}
where segment is not null
{%- endfor %}
