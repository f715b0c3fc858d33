{{ config(tags=['phase_profiles']) }}

with email_events as (

    select * from {{ ref('fct_email_events') }}

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

-- Some senders report no deliveries, only what was sent and what bounced.
reporting_sources as (

    select distinct source from email_events where event = 'delivered'

),

-- Nor does every source report opens and clicks: what nobody counts is unknown and not none.
tracking_sources as (

    select
        source,
        max(case when event = 'open' then 1 else 0 end) = 1 as is_open_tracked,
        max(case when event = 'click' then 1 else 0 end) = 1 as is_click_tracked
    from email_events
    group by source

),

happened as (

    select email_events.*
    from email_events
    cross join as_of
    where email_events.occurred_at <= as_of.as_of

),

deliveries as (

    select
        source,
        delivery_id,
        max(campaign_id) as campaign_id,
        max(customer_id) as customer_id,
        -- Some senders tell of a mail that bounced nothing else.
        min(case when event in ('sent', 'delivered', 'bounce') then occurred_at end) as sent_at,
        min(case when event = 'delivered' then occurred_at end) as reported_delivered_at,
        min(case when event = 'bounce' then occurred_at end) as bounced_at,
        min(case when event in ('open', 'click', 'unsubscribe', 'complaint') then occurred_at end) as reacted_at,
        min(case when event = 'open' then occurred_at end) as opened_at,
        min(case when event = 'open' and not is_machine then occurred_at end) as human_opened_at,
        min(case when event = 'click' then occurred_at end) as clicked_at,
        min(case when event = 'click' and not is_machine then occurred_at end) as human_clicked_at,
        min(case when event = 'unsubscribe' then occurred_at end) as unsubscribed_at,
        min(case when event = 'unsubscribe' and not is_machine then occurred_at end) as human_unsubscribed_at,
        min(case when event = 'complaint' then occurred_at end) as complained_at,
        min(case when event = 'complaint' and not is_machine then occurred_at end) as human_complained_at
    from happened
    group by source, delivery_id

),

delivered as (

    select
        deliveries.*,
        -- Nobody reacts to a message that never arrived: a reaction proves a delivery that was not reported.
        coalesce(
            deliveries.reported_delivered_at,
            case
                when deliveries.reacted_at is not null then coalesce(deliveries.sent_at, deliveries.reacted_at)
                when reporting_sources.source is null and deliveries.bounced_at is null then deliveries.sent_at
            end
        ) as delivered_at
    from deliveries
    left join reporting_sources on deliveries.source = reporting_sources.source

)

select
    delivered.delivery_id,
    delivered.source,
    delivered.campaign_id,
    delivered.customer_id,
    delivered.sent_at,
    {{ regulars.local_day('delivered.sent_at', 'as_of.time_zone') }} as sent_on,
    delivered.delivered_at,
    {{ regulars.local_day('delivered.delivered_at', 'as_of.time_zone') }} as delivered_on,
    delivered.bounced_at,
    delivered.opened_at,
    delivered.human_opened_at,
    {{ regulars.local_day('delivered.human_opened_at', 'as_of.time_zone') }} as human_opened_on,
    delivered.clicked_at,
    delivered.human_clicked_at,
    {{ regulars.local_day('delivered.human_clicked_at', 'as_of.time_zone') }} as human_clicked_on,
    delivered.unsubscribed_at,
    delivered.human_unsubscribed_at,
    {{ regulars.local_day('delivered.human_unsubscribed_at', 'as_of.time_zone') }} as human_unsubscribed_on,
    delivered.complained_at,
    delivered.human_complained_at,
    {{ regulars.local_day('delivered.human_complained_at', 'as_of.time_zone') }} as human_complained_on,
    tracking_sources.is_open_tracked,
    tracking_sources.is_click_tracked
from delivered
cross join as_of
inner join tracking_sources on delivered.source = tracking_sources.source
