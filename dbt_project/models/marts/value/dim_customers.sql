{{ config(tags=['phase_value']) }}

with golden as (

    select * from {{ ref('int_customer_golden') }}

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
    golden.email_consent,
    golden.sms_consent,
    golden.phone_consent,
    false as is_erased,
    customer_segments.lifecycle_stage,
    customer_segments.value_segment,
    customer_segments.behaviour_segment,
    customer_segments.loyalty_tier
from golden
left join customer_segments on golden.customer_id = customer_segments.customer_id
