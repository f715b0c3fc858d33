{{ config(tags=['phase_profiles']) }}

with customer_groups as (

    select * from {{ source('identity', 'customer_groups') }}

)

select
    kind,
    group_id,
    group_name,
    customer_id,
    reason,
    since_at
from customer_groups
