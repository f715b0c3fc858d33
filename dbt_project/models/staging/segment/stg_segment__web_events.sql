{%- set type = 'r.' ~ adapter.quote('type') -%}
{%- set sent = 'r.' ~ adapter.quote('timestamp') -%}
with shaped as (

    select
        {{ passed_on('r') }},
        r.messageId as event_id,
        -- An alias says that who was one is now another: a login of the earlier one.
        case when {{ type }} = 'alias' then coalesce(r.previousId, r.anonymousId) else r.anonymousId end as visitor_id,
        r.userId as account_id,
        -- Traits of a group are the organisation's.
        coalesce(
            case when {{ type }} = 'identify' then {{ json_text('r.traits', '$.email') }} end,
            {{ json_text('r.context', '$.traits.email') }}
        ) as email,
        case {{ type }}
            when 'page' then 'page_view'
            when 'screen' then 'screen_view'
            when 'track' then r.event
            else {{ type }}
        end as event,
        -- Segment's own time is the device's, put right by what its clock said when it sent the call.
        coalesce({{ sent }}, r.originalTimestamp, r.sentAt, r.receivedAt) as occurred_at,
        r.receivedAt as received_at,
        coalesce(
            case when {{ type }} = 'page' then {{ json_text('r.properties', '$.url') }} end,
            {{ json_text('r.context', '$.page.url') }}
        ) as page_url,
        coalesce(
            case when {{ type }} = 'page' then {{ json_text('r.properties', '$.title') }} end,
            {{ json_text('r.context', '$.page.title') }},
            case when {{ type }} in ('page', 'screen') then r.{{ adapter.quote('name') }} end
        ) as page_title,
        coalesce(
            case when {{ type }} = 'page' then {{ json_text('r.properties', '$.referrer') }} end,
            {{ json_text('r.context', '$.page.referrer') }}
        ) as referrer,
        {{ json_text('r.context', '$.campaign.source') }} as source,
        {{ json_text('r.context', '$.campaign.medium') }} as medium,
        {{ json_text('r.context', '$.campaign.name') }} as campaign,
        {{ json_text('r.context', '$.userAgent') }} as user_agent,
        case
            when {{ type }} = 'track'
                then coalesce(
                    {{ json_text('r.properties', '$.order_id') }}, {{ json_text('r.properties', '$.orderId') }}
                )
        end as order_id
    from {{ source('segment', 'calls') }} as r

)

{{ as_entity('web_events', 'shaped', [
    'event_id', 'visitor_id', 'account_id', 'email', 'event', 'occurred_at', 'received_at', 'page_url', 'page_title',
    'referrer', 'source', 'medium', 'campaign', 'user_agent', 'order_id',
]) }}
