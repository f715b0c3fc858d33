{{ config(tags=['phase_value']) }}

with order_lines as (

    select * from {{ ref('fct_order_lines') }}
    where line_kind = 'product' and product_id is not null

),

orders as (

    select * from {{ ref('fct_orders') }}
    where customer_id is not null and order_kind in ('sale', 'return')

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

lines as (

    select
        orders.customer_id,
        order_lines.product_id,
        {{ regulars.local_day('orders.ordered_at', 'as_of.time_zone') }} as day,
        order_lines.is_return or orders.order_kind = 'return' as is_return,
        cast(abs(coalesce(order_lines.quantity, 1)) as double) as quantity,
        order_lines.net_amount
    from order_lines
    cross join as_of
    inner join orders on order_lines.order_id = orders.order_id
    where orders.ordered_at <= as_of.as_of

)

select
    customer_id,
    product_id,
    day,
    sum(case when is_return then 0 else quantity end) as bought_quantity,
    sum(case when is_return then quantity else 0 end) as returned_quantity,
    {{ regulars.as_money('sum(net_amount)') }} as net_amount
from lines
group by customer_id, product_id, day
