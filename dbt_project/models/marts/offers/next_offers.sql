{{ config(tags=['phase_value']) }}

with purchases as (

    select * from {{ ref('int_product_kept') }}

),

followers as (

    select * from {{ ref('int_product_followers') }} where lift > 1

),

products as (

    select * from {{ ref('dim_products') }}

),

customers as (

    select customer_id from {{ ref('int_customer_golden') }}

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

-- Whatever she ever bought, in whichever shop, she has: also what she sent back, for she knows it.
owned as (

    select distinct
        customer_id,
        product_id
    from {{ ref('int_product_purchases') }}

),

recent as (

    select distinct
        purchases.customer_id,
        purchases.product_id
    from purchases
    cross join as_of
    where purchases.day > {{ regulars.add_days('as_of.as_of_on', '-' ~ threshold('next_offer_memory_days')) }}

),

sold as (

    select
        purchases.product_id,
        products.category,
        cast(count(distinct purchases.customer_id) as double) as customers
    from purchases
    cross join as_of
    inner join products on purchases.product_id = products.product_id
    where purchases.day > {{ regulars.add_days('as_of.as_of_on', '-' ~ threshold('next_offer_memory_days')) }}
    group by purchases.product_id, products.category

),

all_customers as (

    select nullif(cast(count(distinct customer_id) as double), 0) as customers from recent

),

popular as (

    select
        sold.product_id,
        sold.category,
        sold.customers / all_customers.customers as share,
        row_number() over (order by sold.customers desc, sold.product_id asc) as place,
        row_number() over (partition by sold.category order by sold.customers desc, sold.product_id asc)
            as place_in_category
    from sold
    cross join all_customers

),

-- 1: what follows what she bought. The best reason counts, not how many there are.
following as (

    select
        recent.customer_id,
        followers.next_product_id as product_id,
        followers.product_id as because_product_id,
        followers.confidence as score,
        followers.lift,
        row_number() over (
            partition by recent.customer_id, followers.next_product_id
            order by followers.confidence desc, followers.lift desc, followers.product_id asc
        ) as place
    from recent
    inner join followers on recent.product_id = followers.product_id
    left join owned
        on recent.customer_id = owned.customer_id and followers.next_product_id = owned.product_id
    where owned.product_id is null

),

-- 2: what others buy most in the categories she buys from.
categories as (

    select
        owned.customer_id,
        products.category,
        count(*) as products
    from owned
    inner join products on owned.product_id = products.product_id
    where products.category is not null
    group by owned.customer_id, products.category

),

of_category as (

    select
        categories.customer_id,
        popular.product_id,
        popular.category,
        popular.share as score
    from categories
    inner join popular
        on
            categories.category = popular.category
            and popular.place_in_category <= {{ 2 * threshold('next_offers') }}
    left join owned
        on categories.customer_id = owned.customer_id and popular.product_id = owned.product_id
    where owned.product_id is null

),

-- 3: what all buy most.
of_all as (

    select
        customers.customer_id,
        popular.product_id,
        popular.share as score
    from customers
    inner join popular on popular.place <= {{ 2 * threshold('next_offers') }}
    left join owned
        on customers.customer_id = owned.customer_id and popular.product_id = owned.product_id
    where owned.product_id is null

),

candidates as (

    select
        customer_id,
        product_id,
        score,
        lift,
        because_product_id,
        cast(null as {{ dbt.type_string() }}) as category,
        1 as way
    from following
    where place = 1
    union all
    select customer_id, product_id, score, null, null, category, 2 from of_category
    union all
    select customer_id, product_id, score, null, null, null, 3 from of_all

),

-- One reason for each product, the best way first.
reasoned as (

    select
        *,
        row_number() over (partition by customer_id, product_id order by way, score desc) as reason_place
    from candidates

),

ranked as (

    select
        *,
        row_number() over (
            partition by customer_id order by way, score desc, lift desc nulls last, product_id
        ) as rank
    from reasoned
    where reason_place = 1

)

select
    ranked.customer_id,
    cast(ranked.rank as integer) as rank,
    ranked.product_id,
    ranked.score,
    case
        when ranked.way = 1
            then 'customers who bought ' || coalesce(because.product_name, ranked.because_product_id) || ' bought it next'
        when ranked.way = 2 then 'bought most in ' || ranked.category
        else 'bought most of all'
    end as reason,
    case ranked.way when 1 then 'follows' when 2 then 'category' else 'popular' end as reason_kind,
    ranked.because_product_id,
    ranked.lift
from ranked
left join products as because on ranked.because_product_id = because.product_id
where ranked.rank <= {{ threshold('next_offers') }}
