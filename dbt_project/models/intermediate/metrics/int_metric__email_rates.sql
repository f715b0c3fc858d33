{{ config(tags=['phase_value']) }}

{#- Each metric: the day of the reaction that it counts, and the e-mails whose reactions somebody counted. -#}
{%- set reactions = {
    'open_rate': ('human_opened_on', 'is_open_tracked'),
    'click_rate': ('human_clicked_on', 'is_click_tracked'),
    'unsubscribe_rate_90d': ('human_unsubscribed_on', 'true'),
    'complaint_rate_90d': ('human_complained_on', 'true'),
} %}

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

    select * from {{ ref('metric_definitions') }} where {{ is_one_of('metric', reactions) }}

),

-- One row for each e-mail and window: metrics of the same window share it.
windows as (

    select
        {%- for metric in reactions %}
        max(case when metric = '{{ metric }}' then 1 else 0 end) as {{ metric }},
        {%- endfor %}
        window_days
    from metric_definitions
    group by window_days

),

bounds as (

    select min(day) as first_day from days

),

expiring as (

    select
        email_deliveries.source,
        email_deliveries.customer_id,
        email_deliveries.delivered_on,
        {%- for metric, (reacted_on, is_counted) in reactions.items() %}
        case when {{ 'email_deliveries.' if is_counted != 'true' }}{{ is_counted }} then windows.{{ metric }} else 0 end
            as {{ metric }},
        case
            when email_deliveries.{{ reacted_on }} > email_deliveries.delivered_on
                then email_deliveries.{{ reacted_on }}
            when email_deliveries.{{ reacted_on }} is not null then email_deliveries.delivered_on
        end as {{ metric }}_on,
        {%- endfor %}
        cast({{ regulars.add_days('email_deliveries.delivered_on', 'windows.window_days') }} as date) as expires_on
    from email_deliveries
    cross join windows
    cross join bounds
    -- What left the window before the first of the days is in none of them.
    where
        cast({{ regulars.add_days('email_deliveries.delivered_on', 'windows.window_days') }} as date)
        > bounds.first_day

),

delivery_spans as (

    select
        {%- for metric in reactions %}
        {{ metric }} as {{ metric }}_delivered,
        0 as {{ metric }}_reacted,
        {%- endfor %}
        source,
        customer_id,
        delivered_on as starts_on,
        expires_on as ends_on
    from expiring
    {%- for metric in reactions %}

    union all

    select
        {%- for name in reactions %}
        0 as {{ name }}_delivered,
        {{ metric if name == metric else 0 }} as {{ name }}_reacted,
        {%- endfor %}
        source,
        customer_id,
        {{ metric }}_on as starts_on,
        expires_on as ends_on
    from expiring
    where {{ metric }}_on is not null
    {%- endfor %}

),

-- The source and channel of an e-mail are those that it was sent by.
spans as (

    select
        delivery_spans.starts_on,
        delivery_spans.ends_on,
        {%- for metric in reactions %}
        delivery_spans.{{ metric }}_delivered,
        delivery_spans.{{ metric }}_reacted,
        {%- endfor %}
        {{ dimensions_of('customers', {'source': 'delivery_spans.source', 'channel': "'email'"}) }}
    from delivery_spans
    left join customers on delivery_spans.customer_id = customers.customer_id

),

{%- set measures = [] %}
{%- for metric in reactions %}
{%- do measures.extend([metric ~ '_delivered', metric ~ '_reacted']) %}
{%- endfor %}

changes as (

    {{ changes_by_group('spans', 'days', measures) }}

)
{% for metric in reactions %}
select
    '{{ metric }}' as metric,
    day,
    {{ goal_dimensions() | join(',\n    ') }},
    {{ metric }}_reacted as numerator,
    {{ metric }}_delivered as denominator
from changes
{{ 'union all' if not loop.last }}
{%- endfor %}
