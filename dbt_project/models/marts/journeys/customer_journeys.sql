{{ config(tags=['phase_value']) }}

with steps as (

    select * from {{ ref('int_journey_steps') }}

),

touch_channels as (

    select * from {{ ref('touch_channels') }}

),

sided as (

    select
        steps.*,
        coalesce(entries.side, 'other') as entry_side,
        case when steps.next_channel is not null then coalesce(nexts.side, 'other') end as next_side
    from steps
    left join touch_channels as entries on steps.entry_channel = entries.channel
    left join touch_channels as nexts on steps.next_channel = nexts.channel

),

-- Each customer counts among all, among those of her side, and among those of her channel.
levels as (

    select
        sided.*,
        'all' as journey,
        'all' as channel
    from sided

    union all

    select
        sided.*,
        sided.entry_side as journey,
        'all' as channel
    from sided

    union all

    select
        sided.*,
        sided.entry_side as journey,
        sided.entry_channel as channel
    from sided

),

pairs as (

    select
        journey,
        channel,
        step_number,
        step,
        next_step_number,
        next_step,
        count(*) as customers,
        sum(case when is_mature then 1 else 0 end) as mature_customers,
        sum(case when next_side = 'online' then 1 else 0 end) as online_customers,
        sum(case when next_side = 'offline' then 1 else 0 end) as offline_customers,
        {{ regulars.median_of('seconds') }} as median_seconds,
        {{ regulars.percentile_of('seconds', 0.25) }} as p25_seconds,
        {{ regulars.percentile_of('seconds', 0.75) }} as p75_seconds
    from levels
    group by journey, channel, step_number, step, next_step_number, next_step

),

totals as (

    select
        journey,
        channel,
        step_number,
        sum(customers) as entered_customers,
        sum(mature_customers) as mature_customers,
        sum(case when next_step_number is null and next_step = 'dropped_out' then customers else 0 end)
            as dropped_customers
    from pairs
    group by journey, channel, step_number

)

select
    pairs.journey,
    pairs.channel,
    pairs.step as from_step,
    pairs.step_number as from_step_number,
    pairs.next_step as to_step,
    pairs.next_step_number as to_step_number,
    cast(pairs.customers as bigint) as customers,
    cast(totals.entered_customers as bigint) as entered_customers,
    {{ regulars.rounded(
        'cast(pairs.customers as double) / nullif(cast(totals.entered_customers as double), 0)', 6
    ) }} as share,
    {{ regulars.rounded('pairs.median_seconds / 86400', 6) }} as median_days,
    {{ regulars.rounded('pairs.p25_seconds / 86400', 6) }} as p25_days,
    {{ regulars.rounded('pairs.p75_seconds / 86400', 6) }} as p75_days,
    cast(pairs.online_customers as bigint) as online_customers,
    cast(pairs.offline_customers as bigint) as offline_customers,
    cast(totals.mature_customers as bigint) as mature_customers,
    cast(totals.dropped_customers as bigint) as dropped_customers,
    {{ regulars.rounded(
        'cast(totals.dropped_customers as double) / nullif(cast(totals.mature_customers as double), 0)', 6
    ) }} as drop_rate
from pairs
inner join totals
    on
        pairs.journey = totals.journey
        and pairs.channel = totals.channel
        and pairs.step_number = totals.step_number
