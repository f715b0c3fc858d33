{{ config(tags=['phase_profiles']) }}

with records as (

    select
        *,
        coalesce(source || '|' || part_of, record_key) as ticket_key
    from {{ ref('int_used__tickets') }}
    where is_valid

),

statuses as (

    select * from {{ ref('ticket_statuses') }}

),

scores as (

    select * from {{ ref('ticket_satisfaction') }}

),

customer_records as (

    select source, source_record_id, customer_id from {{ source('identity', 'customer_records') }}

),

-- All versions, the replaced ones too: only they show that a ticket was solved and came back, and not every message of
-- a service desk repeats the rating and the times.
versions as (

    select
        records.ticket_key,
        records.part_of,
        coalesce(statuses.stage, 'open') as stage,
        records.updated_at,
        records.first_reply_at,
        records.solved_at,
        coalesce(records.satisfaction, scores.satisfaction) as satisfaction,
        row_number() over (
            partition by records.ticket_key
            order by
                records.updated_at asc nulls first,
                records.loaded_at asc,
                records.batch_id asc,
                records.row_number asc
        ) as place
    from records
    left join statuses on {{ lower_text('records.status') }} = statuses.status
    left join scores on {{ lower_text(trimmed('records.satisfaction_text')) }} = scores.score

),

steps as (

    select
        ticket_key,
        stage,
        updated_at,
        lag(stage) over (partition by ticket_key order by place asc) as stage_before
    from versions
    where part_of is null

),

histories as (

    select
        ticket_key,
        cast(
            sum(case when stage_before = 'solved' and stage in ('open', 'waiting') then 1 else 0 end) as bigint
        ) as reopen_count,
        max(case when stage in ('open', 'waiting') then updated_at end) as last_open_at
    from steps
    group by ticket_key

),

last_values as (

    select
        ticket_key,
        {{ latest_of('satisfaction', 'place') }} as satisfaction,
        {{ latest_of('first_reply_at', 'place') }} as first_reply_at,
        max(solved_at) as solved_at
    from versions
    group by ticket_key

),

tickets as (

    select
        records.*,
        coalesce(statuses.stage, 'open') as stage
    from records
    left join statuses on {{ lower_text('records.status') }} = statuses.status
    where records.record_status = 'valid' and records.part_of is null

),

-- The rating that holds is known since the first version that brings it.
ratings as (

    select
        versions.ticket_key,
        min(versions.updated_at) as rated_at
    from versions
    inner join last_values
        on versions.ticket_key = last_values.ticket_key and versions.satisfaction = last_values.satisfaction
    group by versions.ticket_key

),

solved as (

    select
        tickets.*,
        ratings.rated_at,
        histories.reopen_count,
        last_values.satisfaction as last_satisfaction,
        last_values.first_reply_at as last_first_reply_at,
        -- A time from before the ticket came back is no longer its solution.
        case
            when
                tickets.stage = 'solved'
                and last_values.solved_at >= coalesce(histories.last_open_at, last_values.solved_at)
                then last_values.solved_at
        end as last_solved_at
    from tickets
    inner join histories on tickets.ticket_key = histories.ticket_key
    inner join last_values on tickets.ticket_key = last_values.ticket_key
    left join ratings on tickets.ticket_key = ratings.ticket_key

)

select
    coalesce(solved.source || ':' || solved.ticket_id, solved.record_key) as ticket_id,
    solved.source,
    customer_records.customer_id,
    {{ lower_text('solved.channel') }} as channel,
    solved.subject,
    {{ lower_text('solved.status') }} as status,
    solved.stage,
    {{ lower_text('solved.priority') }} as priority,
    solved.created_at,
    solved.last_first_reply_at as first_reply_at,
    solved.last_solved_at as solved_at,
    cast(
        floor({{ seconds_between('solved.created_at', 'solved.last_first_reply_at') }}) as bigint
    ) as first_reply_seconds,
    cast(
        floor({{ seconds_between('solved.created_at', 'solved.last_solved_at') }}) as bigint
    ) as solution_seconds,
    solved.reopen_count,
    solved.last_satisfaction as satisfaction,
    solved.agent_id,
    solved.updated_at,
    solved.rated_at
from solved
left join customer_records
    on solved.source = customer_records.source and solved.record_ref = customer_records.source_record_id
