{{ config(tags=['phase_profiles']) }}

with run_context as (

    select * from {{ source('meta', 'run_context') }}

),

orders as (

    select ordered_at as occurred_at from {{ ref('int_used__orders') }} where record_status = 'valid'

),

email_events as (

    select occurred_at from {{ ref('int_used__email_events') }} where record_status = 'valid'

),

calls as (

    select started_at as occurred_at from {{ ref('int_used__calls') }} where record_status = 'valid'

),

web_events as (

    select occurred_at from {{ ref('int_used__web_events') }} where record_status = 'valid'

),

events as (

    select * from orders
    union all
    select * from email_events
    union all
    select * from calls
    union all
    select * from web_events

),

latest_event as (

    select max(events.occurred_at) as occurred_at
    from events
    cross join run_context
    where events.occurred_at <= run_context.started_at

),

settings as (

    select
        run_context.*,
        latest_event.occurred_at as latest_event_at,
        -- A day stands for its last second; a point in time may carry an offset, without one it is the company's clock.
        case
            when length(run_context.as_of_setting) = 10
                then
                    {{ regulars.add_days(regulars.iso_text_to_timestamp('run_context.as_of_setting'), 1) }}
                    - interval '1' second
            when
                {{ regulars.matches('run_context.as_of_setting', '^[0-9-]{10}[T ].*(Z|[+-][0-9]{2}:?[0-9]{2})$') }}
                then null
            else {{ regulars.iso_text_to_timestamp('run_context.as_of_setting') }}
        end as local_setting,
        case
            when {{ regulars.matches('run_context.as_of_setting', '^[0-9-]{10}[T ].*(Z|[+-][0-9]{2}:?[0-9]{2})$') }}
                then {{ regulars.offset_text_to_utc('run_context.as_of_setting') }}
        end as utc_setting
    from run_context
    cross join latest_event

),

moments as (

    select
        *,
        coalesce(
            case when as_of_setting = 'now' then started_at end,
            case when as_of_setting = 'latest' then latest_event_at end,
            utc_setting,
            {{ regulars.local_to_utc('local_setting', 'time_zone') }},
            started_at
        ) as as_of
    from settings

)

select
    as_of,
    {{ regulars.local_day('as_of', 'time_zone') }} as as_of_on,
    time_zone,
    currency,
    country,
    run_id,
    started_at
from moments
