{{ config(tags=['phase_profiles']) }}

with customer_days as (

    select * from {{ ref('int_customer_days') }}

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

metric_definitions as (

    select * from {{ ref('metric_definitions') }} where metric = 'key_customers_regular'

),

dated as (

    select
        customer_days.*,
        -- A day counts until the same day of the month, twelve months later, has come.
        as_of.as_of_on
        < cast({{ regulars.add_months('customer_days.day', 'metric_definitions.window_months') }} as date)
            as is_recent
    from customer_days
    cross join as_of
    cross join metric_definitions

)

select
    customer_id,
    cast(sum(orders) as bigint) as orders,
    cast(sum(returns) as bigint) as returns,
    cast(sum(case when orders > 0 then 1 else 0 end) as bigint) as order_days,
    min(case when orders > 0 then day end) as first_ordered_on,
    max(case when orders > 0 then day end) as last_ordered_on,
    {{ regulars.as_money('sum(gross_amount)') }} as gross_amount,
    {{ regulars.as_money('sum(discount_amount)') }} as discount_amount,
    {{ regulars.as_money('sum(sales_amount)') }} as sales_amount,
    {{ regulars.as_money('sum(revenue_amount)') }} as revenue_amount,
    {{ regulars.as_money('sum(uncosted_amount)') }} as uncosted_amount,
    {{ regulars.as_money('sum(margin_amount)') }} as margin_amount,
    sum(moved_amount) as moved_amount,
    sum(costed_amount) as costed_amount,
    cast(sum(messages) as bigint) as messages,
    cast(sum(emails) as bigint) as emails,
    cast(sum(costed_messages) as bigint) as costed_messages,
    -- Nothing sent costs nothing; something sent at an unknown rate costs something unknown.
    case when sum(messages) = 0 then 0 else {{ regulars.as_money('sum(contact_cost_amount)') }} end
        as contact_cost_amount,
    {{ regulars.as_money('sum(media_cost_amount)') }} as media_cost_amount,
    cast(sum(calls) as bigint) as calls,
    cast(sum(tickets) as bigint) as tickets,
    cast(sum(costed_service_contacts) as bigint) as costed_service_contacts,
    case when sum(calls) + sum(tickets) = 0 then 0 else {{ regulars.as_money('sum(service_cost_amount)') }} end
        as service_cost_amount,
    cast(sum(case when is_recent then orders else 0 end) as bigint) as orders_12m,
    {{ regulars.as_money('sum(case when is_recent then revenue_amount else 0 end)') }} as revenue_12m_amount,
    {{ regulars.as_money('sum(case when is_recent then estimated_profit_amount else 0 end)') }}
        as estimated_profit_12m_amount
from dated
group by customer_id
