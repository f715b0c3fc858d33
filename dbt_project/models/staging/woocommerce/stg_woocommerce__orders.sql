{#- WooCommerce states amounts without tax; where the shop's prices include it (prices_include_tax), gross,
    discount and shipping do here as well. What the goods of an order came back for is in refund_details, which
    the API source adds; an order by itself only says how much money was given back: then it is that money, less
    its share of tax, and at most what the goods cost. -#}
{%- set gross = woocommerce_amount('l', 'subtotal', 'subtotal_tax', 'r.with_tax') -%}
{%- set paid = woocommerce_amount('l', 'total', 'total_tax', 'r.with_tax') -%}
{%- set money -%}
    {{ number_in_json('l', '$.total') }} + coalesce({{ number_in_json('l', '$.total_tax') }}, 0)
{%- endset -%}
{%- set fee_taken_off -%}
    case
        when {{ number_in_json('l', '$.total') }} < 0
            then -({{ woocommerce_amount('l', 'total', 'total_tax', 'r.with_tax') }})
        else 0
    end
{%- endset -%}
{%- set given_back = "abs(" ~ number_in_json('f', '$.total') ~ ")" -%}
{%- set goods_back -%}
    coalesce({{ sum_in_json(json_text('f', '$.line_items'), 'g',
        'abs(' ~ woocommerce_amount('g', 'total', 'total_tax', 'r.with_tax') ~ ')'
    ) }}, 0)
    + case
        when abs({{ number_in_json('f', '$.amount') }}) > {{ woocommerce_named_in('f') }}
            then abs({{ number_in_json('f', '$.amount') }}) - ({{ woocommerce_named_in('f') }})
        else 0
    end
{%- endset -%}
with received as (

    select
        r.*,
        coalesce({{ lower_text('r.prices_include_tax') }} = 'true', false) as with_tax
    from {{ source('woocommerce', 'orders') }} as r

),

summed as (

    select
        {{ passed_on('r') }},
        r.id as order_id,
        nullif({{ typed_text('r.customer_id') }}, '0') as account_id,
        {{ json_text('r.billing', '$.email') }} as email,
        {{ json_text('r.billing', '$.phone') }} as phone,
        {{ json_text('r.billing', '$.first_name') }} as buyer_first_name,
        {{ json_text('r.billing', '$.last_name') }} as buyer_last_name,
        {{ json_text('r.billing', '$.company') }} as buyer_company_name,
        {{ json_text('r.billing', '$.address_1') }} as buyer_street,
        {{ json_text('r.billing', '$.city') }} as buyer_city,
        {{ json_text('r.billing', '$.postcode') }} as buyer_postal_code,
        {{ json_text('r.billing', '$.country') }} as buyer_country_code,
        {{ woocommerce_time('r.date_created_gmt', 'r.date_created') }} as ordered_at,
        r.status,
        case
            when r.created_via in ('checkout', 'store-api') then 'web'
            when r.created_via like 'pos%' then 'store'
            else {{ typed_text('r.created_via') }}
        end as channel,
        r.currency,
        {{ sum_in_json('r.line_items', 'l', gross) }} as gross_amount,
        {{ sum_in_json('r.line_items', 'l', paid) }} as goods_amount,
        {{ sum_in_json('r.line_items', 'l', money) }} as goods_money,
        {{ sum_in_json('r.line_items', 'l', number_in_json('l', '$.total')) }} as goods_without_tax,
        coalesce({{ sum_in_json('r.fee_lines', 'l', fee_taken_off) }}, 0) as taken_off,
        coalesce({{ sum_in_json('r.fee_lines', 'l', number_in_json('l', '$.total')) }}, 0) as fee_amount,
        coalesce({{ sum_in_json('r.gift_cards', 'l', number_in_json('l', '$.amount')) }}, 0) as gift_card_amount,
        {{ number_of('r.shipping_total') }} as shipping_without_tax,
        case when r.with_tax then coalesce({{ number_of('r.shipping_tax') }}, 0) else 0 end as shipping_tax,
        {{ number_of('r.total_tax') }} as tax_amount,
        {{ number_of('r.total') }} as total_amount,
        {{ sum_in_json('r.refunds', 'f', given_back) }} as money_back,
        {{ sum_in_json('r.refund_details', 'f', goods_back) }} as goods_back,
        {{ woocommerce_time('r.date_modified_gmt', 'r.date_modified') }} as updated_at
    from received as r

),

shaped as (

    select
        {{ passed_on('r', total_reason(
            'r.total_amount',
            [
                'r.goods_without_tax + coalesce(r.shipping_without_tax, 0) + r.fee_amount'
                ~ ' + coalesce(r.tax_amount, 0)',
            ],
            '-r.gift_card_amount'
        )) }},
        r.order_id,
        r.account_id,
        r.email,
        r.phone,
        r.buyer_first_name,
        r.buyer_last_name,
        r.buyer_company_name,
        r.buyer_street,
        r.buyer_city,
        r.buyer_postal_code,
        r.buyer_country_code,
        r.ordered_at,
        r.status,
        r.channel,
        r.currency,
        r.gross_amount,
        r.gross_amount - r.goods_amount + r.taken_off as discount_amount,
        r.shipping_without_tax + r.shipping_tax as shipping_amount,
        r.tax_amount,
        case
            when coalesce(r.money_back, 0) = 0 then null
            when r.goods_back is not null then r.goods_back
            when coalesce(r.goods_money, 0) <= 0 then r.money_back
            when r.money_back >= r.goods_money then r.goods_amount
            else cast({{ rounded(
                'cast(r.money_back as double) * cast(r.goods_amount as double) / cast(r.goods_money as double)', 2
            ) }} as decimal(18, 4))
        end as refund_amount,
        r.updated_at
    from summed as r

)

{{ as_entity('orders', 'shaped', [
    'order_id', 'account_id', 'email', 'phone', 'buyer_first_name', 'buyer_last_name', 'buyer_company_name',
    'buyer_street', 'buyer_city', 'buyer_postal_code', 'buyer_country_code', 'ordered_at', 'status', 'channel',
    'currency', 'gross_amount', 'discount_amount', 'shipping_amount', 'tax_amount', 'refund_amount', 'updated_at',
]) }}
