{#- A bounce of type `blocked` is the receiving server's passing refusal and says nothing about the address. SendGrid
    drops what its suppression lists name: that the address cannot be reached, or complained, is worth knowing. That it
    once unsubscribed is not said anew by a drop. -#}
{%- set at = 'r.' ~ adapter.quote('timestamp') -%}
{%- set drops = ['bounced address', 'spam reporting address', 'invalid'] -%}
with worded as (

    select
        {{ passed_on('r') }},
        r.sg_event_id,
        r.email,
        coalesce({{ epoch_text(at) }}, {{ at }}) as occurred_at,
        case
            when r.event in ('unsubscribe', 'group_unsubscribe') then 'denied'
            when r.event = 'group_resubscribe' then 'granted'
            when r.event = 'spamreport' then 'suppressed'
            when r.event = 'bounce' and coalesce(r.{{ adapter.quote('type') }}, 'bounce') = 'bounce' then 'suppressed'
            when r.event = 'dropped' and {{ lower_text('r.reason') }} in (
                {%- for reason in drops %}'{{ reason }}'{{ ', ' if not loop.last }}{% endfor -%}
            ) then 'suppressed'
        end as status,
        case r.event
            when 'unsubscribe' then 'unsubscribe link'
            when 'group_unsubscribe' then 'group unsubscribe link'
            when 'group_resubscribe' then 'group preferences'
            when 'spamreport' then 'spam complaint'
            when 'bounce' then 'hard bounce'
            when 'dropped' then 'dropped: ' || {{ lower_text('r.reason') }}
        end as origin,
        case
            when r.event in ('group_unsubscribe', 'group_resubscribe') then 'group:' || r.asm_group_id
            when r.event <> 'unsubscribe' then 'all'
        end as purpose
    from {{ source('sendgrid', 'events') }} as r

),

shaped as (

    select
        {{ passed_on('r') }},
        r.sg_event_id as consent_id,
        r.email,
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
