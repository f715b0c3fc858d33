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
        coalesce(updated_at, created_at) as stated_at,
        record_key
    from {{ ref('int_used__customers') }}
    where record_status = 'valid' and record_ref is not null

),

orders as (

    select
        source,
        record_ref as source_record_id,
        buyer_first_name as first_name,
        buyer_last_name as last_name,
        cast(null as {{ dbt.type_string() }}) as full_name,
        cast(null as date) as birth_date,
        buyer_street as street,
        buyer_postal_code as postal_code,
        buyer_city as city,
        buyer_country_code as country_code,
        email,
        phone,
        buyer_company_name as company_name,
        ordered_at as stated_at,
        record_key
    from {{ ref('int_used__orders') }}
    where
        record_status = 'valid'
        and record_ref is not null
        and coalesce(
            buyer_first_name, buyer_last_name, buyer_company_name, buyer_street, buyer_city, buyer_postal_code,
            buyer_country_code
        ) is not null

),

-- Who has a record of a customer is judged by it alone, whatever is written on a parcel.
records as (

    select distinct source, source_record_id from customers

),

guests as (

    select orders.*
    from orders
    left join records on orders.source = records.source and orders.source_record_id = records.source_record_id
    where records.source_record_id is null

),

-- What has no time says least; equal times go by the record's key, so that each run chooses the same.
ranked_customers as (

    select
        *,
        row_number() over (
            partition by source, source_record_id order by stated_at desc nulls last, record_key asc
        ) as place
    from customers

),

ranked_guests as (

    select
        *,
        row_number() over (
            partition by source, source_record_id order by stated_at desc nulls last, record_key asc
        ) as place
    from guests

),

newest as (

    select * from ranked_customers where place = 1
    union all
    select * from ranked_guests where place = 1

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
from newest
where
    birth_date is not null
    or coalesce(
        first_name, last_name, full_name, street, postal_code, city, country_code, email, phone, company_name
    ) is not null
