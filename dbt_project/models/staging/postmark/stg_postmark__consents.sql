{#- `Inactive` on a bounce says that Postmark sends nothing more to the address. Opting out happens on message streams
    for bulk mail alone, so it is about marketing; a suppression is about everything. -#}
with worded as (

    select
        {{ passed_on('r') }},
        r.RecordType as record_type,
        r.ID as id,
        r.MessageID as message_id,
        coalesce(r.Recipient, r.Email) as email,
        coalesce(r.BouncedAt, r.ChangedAt) as occurred_at,
        case
            when r.RecordType = 'SpamComplaint' then 'suppressed'
            when r.RecordType = 'Bounce' and r.{{ adapter.quote('Type') }} = 'Unsubscribe' then 'denied'
            when r.RecordType = 'Bounce' and r.{{ adapter.quote('Type') }} = 'Subscribe' then 'granted'
            when r.RecordType = 'Bounce' and r.Inactive = 'true' then 'suppressed'
            when
                r.RecordType = 'Bounce' and r.Inactive is null
                and r.{{ adapter.quote('Type') }} in ('HardBounce', 'BadEmailAddress', 'SpamComplaint')
                then 'suppressed'
            when r.RecordType = 'SubscriptionChange' and r.SuppressSending = 'false' then 'granted'
            when
                r.RecordType = 'SubscriptionChange' and r.Origin = 'Recipient'
                and r.SuppressionReason = 'ManualSuppression'
                then 'denied'
            when r.RecordType = 'SubscriptionChange' then 'suppressed'
        end as status,
        case
            when r.RecordType = 'SpamComplaint' then 'spam complaint'
            when r.RecordType = 'Bounce' then 'bounce: ' || r.{{ adapter.quote('Type') }}
            when r.SuppressSending = 'false' then 'taken off the suppression list'
            when r.SuppressionReason = 'ManualSuppression' and r.Origin = 'Recipient' then 'unsubscribe link'
            else 'suppression list: ' || r.SuppressionReason
        end as origin
    from {{ source('postmark', 'events') }} as r

),

shaped as (

    select
        {{ passed_on('r') }},
        coalesce(
            r.record_type || '|' || r.id,
            r.record_type || '|' || r.message_id || '|' || r.email || '|' || r.occurred_at || '|' || r.status
        ) as consent_id,
        r.email,
        'email' as channel,
        r.status,
        case when r.status = 'suppressed' then 'all' end as purpose,
        r.occurred_at,
        r.origin
    from worded as r
    where r.status is not null

)

{{ as_entity('consents', 'shaped', [
    'consent_id', 'email', 'channel', 'purpose', 'status', 'occurred_at', 'origin',
]) }}
