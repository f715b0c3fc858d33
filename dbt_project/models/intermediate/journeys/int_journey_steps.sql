{{ config(tags=['phase_value']) }}

with as_of as (

    select * from {{ ref('int_as_of') }}

),

touches as (

    select * from {{ ref('int_journey_touches') }}

),

steps as (

    select * from {{ ref('journey_steps') }}

),

touch_kinds as (

    select * from {{ ref('touch_kinds') }}

),

first_ones as (

    select
        touches.customer_id,
        steps.step_number,
        steps.step,
        touches.channel,
        touches.first_at as reached_at,
        row_number() over (
            partition by touches.customer_id, steps.step_number
            order by
                touches.first_at, coalesce(touch_kinds.place, 1000), touches.kind, touches.channel, touches.direction
        ) as place
    from touches
    inner join steps
        on
            steps.nth = 1
            and coalesce(steps.kind, touches.kind) = touches.kind
            and coalesce(steps.direction, touches.direction) = touches.direction
    left join touch_kinds on touches.kind = touch_kinds.kind

),

-- Only what some step counts to more than one is looked at one by one.
counted_ones as (

    select
        touchpoints.customer_id,
        steps.step_number,
        steps.step,
        coalesce({{ regulars.lower_text('touchpoints.channel') }}, 'unknown') as channel,
        touchpoints.occurred_at as reached_at,
        steps.nth,
        row_number() over (
            partition by touchpoints.customer_id, steps.step_number order by touchpoints.touch_number
        ) as place
    from {{ ref('fct_touchpoints') }} as touchpoints
    cross join as_of
    inner join steps
        on
            steps.nth > 1
            and coalesce(steps.kind, touchpoints.kind) = touchpoints.kind
            and coalesce(steps.direction, touchpoints.direction) = touchpoints.direction
    where touchpoints.occurred_at <= as_of.as_of

),

reached as (

    select
        customer_id,
        step_number,
        step,
        channel,
        reached_at
    from first_ones
    where place = 1

    union all

    select
        customer_id,
        step_number,
        step,
        channel,
        reached_at
    from counted_ones
    where place = nth

),

-- Forward only: who said yes after the first order had no such step before it.
ordered as (

    select
        *,
        min(reached_at) over (
            partition by customer_id order by step_number rows between 1 following and unbounded following
        ) as further_reached_at
    from reached

),

followed as (

    select
        *,
        lead(step) over (partition by customer_id order by step_number) as next_step,
        lead(step_number) over (partition by customer_id order by step_number) as next_step_number,
        lead(channel) over (partition by customer_id order by step_number) as next_channel,
        lead(reached_at) over (partition by customer_id order by step_number) as next_reached_at
    from ordered
    where further_reached_at is null or further_reached_at >= reached_at

),

-- A yes says on which channel we may write, not where it was given: it counts only where nothing else happened.
entries as (

    select
        touches.customer_id,
        touches.channel as entry_channel,
        row_number() over (
            partition by touches.customer_id
            order by
                case when touches.kind = 'consent' then 1 else 0 end,
                touches.first_at,
                coalesce(touch_kinds.place, 1000),
                touches.kind,
                touches.channel,
                touches.direction
        ) as place
    from touches
    left join touch_kinds on touches.kind = touch_kinds.kind

),

-- A mail that is only sent is no sign of life.
signs as (

    select
        customer_id,
        max(last_at) as last_sign_at
    from touches
    where direction = 'in'
    group by customer_id

),

dated as (

    select
        followed.*,
        entries.entry_channel,
        case when signs.last_sign_at > followed.reached_at then signs.last_sign_at else followed.reached_at end
            as last_sign_at,
        as_of.as_of,
        as_of.as_of_on,
        as_of.time_zone
    from followed
    cross join as_of
    inner join entries on followed.customer_id = entries.customer_id and entries.place = 1
    left join signs on followed.customer_id = signs.customer_id

)

select
    customer_id,
    step_number,
    step,
    entry_channel,
    reached_at,
    {{ has_stayed_away(regulars.local_day('reached_at', 'time_zone'), 'cast(null as date)', 'as_of_on') }}
    is not null as is_mature,
    case
        when next_step is not null then next_step
        when
            {{ has_stayed_away(regulars.local_day('last_sign_at', 'time_zone'), 'cast(null as date)', 'as_of_on') }}
            then 'dropped_out'
        else 'still_open'
    end as next_step,
    next_step_number,
    next_channel,
    case
        when next_step is not null then {{ regulars.seconds_between('reached_at', 'next_reached_at') }}
        when
            {{ has_stayed_away(regulars.local_day('last_sign_at', 'time_zone'), 'cast(null as date)', 'as_of_on') }}
            then {{ regulars.seconds_between('reached_at', 'last_sign_at') }}
        else {{ regulars.seconds_between('reached_at', 'as_of') }}
    end as seconds
from dated
