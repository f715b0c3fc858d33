{{ config(tags=['phase_profiles']) }}

{%- set fields = survivorship_fields() -%}

with customer_records as (

    select * from {{ source('identity', 'customer_records') }}

),

profile_records as (

    select * from {{ ref('int_customer_profile_records') }}

),

candidates as (

    select * from {{ ref('int_customer_value_candidates') }}

),

identifiers as (

    select * from {{ ref('int_identity__identifiers') }}

),

customers as (

    select
        customer_id,
        cast(count(distinct source) as bigint) as source_count,
        cast(count(*) as bigint) as record_count
    from customer_records
    group by customer_id

),

winners as (

    select
        customer_id,
        {%- for field in fields %}
        max(case when field = '{{ field }}' then value end) as {{ field }},
        {%- endfor %}
        max(case when field = 'address' then record_place end) as place_of_address
    from candidates
    where place = 1 and is_valid
    group by customer_id

),

-- An address is taken whole, because half of two is none.
addresses as (

    select
        profile_records.customer_id,
        profile_records.street,
        profile_records.city,
        profile_records.postal_code,
        profile_records.region,
        profile_records.country_code
    from profile_records
    inner join winners
        on
            profile_records.customer_id = winners.customer_id
            and profile_records.place = winners.place_of_address

),

sightings as (

    select
        customer_records.customer_id,
        min(identifiers.first_seen_at) as first_seen_at,
        max(identifiers.last_seen_at) as last_seen_at
    from identifiers
    inner join customer_records
        on
            identifiers.source = customer_records.source
            and identifiers.source_record_id = customer_records.source_record_id
    group by customer_records.customer_id

)

select
    customers.customer_id,
    coalesce(winners.display_name, winners.email, winners.account, customers.customer_id) as display_name,
    winners.email as primary_email,
    winners.phone as primary_phone,
    cast(winners.birth_date as date) as birth_date,
    winners.gender,
    coalesce(addresses.country_code, winners.country_code) as country_code,
    addresses.street,
    addresses.city,
    addresses.postal_code,
    -- With an address only the address's own: elsewhere it would be that of another place.
    case when addresses.customer_id is null then winners.region else addresses.region end as region,
    winners.language,
    sightings.first_seen_at,
    sightings.last_seen_at,
    customers.source_count,
    customers.record_count
from customers
left join winners on customers.customer_id = winners.customer_id
left join addresses on customers.customer_id = addresses.customer_id
left join sightings on customers.customer_id = sightings.customer_id
