{{ config(tags=['phase_profiles']) }}

with products as (

    select * from {{ ref('stg_all__products') }} where record_status = 'valid' and product_key is not null

),

order_lines as (

    select product_key, sku
    from {{ ref('stg_all__order_lines') }}
    where
        record_status = 'valid'
        and product_key is not null
        and coalesce({{ lower_text('line_kind') }}, 'product') = 'product'

),

exchange_rates as (

    select * from {{ ref('int_exchange_rates') }}

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

-- Two shops may describe one product (products_of): the newest description is the product.
described as (

    select
        *,
        row_number() over (
            partition by product_key order by updated_at desc nulls last, loaded_at desc, source asc, record_key asc
        ) as place
    from products

),

catalogue as (

    select
        described.product_key as product_id,
        described.sku,
        described.product_name,
        described.category,
        {{ regulars.as_money(product_of('described.unit_cost', 'exchange_rates.rate')) }} as unit_cost,
        {{ regulars.as_money(product_of('described.unit_price', 'exchange_rates.rate')) }} as unit_price,
        as_of.currency,
        true as is_in_catalogue
    from described
    cross join as_of
    left join exchange_rates
        on
            coalesce(described.currency, as_of.currency) = exchange_rates.currency
            and as_of.as_of_on >= exchange_rates.valid_from
            and as_of.as_of_on < exchange_rates.valid_to
    where described.place = 1

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
