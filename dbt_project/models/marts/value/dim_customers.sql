{{ config(tags=['phase_value']) }}

with golden as (

    select * from {{ ref('int_customer_golden') }}

),

-- Null when nobody asked: silence is no consent.
consents as (

    select
        customer_id,
        max(case when channel = 'email' then status end) = 'granted' as email_consent,
        max(case when channel = 'sms' then status end) = 'granted' as sms_consent,
        max(case when channel = 'phone' then status end) = 'granted' as phone_consent
    from {{ ref('customer_consents') }}
    where purpose = 'marketing'
    group by customer_id

),

customer_segments as (

    select * from {{ ref('customer_segments') }}

)

select
    golden.customer_id,
    golden.display_name,
    golden.primary_email,
    golden.primary_phone,
    golden.birth_date,
    golden.gender,
    golden.country_code,
    golden.city,
    golden.postal_code,
    golden.region,
    golden.language,
    golden.first_seen_at,
    golden.last_seen_at,
    golden.source_count,
    golden.record_count,
    consents.email_consent,
    consents.sms_consent,
    consents.phone_consent,
    false as is_erased,
    customer_segments.lifecycle_stage,
    customer_segments.value_segment,
    customer_segments.behaviour_segment,
    customer_segments.loyalty_tier
from golden
left join consents on golden.customer_id = consents.customer_id
left join customer_segments on golden.customer_id = customer_segments.customer_id
