{#- Mailgun's id of the event is missing in payloads of old webhooks: then what happened to whom, when, names it. -#}
{%- set at = 'r.' ~ adapter.quote('timestamp') -%}
{%- set message = json_text('r.message', '$.headers.message-id') -%}
with shaped as (

    select
        {{ passed_on('r') }},
        coalesce(
            r.id,
            r.event || '|' || {{ at }} || '|' || r.recipient || '|' || coalesce({{ message }}, '')
            || '|' || coalesce(r.url, '')
        ) as event_id,
        {{ message }} as message_id,
        coalesce(
            {{ json_text('r.campaigns', '$[0].id') }},
            {{ json_text('r.tags', '$[0]') }}
        ) as campaign_id,
        r.recipient as email,
        case
            when r.event = 'accepted' then 'sent'
            when r.event = 'opened' then 'open'
            when r.event = 'clicked' then 'click'
            when r.event = 'unsubscribed' then 'unsubscribe'
            when r.event = 'complained' then 'complaint'
            when r.event = 'rejected' then 'dropped'
            when r.event = 'failed' and r.severity = 'temporary' then 'deferred'
            -- Mailgun's own lists named the address, so that it was never tried.
            when
                r.event = 'failed' and r.severity = 'permanent'
                and r.reason in ('suppress-bounce', 'suppress-complaint', 'suppress-unsubscribe')
                then 'dropped'
            when r.event = 'failed' and r.severity = 'permanent' then 'bounce'
            else r.event
        end as event,
        coalesce({{ epoch_text(at) }}, {{ at }}) as occurred_at,
        r.url,
        {{ json_text('r.client_info', '$.user-agent') }} as user_agent,
        r.ip as ip_address,
        -- Any word but an empty one is a bot that Mailgun recognised: apple, gmail, generic.
        case when {{ json_text('r.client_info', '$.bot') }} <> '' then 'true' end as is_machine
    from {{ source('mailgun', 'events') }} as r

)

{{ as_entity('email_events', 'shaped', [
    'event_id', 'message_id', 'campaign_id', 'email', 'event', 'occurred_at', 'url', 'user_agent', 'ip_address',
    'is_machine',
]) }}
