{{ config(tags=['phase_profiles']) }}

with snapshots as (

    select * from {{ ref('int_customer_snapshots') }} where order_days > 0

),

rhythms as (

    select
        order_days - 1 as frequency,
        tenure_days - recency_days as recency_days,
        tenure_days
    from snapshots

)

select distinct
    cast(frequency as bigint) as frequency,
    cast(recency_days as bigint) as recency_days,
    cast(tenure_days as bigint) as tenure_days
from rhythms
