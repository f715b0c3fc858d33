{{ config(tags=['phase_profiles']) }}

with match_profiles as (

    select * from {{ source('identity', 'match_profiles') }}

)

select
    source,
    source_record_id,
    first,
    first_key,
    first_forms,
    last,
    last_key,
    birth_date,
    street,
    house_number,
    postal_code,
    city,
    country_code,
    email,
    email_local,
    email_domain,
    email_own,
    phone,
    company_name
from match_profiles
