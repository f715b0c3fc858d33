{#- An order's line as it was sold, and beside it, under a key of its own, what of it came back or was taken off
    again: `<line>` and `<line>:returned`. Both say what holds at the time of the record, so any number of records
    of one order, in whatever shape, come to the same, and the newest wins. Money given back beyond the goods is a
    line of its own. -#}
{%- set refunded_quantity -%}
    {{ sum_in_json("r.refunds", 'f', sum_in_json(json_text('f', '$.refund_line_items'), 'g',
        "case when " ~ json_text('g', '$.line_item_id') ~ " = " ~ json_text('r.line', '$.id') ~ " then "
        ~ number_in_json('g', '$.quantity') ~ " end"
    )) }}
{%- endset -%}
{%- set refunded_amount -%}
    {{ sum_in_json("r.refunds", 'f', sum_in_json(json_text('f', '$.refund_line_items'), 'g',
        "case when " ~ json_text('g', '$.line_item_id') ~ " = " ~ json_text('r.line', '$.id') ~ " then coalesce("
        ~ shop_money('g', '$.subtotal_set') ~ ", " ~ number_in_json('g', '$.subtotal') ~ ") end"
    )) }}
{%- endset -%}
{%- set refunded_quantity_graphql -%}
    {{ sum_in_json("r.refunds", 'f', sum_in_json(shopify_elements(json_text('f', '$.refundLineItems')), 'g',
        "case when " ~ json_text(shopify_node('g'), '$.lineItem.id') ~ " = " ~ json_text('r.line', '$.id') ~ " then "
        ~ number_in_json(shopify_node('g'), '$.quantity') ~ " end"
    )) }}
{%- endset -%}
{%- set refunded_amount_graphql -%}
    {{ sum_in_json("r.refunds", 'f', sum_in_json(shopify_elements(json_text('f', '$.refundLineItems')), 'g',
        "case when " ~ json_text(shopify_node('g'), '$.lineItem.id') ~ " = " ~ json_text('r.line', '$.id') ~ " then "
        ~ shop_money(shopify_node('g'), '$.subtotalSet') ~ " end"
    )) }}
{%- endset -%}
{%- set allocated = "coalesce(" ~ shop_money('a', '$.amount_set') ~ ", " ~ number_in_json('a', '$.amount') ~ ")" -%}
{%- set allocated_graphql = shop_money('a', '$.allocatedAmountSet') -%}
{%- set returned_shipping -%}
    coalesce(
        {{ sum_in_json('r.refund_shipping_lines', 's', "coalesce("
            ~ shop_money('s', '$.subtotal_amount_set') ~ ", " ~ number_in_json('s', '$.subtotal_amount') ~ ")") }},
        {{ sum_in_json('r.order_adjustments', 's', "abs(" ~ number_in_json('s', '$.amount') ~ ")") }},
        0
    )
{%- endset -%}
with rest as (

    select
        {{ passed_on('r') }},
        r.id,
        r.currency,
        r.updated_at,
        r.refunds,
        {{ explode_json('r.line_items', 'line', 'line_number') }}
    from {{ source('shopify', 'orders') }} as r
    where r._reject_reason is null

),

graphql as (

    select
        {{ passed_on('r') }},
        r.id,
        r.currencyCode as currency,
        r.updatedAt as updated_at,
        r.refunds,
        {{ explode_json(shopify_elements('r.lineItems'), 'element', 'line_number') }}
    from {{ source('shopify', 'orders_graphql') }} as r
    where r._reject_reason is null

),

graphql_lines as (

    select
        {{ passed_on('r') }},
        r.id,
        r.currency,
        r.updated_at,
        r.refunds,
        r.line_number,
        {{ shopify_node('r.element') }} as line
    from graphql as r

),

lines as (

    select
        {{ passed_on('r') }},
        {{ shopify_id('r.id') }} as order_id,
        coalesce(
            {{ json_text('r.line', '$.id') }}, r.id || ':' || cast(r.line_number as {{ dbt.type_string() }})
        ) as line_id,
        {{ shopify_product_id(
            json_text('r.line', '$.variant_id'), json_text('r.line', '$.sku'), json_text('r.line', '$.product_id'),
            json_text('r.line', '$.title')
        ) }} as product_id,
        {{ json_text('r.line', '$.sku') }} as sku,
        coalesce({{ json_text('r.line', '$.gift_card') }} = 'true', false)
        or {{ json_text('r.line', '$.tip') }} is not null as is_no_product,
        {{ json_text('r.line', '$.quantity') }} as quantity_text,
        {{ number_in_json('r.line', '$.quantity') }} as quantity,
        {{ number_in_json('r.line', '$.current_quantity') }} as current_quantity,
        coalesce({{ json_text('r.line', '$.price_set.shop_money.amount') }}, {{ json_text('r.line', '$.price') }})
            as unit_price_text,
        coalesce(
            {{ sum_in_json(json_text('r.line', '$.discount_allocations'), 'a', allocated) }},
            {{ number_in_json('r.line', '$.total_discount') }},
            0
        ) as discount_amount,
        {{ refunded_quantity }} as refunded_quantity,
        {{ refunded_amount }} as refunded_amount,
        r.currency,
        r.updated_at
    from rest as r

    union all

    select
        {{ passed_on('r') }},
        {{ shopify_id('r.id') }} as order_id,
        coalesce(
            {{ shopify_id(json_text('r.line', '$.id')) }},
            {{ shopify_id('r.id') }} || ':' || cast(r.line_number as {{ dbt.type_string() }})
        ) as line_id,
        {{ shopify_product_id(
            json_text('r.line', '$.variant.id'), json_text('r.line', '$.sku'), json_text('r.line', '$.product.id'),
            json_text('r.line', '$.title')
        ) }} as product_id,
        {{ json_text('r.line', '$.sku') }} as sku,
        coalesce({{ json_text('r.line', '$.isGiftCard') }} = 'true', false) as is_no_product,
        {{ json_text('r.line', '$.quantity') }} as quantity_text,
        {{ number_in_json('r.line', '$.quantity') }} as quantity,
        {{ number_in_json('r.line', '$.currentQuantity') }} as current_quantity,
        {{ json_text('r.line', '$.originalUnitPriceSet.shopMoney.amount') }} as unit_price_text,
        coalesce({{ sum_in_json(json_text('r.line', '$.discountAllocations'), 'a', allocated_graphql) }}, 0)
            as discount_amount,
        {{ refunded_quantity_graphql }} as refunded_quantity,
        {{ refunded_amount_graphql }} as refunded_amount,
        r.currency,
        r.updated_at
    from graphql_lines as r

    union all

    select
        {{ passed_on('r') }},
        {{ shopify_id('r.__parentId') }} as order_id,
        {{ shopify_id('r.id') }} as line_id,
        {{ shopify_product_id(
            json_text('r.variant', '$.id'), 'r.sku', json_text('r.product', '$.id'), 'r.title'
        ) }} as product_id,
        r.sku,
        coalesce({{ lower_text('r.isGiftCard') }} = 'true', false) as is_no_product,
        r.quantity as quantity_text,
        {{ number_of('r.quantity') }} as quantity,
        {{ number_of('r.currentQuantity') }} as current_quantity,
        {{ json_text('r.originalUnitPriceSet', '$.shopMoney.amount') }} as unit_price_text,
        coalesce({{ sum_in_json('r.discountAllocations', 'a', allocated_graphql) }}, 0) as discount_amount,
        cast(null as decimal(18, 4)) as refunded_quantity,
        cast(null as decimal(18, 4)) as refunded_amount,
        {{ json_text('r.originalUnitPriceSet', '$.shopMoney.currencyCode') }} as currency,
        cast(null as {{ dbt.type_string() }}) as updated_at
    from {{ source('shopify', 'orders_bulk') }} as r
    where r.__parentId is not null and r.id like 'gid://shopify/LineItem/%'

),

counted as (

    select
        *,
        {{ number_of('unit_price_text') }} as unit_price,
        coalesce(quantity - current_quantity, refunded_quantity, 0) as returned_quantity
    from lines

),

valued as (

    select
        *,
        case
            when returned_quantity = refunded_quantity then refunded_amount
            else {{ try_cast_text(rounded(
                'cast(' ~ wide_product('quantity', 'unit_price') ~ ' - discount_amount as double)
                * cast(returned_quantity as double) / cast(nullif(quantity, 0) as double)', 4
            ), 'decimal(18, 4)') }}
        end as returned_amount
    from counted

),

shipping_of_orders as (

    select
        {{ passed_on('r') }},
        r.id,
        r.currency,
        r.updated_at,
        {{ explode_json('r.shipping_lines', 'line', 'line_number') }}
    from {{ source('shopify', 'orders') }} as r
    where r._reject_reason is null

),

shipping_graphql as (

    select
        {{ passed_on('r') }},
        {{ shopify_id('r.id') }} as id,
        r.currencyCode as currency,
        r.updatedAt as updated_at,
        {{ explode_json(shopify_elements('r.shippingLines'), 'line', 'line_number') }}
    from {{ source('shopify', 'orders_graphql') }} as r
    where r._reject_reason is null

),

shipping as (

    select
        {{ passed_on('r') }},
        r.id as order_id,
        coalesce(
            {{ json_text('r.line', '$.id') }}, r.id || ':' || cast(r.line_number as {{ dbt.type_string() }})
        ) as line_id,
        coalesce(
            {{ shop_money('r.line', '$.discounted_price_set') }}, {{ number_in_json('r.line', '$.discounted_price') }},
            {{ shop_money('r.line', '$.price_set') }}, {{ number_in_json('r.line', '$.price') }}
        ) as amount,
        r.currency,
        r.updated_at
    from shipping_of_orders as r
    where coalesce({{ json_text('r.line', '$.is_removed') }}, 'false') <> 'true'

    union all

    select
        {{ passed_on('r') }},
        r.id as order_id,
        {{ shopify_id(json_text(shopify_node('r.line'), '$.id')) }} as line_id,
        coalesce(
            {{ shop_money(shopify_node('r.line'), '$.discountedPriceSet') }},
            {{ shop_money(shopify_node('r.line'), '$.originalPriceSet') }}
        ) as amount,
        r.currency,
        r.updated_at
    from shipping_graphql as r

    union all

    select
        {{ passed_on('r') }},
        {{ shopify_id('r.__parentId') }} as order_id,
        {{ shopify_id('r.id') }} as line_id,
        coalesce({{ shop_money('r.discountedPriceSet') }}, {{ shop_money('r.originalPriceSet') }}) as amount,
        cast(null as {{ dbt.type_string() }}) as currency,
        cast(null as {{ dbt.type_string() }}) as updated_at
    from {{ source('shopify', 'orders_bulk') }} as r
    where r.__parentId is not null and r.id like 'gid://shopify/ShippingLine/%'

),

-- A refund by itself knows how many of the line are left, which counts earlier refunds in; older ones know their own.
refunds as (

    select
        {{ passed_on('r') }},
        r.order_id,
        r.id,
        r.created_at,
        {{ explode_json('r.refund_line_items', 'line', 'line_number') }}
    from {{ source('shopify', 'refunds') }} as r
    where r._reject_reason is null

),

refund_lines as (

    select
        {{ passed_on('r') }},
        r.order_id,
        r.created_at,
        {{ json_text('r.line', '$.line_item_id') }} as line_id,
        {{ json_text('r.line', '$.line_item') }} as sold,
        {{ number_in_json('r.line', '$.quantity') }} as quantity,
        coalesce({{ shop_money('r.line', '$.subtotal_set') }}, {{ number_in_json('r.line', '$.subtotal') }}) as amount
    from refunds as r

),

refund_counts as (

    select
        *,
        coalesce(
            {{ shop_money('sold', '$.price_set') }}, {{ number_in_json('sold', '$.price') }}
        ) as unit_price,
        coalesce(
            {{ number_in_json('sold', '$.quantity') }} - {{ number_in_json('sold', '$.current_quantity') }}, quantity
        ) as returned_quantity
    from refund_lines

),

refund_values as (

    select
        *,
        {{ try_cast_text(rounded(
            'cast(amount as double) * cast(returned_quantity as double) / cast(nullif(quantity, 0) as double)', 4
        ), 'decimal(18, 4)') }} as returned_amount
    from refund_counts

),

-- What a refund pays beyond its goods, or keeps of them: listed in the order and in the refund itself, under one id.
listed_refunds as (

    select
        {{ passed_on('r') }},
        r.id as order_id,
        r.currency,
        {{ explode_json('r.refunds', 'refund', 'refund_number') }}
    from {{ source('shopify', 'orders') }} as r
    where r._reject_reason is null

),

listed_refunds_graphql as (

    select
        {{ passed_on('r') }},
        {{ shopify_id('r.id') }} as order_id,
        r.currencyCode as currency,
        {{ explode_json('r.refunds', 'refund', 'refund_number') }}
    from {{ source('shopify', 'orders_graphql') }} as r
    where r._reject_reason is null

),

adjustments_of_orders as (

    select
        {{ passed_on('r') }},
        r.order_id,
        r.currency,
        {{ explode_json(json_text('r.refund', '$.order_adjustments'), 'adjustment', 'adjustment_number') }}
    from listed_refunds as r

),

adjustments_graphql as (

    select
        {{ passed_on('r') }},
        r.order_id,
        r.currency,
        {{ explode_json(
            shopify_elements(json_text('r.refund', '$.orderAdjustments')), 'adjustment', 'adjustment_number'
        ) }}
    from listed_refunds_graphql as r

),

adjustments_of_refunds as (

    select
        {{ passed_on('r') }},
        r.order_id,
        cast(null as {{ dbt.type_string() }}) as currency,
        {{ explode_json('r.order_adjustments', 'adjustment', 'adjustment_number') }}
    from {{ source('shopify', 'refunds') }} as r
    where r._reject_reason is null

),

adjustments as (

    select
        {{ passed_on('r') }},
        r.order_id,
        r.currency,
        {{ json_text('r.adjustment', '$.id') }} as adjustment_id,
        {{ lower_text(json_text('r.adjustment', '$.kind')) }} as kind,
        coalesce(
            {{ shop_money('r.adjustment', '$.amount_set') }}, {{ number_in_json('r.adjustment', '$.amount') }}
        ) as amount
    from adjustments_of_orders as r
    union all
    select
        {{ passed_on('r') }},
        r.order_id,
        r.currency,
        {{ shopify_id(json_text(shopify_node('r.adjustment'), '$.id')) }} as adjustment_id,
        {{ lower_text(json_text(shopify_node('r.adjustment'), '$.kind')) }} as kind,
        {{ shop_money(shopify_node('r.adjustment'), '$.amountSet') }} as amount
    from adjustments_graphql as r
    union all
    select
        {{ passed_on('r') }},
        r.order_id,
        r.currency,
        {{ json_text('r.adjustment', '$.id') }} as adjustment_id,
        {{ lower_text(json_text('r.adjustment', '$.kind')) }} as kind,
        coalesce(
            {{ shop_money('r.adjustment', '$.amount_set') }}, {{ number_in_json('r.adjustment', '$.amount') }}
        ) as amount
    from adjustments_of_refunds as r

),

shaped as (

    select
        {{ passed_on('valued') }},
        case when part.is_return then valued.line_id || ':returned' else valued.line_id end as order_line_id,
        valued.order_id,
        valued.product_id,
        valued.sku,
        case when valued.is_no_product then 'fee' else 'product' end as line_kind,
        case
            when part.is_return then cast(-valued.returned_quantity as {{ dbt.type_string() }})
            else valued.quantity_text
        end as quantity,
        valued.unit_price_text as unit_price,
        case
            when part.is_return
                then {{ as_money(
                    wide_product('valued.returned_quantity', 'valued.unit_price') ~ ' - valued.returned_amount'
                ) }}
            else valued.discount_amount
        end as discount_amount,
        case when part.is_return then 'true' else 'false' end as is_return,
        valued.currency,
        valued.updated_at
    from valued
    cross join (
        select false as is_return
        union all
        select true as is_return
    ) as part
    where not part.is_return or valued.returned_quantity > 0

    union all

    select
        {{ passed_on('r') }},
        'shipping:' || r.line_id as order_line_id,
        r.order_id,
        cast(null as {{ dbt.type_string() }}) as product_id,
        cast(null as {{ dbt.type_string() }}) as sku,
        'shipping' as line_kind,
        '1' as quantity,
        cast(r.amount as {{ dbt.type_string() }}) as unit_price,
        cast(null as decimal(18, 4)) as discount_amount,
        'false' as is_return,
        r.currency,
        r.updated_at
    from shipping as r
    -- Free shipping is no line of its own, unless it came as a row of its own.
    where r.amount > 0 or r._dataset = 'orders_bulk'

    union all

    select
        {{ passed_on('r') }},
        r.line_id || ':returned' as order_line_id,
        r.order_id,
        {{ shopify_product_id(
            json_text('r.sold', '$.variant_id'), json_text('r.sold', '$.sku'), json_text('r.sold', '$.product_id'),
            json_text('r.sold', '$.title')
        ) }} as product_id,
        {{ json_text('r.sold', '$.sku') }} as sku,
        case
            when {{ json_text('r.sold', '$.gift_card') }} = 'true' or {{ json_text('r.sold', '$.tip') }} is not null
                then 'fee'
            else 'product'
        end as line_kind,
        cast(-r.returned_quantity as {{ dbt.type_string() }}) as quantity,
        cast(r.unit_price as {{ dbt.type_string() }}) as unit_price,
        {{ as_money(wide_product('r.returned_quantity', 'r.unit_price') ~ ' - r.returned_amount') }} as discount_amount,
        'true' as is_return,
        cast(null as {{ dbt.type_string() }}) as currency,
        r.created_at as updated_at
    from refund_values as r

    union all

    select
        {{ passed_on('r') }},
        'refund:' || r.adjustment_id as order_line_id,
        r.order_id,
        cast(null as {{ dbt.type_string() }}) as product_id,
        cast(null as {{ dbt.type_string() }}) as sku,
        'adjustment' as line_kind,
        case when r.amount < 0 then '-1' else '1' end as quantity,
        cast(abs(r.amount) as {{ dbt.type_string() }}) as unit_price,
        cast(null as decimal(18, 4)) as discount_amount,
        case when r.amount < 0 then 'true' else 'false' end as is_return,
        r.currency,
        cast(null as {{ dbt.type_string() }}) as updated_at
    from adjustments as r
    where r.amount <> 0 and coalesce(r.kind, 'refund_discrepancy') <> 'shipping_refund'

    union all

    -- Of a refund without goods, the shipping; a line that could not be read stays one.
    select
        {{ passed_on('r') }},
        'refund:' || r.id as order_line_id,
        r.order_id,
        cast(null as {{ dbt.type_string() }}) as product_id,
        cast(null as {{ dbt.type_string() }}) as sku,
        'shipping' as line_kind,
        '-1' as quantity,
        cast({{ returned_shipping }} as {{ dbt.type_string() }}) as unit_price,
        cast(null as decimal(18, 4)) as discount_amount,
        'true' as is_return,
        cast(null as {{ dbt.type_string() }}) as currency,
        r.created_at as updated_at
    from {{ source('shopify', 'refunds') }} as r
    where
        r._reject_reason is not null
        or (
            {{ json_text('r.refund_line_items', '$[0]') }} is null
            and coalesce({{ json_text('r.order_adjustments', '$[0].kind') }}, 'shipping_refund') = 'shipping_refund'
        )

)

{{ as_entity('order_lines', 'shaped', [
    'order_line_id', 'order_id', 'product_id', 'sku', 'line_kind', 'quantity', 'unit_price', 'discount_amount',
    'is_return', 'currency', 'updated_at',
]) }}
