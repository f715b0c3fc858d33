{{ config(tags=['phase_value']) }}

{%- set days = threshold('next_offer_days') %}

with purchases as (

    select * from {{ ref('int_product_kept') }}

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

-- Purchases whose days after it have passed: of the others nobody knows yet what follows.
started as (

    select
        purchases.customer_id,
        purchases.product_id,
        purchases.day
    from purchases
    cross join as_of
    where {{ regulars.add_days('purchases.day', days) }} <= as_of.as_of_on

),

-- Each pair once per customer, however often she repeats it: one regular is no crowd.
pairs as (

    select distinct
        started.customer_id,
        started.product_id,
        purchases.product_id as next_product_id
    from started
    inner join purchases
        on
            started.customer_id = purchases.customer_id
            and purchases.day > started.day
            and purchases.day <= {{ regulars.add_days('started.day', days) }}
    where purchases.product_id <> started.product_id

),

buyers as (

    select
        product_id,
        cast(count(distinct customer_id) as double) as customers
    from started
    group by product_id

),

all_buyers as (

    select cast(count(distinct customer_id) as double) as customers from started

),

followed as (

    select
        next_product_id,
        cast(count(distinct customer_id) as double) as customers
    from pairs
    group by next_product_id

),

supported as (

    select
        product_id,
        next_product_id,
        cast(count(*) as double) as customers
    from pairs
    group by product_id, next_product_id

)

select
    supported.product_id,
    supported.next_product_id,
    cast(supported.customers as bigint) as customers,
    supported.customers / buyers.customers as confidence,
    (supported.customers / buyers.customers) / (followed.customers / all_buyers.customers) as lift
from supported
cross join all_buyers
inner join buyers on supported.product_id = buyers.product_id
inner join followed on supported.next_product_id = followed.next_product_id
where supported.customers >= {{ threshold('next_offer_min_customers') }}
