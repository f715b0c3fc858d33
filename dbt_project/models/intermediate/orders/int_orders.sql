{{ config(tags=['phase_profiles']) }}

with orders as (

    select * from {{ ref('int_used__orders') }} where record_status = 'valid' and order_key is not null

),

order_lines as (

    select * from {{ ref('fct_order_lines') }}

),

statuses as (

    select * from {{ ref('order_statuses') }}

),

exchange_rates as (

    select * from {{ ref('int_exchange_rates') }}

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

-- Goods are products and corrections of what the goods cost. Shipping stands beside them, fees in neither.
lines_of_orders as (

    select
        order_id,
        count(*) as order_lines,
        sum(case when is_return then 1 else 0 end) as return_lines,
        sum(case when line_kind = 'product' then 1 else 0 end) as product_lines,
        sum(case when line_kind in ('shipping', 'fee') then 1 else 0 end) as charge_lines,
        sum(case when cost_amount is not null then 1 else 0 end) as costed_lines,
        -- Wide enough for any order, and narrow enough for an engine to add and multiply without losing decimals.
        {{ regulars.try_cast_text(
            "sum(
                case
                    when line_kind in ('product', 'adjustment') and not is_return then "
                        ~ wide_product('quantity', 'original_unit_price') ~ "
                    else 0
                end
            )",
            'decimal(26, 8)'
        ) }} as gross_amount,
        {{ regulars.try_cast_text(
            "sum(
                case
                    when line_kind in ('product', 'adjustment') and not is_return
                        then " ~ wide_product('quantity', 'original_unit_price') ~ " - original_net_amount
                    when line_kind = 'discount' then -original_net_amount
                    else 0
                end
            )",
            'decimal(26, 8)'
        ) }} as discount_amount,
        sum(case when line_kind = 'discount' then -original_net_amount else 0 end) as discount_lines_amount,
        sum(case when line_kind in ('product', 'adjustment') and is_return then -original_net_amount else 0 end)
            as refund_amount,
        sum(case when line_kind = 'shipping' then original_net_amount end) as shipping_amount,
        sum(case when line_kind in ('shipping', 'fee') then original_net_amount end) as charge_amount,
        sum(cost_amount) as cost_amount
    from order_lines
    group by order_id

),

headers as (

    select
        orders.*,
        coalesce(statuses.order_kind, 'sale') as kind_of_status,
        coalesce(orders.currency, as_of.currency) as stated_currency,
        as_of.currency as company_currency,
        {{ regulars.local_day('orders.ordered_at', 'as_of.time_zone') }} as ordered_on
    from orders
    cross join as_of
    left join statuses on {{ regulars.lower_text('orders.status') }} = statuses.status

),

joined as (

    select
        headers.*,
        {{ rate_of('headers.stated_currency', 'headers.company_currency', 'exchange_rates.rate') }} as rate,
        lines_of_orders.order_lines,
        lines_of_orders.product_lines,
        lines_of_orders.costed_lines,
        lines_of_orders.gross_amount as lines_gross_amount,
        lines_of_orders.discount_amount as lines_discount_amount,
        lines_of_orders.discount_lines_amount,
        lines_of_orders.refund_amount as lines_refund_amount,
        lines_of_orders.shipping_amount as lines_shipping_amount,
        lines_of_orders.cost_amount as lines_cost_amount,
        -- A return note: a document of its own that takes goods back, as opposed to an order that came back later.
        coalesce(
            headers.gross_amount < 0
            or (lines_of_orders.order_lines > 0 and lines_of_orders.order_lines = lines_of_orders.return_lines),
            false
        ) as is_return_note,
        -- Postage billed afterwards, a bank's or a marketplace's fee: nothing was bought, nothing came back.
        coalesce(
            headers.gross_amount is null
            and lines_of_orders.order_lines > 0
            and lines_of_orders.order_lines = lines_of_orders.charge_lines,
            false
        ) as is_charge,
        -- More goods than the lines tell of, even if tax and postage are among them: a line was lost, and its cost.
        -- Five hundredths and a thousandth are for rounding, as in the rule orders_total_adds_up.
        coalesce(
            cast(headers.gross_amount as double) * 0.999
            > cast(lines_of_orders.gross_amount as double)
            + coalesce(abs(cast(headers.tax_amount as double)), 0)
            + coalesce(abs(cast(coalesce(lines_of_orders.charge_amount, headers.shipping_amount) as double)), 0)
            + 0.05,
            false
        ) as misses_lines
    from headers
    left join lines_of_orders on headers.order_key = lines_of_orders.order_id
    left join exchange_rates
        on
            {{ capital_letters('headers.stated_currency') }} = exchange_rates.currency
            and cast(headers.ordered_at as date) = exchange_rates.day

),

-- What the header states wins; what it leaves out comes from the lines. All in the order's own currency.
parts as (

    select
        *,
        case
            when kind_of_status = 'void' then 'void'
            when is_charge then 'charge'
            when kind_of_status = 'return' or is_return_note then 'return'
            else 'sale'
        end as order_kind,
        case when is_return_note then 0 else coalesce(gross_amount, lines_gross_amount) end as gross_part,
        case
            when is_return_note then coalesce(discount_lines_amount, 0)
            else coalesce(abs(discount_amount), lines_discount_amount, 0)
        end as discount_part,
        case
            when is_return_note
                then coalesce(
                    abs(refund_amount), abs(gross_amount) - coalesce(abs(discount_amount), 0), lines_refund_amount
                )
            else coalesce(abs(refund_amount), lines_refund_amount, 0)
        end as refund_part
    from joined

),

refunded as (

    select
        *,
        -- An order whose status says that it came back, without saying how much: all of it.
        order_kind = 'return' and not is_return_note and coalesce(refund_part, 0) = 0 as came_back_whole,
        case
            when order_kind = 'return' and not is_return_note and coalesce(refund_part, 0) = 0
                then gross_part - discount_part
            else refund_part
        end as whole_refund
    from parts

),

netted as (

    select
        *,
        case when order_kind = 'void' then 0 else gross_part - discount_part - whole_refund end as net_part,
        case
            when order_kind = 'void' or costed_lines is null or costed_lines = 0 then null
            when came_back_whole then 0
            else lines_cost_amount
        end as cost_part
    from refunded

)

select
    order_key as order_id,
    source,
    order_id as order_number,
    coalesce(channel, source_channel) as channel,
    record_ref,
    campaign_key as campaign_id,
    store_id,
    ordered_at,
    ordered_on,
    status,
    order_kind,
    order_lines,
    {{ regulars.as_money(product_of('gross_part', 'rate')) }} as gross_amount,
    {{ regulars.as_money(product_of('discount_part', 'rate')) }} as discount_amount,
    {{ regulars.as_money(product_of('whole_refund', 'rate')) }} as refund_amount,
    {{ regulars.as_money(product_of('tax_amount', 'rate')) }} as tax_amount,
    {{ regulars.as_money(product_of('coalesce(shipping_amount, lines_shipping_amount)', 'rate')) }} as shipping_amount,
    {{ regulars.as_money(product_of('net_part', 'rate')) }} as net_amount,
    {{ regulars.as_money('cost_part') }} as cost_amount,
    {{ regulars.as_money(
        'case when costed_lines = product_lines and not misses_lines then ' ~ product_of('net_part', 'rate') ~ ' - '
        ~ regulars.as_money('cost_part') ~ ' end'
    ) }} as margin_amount,
    company_currency as currency,
    {{ regulars.as_money('net_part') }} as original_net_amount,
    stated_currency as original_currency
from netted
