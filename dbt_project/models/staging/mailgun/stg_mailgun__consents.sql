{%- set at = 'r.' ~ adapter.quote('timestamp') -%}
with worded as (

    select
        {{ passed_on('r') }},
        coalesce(
            r.id,
            r.event || '|' || {{ at }} || '|' || r.recipient || '|'
            || coalesce({{ json_text('r.message', '$.headers.message-id') }}, '')
        ) as consent_id,
        r.recipient,
        coalesce({{ epoch_text(at) }}, {{ at }}) as occurred_at,
        case
            when r.event = 'unsubscribed' then 'denied'
            when r.event = 'complained' then 'suppressed'
            -- Only these say that the address cannot be reached or complained. Other permanent failures are about one
            -- message (retried for too long, refused as spam), or repeat an old unsubscribe.
            when
                r.event = 'failed' and r.severity = 'permanent'
                and r.reason in ('bounce', 'suppress-bounce', 'suppress-complaint')
                then 'suppressed'
        end as status,
        case
            when r.event = 'unsubscribed' then 'unsubscribe link'
            when r.event = 'complained' then 'spam complaint'
            when r.reason = 'bounce' then 'hard bounce'
            else 'dropped: ' || r.reason
        end as origin,
        case
            when r.event = 'unsubscribed' then 'list:' || {{ json_text('r.mailing_list', '$.address') }}
            else 'all'
        end as purpose
    from {{ source('mailgun', 'events') }} as r

),

shaped as (

    select
        {{ passed_on('r') }},
        r.consent_id,
        r.recipient as email,
        'email' as channel,
        r.purpose,
        r.status,
        r.occurred_at,
        r.origin
    from worded as r
    where r.status is not null

)

{{ as_entity('consents', 'shaped', [
    'consent_id', 'email', 'channel', 'purpose', 'status', 'occurred_at', 'origin',
]) }}
