{#- Talk's calls. The number in them is the company's own; who was on the line is a user of Zendesk. -#}
with shaped as (

    select
        {{ passed_on('r') }},
        r.id as call_id,
        r.customer_id as account_id,
        case r.direction when 'inbound' then 'in' when 'outbound' then 'out' else r.direction end as direction,
        r.created_at as started_at,
        r.wait_time as wait_seconds,
        r.talk_time as talk_seconds,
        r.completion_status as outcome,
        r.agent_id,
        r.ivr_destination_group_name as queue,
        r.recording_time as recording_seconds,
        r.updated_at
    from {{ source('zendesk', 'calls') }} as r

)

{{ as_entity('calls', 'shaped', [
    'call_id', 'account_id', 'direction', 'started_at', 'wait_seconds', 'talk_seconds', 'outcome', 'agent_id', 'queue',
    'recording_seconds', 'updated_at',
]) }}
