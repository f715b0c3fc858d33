{{ config(tags=['phase_value']) }}

with campaign_costs as (

    select * from {{ ref('int_campaign_costs') }}

),

email_deliveries as (

    select * from {{ ref('int_email_deliveries') }} where campaign_id is not null

),

email_events as (

    select * from {{ ref('fct_email_events') }}
    where event = 'click' and not is_machine and campaign_id is not null and customer_id is not null

),

orders as (

    select * from {{ ref('fct_orders') }} where order_kind = 'sale' and customer_id is not null

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
        count(unsubscribed_at) as unsubscribes,
        -- A campaign is of one source.
        max(case when is_open_tracked then 1 else 0 end) = 1 as is_open_tracked,
        max(case when is_click_tracked then 1 else 0 end) = 1 as is_click_tracked
    from email_deliveries
    group by campaign_id

),

-- Each order belongs to the campaign whose e-mail its customer clicked last before buying.
clicks_before_orders as (

    select
        orders.order_id,
        orders.net_amount,
        email_events.campaign_id,
        row_number() over (
            partition by orders.order_id order by email_events.occurred_at desc, email_events.event_id desc
        ) as place_from_last
    from orders
    cross join as_of
    inner join email_events
        on
            orders.customer_id = email_events.customer_id
            and orders.ordered_at >= email_events.occurred_at
            and email_events.occurred_at
            >= {{ regulars.add_days('orders.ordered_at', '-' ~ threshold('attribution_window_days')) }}
    where orders.ordered_at <= as_of.as_of

),

attributed as (

    select
        campaign_id,
        count(*) as attributed_orders,
        sum(net_amount) as attributed_revenue_amount
    from clicks_before_orders
    where place_from_last = 1
    group by campaign_id

)

select
    campaign_costs.campaign_id,
    campaign_costs.campaign_name,
    campaign_costs.channel,
    campaign_costs.started_at,
    coalesce(counts.sent, 0) as sent,
    coalesce(counts.delivered, 0) as delivered,
    coalesce(counts.unique_opens, 0) as unique_opens,
    coalesce(counts.unique_opens_human, 0) as unique_opens_human,
    coalesce(counts.unique_clicks, 0) as unique_clicks,
    coalesce(counts.unique_clicks_human, 0) as unique_clicks_human,
    coalesce(counts.unsubscribes, 0) as unsubscribes,
    case
        when counts.is_open_tracked
            then cast(counts.unique_opens_human as double) / nullif(cast(counts.delivered as double), 0)
    end as open_rate,
    case
        when counts.is_click_tracked
            then cast(counts.unique_clicks_human as double) / nullif(cast(counts.delivered as double), 0)
    end as click_rate,
    coalesce(attributed.attributed_orders, 0) as attributed_orders,
    case
        when attributed.campaign_id is null then cast(0 as decimal(18, 4))
        else {{ regulars.as_money('attributed.attributed_revenue_amount') }}
    end as attributed_revenue_amount,
    campaign_costs.cost_amount,
    as_of.currency
from campaign_costs
cross join as_of
left join counts on campaign_costs.campaign_id = counts.campaign_id
left join attributed on campaign_costs.campaign_id = attributed.campaign_id
