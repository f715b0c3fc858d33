{{ config(tags=['phase_value']) }}

{%- set prior = threshold('next_offer_prior_customers') %}

with owned as (

    select * from {{ ref('int_customer_articles') }}

),

purchases as (

    select * from {{ ref('int_product_purchases') }} where kept_quantity > 0

),

on_offer as (

    select distinct
        article_id,
        article_name,
        category
    from {{ ref('int_product_articles') }}
    where is_offered

),

as_of as (

    select
        cast({{ regulars.add_days('as_of_on', '-' ~ threshold('next_offer_memory_days')) }} as date)
            as memory_begins_on,
        cast({{ regulars.add_days('as_of_on', '-' ~ threshold('next_offer_days')) }} as date) as lately_begins_on
    from {{ ref('int_as_of') }}

),

bought as (

    select
        owned.customer_id,
        owned.article_id,
        case when owned.last_kept_on > as_of.lately_begins_on then owned.customer_id end as customer_lately
    from owned
    cross join as_of
    where owned.last_kept_on > as_of.memory_begins_on

),

buyers as (

    select
        cast(count(distinct customer_id) as double) as customers,
        cast(count(distinct customer_lately) as double) as customers_lately
    from bought

),

counted as (

    select
        bought.article_id,
        cast(count(*) as double) as customers,
        cast(count(bought.customer_lately) as double) as customers_lately
    from bought
    group by bought.article_id

),

-- How many buy it lately, drawn towards the share of the whole memory. One more in the denominator, so that no share
-- is 1.
shares as (

    select
        counted.article_id,
        counted.customers,
        counted.customers_lately,
        (counted.customers_lately + {{ prior }} * counted.customers / buyers.customers)
        / (buyers.customers_lately + {{ prior }} + 1) as share
    from counted
    cross join buyers

),

-- An article may be a product in each of several shops: the one that was sold last stands for it.
last_sold as (

    select
        article_id,
        product_id,
        row_number() over (partition by article_id order by max(day) desc, product_id asc) as place
    from purchases
    group by article_id, product_id

)

select
    shares.article_id,
    last_sold.product_id,
    on_offer.article_name,
    on_offer.category,
    cast(shares.customers as bigint) as customers,
    cast(shares.customers_lately as bigint) as customers_lately,
    shares.share,
    {{ regulars.rounded('ln(shares.share / (1 - shares.share))', 9) }} as log_odds,
    row_number() over (order by shares.share desc, shares.article_id asc) as place
from shares
inner join on_offer on shares.article_id = on_offer.article_id
inner join last_sold on shares.article_id = last_sold.article_id and last_sold.place = 1
