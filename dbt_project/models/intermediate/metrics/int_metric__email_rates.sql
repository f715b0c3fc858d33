{{ config(tags=['phase_value']) }}

with email_deliveries as (

    select * from {{ ref('int_email_deliveries') }} where delivered_on is not null

),

days as (

    select * from {{ ref('int_days') }}

),

metric_definitions as (

    select * from {{ ref('metric_definitions') }} where metric in ('open_rate', 'click_rate')

),

expiring as (

    select
        email_deliveries.*,
        metric_definitions.metric,
        cast({{ regulars.add_days('email_deliveries.delivered_on', 'metric_definitions.window_days') }} as date)
            as expires_on,
        case metric_definitions.metric
            when 'open_rate' then email_deliveries.human_opened_on
            else email_deliveries.human_clicked_on
        end as reacted_on
    from email_deliveries
    cross join metric_definitions
    where
        case metric_definitions.metric
            when 'open_rate' then email_deliveries.is_open_tracked
            else email_deliveries.is_click_tracked
        end

),

spans as (

    select
        delivered_on as starts_on,
        expires_on as ends_on,
        case when metric = 'open_rate' then 1 else 0 end as delivered_for_opens,
        case when metric = 'click_rate' then 1 else 0 end as delivered_for_clicks,
        0 as opened,
        0 as clicked
    from expiring

    union all

    select
        case when reacted_on > delivered_on then reacted_on else delivered_on end as starts_on,
        expires_on as ends_on,
        0 as delivered_for_opens,
        0 as delivered_for_clicks,
        case when metric = 'open_rate' then 1 else 0 end as opened,
        case when metric = 'click_rate' then 1 else 0 end as clicked
    from expiring
    where reacted_on is not null

),

counts as (

    {{ running_counts('spans', 'days', ['delivered_for_opens', 'delivered_for_clicks', 'opened', 'clicked']) }}

),

rates as (

    select 'open_rate' as metric, day, opened as numerator, delivered_for_opens as denominator from counts
    union all
    select 'click_rate' as metric, day, clicked as numerator, delivered_for_clicks as denominator from counts

)

select
    metric,
    day,
    cast(numerator as double) as numerator,
    cast(denominator as double) as denominator,
    cast(numerator as double) / nullif(cast(denominator as double), 0) as actual
from rates
