{{ config(tags=['phase_profiles']) }}

with customers as (

    select * from {{ ref('int_used__customers') }} where record_status = 'valid' and record_ref is not null

),

customer_records as (

    select source, source_record_id, customer_id from {{ source('identity', 'customer_records') }}

),

identified as (

    select
        customer_records.customer_id,
        customers.*,
        coalesce(customers.updated_at, customers.created_at) as stated_at,
        coalesce(
            nullif({{ trimmed('customers.full_name') }}, ''),
            nullif(
                {{ trimmed("coalesce(customers.first_name, '') || ' ' || coalesce(customers.last_name, '')") }}, ''
            )
        ) as person_name,
        coalesce(customers.street, customers.postal_code, customers.city) is not null as has_address
    from customers
    inner join customer_records
        on customers.source = customer_records.source and customers.record_ref = customer_records.source_record_id

)

select
    customer_id,
    source,
    record_ref,
    stated_at,
    created_at,
    -- Rising with the age of what the record says; a record without a date knows least. Unique within a customer.
    row_number() over (
        partition by customer_id order by stated_at nulls first, loaded_at nulls last, source, record_key
    ) as place,
    person_name,
    email,
    email_text,
    coalesce(email_is_valid, true) as email_is_valid,
    phone,
    phone_text,
    coalesce(phone_is_valid, true) as phone_is_valid,
    birth_date,
    {{ lower_text('gender') }} as gender,
    {{ capital_letters('country_code') }} as country_code,
    case when has_address then street end as street,
    case when has_address then city end as city,
    case when has_address then postal_code end as postal_code,
    region,
    has_address,
    language,
    -- What the rules doubt and keep; such a value loses against one that nobody doubts.
    coalesce({{ doubtful_fields('failed_rules') }}, '') as doubtful_fields
from identified
