{{ config(tags=['phase_profiles']) }}

with order_lines as (

    select * from {{ ref('int_used__order_lines') }} where record_status = 'valid'

),

-- Also of orders in quarantine: what currency a line is in does not depend on whether its order is right.
orders as (

    select order_key, ordered_at, currency
    from {{ ref('int_used__orders') }}
    where record_status <> 'duplicate' and order_key is not null

),

products as (

    select product_id, sku, unit_cost from {{ ref('dim_products') }}

),

exchange_rates as (

    select * from {{ ref('int_exchange_rates') }}

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

-- A line that takes something back has a minus before quantity and amounts, however the source writes it.
signed as (

    select
        coalesce(order_lines.source || ':' || order_lines.order_line_id, order_lines.record_key) as order_line_id,
        order_lines.order_key,
        order_lines.source,
        order_lines.product_key,
        order_lines.sku,
        coalesce({{ lower_text('order_lines.line_kind') }}, 'product') as line_kind,
        coalesce(order_lines.ordered_at, orders.ordered_at) as ordered_at,
        coalesce(orders.currency, order_lines.currency, as_of.currency) as original_currency,
        as_of.currency,
        coalesce(order_lines.is_return, false) or coalesce(order_lines.quantity < 0, false) as is_return,
        case
            when coalesce(order_lines.is_return, false) or order_lines.quantity < 0 then -abs(order_lines.quantity)
            else order_lines.quantity
        end as quantity,
        case
            when coalesce(order_lines.is_return, false) or order_lines.quantity < 0
                then -abs(order_lines.discount_amount)
            else abs(order_lines.discount_amount)
        end as discount_amount,
        order_lines.unit_price
    from order_lines
    cross join as_of
    left join orders on order_lines.order_key = orders.order_key

),

multiplied as (

    select
        *,
        {{ regulars.as_money(wide_product('quantity', 'unit_price')) }} as goods_amount
    from signed

),

priced as (

    select
        *,
        case
            when line_kind = 'discount' then -abs(coalesce(goods_amount, discount_amount))
            when discount_amount is null then goods_amount
            else {{ regulars.as_money('goods_amount - discount_amount') }}
        end as original_net_amount
    from multiplied

),

converted as (

    select
        priced.*,
        {{ rate_of('priced.original_currency', 'priced.currency', 'exchange_rates.rate') }} as rate
    from priced
    left join exchange_rates
        on
            {{ capital_letters('priced.original_currency') }} = exchange_rates.currency
            and cast(priced.ordered_at as date) = exchange_rates.day

)

select
    converted.order_line_id,
    converted.order_key as order_id,
    converted.source,
    converted.line_kind,
    case when converted.line_kind = 'product' then converted.product_key end as product_id,
    coalesce(converted.sku, products.sku) as sku,
    converted.quantity,
    {{ in_company_currency('converted.unit_price', 'converted.rate') }} as unit_price,
    {{ in_company_currency('converted.discount_amount', 'converted.rate') }} as discount_amount,
    {{ in_company_currency('converted.original_net_amount', 'converted.rate') }} as net_amount,
    case
        when converted.line_kind = 'product'
            then {{ regulars.as_money(wide_product('converted.quantity', 'products.unit_cost')) }}
    end as cost_amount,
    converted.is_return,
    converted.currency,
    converted.unit_price as original_unit_price,
    converted.original_net_amount,
    converted.original_currency
from converted
left join products on converted.product_key = products.product_id
