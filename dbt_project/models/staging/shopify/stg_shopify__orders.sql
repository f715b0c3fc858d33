{#- Goods, discounts and what came back stand in the order's lines (stg_shopify__order_lines), so that a refund
    that arrives by itself counts at once; the order says shipping and tax. All money is in the shop's own
    currency. -#}
{%- set shipping_line -%}
    case
        when {{ json_text('l', '$.is_removed') }} = 'true' then 0
        else coalesce(
            {{ shop_money('l', '$.discounted_price_set') }}, {{ number_in_json('l', '$.discounted_price') }},
            {{ shop_money('l', '$.price_set') }}, {{ number_in_json('l', '$.price') }}
        )
    end
{%- endset -%}
{%- set shipping_node -%}
    coalesce(
        {{ shop_money(shopify_node('l'), '$.discountedPriceSet') }},
        {{ shop_money(shopify_node('l'), '$.originalPriceSet') }}
    )
{%- endset -%}
with received as (

    select
        {{ passed_on('r') }},
        {{ shopify_id('r.id') }} as order_id,
        {{ shopify_id(json_text('r.customer', '$.id')) }} as account_id,
        coalesce(
            {{ typed_text('r.email') }}, {{ typed_text('r.contact_email') }}, {{ json_text('r.customer', '$.email') }}
        ) as email,
        coalesce(
            {{ typed_text('r.phone') }}, {{ json_text('r.customer', '$.phone') }},
            {{ json_text('r.billing_address', '$.phone') }}
        ) as phone,
        coalesce(r.processed_at, r.created_at) as ordered_at,
        {{ shopify_status('r.test', 'r.cancelled_at', 'r.financial_status') }} as status,
        {{ shopify_channel('r.source_name') }} as channel,
        r.location_id as store_id,
        r.currency,
        r.updated_at,
        {{ lower_text('r.taxes_included') }} as taxes_included,
        {{ number_of('r.subtotal_price') }} as goods_amount,
        {{ number_of('r.total_line_items_price') }} - {{ number_of('r.total_discounts') }} as listed_amount,
        coalesce(
            {{ sum_in_json('r.shipping_lines', 'l', shipping_line) }}, {{ shop_money('r.total_shipping_price_set') }}
        ) as shipping_amount,
        {{ number_of('r.total_tax') }} as tax_amount,
        coalesce({{ number_of('r.total_tip_received') }}, 0)
        + coalesce({{ shop_money('r.original_total_duties_set') }}, 0)
        + coalesce({{ shop_money('r.original_total_additional_fees_set') }}, 0) as extra_amount,
        {{ number_of('r.total_price') }} as total_amount
    from {{ source('shopify', 'orders') }} as r

    union all

    select
        {{ passed_on('r') }},
        {{ shopify_id('r.id') }} as order_id,
        {{ shopify_id(json_text('r.customer', '$.id')) }} as account_id,
        coalesce(
            {{ typed_text('r.email') }}, {{ json_text('r.customer', '$.defaultEmailAddress.emailAddress') }},
            {{ json_text('r.customer', '$.email') }}
        ) as email,
        coalesce(
            {{ typed_text('r.phone') }}, {{ json_text('r.customer', '$.defaultPhoneNumber.phoneNumber') }},
            {{ json_text('r.customer', '$.phone') }}, {{ json_text('r.billingAddress', '$.phone') }}
        ) as phone,
        coalesce(r.processedAt, r.createdAt) as ordered_at,
        {{ shopify_status('r.test', 'r.cancelledAt', 'r.displayFinancialStatus') }} as status,
        {{ shopify_channel('r.sourceName') }} as channel,
        {{ shopify_id(json_text('r.retailLocation', '$.id')) }} as store_id,
        r.currencyCode as currency,
        r.updatedAt as updated_at,
        {{ lower_text('r.taxesIncluded') }} as taxes_included,
        {{ shop_money('r.subtotalPriceSet') }} as goods_amount,
        cast(null as decimal(18, 4)) as listed_amount,
        coalesce(
            {{ sum_in_json(shopify_elements('r.shippingLines'), 'l', shipping_node) }},
            {{ shop_money('r.totalShippingPriceSet') }}
        ) as shipping_amount,
        {{ shop_money('r.totalTaxSet') }} as tax_amount,
        coalesce({{ shop_money('r.totalTipReceivedSet') }}, 0)
        + coalesce({{ shop_money('r.originalTotalDutiesSet') }}, 0)
        + coalesce({{ shop_money('r.originalTotalAdditionalFeesSet') }}, 0) as extra_amount,
        {{ shop_money('r.totalPriceSet') }} as total_amount
    from {{ source('shopify', 'orders_graphql') }} as r

    union all

    -- Of a bulk operation's rows the orders, and what is neither an order nor a line of one.
    select
        {{ passed_on(
            'r',
            "case when r.__parentId is not null then 'row of a bulk operation, no order and no line of one' end"
        ) }},
        {{ shopify_id('r.id') }} as order_id,
        {{ shopify_id(json_text('r.customer', '$.id')) }} as account_id,
        coalesce(
            {{ typed_text('r.email') }}, {{ json_text('r.customer', '$.defaultEmailAddress.emailAddress') }},
            {{ json_text('r.customer', '$.email') }}
        ) as email,
        coalesce(
            {{ typed_text('r.phone') }}, {{ json_text('r.customer', '$.defaultPhoneNumber.phoneNumber') }},
            {{ json_text('r.customer', '$.phone') }}, {{ json_text('r.billingAddress', '$.phone') }}
        ) as phone,
        coalesce(r.processedAt, r.createdAt) as ordered_at,
        {{ shopify_status('r.test', 'r.cancelledAt', 'r.displayFinancialStatus') }} as status,
        {{ shopify_channel('r.sourceName') }} as channel,
        {{ shopify_id(json_text('r.retailLocation', '$.id')) }} as store_id,
        r.currencyCode as currency,
        r.updatedAt as updated_at,
        {{ lower_text('r.taxesIncluded') }} as taxes_included,
        {{ shop_money('r.subtotalPriceSet') }} as goods_amount,
        cast(null as decimal(18, 4)) as listed_amount,
        {{ shop_money('r.totalShippingPriceSet') }} as shipping_amount,
        {{ shop_money('r.totalTaxSet') }} as tax_amount,
        coalesce({{ shop_money('r.totalTipReceivedSet') }}, 0)
        + coalesce({{ shop_money('r.originalTotalDutiesSet') }}, 0)
        + coalesce({{ shop_money('r.originalTotalAdditionalFeesSet') }}, 0) as extra_amount,
        {{ shop_money('r.totalPriceSet') }} as total_amount
    from {{ source('shopify', 'orders_bulk') }} as r
    where
        r.__parentId is null
        or (
            coalesce(r.id, '') not like 'gid://shopify/LineItem/%'
            and coalesce(r.id, '') not like 'gid://shopify/ShippingLine/%'
        )

),

charged as (

    select
        *,
        coalesce(shipping_amount, 0)
        + case when taxes_included = 'true' then 0 else coalesce(tax_amount, 0) end as charged_amount
    from received

),

shaped as (

    select
        {{ passed_on('r', total_reason(
            'r.total_amount',
            ['r.goods_amount + r.charged_amount', 'coalesce(r.listed_amount, r.goods_amount) + r.charged_amount'],
            'r.extra_amount'
        )) }},
        order_id,
        account_id,
        email,
        phone,
        ordered_at,
        status,
        channel,
        store_id,
        currency,
        shipping_amount,
        tax_amount,
        updated_at
    from charged as r

)

{{ as_entity('orders', 'shaped', [
    'order_id', 'account_id', 'email', 'phone', 'ordered_at', 'status', 'channel', 'store_id', 'currency',
    'shipping_amount', 'tax_amount', 'updated_at',
]) }}
