{{ config(tags=['phase_profiles']) }}

with orders as (

    select * from {{ ref('int_orders') }}

),

customer_records as (

    select source, source_record_id, customer_id from {{ source('identity', 'customer_records') }}

),

identified as (

    select
        orders.*,
        customer_records.customer_id
    from orders
    left join customer_records
        on orders.source = customer_records.source and orders.record_ref = customer_records.source_record_id

),

numbered as (

    select
        *,
        row_number() over (
            partition by customer_id, order_kind order by ordered_at nulls last, order_id
        ) as place_of_kind
    from identified

)

select
    order_id,
    order_number,
    source,
    channel,
    customer_id,
    ordered_at,
    ordered_on,
    status,
    order_kind,
    gross_amount,
    discount_amount,
    refund_amount,
    tax_amount,
    shipping_amount,
    net_amount,
    cost_amount,
    margin_amount,
    currency,
    original_net_amount,
    original_currency,
    case when customer_id is not null then order_kind = 'sale' and place_of_kind = 1 end as is_first_order,
    campaign_id,
    store_id
from numbered
