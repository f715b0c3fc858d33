{{ config(tags=['phase_profiles']) }}

with customer_id_aliases as (

    select * from {{ source('identity', 'customer_id_aliases') }}

)

select
    old_customer_id,
    customer_id,
    since_at
from customer_id_aliases
