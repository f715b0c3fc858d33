{{ config(tags=['phase_profiles']) }}

with compared_pairs as (

    select * from {{ source('identity', 'compared_pairs') }}

)

select
    source,
    source_record_id,
    other_source,
    other_record_id,
    weight,
    probability,
    household_weight,
    first_name_weight,
    last_name_weight,
    birth_date_weight,
    email_weight,
    phone_weight,
    address_weight
from compared_pairs
