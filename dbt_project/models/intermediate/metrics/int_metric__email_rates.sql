{{ config(tags=['phase_value']) }}

with email_deliveries as (

    select * from {{ ref('int_email_deliveries') }} where delivered_on is not null

),

customers as (

    select * from {{ ref('int_customer_dimensions') }}

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

delivery_spans as (

    select
        source,
        customer_id,
        metric,
        delivered_on as starts_on,
        expires_on as ends_on,
        1 as delivered,
        0 as reacted
    from expiring

    union all

    select
        source,
        customer_id,
        metric,
        case when reacted_on > delivered_on then reacted_on else delivered_on end as starts_on,
        expires_on as ends_on,
        0 as delivered,
        1 as reacted
    from expiring
    where reacted_on is not null

),

-- The source and channel of an e-mail are those that it was sent by.
spans as (

    select
        delivery_spans.starts_on,
        delivery_spans.ends_on,
        {%- for metric in ['open_rate', 'click_rate'] %}
        case when delivery_spans.metric = '{{ metric }}' then delivery_spans.delivered else 0 end
            as {{ metric }}_delivered,
        case when delivery_spans.metric = '{{ metric }}' then delivery_spans.reacted else 0 end
            as {{ metric }}_reacted,
        {%- endfor %}
        {{ dimensions_of('customers', {'source': 'delivery_spans.source', 'channel': "'email'"}) }}
    from delivery_spans
    left join customers on delivery_spans.customer_id = customers.customer_id

),

changes as (

    {{ changes_by_group(
        'spans', 'days', ['open_rate_delivered', 'open_rate_reacted', 'click_rate_delivered', 'click_rate_reacted']
    ) }}

)
{% for metric in ['open_rate', 'click_rate'] %}
select
    '{{ metric }}' as metric,
    day,
    {{ goal_dimensions() | join(',\n    ') }},
    {{ metric }}_reacted as numerator,
    {{ metric }}_delivered as denominator
from changes
{{ 'union all' if not loop.last }}
{%- endfor %}
