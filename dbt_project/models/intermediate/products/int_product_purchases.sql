{{ config(tags=['phase_value']) }}

with order_lines as (

    select
        order_id,
        product_id,
        is_return,
        cast(abs(coalesce(quantity, 1)) as decimal(18, 4)) as quantity
    from {{ ref('fct_order_lines') }}
    where line_kind = 'product' and product_id is not null

),

orders as (

    select * from {{ ref('fct_orders') }} where customer_id is not null and order_kind in ('sale', 'return')

),

articles as (

    select * from {{ ref('int_product_articles') }}

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

-- Orders whose status or amount says that goods came back. Either the goods of an earlier sale (a return note), or
-- those of the order itself, which is then worth nothing any more, but not less.
taken_back as (

    select
        orders.order_id,
        orders.original_net_amount < 0 as is_return_note,
        max(case when order_lines.is_return then 1 else 0 end) = 1 as names_its_returns
    from orders
    inner join order_lines on orders.order_id = order_lines.order_id
    where orders.order_kind = 'return'
    group by orders.order_id, orders.original_net_amount

),

lines as (

    select
        orders.customer_id,
        articles.article_id,
        order_lines.product_id,
        orders.ordered_on as day,
        order_lines.quantity,
        case
            when taken_back.order_id is null then not order_lines.is_return
            when taken_back.is_return_note then taken_back.names_its_returns and not order_lines.is_return
            else not order_lines.is_return
        end as is_bought,
        case
            when taken_back.order_id is null then order_lines.is_return
            when taken_back.is_return_note then order_lines.is_return or not taken_back.names_its_returns
            -- The whole order came back, whichever of its lines say so.
            else not order_lines.is_return
        end as is_returned
    from order_lines
    cross join as_of
    inner join orders on order_lines.order_id = orders.order_id
    inner join articles on order_lines.product_id = articles.product_id
    left join taken_back on orders.order_id = taken_back.order_id
    where orders.ordered_at <= as_of.as_of and order_lines.quantity > 0

),

days as (

    select
        customer_id,
        article_id,
        day,
        max(product_id) as product_id,
        sum(case when is_bought then quantity else 0 end) as bought_quantity,
        sum(case when is_returned then quantity else 0 end) as returned_quantity
    from lines
    where is_bought or is_returned
    group by customer_id, article_id, day

),

-- What came back was never used up: it is taken from the purchases before it, the newest first. Walked from the end,
-- what still has to be taken grows with each return and falls with each purchase, but never below nothing; that is the
-- highest of the sums from a day to any later one.
with_returns as (

    select distinct
        customer_id,
        article_id
    from days
    where returned_quantity > 0

),

running as (

    select
        days.*,
        days.returned_quantity - days.bought_quantity as balance,
        sum(days.returned_quantity - days.bought_quantity) over (
            partition by days.customer_id, days.article_id
            order by days.day rows between unbounded preceding and current row
        ) as until_here
    from days
    inner join with_returns
        on days.customer_id = with_returns.customer_id and days.article_id = with_returns.article_id

),

highest as (

    select
        *,
        max(until_here) over (
            partition by customer_id, article_id order by day rows between current row and unbounded following
        ) - (until_here - balance) as highest_sum
    from running

),

to_take as (

    select
        *,
        case when highest_sum > 0 then highest_sum else 0 end as to_take_before
    from highest

),

taken as (

    select
        customer_id,
        article_id,
        day,
        coalesce(lead(to_take_before) over (partition by customer_id, article_id order by day), 0)
        + returned_quantity
        - to_take_before as taken_quantity
    from to_take

)

select
    days.customer_id,
    days.article_id,
    days.day,
    days.product_id,
    cast(days.bought_quantity as double) as bought_quantity,
    cast(days.returned_quantity as double) as returned_quantity,
    cast(days.bought_quantity - coalesce(taken.taken_quantity, 0) as double) as kept_quantity
from days
left join taken
    on
        days.customer_id = taken.customer_id
        and days.article_id = taken.article_id
        and days.day = taken.day
