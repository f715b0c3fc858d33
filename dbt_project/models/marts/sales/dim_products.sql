{{ config(tags=['phase_profiles']) }}

with products as (

    select * from {{ ref('int_used__products') }} where record_status = 'valid' and product_key is not null

),

order_lines as (

    select product_key, sku
    from {{ ref('int_used__order_lines') }}
    where
        record_status = 'valid'
        and product_key is not null
        and coalesce({{ lower_text('line_kind') }}, 'product') = 'product'

),

named as (

    select distinct product_key from order_lines

),

exchange_rates as (

    select * from {{ ref('int_exchange_rates_now') }}

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

-- Two shops may describe one product (products_of): the newest description is the product.
described as (

    select
        products.*,
        as_of.currency as company_currency,
        {{ rate_of('coalesce(products.currency, as_of.currency)', 'as_of.currency', 'exchange_rates.rate') }} as rate,
        row_number() over (
            partition by products.product_key
            order by
                products.updated_at desc nulls last,
                products.loaded_at desc,
                products.source asc,
                products.record_key asc
        ) as place
    from products
    cross join as_of
    left join exchange_rates on {{ capital_letters('products.currency') }} = exchange_rates.currency

),

catalogue as (

    select
        described.product_key as product_id,
        described.sku,
        described.product_name,
        described.category,
        coalesce(
            {{ regulars.as_money(product_of('described.unit_cost', 'described.rate')) }},
            {{ regulars.as_money(product_of('by_sku.unit_cost', 'by_sku.rate')) }}
        ) as unit_cost,
        {{ regulars.as_money(product_of('described.unit_price', 'described.rate')) }} as unit_price,
        described.company_currency as currency,
        true as is_in_catalogue
    from described
    -- What an article costs may come by itself, under `sku:<its SKU>` as the id.
    left join described as by_sku
        on
            split_part(described.product_key, ':', 1) || ':sku:' || described.sku = by_sku.product_key
            and by_sku.place = 1
    left join named on described.product_key = named.product_key
    where
        described.place = 1
        -- A SKU alone is no article, unless lines name it so.
        and (
            split_part(described.product_key, ':', 2) <> 'sku'
            or split_part(described.product_key, ':', 3) = ''
            or named.product_key is not null
        )

),

-- Sold, but in no catalogue: without them, lines would point to nothing.
sold as (

    select
        order_lines.product_key as product_id,
        max(order_lines.sku) as sku
    from order_lines
    left join catalogue on order_lines.product_key = catalogue.product_id
    where catalogue.product_id is null
    group by order_lines.product_key

),

all_products as (

    select product_id, sku, product_name, category, unit_cost, unit_price, currency, is_in_catalogue
    from catalogue
    union all
    select
        sold.product_id,
        sold.sku,
        cast(null as {{ dbt.type_string() }}) as product_name,
        cast(null as {{ dbt.type_string() }}) as category,
        cast(null as decimal(18, 4)) as unit_cost,
        cast(null as decimal(18, 4)) as unit_price,
        as_of.currency,
        false as is_in_catalogue
    from sold
    cross join as_of

)

select * from all_products
