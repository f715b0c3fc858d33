{{ config(tags=['phase_identity']) }}

with records as (

    select * from {{ ref('int_used__calls') }} where record_status = 'valid'

),

calls as (

    select * from records where part_of is null

),

-- What belongs to a leg, such as its recording, belongs to the call of the leg.
rooted_parts as (

    select
        parts.*,
        parts.source || '|' || coalesce(legs.part_of, parts.part_of) as call_key
    from records as parts
    left join records as legs on parts.source || '|' || parts.part_of = legs.record_key
    where parts.part_of is not null

),

parts as (

    select
        *,
        row_number() over (partition by call_key order by started_at asc nulls first, record_key asc) as place
    from rooted_parts

),

-- A leg is a part with a direction: the connection to an agent, or to the customer whom an agent calls. Waits and
-- lengths of one thing may be told twice, by a queue and by its events: the longest is taken, not the sum.
folded_parts as (

    select
        call_key,
        {{ latest_of('agent_id', 'place') }} as agent_id,
        {{ latest_of('queue', 'place') }} as queue,
        {{ latest_of('phone', 'case when direction is not null then place end') }} as leg_phone,
        {{ latest_of('satisfaction', 'place') }} as satisfaction,
        max(case when satisfaction is not null then coalesce(started_at, updated_at) end) as rated_at,
        {{ latest_of('reason', 'place') }} as reason,
        max(wait_seconds) as wait_seconds,
        sum(case when direction is not null then coalesce(talk_seconds, 0) end) as leg_talk_seconds,
        {{ latest_of('recording_url', 'place') }} as recording_url,
        sum(recording_seconds) as recording_seconds
    from parts
    group by call_key

),

with_parts as (

    select
        calls.*,
        folded_parts.agent_id as part_agent_id,
        folded_parts.queue as part_queue,
        folded_parts.satisfaction as part_satisfaction,
        folded_parts.rated_at as part_rated_at,
        folded_parts.reason as part_reason,
        folded_parts.wait_seconds as part_wait_seconds,
        folded_parts.leg_talk_seconds,
        folded_parts.recording_url as part_recording_url,
        folded_parts.recording_seconds as part_recording_seconds,
        -- An agent who calls from a browser has no number; the customer's is the one that was dialled. On a call that
        -- came in, the other number is an agent's.
        case
            when calls.phone is null and {{ lower_text('calls.direction') }} in ('out', 'outbound')
                then folded_parts.leg_phone
        end as dialled_phone
    from calls
    left join folded_parts on calls.record_key = folded_parts.call_key

)

select
    record_key,
    coalesce(source || ':' || call_id, record_key) as call_id,
    source,
    coalesce(record_ref, 'phone:' || dialled_phone) as record_ref,
    account_key,
    coalesce(phone, dialled_phone) as phone,
    {{ lower_text('direction') }} as direction,
    started_at,
    coalesce(wait_seconds, part_wait_seconds) as wait_seconds,
    -- A call that waits is connected all the time: its own length holds the wait that only a part tells of.
    case
        when leg_talk_seconds is not null then cast(leg_talk_seconds as bigint)
        when wait_seconds is not null or part_wait_seconds is null then talk_seconds
        when part_wait_seconds < talk_seconds then talk_seconds - part_wait_seconds
        when talk_seconds is not null then 0
    end as talk_seconds,
    outcome,
    coalesce(reason, part_reason) as reason,
    coalesce(agent_id, part_agent_id) as agent_id,
    coalesce(satisfaction, part_satisfaction) as satisfaction,
    -- A part that rates has a time of its own; of a rating that came with the call nobody says when it was given.
    case when satisfaction is null then part_rated_at end as rated_at,
    coalesce(queue, part_queue) as queue,
    coalesce(recording_url, part_recording_url) as recording_url,
    cast(coalesce(recording_seconds, part_recording_seconds) as bigint) as recording_seconds
from with_parts
