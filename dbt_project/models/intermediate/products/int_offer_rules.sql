{{ config(tags=['phase_value']) }}

with followers as (

    select * from {{ ref('int_product_followers') }} where lift > 1

),

offer_articles as (

    select * from {{ ref('int_offer_articles') }}

),

numbered as (

    select
        followers.because_kind,
        followers.because_id,
        followers.article_id,
        offer_articles.place as article_place,
        offer_articles.log_odds,
        followers.lift,
        ln(followers.drawn_lift) as log_lift,
        row_number() over (
            partition by followers.because_kind, followers.because_id
            order by followers.drawn_lift desc, followers.article_id asc
        ) as place,
        row_number() over (
            order by followers.drawn_lift, followers.because_kind, followers.because_id, followers.article_id
        ) as rule_number
    from followers
    inner join offer_articles on followers.article_id = offer_articles.article_id

)

select
    rule_number,
    because_kind,
    because_id,
    article_id,
    article_place,
    log_odds,
    lift,
    log_lift
from numbered
where place <= {{ threshold('next_offer_followers') }}
