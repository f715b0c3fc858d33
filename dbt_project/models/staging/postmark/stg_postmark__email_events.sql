{#- Postmark gives ids to bounces and complaints only: else the message, the recipient, what happened and when name the
    event, with the link that was clicked or the reason. -#}
with events as (

    select
        {{ passed_on('r') }},
        r.RecordType as record_type,
        r.ID as id,
        r.MessageID as message_id,
        r.Tag as tag,
        coalesce(r.Recipient, r.Email) as email,
        coalesce(r.DeliveredAt, r.ReceivedAt, r.BouncedAt, r.ChangedAt) as occurred_at,
        r.{{ adapter.quote('Type') }} as bounce_type,
        r.SuppressSending as suppress_sending,
        r.SuppressionReason as suppression_reason,
        r.Origin as origin,
        r.OriginalLink as url,
        r.UserAgent as user_agent,
        {{ json_text('r.Geo', '$.IP') }} as ip_address
    from {{ source('postmark', 'events') }} as r

),

shaped as (

    select
        {{ passed_on('r') }},
        coalesce(
            r.record_type || '|' || r.id,
            r.record_type || '|' || r.message_id || '|' || r.email || '|' || r.occurred_at || '|'
            || coalesce(r.url, r.suppression_reason, '')
        ) as event_id,
        r.message_id,
        r.tag as campaign_id,
        r.email,
        case
            when r.record_type = 'Delivery' then 'delivered'
            when r.record_type = 'Open' then 'open'
            when r.record_type = 'Click' then 'click'
            when r.record_type = 'SpamComplaint' then 'complaint'
            when r.record_type = 'SubscriptionChange' and r.suppress_sending = 'false' then 'resubscribe'
            when
                r.record_type = 'SubscriptionChange' and r.origin = 'Recipient'
                and r.suppression_reason = 'ManualSuppression'
                then 'unsubscribe'
            -- The bounce, complaint or hand behind it is an event of its own.
            when r.record_type = 'SubscriptionChange' then 'suppressed'
            when coalesce(r.record_type, '') <> 'Bounce' then r.record_type
            -- Postmark calls every message that comes back a bounce.
            when r.bounce_type in ('Transient', 'DnsError') then 'deferred'
            when r.bounce_type in ('AutoResponder', 'AddressChange', 'ChallengeVerification') then 'auto_reply'
            when r.bounce_type = 'Unsubscribe' then 'unsubscribe'
            when r.bounce_type = 'Subscribe' then 'resubscribe'
            when r.bounce_type = 'SpamComplaint' then 'complaint'
            when
                r.bounce_type in ('ManuallyDeactivated', 'SMTPApiError', 'InboundError', 'TemplateRenderingFailed')
                then 'dropped'
            else 'bounce'
        end as event,
        r.occurred_at,
        r.url,
        r.user_agent,
        r.ip_address
    from events as r

)

{{ as_entity('email_events', 'shaped', [
    'event_id', 'message_id', 'campaign_id', 'email', 'event', 'occurred_at', 'url', 'user_agent', 'ip_address',
]) }}
