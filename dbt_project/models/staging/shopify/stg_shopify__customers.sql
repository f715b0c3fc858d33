with rest as (

    select
        {{ passed_on('r') }},
        {{ shopify_id('r.id') }} as account_id,
        r.email,
        coalesce({{ typed_text('r.phone') }}, {{ json_text('r.default_address', '$.phone') }}) as phone,
        r.first_name,
        r.last_name,
        {{ json_text('r.default_address', '$.company') }} as company_name,
        {{ json_text('r.default_address', '$.address1') }} as street,
        {{ json_text('r.default_address', '$.city') }} as city,
        {{ json_text('r.default_address', '$.zip') }} as postal_code,
        coalesce(
            {{ json_text('r.default_address', '$.province_code') }}, {{ json_text('r.default_address', '$.province') }}
        ) as region,
        {{ json_text('r.default_address', '$.country_code') }} as country_code,
        cast(null as {{ dbt.type_string() }}) as language,
        coalesce(
            {{ shopify_consents(json_text('r.email_marketing_consent', '$.state')) }},
            {{ lower_text('r.accepts_marketing') }}
        ) as email_consent,
        {{ shopify_consents(json_text('r.sms_marketing_consent', '$.state')) }} as sms_consent,
        r.created_at,
        r.updated_at
    from {{ source('shopify', 'customers') }} as r

),

graphql as (

    select
        {{ passed_on('r') }},
        {{ shopify_id('r.id') }} as account_id,
        coalesce({{ json_text('r.defaultEmailAddress', '$.emailAddress') }}, r.email) as email,
        coalesce(
            {{ json_text('r.defaultPhoneNumber', '$.phoneNumber') }}, {{ typed_text('r.phone') }},
            {{ json_text('r.defaultAddress', '$.phone') }}
        ) as phone,
        r.firstName as first_name,
        r.lastName as last_name,
        {{ json_text('r.defaultAddress', '$.company') }} as company_name,
        {{ json_text('r.defaultAddress', '$.address1') }} as street,
        {{ json_text('r.defaultAddress', '$.city') }} as city,
        {{ json_text('r.defaultAddress', '$.zip') }} as postal_code,
        coalesce(
            {{ json_text('r.defaultAddress', '$.provinceCode') }}, {{ json_text('r.defaultAddress', '$.province') }}
        ) as region,
        {{ json_text('r.defaultAddress', '$.countryCodeV2') }} as country_code,
        r.locale as language,
        coalesce(
            {{ shopify_consents(json_text('r.defaultEmailAddress', '$.marketingState')) }},
            {{ shopify_consents(json_text('r.emailMarketingConsent', '$.marketingState')) }}
        ) as email_consent,
        coalesce(
            {{ shopify_consents(json_text('r.defaultPhoneNumber', '$.marketingState')) }},
            {{ shopify_consents(json_text('r.smsMarketingConsent', '$.marketingState')) }}
        ) as sms_consent,
        r.createdAt as created_at,
        r.updatedAt as updated_at
    from {{ source('shopify', 'customers_graphql') }} as r

),

shaped as (

    select * from rest
    union all
    select * from graphql

)

{{ as_entity('customers', 'shaped', [
    'account_id', 'email', 'phone', 'first_name', 'last_name', 'company_name', 'street', 'city', 'postal_code',
    'region', 'country_code', 'language', 'email_consent', 'sms_consent', 'created_at', 'updated_at',
]) }}
