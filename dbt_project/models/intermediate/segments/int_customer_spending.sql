{{ config(tags=['phase_profiles']) }}

{#- A column per snapshot day: each amount is read once, however many windows it belongs to. -#}
{%- set snapshots = snapshot_numbers() %}

with snapshot_days as (

    select * from {{ ref('int_snapshot_days') }}

),

main_segments as (

    select * from {{ ref('main_segments') }}

),

metric_definitions as (

    select * from {{ ref('metric_definitions') }} where metric = 'key_customers_regular'

),

products as (

    select
        product_id,
        nullif(category, '') as category
    from {{ ref('dim_products') }}

),

days as (

    select
        {%- for number in snapshots %}
        max(case when snapshot_number = {{ number }} then day end) as day_{{ number }},
        {%- endfor %}
        min(day) as first_day,
        max(day) as last_day
    from snapshot_days

),

-- The largest have a segment of their own, and the same ones on all days: so segments of two days compare.
sales as (

    select
        'category' as segment_kind,
        products.category as choice,
        sum(lines.net_amount) as net_amount
    from {{ ref('fct_order_lines') }} as lines
    inner join products on lines.product_id = products.product_id
    where products.category is not null
    group by products.category

    union all

    select
        'channel' as segment_kind,
        channel as choice,
        sum(net_amount) as net_amount
    from {{ ref('fct_orders') }}
    where channel <> ''
    group by channel

),

places as (

    select
        segment_kind,
        choice,
        row_number() over (partition by segment_kind order by net_amount desc nulls last, choice asc) as place
    from sales

),

choices as (

    select
        places.segment_kind,
        places.choice,
        case when places.place <= main_segments.largest then places.choice else main_segments.other_segment end
            as segment
    from places
    inner join main_segments on places.segment_kind = main_segments.segment_kind

),

dated as (

    select
        orders.order_id,
        orders.customer_id,
        orders.channel,
        orders.order_kind,
        orders.ordered_on as day,
        cast({{ regulars.add_months('orders.ordered_on', 'metric_definitions.window_months') }} as date) as expires_on,
        orders.net_amount,
        orders.gross_amount,
        orders.discount_amount
    from {{ ref('fct_orders') }} as orders
    cross join metric_definitions
    where orders.customer_id is not null and orders.order_kind in ('sale', 'return')

),

orders as (

    select dated.*
    from dated
    cross join days
    where dated.day <= days.last_day and dated.expires_on > days.first_day

),

amounts as (

    select
        'category' as segment_kind,
        orders.customer_id,
        products.category as choice,
        orders.day,
        orders.expires_on,
        lines.net_amount as amount
    from {{ ref('fct_order_lines') }} as lines
    inner join orders on lines.order_id = orders.order_id
    left join products on lines.product_id = products.product_id
    where lines.line_kind = 'product'

    union all

    select
        'channel' as segment_kind,
        customer_id,
        channel as choice,
        day,
        expires_on,
        net_amount as amount
    from orders
    {%- for name in ['gross', 'discount'] %}

    union all

    select
        '{{ name }}' as segment_kind,
        customer_id,
        cast(null as {{ dbt.type_string() }}) as choice,
        day,
        expires_on,
        coalesce({{ name }}_amount, 0) as amount
    from orders
    where order_kind = 'sale'
    {%- endfor %}

)

select
    {%- for number in snapshots %}
    sum(
        case
            when amounts.day <= days.day_{{ number }} and amounts.expires_on > days.day_{{ number }}
                then amounts.amount
        end
    ) as amount_{{ number }},
    {%- endfor %}
    amounts.customer_id,
    amounts.segment_kind,
    coalesce(choices.segment, main_segments.unknown_segment) as segment
from amounts
cross join days
left join main_segments on amounts.segment_kind = main_segments.segment_kind
left join choices on amounts.segment_kind = choices.segment_kind and amounts.choice = choices.choice
group by
    amounts.customer_id,
    amounts.segment_kind,
    coalesce(choices.segment, main_segments.unknown_segment)
