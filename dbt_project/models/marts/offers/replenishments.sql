{{ config(tags=['phase_value']) }}

{%- set weight = threshold('replenishment_prior_intervals') %}
{%- set near = threshold('replenishment_near_share') %}

with purchases as (

    select * from {{ ref('int_product_kept') }}

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

-- How many days a piece lasted: until the next purchase, by what was bought.
intervals as (

    select
        customer_id,
        product_id,
        day,
        quantity,
        lead(day) over (partition by customer_id, product_id order by day) as next_day
    from purchases

),

paces as (

    select
        customer_id,
        product_id,
        cast({{ regulars.days_between('day', 'next_day') }} as double) as interval_days,
        cast({{ regulars.days_between('day', 'next_day') }} as double) / quantity as piece_days
    from intervals
    where next_day is not null

),

product_paces as (

    select
        product_id,
        {{ regulars.median_of('piece_days') }} as piece_days,
        count(*) as intervals
    from paces
    group by product_id

),

own_paces as (

    select
        customer_id,
        product_id,
        {{ regulars.median_of('piece_days') }} as piece_days,
        {{ regulars.median_of('interval_days') }} as interval_days,
        count(*) as intervals
    from paces
    group by customer_id, product_id

),

-- A customer's own rhythm, drawn towards that of the product: few purchases say little. In logarithms, because a rhythm
-- twice as fast and one half as fast are equally far.
drawn as (

    select
        own_paces.customer_id,
        own_paces.product_id,
        own_paces.interval_days,
        own_paces.intervals,
        exp(
            (own_paces.intervals * ln(own_paces.piece_days) + {{ weight }} * ln(product_paces.piece_days))
            / (own_paces.intervals + {{ weight }})
        ) as piece_days
    from own_paces
    inner join product_paces on own_paces.product_id = product_paces.product_id
    where own_paces.piece_days > 0 and product_paces.piece_days > 0

),

-- How often the rhythm would have been right before.
hits as (

    select
        paces.customer_id,
        paces.product_id,
        sum(case when abs(paces.piece_days - drawn.piece_days) <= {{ near }} * drawn.piece_days then 1 else 0 end) as hits
    from paces
    inner join drawn on paces.customer_id = drawn.customer_id and paces.product_id = drawn.product_id
    group by paces.customer_id, paces.product_id

),

product_hits as (

    select
        hits.product_id,
        cast(sum(hits.hits) as double) / cast(sum(drawn.intervals) as double) as share
    from hits
    inner join drawn on hits.customer_id = drawn.customer_id and hits.product_id = drawn.product_id
    group by hits.product_id

),

last_purchases as (

    select * from intervals where next_day is null

),

due as (

    select
        drawn.*,
        last_purchases.day as last_bought_on,
        last_purchases.quantity as last_quantity,
        drawn.piece_days * last_purchases.quantity as lasts_days,
        (hits.hits + {{ weight }} * product_hits.share) / (drawn.intervals + {{ weight }}) as confidence
    from drawn
    inner join last_purchases
        on drawn.customer_id = last_purchases.customer_id and drawn.product_id = last_purchases.product_id
    inner join hits on drawn.customer_id = hits.customer_id and drawn.product_id = hits.product_id
    inner join product_hits on drawn.product_id = product_hits.product_id

)

select
    due.customer_id,
    due.product_id,
    due.interval_days as median_interval_days,
    due.last_bought_on,
    cast({{ regulars.add_days('due.last_bought_on', 'cast(round(due.lasts_days) as integer)') }} as date) as due_on,
    due.confidence,
    due.last_quantity,
    due.lasts_days as expected_interval_days,
    cast(due.intervals as bigint) as intervals,
    cast({{ regulars.add_days('due.last_bought_on', 'cast(round(due.lasts_days) as integer)') }} as date)
    <= as_of.as_of_on as is_due
from due
cross join as_of
-- Whoever has let three times the interval pass buys it elsewhere, or no more.
where {{ regulars.days_between('due.last_bought_on', 'as_of.as_of_on') }}
    <= {{ threshold('replenishment_gone_after') }} * due.lasts_days
