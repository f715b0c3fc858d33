{{ config(materialized='view', tags=['phase_profiles']) }}

with orders as (

    select * from {{ ref('fct_orders') }} where order_kind in ('sale', 'return')

),

as_of as (

    select * from {{ ref('int_as_of') }}

)

select
    orders.order_id,
    orders.customer_id,
    orders.source,
    orders.channel,
    orders.ordered_on,
    orders.order_kind,
    orders.gross_amount,
    orders.discount_amount,
    -- Not the refund as it stands: in foreign money each amount is rounded by itself, and these must add up.
    orders.gross_amount - orders.discount_amount - orders.net_amount as returns_amount,
    orders.net_amount,
    orders.margin_amount,
    case when orders.margin_amount is null then orders.net_amount else 0 end as uncosted_amount
from orders
cross join as_of
where orders.ordered_on <= as_of.as_of_on
