{#- By whatever model, and in each month: what is attributed and what is not is all that was sold. By the declared model
    the campaigns, and the channels, have what is attributed. A row of this test is a side that does not add up. The
    whole is taken from the orders and not from what was shared. -#}
{{ config(tags=['phase_value']) }}

with orders as (

    select * from {{ ref('fct_orders') }} where order_kind = 'sale'

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

models as (

    {%- for model in attribution_models() %}
    select '{{ model }}' as model
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

-- The whole stands against each model with a minus: what adds up is zero.
sides as (

    select
        model,
        month,
        orders,
        coalesce(revenue_amount, 0) as revenue_amount,
        coalesce(margin_amount, 0) as margin_amount
    from {{ ref('attributed_revenue') }}

    union all

    select
        models.model,
        cast({{ dbt.date_trunc('month', 'orders.ordered_on') }} as date) as month,
        -1 as orders,
        -coalesce(orders.net_amount, 0) as revenue_amount,
        -coalesce(orders.margin_amount, 0) as margin_amount
    from orders
    cross join as_of
    cross join models
    where orders.ordered_at <= as_of.as_of

    union all

    select
        'campaigns' as model,
        cast(null as date) as month,
        orders,
        coalesce(revenue_amount, 0) as revenue_amount,
        coalesce(margin_amount, 0) as margin_amount
    from {{ ref('attributed_revenue') }}
    where is_declared and campaign_id is not null

    union all

    select
        'campaigns' as model,
        cast(null as date) as month,
        -attributed_order_shares as orders,
        -coalesce(attributed_revenue_amount, 0) as revenue_amount,
        -coalesce(attributed_margin_amount, 0) as margin_amount
    from {{ ref('campaign_performance') }}

    union all

    select
        'channels' as model,
        cast(null as date) as month,
        orders,
        coalesce(revenue_amount, 0) as revenue_amount,
        coalesce(margin_amount, 0) as margin_amount
    from {{ ref('attributed_revenue') }}
    where is_declared and row_kind = 'attributed'

    union all

    select
        'channels' as model,
        cast(null as date) as month,
        -attributed_orders as orders,
        -coalesce(attributed_revenue_amount, 0) as revenue_amount,
        -coalesce(attributed_margin_amount, 0) as margin_amount
    from {{ ref('channel_effectiveness') }}
    where span = 'all'

)

select
    model,
    month,
    sum(orders) as orders_difference,
    sum(revenue_amount) as revenue_difference
from sides
group by model, month
having sum(orders) <> 0 or sum(revenue_amount) <> 0 or sum(margin_amount) <> 0
