{#- What somebody says about one audience is about that audience (`list:<id>`) and about marketing. A contact in status
    `transactional` has never been asked: that is no word at all. -#}
{%- set bounce_time = json_text('a.item', '$.timestamp') -%}
with activities as (

    select
        {{ passed_on('r') }},
        r.campaign_id,
        r.email_id,
        r.email_address,
        {{ explode_json('r.activity', 'item', 'item_number') }}
    from {{ source('mailchimp', 'email_activity') }} as r

),

words as (

    select
        {{ passed_on('r') }},
        r.list_id || ':' || r.id as consent_id,
        r.list_id,
        r.list_id || ':' || coalesce(nullif(r.contact_id, ''), r.id) as account_id,
        r.email_address as email,
        cast(null as {{ dbt.type_string() }}) as phone,
        'email' as channel,
        case r.status
            when 'subscribed' then 'granted'
            when 'unsubscribed' then 'denied'
            when 'cleaned' then 'suppressed'
            when 'archived' then 'suppressed'
            else r.status
        end as status,
        -- last_changed also moves when a name is corrected: a yes is as old as its confirmation.
        case
            when r.status = 'subscribed' then coalesce(nullif(r.timestamp_opt, ''), r.last_changed)
            else r.last_changed
        end as occurred_at,
        case r.status
            when 'cleaned' then 'cleaned: hard bounces'
            when 'archived' then 'archived by the sender'
            when 'unsubscribed' then 'audience: unsubscribed' || coalesce(', ' || nullif(r.unsubscribe_reason, ''), '')
            else 'audience: ' || r.status
        end as origin
    from {{ source('mailchimp', 'members') }} as r
    where r.status <> 'transactional'

    union all

    select
        {{ passed_on('r') }},
        r.list_id || ':' || r.id || ':sms' as consent_id,
        r.list_id,
        r.list_id || ':' || coalesce(nullif(r.contact_id, ''), r.id) as account_id,
        r.email_address as email,
        r.sms_phone_number as phone,
        'sms' as channel,
        case r.sms_subscription_status
            when 'subscribed' then 'granted'
            when 'unsubscribed' then 'denied'
            else r.sms_subscription_status
        end as status,
        coalesce(nullif(r.sms_subscription_last_updated, ''), r.last_changed) as occurred_at,
        'audience: ' || r.sms_subscription_status as origin
    from {{ source('mailchimp', 'members') }} as r
    where nullif(r.sms_phone_number, '') is not null and r.sms_subscription_status in (
        'subscribed', 'unsubscribed', 'pending'
    )

    union all

    select
        {{ passed_on('r') }},
        r.campaign_id || ':' || r.email_id || ':unsubscribe' as consent_id,
        r.list_id,
        cast(null as {{ dbt.type_string() }}) as account_id,
        r.email_address as email,
        cast(null as {{ dbt.type_string() }}) as phone,
        'email' as channel,
        'denied' as status,
        r.{{ adapter.quote('timestamp') }} as occurred_at,
        'unsubscribe link' || coalesce(': ' || nullif(r.reason, ''), '') as origin
    from {{ source('mailchimp', 'unsubscribes') }} as r
    where r._reject_reason is null

    union all

    select
        {{ passed_on('r') }},
        r.campaign_id || ':' || r.email_id || ':complaint' as consent_id,
        cast(null as {{ dbt.type_string() }}) as list_id,
        cast(null as {{ dbt.type_string() }}) as account_id,
        r.email_address as email,
        cast(null as {{ dbt.type_string() }}) as phone,
        'email' as channel,
        'suppressed' as status,
        r.{{ adapter.quote('date') }} as occurred_at,
        'spam complaint' as origin
    from {{ source('mailchimp', 'abuse_reports') }} as r
    where r._reject_reason is null

    union all

    select
        {{ passed_on('a') }},
        a.campaign_id || ':' || a.email_id || ':bounce:' || {{ bounce_time }} as consent_id,
        cast(null as {{ dbt.type_string() }}) as list_id,
        cast(null as {{ dbt.type_string() }}) as account_id,
        a.email_address as email,
        cast(null as {{ dbt.type_string() }}) as phone,
        'email' as channel,
        'suppressed' as status,
        {{ bounce_time }} as occurred_at,
        'hard bounce' as origin
    from activities as a
    where {{ json_text('a.item', '$.action') }} = 'bounce' and {{ json_text('a.item', '$.type') }} = 'hard'

),

purposes as (

    select
        words.*,
        case when words.status = 'suppressed' then 'all' else 'marketing' end as purpose
    from words

    union all

    select
        words.*,
        'list:' || words.list_id as purpose
    from words
    where words.list_id is not null and words.status <> 'suppressed'

),

shaped as (

    select
        {{ passed_on('r') }},
        r.consent_id || ':' || r.status || ':' || r.purpose || ':' || r.occurred_at as consent_id,
        r.account_id,
        r.email,
        r.phone,
        r.channel,
        r.purpose,
        r.status,
        r.occurred_at,
        r.origin
    from purposes as r

)

{{ as_entity('consents', 'shaped', [
    'consent_id', 'account_id', 'email', 'phone', 'channel', 'purpose', 'status', 'occurred_at', 'origin',
]) }}
