{{ config(tags=['phase_profiles']) }}

with customer_id_changes as (

    select * from {{ source('identity', 'customer_id_changes') }}

)

select
    changed_at,
    change,
    old_customer_id,
    new_customer_id,
    reason
from customer_id_changes
