{{ config(tags=['phase_value']) }}

with rules as (

    select * from {{ ref('int_offer_rules') }}

),

offer_articles as (

    select
        article_id,
        place,
        log_odds
    from {{ ref('int_offer_articles') }}

),

articles as (

    select * from {{ ref('int_product_articles') }}

),

owned as (

    select * from {{ ref('int_customer_articles') }}

),

as_of as (

    select
        cast({{ regulars.add_days('as_of_on', '-' ~ threshold('next_offer_memory_days')) }} as date) as memory_begins_on
    from {{ ref('int_as_of') }}

),

-- Articles by their number, because there are many rows.
owned_places as (

    select
        owned.customer_id,
        offer_articles.place as article_place
    from owned
    inner join offer_articles on owned.article_id = offer_articles.article_id

),

bought as (

    select
        owned.customer_id,
        owned.article_id,
        row_number() over (
            partition by owned.customer_id order by owned.last_kept_on desc, owned.article_id asc
        ) as place
    from owned
    cross join as_of
    where owned.last_kept_on > as_of.memory_begins_on

),

evidence as (

    select
        customer_id,
        article_id as because_id,
        power(cast(count(*) over (partition by customer_id) as double), 0.5) as root
    from bought
    where place <= {{ threshold('next_offer_evidence') }}

),

-- Several reasons for one article add up, as if each were news by itself; the root keeps those who bought a lot from
-- being told the same twenty times. What she owns is carried along and drops out where all is added up.
following as (

    select
        customer_id,
        article_place,
        sum(log_lift) as log_lift,
        max(rule_number) as rule_number
    from (
        select
            evidence.customer_id,
            rules.article_place,
            rules.log_lift / evidence.root as log_lift,
            rules.rule_number,
            0 as is_owned
        from evidence
        inner join rules on evidence.because_id = rules.because_id and rules.because_kind = 'product'
        union all
        select
            customer_id,
            article_place,
            0 as log_lift,
            0 as rule_number,
            1 as is_owned
        from owned_places
    ) as reasons
    group by customer_id, article_place
    having max(is_owned) = 0

),

with_reason as (

    select distinct customer_id from following

),

-- For those without such a reason, because they bought little, or things that few buy: what follows the categories
-- that they ever bought from.
categories as (

    select
        owned.customer_id,
        articles.category as because_id
    from owned
    inner join articles on owned.article_id = articles.product_id
    left join with_reason on owned.customer_id = with_reason.customer_id
    where with_reason.customer_id is null and articles.category is not null
    group by owned.customer_id, articles.category

),

category_evidence as (

    select
        customer_id,
        because_id,
        power(cast(count(*) over (partition by customer_id) as double), 0.5) as root
    from categories

),

of_categories as (

    select
        category_evidence.customer_id,
        rules.article_place,
        sum(rules.log_lift / category_evidence.root) as log_lift,
        max(rules.rule_number) as rule_number
    from category_evidence
    inner join rules on category_evidence.because_id = rules.because_id and rules.because_kind = 'category'
    left join owned_places
        on
            category_evidence.customer_id = owned_places.customer_id
            and rules.article_place = owned_places.article_place
    where owned_places.customer_id is null
    group by category_evidence.customer_id, rules.article_place

),

reasons as (

    select * from following
    union all
    select * from of_categories

),

-- Rounded, because sums differ in the last digit by the order in which they are added up, and ranks must not.
weighed as (

    select
        reasons.customer_id,
        reasons.article_place,
        reasons.rule_number,
        {{ regulars.rounded('offer_articles.log_odds + reasons.log_lift', 9) }} as log_odds
    from reasons
    inner join offer_articles on reasons.article_place = offer_articles.place

),

ranked as (

    select
        *,
        row_number() over (partition by customer_id order by log_odds desc, article_place asc) as place
    from weighed

)

select
    customer_id,
    article_place,
    rule_number,
    log_odds
from ranked
where place <= {{ threshold('next_offers') }}
