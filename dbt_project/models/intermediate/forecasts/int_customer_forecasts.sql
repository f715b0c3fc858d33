{{ config(tags=['phase_value']) }}

with customers as (

    select customer_id from {{ ref('int_customer_golden') }}

),

lifetime_values as (

    select * from {{ source('scores', 'lifetime_value') }}

),

churn as (

    select * from {{ source('scores', 'churn') }}

),

subscriptions as (

    select * from {{ ref('int_subscriptions__input') }} where is_active

),

subscription_scores as (

    select * from {{ source('scores', 'subscriptions') }}

),

contracts as (

    select
        subscriptions.customer_id,
        count(*) as active_subscriptions,
        -- What one of them will bring is unknown where its price is: so is the sum.
        case
            when count(subscription_scores.residual_amount) = count(*) then sum(subscription_scores.residual_amount)
        end as subscription_residual_amount
    from subscriptions
    left join subscription_scores on subscriptions.subscription_id = subscription_scores.subscription_id
    group by subscriptions.customer_id

)

select
    customers.customer_id,
    lifetime_values.expected_orders_12m,
    lifetime_values.expected_orders_12m_lower,
    lifetime_values.expected_orders_12m_upper,
    lifetime_values.expected_revenue_12m,
    lifetime_values.expected_revenue_12m_lower,
    lifetime_values.expected_revenue_12m_upper,
    lifetime_values.residual_amount,
    lifetime_values.probability_alive,
    lifetime_values.status as lifetime_value_status,
    churn.churn_risk,
    churn.reasons as churn_reasons,
    churn.status as churn_status,
    coalesce(contracts.active_subscriptions, 0) as active_subscriptions,
    case
        when contracts.customer_id is null then 0 else contracts.subscription_residual_amount
    end as subscription_residual_amount
from customers
left join lifetime_values on customers.customer_id = lifetime_values.customer_id
left join churn on customers.customer_id = churn.customer_id
left join contracts on customers.customer_id = contracts.customer_id
