{#- Products, and the variations of those that have some: each is an article with an id of its own, from one
    series of numbers. The API source puts a product's variations into it (variation_details), so that they know
    their product's name. -#}
with varied as (

    select
        {{ passed_on('r') }},
        r.name,
        {{ json_text('r.categories', '$[0].name') }} as category,
        {{ explode_json('r.variation_details', 'variation', 'variation_number') }}
    from {{ source('woocommerce', 'products') }} as r
    where r._reject_reason is null

),

shaped as (

    select
        {{ passed_on('r') }},
        r.id as product_id,
        r.sku,
        r.name as product_name,
        {{ json_text('r.categories', '$[0].name') }} as category,
        {{ json_text('r.cost_of_goods_sold', '$.total_value') }} as unit_cost,
        coalesce({{ typed_text('r.regular_price') }}, r.price) as unit_price,
        {{ woocommerce_time('r.date_modified_gmt', 'r.date_modified') }} as updated_at
    from {{ source('woocommerce', 'products') }} as r

    union all

    select
        {{ passed_on('r') }},
        {{ json_text('r.variation', '$.id') }} as product_id,
        {{ json_text('r.variation', '$.sku') }} as sku,
        concat_ws(', ', r.name, {{ woocommerce_options(json_text('r.variation', '$.attributes')) }}) as product_name,
        r.category,
        {{ json_text('r.variation', '$.cost_of_goods_sold.total_value') }} as unit_cost,
        coalesce(
            {{ typed_text(json_text('r.variation', '$.regular_price')) }}, {{ json_text('r.variation', '$.price') }}
        ) as unit_price,
        {{ woocommerce_time(
            json_text('r.variation', '$.date_modified_gmt'), json_text('r.variation', '$.date_modified')
        ) }} as updated_at
    from varied as r

    union all

    select
        {{ passed_on('r') }},
        r.id as product_id,
        r.sku,
        coalesce({{ typed_text('r.name') }}, nullif(concat_ws(', ', {{ woocommerce_options('r.attributes') }}), ''))
            as product_name,
        cast(null as {{ dbt.type_string() }}) as category,
        {{ json_text('r.cost_of_goods_sold', '$.total_value') }} as unit_cost,
        coalesce({{ typed_text('r.regular_price') }}, r.price) as unit_price,
        {{ woocommerce_time('r.date_modified_gmt', 'r.date_modified') }} as updated_at
    from {{ source('woocommerce', 'product_variations') }} as r

)

{{ as_entity('products', 'shaped', [
    'product_id', 'sku', 'product_name', 'category', 'unit_cost', 'unit_price', 'updated_at',
]) }}
