{{ config(tags=['phase_profiles']) }}

with spans as (

    select * from {{ ref('int_supplier_spans') }}

),

order_lines as (

    select
        order_id,
        product_id,
        is_return,
        net_amount,
        cost_amount
    from {{ ref('fct_order_lines') }}
    where line_kind = 'product' and product_id is not null

),

orders as (

    select
        order_id,
        customer_id,
        ordered_at,
        ordered_on,
        order_kind,
        order_kind = 'return' and original_net_amount < 0 as is_return_note
    from {{ ref('fct_orders') }}
    where order_kind in ('sale', 'return')

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

metric_definitions as (

    select * from {{ ref('metric_definitions') }} where metric = 'key_customers_regular'

),

supplied as (

    select
        spans.partner_id,
        orders.customer_id,
        orders.order_id,
        orders.order_kind,
        orders.is_return_note,
        orders.ordered_on,
        order_lines.is_return,
        order_lines.net_amount,
        order_lines.cost_amount,
        -- A day counts until the same day of the month, twelve months later, has come.
        as_of.as_of_on
        < cast({{ regulars.add_months('orders.ordered_on', 'metric_definitions.window_months') }} as date) as is_recent
    from order_lines
    cross join as_of
    cross join metric_definitions
    inner join orders on order_lines.order_id = orders.order_id
    inner join spans
        on
            order_lines.product_id = spans.product_id
            and orders.ordered_at >= spans.valid_from
            and orders.ordered_at < spans.valid_to
    where orders.ordered_on <= as_of.as_of_on

),

return_notes as (

    select
        order_lines.order_id,
        max(case when order_lines.is_return then 1 else 0 end) = 1 as names_its_returns
    from order_lines
    inner join orders on order_lines.order_id = orders.order_id
    where orders.is_return_note
    group by order_lines.order_id

),

-- Of an order that came back as a whole nothing remains. On a note that says which goods come back the others are
-- bought; on one that does not, all come back.
counted as (

    select
        supplied.*,
        case
            when supplied.order_kind = 'sale' or return_notes.names_its_returns then supplied.net_amount
            when supplied.is_return_note then -abs(supplied.net_amount)
            else 0
        end as revenue_amount,
        case
            when supplied.order_kind = 'sale' or return_notes.names_its_returns then supplied.cost_amount
            when supplied.is_return_note then -abs(supplied.cost_amount)
            else 0
        end as goods_amount
    from supplied
    left join return_notes on supplied.order_id = return_notes.order_id

)

select
    partner_id,
    customer_id,
    count(distinct order_id) as orders,
    min(ordered_on) as first_ordered_on,
    max(ordered_on) as last_ordered_on,
    {{ regulars.as_money('sum(coalesce(revenue_amount, 0))') }} as revenue_amount,
    {{ regulars.as_money('sum(case when is_recent then coalesce(revenue_amount, 0) else 0 end)') }}
        as revenue_12m_amount,
    {{ regulars.as_money('sum(revenue_amount - goods_amount)') }} as margin_amount
from counted
group by partner_id, customer_id
