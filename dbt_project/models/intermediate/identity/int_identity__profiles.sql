{{ config(tags=['phase_identity']) }}

with customers as (

    select
        source,
        record_ref as source_record_id,
        first_name,
        last_name,
        full_name,
        birth_date,
        street,
        postal_code,
        city,
        country_code,
        email,
        phone,
        company_name,
        -- A record without a time says least; equal times go by the record's key, so that each run chooses the same.
        row_number() over (
            partition by source, record_ref
            order by coalesce(updated_at, created_at) desc nulls last, record_key asc
        ) as place
    from {{ ref('int_used__customers') }}
    where record_status = 'valid' and record_ref is not null

)

select
    source,
    source_record_id,
    first_name,
    last_name,
    full_name,
    birth_date,
    street,
    postal_code,
    city,
    country_code,
    email,
    phone,
    company_name
from customers
where
    place = 1
    and (
        birth_date is not null
        or coalesce(
            first_name, last_name, full_name, street, postal_code, city, country_code, email, phone, company_name
        ) is not null
    )
