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
        -- Ten-thousandths, the smallest part of money, as whole numbers.
        {%- for measure, worth in attributed_measures().items() %}
        cast(cast({{ worth }} as decimal(26, 4)) * 10000 as bigint) as {{ measure }}_units
        {{- ',' if not loop.last }}
        {%- endfor %}
    from distinct_touches

),

weighed as (

    select
        *,
        {%- for model in attribution_models() %}
        cast({{ attribution_weight(model) }} as bigint) as {{ model }}_weight{{ ',' if not loop.last }}
        {%- endfor %}
    from placed

),

totalled as (

    select
        *,
        {%- for model in attribution_models() %}
        cast(sum({{ model }}_weight) over (partition by order_id) as double) as {{ model }}_total
        {{- ',' if not loop.last }}
        {%- endfor %}
    from weighed

),

-- Shares are cut and not rounded, so that what is left over is small and never below zero.
cut as (

    select
        *,
        {%- for model in attribution_models() %}
        {%- set outer_last = loop.last %}
        {%- for measure in attributed_measures() %}
        case
            when place < touches
                then
                    cast(
                        floor(
                            cast(abs({{ measure }}_units) as double) * cast({{ model }}_weight as double)
                            / {{ model }}_total
                        ) as bigint
                    )
                    * cast(sign({{ measure }}_units) as bigint)
            else 0
        end as {{ model }}_{{ measure }}_units{{ ',' if not (outer_last and loop.last) }}
        {%- endfor %}
        {%- endfor %}
    from totalled

)

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
    {%- for model in attribution_models() %}
    {%- for measure in attributed_measures() %}
    {%- set units = model ~ '_' ~ measure ~ '_units' %}
    -- The last touch has what is left.
    cast(
        (
            case
                when place = touches
                    then {{ measure }}_units - cast(sum({{ units }}) over (partition by order_id) as bigint)
                else {{ units }}
            end
        ) * cast(0.0001 as decimal(4, 4))
        as decimal(18, 4)
    ) as {{ model }}_{{ measure }}{{ '_amount' if measure != 'orders' }},
    {%- endfor %}
    {%- endfor %}
    as_of.currency
from cut
cross join as_of
