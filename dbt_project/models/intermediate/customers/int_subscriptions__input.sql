{{ config(tags=['phase_profiles']) }}

with subscriptions as (

    select * from {{ ref('fct_subscriptions') }} where customer_id is not null

),

as_of as (

    select * from {{ ref('int_as_of') }}

)

select
    subscriptions.subscription_id,
    subscriptions.customer_id,
    subscriptions.renewals,
    subscriptions.is_active,
    cast(12 as double) / nullif(subscriptions.period_months, 0) as periods_per_year,
    cast(subscriptions.price_amount as double) as price_amount
from subscriptions
cross join as_of
where subscriptions.started_on <= as_of.as_of_on
