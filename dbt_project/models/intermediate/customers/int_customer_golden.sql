{{ config(tags=['phase_profiles']) }}

with customer_records as (

    select * from {{ source('identity', 'customer_records') }}

),

profile_records as (

    select * from {{ ref('int_customer_profile_records') }}

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

-- Field by field the newest record that says something; an address is taken whole, because half of two is none.
own_values as (

    select
        customer_id,
        {{ latest_of('person_name', 'place') }} as person_name,
        {{ latest_of('email', 'place') }} as email,
        {{ latest_of('phone', 'place') }} as phone,
        {{ latest_of('birth_date', 'place') }} as birth_date,
        {{ latest_of('gender', 'place') }} as gender,
        {{ latest_of('region', 'place') }} as region,
        {{ latest_of('country_code', 'place') }} as country_code,
        {{ latest_of('language', 'place') }} as language,
        max(case when has_address then place end) as place_of_address
    from profile_records
    group by customer_id

),

addresses as (

    select
        profile_records.customer_id,
        profile_records.street,
        profile_records.city,
        profile_records.postal_code,
        profile_records.region,
        profile_records.country_code
    from profile_records
    inner join own_values
        on
            profile_records.customer_id = own_values.customer_id
            and profile_records.place = own_values.place_of_address

),

-- Events know addresses and numbers, too: they fill what the customer's own records leave open.
values_of_events as (

    select
        customer_records.customer_id,
        identifiers.kind,
        identifiers.value,
        row_number() over (
            partition by customer_records.customer_id, identifiers.kind
            order by identifiers.last_seen_at desc nulls last, identifiers.value asc
        ) as place
    from identifiers
    inner join customer_records
        on
            identifiers.source = customer_records.source
            and identifiers.source_record_id = customer_records.source_record_id
    where identifiers.kind in ('email', 'phone', 'account')

),

last_values_of_events as (

    select
        customer_id,
        max(case when kind = 'email' then value end) as email,
        max(case when kind = 'phone' then value end) as phone,
        max(case when kind = 'account' then value end) as account
    from values_of_events
    where place = 1
    group by customer_id

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
    coalesce(
        own_values.person_name,
        own_values.email,
        last_values_of_events.email,
        last_values_of_events.account,
        customers.customer_id
    ) as display_name,
    coalesce(own_values.email, last_values_of_events.email) as primary_email,
    coalesce(own_values.phone, last_values_of_events.phone) as primary_phone,
    own_values.birth_date,
    own_values.gender,
    coalesce(addresses.country_code, own_values.country_code) as country_code,
    addresses.street,
    addresses.city,
    addresses.postal_code,
    -- With an address only the address's own: elsewhere it would be that of another place.
    case when addresses.customer_id is null then own_values.region else addresses.region end as region,
    own_values.language,
    sightings.first_seen_at,
    sightings.last_seen_at,
    customers.source_count,
    customers.record_count
from customers
left join own_values on customers.customer_id = own_values.customer_id
left join addresses on customers.customer_id = addresses.customer_id
left join last_values_of_events on customers.customer_id = last_values_of_events.customer_id
left join sightings on customers.customer_id = sightings.customer_id
