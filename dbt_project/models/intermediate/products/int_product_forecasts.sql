{{ config(tags=['phase_value']) }}

{%- set prior = threshold('replenishment_prior_intervals') %}
{%- set near = threshold('replenishment_near_share') %}

with purchases as (

    select
        intervals.*,
        paces.elasticity,
        paces.log_days as product_log_days,
        case
            when intervals.next_day is not null
                then ln(intervals.interval_days) - paces.elasticity * intervals.log_amount
        end as log_days
    from {{ ref('int_product_intervals') }} as intervals
    inner join {{ ref('int_product_paces') }} as paces on intervals.article_id = paces.article_id

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

-- The customer's own rhythm at each purchase, as it was known then: of the newest intervals before it.
own as (

    select
        purchases.customer_id,
        purchases.article_id,
        purchases.purchase_number,
        {{ regulars.median_of('earlier.log_days') }} as log_days,
        cast(count(*) as double) as intervals
    from purchases
    inner join purchases as earlier
        on
            purchases.customer_id = earlier.customer_id
            and purchases.article_id = earlier.article_id
            and purchases.purchase_number > earlier.purchase_number
            and purchases.purchase_number <= earlier.purchase_number + {{ threshold('replenishment_intervals') }}
    group by purchases.customer_id, purchases.article_id, purchases.purchase_number

),

-- Drawn towards the rhythm of the product, for the amount that this customer usually takes: few intervals say little.
drawn as (

    select
        purchases.*,
        coalesce(own.intervals, 0) as intervals,
        exp(
            (
                coalesce(own.intervals * own.log_days, 0)
                + {{ prior }} * (purchases.product_log_days + purchases.elasticity * purchases.log_own_amount)
            ) / (coalesce(own.intervals, 0) + {{ prior }})
            + purchases.elasticity * purchases.log_amount
        ) as exact_days
    from purchases
    left join own
        on
            purchases.customer_id = own.customer_id
            and purchases.article_id = own.article_id
            and purchases.purchase_number = own.purchase_number

),

forecasts as (

    select
        drawn.*,
        {{ regulars.rounded('drawn.exact_days', 6) }} as expected_days,
        {{ regulars.days_between('drawn.day', 'as_of.as_of_on') }} as days_since
    from drawn
    cross join as_of

)

select
    customer_id,
    article_id,
    day,
    product_id,
    quantity,
    own_quantity,
    cast(intervals as bigint) as intervals,
    -- How much is known of a rhythm: nothing, a first interval, two or three, more.
    case when intervals >= 4 then 4 when intervals >= 2 then 2 else cast(intervals as integer) end as intervals_from,
    expected_days,
    next_day,
    interval_days,
    days_since,
    -- Known once the time has passed, not when somebody happens to buy: else who comes early would be counted first.
    case
        when days_since >= (1 + {{ near }}) * expected_days
            then
                case
                    when
                        interval_days >= (1 - {{ near }}) * expected_days
                        and interval_days <= (1 + {{ near }}) * expected_days
                        then 1
                    else 0
                end
    end as is_hit
from forecasts
