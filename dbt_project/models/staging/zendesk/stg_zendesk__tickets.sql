{#- Tickets, and as parts of them their ratings and metrics where these come by themselves. -#}
{%- set nothing = 'cast(null as ' ~ dbt.type_string() ~ ')' -%}
{%- set came_by = lower_text(json_text('r.via', '$.channel')) -%}
{%- set score = json_text('r.satisfaction_rating', '$.score') -%}
{%- set created_at = offset_text_to_utc('r.created_at') -%}
{#- The first answer, as seconds or minutes after the request; nights and weekends count. -#}
{%- set wait_of_ticket -%}
    coalesce(
        {{ try_cast_text(json_text('r.metric_set', '$.reply_time_in_seconds.calendar'), 'bigint') }},
        {{ try_cast_text(json_text('r.metric_set', '$.reply_time_in_minutes.calendar'), 'bigint') }} * 60
    )
{%- endset -%}
{%- set wait_of_metric -%}
    coalesce(
        {{ try_cast_text(json_text('r.reply_time_in_seconds', '$.calendar'), 'bigint') }},
        {{ try_cast_text(json_text('r.reply_time_in_minutes', '$.calendar'), 'bigint') }} * 60
    )
{%- endset -%}
with tickets as (

    select
        {{ passed_on('r') }},
        r.id as ticket_id,
        {{ nothing }} as part_of,
        r.requester_id as account_id,
        -- Who sent the mail or called is who asks; where an agent called, it is who was called.
        case when {{ came_by }} = 'email' then {{ json_text('r.via', '$.source.from.address') }} end as email,
        case
            when {{ came_by }} not in ('voice', 'sms') then {{ nothing }}
            when {{ json_text('r.via', '$.source.rel') }} = 'outbound'
                then {{ json_text('r.via', '$.source.to.phone') }}
            else {{ json_text('r.via', '$.source.from.phone') }}
        end as phone,
        case when {{ came_by }} = 'voice' then 'phone' else {{ came_by }} end as channel,
        coalesce(r.subject, r.raw_subject) as subject,
        r.status,
        r.priority,
        r.created_at,
        {{ json_text('r.metric_set', '$.solved_at') }} as solved_at,
        cast({{ created_at }} + {{ wait_of_ticket }} * interval '1' second as {{ dbt.type_string() }})
        || '+00:00' as first_reply_at,
        -- Asked for and not given is no rating.
        case when {{ score }} not in ('offered', 'unoffered') then {{ score }} end as satisfaction,
        r.assignee_id as agent_id,
        r.updated_at
    from {{ source('zendesk', 'tickets') }} as r

),

ratings as (

    select
        {{ passed_on('r') }},
        'rating ' || r.id as ticket_id,
        r.ticket_id as part_of,
        r.requester_id as account_id,
        {{ nothing }} as email,
        {{ nothing }} as phone,
        {{ nothing }} as channel,
        {{ nothing }} as subject,
        {{ nothing }} as status,
        {{ nothing }} as priority,
        r.created_at,
        {{ nothing }} as solved_at,
        {{ nothing }} as first_reply_at,
        case when r.score not in ('offered', 'unoffered') then r.score end as satisfaction,
        r.assignee_id as agent_id,
        r.updated_at
    from {{ source('zendesk', 'satisfaction_ratings') }} as r

),

metrics as (

    select
        {{ passed_on('r') }},
        'metrics ' || r.id as ticket_id,
        r.ticket_id as part_of,
        {{ nothing }} as account_id,
        {{ nothing }} as email,
        {{ nothing }} as phone,
        {{ nothing }} as channel,
        {{ nothing }} as subject,
        {{ nothing }} as status,
        {{ nothing }} as priority,
        r.created_at,
        r.solved_at,
        cast({{ created_at }} + {{ wait_of_metric }} * interval '1' second as {{ dbt.type_string() }})
        || '+00:00' as first_reply_at,
        {{ nothing }} as satisfaction,
        {{ nothing }} as agent_id,
        r.updated_at
    from {{ source('zendesk', 'ticket_metrics') }} as r

),

shaped as (

    select * from tickets
    union all
    select * from ratings
    union all
    select * from metrics

)

{{ as_entity('tickets', 'shaped', [
    'ticket_id', 'part_of', 'account_id', 'email', 'phone', 'channel', 'subject', 'status', 'priority', 'created_at',
    'solved_at', 'first_reply_at', 'satisfaction', 'agent_id', 'updated_at',
]) }}
