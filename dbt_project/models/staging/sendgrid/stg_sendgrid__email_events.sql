{#- The part of sg_message_id before `.filter` or `.recvd` is the message; what follows names the server and can differ
    from one event of it to the next. -#}
{%- set message = "split_part(split_part(r.sg_message_id, '.filter', 1), '.recvd', 1)" -%}
{%- set at = 'r.' ~ adapter.quote('timestamp') -%}
{%- set first_category -%}
    case when substr(r.category, 1, 1) = '[' then {{ json_text('r.category', '$[0]') }} else r.category end
{%- endset -%}
with shaped as (

    select
        {{ passed_on('r') }},
        r.sg_event_id as event_id,
        coalesce({{ message }}, r.smtp_id) as message_id,
        coalesce(
            r.singlesend_id,
            r.mc_auto_id,
            r.marketing_campaign_id,
            {{ json_text('r.newsletter', '$.newsletter_id') }},
            {{ first_category }}
        ) as campaign_id,
        r.email,
        case r.event
            when 'processed' then 'sent'
            when 'spamreport' then 'complaint'
            when 'group_unsubscribe' then 'unsubscribe'
            when 'group_resubscribe' then 'resubscribe'
            else r.event
        end as event,
        coalesce({{ epoch_text(at) }}, {{ at }}) as occurred_at,
        r.url,
        r.useragent as user_agent,
        case when r.event in ('open', 'click') then r.ip end as ip_address,
        r.sg_machine_open as is_machine
    from {{ source('sendgrid', 'events') }} as r

)

{{ as_entity('email_events', 'shaped', [
    'event_id', 'message_id', 'campaign_id', 'email', 'event', 'occurred_at', 'url', 'user_agent', 'ip_address',
    'is_machine',
]) }}
