{#- Articles and fees of orders, and what each refund took back: from the refunds that the API source puts into
    their order (refund_details), and from refunds that come by themselves. A refund does not say whether the
    shop's prices include tax: by itself it counts without, within its order like the order. -#}
with listed as (

    select
        {{ passed_on('r') }},
        r.id as order_id,
        r.currency,
        {{ woocommerce_time('r.date_modified_gmt', 'r.date_modified') }} as updated_at,
        coalesce({{ lower_text('r.prices_include_tax') }} = 'true', false) as with_tax,
        {{ explode_json('r.line_items', 'line', 'line_number') }}
    from {{ source('woocommerce', 'orders') }} as r
    where r._reject_reason is null

),

articles as (

    select
        {{ passed_on('r') }},
        r.order_id,
        coalesce(
            {{ json_text('r.line', '$.id') }}, r.order_id || ':' || cast(r.line_number as {{ dbt.type_string() }})
        ) as line_id,
        {{ woocommerce_product_id('r.line') }} as product_id,
        {{ json_text('r.line', '$.sku') }} as sku,
        {{ json_text('r.line', '$.quantity') }} as quantity_text,
        {{ number_in_json('r.line', '$.quantity') }} as quantity,
        {{ woocommerce_amount('r.line', 'subtotal', 'subtotal_tax', 'r.with_tax') }} as gross_amount,
        {{ woocommerce_amount('r.line', 'total', 'total_tax', 'r.with_tax') }} as paid_amount,
        r.currency,
        r.updated_at
    from listed as r

),

charged as (

    select
        {{ passed_on('r') }},
        r.id as order_id,
        r.currency,
        {{ woocommerce_time('r.date_modified_gmt', 'r.date_modified') }} as updated_at,
        coalesce({{ lower_text('r.prices_include_tax') }} = 'true', false) as with_tax,
        {{ explode_json('r.fee_lines', 'line', 'line_number') }}
    from {{ source('woocommerce', 'orders') }} as r
    where r._reject_reason is null

),

fees as (

    select
        {{ passed_on('r') }},
        r.order_id,
        {{ json_text('r.line', '$.id') }} as line_id,
        {{ woocommerce_amount('r.line', 'total', 'total_tax', 'r.with_tax') }} as amount,
        r.currency,
        r.updated_at
    from charged as r

),

shipped as (

    select
        {{ passed_on('r') }},
        r.id as order_id,
        r.currency,
        {{ woocommerce_time('r.date_modified_gmt', 'r.date_modified') }} as updated_at,
        coalesce({{ lower_text('r.prices_include_tax') }} = 'true', false) as with_tax,
        {{ explode_json('r.shipping_lines', 'line', 'line_number') }}
    from {{ source('woocommerce', 'orders') }} as r
    where r._reject_reason is null

),

shipping as (

    select
        {{ passed_on('r') }},
        r.order_id,
        {{ json_text('r.line', '$.id') }} as line_id,
        {{ woocommerce_amount('r.line', 'total', 'total_tax', 'r.with_tax') }} as amount,
        r.currency,
        r.updated_at
    from shipped as r

),

refunds_of_orders as (

    select
        {{ passed_on('r') }},
        r.id as order_id,
        r.currency,
        {{ woocommerce_time('r.date_modified_gmt', 'r.date_modified') }} as updated_at,
        coalesce({{ lower_text('r.prices_include_tax') }} = 'true', false) as with_tax,
        {{ explode_json('r.refund_details', 'refund', 'refund_number') }}
    from {{ source('woocommerce', 'orders') }} as r
    where r._reject_reason is null

),

refunds as (

    select
        {{ passed_on('r') }},
        r.order_id,
        r.currency,
        r.updated_at,
        r.with_tax,
        {{ json_text('r.refund', '$.id') }} as refund_id,
        {{ json_text('r.refund', '$.line_items') }} as line_items,
        {{ json_text('r.refund', '$.shipping_lines') }} as shipping_lines,
        abs({{ number_in_json('r.refund', '$.amount') }}) as amount,
        {{ woocommerce_named_in('r.refund') }} as named_amount
    from refunds_of_orders as r

    union all

    select
        {{ passed_on('r') }},
        coalesce(
            nullif({{ typed_text('r.parent_id') }}, '0'),
            nullif(split_part({{ json_text('r._links', '$.up[0].href') }}, '/orders/', 2), '')
        ) as order_id,
        cast(null as {{ dbt.type_string() }}) as currency,
        {{ woocommerce_time('r.date_created_gmt', 'r.date_created') }} as updated_at,
        false as with_tax,
        r.id as refund_id,
        r.line_items,
        r.shipping_lines,
        abs({{ number_of('r.amount') }}) as amount,
        {{ woocommerce_named('r.line_items', 'r.shipping_lines', 'r.fee_lines') }} as named_amount
    from {{ source('woocommerce', 'order_refunds') }} as r

),

refund_lists as (

    select
        {{ passed_on('r') }},
        r.order_id,
        r.currency,
        r.updated_at,
        r.with_tax,
        r.refund_id,
        {{ explode_json('r.line_items', 'line', 'line_number') }}
    from refunds as r

),

refund_lines as (

    select
        {{ passed_on('r') }},
        r.order_id,
        'refund:' || r.refund_id || ':' || coalesce(
            {{ json_text('r.line', '$.id') }}, cast(r.line_number as {{ dbt.type_string() }})
        ) as line_id,
        {{ woocommerce_product_id('r.line') }} as product_id,
        {{ json_text('r.line', '$.sku') }} as sku,
        abs(coalesce({{ number_in_json('r.line', '$.quantity') }}, 0)) as quantity,
        abs({{ woocommerce_amount('r.line', 'total', 'total_tax', 'r.with_tax') }}) as amount,
        r.currency,
        r.updated_at
    from refund_lists as r

),

shaped as (

    select
        {{ passed_on('r') }},
        r.line_id as order_line_id,
        r.order_id,
        r.product_id,
        r.sku,
        'product' as line_kind,
        r.quantity_text as quantity,
        {{ price_of_one('r.gross_amount', 'r.quantity') }} as unit_price,
        {{ as_money(wide_product(price_of_one('r.gross_amount', 'r.quantity'), 'r.quantity') ~ ' - r.paid_amount') }}
            as discount_amount,
        'false' as is_return,
        r.currency,
        r.updated_at
    from articles as r

    union all

    select
        {{ passed_on('r') }},
        'fee:' || r.line_id as order_line_id,
        r.order_id,
        cast(null as {{ dbt.type_string() }}) as product_id,
        cast(null as {{ dbt.type_string() }}) as sku,
        case when r.amount < 0 then 'discount' else 'fee' end as line_kind,
        '1' as quantity,
        abs(r.amount) as unit_price,
        cast(null as decimal(18, 4)) as discount_amount,
        'false' as is_return,
        r.currency,
        r.updated_at
    from fees as r
    where r.amount <> 0

    union all

    select
        {{ passed_on('r') }},
        'shipping:' || r.line_id as order_line_id,
        r.order_id,
        cast(null as {{ dbt.type_string() }}) as product_id,
        cast(null as {{ dbt.type_string() }}) as sku,
        'shipping' as line_kind,
        '1' as quantity,
        r.amount as unit_price,
        cast(null as decimal(18, 4)) as discount_amount,
        'false' as is_return,
        r.currency,
        r.updated_at
    from shipping as r
    where r.amount > 0

    union all

    -- An article of which only money was given back has no pieces: it corrects what the goods cost.
    select
        {{ passed_on('r') }},
        r.line_id as order_line_id,
        r.order_id,
        r.product_id,
        r.sku,
        case when r.quantity = 0 then 'adjustment' else 'product' end as line_kind,
        cast(case when r.quantity = 0 then -1 else -r.quantity end as {{ dbt.type_string() }}) as quantity,
        case when r.quantity = 0 then r.amount else {{ price_of_one('r.amount', 'r.quantity') }} end as unit_price,
        case
            when r.quantity = 0 then 0
            else {{ as_money(wide_product(price_of_one('r.amount', 'r.quantity'), 'r.quantity') ~ ' - r.amount') }}
        end as discount_amount,
        'true' as is_return,
        r.currency,
        r.updated_at
    from refund_lines as r
    where r.amount <> 0 or r.quantity <> 0

    union all

    -- What a refund gives back without naming what for; a refund of shipping alone; a line that could not be read.
    select
        {{ passed_on('r') }},
        'refund:' || r.refund_id as order_line_id,
        r.order_id,
        cast(null as {{ dbt.type_string() }}) as product_id,
        cast(null as {{ dbt.type_string() }}) as sku,
        case when r.amount > r.named_amount then 'adjustment' else 'shipping' end as line_kind,
        '-1' as quantity,
        case when r.amount > r.named_amount then r.amount - r.named_amount else r.named_amount end as unit_price,
        cast(null as decimal(18, 4)) as discount_amount,
        'true' as is_return,
        r.currency,
        r.updated_at
    from refunds as r
    where
        r._reject_reason is not null
        or r.amount > r.named_amount
        or {{ json_text('r.line_items', '$[0]') }} is null

)

{{ as_entity('order_lines', 'shaped', [
    'order_line_id', 'order_id', 'product_id', 'sku', 'line_kind', 'quantity', 'unit_price', 'discount_amount',
    'is_return', 'currency', 'updated_at',
]) }}
