{{ config(tags=['phase_value']) }}

with products as (

    select
        product_id,
        product_name,
        category,
        {{ capital_letters('sku') }} as sku,
        split_part(product_id, ':', 1) as namespace,
        split_part(product_id, ':', 2) = 'sku' as is_known_by_sku
    from {{ ref('dim_products') }}

),

uses as (

    select * from {{ ref('product_uses') }}

),

-- An SKU names one article in each catalogue that knows it. Where it stands on two of one catalogue it names neither.
skus as (

    select
        sku,
        min(product_id) as article_id
    from products
    where sku is not null
    group by sku
    having
        count(distinct case when not is_known_by_sku then product_id end)
        = count(distinct case when not is_known_by_sku then namespace end)

),

articles as (

    select
        products.product_id,
        products.product_name,
        products.category,
        coalesce(skus.article_id, products.product_id) as article_id,
        coalesce({{ lower_text('products.product_name') }}, '') as lower_name,
        coalesce({{ lower_text('products.category') }}, '') as lower_category,
        coalesce({{ lower_text('products.sku') }}, '') as lower_sku
    from products
    left join skus on products.sku = skus.sku

),

used as (

    select
        articles.article_id,
        max(case when uses.product_use = 'gift' then 1 else 0 end) = 1 as is_gift,
        max(case when uses.product_use = 'not_offered' then 1 else 0 end) = 1 as is_not_offered
    from articles
    inner join uses
        on
            position(
                uses.pattern in case uses.field
                    when 'product_name' then articles.lower_name
                    when 'category' then articles.lower_category
                    else articles.lower_sku
                end
            ) > 0
    group by articles.article_id

),

-- One name and category for all products of an article: those of the product whose id it bears, if it has them.
described as (

    select
        article_id,
        coalesce(max(case when product_id = article_id then product_name end), min(product_name)) as article_name,
        coalesce(max(case when product_id = article_id then category end), min(category)) as category
    from articles
    group by article_id

)

select
    articles.product_id,
    articles.article_id,
    described.article_name,
    described.category,
    coalesce(used.is_gift, false) as is_gift,
    not coalesce(used.is_not_offered, false) as is_offered
from articles
inner join described on articles.article_id = described.article_id
left join used on articles.article_id = used.article_id
