{#-
  Calls, and what belongs to them as parts: legs, recordings, waits in queues. The customer's number is the caller's on
  a call that comes in and the dialled one on a call that goes out. An agent's browser (client:) or desk phone (sip:) is
  no number; a call from one goes out, and the customer's number is that of its leg.
-#}
{%- set nothing = 'cast(null as ' ~ dbt.type_string() ~ ')' -%}
{%- set agents = "('client', 'sip')" -%}
{#- What Twilio writes for callers who hide their number: words, and the same words on a telephone's keys. -#}
{%- set hidden = "('anonymous', 'restricted', 'blocked', 'unavailable', 'unknown', "
    ~ "'+266696687', '+86282452253', '+7378742883', '+2562533', '+8656696')" -%}
{#- A part of a call that Twilio does not name is in no call. -#}
{%- set unnamed = "'unnamed call'" -%}
{%- set told_at = offset_text_to_utc(rfc_2822_text('r.' ~ adapter.quote('Timestamp'))) -%}
{%- set lasted = 'coalesce(' ~ try_cast_text('r.' ~ adapter.quote('CallDuration'), 'bigint') ~ ', 0)' -%}
{%- set sequence = 'r.' ~ adapter.quote('SequenceNumber') -%}
with lines as (

    select
        {{ passed_on('r') }},
        r.sid,
        r.parent_call_sid as parent,
        r.direction,
        r.{{ adapter.quote('from') }} as caller,
        r.{{ adapter.quote('to') }} as called,
        coalesce(nullif({{ rfc_2822_text('r.start_time') }}, ''), {{ rfc_2822_text('r.date_created') }}) as started_at,
        r.duration as talk_seconds,
        r.status as outcome,
        {{ nothing }} as recording_url,
        {{ nothing }} as recording_seconds,
        {{ rfc_2822_text('r.date_updated') }} as updated_at
    from {{ source('twilio', 'calls') }} as r

    union all

    -- The end of a call is told with its length, so that its start is known. Of one second the last in the sequence
    -- counts.
    select
        {{ passed_on('r') }},
        r.{{ adapter.quote('CallSid') }} as sid,
        r.{{ adapter.quote('ParentCallSid') }} as parent,
        r.{{ adapter.quote('Direction') }} as direction,
        r.{{ adapter.quote('From') }} as caller,
        r.{{ adapter.quote('To') }} as called,
        coalesce(
            cast({{ told_at }} - {{ lasted }} * interval '1' second as {{ dbt.type_string() }}) || '+00:00',
            r.{{ adapter.quote('Timestamp') }}
        ) as started_at,
        r.{{ adapter.quote('CallDuration') }} as talk_seconds,
        r.{{ adapter.quote('CallStatus') }} as outcome,
        r.{{ adapter.quote('RecordingUrl') }} as recording_url,
        r.{{ adapter.quote('RecordingDuration') }} as recording_seconds,
        cast({{ told_at }} as {{ dbt.type_string() }})
        || case
            when {{ matches(sequence, '^[0-9]{1,3}$') }}
                then '.' || substr('00' || {{ sequence }}, length({{ sequence }}), 3)
            else ''
        end
        || '+00:00' as updated_at
    from {{ source('twilio', 'status_callbacks') }} as r

),

calls_and_legs as (

    select
        {{ passed_on('lines') }},
        sid as call_id,
        -- A leg names its call. A call that goes out to an agent and names none is a leg of a conference.
        coalesce(
            nullif(parent, ''),
            case when direction = 'outbound-api' and split_part(called, ':', 1) in {{ agents }} then {{ unnamed }} end
        ) as part_of,
        case
            when direction = 'inbound' and split_part(caller, ':', 1) in {{ agents }} then 'out'
            when direction in ('inbound', 'trunking-originating') then 'in'
            when direction in ('outbound-api', 'outbound-dial', 'trunking-terminating') then 'out'
            else direction
        end as direction,
        case
            when direction not in ('inbound', 'trunking-originating')
                then case when split_part(called, ':', 1) not in {{ agents }} then called end
            when split_part(caller, ':', 1) not in {{ agents }} and {{ lower_text('caller') }} not in {{ hidden }}
                then caller
        end as phone,
        started_at,
        {{ nothing }} as wait_seconds,
        talk_seconds,
        outcome,
        case
            when split_part(called, ':', 1) in {{ agents }} then split_part(called, ':', 2)
            when split_part(caller, ':', 1) in {{ agents }} then split_part(caller, ':', 2)
        end as agent_id,
        {{ nothing }} as queue,
        recording_url,
        recording_seconds,
        updated_at
    from lines

),

recordings as (

    select
        {{ passed_on('r') }},
        r.sid as call_id,
        case when r.sid is not null then coalesce(r.call_sid, r.conference_sid, {{ unnamed }}) end as part_of,
        {{ nothing }} as direction,
        {{ nothing }} as phone,
        coalesce({{ rfc_2822_text('r.start_time') }}, {{ rfc_2822_text('r.date_created') }}) as started_at,
        {{ nothing }} as wait_seconds,
        {{ nothing }} as talk_seconds,
        r.status as outcome,
        {{ nothing }} as agent_id,
        {{ nothing }} as queue,
        coalesce(r.media_url, 'https://api.twilio.com' || replace(r.uri, '.json', '')) as recording_url,
        r.duration as recording_seconds,
        {{ rfc_2822_text('r.date_updated') }} as updated_at
    from {{ source('twilio', 'recordings') }} as r

),

task_events as (

    select
        {{ passed_on('r') }},
        r.sid as call_id,
        case
            when r.sid is not null
                then coalesce(
                    {{ json_text(json_text('r.event_data', '$.task_attributes'), '$.call_sid') }}, {{ unnamed }}
                )
        end as part_of,
        {{ nothing }} as direction,
        {{ nothing }} as phone,
        r.event_date as started_at,
        {{ json_text('r.event_data', '$.task_age') }} as wait_seconds,
        {{ nothing }} as talk_seconds,
        r.event_type as outcome,
        {{ json_text('r.event_data', '$.worker_name') }} as agent_id,
        {{ json_text('r.event_data', '$.task_queue_name') }} as queue,
        {{ nothing }} as recording_url,
        {{ nothing }} as recording_seconds,
        r.event_date as updated_at
    from {{ source('twilio', 'task_events') }} as r

),

-- It has no id and no time of its own: call, queue and length of the wait name it, so that a repeated one is the same.
queue_callbacks as (

    select
        {{ passed_on('r') }},
        r.{{ adapter.quote('CallSid') }} || '/' || coalesce(r.{{ adapter.quote('QueueSid') }}, '') || '/'
        || coalesce(r.{{ adapter.quote('QueueTime') }}, '') as call_id,
        r.{{ adapter.quote('CallSid') }} as part_of,
        {{ nothing }} as direction,
        {{ nothing }} as phone,
        {{ nothing }} as started_at,
        r.{{ adapter.quote('QueueTime') }} as wait_seconds,
        {{ nothing }} as talk_seconds,
        r.{{ adapter.quote('QueueResult') }} as outcome,
        {{ nothing }} as agent_id,
        r.{{ adapter.quote('QueueSid') }} as queue,
        {{ nothing }} as recording_url,
        {{ nothing }} as recording_seconds,
        {{ nothing }} as updated_at
    from {{ source('twilio', 'queue_callbacks') }} as r

),

shaped as (

    select * from calls_and_legs
    union all
    select * from recordings
    union all
    select * from task_events
    union all
    select * from queue_callbacks

)

{{ as_entity('calls', 'shaped', [
    'call_id', 'part_of', 'phone', 'direction', 'started_at', 'wait_seconds', 'talk_seconds', 'outcome', 'agent_id',
    'queue', 'recording_url', 'recording_seconds', 'updated_at',
]) }}
