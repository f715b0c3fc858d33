{{ config(tags=['phase_profiles']) }}

{%- set snapshots = snapshot_numbers() %}
{%- set kinds = ['category', 'channel'] %}

with snapshot_days as (

    select * from {{ ref('int_snapshot_days') }}

),

main_segments as (

    select * from {{ ref('main_segments') }}

),

-- What came back may outweigh what was bought: only where something is left, money was spent.
best as (

    select
        {%- for number in snapshots %}
        max(case when amount_{{ number }} > 0 then amount_{{ number }} end) as best_{{ number }},
        sum(case when amount_{{ number }} > 0 then amount_{{ number }} end) as total_{{ number }},
        {%- endfor %}
        customer_id,
        segment_kind
    from {{ ref('int_customer_spending') }}
    where segment_kind in ('{{ kinds | join("', '") }}')
    group by customer_id, segment_kind

),

-- Of two with the same amount the first by name.
customers as (

    select
        {%- for number in snapshots %}
        {%- for kind in kinds %}
        min(
            case
                when spending.segment_kind = '{{ kind }}' and spending.amount_{{ number }} = best.best_{{ number }}
                    then
                        case
                            when
                                cast(best.best_{{ number }} as double) / cast(best.total_{{ number }} as double)
                                < main_segments.from_share
                                then main_segments.mixed_segment
                            else spending.segment
                        end
            end
        ) as {{ kind }}_{{ number }},
        {%- endfor %}
        max(case when spending.segment_kind = 'gross' then spending.amount_{{ number }} end) as gross_{{ number }},
        max(case when spending.segment_kind = 'discount' then spending.amount_{{ number }} end)
            as discount_{{ number }},
        {%- endfor %}
        spending.customer_id
    from {{ ref('int_customer_spending') }} as spending
    left join best
        on spending.customer_id = best.customer_id and spending.segment_kind = best.segment_kind
    left join main_segments on spending.segment_kind = main_segments.segment_kind
    group by spending.customer_id

),

by_day as (

    select
        {%- for name in kinds + ['gross', 'discount'] %}
        case snapshot_days.snapshot_number
            {%- for number in snapshots %}
            when {{ number }} then customers.{{ name }}_{{ number }}
            {%- endfor %}
        end as {{ name }},
        {%- endfor %}
        customers.customer_id,
        snapshot_days.day
    from customers
    cross join snapshot_days

)

select
    customer_id,
    day,
    {%- for kind in kinds %}
    {{ kind }} as {{ kind }}_segment,
    {%- endfor %}
    {{ regulars.as_money('gross') }} as gross_12m_amount,
    {{ regulars.as_money('discount') }} as discount_12m_amount,
    case when gross > 0 then cast(discount as double) / cast(gross as double) end as discount_share
from by_day
where category is not null or channel is not null or gross is not null
