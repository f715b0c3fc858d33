{{ config(tags=['phase_profiles']) }}

with identifiers as (

    select * from {{ ref('int_identity__identifiers') }}

),

customer_records as (

    select source, source_record_id, customer_id from {{ source('identity', 'customer_records') }}

),

profile_records as (

    select * from {{ ref('int_customer_profile_records') }}

),

web_events as (

    select * from {{ ref('int_web_events') }}

),

golden as (

    select * from {{ ref('int_customer_golden') }}

),

sightings as (

    select
        customer_records.customer_id,
        identifiers.kind,
        identifiers.value,
        identifiers.source,
        true as is_valid,
        identifiers.first_seen_at,
        identifiers.last_seen_at
    from identifiers
    inner join customer_records
        on
            identifiers.source = customer_records.source
            and identifiers.source_record_id = customer_records.source_record_id
    -- Visitors are cookies, which come from the events, with the anonymous ones.
    where identifiers.kind <> 'visitor'

    union all

    -- What a customer's record states and nobody can write to or call: kept, so that somebody can put it right.
    select
        customer_id,
        'email' as kind,
        {{ trimmed('email_text') }} as value,
        source,
        false as is_valid,
        coalesce(created_at, stated_at) as first_seen_at,
        stated_at as last_seen_at
    from profile_records
    where email is null and nullif({{ trimmed('email_text') }}, '') is not null and not email_is_valid

    union all

    select
        customer_id,
        'phone' as kind,
        {{ trimmed('phone_text') }} as value,
        source,
        false as is_valid,
        coalesce(created_at, stated_at) as first_seen_at,
        stated_at as last_seen_at
    from profile_records
    where phone is null and nullif({{ trimmed('phone_text') }}, '') is not null and not phone_is_valid

    union all

    select
        customer_id,
        'address' as kind,
        concat_ws(
            ', ', street, nullif({{ trimmed("concat_ws(' ', postal_code, city)") }}, ''), country_code
        ) as value,
        source,
        true as is_valid,
        coalesce(created_at, stated_at) as first_seen_at,
        stated_at as last_seen_at
    from profile_records
    where has_address

    union all

    select
        customer_id,
        'cookie' as kind,
        visitor_id as value,
        source,
        true as is_valid,
        min(occurred_at) as first_seen_at,
        max(occurred_at) as last_seen_at
    from web_events
    where customer_id is not null and visitor_id is not null
    group by customer_id, visitor_id, source

),

ranked as (

    select
        *,
        row_number() over (
            partition by customer_id, kind, value order by first_seen_at nulls last, source
        ) as place_of_source
    from sightings

),

contact_points as (

    select
        customer_id,
        kind,
        value,
        max(case when place_of_source = 1 then source end) as source,
        max(case when is_valid then 1 else 0 end) = 1 as is_valid,
        min(first_seen_at) as first_seen_at,
        max(last_seen_at) as last_seen_at
    from ranked
    group by customer_id, kind, value

),

with_golden as (

    select
        contact_points.*,
        case contact_points.kind
            when 'email' then contact_points.value = golden.primary_email
            when 'phone' then contact_points.value = golden.primary_phone
            when 'address'
                then
                    contact_points.value = concat_ws(
                        ', ',
                        golden.street,
                        nullif({{ trimmed("concat_ws(' ', golden.postal_code, golden.city)") }}, ''),
                        golden.country_code
                    )
        end as is_golden,
        row_number() over (
            partition by contact_points.customer_id, contact_points.kind
            order by contact_points.last_seen_at desc nulls last, contact_points.value asc
        ) as place_from_last
    from contact_points
    inner join golden on contact_points.customer_id = golden.customer_id

)

select
    customer_id,
    kind,
    value,
    source,
    -- One per customer and kind: the golden value; for the other kinds the one seen last.
    case
        when kind in ('email', 'phone', 'address') then coalesce(is_golden, false) and is_valid
        else place_from_last = 1
    end as is_primary,
    is_valid,
    first_seen_at,
    last_seen_at
from with_golden
