{#- Goods, discounts and what came back stand in the order's lines (stg_shopify__order_lines), so that a refund
    that arrives by itself counts at once; the order says shipping and tax. All money is in the shop's own
    currency. The buyer is one address as a whole: parts of two may be those of two people, as with a gift. -#}
{%- set buyer = {
    'first_name': ['first_name', 'firstName'], 'last_name': ['last_name', 'lastName'], 'company_name': ['company'],
    'street': ['address1'], 'city': ['city'], 'postal_code': ['zip'], 'country_code': ['country_code', 'countryCodeV2'],
} -%}
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
        r.billing_address,
        r.shipping_address,
        r.customer,
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
        r.billingAddress as billing_address,
        r.shippingAddress as shipping_address,
        r.customer,
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
        r.billingAddress as billing_address,
        r.shippingAddress as shipping_address,
        r.customer,
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
        + case when taxes_included = 'true' then 0 else coalesce(tax_amount, 0) end as charged_amount,
        -- A till may know no more of an address than its country or postcode.
        case
            when coalesce(
                {%- for name in buyer['first_name'] + buyer['last_name'] + buyer['company_name'] + buyer['street'] %}
                {{ typed_text(json_text('billing_address', '$.' ~ name)) }}{{ ',' if not loop.last }}
                {%- endfor %}
            ) is not null then billing_address
            else shipping_address
        end as address
    from received

),

addressed as (

    select
        *,
        {%- for column, names in buyer.items() %}
        coalesce(
            {%- for name in names %}
            {{ typed_text(json_text('address', '$.' ~ name)) }}{{ ',' if not loop.last }}
            {%- endfor %}
        ) as address_{{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    from charged

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
        {%- for column in ('first_name', 'last_name') %}
        case
            when coalesce(address_first_name, address_last_name) is not null then address_{{ column }}
            else coalesce(
                {%- for name in buyer[column] %}
                {{ typed_text(json_text('customer', '$.' ~ name)) }}{{ ',' if not loop.last }}
                {%- endfor %}
            )
        end as buyer_{{ column }},
        {%- endfor %}
        {%- for column in buyer if column not in ('first_name', 'last_name') %}
        address_{{ column }} as buyer_{{ column }},
        {%- endfor %}
        ordered_at,
        status,
        channel,
        store_id,
        currency,
        shipping_amount,
        tax_amount,
        updated_at
    from addressed as r

)

{{ as_entity('orders', 'shaped', [
    'order_id', 'account_id', 'email', 'phone', 'buyer_first_name', 'buyer_last_name', 'buyer_company_name',
    'buyer_street', 'buyer_city', 'buyer_postal_code', 'buyer_country_code', 'ordered_at', 'status', 'channel',
    'store_id', 'currency', 'shipping_amount', 'tax_amount', 'updated_at',
]) }}
