{{ config(tags=['phase_profiles']) }}

{#- Flag of a customer record -> channel that it is about. -#}
{%- set flags = {'email_consent': 'email', 'sms_consent': 'sms', 'phone_consent': 'phone'} -%}

with customer_records as (

    select source, source_record_id, customer_id from {{ source('identity', 'customer_records') }}

),

consents as (

    select * from {{ ref('int_used__consents') }} where record_status = 'valid' and record_ref is not null

),

-- All versions of a record, the replaced ones too: what counts is when it began to say what it says.
customers as (

    select * from {{ ref('int_used__customers') }} where is_valid and record_ref is not null

),

email_events as (

    select * from {{ ref('int_used__email_events') }} where record_status = 'valid' and record_ref is not null

),

meanings as (

    select * from {{ ref('consent_of_email_events') }}

),

of_consents as (

    select
        customer_records.customer_id,
        {{ lower_text('consents.channel') }} as channel,
        {{ lower_text('consents.purpose') }} as purpose,
        {{ lower_text('consents.status') }} as status,
        consents.occurred_at,
        coalesce(
            consents.occurred_at,
            case when {{ lower_text('consents.status') }} in ('denied', 'suppressed') then consents.loaded_at end
        ) as ranked_at,
        consents.source,
        consents.origin,
        case
            when {{ lower_text('consents.channel') }} = 'email' then consents.email
            when {{ lower_text('consents.channel') }} in ('sms', 'phone') then consents.phone
        end as address,
        consents.record_key
    from consents
    inner join customer_records
        on consents.source = customer_records.source and consents.record_ref = customer_records.source_record_id

),

-- Many sources state what an event means themselves, and better: an unsubscription from one list is none from all.
stated_moments as (

    select distinct
        customer_id,
        source,
        channel,
        occurred_at
    from of_consents

),

of_email_events as (

    select
        customer_records.customer_id,
        'email' as channel,
        meanings.purpose,
        meanings.status,
        email_events.occurred_at,
        email_events.occurred_at as ranked_at,
        email_events.source,
        'email event: ' || meanings.event as origin,
        email_events.email as address,
        email_events.record_key
    from email_events
    inner join meanings on {{ lower_text('email_events.event') }} = meanings.event
    inner join customer_records
        on
            email_events.source = customer_records.source
            and email_events.record_ref = customer_records.source_record_id
    left join stated_moments
        on
            customer_records.customer_id = stated_moments.customer_id
            and email_events.source = stated_moments.source
            and stated_moments.channel = 'email'
            and email_events.occurred_at = stated_moments.occurred_at
    where stated_moments.source is null

),

-- A source that says when consent was given needs no flag, which only knows when the record was last changed.
stated_channels as (

    select distinct
        customer_id,
        source,
        channel
    from of_consents

),

flagged as (

    {%- for flag, channel in flags.items() %}
    select
        source,
        record_ref,
        record_key,
        '{{ channel }}' as channel,
        {{ flag }} as is_given,
        coalesce(updated_at, created_at) as stated_at,
        loaded_at,
        batch_id,
        row_number,
        {{ 'email' if channel == 'email' else 'phone' }} as address
    from customers
    where {{ flag }} is not null
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

versions as (

    select
        *,
        lag(is_given) over (
            partition by record_key, channel
            -- A yes and a no of one moment are both said, whichever was loaded first.
            order by
                stated_at asc nulls first,
                case when stated_at is null then loaded_at end asc nulls first,
                is_given desc,
                address asc nulls last,
                loaded_at asc,
                batch_id asc,
                row_number asc
        ) as was_given
    from flagged

),

of_flags as (

    select
        customer_records.customer_id,
        versions.channel,
        'marketing' as purpose,
        case when versions.is_given then 'granted' else 'denied' end as status,
        coalesce(
            versions.stated_at, case when versions.was_given is not null then versions.loaded_at end
        ) as occurred_at,
        -- A yes without a date may be old, and comes before all else. A no without a date was true when it was loaded.
        coalesce(
            versions.stated_at,
            case when versions.was_given is not null or not versions.is_given then versions.loaded_at end
        ) as ranked_at,
        versions.source,
        'customer record' as origin,
        versions.address,
        versions.record_key
    from versions
    inner join customer_records
        on versions.source = customer_records.source and versions.record_ref = customer_records.source_record_id
    left join stated_channels
        on
            customer_records.customer_id = stated_channels.customer_id
            and versions.source = stated_channels.source
            and versions.channel = stated_channels.channel
    where (versions.was_given is null or versions.was_given <> versions.is_given) and stated_channels.source is null

),

statements as (

    select * from of_consents
    union all
    select * from of_email_events
    union all
    select * from of_flags

),

scopes as (

    select * from {{ ref('suppression_scopes') }}

),

origins as (

    select distinct
        origin,
        {{ lower_text('origin') }} as lower_origin
    from statements
    where status = 'suppressed' and origin is not null

),

scoped_origins as (

    select
        origins.origin,
        max(case when scopes.scope = 'person' then 1 else 0 end) = 0 as is_about_address
    from origins
    inner join scopes on position(scopes.pattern in origins.lower_origin) > 0
    group by origins.origin

)

select
    statements.customer_id,
    statements.channel,
    statements.purpose,
    statements.status,
    statements.occurred_at,
    statements.ranked_at,
    statements.source,
    statements.origin,
    statements.address,
    coalesce(scoped_origins.is_about_address, false)
    and statements.status = 'suppressed'
    and statements.address is not null as is_about_address,
    statements.record_key
from statements
left join scoped_origins on statements.origin = scoped_origins.origin
