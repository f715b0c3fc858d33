{#- One row per customer, channel, state and time of its last change: the same word, however often and in whatever
    shape it comes, is one record. A customer that was never asked has no time of change: the account's beginning
    counts. -#}
with said as (

    select
        {{ passed_on('r') }},
        {{ shopify_id('r.id') }} as account_id,
        r.email,
        coalesce({{ typed_text('r.phone') }}, {{ json_text('r.default_address', '$.phone') }}) as phone,
        coalesce(
            {{ json_text('r.email_marketing_consent', '$.state') }},
            case {{ lower_text('r.accepts_marketing') }}
                when 'true' then 'subscribed'
                when 'false' then 'not_subscribed'
            end
        ) as email_state,
        coalesce(
            {{ json_text('r.email_marketing_consent', '$.consent_updated_at') }}, r.accepts_marketing_updated_at,
            r.created_at
        ) as email_at,
        {{ json_text('r.sms_marketing_consent', '$.state') }} as sms_state,
        coalesce({{ json_text('r.sms_marketing_consent', '$.consent_updated_at') }}, r.created_at) as sms_at
    from {{ source('shopify', 'customers') }} as r
    where r._reject_reason is null

    union all

    select
        {{ passed_on('r') }},
        {{ shopify_id('r.id') }} as account_id,
        coalesce({{ json_text('r.defaultEmailAddress', '$.emailAddress') }}, r.email) as email,
        coalesce({{ json_text('r.defaultPhoneNumber', '$.phoneNumber') }}, {{ typed_text('r.phone') }}) as phone,
        coalesce(
            {{ json_text('r.defaultEmailAddress', '$.marketingState') }},
            {{ json_text('r.emailMarketingConsent', '$.marketingState') }}
        ) as email_state,
        coalesce(
            {{ json_text('r.defaultEmailAddress', '$.marketingUpdatedAt') }},
            {{ json_text('r.emailMarketingConsent', '$.consentUpdatedAt') }}, r.createdAt
        ) as email_at,
        coalesce(
            {{ json_text('r.defaultPhoneNumber', '$.marketingState') }},
            {{ json_text('r.smsMarketingConsent', '$.marketingState') }}
        ) as sms_state,
        coalesce(
            {{ json_text('r.defaultPhoneNumber', '$.marketingUpdatedAt') }},
            {{ json_text('r.smsMarketingConsent', '$.consentUpdatedAt') }}, r.createdAt
        ) as sms_at
    from {{ source('shopify', 'customers_graphql') }} as r
    where r._reject_reason is null

    union all

    -- A change of consent by itself. One that says neither is an e-mail consent without a state: the rules judge it.
    select
        {{ passed_on('r') }},
        coalesce({{ shopify_id('r.customer_id') }}, {{ shopify_id('r.id') }}) as account_id,
        coalesce(r.email_address, r.email) as email,
        r.phone,
        coalesce(
            {{ json_text('r.email_marketing_consent', '$.state') }},
            case when {{ json_text('r.sms_marketing_consent', '$.state') }} is null then '' end
        ) as email_state,
        {{ json_text('r.email_marketing_consent', '$.consent_updated_at') }} as email_at,
        {{ json_text('r.sms_marketing_consent', '$.state') }} as sms_state,
        {{ json_text('r.sms_marketing_consent', '$.consent_updated_at') }} as sms_at
    from {{ source('shopify', 'customers_marketing_consent') }} as r

),

by_channel as (

    select
        {{ passed_on('said') }},
        said.account_id,
        said.email,
        said.phone,
        part.channel,
        case when part.channel = 'email' then said.email_state else said.sms_state end as state,
        case when part.channel = 'email' then said.email_at else said.sms_at end as occurred_at
    from said
    cross join (
        select 'email' as channel
        union all
        select 'sms' as channel
    ) as part

),

shaped as (

    select
        {{ passed_on('by_channel') }},
        account_id || ':' || channel || ':' || {{ lower_text('state') }} || ':' || coalesce(
            cast({{ typed_timestamp('occurred_at', '_time_zone') }} as {{ dbt.type_string() }}), ''
        ) as consent_id,
        account_id,
        email,
        phone,
        channel,
        {{ shopify_consent_status('state') }} as status,
        occurred_at,
        'shopify' as origin
    from by_channel
    where state is not null

)

{{ as_entity('consents', 'shaped', [
    'consent_id', 'account_id', 'email', 'phone', 'channel', 'status', 'occurred_at', 'origin',
]) }}
