{{ config(tags=['phase_value']) }}

{%- set days = threshold('next_offer_days') %}
{%- set prior = threshold('next_offer_prior_customers') %}

with owned as (

    select * from {{ ref('int_customer_articles') }} where first_kept_on is not null

),

articles as (

    select distinct
        article_id,
        category
    from {{ ref('int_product_articles') }}

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

-- What a customer may have followed up on: an article, or the first article of a category. The days after it have
-- passed: of the others nobody knows yet what follows.
begun as (

    select
        owned.customer_id,
        'product' as because_kind,
        owned.article_id as because_id,
        owned.first_kept_on
    from owned
    cross join as_of
    where {{ regulars.add_days('owned.first_kept_on', days) }} <= as_of.as_of_on
    union all
    select
        owned.customer_id,
        'category' as because_kind,
        articles.category as because_id,
        min(owned.first_kept_on) as first_kept_on
    from owned
    cross join as_of
    inner join articles on owned.article_id = articles.article_id
    where articles.category is not null
    group by owned.customer_id, articles.category, as_of.as_of_on
    having {{ regulars.add_days('min(owned.first_kept_on)', days) }} <= as_of.as_of_on

),

numbered as (

    select
        *,
        row_number() over (
            partition by customer_id, because_kind order by first_kept_on desc, because_id asc
        ) as place
    from begun

),

-- The newest of each customer, so that one who has bought a thousand articles does not make a million pairs.
starts as (

    select * from numbered where place <= {{ threshold('next_offer_evidence') }}

),

-- Each pair once per customer, however often she repeats it: one regular is no crowd. Whoever had the second article
-- already could not take it up any more, and is not counted among those who might have.
pairs as (

    select
        starts.because_kind,
        starts.because_id,
        owned.article_id,
        cast(sum(
            case
                when
                    owned.first_kept_on > starts.first_kept_on
                    and owned.first_kept_on <= {{ regulars.add_days('starts.first_kept_on', days) }}
                    then 1
                else 0
            end
        ) as double) as customers,
        cast(sum(case when owned.first_kept_on <= starts.first_kept_on then 1 else 0 end) as double) as had_it
    from starts
    inner join owned on starts.customer_id = owned.customer_id
    where starts.because_kind = 'category' or starts.because_id <> owned.article_id
    group by starts.because_kind, starts.because_id, owned.article_id

),

starters as (

    select
        because_kind,
        because_id,
        cast(count(*) as double) as customers
    from starts
    group by because_kind, because_id

),

all_starts as (

    select
        because_kind,
        sum(customers) as customers
    from starters
    group by because_kind

),

-- How often an article is taken up after anything at all by those who did not have it.
usual as (

    select
        pairs.because_kind,
        pairs.article_id,
        sum(pairs.customers) / nullif(
            max(all_starts.customers) - coalesce(max(starters.customers), 0) - sum(pairs.had_it), 0
        ) as share
    from pairs
    inner join all_starts on pairs.because_kind = all_starts.because_kind
    left join starters
        on
            pairs.because_kind = 'product'
            and pairs.because_kind = starters.because_kind
            and pairs.article_id = starters.because_id
    group by pairs.because_kind, pairs.article_id

),

counted as (

    select
        pairs.because_kind,
        pairs.because_id,
        pairs.article_id,
        pairs.customers,
        starters.customers - pairs.had_it as could_follow,
        usual.share
    from pairs
    inner join starters on pairs.because_kind = starters.because_kind and pairs.because_id = starters.because_id
    inner join usual on pairs.because_kind = usual.because_kind and pairs.article_id = usual.article_id
    where pairs.customers >= {{ threshold('next_offer_min_customers') }}

)

select
    because_kind,
    because_id,
    article_id,
    cast(customers as bigint) as customers,
    cast(could_follow as bigint) as could_follow,
    customers / could_follow as confidence,
    share as usual_share,
    customers / (could_follow * share) as lift,
    -- Drawn towards 1 as if so many more had followed, as many as usual: a high lift of a handful is mostly luck.
    (customers + {{ prior }}) / (could_follow * share + {{ prior }}) as drawn_lift
from counted
