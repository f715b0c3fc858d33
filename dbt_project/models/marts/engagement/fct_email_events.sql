{{ config(tags=['phase_profiles']) }}

with email_events as (

    select * from {{ ref('stg_all__email_events') }} where record_status = 'valid'

),

customer_records as (

    select source, source_record_id, customer_id from {{ source('identity', 'customer_records') }}

),

machines as (

    select * from {{ ref('machine_user_agents') }} where is_machine

),

-- Each distinct user agent is compared with the patterns once.
user_agents as (

    select distinct
        user_agent,
        {{ lower_text('user_agent') }} as lower_agent
    from email_events
    where user_agent is not null

),

machine_agents as (

    select distinct user_agents.user_agent
    from user_agents
    inner join machines
        on
            (machines.match = 'equals' and user_agents.lower_agent = machines.pattern)
            or (machines.match = 'contains' and position(machines.pattern in user_agents.lower_agent) > 0)

),

identified as (

    select
        coalesce(email_events.source || ':' || email_events.event_id, email_events.record_key) as event_id,
        email_events.source,
        email_events.message_id,
        email_events.campaign_key as campaign_id,
        customer_records.customer_id,
        {{ lower_text('email_events.event') }} as event,
        email_events.occurred_at,
        email_events.url,
        coalesce(email_events.is_machine, false) or machine_agents.user_agent is not null as is_machine
    from email_events
    left join customer_records
        on
            email_events.source = customer_records.source
            and email_events.record_ref = customer_records.source_record_id
    left join machine_agents on email_events.user_agent = machine_agents.user_agent

)

select
    event_id,
    source,
    -- One message to one person. Without message id the campaign stands for the message; without either, or without
    -- a person to tell recipients apart, the event stands alone.
    case
        when message_id is not null then source || ':' || message_id || ':' || coalesce(customer_id, '')
        when campaign_id is not null and customer_id is not null then campaign_id || ':' || customer_id
        else event_id
    end as delivery_id,
    message_id,
    campaign_id,
    customer_id,
    event,
    occurred_at,
    url,
    is_machine
from identified
