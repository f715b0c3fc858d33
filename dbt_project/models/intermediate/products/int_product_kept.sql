{{ config(tags=['phase_value']) }}

-- What came back was never used up: it is taken from the purchases before it, the newest first. Walked from the end, what
-- still has to be taken grows with each return and falls with each purchase, but never below nothing; that is the
-- highest of the sums from a day to any later one.
with purchases as (

    select
        *,
        returned_quantity - bought_quantity as balance
    from {{ ref('int_product_purchases') }}

),

running as (

    select
        *,
        sum(balance) over (
            partition by customer_id, product_id order by day rows between unbounded preceding and current row
        ) as until_here
    from purchases

),

highest as (

    select
        *,
        greatest(
            max(until_here) over (
                partition by customer_id, product_id order by day rows between current row and unbounded following
            ) - (until_here - balance),
            0
        ) as to_take_before
    from running

),

taken as (

    select
        *,
        coalesce(lead(to_take_before) over (partition by customer_id, product_id order by day), 0)
        + returned_quantity
        - to_take_before as taken_quantity
    from highest

)

select
    customer_id,
    product_id,
    day,
    bought_quantity - taken_quantity as quantity
from taken
where bought_quantity - taken_quantity > 0.000001
