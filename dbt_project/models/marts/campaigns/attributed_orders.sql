{{ config(tags=['phase_profiles']) }}
{%- set days = threshold('attribution_window_days') %}
{%- set epoch = "cast('1970-01-01' as date)" %}

with orders as (

    select * from {{ ref('int_attribution_orders') }} where customer_id is not null

),

touches as (

    select * from {{ ref('int_attribution_touches') }}

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

-- Time in stretches as long as the window: a touch can only be before orders of its own stretch and of the next one, so
-- that a customer with thousands of both does not make millions of pairs.
stretched_orders as (

    select
        *,
        cast(
            floor(cast({{ regulars.days_between(epoch, 'cast(ordered_at as date)') }} as double) / {{ days }}) as bigint
        ) as stretch
    from orders

),

stretched_touches as (

    select
        *,
        cast(
            floor(cast({{ regulars.days_between(epoch, 'cast(occurred_at as date)') }} as double) / {{ days }})
            as bigint
        ) as stretch
    from touches

),

reaching_touches as (

    select * from stretched_touches
    union all
    select
        touchpoint_id,
        customer_id,
        occurred_at,
        kind,
        channel,
        campaign_id,
        stretch + 1 as stretch
    from stretched_touches

),

pairs as (

    select
        orders.order_id,
        orders.customer_id,
        orders.ordered_at,
        orders.month,
        orders.net_amount,
        orders.margin_amount,
        touches.touchpoint_id,
        touches.occurred_at as touched_at,
        touches.kind,
        touches.channel,
        touches.campaign_id,
        coalesce(touches.campaign_id, touches.channel || ' ' || touches.kind) as subject
    from stretched_orders as orders
    inner join reaching_touches as touches
        on
            orders.customer_id = touches.customer_id
            and orders.stretch = touches.stretch
            and orders.ordered_at >= touches.occurred_at
            and touches.occurred_at >= {{ regulars.add_days('orders.ordered_at', '-' ~ days) }}

),

followed as (

    select
        *,
        lead(subject) over (partition by order_id order by touched_at, touchpoint_id) as next_subject,
        lead(touched_at) over (partition by order_id order by touched_at, touchpoint_id) as next_at
    from pairs

),

-- Who clicks three links of one mail was touched once: the last of them stands for all.
distinct_touches as (

    select *
    from followed
    where
        not coalesce(
            subject = next_subject
            and {{ seconds_between('touched_at', 'next_at') }} < {{ threshold('attribution_merge_minutes') }} * 60,
            false
        )

),

placed as (

    select
        *,
        row_number() over (partition by order_id order by touched_at, touchpoint_id) as place,
        count(*) over (partition by order_id) as touches,
        {{ seconds_between('touched_at', 'max(touched_at) over (partition by order_id)') }} as seconds_before_last,
        {{ worth_in_units() }}
    from distinct_touches

),

weighed as (

    select
        *,
        {{ touch_weights() }}
    from placed

),

totalled as (

    select
        *,
        {{ weight_totals() }}
    from weighed

),

cut as (

    select
        *,
        {{ cut_shares() }}
    from totalled

),

shared as (

    select
        order_id,
        cast(place as bigint) as touch_number,
        cast(touches as bigint) as touches,
        touchpoint_id,
        kind,
        channel,
        campaign_id,
        customer_id,
        touched_at,
        ordered_at,
        month,
        {{ whole_shares() }}
    from cut

)

select
    shared.*,
    as_of.currency
from shared
cross join as_of
