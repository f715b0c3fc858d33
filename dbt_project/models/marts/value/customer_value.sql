{{ config(tags=['phase_value']) }}

with customers as (

    select customer_id from {{ ref('int_customer_golden') }}

),

customer_orders as (

    select * from {{ ref('int_customer_orders') }}

),

forecasts as (

    select * from {{ ref('int_customer_forecasts') }}

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

-- Who did nothing and was told nothing has nothing and cost nothing; so has no margin to know who never bought.
joined as (

    select
        customers.customer_id,
        coalesce(customer_orders.orders, 0) as orders,
        coalesce(customer_orders.returns, 0) as returns,
        customer_orders.order_days,
        customer_orders.first_ordered_on,
        customer_orders.last_ordered_on,
        customer_orders.sales_amount,
        {%- for name in ['gross_amount', 'discount_amount', 'revenue_amount', 'uncosted_amount', 'margin_amount'] %}
        case
            when coalesce(customer_orders.orders, 0) + coalesce(customer_orders.returns, 0) = 0 then 0
            else customer_orders.{{ name }}
        end as {{ name }},
        {%- endfor %}
        coalesce(customer_orders.moved_amount, 0) as moved_amount,
        coalesce(customer_orders.costed_amount, 0) as costed_amount,
        coalesce(customer_orders.messages, 0) as messages,
        coalesce(customer_orders.costed_messages, 0) as costed_messages,
        case when customer_orders.customer_id is null then 0 else customer_orders.contact_cost_amount end
            as contact_cost_amount,
        coalesce(customer_orders.calls, 0) as calls,
        coalesce(customer_orders.tickets, 0) as tickets,
        coalesce(customer_orders.costed_service_contacts, 0) as costed_service_contacts,
        case when customer_orders.customer_id is null then 0 else customer_orders.service_cost_amount end
            as service_cost_amount,
        coalesce(customer_orders.orders_12m, 0) as orders_12m,
        coalesce(customer_orders.revenue_12m_amount, 0) as revenue_12m_amount,
        coalesce(customer_orders.estimated_profit_12m_amount, 0) as estimated_profit_12m_amount,
        forecasts.expected_orders_12m,
        forecasts.expected_orders_12m_lower,
        forecasts.expected_orders_12m_upper,
        forecasts.expected_revenue_12m,
        forecasts.expected_revenue_12m_lower,
        forecasts.expected_revenue_12m_upper,
        forecasts.residual_amount,
        forecasts.probability_alive,
        forecasts.lifetime_value_status,
        forecasts.churn_risk,
        forecasts.churn_reasons,
        forecasts.churn_status,
        forecasts.active_subscriptions,
        forecasts.subscription_residual_amount,
        as_of.as_of,
        as_of.as_of_on,
        as_of.currency
    from customers
    cross join as_of
    left join customer_orders on customers.customer_id = customer_orders.customer_id
    left join forecasts on customers.customer_id = forecasts.customer_id

),

worked_out as (

    select
        *,
        gross_amount - discount_amount - revenue_amount as returns_amount,
        revenue_amount - uncosted_amount - margin_amount as cost_of_goods_amount,
        margin_amount - contact_cost_amount - service_cost_amount as profit_amount,
        cast(costed_amount as double) / nullif(cast(moved_amount as double), 0) as cost_coverage_rate,
        cast(costed_messages as double) / nullif(cast(messages as double), 0) as contact_cost_coverage_rate,
        cast(costed_service_contacts as double) / nullif(cast(calls + tickets as double), 0)
            as service_cost_coverage_rate
    from joined

)

select
    customer_id,
    orders,
    returns,
    case when order_days > 0 then order_days - 1 else 0 end as frequency,
    first_ordered_on,
    last_ordered_on,
    cast({{ regulars.days_between('last_ordered_on', 'as_of_on') }} as bigint) as recency_days,
    cast({{ regulars.days_between('first_ordered_on', 'as_of_on') }} as bigint) as tenure_days,
    {{ regulars.as_money('gross_amount') }} as gross_amount,
    {{ regulars.as_money('discount_amount') }} as discount_amount,
    {{ regulars.as_money('returns_amount') }} as returns_amount,
    {{ regulars.as_money('revenue_amount') }} as revenue_amount,
    {{ regulars.as_money('uncosted_amount') }} as uncosted_revenue_amount,
    {{ regulars.as_money('cost_of_goods_amount') }} as cost_of_goods_amount,
    {{ regulars.as_money('margin_amount') }} as margin_amount,
    {{ regulars.as_money('contact_cost_amount') }} as contact_cost_amount,
    {{ regulars.as_money('service_cost_amount') }} as service_cost_amount,
    {{ regulars.as_money('profit_amount') }} as profit_amount,
    cost_coverage_rate,
    contact_cost_coverage_rate,
    service_cost_coverage_rate,
    case
        when profit_amount is null then 0
        else {{ lowest_rate(['cost_coverage_rate', 'contact_cost_coverage_rate', 'service_cost_coverage_rate']) }}
    end as profit_coverage_rate,
    -- A loss is one only if it would remain if the goods whose cost is unknown had cost nothing.
    case
        when profit_amount is null or profit_amount + moved_amount - costed_amount >= 0 then null
        when orders + returns = 0 then 'no_purchase'
        when profit_amount + returns_amount + discount_amount + service_cost_amount + contact_cost_amount < 0
            then 'cost_of_goods'
        when
            returns_amount >= discount_amount
            and returns_amount >= service_cost_amount
            and returns_amount >= contact_cost_amount
            then 'returns'
        when discount_amount >= service_cost_amount and discount_amount >= contact_cost_amount then 'discounts'
        when service_cost_amount >= contact_cost_amount then 'service'
        else 'contact'
    end as unprofitable_reason,
    messages,
    calls,
    tickets,
    {{ regulars.double_as_money('cast(sales_amount as double) / nullif(orders, 0)') }} as average_order_amount,
    orders_12m,
    {{ regulars.as_money('revenue_12m_amount') }} as revenue_12m_amount,
    {{ regulars.as_money('estimated_profit_12m_amount') }} as estimated_profit_12m_amount,
    cast(expected_orders_12m as double) as expected_orders_12m,
    cast(expected_orders_12m_lower as bigint) as expected_orders_12m_lower,
    cast(expected_orders_12m_upper as bigint) as expected_orders_12m_upper,
    {{ regulars.double_as_money('expected_revenue_12m') }} as expected_revenue_12m,
    {{ regulars.double_as_money('expected_revenue_12m_lower') }} as expected_revenue_12m_lower,
    {{ regulars.double_as_money('expected_revenue_12m_upper') }} as expected_revenue_12m_upper,
    {{ regulars.double_as_money('cast(revenue_amount as double) + residual_amount') }} as lifetime_value_amount,
    cast(probability_alive as double) as probability_alive,
    lifetime_value_status,
    cast(churn_risk as double) as churn_risk,
    churn_reasons,
    churn_status,
    cast(coalesce(active_subscriptions, 0) as bigint) as active_subscriptions,
    {{ regulars.double_as_money('subscription_residual_amount') }} as subscription_residual_amount,
    currency,
    as_of as measured_at
from worked_out
