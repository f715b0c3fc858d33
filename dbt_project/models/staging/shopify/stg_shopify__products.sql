{#- The product of the contract is Shopify's variant: it has the SKU, the price and, through its inventory item,
    the cost. What comes without variants is an article under the product's own id, `product:<id>`. An inventory
    item by itself knows a SKU and a cost, but no variant: it is the article `sku:<sku>`, from which dim_products
    takes the cost. -#}
with rest as (

    select
        {{ passed_on('r') }},
        r.id,
        r.title,
        r.product_type,
        r.updated_at,
        {{ explode_json('r.variants', 'variant', 'variant_number') }}
    from {{ source('shopify', 'products') }} as r
    where r._reject_reason is null

),

graphql as (

    select
        {{ passed_on('r') }},
        r.title,
        coalesce({{ typed_text('r.productType') }}, {{ json_text('r.category', '$.name') }}) as product_type,
        r.updatedAt as updated_at,
        {{ explode_json(shopify_elements('r.variants'), 'variant', 'variant_number') }}
    from {{ source('shopify', 'products_graphql') }} as r
    where r._reject_reason is null

),

shaped as (

    select
        {{ passed_on('r') }},
        {{ json_text('r.variant', '$.id') }} as product_id,
        {{ json_text('r.variant', '$.sku') }} as sku,
        {{ shopify_variant_name('r.title', json_text('r.variant', '$.title')) }} as product_name,
        r.product_type as category,
        cast(null as {{ dbt.type_string() }}) as unit_cost,
        {{ json_text('r.variant', '$.price') }} as unit_price,
        cast(null as {{ dbt.type_string() }}) as currency,
        r.updated_at
    from rest as r

    union all

    select
        {{ passed_on('r') }},
        {{ shopify_id(json_text(shopify_node('r.variant'), '$.id')) }} as product_id,
        {{ json_text(shopify_node('r.variant'), '$.sku') }} as sku,
        {{ shopify_variant_name('r.title', json_text(shopify_node('r.variant'), '$.title')) }} as product_name,
        r.product_type as category,
        {{ json_text(shopify_node('r.variant'), '$.inventoryItem.unitCost.amount') }} as unit_cost,
        {{ json_text(shopify_node('r.variant'), '$.price') }} as unit_price,
        {{ json_text(shopify_node('r.variant'), '$.inventoryItem.unitCost.currencyCode') }} as currency,
        r.updated_at
    from graphql as r

    union all

    select
        {{ passed_on('r') }},
        'product:' || {{ shopify_id('r.id') }} as product_id,
        cast(null as {{ dbt.type_string() }}) as sku,
        r.title as product_name,
        r.product_type as category,
        cast(null as {{ dbt.type_string() }}) as unit_cost,
        cast(null as {{ dbt.type_string() }}) as unit_price,
        cast(null as {{ dbt.type_string() }}) as currency,
        r.updated_at
    from {{ source('shopify', 'products') }} as r
    where {{ json_text('r.variants', '$[0]') }} is null

    union all

    select
        {{ passed_on('r') }},
        'product:' || {{ shopify_id('r.id') }} as product_id,
        cast(null as {{ dbt.type_string() }}) as sku,
        r.title as product_name,
        coalesce({{ typed_text('r.productType') }}, {{ json_text('r.category', '$.name') }}) as category,
        cast(null as {{ dbt.type_string() }}) as unit_cost,
        cast(null as {{ dbt.type_string() }}) as unit_price,
        cast(null as {{ dbt.type_string() }}) as currency,
        r.updatedAt as updated_at
    from {{ source('shopify', 'products_graphql') }} as r
    where {{ json_text(shopify_elements('r.variants'), '$[0]') }} is null

    union all

    -- Rows of a bulk operation: variants know their name in full, products are their parents.
    select
        {{ passed_on('r') }},
        case when r.__parentId is null then 'product:' else '' end || {{ shopify_id('r.id') }} as product_id,
        r.sku,
        coalesce(r.displayName, r.title) as product_name,
        coalesce({{ typed_text('r.productType') }}, {{ json_text('r.category', '$.name') }}) as category,
        {{ json_text('r.inventoryItem', '$.unitCost.amount') }} as unit_cost,
        r.price as unit_price,
        {{ json_text('r.inventoryItem', '$.unitCost.currencyCode') }} as currency,
        r.updatedAt as updated_at
    from {{ source('shopify', 'products_bulk') }} as r

    union all

    select
        {{ passed_on('r') }},
        'sku:' || coalesce({{ typed_text('r.sku') }}, 'none:' || r.id) as product_id,
        r.sku,
        cast(null as {{ dbt.type_string() }}) as product_name,
        cast(null as {{ dbt.type_string() }}) as category,
        r.cost as unit_cost,
        cast(null as {{ dbt.type_string() }}) as unit_price,
        cast(null as {{ dbt.type_string() }}) as currency,
        r.updated_at
    from {{ source('shopify', 'inventory_items') }} as r

)

{{ as_entity('products', 'shaped', [
    'product_id', 'sku', 'product_name', 'category', 'unit_cost', 'unit_price', 'currency', 'updated_at',
]) }}
