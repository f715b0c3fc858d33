{{ config(tags=['phase_profiles']) }}

with email_events as (

    -- What decides nothing about a delivery stays in staging: deferred, dropped, resubscribe ...
    select *
    from {{ ref('int_used__email_events') }}
    where
        record_status = 'valid'
        and {{ lower_text('event') }} in (
            'sent', 'delivered', 'open', 'click', 'bounce', 'unsubscribe', 'complaint'
        )

),

customer_records as (

    select source, source_record_id, customer_id from {{ source('identity', 'customer_records') }}

),

machine_events as (

    select * from {{ ref('int_email_machine_events') }}

),

identified as (

    select
        coalesce(email_events.source || ':' || email_events.event_id, email_events.record_key) as event_id,
        email_events.source,
        email_events.message_id,
        email_events.campaign_key as campaign_id,
        customer_records.customer_id,
        -- Recipients that nobody knows are told apart, without their addresses.
        case
            when customer_records.customer_id is not null then customer_records.customer_id
            when coalesce(email_events.email_text, email_events.account_key) is not null
                then {{ md5_of([lower_text('email_events.email_text'), 'email_events.account_key']) }}
        end as recipient,
        {{ lower_text('email_events.event') }} as event,
        email_events.occurred_at,
        email_events.url,
        machine_events.machine_reason
    from email_events
    left join customer_records
        on
            email_events.source = customer_records.source
            and email_events.record_ref = customer_records.source_record_id
    left join machine_events on email_events.record_key = machine_events.record_key

)

select
    event_id,
    source,
    -- One message to one person. Without message id the campaign stands for the message; without either, or without
    -- a recipient, the event stands alone.
    case
        when message_id is not null then source || ':' || message_id || ':' || coalesce(recipient, '')
        when campaign_id is not null and recipient is not null then campaign_id || ':' || recipient
        else event_id
    end as delivery_id,
    message_id,
    campaign_id,
    customer_id,
    event,
    occurred_at,
    url,
    machine_reason is not null as is_machine,
    machine_reason
from identified
