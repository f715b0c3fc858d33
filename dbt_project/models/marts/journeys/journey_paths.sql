{{ config(tags=['phase_value']) }}

{%- set most = threshold('journey_path_channels') %}

with as_of as (

    select * from {{ ref('int_as_of') }}

),

touch_channels as (

    select * from {{ ref('touch_channels') }}

),

first_touches as (

    select
        touchpoints.customer_id,
        touchpoints.occurred_at
    from {{ ref('fct_touchpoints') }} as touchpoints
    cross join as_of
    where touchpoints.touch_number = 1 and touchpoints.occurred_at <= as_of.as_of

),

order_numbers as (

    select
        touchpoints.customer_id,
        min(touchpoints.touch_number) as touch_number,
        min(touchpoints.occurred_at) as occurred_at,
        {{ regulars.latest_of("coalesce(touchpoints.channel, 'unknown')", '-touchpoints.touch_number') }} as channel
    from {{ ref('fct_touchpoints') }} as touchpoints
    cross join as_of
    where touchpoints.kind = 'order' and touchpoints.occurred_at <= as_of.as_of
    group by touchpoints.customer_id

),

first_orders as (

    select
        order_numbers.customer_id,
        order_numbers.touch_number,
        order_numbers.occurred_at,
        coalesce(touch_channels.side, 'other') as side
    from order_numbers
    left join touch_channels on {{ regulars.lower_text('order_numbers.channel') }} = touch_channels.channel

),

-- Ten mails in a row are one stay in the channel.
stays as (

    select
        touchpoints.customer_id,
        coalesce({{ regulars.lower_text('touchpoints.channel') }}, 'unknown') as channel,
        row_number() over (partition by touchpoints.customer_id order by touchpoints.touch_number desc) as place
    from {{ ref('fct_touchpoints') }} as touchpoints
    cross join as_of
    left join first_orders on touchpoints.customer_id = first_orders.customer_id
    where
        touchpoints.occurred_at <= as_of.as_of
        and (
            touchpoints.touch_number = 1
            or coalesce({{ regulars.lower_text('touchpoints.channel') }}, 'unknown')
            <> coalesce({{ regulars.lower_text('touchpoints.previous_channel') }}, 'unknown')
        )
        and (first_orders.touch_number is null or touchpoints.touch_number < first_orders.touch_number)

),

paths as (

    select
        customer_id,
        case when max(place) > {{ most }} then '... > ' else '' end
        {%- for _ in 'x' * most %}
        {%- set place = most - loop.index0 %}
        {%- set is_nearest = place == 1 %}
        || coalesce(max(case when place = {{ place }} then channel{{ "" if is_nearest else " || ' > '" }} end), '')
        {%- endfor %} as path
    from stays
    group by customer_id

),

-- Who may still buy is no failure of the path yet.
open_customers as (

    select distinct customer_id
    from {{ ref('int_journey_steps') }}
    where next_step_number is null and next_step = 'still_open'

),

journeys as (

    select
        coalesce(paths.path, '(none)') as path,
        first_orders.side,
        first_orders.customer_id is not null as is_converted,
        first_orders.customer_id is null and open_customers.customer_id is not null as is_open,
        {{ regulars.seconds_between('first_touches.occurred_at', 'first_orders.occurred_at') }} as seconds
    from first_touches
    left join paths on first_touches.customer_id = paths.customer_id
    left join first_orders on first_touches.customer_id = first_orders.customer_id
    left join open_customers on first_touches.customer_id = open_customers.customer_id

)

select
    path,
    cast(count(*) as bigint) as customers,
    cast(count(*) as double) / nullif(cast(sum(count(*)) over () as double), 0) as share,
    cast(sum(case when is_converted then 1 else 0 end) as bigint) as conversions,
    cast(sum(case when side = 'online' then 1 else 0 end) as bigint) as online_conversions,
    cast(sum(case when side = 'offline' then 1 else 0 end) as bigint) as offline_conversions,
    cast(sum(case when is_open then 1 else 0 end) as bigint) as still_open_customers,
    cast(sum(case when is_converted then 1 else 0 end) as double) / nullif(cast(count(*) as double), 0)
        as conversion_rate,
    {{ regulars.rounded(regulars.median_of('seconds') ~ ' / 86400', 6) }} as median_days
from journeys
group by path
