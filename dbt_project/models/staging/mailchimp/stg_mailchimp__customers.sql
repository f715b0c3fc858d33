{#- A contact of one audience. contact_id stays when the address changes; id is a hash of the address. Consent is in
    stg_mailchimp__consents, with its times. COMPANY is a merge field that an audience may or may not have. -#}
with shaped as (

    select
        {{ passed_on('r') }},
        r.list_id || ':' || coalesce(nullif(r.contact_id, ''), r.id) as account_id,
        r.email_address as email,
        coalesce(nullif(r.sms_phone_number, ''), {{ json_text('r.merge_fields', '$.PHONE') }}) as phone,
        {{ json_text('r.merge_fields', '$.FNAME') }} as first_name,
        {{ json_text('r.merge_fields', '$.LNAME') }} as last_name,
        r.full_name,
        {{ json_text('r.merge_fields', '$.COMPANY') }} as company_name,
        {{ json_text('r.merge_fields', '$.ADDRESS.addr1') }} as street,
        {{ json_text('r.merge_fields', '$.ADDRESS.city') }} as city,
        {{ json_text('r.merge_fields', '$.ADDRESS.zip') }} as postal_code,
        {{ json_text('r.merge_fields', '$.ADDRESS.state') }} as region,
        coalesce(
            {{ json_text('r.merge_fields', '$.ADDRESS.country') }},
            nullif({{ json_text('r.location', '$.country_code') }}, '')
        ) as country_code,
        r.{{ adapter.quote('language') }} as language,
        coalesce(nullif(r.timestamp_signup, ''), nullif(r.timestamp_opt, '')) as created_at,
        r.last_changed as updated_at
    from {{ source('mailchimp', 'members') }} as r

)

{{ as_entity('customers', 'shaped', [
    'account_id', 'email', 'phone', 'first_name', 'last_name', 'full_name', 'company_name', 'street', 'city',
    'postal_code', 'region', 'country_code', 'language', 'created_at', 'updated_at',
]) }}
