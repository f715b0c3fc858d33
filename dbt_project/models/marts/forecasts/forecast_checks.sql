{{ config(tags=['phase_value']) }}

with checks as (

    select * from {{ source('scores', 'lifetime_value_check') }}

),

naive as (

    select max(mean_error_orders) as mean_error_orders from checks where model = 'naive'

)

select
    checks.model,
    checks.customers,
    checks.mean_error_orders,
    {{ rounded('1 - checks.mean_error_orders / nullif(naive.mean_error_orders, 0)', 6) }} as better_than_naive_share,
    checks.orders_expected,
    checks.orders_seen,
    checks.share_within_bounds,
    checks.status,
    checks.is_used
from checks
cross join naive
