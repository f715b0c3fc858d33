{{ config(tags=['phase_value']) }}

{%- set offers = threshold('next_offers') %}

with reasons as (

    select * from {{ ref('int_offer_reasons') }}

),

rules as (

    select * from {{ ref('int_offer_rules') }}

),

offer_articles as (

    select * from {{ ref('int_offer_articles') }}

),

articles as (

    select * from {{ ref('int_product_articles') }}

),

owned as (

    select * from {{ ref('int_customer_articles') }}

),

customers as (

    select customer_id from {{ ref('int_customer_golden') }}

),

owned_places as (

    select
        owned.customer_id,
        offer_articles.place as article_place
    from owned
    inner join offer_articles on owned.article_id = offer_articles.article_id

),

-- What all buy most: so many places are looked at that enough are left without what she owns.
looked_at as (

    select
        customers.customer_id,
        {{ offers }} + count(owned_places.article_place) as places
    from customers
    left join owned_places on customers.customer_id = owned_places.customer_id
    group by customers.customer_id

),

different_places as (

    select distinct places from looked_at

),

depths as (

    select
        different_places.places,
        offer_articles.place as article_place,
        offer_articles.log_odds
    from different_places
    inner join offer_articles on different_places.places >= offer_articles.place

),

popular as (

    select
        looked_at.customer_id,
        depths.article_place,
        depths.log_odds
    from looked_at
    inner join depths on looked_at.places = depths.places
    left join owned_places
        on
            looked_at.customer_id = owned_places.customer_id
            and depths.article_place = owned_places.article_place
    where owned_places.customer_id is null

),

-- A reason only ever raises the odds, so what stands twice stands with its reason.
candidates as (

    select
        customer_id,
        article_place,
        max(log_odds) as log_odds,
        max(rule_number) as rule_number
    from (
        select
            customer_id,
            article_place,
            log_odds,
            rule_number
        from reasons
        union all
        select
            customer_id,
            article_place,
            log_odds,
            null as rule_number
        from popular
    ) as both_ways
    group by customer_id, article_place

),

ranked as (

    select
        *,
        row_number() over (partition by customer_id order by log_odds desc, article_place asc) as rank
    from candidates

)

select
    ranked.customer_id,
    cast(ranked.rank as integer) as rank,
    offer_articles.product_id,
    {{ regulars.rounded('1 / (1 + exp(-ranked.log_odds))', 6) }} as score,
    case rules.because_kind
        when 'product'
            then 'customers who bought ' || coalesce(because.article_name, rules.because_id) || ' bought it next'
        when 'category' then 'customers who buy from ' || rules.because_id || ' bought it next'
        else 'bought most by all'
    end as reason,
    case rules.because_kind when 'product' then 'follows' when 'category' then 'category' else 'popular' end
        as reason_kind,
    because.product_id as because_product_id,
    rules.lift
from ranked
inner join offer_articles on ranked.article_place = offer_articles.place
left join rules on ranked.rule_number = rules.rule_number
left join articles as because on rules.because_kind = 'product' and rules.because_id = because.product_id
where ranked.rank <= {{ offers }}
