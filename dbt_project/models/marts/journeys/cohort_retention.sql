{{ config(tags=['phase_value']) }}

with retention as (

    select * from {{ ref('int_cohort_retention') }} where dimension = 'all'

)

select
    cohort_month,
    month_number,
    month,
    is_complete,
    customers,
    active_customers,
    retention_rate,
    orders,
    revenue_amount,
    uncosted_revenue_amount,
    margin_amount,
    average_order_amount,
    cumulative_orders,
    cumulative_revenue_amount,
    cumulative_margin_amount,
    revenue_per_customer_amount
from retention
