{{ config(tags=['phase_value']) }}
{%- set model = attribution_model() %}
{%- set counted = [
    'sent', 'delivered', 'bounces', 'unique_opens', 'unique_opens_human', 'unique_clicks', 'unique_clicks_human',
    'unsubscribes', 'unsubscribes_human', 'complaints', 'complaints_human',
] %}

with campaign_costs as (

    select * from {{ ref('int_campaign_costs') }}

),

purposes as (

    select * from {{ ref('int_campaign_purposes') }}

),

email_deliveries as (

    select * from {{ ref('int_email_deliveries') }} where campaign_id is not null

),

attributed_orders as (

    select * from {{ ref('attributed_orders') }} where campaign_id is not null

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

counts as (

    select
        campaign_id,
        count(sent_at) as sent,
        count(delivered_at) as delivered,
        count(opened_at) as unique_opens,
        count(human_opened_at) as unique_opens_human,
        count(clicked_at) as unique_clicks,
        count(human_clicked_at) as unique_clicks_human,
        count(bounced_at) as bounces,
        count(unsubscribed_at) as unsubscribes,
        count(human_unsubscribed_at) as unsubscribes_human,
        count(complained_at) as complaints,
        count(human_complained_at) as complaints_human,
        -- A campaign is of one source.
        max(case when is_open_tracked then 1 else 0 end) = 1 as is_open_tracked,
        max(case when is_click_tracked then 1 else 0 end) = 1 as is_click_tracked
    from email_deliveries
    group by campaign_id

),

-- By the declared model; who has no part of an order knows nothing of its margin either.
parts as (

    select
        campaign_id,
        channel,
        case when has_part then order_id end as order_id,
        case when has_part then customer_id end as customer_id,
        {{ model }}_orders as order_shares,
        {{ model }}_revenue_amount as revenue_amount,
        case when has_part then {{ model }}_margin_amount end as margin_amount
    from (
        select
            *,
            {{ model }}_orders > 0 or coalesce({{ model }}_revenue_amount, 0) <> 0 as has_part
        from attributed_orders
    ) as flagged

),

attributed as (

    select
        campaign_id,
        -- A campaign that only visits name is of their channel.
        min(channel) as channel,
        count(distinct order_id) as attributed_orders,
        count(distinct customer_id) as attributed_customers,
        sum(order_shares) as attributed_order_shares,
        sum(revenue_amount) as attributed_revenue_amount,
        sum(margin_amount) as attributed_margin_amount,
        sum(case when margin_amount is null then revenue_amount else 0 end) as uncosted_revenue_amount
    from parts
    group by campaign_id

),

known_campaigns as (

    select campaign_id from campaign_costs
    union
    select campaign_id from attributed

),

joined as (

    select
        known_campaigns.campaign_id,
        campaign_costs.campaign_name,
        coalesce(campaign_costs.channel, attributed.channel) as channel,
        coalesce(purposes.purpose, 'marketing') as purpose,
        campaign_costs.started_at,
        {%- for name in counted %}
        coalesce(counts.{{ name }}, 0) as {{ name }},
        {%- endfor %}
        cast(nullif(counts.sent, 0) as double) as sent_or_none,
        cast(nullif(counts.delivered, 0) as double) as delivered_or_none,
        counts.is_open_tracked,
        counts.is_click_tracked,
        coalesce(attributed.attributed_orders, 0) as attributed_orders,
        coalesce(attributed.attributed_customers, 0) as attributed_customers,
        {#- Nothing attributed is 0; attributed orders of which nothing is known are null. #}
        {%- for name in ['order_shares', 'revenue_amount', 'margin_amount'] %}
        case
            when coalesce(attributed.attributed_orders, 0) = 0 then cast(0 as decimal(18, 4))
            else {{ regulars.as_money('attributed.attributed_' ~ name) }}
        end as attributed_{{ name }},
        {%- endfor %}
        case
            when coalesce(attributed.attributed_orders, 0) = 0 then cast(0 as decimal(18, 4))
            else {{ regulars.as_money('attributed.uncosted_revenue_amount') }}
        end as uncosted_revenue_amount,
        campaign_costs.cost_amount
    from known_campaigns
    left join campaign_costs on known_campaigns.campaign_id = campaign_costs.campaign_id
    left join purposes on known_campaigns.campaign_id = purposes.campaign_id
    left join counts on known_campaigns.campaign_id = counts.campaign_id
    left join attributed on known_campaigns.campaign_id = attributed.campaign_id

)

select
    joined.campaign_id,
    joined.campaign_name,
    joined.channel,
    joined.purpose,
    joined.started_at,
    joined.sent,
    joined.delivered,
    joined.bounces,
    joined.unique_opens,
    joined.unique_opens_human,
    joined.unique_opens - joined.unique_opens_human as unique_opens_machine,
    joined.unique_clicks,
    joined.unique_clicks_human,
    joined.unique_clicks - joined.unique_clicks_human as unique_clicks_machine,
    joined.unsubscribes,
    joined.unsubscribes_human,
    joined.complaints,
    joined.complaints_human,
    cast(joined.delivered as double) / joined.sent_or_none as delivery_rate,
    cast(joined.bounces as double) / joined.sent_or_none as bounce_rate,
    case
        when joined.is_open_tracked then cast(joined.unique_opens_human as double) / joined.delivered_or_none
    end as open_rate,
    case
        when joined.is_open_tracked then cast(joined.unique_opens as double) / joined.delivered_or_none
    end as open_rate_high,
    case
        when joined.is_click_tracked then cast(joined.unique_clicks_human as double) / joined.delivered_or_none
    end as click_rate,
    case
        when joined.is_click_tracked then cast(joined.unique_clicks as double) / joined.delivered_or_none
    end as click_rate_high,
    cast(joined.unsubscribes_human as double) / joined.delivered_or_none as unsubscribe_rate,
    cast(joined.unsubscribes as double) / joined.delivered_or_none as unsubscribe_rate_high,
    cast(joined.complaints_human as double) / joined.delivered_or_none as complaint_rate,
    cast(joined.complaints as double) / joined.delivered_or_none as complaint_rate_high,
    joined.attributed_orders,
    joined.attributed_customers,
    joined.attributed_order_shares,
    joined.attributed_revenue_amount,
    joined.attributed_margin_amount,
    joined.uncosted_revenue_amount,
    joined.cost_amount,
    {{ regulars.as_money('joined.attributed_margin_amount - joined.cost_amount') }} as profit_amount,
    cast(joined.attributed_margin_amount - joined.cost_amount as double)
    / cast(nullif(joined.cost_amount, 0) as double) as return_on_cost,
    as_of.currency
from joined
cross join as_of
