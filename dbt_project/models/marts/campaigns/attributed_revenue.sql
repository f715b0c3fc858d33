{{ config(tags=['phase_profiles']) }}

with orders as (

    select * from {{ ref('int_attribution_orders') }}

),

attributed_orders as (

    select * from {{ ref('attributed_orders') }}

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

touched as (

    select distinct order_id from attributed_orders

),

untouched as (

    select
        orders.month,
        case when orders.customer_id is null then 'anonymous' else 'untouched' end as row_kind,
        count(*) as orders,
        sum(orders.net_amount) as revenue_amount,
        sum(orders.margin_amount) as margin_amount,
        sum(case when orders.margin_amount is null then orders.net_amount else 0 end) as uncosted_amount
    from orders
    left join touched on orders.order_id = touched.order_id
    where touched.order_id is null
    group by orders.month, case when orders.customer_id is null then 'anonymous' else 'untouched' end

),

models as (

    {%- for model in attribution_models() %}
    select '{{ model }}' as model
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

by_model as (

    {%- for model in attribution_models() %}
    select
        '{{ model }}' as model,
        month,
        'attributed' as row_kind,
        channel,
        campaign_id,
        sum({{ model }}_orders) as orders,
        sum({{ model }}_revenue_amount) as revenue_amount,
        sum({{ model }}_margin_amount) as margin_amount,
        sum(case when {{ model }}_margin_amount is null then {{ model }}_revenue_amount else 0 end) as uncosted_amount
    from attributed_orders
    group by month, channel, campaign_id

    union all
    {% endfor %}
    select
        models.model,
        untouched.month,
        untouched.row_kind,
        cast(null as {{ dbt.type_string() }}) as channel,
        cast(null as {{ dbt.type_string() }}) as campaign_id,
        untouched.orders,
        untouched.revenue_amount,
        untouched.margin_amount,
        untouched.uncosted_amount
    from untouched
    cross join models

)

select
    by_model.model,
    by_model.model = '{{ attribution_model() }}' as is_declared,
    by_model.month,
    by_model.row_kind,
    by_model.channel,
    by_model.campaign_id,
    {{ regulars.as_money('by_model.orders') }} as orders,
    {{ regulars.as_money('by_model.revenue_amount') }} as revenue_amount,
    {{ regulars.as_money('by_model.margin_amount') }} as margin_amount,
    {{ regulars.as_money('by_model.uncosted_amount') }} as uncosted_revenue_amount,
    as_of.currency
from by_model
cross join as_of
