{{ config(tags=['phase_value']) }}

{#- Logarithms, because a rhythm twice as fast and one half as fast are equally far. -#}
{%- set most = threshold('replenishment_occasion_factor') %}

with purchases as (

    select
        purchases.customer_id,
        purchases.article_id,
        purchases.day,
        purchases.product_id,
        purchases.kept_quantity as quantity,
        count(*) over (partition by purchases.customer_id, purchases.article_id) as purchases_in_all
    from {{ ref('int_product_purchases') }} as purchases
    inner join {{ ref('int_product_articles') }} as articles on purchases.product_id = articles.product_id
    where purchases.kept_quantity > 0 and not articles.is_gift

),

-- Who bought once has no other amount to compare with; there are many of them, and a median costs.
own as (

    select
        customer_id,
        article_id,
        {{ regulars.median_of('quantity') }} as quantity
    from purchases
    where purchases_in_all > 1
    group by customer_id, article_id

),

usual as (

    select
        article_id,
        {{ regulars.median_of('quantity') }} as quantity
    from purchases
    group by article_id

),

compared as (

    select
        purchases.customer_id,
        purchases.article_id,
        purchases.day,
        purchases.product_id,
        purchases.quantity,
        purchases.purchases_in_all,
        coalesce(own.quantity, usual.quantity) as own_quantity,
        purchases.quantity / coalesce(own.quantity, usual.quantity) as times_own,
        coalesce(own.quantity, usual.quantity) / usual.quantity as own_times_usual
    from purchases
    inner join usual on purchases.article_id = usual.article_id
    left join own on purchases.customer_id = own.customer_id and purchases.article_id = own.article_id

),

-- So many times her usual amount is for guests or to be given away, and says nothing of when she runs out of it. Of two
-- purchases neither is the usual one: there, and with little amounts, the most that is believed counts.
believed as (

    select
        customer_id,
        article_id,
        day,
        product_id,
        quantity,
        own_quantity,
        times_own between 1 / cast({{ most }} as double) and {{ most }} as is_usual_amount,
        case
            when times_own > {{ most }} then {{ most }}
            when times_own < 1 / cast({{ most }} as double) then 1 / cast({{ most }} as double)
            else times_own
        end as times_own,
        case
            when own_times_usual > {{ most }} then {{ most }}
            when own_times_usual < 1 / cast({{ most }} as double) then 1 / cast({{ most }} as double)
            else own_times_usual
        end as own_times_usual
    from compared
    where purchases_in_all < 3 or times_own <= {{ most }}

),

numbered as (

    select
        *,
        row_number() over (partition by customer_id, article_id order by day) as purchase_number,
        lead(day) over (partition by customer_id, article_id order by day) as next_day
    from believed

)

select
    customer_id,
    article_id,
    day,
    product_id,
    purchase_number,
    quantity,
    own_quantity,
    is_usual_amount,
    {{ regulars.rounded('ln(times_own)', 9) }} as log_amount,
    {{ regulars.rounded('ln(own_times_usual)', 9) }} as log_own_amount,
    next_day,
    cast({{ regulars.days_between('day', 'next_day') }} as double) as interval_days
from numbered
