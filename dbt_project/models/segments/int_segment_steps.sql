{%- set columns = segment_columns().values() %}

with customers as (

    select
        segments.*,
        sets.own_segments
    from {{ ref('int_customer_segments') }} as segments
    left join {{ ref('int_own_segment_sets') }} as sets
        on segments.customer_id = sets.customer_id and segments.day = sets.day

),

combinations as (

    select * from {{ ref('int_segment_combinations') }}

),

-- In no segment of a kind is an answer, too.
members as (

    select
        customers.customer_id,
        customers.day,
        combinations.combination_id
    from customers
    inner join combinations
        on
            coalesce(customers.own_segments, '') = coalesce(combinations.own_segments, '')
            {%- for column in columns %}
            and coalesce(customers.{{ column }}, '') = coalesce(combinations.{{ column }}, '')
            {%- endfor %}

)

select
    customer_id,
    day,
    coalesce(lag(combination_id) over (partition by customer_id order by day), 0) as from_combination_id,
    combination_id as to_combination_id
from members
