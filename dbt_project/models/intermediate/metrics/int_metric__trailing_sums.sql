{{ config(tags=['phase_value']) }}


{#- The metrics that are one sum of a customer's days, or one such sum ÷ another: rows of the seed name both. -#}
{%- set measures = metric_measures() %}

with customer_days as (

    select * from {{ ref('int_customer_days') }}

),

customers as (

    select * from {{ ref('int_customer_dimensions') }}

),

days as (

    select * from {{ ref('int_days') }}

),

metric_definitions as (

    select * from {{ ref('metric_definitions') }} where numerator is not null

),

windows as (

    select distinct window_months, window_days from metric_definitions

),

expiring as (

    select
        customer_days.*,
        windows.window_months,
        windows.window_days,
        case
            when windows.window_months is not null
                then cast({{ regulars.add_months('customer_days.day', 'windows.window_months') }} as date)
            else cast({{ regulars.add_days('customer_days.day', 'windows.window_days') }} as date)
        end as expires_on
    from customer_days
    cross join windows

),

spans as (

    select
        expiring.day as starts_on,
        expiring.expires_on as ends_on,
        coalesce(expiring.window_months, 0) as window_months,
        coalesce(expiring.window_days, 0) as window_days,
        {%- for name in measures %}
        coalesce(expiring.{{ name }}, 0) as {{ name }},
        {%- endfor %}
        {{ dimensions_of('customers') }}
    from expiring
    left join customers on expiring.customer_id = customers.customer_id

),

-- Summed up for all measures at once, and only then taken apart by metric: a few rows for each day and group.
changes as (

    {{ changes_by_group('spans', 'days', measures, also=['window_months', 'window_days']) }}

)

select
    metric_definitions.metric,
    changes.day,
    {%- for name in goal_dimensions() %}
    changes.{{ name }},
    {%- endfor %}
    case metric_definitions.numerator
        {%- for name in measures %}
        when '{{ name }}' then changes.{{ name }}
        {%- endfor %}
    end as numerator,
    case metric_definitions.denominator
        {%- for name in measures %}
        when '{{ name }}' then changes.{{ name }}
        {%- endfor %}
        else cast(0 as decimal(38, 12))
    end as denominator
from changes
inner join metric_definitions
    on
        changes.window_months = coalesce(metric_definitions.window_months, 0)
        and changes.window_days = coalesce(metric_definitions.window_days, 0)
